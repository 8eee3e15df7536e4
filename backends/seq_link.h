/*
 * seq_link: the two processes of a local sequencer, and the sockets to them.
 *
 * Either both live or neither counts: when one is gone, or does not answer in
 * time, or answers nonsense, seq_link_ask() ends both.  One thread at a time.
 */
#ifndef BACKENDS_SEQ_LINK_H
#define BACKENDS_SEQ_LINK_H

#include <sys/types.h>

#include "core/bytes.h"
#include "enclave/wire.h"

struct seq_link {
	pid_t attestor, enclave;	/* 0: not running */
	int to_attestor, to_enclave;
	uint32_t isolation;		/* enclave/sandbox.h */
	struct buf keep;		/* the last answer */
	struct buf root, root_key;	/* DER of certificate, SPKI */
};

struct seq_link_start {
	const char *attestor_program, *enclave_program, *state_dir;
	struct bytes installation;	/* n > 0: make a root for it */
};

void seq_link_init(struct seq_link *l);
int seq_link_start(struct seq_link *l, const struct seq_link_start *s);
bool seq_link_up(const struct seq_link *l);
/* Asks the enclave.  -EPIPE when the link broke and is down now; else the
 * answer's own error, with its reason in item[0].  *ret points into l. */
int seq_link_ask(struct seq_link *l, const struct wire *w, struct wire *ret);
/* Ends both processes and waits for them. */
void seq_link_stop(struct seq_link *l);
void seq_link_done(struct seq_link *l);

#endif

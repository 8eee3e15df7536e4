/*
 * seq_impl: what seq_local.c and seq_recover.c share; nobody else includes it.
 */
#ifndef BACKENDS_SEQ_IMPL_H
#define BACKENDS_SEQ_IMPL_H

#include <pthread.h>

#include "backends/seq_link.h"
#include "backends/seq_local.h"
#include "core/object.h"
#include "core/sequence.h"

struct seq {
	struct sequencer base;
	pthread_mutex_t lock;	/* guards all below */
	struct seq_local_config c;
	char *state_dir, *attestor_program, *enclave_program;
	struct params params;	/* with c.local: points into c.params */
	struct hash chain;
	struct seq_link link;
	bool over;		/* handed over: numbers no more */

	uint32_t epoch;
	uint64_t first_k;	/* of this epoch */
	struct buf doc;		/* of this epoch */

	/* The newest statement, until local is known to have it: a caller
	 * that could not store it asks again, and no new epoch may begin
	 * behind it without it. */
	struct buf last_s;
	struct sequence last;

	/* Numbers in local that have yet to reach the buckets' quorum before
	 * the next block may be numbered: owed..owed_end - 1. */
	uint64_t owed, owed_end;

	uint64_t retry_ms, pause_ms; /* next try to start again; steps */
	char isolation[256];
};

void seq_say(struct seq *q, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* seq_link_ask(), and a line about a refusal. */
int seq_ask(struct seq *q, const struct wire *w, struct wire *ret);
/* The epoch's document takes effect: stored first, then told. */
int seq_enter(struct seq *q, struct bytes doc);

/* A hand-over's or recovery's number: durable in local, and owed. */
int seq_store(struct seq *q, struct bytes s, struct bytes doc,
	struct bytes record);
/* local's number k: its statement, and its object whole. */
int seq_number(struct seq *q, uint64_t k, struct buf *ret_object,
	struct number *ret, struct sequence *ret_s);
/* The document of an epoch, out of local. */
int seq_document(struct seq *q, uint32_t epoch, struct buf *ret);
/* Is k the first number of that epoch?  Then *ret is its document. */
int seq_document_with(struct seq *q, const struct sequence *s,
	struct buf *ret);
/* Notes in local that no bucket is known to hold number k: an end before it
 * was pushed must not leave a gap in the buckets that nothing fills. */
int seq_owe(struct seq *q, uint64_t k);
/* What an earlier process owed comes first, and the number of a block that
 * was not put when its process stopped: the buckets get numbers in order. */
int seq_owed_before(struct seq *q);
/* Puts an object to the buckets and notes in local who lacks it. */
int seq_push(struct seq *q, uint64_t k, struct bytes object);
/* The newest statement and those found in the buckets go into local. */
int seq_adopt(struct seq *q);
/* Gives evidence and stores the recovery's number. */
int seq_recover(struct seq *q);

#endif

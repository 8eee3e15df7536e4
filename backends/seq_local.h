/*
 * seq_local: the embedded sequencer: starts notaryfs-attestor, which measures
 * and starts notaryfs-enclave, and speaks with the latter.
 *
 * Start, by what the state folder holds (enclave.md 6.2 A, B, D):
 *   handover blob   the enclave takes over with the one-shot key in it; the
 *                   blob is unlinked and its folder fsynced before the first
 *                   signature
 *   no blob         recovery after power loss: the numbers known to `local`
 *                   and found in the buckets' slots a/<k> are adopted, the
 *                   first free slot gets a recovery number by a new key
 * When the enclave or the attestor dies, the next call recovers by itself and
 * meanwhile answers -EAGAIN.
 *
 * Files in state_dir: attestor-root.pem (0600, made at genesis, kept for
 * ever), handover (0600, between two runs; whoever starts the sequencer
 * deletes it).
 */
#ifndef BACKENDS_SEQ_LOCAL_H
#define BACKENDS_SEQ_LOCAL_H

#include <sys/types.h>

#include "core/clock.h"
#include "core/local.h"
#include "core/params.h"
#include "core/replica.h"
#include "core/sequencer.h"

struct seq_local_config {
	const char *state_dir;
	const char *attestor_program, *enclave_program;	/* paths */
	struct clock *clock;
	/* for adopting and storing numbers; not needed for genesis */
	struct local *local;
	struct replica *replica;
	struct bytes b0, params;	/* raw; must outlive the sequencer */
	/* One line for the journal; may be NULL. */
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
};

/* What genesis needs before there is a chain. */
struct seq_genesis {
	struct buf key;		/* K_S, SPKI DER */
	struct buf doc;		/* its document, epoch 0 */
	struct buf root;	/* DER of the attestation root */
	struct buf recovery_key; /* SPKI DER */
};
/* Starts attestor and enclave with fresh keys.  Then: make params and b0,
 * stamp it, seq_local_first() numbers it 0.  The chain of the new sequencer is
 * H(b0) from then on. */
int seq_local_genesis(const struct seq_local_config *c,
	const uint8_t installation[16], struct seq_genesis *ret,
	struct sequencer **ret_q);
int seq_local_first(struct sequencer *q, struct bytes b0, uint64_t t_type,
	struct bytes t0, struct bytes params, struct buf *ret_s);
void seq_genesis_done(struct seq_genesis *g);

/* Resumes or recovers. */
int seq_local_start(const struct seq_local_config *c, struct sequencer **ret);
/* Hands over to a one-shot key for the next start and ends the processes.
 * The hand-over's number object is stored in local and replica when c had
 * them (at genesis: returned in *ret_object for the caller to store; may be
 * NULL otherwise). */
int seq_local_handover(struct sequencer *q, struct buf *ret_object);

/* For status and for tests that kill them; 0 when not running. */
pid_t seq_local_attestor_pid(struct sequencer *q);
pid_t seq_local_enclave_pid(struct sequencer *q);
/* "sandboxed: namespaces, seccomp, memfd_secret" or what of it does not hold */
const char *seq_local_isolation(struct sequencer *q);

#endif

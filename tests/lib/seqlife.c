#include "tests/lib/seqlife.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/local_sqlite.h"
#include "backends/replica_coded.h"
#include "backends/worm_mem.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

static void say(void *ctx, const char *line)
{
	struct seqlife *w = ctx;

	snprintf(w->said, sizeof(w->said), "%s", line);
	diag("%s", line);
}

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %s", what, strerror(-rc));
}

static void begin_storage(struct seqlife *w, const struct seq_genesis *g,
	struct bytes s0)
{
	struct local_block b = {.state = LOCAL_FINAL, .n = 1};
	struct number n = {.s = s0, .doc = BUF_BYTES(&g->doc)};
	cleanup(buf) struct buf object = {0};
	char prefix[HASH_HEX + 1];
	unsigned i;

	fault_disarm(&w->plan);
	for (i = 0; i < SEQLIFE_BUCKETS; i++)
		w->bucket[i] = fault_worm_new(worm_mem_new(), &w->plan);
	hex_encode(HASH_BYTES(&w->chain.chain), prefix);
	must(replica_coded_new(w->bucket, SEQLIFE_BUCKETS, 1, SEQLIFE_QUORUM, prefix,
		     &w->replica), "replica");
	must(local_sqlite_open(":memory:", true, false, &w->local), "local");
	must(number_encode(&n, &object), "number 0");
	must(buf_copy(BUF_BYTES(&w->chain.b0), &b.b), "copy");
	must(buf_copy(BUF_BYTES(&w->chain.t0), &b.t), "copy");
	must(buf_copy(s0, &b.s), "copy");
	must(w->local->ops->put_genesis(w->local, &b, BUF_BYTES(&object)),
		"genesis into local");
	must(w->local->ops->set_value(w->local, "doc.0", BUF_BYTES(&g->doc)),
		"document into local");
	local_block_done(&b);
}

static void store_number(struct seqlife *w, struct bytes object)
{
	struct number n;
	struct sequence s;

	must(number_decode(object, &n), "number object");
	must(sequence_peek(n.s, &s), "statement");
	must(w->local->ops->put_number(w->local, s.k, object), "put_number");
}

void seqlife_make_chain(struct seqlife *w, const char *attestor,
	const char *enclave)
{
	static const uint8_t installation[16] = {1, 2, 3};
	struct seq_genesis g = {0};
	struct buf s0 = {0}, again = {0}, object = {0};

	w->dir = scratch_new();
	w->c = (struct seq_local_config){.state_dir = w->dir,
		.attestor_program = attestor,
		.enclave_program = enclave,
		.clock = clock_system(), .say = say, .say_ctx = w};
	must(seq_local_genesis(&w->c, installation, &g, &w->q), "genesis");
	diag("%s", seq_local_isolation(w->q));
	seqworld_init(&w->chain, BUF_BYTES(&g.key), BUF_BYTES(&g.doc),
		BUF_BYTES(&g.root), BUF_BYTES(&g.recovery_key), NULL);
	is_int(seq_local_first(w->q, BUF_BYTES(&w->chain.b0), 0,
		       BUF_BYTES(&w->chain.t0), BUF_BYTES(&w->chain.params),
		       &s0),
		0, "block zero gets its number");
	is_int(seq_local_first(w->q, BUF_BYTES(&w->chain.b0), 0,
		       BUF_BYTES(&w->chain.t0), BUF_BYTES(&w->chain.params),
		       &again),
		0, "asked again, it is answered again");
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&s0), "with the same bytes");
	begin_storage(w, &g, BUF_BYTES(&s0));
	must(seq_local_handover(w->q, &object), "hand-over of genesis");
	is_int(seq_local_enclave_pid(w->q), 0,
		"nothing runs after the hand-over");
	store_number(w, BUF_BYTES(&object));
	w->q->ops->free(w->q);
	w->q = NULL;
	w->tail = timestamp_hash(BUF_BYTES(&w->chain.t0));
	w->c.b0 = BUF_BYTES(&w->chain.b0);
	w->c.params = BUF_BYTES(&w->chain.params);
	w->c.local = w->local;
	w->c.replica = w->replica;
	seq_genesis_done(&g);
	buf_free(&s0);
	buf_free(&again);
	buf_free(&object);
}

bool seqlife_exists(const struct seqlife *w, const char *name)
{
	return access(scratch_path(w->dir, name), F_OK) == 0;
}

void seqlife_start(struct seqlife *w)
{
	must(seq_local_start(&w->c, &w->q), "start");
}

void seqlife_handover(struct seqlife *w)
{
	is_int(seq_local_handover(w->q, NULL), 0, "hand-over");
	ok(seqlife_exists(w, "handover"), "the hand-over lies in the state folder");
	w->q->ops->free(w->q);
	w->q = NULL;
}

void seqlife_done(struct seqlife *w)
{
	w->local->ops->free(w->local);
	w->replica->ops->free(w->replica);
	seqworld_done(&w->chain);
	scratch_remove(w->dir);
}

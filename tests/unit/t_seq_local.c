/*
 * The local sequencer with its real processes: a chain lives through
 * hand-overs, killed enclaves and killed attestors, and all of its numbers
 * verify afterwards.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/note.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "tests/lib/scratch.h"
#include "tests/lib/seqlife.h"
#include "tests/tap/tap.h"

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %s", what, strerror(-rc));
}

/* The caller's side of sequence(): ask until it answers. */
static int ask(struct seqlife *w, struct bytes b, struct bytes t,
	struct sequenced *ret)
{
	int rc, tries = 0;

	while ((rc = w->q->ops->sequence(w->q, b, 0, t, ret)) == -EAGAIN &&
		tries++ < 2000)
		poll(NULL, 0, 10);
	return rc;
}

static int first_id(void *ctx, const struct local_record *r)
{
	*(uint64_t *)ctx = r->id;
	return 1;
}

/* A block behind th that commits to the document of now. */
static void new_block(struct seqlife *w, const struct hash *th,
	struct buf *ret_b, struct buf *ret_t)
{
	cleanup(buf) struct buf doc = {0};
	struct hash h;

	must(w->q->ops->document(w->q, &doc), "document");
	must(attestation_hash(BUF_BYTES(&doc), &h), "document's hash");
	buf_free(ret_b);
	buf_free(ret_t);
	seqworld_block(&w->chain, th, &h, ret_b, ret_t);
}

/* One block as notary.h takes it through: local first, then the buckets. */
static void put_block(struct seqlife *w, struct bytes b, struct bytes t)
{
	const struct hash hmeta = hash_sha3(b);
	const struct local_record r = {.kind = RECORD_PUT, .ready = true,
		.path = BYTES("file", 4), .d = b};
	uint64_t id;

	if (w->local->ops->queued(w->local, true, 0, first_id, &id) == 0)
		must(w->local->ops->queue(w->local, &r, 1, &id), "queue");
	must(w->local->ops->put_block(w->local, w->height + 1, b, &id, 1, 0),
		"put_block");
	must(w->local->ops->put_stamp(w->local, w->height + 1, 0, t, &hmeta),
		"put_stamp");
}

/* It has its number, which local alone knows; ret_key is that of its object. */
static void keep_number(struct seqlife *w, struct bytes b,
	const struct sequenced *sq, struct buf *ret_object,
	char ret_key[OBJECT_KEY_MAX])
{
	const struct number n = {.s = BUF_BYTES(&sq->s), .has_meta = true,
		.meta = hash_sha3(b), .doc = BUF_BYTES(&sq->doc)};
	struct sequence s;

	must(sequence_peek(BUF_BYTES(&sq->s), &s), "statement");
	must(number_encode(&n, ret_object), "number");
	must(w->local->ops->put_sequence(w->local, w->height + 1, s.k,
		     BUF_BYTES(&sq->s), BUF_BYTES(ret_object)),
		"put_sequence");
	object_key_number(s.k, ret_key);
}

static void finish_block(struct seqlife *w, struct bytes t,
	struct bytes object, const char *key)
{
	must(w->replica->ops->put_whole(w->replica, key, object, NULL),
		"put_whole");
	must(w->local->ops->set_final(w->local, w->height + 1), "set_final");
	w->tail = timestamp_hash(t);
	w->height++;
}

static void store_block(struct seqlife *w, struct bytes b, struct bytes t,
	const struct sequenced *sq)
{
	cleanup(buf) struct buf object = {0};
	char key[OBJECT_KEY_MAX];

	keep_number(w, b, sq, &object, key);
	finish_block(w, t, BUF_BYTES(&object), key);
}

static void one_block(struct seqlife *w, const char *when)
{
	struct buf b = {0}, t = {0};
	struct sequenced sq = {{0}, {0}};
	struct sequence s;
	int rc;

	new_block(w, &w->tail, &b, &t);
	put_block(w, BUF_BYTES(&b), BUF_BYTES(&t));
	rc = ask(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq);
	if (rc == -ESTALE) { /* a recovery was between: it is batched again */
		must(w->local->ops->requeue(w->local, w->height + 1),
			"requeue");
		new_block(w, &w->tail, &b, &t);
		put_block(w, BUF_BYTES(&b), BUF_BYTES(&t));
		rc = ask(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq);
	}
	is_int(rc, 0, "a block gets a number %s", when);
	must(sequence_peek(BUF_BYTES(&sq.s), &s), "statement");
	is_int(s.height, w->height + 1, "at the next height");
	store_block(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq);
	sequenced_done(&sq);
	buf_free(&b);
	buf_free(&t);
}

/* The log as it stands, and as it stood before the last block. */
static void checkpoints(struct seqlife *w)
{
	struct sequenced_log l = {.epoch = 0};
	uint64_t size;
	struct note n;
	int rc;

	for (size = w->height; size <= w->height + 1; size++) {
		rc = w->q->ops->checkpoint(w->q, size, &l);
		is_int(rc, 0, "the log of size %d is signed", (int)size);
		is_int(note_decode(BUF_BYTES(&l.note), &n), 0, "as a note");
		buf_free(&l.note);
	}
	is_int(w->q->ops->checkpoint(w->q, size, &l), -ENOENT,
		"one that is not there yet is not");
}

/* Kills one of the two and waits until both are gone: the enclave outlives
 * its attestor by a moment, and would answer. */
static void kill_one(struct seqlife *w, pid_t which)
{
	const pid_t both[] = {seq_local_enclave_pid(w->q),
		seq_local_attestor_pid(w->q)};
	int fd[2];
	unsigned i;

	for (i = 0; i < 2; i++)
		fd[i] = (int)syscall(SYS_pidfd_open, both[i], 0);
	kill(which, SIGKILL);
	for (i = 0; i < 2; i++) {
		struct pollfd p = {.fd = fd[i], .events = POLLIN};

		if (fd[i] < 0 || poll(&p, 1, 20000) != 1)
			bail("process %d does not end", (int)both[i]);
		close(fd[i]);
	}
}

/* As if the daemon lost power between the answer and its own disk: the
 * number is known to the buckets only. */
static void found_in_bucket(struct seqlife *w)
{
	struct buf b = {0}, t = {0}, object = {0}, got = {0};
	struct sequenced sq = {{0}, {0}};
	struct sequence s;
	struct number n = {.has_meta = true};
	char key[OBJECT_KEY_MAX];
	struct local_block in = {0};

	new_block(w, &w->tail, &b, &t);
	put_block(w, BUF_BYTES(&b), BUF_BYTES(&t));
	must(ask(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq), "sequence");
	must(sequence_peek(BUF_BYTES(&sq.s), &s), "statement");
	n.s = BUF_BYTES(&sq.s);
	n.meta = hash_sha3(BUF_BYTES(&b));
	n.doc = BUF_BYTES(&sq.doc);
	must(number_encode(&n, &object), "number");
	object_key_number(s.k, key);
	must(w->replica->ops->put_whole(w->replica, key, BUF_BYTES(&object),
		     NULL), "put_whole");
	kill_one(w, seq_local_attestor_pid(w->q));
	w->q->ops->free(w->q);
	seqlife_start(w);
	is_int(w->local->ops->number(w->local, s.k, &got), 0,
		"a number found in a bucket is in local after a crash");
	is_bytes(BUF_BYTES(&got), BUF_BYTES(&object), "as it was found");
	must(w->local->ops->block(w->local, w->height + 1, &in), "block");
	is_int(in.state, LOCAL_SEQUENCED, "and its block is sequenced by it");
	must(w->local->ops->set_final(w->local, w->height + 1), "set_final");
	w->tail = timestamp_hash(BUF_BYTES(&t));
	w->height++;
	local_block_done(&in);
	sequenced_done(&sq);
	buf_free(&b);
	buf_free(&t);
	buf_free(&object);
	buf_free(&got);
}

/* The caller got a number and could not store it; then the enclave died. */
static void not_stored(struct seqlife *w)
{
	struct buf b = {0}, t = {0}, b2 = {0}, t2 = {0};
	struct sequenced sq = {{0}, {0}}, again = {{0}, {0}};
	struct local_block in = {0};
	struct hash tail;

	new_block(w, &w->tail, &b, &t);
	put_block(w, BUF_BYTES(&b), BUF_BYTES(&t));
	must(ask(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq), "sequence");
	kill_one(w, seq_local_enclave_pid(w->q));
	is_int(w->q->ops->sequence(w->q, BUF_BYTES(&b), 0, BUF_BYTES(&t),
		       &again),
		0, "a number not yet stored is answered again without enclave");
	is_bytes(BUF_BYTES(&again.s), BUF_BYTES(&sq.s), "with the same bytes");
	tail = timestamp_hash(BUF_BYTES(&t));
	new_block(w, &tail, &b2, &t2);
	sequenced_done(&again);
	is_int(w->q->ops->sequence(w->q, BUF_BYTES(&b2), 0, BUF_BYTES(&t2),
		       &again),
		-EAGAIN, "the call that finds the enclave dead says so");
	is_int(ask(w, BUF_BYTES(&b2), BUF_BYTES(&t2), &again), -ESTALE,
		"a block that commits to the document before is stale");
	new_block(w, &tail, &b2, &t2);
	is_int(ask(w, BUF_BYTES(&b2), BUF_BYTES(&t2), &again), 0,
		"with the new document it gets a number");
	must(w->local->ops->block(w->local, w->height + 1, &in), "block");
	is_int(in.state, LOCAL_SEQUENCED,
		"the recovery did not lose the number that was not stored");
	must(w->local->ops->set_final(w->local, w->height + 1), "set_final");
	w->height++;
	w->tail = tail;
	put_block(w, BUF_BYTES(&b2), BUF_BYTES(&t2));
	store_block(w, BUF_BYTES(&b2), BUF_BYTES(&t2), &again);
	local_block_done(&in);
	sequenced_done(&sq);
	sequenced_done(&again);
	buf_free(&b);
	buf_free(&t);
	buf_free(&b2);
	buf_free(&t2);
}

static void refusals(struct seqlife *w)
{
	struct buf b = {0}, t = {0};
	struct sequenced sq = {{0}, {0}};
	struct hash zero = {{0}};

	new_block(w, &zero, &b, &t);
	is_int(w->q->ops->sequence(w->q, BUF_BYTES(&b), 0, BUF_BYTES(&t), &sq),
		-ESTALE, "a block with another parent is stale");
	t.p[t.n - 1] ^= 1;
	is_int(w->q->ops->sequence(w->q, BUF_BYTES(&b), 0, BUF_BYTES(&t), &sq),
		-EKEYREJECTED, "a bad stamp is refused");
	ok(strstr(w->said, "timestamp") != NULL, "and the journal says why");
	buf_free(&b);
	buf_free(&t);
}

static void audit(struct seqlife *w, uint32_t epochs, uint32_t recoveries)
{
	struct seqaudit a;
	const char *wrong = NULL;
	uint64_t k, last;

	must(w->local->ops->last_number(w->local, &last), "last_number");
	seqaudit_init(&a, &w->chain);
	for (k = 0; k <= last && wrong == NULL; k++) {
		cleanup(buf) struct buf object = {0};

		must(w->local->ops->number(w->local, k, &object), "number");
		wrong = seqaudit_add(&a, BUF_BYTES(&object));
		if (wrong != NULL)
			diag("number %d", (int)k);
	}
	is_str(wrong == NULL ? "" : wrong, "", "all %d numbers verify",
		(int)last + 1);
	is_int(a.blocks, w->height + 1, "every block is among them");
	is_int(a.epoch + 1, epochs, "in as many epochs as there were starts");
	is_int(a.recoveries, recoveries, "with every crash to be seen");
	seqaudit_done(&a);
}

static bool in_buckets(struct seqlife *w, uint64_t last)
{
	struct number n;
	uint64_t k;
	unsigned i;

	for (i = 0; i < SEQLIFE_BUCKETS; i++)
		for (k = 1; k <= last; k++) {
			cleanup(buf) struct buf got = {0};
			char key[WORM_KEY_MAX], name[OBJECT_KEY_MAX];
			char prefix[HASH_HEX + 1];

			hex_encode(HASH_BYTES(&w->chain.chain), prefix);
			object_key_number(k, name);
			snprintf(key, sizeof(key), "%s/%s", prefix, name);
			if (worm_get_all(w->bucket[i], key, NUMBER_MAX,
				    &got) != 0 ||
				number_decode(BUF_BYTES(&got), &n) != 0) {
				diag("bucket %u lacks %s", i, name);
				return false;
			}
		}
	return true;
}

/* A mount ends when its last block has a number that the buckets do not have
 * yet: none of theirs may stand behind a gap. */
static void not_put(struct seqlife *w, bool writable)
{
	struct buf b = {0}, t = {0}, object = {0}, b2 = {0}, t2 = {0};
	struct sequenced sq = {{0}, {0}}, next = {{0}, {0}};
	char key[OBJECT_KEY_MAX];
	struct sequence s;

	new_block(w, &w->tail, &b, &t);
	put_block(w, BUF_BYTES(&b), BUF_BYTES(&t));
	must(ask(w, BUF_BYTES(&b), BUF_BYTES(&t), &sq), "sequence");
	must(sequence_peek(BUF_BYTES(&sq.s), &s), "statement");
	keep_number(w, BUF_BYTES(&b), &sq, &object, key);
	atomic_store(&w->plan.read_only, !writable);
	seqlife_handover(w);
	atomic_store(&w->plan.read_only, false);
	is_int(in_buckets(w, s.k), writable,
		"%s puts the number before the hand-over's",
		writable ? "the end" : "where nothing can be put nobody");
	is_int(in_buckets(w, s.k + 1), writable, "%s that",
		writable ? "and then" : "nor");
	seqlife_start(w);
	w->tail = timestamp_hash(BUF_BYTES(&t));
	new_block(w, &w->tail, &b2, &t2);
	is_int(ask(w, BUF_BYTES(&b2), BUF_BYTES(&t2), &next), 0,
		"the next mount goes on");
	ok(in_buckets(w, s.k) && in_buckets(w, s.k + 1),
		"when the buckets have both");
	finish_block(w, BUF_BYTES(&t), BUF_BYTES(&object), key);
	put_block(w, BUF_BYTES(&b2), BUF_BYTES(&t2));
	store_block(w, BUF_BYTES(&b2), BUF_BYTES(&t2), &next);
	sequenced_done(&sq);
	sequenced_done(&next);
	buf_free(&b);
	buf_free(&t);
	buf_free(&object);
	buf_free(&b2);
	buf_free(&t2);
}

static void group_readable_root(struct seqlife *w)
{
	const char *root = scratch_path(w->dir, "attestor-root.pem");
	struct sequencer *q = NULL;

	chmod(root, 0640);
	is_int(seq_local_start(&w->c, &q), -EPERM,
		"a root key that others may read is refused");
	chmod(root, 0600);
	ok(seqlife_exists(w, "handover"), "and the hand-over stays for the next start");
}

/* An old copy of the hand-over must not fork the chain. */
static void copied_handover(struct seqlife *w)
{
	cleanup(buf) struct buf copy = {0};
	char path[256];
	uint8_t bytes[16384];
	FILE *f;

	seqlife_handover(w);
	snprintf(path, sizeof(path), "%s/handover", w->dir);
	f = fopen(path, "rb");
	copy.n = f == NULL ? 0 : fread(bytes, 1, sizeof(bytes), f);
	if (f != NULL)
		fclose(f);
	seqlife_start(w);
	ok(!seqlife_exists(w, "handover"), "the hand-over is gone once it is used");
	one_block(w, "after a hand-over");
	kill_one(w, seq_local_attestor_pid(w->q));
	w->q->ops->free(w->q);
	f = fopen(path, "wb");
	fchmod(fileno(f), 0600);
	fwrite(bytes, 1, copy.n, f);
	fclose(f);
	copy.n = 0;
	seqlife_start(w);
	ok(!seqlife_exists(w, "handover"), "a hand-over used before is destroyed");
	one_block(w, "after that, by recovery");
}

int main(void)
{
	struct seqlife w = {0};
	uint64_t last;

	plan(0);
	seqlife_make_chain(&w, BUILD_DIR "/notaryfs-attestor",
		BUILD_DIR "/notaryfs-enclave"); /* epoch 0 */
	group_readable_root(&w);
	seqlife_start(&w); /* 1 */
	one_block(&w, "after the first start");
	refusals(&w);
	seqlife_handover(&w);
	seqlife_start(&w); /* 2 */
	seqlife_handover(&w); /* without any block */
	seqlife_start(&w); /* 3 */
	one_block(&w, "after an epoch without blocks");
	checkpoints(&w);
	kill_one(&w, seq_local_enclave_pid(w.q));
	one_block(&w, "after its enclave was killed"); /* 4 */
	kill_one(&w, seq_local_attestor_pid(w.q));
	one_block(&w, "after its attestor was killed"); /* 5 */
	kill(seq_local_enclave_pid(w.q), SIGSTOP);
	kill_one(&w, seq_local_attestor_pid(w.q));
	one_block(&w, "after both were lost"); /* 6 */
	found_in_bucket(&w); /* 7 */
	not_stored(&w);	     /* 8 */
	copied_handover(&w); /* 9, 10 */
	seqlife_handover(&w);
	seqlife_start(&w); /* 11 */
	one_block(&w, "at the end");
	not_put(&w, true);  /* 12 */
	not_put(&w, false); /* 13 */
	seqlife_handover(&w);
	audit(&w, 14, 6);
	must(w.local->ops->last_number(w.local, &last), "last_number");
	ok(in_buckets(&w, last), "every bucket has every number");
	seqlife_done(&w);
	return done();
}

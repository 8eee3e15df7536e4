/*
 * The local sequencer with its real processes: a chain lives through
 * hand-overs, killed enclaves and killed attestors, and all of its numbers
 * verify afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/local_sqlite.h"
#include "backends/replica_coded.h"
#include "backends/seq_local.h"
#include "backends/worm_mem.h"
#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/note.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "enclave/sandbox.h"
#include "tests/lib/scratch.h"
#include "tests/lib/seqworld.h"
#include "tests/tap/tap.h"

#define BUCKETS 3
#define QUORUM 2

struct world {
	char *dir;
	struct seqworld chain;
	struct worm *bucket[BUCKETS];	/* the replica owns them */
	struct local *local;
	struct replica *replica;
	struct seq_local_config c;
	struct sequencer *q;
	struct hash tail;
	uint64_t height;
	char said[1024];
};

static void say(void *ctx, const char *line)
{
	struct world *w = ctx;

	snprintf(w->said, sizeof(w->said), "%s", line);
	diag("%s", line);
}

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %s", what, strerror(-rc));
}

static void begin_storage(struct world *w, const struct seq_genesis *g,
	struct bytes s0)
{
	struct local_block b = {.state = LOCAL_FINAL, .n = 1};
	struct number n = {.s = s0, .doc = BUF_BYTES(&g->doc)};
	cleanup(buf) struct buf object = {0};
	char prefix[HASH_HEX + 1];
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
		w->bucket[i] = worm_mem_new();
	hex_encode(HASH_BYTES(&w->chain.chain), prefix);
	must(replica_coded_new(w->bucket, BUCKETS, 1, QUORUM, prefix,
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

static void store_number(struct world *w, struct bytes object)
{
	struct number n;
	struct sequence s;

	must(number_decode(object, &n), "number object");
	must(sequence_peek(n.s, &s), "statement");
	must(w->local->ops->put_number(w->local, s.k, object), "put_number");
}

/* Genesis, first, hand-over: what init does. */
static void make_chain(struct world *w)
{
	static const uint8_t installation[16] = {1, 2, 3};
	struct seq_genesis g = {0};
	struct buf s0 = {0}, again = {0}, object = {0};

	w->dir = scratch_new();
	w->c = (struct seq_local_config){.state_dir = w->dir,
		.attestor_program = BUILD_DIR "/notaryfs-attestor",
		.enclave_program = BUILD_DIR "/notaryfs-enclave",
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

static bool exists(const struct world *w, const char *name)
{
	return access(scratch_path(w->dir, name), F_OK) == 0;
}

static void start(struct world *w)
{
	must(seq_local_start(&w->c, &w->q), "start");
}

static void handover(struct world *w)
{
	is_int(seq_local_handover(w->q, NULL), 0, "hand-over");
	ok(exists(w, "handover"), "the hand-over lies in the state folder");
	w->q->ops->free(w->q);
	w->q = NULL;
}

/* The caller's side of sequence(): ask until it answers. */
static int ask(struct world *w, struct bytes b, struct bytes t,
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
static void new_block(struct world *w, const struct hash *th,
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
static void put_block(struct world *w, struct bytes b, struct bytes t)
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

static void store_block(struct world *w, struct bytes b, struct bytes t,
	const struct sequenced *sq)
{
	const struct number n = {.s = BUF_BYTES(&sq->s), .has_meta = true,
		.meta = hash_sha3(b), .doc = BUF_BYTES(&sq->doc)};
	cleanup(buf) struct buf object = {0};
	struct sequence s;
	char key[OBJECT_KEY_MAX];

	must(sequence_peek(BUF_BYTES(&sq->s), &s), "statement");
	must(number_encode(&n, &object), "number");
	must(w->local->ops->put_sequence(w->local, w->height + 1, s.k,
		     BUF_BYTES(&sq->s), BUF_BYTES(&object)), "put_sequence");
	object_key_number(s.k, key);
	must(w->replica->ops->put_whole(w->replica, key, BUF_BYTES(&object),
		     NULL), "put_whole");
	w->tail = timestamp_hash(t);
	w->height++;
}

static void one_block(struct world *w, const char *when)
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
static void checkpoints(struct world *w)
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
static void kill_one(struct world *w, pid_t which)
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
static void found_in_bucket(struct world *w)
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
	start(w);
	is_int(w->local->ops->number(w->local, s.k, &got), 0,
		"a number found in a bucket is in local after a crash");
	is_bytes(BUF_BYTES(&got), BUF_BYTES(&object), "as it was found");
	must(w->local->ops->block(w->local, w->height + 1, &in), "block");
	is_int(in.state, LOCAL_SEQUENCED, "and its block is sequenced by it");
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
static void not_stored(struct world *w)
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

static void refusals(struct world *w)
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

static void audit(struct world *w, uint32_t epochs, uint32_t recoveries)
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

static bool in_buckets(struct world *w, uint64_t last)
{
	struct number n;
	uint64_t k;
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
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

/* What another process of any user can see of the enclave. */
static void isolation(struct world *w)
{
	char path[64];
	struct stat st;
	pid_t pid = seq_local_enclave_pid(w->q);
	ssize_t n;
	char link[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		skip(1, "cannot look into the enclave's process here");
	else
		ok(strstr(link, "memfd:") != NULL,
			"what runs is the sealed copy: %s", link);
	must(stat(scratch_path(w->dir, "attestor-root.pem"), &st) == 0 ? 0
								       : -errno,
		"root");
	is_int(st.st_mode & 0777, 0600, "the root key is the owner's alone");
}

/* The first page of the mapping that holds the keys; 0: there is none. */
static off_t secret_page(pid_t pid)
{
	char path[64], line[512];
	unsigned long long at = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && at == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "secretmem") != NULL)
			at = strtoull(line, NULL, 16);
	if (f != NULL)
		fclose(f);
	return (off_t)at;
}

/* Reading the enclave's memory: root gets at all but the keys, others of the
 * same user at nothing. */
static void memory(struct world *w)
{
	pid_t pid = seq_local_enclave_pid(w->q);
	off_t at = secret_page(pid);
	char path[64], byte;
	int fd;

	if (strstr(seq_local_isolation(w->q), "not dumpable") == NULL ||
		strstr(seq_local_isolation(w->q), "without") != NULL) {
		skip(1, "not all of the sandbox is to be had here");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (geteuid() != 0)
		ok(fd < 0 && errno == EACCES,
			"another process of the same user may not look inside");
	else
		ok(at != 0 && pread(fd, &byte, 1, at) < 0 && errno == EIO,
			"root may look inside, but not at the keys");
	if (fd >= 0)
		close(fd);
}

static void self_test(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl(BUILD_DIR "/notaryfs-enclave", "notaryfs-enclave",
			"--self-test-open", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(1, "the sanitizers' build has no system call filter");
#else
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		"open() inside the sandbox kills the enclave");
#endif
}

/* From here on this process and what it starts may not mount. */
static int refuse_mount(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
		return -errno;
	return 0;
}

static ssize_t mounts_of(const char *process, char ret[64])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	memset(ret, 0, 64);
	return readlink(path, ret, 63);
}

/* An enclave that cannot empty its root must not have one of its own: it would
 * hold a copy of every mount, and none of them could end. */
static void no_mount(struct world *w)
{
	char enclave[16], theirs[64], ours[64];

	if (refuse_mount() != 0) {
		skip(2, "no filter of system calls here");
		return;
	}
	start(w); /* 12 */
	ok(strstr(seq_local_isolation(w->q), "empty root") == NULL ||
		strstr(seq_local_isolation(w->q), "without namespaces, empty "
			"root") != NULL, "where nothing can be mounted: %s",
		seq_local_isolation(w->q));
	snprintf(enclave, sizeof(enclave), "%d",
		(int)seq_local_enclave_pid(w->q));
	if (mounts_of(enclave, theirs) <= 0 || mounts_of("self", ours) <= 0)
		skip(1, "cannot look into the enclave's process here");
	else
		is_str(theirs, ours, "it holds no copies of what is mounted");
	handover(w);
}

static void group_readable_root(struct world *w)
{
	const char *root = scratch_path(w->dir, "attestor-root.pem");
	struct sequencer *q = NULL;

	chmod(root, 0640);
	is_int(seq_local_start(&w->c, &q), -EPERM,
		"a root key that others may read is refused");
	chmod(root, 0600);
	ok(exists(w, "handover"), "and the hand-over stays for the next start");
}

/* An old copy of the hand-over must not fork the chain. */
static void copied_handover(struct world *w)
{
	cleanup(buf) struct buf copy = {0};
	char path[256];
	uint8_t bytes[16384];
	FILE *f;

	handover(w);
	snprintf(path, sizeof(path), "%s/handover", w->dir);
	f = fopen(path, "rb");
	copy.n = f == NULL ? 0 : fread(bytes, 1, sizeof(bytes), f);
	if (f != NULL)
		fclose(f);
	start(w);
	ok(!exists(w, "handover"), "the hand-over is gone once it is used");
	one_block(w, "after a hand-over");
	kill_one(w, seq_local_attestor_pid(w->q));
	w->q->ops->free(w->q);
	f = fopen(path, "wb");
	fchmod(fileno(f), 0600);
	fwrite(bytes, 1, copy.n, f);
	fclose(f);
	copy.n = 0;
	start(w);
	ok(!exists(w, "handover"), "a hand-over used before is destroyed");
	one_block(w, "after that, by recovery");
}

int main(void)
{
	struct world w = {0};
	uint64_t last;

	plan(0);
	self_test();
	make_chain(&w); /* epoch 0 */
	group_readable_root(&w);
	start(&w); /* 1 */
	isolation(&w);
	memory(&w);
	one_block(&w, "after the first start");
	refusals(&w);
	handover(&w);
	start(&w); /* 2 */
	handover(&w); /* without any block */
	start(&w); /* 3 */
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
	handover(&w);
	start(&w); /* 11 */
	one_block(&w, "at the end");
	handover(&w);
	no_mount(&w);
	audit(&w, 13, 6);
	must(w.local->ops->last_number(w.local, &last), "last_number");
	ok(in_buckets(&w, last), "every bucket has every number");
	w.local->ops->free(w.local);
	w.replica->ops->free(w.replica);
	seqworld_done(&w.chain);
	scratch_remove(w.dir);
	return done();
}

/* As t_alloc, for what stands between core and the world: buckets, the local
 * state, timestamps and the sequencer's processes.
 *	t_alloc_io [TRIALS]	of each operation; default 100, 0 all */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/http.h"
#include "backends/local_sqlite.h"
#include "backends/replica_coded.h"
#include "backends/rlnc.h"
#include "backends/seq_local.h"
#include "backends/tempfile.h"
#include "backends/tsa_local.h"
#include "backends/tsa_quorum.h"
#include "backends/tsa_rfc3161.h"
#include "backends/worker.h"
#include "backends/worm_dir.h"
#include "backends/worm_mem.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "enclave/keeper.h"
#include "enclave/measure.h"
#include "enclave/nsm_wire.h"
#include "enclave/wire.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/allocloop.h"
#include "tests/lib/allocsqlite.h"
#include "tests/lib/mktsa.h"
#include "tests/lib/scratch.h"
#include "tests/lib/seqworld.h"
#include "tests/tap/tap.h"

#define BUCKETS 6
#define QUORUM 5
#define PREFIX "c0ffee"

static char *dir;
static unsigned long serial; /* names are used but once */

/* -- curl's memory comes from here as well */

static char *copy(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = malloc(n);

	return p != NULL ? memcpy(p, s, n) : NULL;
}

/* -- buckets */

static int use(struct worm *w)
{
	cleanup(buf) struct buf back = {0};
	char key[32];
	int rc;

	snprintf(key, sizeof(key), "a/%lu", serial++);
	rc = worm_put_all(w, key, BYTES("data", 4));
	if (rc == 0)
		rc = worm_get_all(w, key, 100, &back);
	return rc == 0 && back.n != 4 ? -EILSEQ : rc;
}

static int seen(void *ctx, const char *key, uint64_t size)
{
	(void)key;
	*(unsigned *)ctx += size > 0;
	return 0;
}

/* rc: of opening it. */
static int run_worm(struct worm *w, int rc)
{
	unsigned n = 0;

	if (rc == 0)
		rc = use(w);
	if (rc == 0)
		rc = w->ops->list(w, "a/", seen, &n);
	if (rc == 0 && n != 1)
		rc = -EILSEQ;
	if (w != NULL)
		w->ops->free(w);
	return rc;
}

static int run_worm_mem(void)
{
	struct worm *w = worm_mem_new();

	return run_worm(w, w == NULL ? -ENOMEM : 0);
}

static int run_worm_dir(void)
{
	struct worm *w = NULL;
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "bucket-%lu", serial++);
	rc = worm_dir_open(scratch_path(dir, name), true, false, &w);
	return run_worm(w, rc);
}

static int run_tempfile(void)
{
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = tempfile_clean(root);

	close(root);
	return rc;
}

/* -- a replica over six of them, each with a thread of its own */

static int zeros(void *ctx, uint64_t off, void *ret, size_t n)
{
	(void)ctx;
	(void)off;
	memset(ret, 0, n);
	return 0;
}

static int listed(void *ctx, const char *key, uint32_t buckets)
{
	(void)key;
	(void)buckets;
	++*(unsigned *)ctx;
	return 0;
}

static bool any(void *ctx, struct bytes payload)
{
	(void)ctx;
	return payload.n == 20000;
}

static int use_replica(struct replica *r)
{
	const struct source source = {zeros, NULL};
	struct bytes meta = BYTES("meta", 4);
	struct hash h = hash_sha3(meta);
	cleanup(buf) struct buf back = {0}, again = {0};
	struct replica_report report = {0};
	char key[OBJECT_KEY_MAX];
	unsigned n = 0;
	int rc;

	object_key_pack(&h, key);
	rc = r->ops->put_coded(r, key, meta, 20000, &source, &report);
	if (rc == 0)
		rc = r->ops->get_coded(r, key, &h, any, NULL, &back, &report);
	if (rc == 0)
		rc = r->ops->get_meta(r, key, &h, &again, &report);
	if (rc == 0)
		rc = r->ops->list(r, "", listed, &n);
	return rc == 0 && (back.n != 20000 || again.n != 4) ? -EILSEQ : rc;
}

static int run_replica(void)
{
	struct worm *bucket[BUCKETS];
	struct replica *r = NULL;
	unsigned i;
	int rc;

	allocfail_pause(true);
	for (i = 0; i < BUCKETS; i++)
		bucket[i] = worm_mem_new();
	allocfail_pause(false);
	rc = replica_coded_new(bucket, BUCKETS, 3, QUORUM, PREFIX, &r);
	if (rc == 0) {
		rc = use_replica(r);
		r->ops->free(r);
	}
	return rc;
}

static int run_draw(void)
{
	struct hash y = {{1}};
	struct rlnc_rows rows;
	unsigned attempt;

	return rlnc_draw(&y, 3, 6, false, &rows, &attempt);
}

static void nothing(struct job *j)
{
	(void)j;
}

static int run_worker(void)
{
	struct worker *w = worker_new();
	struct job j = {.run = nothing};
	struct batch b;

	if (w == NULL)
		return -ENOMEM;
	batch_init(&b);
	worker_give(w, &j, &b);
	batch_wait(&b);
	batch_done(&b);
	worker_free(w);
	return 0;
}

/* -- the local state */

static int run_local(void)
{
	struct local_record q = {.kind = RECORD_PUT, .ready = true,
		.path = BYTES("p", 1), .d = BYTES("d", 1)};
	struct local *l = NULL;
	uint64_t id;
	int rc = local_sqlite_open(scratch_path(dir, "local.db"), true, false,
		&l);

	if (rc == 0)
		rc = l->ops->queue(l, &q, 1, &id);
	if (l != NULL)
		l->ops->free(l);
	return rc;
}

/* -- timestamps */

static int run_tsa_local(void)
{
	struct timestamper *t[2] = {NULL, NULL}, *both = NULL;
	uint8_t public[32];
	char name[32];
	int i, rc = 0;

	for (i = 0; rc == 0 && i < 2; i++) {
		snprintf(name, sizeof(name), "tsa-%lu", serial++);
		rc = tsa_local_create(scratch_path(dir, name),
			entropy_system(), public);
		if (rc == 0)
			rc = tsa_local_open(scratch_path(dir, name),
				clock_system(), 0, &t[i]);
	}
	if (rc == 0)
		rc = tsa_quorum_open(t, 2, 1, &both);
	if (both != NULL) {
		both->ops->free(both);
		return rc;
	}
	for (i = 0; i < 2; i++)
		if (t[i] != NULL)
			t[i]->ops->free(t[i]);
	return rc;
}

static struct buf tsa_root;

static int run_tsa_far(void)
{
	const struct params_authority a = {.type = TIMESTAMP_RFC3161,
		.name = BYTES("tsa *", 5), .key = BUF_BYTES(&tsa_root)};
	struct timestamper *t = NULL;
	int rc = tsa_rfc3161_open("http://127.0.0.1:9/", &a, entropy_system(),
		&t);

	if (t != NULL)
		t->ops->free(t);
	return rc;
}

static int run_who(void)
{
	const struct params_authority a = {.type = TIMESTAMP_RFC3161,
		.name = BYTES("tsa *", 5), .key = BUF_BYTES(&tsa_root)};
	char who[TIMESTAMP_WHO_MAX];

	timestamp_who(&a, who); /* without memory it is "unknown" */
	return 0;
}

/* Nobody answers there, which is told apart from a lack of memory. */
static int run_http(void)
{
	const struct http_question q = {.url = "http://127.0.0.1:9/",
		.type = "a/b", .answer_type = "a/c", .body = BYTES("?", 1),
		.most = 100};
	cleanup(buf) struct buf answer = {0};
	char why[HTTP_WHY];
	struct http *h = NULL;
	int rc = http_open(&h);

	if (rc == 0)
		rc = http_post(h, &q, &answer, why);
	http_free(h);
	return rc == -EAGAIN ? 0 : rc;
}

/* -- the enclave's side */

static int run_wire(void)
{
	const struct wire question = {.op = WIRE_DROP}, answer = {.op =
		WIRE_OK};
	cleanup(buf) struct buf keep = {0};
	struct nsm_wire n;
	struct wire got;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	nsm_wire_init(&n, pair[0]);
	rc = wire_send(pair[1], &answer);
	if (rc == 0)
		rc = wire_ask(pair[0], 1000, &question, &keep, &got);
	if (rc == 0)
		rc = wire_recv(pair[1], 1000, &keep, &got);
	if (rc == 0)
		rc = wire_send(pair[1], &answer);
	if (rc == 0)
		rc = nsm_wire_hello(&n, 0);
	nsm_wire_done(&n);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

static int run_recv(void)
{
	const struct wire answer = {.op = WIRE_OK};
	cleanup(buf) struct buf keep = {0};
	struct wire got;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	rc = wire_send(pair[1], &answer);
	if (rc == 0)
		rc = wire_recv(pair[0], 1000, &keep, &got);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

static int run_keeper(void)
{
	cleanup(buf) struct buf back = {0};
	struct keeper k;
	int rc = keeper_open(dir, &k);

	if (rc != 0)
		return rc;
	rc = keeper_write(&k, "handover", BYTES("h", 1), false);
	if (rc == 0)
		rc = keeper_read(&k, "handover", &back);
	keeper_close(&k);
	return rc;
}

static int run_measure(void)
{
	struct image i = {.fd = -1};
	int rc = measure(BUILD_DIR "/notaryfs-enclave", &i);

	measure_done(&i);
	return rc;
}

/* A chain's sequencer from genesis to its hand-over, as init does it. */
static int born(struct sequencer *q, const struct seq_genesis *g)
{
	cleanup(buf) struct buf s = {0}, object = {0};
	struct seqworld w = {0};
	int rc;

	allocfail_pause(true);
	seqworld_init(&w, BUF_BYTES(&g->key), BUF_BYTES(&g->doc),
		BUF_BYTES(&g->root), BUF_BYTES(&g->recovery_key), NULL);
	allocfail_pause(false);
	rc = seq_local_first(q, BUF_BYTES(&w.b0), 0, BUF_BYTES(&w.t0),
		BUF_BYTES(&w.params), &s);
	if (rc == 0)
		rc = seq_local_handover(q, &object);
	seqworld_done(&w);
	return rc;
}

static int run_sequencer(void)
{
	static const uint8_t installation[16] = {1};
	char *state = NULL;
	struct seq_local_config c = {
		.attestor_program = BUILD_DIR "/notaryfs-attestor",
		.enclave_program = BUILD_DIR "/notaryfs-enclave",
		.clock = clock_system()};
	struct seq_genesis g = {0};
	struct sequencer *q = NULL;
	int rc;

	allocfail_pause(true);
	state = scratch_new();
	allocfail_pause(false);
	c.state_dir = state;
	rc = seq_local_genesis(&c, installation, &g, &q);
	if (rc == 0)
		rc = born(q, &g);
	if (q != NULL)
		q->ops->free(q);
	seq_genesis_done(&g);
	allocfail_pause(true);
	scratch_remove(state);
	allocfail_pause(false);
	return rc;
}

static const struct alloc_operation operations[] = {
	{"a bucket in memory", run_worm_mem, 0},
	{"a bucket in a folder", run_worm_dir, 0},
	{"tempfile_clean", run_tempfile, 0},
	{"a replica", run_replica, -EAGAIN}, /* no bucket had any */
	{"rlnc_draw", run_draw, 0},
	{"a worker", run_worker, 0},
	{"the local state", run_local, 0},
	{"local timestamps", run_tsa_local, 0},
	{"tsa_rfc3161_open", run_tsa_far, 0},
	{"timestamp_who", run_who, 0},
	{"http_post", run_http, 0},
	{"wire_ask and nsm_wire_hello", run_wire, 0},
	{"wire_recv", run_recv, 0},
	{"keeper", run_keeper, 0},
	{"measure", run_measure, 0},
};

/* With tens of milliseconds each. */
static const struct alloc_operation slow[] = {
	{"a sequencer's processes", run_sequencer, 0},
};

static void make_root(void)
{
	struct mktsa m;

	mktsa_init(&m, "P-256");
	mktsa_der(m.root, &tsa_root);
	mktsa_done(&m);
}

int main(int argc, char **argv)
{
	size_t i;

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc,
		copy, calloc) != CURLE_OK)
		bail("curl takes no memory from here");
	allocsqlite();
	if (argc > 1)
		alloc_trials = strtoul(argv[1], NULL, 10);
	plan(0);
	dir = scratch_new();
	make_root();
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		alloc_both(&operations[i]);
	if (alloc_trials > 0)
		alloc_trials = (alloc_trials + 4) / 5;
	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		alloc_both(&slow[i]);
	buf_free(&tsa_root);
	scratch_remove(dir);
	return done();
}

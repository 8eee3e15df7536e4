/*
 * pipeline: files of 4 KiB from accepted to final through core, six folders
 * as buckets, against plain writes of the same files in the same run.
 *
 *	pipeline [--json] [--files N]
 *
 * The sequencer runs in this process (the same signature, no pipe); stamps
 * are the local service's.  Ours: the plain files and one syncfs a group, as
 * the mount seals them, content roots, records, queue, and all of the write
 * path until everything is final.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/local_sqlite.h"
#include "backends/replica_coded.h"
#include "backends/worm_dir.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/mlog.h"
#include "core/timestamp.h"
#include "fs/drive.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define SIZE 4096
#define GROUP 512	/* files a commit of the queue */
#define PACED_GROUP 100	/* files every 10 ms: 10,000 a second */
#define PACED 20000	/* files */

struct numberer {
	struct sequencer base;
	struct mkchain *chain;
	struct hash head;
	struct mlog log;
	uint64_t next_k;
};

struct stamper {
	struct timestamper base;
	struct mkchain *chain;
};

struct folder {
	struct content_store base;
	int fd;
};

struct bench {
	char *dir;
	struct mkchain chain;
	struct folder files;
	struct numberer numberer;
	struct stamper stamper;
	struct local *local;
	struct replica *replica;
	struct notary *notary;
	struct drive *drive;
	uint64_t made;		/* files so far */
	bool json;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void need(int rc, const char *what)
{
	if (rc < 0)
		bail("%s: %s", what, strerror(-rc));
}

static int stamp(struct timestamper *t, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct hash y = block_hash(b);
	struct clock *c = clock_system();

	*ret_type = TIMESTAMP_LOCAL;
	return timestamp_local_make(((struct stamper *)t)->chain->seed, &y,
		c->ops->now_ms(c), ret);
}

static void number(struct numberer *n, struct sequence *s, struct bytes b,
	struct bytes t, struct buf *ret)
{
	struct hash hb = block_hash(b), ht = timestamp_hash(t), leaf;
	struct block block;

	need(block_decode(b, &block), "block");
	sequence_y_block(block.u, &ht, s->y);
	s->chain = n->chain->anchor;
	s->k = s->height = n->next_k++;
	s->has_height = true;
	s->prev_head = n->head;
	leaf = sequence_log_leaf(s->height, s->k, &hb, &ht, s->r);
	mlog_add(&n->log, &leaf);
	s->log_size = n->log.size;
	s->log_root = mlog_root(&n->log);
	n->head = sequence_head(s);
	mkchain_sign(n->chain, s, n->chain->key, ret);
}

static int sequence(struct sequencer *q, struct bytes b, uint64_t t_type,
	struct bytes t, struct sequenced *ret)
{
	struct sequence s = {0};

	(void)t_type;
	number((struct numberer *)q, &s, b, t, &ret->s);
	return 0;
}

static int document(struct sequencer *q, struct buf *ret)
{
	return buf_copy(BUF_BYTES(&((struct numberer *)q)->chain->doc), ret);
}

static int content_read(struct content_store *c,
	const struct content_name *of, uint64_t off, void *ret, size_t n)
{
	struct bytes path = of->path;
	char name[256];
	ssize_t got;
	int fd;

	snprintf(name, sizeof(name), "%.*s", (int)path.n,
		(const char *)path.p);
	fd = openat(((struct folder *)c)->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = pread(fd, ret, n, (off_t)off);
	close(fd);
	return got == (ssize_t)n ? 0 : -EIO;
}

static void genesis(struct bench *x)
{
	struct bytes b = BUF_BYTES(&x->chain.b0), t = BUF_BYTES(&x->chain.t0);
	struct local_block b0 = {.n = 1};
	struct sequence s = {0};

	number(&x->numberer, &s, b, t, &b0.s);
	need(buf_copy(b, &b0.b), "b0");
	need(buf_copy(t, &b0.t), "t0");
	need(x->local->ops->put_genesis(x->local, &b0, BYTES("", 0)),
		"genesis");
	local_block_done(&b0);
}

static void open_backends(struct bench *x)
{
	struct worm *bucket[6];
	char id[HASH_HEX + 1], name[32];
	int i;

	x->dir = scratch_new();
	x->files.fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "bucket-%d", i);
		need(worm_dir_open(scratch_path(x->dir, name), true, false,
			     &bucket[i]),
			name);
	}
	hex_encode(HASH_BYTES(&x->chain.anchor), id);
	need(replica_coded_new(bucket, 6, 3, 5, id, &x->replica), "replica");
	need(local_sqlite_open(scratch_path(x->dir, "notary.db"), true, false,
		     &x->local),
		"notary.db");
}

static void start(struct bench *x)
{
	static const struct timestamper_ops stamper_ops = {.stamp = stamp};
	static const struct sequencer_ops numberer_ops = {
		.sequence = sequence, .document = document};
	static const struct content_store_ops content_ops = {content_read};
	struct notary_services s = {.clock = clock_system(),
		.entropy = entropy_system()};

	mkchain_init(&x->chain, 0);
	x->stamper = (struct stamper){{&stamper_ops, "local"}, &x->chain};
	x->numberer = (struct numberer){
		.base = {&numberer_ops, "local"}, .chain = &x->chain};
	x->files.base.ops = &content_ops;
	open_backends(x);
	genesis(x);
	s.local = x->local;
	s.replica = x->replica;
	s.timestamper = &x->stamper.base;
	s.sequencer = &x->numberer.base;
	s.content = &x->files.base;
	need(notary_open(&s, BUF_BYTES(&x->chain.params_raw),
		     NOTARY_LIMITS_DEFAULT, &x->notary),
		"notary");
	need(drive_start(x->notary, 2, &x->drive), "threads");
}

static void stop(struct bench *x)
{
	drive_stop(x->drive);
	notary_free(x->notary);
	x->replica->ops->free(x->replica);
	x->local->ops->free(x->local);
	close(x->files.fd);
	scratch_remove(x->dir);
	mkchain_done(&x->chain);
}

static void file_name(char ret[64], const char *what, uint64_t i)
{
	snprintf(ret, 64, "%s-%" PRIu64, what, i);
}

static void fill(uint8_t data[SIZE], uint64_t i)
{
	uint64_t j, v = i * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (j = 0; j < SIZE; j += sizeof(v)) {
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
		memcpy(data + j, &v, sizeof(v));
	}
}

static void write_plain(struct bench *x, const char *name, uint64_t i,
	bool sync)
{
	uint8_t data[SIZE];
	int fd = openat(x->files.fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	fill(data, i);
	if (fd < 0 || write(fd, data, SIZE) != SIZE ||
		(sync && fsync(fd) != 0))
		bail("cannot write %s: %s", name, strerror(errno));
	close(fd);
}

/* What the mount does at seal: hash, record. */
static void make_record(const char *name, uint64_t i, struct buf *ret)
{
	uint8_t data[SIZE];
	struct hash sha;
	struct record r = {.kind = RECORD_PUT, .size = SIZE, .mode = 0644,
		.path = BYTES(name, strlen(name)), .n_digests = 1};

	fill(data, i);
	memcpy(r.salt, &i, sizeof(i));
	r.root = chunktree_root_bytes(BYTES(data, SIZE));
	sha = hash_sha256(BYTES(data, SIZE));
	r.digest[0].name = BYTES("sha-256", 7);
	r.digest[0].value = HASH_BYTES(&sha);
	need(record_encode(&r, ret), "record");
}

static void queue_group(struct bench *x, size_t n)
{
	static char name[GROUP][64];
	struct local_record r[GROUP];
	struct buf d[GROUP] = {{0}};
	uint64_t id;
	size_t i;

	for (i = 0; i < n; i++) {
		file_name(name[i], "f", x->made);
		write_plain(x, name[i], x->made, false);
		make_record(name[i], x->made++, &d[i]);
		r[i] = (struct local_record){.kind = RECORD_PUT, .ready = true,
			.size = SIZE, .path = BYTES(name[i], strlen(name[i])),
			.d = BUF_BYTES(&d[i])};
	}
	if (syncfs(x->files.fd) != 0)
		bail("syncfs: %s", strerror(errno));
	need(x->local->ops->queue(x->local, r, n, &id), "queue");
	drive_wake(x->drive, false);
	for (i = 0; i < n; i++)
		buf_free(&d[i]);
}

static double ours(struct bench *x, uint64_t files)
{
	double t = now();
	uint64_t i;

	for (i = 0; i < files; i += GROUP)
		queue_group(x, files - i < GROUP ? files - i : GROUP);
	need(drive_drain(x->drive, x->local, 600000), "drain");
	return now() - t;
}

static double plain(struct bench *x, uint64_t files, bool each)
{
	double t = now();
	char name[64];
	uint64_t i;

	for (i = 0; i < files; i++) {
		file_name(name, each ? "each" : "all", i);
		write_plain(x, name, i, each);
		if (!each && i % GROUP == GROUP - 1)
			syncfs(x->files.fd);
	}
	if (!each)
		syncfs(x->files.fd);
	return now() - t;
}

static double hash_only(uint64_t files)
{
	double t = now();
	uint64_t i;

	for (i = 0; i < files; i++) {
		cleanup(buf) struct buf d = {0};

		make_record("name", i, &d);
	}
	return now() - t;
}

static void line(const struct bench *x, const char *what, double mine,
	double peer, const char *unit)
{
	if (x->json)
		printf("{\"what\": \"%s\", \"ours\": %.3f, \"peer\": %.3f,"
		       " \"ratio\": %.3f, \"unit\": \"%s\"}\n",
			what, mine, peer, mine / peer, unit);
	else
		printf("%-48s %10.1f  peer %10.1f  ratio %6.3f  %s\n", what,
			mine, peer, mine / peer, unit);
}

/* When each of the paced files was queued, and when it was final. */
struct pace {
	struct bench *x;
	uint64_t base;		/* files before */
	double queued[PACED], final[PACED];
};

static void *watch(void *ctx)
{
	struct pace *p = ctx;
	uint64_t seen = 0;
	struct timespec tick = {0, 500000};
	struct local_counts c;

	while (seen < PACED) {
		need(p->x->local->ops->counts(p->x->local, &c), "counts");
		for (; seen < PACED && seen + p->base < c.final_records;
			seen++)
			p->final[seen] = now();
		nanosleep(&tick, NULL);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void latency(struct bench *x)
{
	struct pace *p = calloc(1, sizeof(*p));
	double begin = now(), slept;
	pthread_t thread;
	uint64_t i, j;

	if (p == NULL)
		bail("no memory");
	p->x = x;
	p->base = x->made;
	if (pthread_create(&thread, NULL, watch, p) != 0)
		bail("no thread");
	for (i = 0; i < PACED; i += PACED_GROUP) {
		slept = begin + (double)i / 10000 - now();
		if (slept > 0)
			usleep((useconds_t)(slept * 1e6));
		queue_group(x, PACED_GROUP);
		for (j = i; j < i + PACED_GROUP; j++)
			p->queued[j] = now();
	}
	slept = now() - begin;
	pthread_join(thread, NULL);
	for (i = 0; i < PACED; i++)
		p->final[i] = (p->final[i] - p->queued[i]) * 1e3;
	qsort(p->final, PACED, sizeof(double), by_value);
	line(x, "files offered, against 10,000 a second", PACED / slept, 10000,
		"files/s");
	line(x, "queued to final p50, against the goal", p->final[PACED / 2],
		10, "ms");
	line(x, "queued to final p99, against the goal",
		p->final[PACED / 100 * 99], 30, "ms");
	free(p);
}

int main(int argc, char **argv)
{
	struct bench x = {0};
	uint64_t files = 50000, few;
	double t;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			x.json = true;
		else if (strcmp(argv[i], "--files") == 0 && i + 1 < argc)
			files = strtoull(argv[++i], NULL, 10);
		else
			bail("usage: pipeline [--json] [--files N]");
	}
	if (files < 1000)
		bail("at least 1000 files");
	few = files / 20;
	start(&x);
	t = (double)files / ours(&x, files);
	line(&x, "accepted to final, against write and fsync each", t,
		(double)few / plain(&x, few, true), "files/s");
	line(&x, "accepted to final, against write and syncfs", t,
		(double)files / plain(&x, files, false), "files/s");
	line(&x, "accepted to final, against hashing alone", t,
		(double)files / hash_only(files), "files/s");
	latency(&x);
	stop(&x);
	return 0;
}

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/replica_coded.h"
#include "backends/share.h"
#include "backends/worm_dir.h"
#include "backends/worm_mem.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "tests/lib/fault_worm.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define N 6
#define K 3
#define QUORUM 5
#define PREFIX "c0ffee"
#define THREADS 8
#define OBJECTS 5

/* Six buckets, seen through one replica; the buckets stay when it goes. */
struct rig {
	struct worm *bucket[N];		/* the tests' own */
	struct fault_plan plan[N];
	struct fault_plan *shared;	/* rules all of them when not NULL */
	struct replica *r;
};

/* A bucket that passes everything on and leaves the other alive. */
struct borrowed {
	struct worm base;
	struct worm *inner;
	struct worm_ops ops;
};

static struct worm *inner(struct worm *w)
{
	return ((struct borrowed *)w)->inner;
}

static int b_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	return inner(w)->ops->put(inner(w), key, size, ret);
}

static int b_size(struct worm *w, const char *key, uint64_t *ret)
{
	return inner(w)->ops->size(inner(w), key, ret);
}

static int b_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	return inner(w)->ops->get(inner(w), key, off, ret, n);
}

static int b_list(struct worm *w, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	return inner(w)->ops->list(inner(w), prefix, visit, ctx);
}

static void b_free(struct worm *w)
{
	free(w);
}

static struct worm *borrow(struct worm *w)
{
	struct borrowed *b = calloc(1, sizeof *b);

	if (b == NULL)
		bail("no memory");
	b->ops = (struct worm_ops){b_put, w->ops->write, w->ops->commit,
		w->ops->abort, b_size, b_get, b_list,
		.free = b_free};
	b->base = (struct worm){&b->ops, w->name};
	b->inner = w;
	return &b->base;
}

/* Makes the replica over the buckets in mask; the others are not there. */
static void rig_open(struct rig *g, unsigned mask)
{
	struct worm *w[N];
	int i, rc;

	for (i = 0; i < N; i++)
		w[i] = mask >> i & 1 ? fault_worm_new(borrow(g->bucket[i]),
			g->shared != NULL ? g->shared : &g->plan[i]) : NULL;
	rc = replica_coded_new(w, N, K, QUORUM, PREFIX, &g->r);
	if (rc != 0)
		bail("replica_coded_new: %d", rc);
}

static void rig_close(struct rig *g)
{
	g->r->ops->free(g->r);
	g->r = NULL;
}

static void rig_new(struct rig *g)
{
	int i;

	*g = (struct rig){0};
	for (i = 0; i < N; i++) {
		g->plan[i] = (struct fault_plan)FAULT_NONE;
		g->bucket[i] = worm_mem_new();
	}
	rig_open(g, (1u << N) - 1);
}

static void rig_free(struct rig *g)
{
	int i;

	rig_close(g);
	for (i = 0; i < N; i++)
		g->bucket[i]->ops->free(g->bucket[i]);
}

/* A payload that is not the same anywhere, and its META. */
struct object {
	char key[OBJECT_KEY_MAX];
	struct buf meta, data;
	struct hash hmeta;
	uint64_t fail_at;	/* reading from here on is -EIO */
};

static void object_make(struct object *o, size_t length, const char *name)
{
	uint64_t x = 88172645463325252u + length;
	size_t i;

	*o = (struct object){.fail_at = UINT64_MAX};
	if (buf_reserve(&o->data, length + 1) != 0 ||
			buf_add(&o->meta, name, strlen(name)) != 0)
		bail("no memory");
	for (i = 0; i < length; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		o->data.p[i] = (uint8_t)x;
	}
	o->data.n = length;
	o->hmeta = hash_sha3(BUF_BYTES(&o->meta));
	strcpy(o->key, "p/");
	hex_encode(HASH_BYTES(&o->hmeta), o->key + 2);
}

static void object_done(struct object *o)
{
	buf_free(&o->meta);
	buf_free(&o->data);
}

static int read_object(void *ctx, uint64_t off, void *ret, size_t n)
{
	const struct object *o = ctx;

	if (off + n > o->fail_at)
		return -EIO;
	if (off + n > o->data.n)
		bail("read beyond the payload");
	memcpy(ret, o->data.p + off, n);
	return 0;
}

static bool is_it(void *ctx, struct bytes payload)
{
	const struct object *o = ctx;

	return bytes_equal(payload, BUF_BYTES(&o->data));
}

static int put(struct rig *g, struct object *o, struct replica_report *report)
{
	struct source s = {read_object, o};

	return g->r->ops->put_coded(g->r, o->key, BUF_BYTES(&o->meta),
		o->data.n, &s, report);
}

static int get(struct rig *g, struct object *o, struct replica_report *report)
{
	cleanup(buf) struct buf got = {0};
	int rc = g->r->ops->get_coded(g->r, o->key, &o->hmeta, is_it, o, &got,
		report);

	if (rc == 0 && !is_it(o, BUF_BYTES(&got)))
		return 1; /* not what was accepted */
	return rc;
}

static const char *full_key(const struct object *o)
{
	static char key[WORM_KEY_MAX + 1];

	snprintf(key, sizeof key, PREFIX "/%s", o->key);
	return key;
}

static struct buf raw_share(struct rig *g, unsigned i, const struct object *o)
{
	struct buf b = {0};

	if (worm_get_all(g->bucket[i], full_key(o), 1 << 26, &b) != 0)
		bail("no share in bucket %u", i);
	return b;
}

/* As if bucket i had always held these bytes. */
static void replace_share(struct rig *g, unsigned i, const struct object *o,
	struct bytes raw)
{
	g->bucket[i]->ops->free(g->bucket[i]);
	g->bucket[i] = worm_mem_new();
	if (worm_put_all(g->bucket[i], full_key(o), raw) != 0)
		bail("cannot replace a share");
}

/* Flips a bit of what bucket i holds; mends the check-sums if `lie`. */
static void spoil(struct rig *g, unsigned i, const struct object *o, size_t at,
	bool lie)
{
	struct buf raw = raw_share(g, i, o);
	struct share_header h;
	size_t payload, cell, n;
	uint32_t crc;

	raw.p[at] ^= 0x10;
	if (lie) {
		if (share_header_decode(raw.p, &h) != 0)
			bail("no header");
		payload = SHARE_HEADER + (size_t)h.meta_length;
		cell = (at - payload) / h.cell;
		n = (size_t)h.payload_length - cell * h.cell;
		n = n < h.cell ? n : h.cell;
		crc = htobe32(share_crc32c(0, BYTES(raw.p + payload +
			cell * h.cell, n)));
		memcpy(raw.p + payload + (size_t)h.payload_length + 4 * cell,
			&crc, 4);
	}
	rig_close(g);
	replace_share(g, i, o, BUF_BYTES(&raw));
	rig_open(g, (1u << N) - 1);
	buf_free(&raw);
}

static size_t payload_of(const struct object *o)
{
	return SHARE_HEADER + o->meta.n;
}

static void t_triples(size_t length)
{
	struct replica_report report;
	struct object o;
	struct rig g;
	unsigned mask;
	int three = 0, two = 0, bits = 0;

	rig_new(&g);
	object_make(&o, length, "META of a block");
	is_int(put(&g, &o, &report), 0, "put %zu bytes", length);
	is_int(report.stored, 0x3f, "in all six");
	is_int(get(&g, &o, &report), 0, "and get them");
	is_int(report.bad, 0, "with nothing bad");
	for (mask = 0; mask < 1u << N; mask++) {
		int n = __builtin_popcount(mask);

		if (n != K && n != K - 1)
			continue;
		rig_close(&g);
		rig_open(&g, mask);
		if (n == K) {
			three += get(&g, &o, NULL) == 0;
			three += get(&g, &o, &report) == 0;
		} else {
			two += get(&g, &o, &report) == -ENODATA;
			bits += report.stored == mask;
		}
	}
	is_int(three, 2 * 20, "each of 20 triples restores them");
	is_int(two, 15, "no two do: -ENODATA");
	is_int(bits, 15, "and the report says which are left");
	object_done(&o);
	rig_free(&g);
}

static void t_flipped(void)
{
	struct replica_report report;
	struct object o;
	struct rig g;
	size_t at;

	rig_new(&g);
	object_make(&o, 400000, "flip");
	at = payload_of(&o) + 70000;
	put(&g, &o, NULL);
	spoil(&g, 1, &o, at, false);
	is_int(get(&g, &o, NULL), 0, "a flipped bit is done without");
	is_int(get(&g, &o, &report), 0, "also when all is read");
	is_int(report.bad, 1 << 1, "and its bucket is named");
	is_int(report.error[1], -EBADMSG, "with the error");
	spoil(&g, 5, &o, at, false);
	is_int(get(&g, &o, &report), 0, "one more, in a share not needed");
	is_int(report.bad, 1 << 1 | 1 << 5, "is named as well");
	spoil(&g, 4, &o, SHARE_HEADER + 1, false);
	is_int(get(&g, &o, &report), 0, "a share with another META");
	is_int(report.bad, 1 << 1 | 1 << 4 | 1 << 5, "is bad, but of use");
	spoil(&g, 3, &o, 20, false);
	is_int(get(&g, &o, &report), 0, "a damaged header");
	is_int(report.bad, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5, "is bad too");
	spoil(&g, 0, &o, payload_of(&o), false);
	spoil(&g, 2, &o, payload_of(&o) + 132000, false);
	is_int(get(&g, &o, &report), 0,
		"no share is whole, but of every stripe three cells are");
	is_int(report.bad, 0x3f, "and all are named");
	spoil(&g, 4, &o, payload_of(&o) + 3, false);
	spoil(&g, 5, &o, payload_of(&o) + 4, false);
	is_int(get(&g, &o, &report), -ENODATA,
		"when of one stripe there are two: -ENODATA");
	object_done(&o);
	rig_free(&g);
}

static void t_liars(void)
{
	struct replica_report report;
	struct object o, other;
	struct buf raw;
	struct rig g;

	rig_new(&g);
	object_make(&o, 300000, "lie");
	object_make(&other, 300000, "other");
	put(&g, &o, NULL);
	put(&g, &other, NULL);
	raw = raw_share(&g, 0, &other);
	spoil(&g, 0, &o, payload_of(&o) + 9, true);
	is_int(get(&g, &o, NULL), 0, "a lie with a right check-sum is found out");
	is_int(get(&g, &o, &report), 0, "also with a report");
	is_int(report.bad, 1 << 0, "which names the liar");
	spoil(&g, 4, &o, payload_of(&o) + 100, true);
	is_int(get(&g, &o, &report), 0, "two liars");
	is_int(report.bad, 1 << 0 | 1 << 4, "are both named");
	spoil(&g, 3, &o, payload_of(&o) + 101, true);
	is_int(get(&g, &o, &report), 0, "three, and three honest ones");
	is_int(report.bad, 1 << 0 | 1 << 3 | 1 << 4, "are named");
	spoil(&g, 2, &o, payload_of(&o) + 101, true);
	is_int(get(&g, &o, &report), -EBADMSG,
		"four of six lie: -EBADMSG, never other bytes");
	rig_close(&g);
	replace_share(&g, 0, &o, BUF_BYTES(&raw));
	rig_open(&g, (1u << N) - 1);
	get(&g, &o, &report);
	ok(report.bad & 1, "a share of another object is bad");
	buf_free(&raw);
	object_done(&o);
	object_done(&other);
	rig_free(&g);
}

/* Headers made to hurt: right check-sum, wild numbers. */
static void t_hostile(void)
{
	static const uint64_t lengths[] = {0, 1, 1000, 1ull << 30, 1ull << 40};
	struct replica_report report;
	struct object o;
	struct rig g;
	size_t i;
	int fine = 0;

	object_make(&o, 1000, "hostile");
	for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct share_header h = {.k = 1, .n = 1, .cell = 64,
			.length = lengths[i], .meta_length = 1ull << 39,
			.hy = o.hmeta, .row = {7}};
		uint8_t raw[SHARE_HEADER];

		rig_new(&g);
		put(&g, &o, NULL);
		h.payload_length = rlnc_share_length(h.length, 1, 64);
		share_header_encode(&h, raw);
		rig_close(&g);
		replace_share(&g, 0, &o, BYTES(raw, sizeof raw));
		rig_open(&g, (1u << N) - 1);
		fine += get(&g, &o, &report) == 0 && report.bad == 1;
		rig_free(&g);
	}
	is_int(fine, i, "headers that promise what is not there are bad");
	object_done(&o);
}

static void t_retry(void)
{
	struct replica_report report;
	struct object o;
	struct rig g;
	struct buf a, b;
	unsigned i;
	bool same = true;

	rig_new(&g);
	object_make(&o, 500000, "retry");
	atomic_store(&g.plan[2].unreachable, true);
	is_int(put(&g, &o, &report), 0, "one dead bucket: 5 of 6 will do");
	is_int(report.stored, 0x3f & ~(1 << 2), "the report says who lacks it");
	is_int(report.error[2], -EHOSTUNREACH, "and why");
	atomic_store(&g.plan[4].unreachable, true);
	object_done(&o);
	object_make(&o, 400001, "retry again");
	is_int(put(&g, &o, &report), -EAGAIN, "two dead: not yet");
	is_int(report.stored, 0x2b, "four have it");
	atomic_store(&g.plan[4].unreachable, false);
	is_int(put(&g, &o, &report), 0, "put again: enough");
	is_int(report.stored, 0x3b, "those that had it count");
	atomic_store(&g.plan[2].unreachable, false);
	is_int(put(&g, &o, &report), 0, "and again");
	is_int(report.stored, 0x3f, "all six");
	a = raw_share(&g, 2, &o);
	rig_free(&g);
	rig_new(&g);
	put(&g, &o, NULL);
	for (i = 2; i < 3; i++) {
		b = raw_share(&g, i, &o);
		same = same && bytes_equal(BUF_BYTES(&a), BUF_BYTES(&b));
		buf_free(&b);
	}
	ok(same, "a share is the same bytes whenever it was written");
	buf_free(&a);
	spoil(&g, 3, &o, payload_of(&o) + 5, false);
	is_int(put(&g, &o, &report), 0, "one bucket with other bytes");
	is_int(report.bad, 1 << 3, "is bad");
	is_int(report.error[3], -EEXIST, "since they do not change");
	object_done(&o);
	rig_free(&g);
}

static void t_source_fails(void)
{
	struct object o;
	struct rig g;
	uint64_t size;

	rig_new(&g);
	object_make(&o, 2000000, "source");
	o.fail_at = 1500000;
	is_int(put(&g, &o, NULL), -EIO, "a payload that cannot be read");
	is_int(g.bucket[0]->ops->size(g.bucket[0], full_key(&o), &size),
		-ENOENT, "leaves nothing");
	o.fail_at = UINT64_MAX;
	is_int(put(&g, &o, NULL), 0, "and can be put when it can be read");
	object_done(&o);
	rig_free(&g);
}

static bool is_text(void *ctx, struct bytes data)
{
	return bytes_equal(data, BYTES(ctx, strlen(ctx)));
}

static int get_text(struct rig *g, const char *key, const char *want,
	struct replica_report *report)
{
	cleanup(buf) struct buf got = {0};

	return g->r->ops->get_whole(g->r, key, 100, is_text,
		(void *)(uintptr_t)want, &got, report);
}

static int put_text(struct rig *g, const char *key, const char *s,
	struct replica_report *report)
{
	return g->r->ops->put_whole(g->r, key, BYTES(s, strlen(s)), report);
}

static void t_whole(void)
{
	struct replica_report report;
	struct rig g;
	int i;

	rig_new(&g);
	is_int(get_text(&g, "a/1", "one", &report), -ENOENT, "no object");
	if (worm_put_all(g.bucket[0], PREFIX "/a/1", BYTES("odd", 3)) != 0)
		bail("cannot prepare");
	is_int(put_text(&g, "a/1", "one", &report), 0, "put a whole object");
	is_int(report.stored, 0x3e, "into five");
	is_int(report.bad, 1, "the sixth holds something else");
	is_int(get_text(&g, "a/1", "one", NULL), 0, "what is not accepted is "
		"passed over");
	is_int(get_text(&g, "a/1", "one", &report), 0, "with a report");
	is_int(report.bad, 1, "it is named");
	is_int(get_text(&g, "a/1", "two", NULL), -EBADMSG, "none is accepted");
	for (i = 0; i < 5; i++)
		atomic_store(&g.plan[i].unreachable, true);
	is_int(get_text(&g, "a/2", "one", NULL), -EAGAIN,
		"one of six says no: the others may have it");
	is_int(get_text(&g, "a/1", "two", NULL), -EAGAIN,
		"one of six is refused: the others may be better");
	atomic_store(&g.plan[4].unreachable, false);
	is_int(get_text(&g, "a/2", "one", NULL), -ENOENT,
		"two say no: five cannot have it");
	is_int(put_text(&g, "a/2", "two", NULL), -EAGAIN, "two take it");
	is_int(put_text(&g, "../a", "two", NULL), -EINVAL, "no such key");
	rig_free(&g);
}

static void t_meta(void)
{
	cleanup(buf) struct buf got = {0};
	struct replica_report report;
	struct object o;
	struct rig g;
	unsigned i;

	rig_new(&g);
	object_make(&o, 1000, "the META");
	put(&g, &o, NULL);
	spoil(&g, 0, &o, SHARE_HEADER + 2, false);
	rig_close(&g);
	rig_open(&g, 3);
	is_int(g.r->ops->get_meta(g.r, o.key, &o.hmeta, &got, &report), 0,
		"META from one bucket");
	is_bytes(BUF_BYTES(&got), BUF_BYTES(&o.meta), "is as it was put");
	is_int(report.bad, 1, "the bucket with another one is named");
	buf_free(&got);
	rig_close(&g);
	rig_open(&g, 1);
	is_int(g.r->ops->get_meta(g.r, o.key, &o.hmeta, &got, &report),
		-EAGAIN, "only a bad one and five away");
	rig_close(&g);
	rig_open(&g, 0x3f);
	for (i = 1; i < N; i++)
		spoil(&g, i, &o, SHARE_HEADER + i, false);
	is_int(g.r->ops->get_meta(g.r, o.key, &o.hmeta, &got, &report),
		-EBADMSG, "all bad");
	is_int(report.bad, 0x3f, "and named");
	object_done(&o);
	rig_free(&g);
}

struct listing {
	char s[1024];
	struct rig *g;
	int stop_after;
};

static int add_key(void *ctx, const char *key, uint32_t buckets)
{
	struct listing *l = ctx;
	size_t n = strlen(l->s);

	/* The replica can be used meanwhile. */
	if (get_text(l->g, key, "x", NULL) != 0)
		return -EPROTO;
	snprintf(l->s + n, sizeof l->s - n, "%s%s=%x", n > 0 ? " " : "", key,
		buckets);
	return --l->stop_after == 0 ? 9 : 0;
}

static int count_key(void *ctx, const char *key, uint32_t buckets)
{
	int *n = ctx;

	(void)key;
	*n += buckets == 0x3f;
	return 0;
}

static int list(struct rig *g, const char *prefix, struct listing *l,
	int stop_after)
{
	*l = (struct listing){.g = g, .stop_after = stop_after};
	return g->r->ops->list(g->r, prefix, add_key, l);
}

static void t_list(void)
{
	struct listing l;
	struct rig g;
	char key[32];
	int i, n = 0;

	rig_new(&g);
	if (worm_put_all(g.bucket[0], PREFIX "/a/1", BYTES("x", 1)) != 0 ||
			worm_put_all(g.bucket[5], PREFIX "/a/0",
				BYTES("x", 1)) != 0 ||
			worm_put_all(g.bucket[5], "other/a/0",
				BYTES("x", 1)) != 0)
		bail("cannot prepare");
	put_text(&g, "a/2", "x", NULL);
	put_text(&g, "b", "x", NULL);
	is_int(list(&g, "", &l, 0), 0, "list");
	is_str(l.s, "a/0=20 a/1=1 a/2=3f b=3f", "merges in order, each key "
		"once, with who has it, of this chain alone");
	is_int(list(&g, "a/", &l, 0), 0, "with a prefix");
	is_str(l.s, "a/0=20 a/1=1 a/2=3f", "only these");
	is_int(list(&g, "", &l, 2), 9, "visit ends it");
	is_str(l.s, "a/0=20 a/1=1", "at once");
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "many/%d", i);
		put_text(&g, key, "x", NULL);
	}
	is_int(g.r->ops->list(g.r, "many/", count_key, &n), 0, "many");
	is_int(n, 1000, "are all there");
	atomic_store(&g.plan[0].unreachable, true);
	is_int(list(&g, "a/", &l, 0), 0, "one bucket away");
	is_str(l.s, "a/0=20 a/2=3e", "the others are listed");
	for (i = 1; i < 5; i++)
		atomic_store(&g.plan[i].unreachable, true);
	is_int(list(&g, "a/", &l, 0), -EAGAIN, "with one left something at "
		"quorum may be missing");
	is_str(l.s, "a/0=20 a/2=20", "it is listed nonetheless");
	rig_free(&g);
}

/* Every call of every bucket fails once; a second put always ends it. */
static void t_fault_loop(bool after)
{
	struct fault_plan plan = FAULT_NONE;
	struct replica_report report;
	struct object o;
	struct rig g;
	bool failed = true;
	int n, odd = 0;

	object_make(&o, 250000, "fault");
	for (n = 0; failed; n++) {
		rig_new(&g);
		rig_close(&g);
		g.shared = &plan;
		rig_open(&g, 0x3f);
		fault_arm(&plan, n, -EIO, after);
		odd += put(&g, &o, &report) != 0;
		odd += __builtin_popcount(report.stored) < QUORUM;
		failed = fault_disarm(&plan);
		odd += put(&g, &o, &report) != 0 || report.stored != 0x3f;
		fault_arm(&plan, n, -EIO, after);
		odd += get(&g, &o, NULL) != 0;
		failed = fault_disarm(&plan) || failed;
		fault_arm(&plan, n, -EIO, after);
		odd += get(&g, &o, &report) != 0;
		odd += report.bad != 0 &&
			report.error[__builtin_ctz(report.bad)] == 0;
		failed = fault_disarm(&plan) || failed;
		rig_free(&g);
	}
	ok(n > 6 * 6, "%d calls can fail", n);
	is_int(odd, 0, "with each of them failing once%s puts and gets "
		"succeed, and a second put fills all six",
		after ? " though done" : "");
	object_done(&o);
}

/* A bucket that gives no long run at once, as a disk with bad sectors. */
static int short_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	return n > RLNC_CELL ? -EIO : b_get(w, key, off, ret, n);
}

static void t_bad_sectors(void)
{
	struct worm *w[N], *b;
	struct replica *r;
	struct object o;
	struct rig g;
	int i;

	rig_new(&g);
	object_make(&o, 600000, "sectors");
	put(&g, &o, NULL);
	for (i = 0; i < N; i++) {
		b = i < K ? borrow(g.bucket[i]) : NULL;
		if (b != NULL)
			((struct borrowed *)b)->ops.get = short_get;
		w[i] = b;
	}
	if (replica_coded_new(w, N, K, QUORUM, PREFIX, &r) != 0)
		bail("no replica");
	rig_close(&g);
	g.r = r;
	is_int(get(&g, &o, NULL), 0, "a share that cannot be read at once is "
		"read cell by cell");
	object_done(&o);
	rig_free(&g);
}

static void t_new(void)
{
	struct worm *w[REPLICA_MAX + 1] = {NULL};
	struct replica *r = NULL;

	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, N, 4, 3, PREFIX, &r), -EINVAL,
		"a quorum below k restores nothing");
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, N, 3, 7, PREFIX, &r), -EINVAL,
		"one above n cannot be reached");
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, N, 3, 5, "../x", &r), -EINVAL,
		"a prefix is a key");
	w[REPLICA_MAX] = worm_mem_new();
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, REPLICA_MAX + 1, 3, 5, PREFIX, &r),
		-EINVAL, "17 buckets are too many");
	ok(r == NULL, "and none of them gave anything");
}

/* Three folders out of six, given in another order, to who knows nothing. */
static void t_three_folders(void)
{
	char *dir = scratch_new(), name[16];
	struct worm *w[N];
	struct object o;
	struct rig g = {0};
	int i;

	object_make(&o, 1000000, "folders");
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof name, "%d", i);
		if (worm_dir_open(scratch_path(dir, name), true, false,
				&w[i]) != 0)
			bail("no bucket");
	}
	if (replica_coded_new(w, N, K, QUORUM, PREFIX, &g.r) != 0)
		bail("no replica");
	is_int(put(&g, &o, NULL), 0, "put into six folders");
	rig_close(&g);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%d", 5 - 2 * i);
		if (worm_dir_open(scratch_path(dir, name), false, true,
				&w[i]) != 0)
			bail("no bucket");
	}
	if (replica_coded_new(w, 3, 1, 3, PREFIX, &g.r) != 0)
		bail("no replica");
	is_int(get(&g, &o, NULL), 0, "get from three, read-only, in any "
		"order: the shares know their rows");
	rig_close(&g);
	object_done(&o);
	scratch_remove(dir);
}

struct writer {
	struct rig *g;
	int id, failed;
};

static void *write_objects(void *arg)
{
	struct writer *t = arg;
	struct object o;
	char name[32];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		/* Every second object is written by all. */
		snprintf(name, sizeof name, "thread %d object %d",
			i % 2 ? t->id : -1, i);
		object_make(&o, 300000 + (size_t)i * 100000, name);
		t->failed += put(t->g, &o, NULL) != 0;
		t->failed += get(t->g, &o, NULL) != 0;
		object_done(&o);
	}
	return NULL;
}

static void t_threads(void)
{
	struct writer writer[THREADS];
	pthread_t thread[THREADS];
	struct rig g;
	int i, failed = 0;

	rig_new(&g);
	for (i = 0; i < THREADS; i++) {
		writer[i] = (struct writer){&g, i, 0};
		if (pthread_create(&thread[i], NULL, write_objects,
				&writer[i]) != 0)
			bail("no thread");
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		failed += writer[i].failed;
	}
	is_int(failed, 0, "%d threads put and get at once", THREADS);
	rig_free(&g);
}

int main(void)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 196607, 196608,
		196609, 4 * 196608, 5 << 20};
	size_t i;

	plan(0);
	t_new();
	for (i = 0; i < sizeof lengths / sizeof *lengths; i++)
		t_triples(lengths[i]);
	t_flipped();
	t_liars();
	t_hostile();
	t_retry();
	t_source_fails();
	t_whole();
	t_meta();
	t_list();
	t_fault_loop(false);
	t_fault_loop(true);
	t_bad_sectors();
	t_three_folders();
	t_threads();
	return done();
}

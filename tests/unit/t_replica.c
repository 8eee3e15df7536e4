/* Coded shares in six buckets: any three restore, no two do, and what is damaged
 * or a lie is found out. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/replica_coded.h"
#include "backends/rlnc.h"
#include "backends/share.h"
#include "backends/worm_dir.h"
#include "backends/worm_mem.h"
#include "tests/lib/rig.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define THREADS 8
#define OBJECTS 5

static void t_triples(size_t length)
{
	struct replica_report report;
	struct rig_object o;
	struct rig g;
	unsigned mask;
	int three = 0, two = 0, bits = 0;

	rig_new(&g);
	rig_make(&o, length, "META of a block");
	is_int(rig_put(&g, &o, &report), 0, "put %zu bytes", length);
	is_int(report.stored, 0x3f, "in all six");
	is_int(rig_get(&g, &o, &report), 0, "and get them");
	is_int(report.bad, 0, "with nothing bad");
	for (mask = 0; mask < 1u << RIG_N; mask++) {
		int n = __builtin_popcount(mask);

		if (n != RIG_K && n != RIG_K - 1)
			continue;
		rig_close(&g);
		rig_open(&g, mask);
		if (n == RIG_K) {
			three += rig_get(&g, &o, NULL) == 0;
			three += rig_get(&g, &o, &report) == 0;
		} else {
			two += rig_get(&g, &o, &report) == -ENODATA;
			bits += report.stored == mask;
		}
	}
	is_int(three, 2 * 20, "each of 20 triples restores them");
	is_int(two, 15, "no two do: -ENODATA");
	is_int(bits, 15, "and the report says which are left");
	rig_object_done(&o);
	rig_free(&g);
}

static void t_flipped(void)
{
	struct replica_report report;
	struct rig_object o;
	struct rig g;
	size_t at;

	rig_new(&g);
	rig_make(&o, 400000, "flip");
	at = rig_payload(&o) + 70000;
	rig_put(&g, &o, NULL);
	rig_spoil(&g, 1, &o, at, false);
	is_int(rig_get(&g, &o, NULL), 0, "a flipped bit is done without");
	is_int(rig_get(&g, &o, &report), 0, "also when all is read");
	is_int(report.bad, 1 << 1, "and its bucket is named");
	is_int(report.error[1], -EBADMSG, "with the error");
	rig_spoil(&g, 5, &o, at, false);
	is_int(rig_get(&g, &o, &report), 0, "one more, in a share not needed");
	is_int(report.bad, 1 << 1 | 1 << 5, "is named as well");
	rig_spoil(&g, 4, &o, SHARE_HEADER + 1, false);
	is_int(rig_get(&g, &o, &report), 0, "a share with another META");
	is_int(report.bad, 1 << 1 | 1 << 4 | 1 << 5, "is bad, but of use");
	rig_spoil(&g, 3, &o, 20, false);
	is_int(rig_get(&g, &o, &report), 0, "a damaged header");
	is_int(report.bad, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5, "is bad too");
	rig_spoil(&g, 0, &o, rig_payload(&o), false);
	rig_spoil(&g, 2, &o, rig_payload(&o) + 132000, false);
	is_int(rig_get(&g, &o, &report), 0,
		"no share is whole, but of every stripe three cells are");
	is_int(report.bad, 0x3f, "and all are named");
	rig_spoil(&g, 4, &o, rig_payload(&o) + 3, false);
	rig_spoil(&g, 5, &o, rig_payload(&o) + 4, false);
	is_int(rig_get(&g, &o, &report), -ENODATA,
		"when of one stripe there are two: -ENODATA");
	rig_object_done(&o);
	rig_free(&g);
}

static void t_liars(void)
{
	struct replica_report report;
	struct rig_object o, other;
	struct buf raw;
	struct rig g;

	rig_new(&g);
	rig_make(&o, 300000, "lie");
	rig_make(&other, 300000, "other");
	rig_put(&g, &o, NULL);
	rig_put(&g, &other, NULL);
	raw = rig_share(&g, 0, &other);
	rig_spoil(&g, 0, &o, rig_payload(&o) + 9, true);
	is_int(rig_get(&g, &o, NULL), 0, "a lie with a right check-sum is found out");
	is_int(rig_get(&g, &o, &report), 0, "also with a report");
	is_int(report.bad, 1 << 0, "which names the liar");
	rig_spoil(&g, 4, &o, rig_payload(&o) + 100, true);
	is_int(rig_get(&g, &o, &report), 0, "two liars");
	is_int(report.bad, 1 << 0 | 1 << 4, "are both named");
	rig_spoil(&g, 3, &o, rig_payload(&o) + 101, true);
	is_int(rig_get(&g, &o, &report), 0, "three, and three honest ones");
	is_int(report.bad, 1 << 0 | 1 << 3 | 1 << 4, "are named");
	rig_spoil(&g, 2, &o, rig_payload(&o) + 101, true);
	is_int(rig_get(&g, &o, &report), -EBADMSG,
		"four of six lie: -EBADMSG, never other bytes");
	rig_close(&g);
	rig_replace(&g, 0, &o, BUF_BYTES(&raw));
	rig_open(&g, (1u << RIG_N) - 1);
	rig_get(&g, &o, &report);
	ok(report.bad & 1, "a share of another object is bad");
	buf_free(&raw);
	rig_object_done(&o);
	rig_object_done(&other);
	rig_free(&g);
}

/* Headers made to hurt: right check-sum, wild numbers. */
static void t_hostile(void)
{
	static const uint64_t lengths[] = {0, 1, 1000, 1ull << 30, 1ull << 40};
	struct replica_report report;
	struct rig_object o;
	struct rig g;
	size_t i;
	int fine = 0;

	rig_make(&o, 1000, "hostile");
	for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct share_header h = {.k = 1, .n = 1, .cell = 64,
			.length = lengths[i], .meta_length = 1ull << 39,
			.hy = o.hmeta, .row = {7}};
		uint8_t raw[SHARE_HEADER];

		rig_new(&g);
		rig_put(&g, &o, NULL);
		h.payload_length = rlnc_share_length(h.length, 1, 64);
		share_header_encode(&h, raw);
		rig_close(&g);
		rig_replace(&g, 0, &o, BYTES(raw, sizeof raw));
		rig_open(&g, (1u << RIG_N) - 1);
		fine += rig_get(&g, &o, &report) == 0 && report.bad == 1;
		rig_free(&g);
	}
	is_int(fine, i, "headers that promise what is not there are bad");
	rig_object_done(&o);
}

static void t_retry(void)
{
	struct replica_report report;
	struct rig_object o;
	struct rig g;
	struct buf a, b;
	unsigned i;
	bool same = true;

	rig_new(&g);
	rig_make(&o, 500000, "retry");
	atomic_store(&g.plan[2].unreachable, true);
	is_int(rig_put(&g, &o, &report), 0, "one dead bucket: 5 of 6 will do");
	is_int(report.stored, 0x3f & ~(1 << 2), "the report says who lacks it");
	is_int(report.error[2], -EHOSTUNREACH, "and why");
	atomic_store(&g.plan[4].unreachable, true);
	rig_object_done(&o);
	rig_make(&o, 400001, "retry again");
	is_int(rig_put(&g, &o, &report), -EAGAIN, "two dead: not yet");
	is_int(report.stored, 0x2b, "four have it");
	atomic_store(&g.plan[4].unreachable, false);
	is_int(rig_put(&g, &o, &report), 0, "put again: enough");
	is_int(report.stored, 0x3b, "those that had it count");
	atomic_store(&g.plan[2].unreachable, false);
	is_int(rig_put(&g, &o, &report), 0, "and again");
	is_int(report.stored, 0x3f, "all six");
	a = rig_share(&g, 2, &o);
	rig_free(&g);
	rig_new(&g);
	rig_put(&g, &o, NULL);
	for (i = 2; i < 3; i++) {
		b = rig_share(&g, i, &o);
		same = same && bytes_equal(BUF_BYTES(&a), BUF_BYTES(&b));
		buf_free(&b);
	}
	ok(same, "a share is the same bytes whenever it was written");
	buf_free(&a);
	rig_spoil(&g, 3, &o, rig_payload(&o) + 5, false);
	is_int(rig_put(&g, &o, &report), 0, "one bucket with other bytes");
	is_int(report.bad, 1 << 3, "is bad");
	is_int(report.error[3], -EEXIST, "since they do not change");
	rig_object_done(&o);
	rig_free(&g);
}

static void t_source_fails(void)
{
	struct rig_object o;
	struct rig g;
	uint64_t size;

	rig_new(&g);
	rig_make(&o, 2000000, "source");
	o.fail_at = 1500000;
	is_int(rig_put(&g, &o, NULL), -EIO, "a payload that cannot be read");
	is_int(g.bucket[0]->ops->size(g.bucket[0], rig_key(&o), &size),
		-ENOENT, "leaves nothing");
	o.fail_at = UINT64_MAX;
	is_int(rig_put(&g, &o, NULL), 0, "and can be put when it can be read");
	rig_object_done(&o);
	rig_free(&g);
}

static void t_fault_loop(bool after)
{
	struct fault_plan plan = FAULT_NONE;
	struct replica_report report;
	struct rig_object o;
	struct rig g;
	bool failed = true;
	int n, odd = 0;

	rig_make(&o, 250000, "fault");
	for (n = 0; failed; n++) {
		rig_new(&g);
		rig_close(&g);
		g.shared = &plan;
		rig_open(&g, 0x3f);
		fault_arm(&plan, n, -EIO, after);
		odd += rig_put(&g, &o, &report) != 0;
		odd += __builtin_popcount(report.stored) < RIG_QUORUM;
		failed = fault_disarm(&plan);
		odd += rig_put(&g, &o, &report) != 0 || report.stored != 0x3f;
		fault_arm(&plan, n, -EIO, after);
		odd += rig_get(&g, &o, NULL) != 0;
		failed = fault_disarm(&plan) || failed;
		fault_arm(&plan, n, -EIO, after);
		odd += rig_get(&g, &o, &report) != 0;
		odd += report.bad != 0 &&
			report.error[__builtin_ctz(report.bad)] == 0;
		failed = fault_disarm(&plan) || failed;
		rig_free(&g);
	}
	ok(n > 6 * 6, "%d calls can fail", n);
	is_int(odd, 0, "with each of them failing once%s puts and gets "
		"succeed, and a second put fills all six",
		after ? " though done" : "");
	rig_object_done(&o);
}

/* A bucket that gives no long run at once, as a disk with bad sectors. */
static int short_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	struct worm *inner = ((struct rig_borrowed *)w)->inner;

	return n > RLNC_CELL ? -EIO : inner->ops->get(inner, key, off, ret, n);
}

static void t_bad_sectors(void)
{
	struct worm *w[RIG_N], *b;
	struct replica *r;
	struct rig_object o;
	struct rig g;
	int i;

	rig_new(&g);
	rig_make(&o, 600000, "sectors");
	rig_put(&g, &o, NULL);
	for (i = 0; i < RIG_N; i++) {
		b = i < RIG_K ? rig_borrow(g.bucket[i]) : NULL;
		if (b != NULL)
			((struct rig_borrowed *)b)->ops.get = short_get;
		w[i] = b;
	}
	if (replica_coded_new(w, RIG_N, RIG_K, RIG_QUORUM, RIG_PREFIX, &r) != 0)
		bail("no replica");
	rig_close(&g);
	g.r = r;
	is_int(rig_get(&g, &o, NULL), 0, "a share that cannot be read at once is "
		"read cell by cell");
	rig_object_done(&o);
	rig_free(&g);
}

static void t_new(void)
{
	struct worm *w[REPLICA_MAX + 1] = {NULL};
	struct replica *r = NULL;

	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, RIG_N, 4, 3, RIG_PREFIX, &r), -EINVAL,
		"a quorum below k restores nothing");
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, RIG_N, 3, 7, RIG_PREFIX, &r), -EINVAL,
		"one above n cannot be reached");
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, RIG_N, 3, 5, "../x", &r), -EINVAL,
		"a prefix is a key");
	w[REPLICA_MAX] = worm_mem_new();
	w[0] = worm_mem_new();
	is_int(replica_coded_new(w, REPLICA_MAX + 1, 3, 5, RIG_PREFIX, &r),
		-EINVAL, "17 buckets are too many");
	ok(r == NULL, "and none of them gave anything");
}

/* Three folders out of six, given in another order, to who knows nothing. */
static void t_three_folders(void)
{
	char *dir = scratch_new(), name[16];
	struct worm *w[RIG_N];
	struct rig_object o;
	struct rig g = {0};
	int i;

	rig_make(&o, 1000000, "folders");
	for (i = 0; i < RIG_N; i++) {
		snprintf(name, sizeof name, "%d", i);
		if (worm_dir_open(scratch_path(dir, name), true, false,
				&w[i]) != 0)
			bail("no bucket");
	}
	if (replica_coded_new(w, RIG_N, RIG_K, RIG_QUORUM, RIG_PREFIX, &g.r) != 0)
		bail("no replica");
	is_int(rig_put(&g, &o, NULL), 0, "put into six folders");
	rig_close(&g);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%d", 5 - 2 * i);
		if (worm_dir_open(scratch_path(dir, name), false, true,
				&w[i]) != 0)
			bail("no bucket");
	}
	if (replica_coded_new(w, 3, 1, 3, RIG_PREFIX, &g.r) != 0)
		bail("no replica");
	is_int(rig_get(&g, &o, NULL), 0, "get from three, read-only, in any "
		"order: the shares know their rows");
	rig_close(&g);
	rig_object_done(&o);
	scratch_remove(dir);
}

struct writer {
	struct rig *g;
	int id, failed;
};

static void *write_objects(void *arg)
{
	struct writer *t = arg;
	struct rig_object o;
	char name[32];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		/* Every second object is written by all. */
		snprintf(name, sizeof name, "thread %d object %d",
			i % 2 ? t->id : -1, i);
		rig_make(&o, 300000 + (size_t)i * 100000, name);
		t->failed += rig_put(t->g, &o, NULL) != 0;
		t->failed += rig_get(t->g, &o, NULL) != 0;
		rig_object_done(&o);
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
	t_fault_loop(false);
	t_fault_loop(true);
	t_bad_sectors();
	t_three_folders();
	t_threads();
	return done();
}
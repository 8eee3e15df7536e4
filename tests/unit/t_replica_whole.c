/* What a replica keeps whole in each bucket, the META of what is coded, and what
 * it lists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/replica_coded.h"
#include "backends/share.h"
#include "core/cleanup.h"
#include "tests/lib/rig.h"
#include "tests/tap/tap.h"

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
	if (worm_put_all(g.bucket[0], RIG_PREFIX "/a/1", BYTES("odd", 3)) != 0)
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
	struct rig_object o;
	struct rig g;
	unsigned i;

	rig_new(&g);
	rig_make(&o, 1000, "the META");
	rig_put(&g, &o, NULL);
	rig_spoil(&g, 0, &o, SHARE_HEADER + 2, false);
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
	for (i = 1; i < RIG_N; i++)
		rig_spoil(&g, i, &o, SHARE_HEADER + i, false);
	is_int(g.r->ops->get_meta(g.r, o.key, &o.hmeta, &got, &report),
		-EBADMSG, "all bad");
	is_int(report.bad, 0x3f, "and named");
	rig_object_done(&o);
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
	if (worm_put_all(g.bucket[0], RIG_PREFIX "/a/1", BYTES("x", 1)) != 0 ||
			worm_put_all(g.bucket[5], RIG_PREFIX "/a/0",
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

int main(void)
{
	plan(0);
	t_whole();
	t_meta();
	t_list();
	return done();
}

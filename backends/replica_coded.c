#include "backends/replica_coded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/coded.h"
#include "backends/rlnc.h"
#include "core/cleanup.h"

int coded_key(const struct coded *c, const char *key,
	char ret[WORM_KEY_MAX + 1])
{
	size_t n = strlen(c->prefix), m = strnlen(key, WORM_KEY_MAX + 1);

	if (!worm_key_ok(key) || n + m > WORM_KEY_MAX)
		return -EINVAL;
	memcpy(ret, c->prefix, n);
	memcpy(ret + n, key, m + 1);
	return 0;
}

struct each_job {
	struct job job;
	int (*fn)(void *ctx, unsigned i, struct worm *bucket);
	void *ctx;
	unsigned i;
	struct worm *bucket;
	int error;
};

static void run_each(struct job *job)
{
	struct each_job *j = (struct each_job *)job; /* its first member */

	j->error = j->fn(j->ctx, j->i, j->bucket);
}

void coded_each(struct coded *c,
	int (*fn)(void *ctx, unsigned i, struct worm *bucket), void *ctx,
	int ret_error[REPLICA_MAX])
{
	struct each_job job[REPLICA_MAX];
	struct batch batch;
	unsigned i;

	batch_init(&batch);
	for (i = 0; i < c->base.n; i++) {
		job[i] = (struct each_job){{.run = run_each}, fn, ctx, i,
			c->bucket[i], -ENODEV};
		if (c->bucket[i] != NULL)
			worker_give(c->worker[i], &job[i].job, &batch);
	}
	batch_wait(&batch);
	batch_done(&batch);
	for (i = 0; i < c->base.n; i++)
		ret_error[i] = job[i].error;
}

bool coded_damage(int error)
{
	return error == -EBADMSG || error == -EEXIST || error == -EFBIG;
}

void coded_note(struct replica_report *r, unsigned i, int error)
{
	if (r == NULL)
		return;
	r->error[i] = error;
	if (error == 0)
		r->stored |= 1u << i;
	if (coded_damage(error))
		r->bad |= 1u << i;
}

int coded_quorum(const struct coded *c, const int error[REPLICA_MAX],
	struct replica_report *report)
{
	unsigned i, stored = 0;

	for (i = 0; i < c->base.n; i++) {
		coded_note(report, i, error[i]);
		stored += error[i] == 0;
	}
	return stored >= c->base.quorum ? 0 : -EAGAIN;
}

/* An object that is stored at quorum is missing in n - quorum buckets at the
 * most: when more say that they have nothing, there is none, whatever those
 * hold that cannot be asked. */
int coded_none(const struct coded *c, const int error[REPLICA_MAX])
{
	unsigned i, absent = 0, damaged = 0, n = c->base.n;

	for (i = 0; i < n; i++) {
		if (error[i] == -ENOMEM)
			return -ENOMEM;
		absent += error[i] == -ENOENT;
		damaged += coded_damage(error[i]);
	}
	if (damaged == 0 && absent > n - c->base.quorum)
		return -ENOENT;
	return absent + damaged < n ? -EAGAIN : damaged > 0 ? -EBADMSG
		: -ENOENT;
}

struct whole {
	char key[WORM_KEY_MAX + 1];
	struct bytes data;
};

static int put_one(void *ctx, unsigned i, struct worm *bucket)
{
	struct whole *w = ctx;

	(void)i;
	return worm_put_all(bucket, w->key, w->data);
}

static int put_whole(struct replica *r, const char *key, struct bytes data,
	struct replica_report *report)
{
	struct coded *c = coded_of(r);
	struct whole w = {.data = data};
	int error[REPLICA_MAX], rc = coded_key(c, key, w.key);

	if (rc != 0)
		return rc;
	if (report != NULL)
		*report = (struct replica_report){0};
	coded_each(c, put_one, &w, error);
	return coded_quorum(c, error, report);
}

struct wanted {
	char key[WORM_KEY_MAX + 1];
	size_t max;
	bool (*accept)(void *ctx, struct bytes data);
	void *ctx;
	struct buf got;
	bool have;
};

/* One bucket's object: kept if it is the first that is accepted, else held
 * against that. */
static int get_one(struct wanted *w, struct worm *bucket)
{
	cleanup(buf) struct buf b = {0};
	int rc;

	if (bucket == NULL)
		return -ENODEV;
	rc = worm_get_all(bucket, w->key, w->max, &b);
	if (rc != 0)
		return rc;
	if (w->have)
		return bytes_equal(BUF_BYTES(&b), BUF_BYTES(&w->got)) ? 0
			: -EBADMSG;
	if (!w->accept(w->ctx, BUF_BYTES(&b)))
		return -EBADMSG;
	w->got = b;
	b = (struct buf){0}; /* w has it */
	w->have = true;
	return 0;
}

static int get_whole(struct replica *r, const char *key, size_t max,
	bool (*accept)(void *ctx, struct bytes data), void *ctx,
	struct buf *ret, struct replica_report *report)
{
	struct coded *c = coded_of(r);
	struct wanted w = {.max = max, .accept = accept, .ctx = ctx};
	int error[REPLICA_MAX], rc = coded_key(c, key, w.key);
	unsigned i;

	if (rc != 0)
		return rc;
	if (report != NULL)
		*report = (struct replica_report){0};
	/* Without a report the first one will do. */
	for (i = 0; i < r->n && !(w.have && report == NULL); i++) {
		error[i] = get_one(&w, c->bucket[i]);
		coded_note(report, i, error[i]);
	}
	if (!w.have)
		return coded_none(c, error);
	*ret = w.got;
	return 0;
}

static void coded_free(struct replica *r)
{
	struct coded *c = coded_of(r);
	unsigned i;

	if (c == NULL)
		return;
	for (i = 0; i < r->n; i++) {
		worker_free(c->worker[i]);
		if (c->bucket[i] != NULL)
			c->bucket[i]->ops->free(c->bucket[i]);
	}
	free(c);
}

/* Rows for k of n can be drawn for any object if they can for one. */
/* 0, -EINVAL or -ENOMEM. */
static int check_numbers(unsigned n, unsigned k, unsigned quorum)
{
	const struct hash any = {{0}};
	struct rlnc_rows rows;

	return k >= 1 && k <= quorum && quorum <= n && n <= REPLICA_MAX ?
		rlnc_draw(&any, k, n, true, &rows, NULL) : -EINVAL;
}

static int set_up(struct coded *c, unsigned k, unsigned quorum,
	const char *prefix)
{
	unsigned i;
	int rc = worm_key_ok(prefix) ? check_numbers(c->base.n, k, quorum) :
		-EINVAL;

	if (rc != 0)
		return rc;
	c->base.k = k;
	c->base.quorum = quorum;
	strcpy(c->prefix, prefix);
	strcat(c->prefix, "/");
	for (i = 0; i < c->base.n; i++) {
		if (c->bucket[i] == NULL)
			continue;
		c->worker[i] = worker_new();
		if (c->worker[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int replica_coded_new(struct worm **bucket, unsigned n, unsigned k,
	unsigned quorum, const char *prefix, struct replica **ret)
{
	static const struct replica_ops ops = {
		.put_whole = put_whole,
		.put_coded = coded_put,
		.get_whole = get_whole,
		.get_meta = coded_get_meta,
		.get_coded = coded_get,
		.list = coded_list,
		.free = coded_free,
	};
	struct coded *c = calloc(1, sizeof *c);
	unsigned i;
	int rc;

	if (c == NULL || n > REPLICA_MAX) {
		for (i = 0; i < n; i++)
			if (bucket[i] != NULL)
				bucket[i]->ops->free(bucket[i]);
		rc = c == NULL ? -ENOMEM : -EINVAL;
		free(c);
		return rc;
	}
	c->base = (struct replica){.ops = &ops, .n = n};
	for (i = 0; i < c->base.n; i++)
		c->bucket[i] = bucket[i];
	rc = set_up(c, k, quorum, prefix);
	if (rc != 0) {
		coded_free(&c->base);
		return rc;
	}
	*ret = &c->base;
	return 0;
}

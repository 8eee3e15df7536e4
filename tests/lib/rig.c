#include "tests/lib/rig.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/replica_coded.h"
#include "backends/share.h"
#include "backends/worm_mem.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "tests/tap/tap.h"

static struct worm *inner(struct worm *w)
{
	return ((struct rig_borrowed *)w)->inner;
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

struct worm *rig_borrow(struct worm *w)
{
	struct rig_borrowed *b = calloc(1, sizeof *b);

	if (b == NULL)
		bail("no memory");
	b->ops = (struct worm_ops){b_put, w->ops->write, w->ops->commit,
		w->ops->abort, b_size, b_get, b_list,
		.free = b_free};
	b->base = (struct worm){&b->ops, w->name};
	b->inner = w;
	return &b->base;
}

void rig_open(struct rig *g, unsigned mask)
{
	struct worm *w[RIG_N];
	int i, rc;

	for (i = 0; i < RIG_N; i++)
		w[i] = mask >> i & 1 ? fault_worm_new(rig_borrow(g->bucket[i]),
			g->shared != NULL ? g->shared : &g->plan[i]) : NULL;
	rc = replica_coded_new(w, RIG_N, RIG_K, RIG_QUORUM, RIG_PREFIX, &g->r);
	if (rc != 0)
		bail("replica_coded_new: %d", rc);
}

void rig_close(struct rig *g)
{
	g->r->ops->free(g->r);
	g->r = NULL;
}

void rig_new(struct rig *g)
{
	int i;

	*g = (struct rig){0};
	for (i = 0; i < RIG_N; i++) {
		g->plan[i] = (struct fault_plan)FAULT_NONE;
		g->bucket[i] = worm_mem_new();
	}
	rig_open(g, (1u << RIG_N) - 1);
}

void rig_free(struct rig *g)
{
	int i;

	rig_close(g);
	for (i = 0; i < RIG_N; i++)
		g->bucket[i]->ops->free(g->bucket[i]);
}

void rig_make(struct rig_object *o, size_t length, const char *name)
{
	uint64_t x = 88172645463325252u + length;
	size_t i;

	*o = (struct rig_object){.fail_at = UINT64_MAX};
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

void rig_object_done(struct rig_object *o)
{
	buf_free(&o->meta);
	buf_free(&o->data);
}

static int read_object(void *ctx, uint64_t off, void *ret, size_t n)
{
	const struct rig_object *o = ctx;

	if (off + n > o->fail_at)
		return -EIO;
	if (off + n > o->data.n)
		bail("read beyond the payload");
	memcpy(ret, o->data.p + off, n);
	return 0;
}

static bool is_it(void *ctx, struct bytes payload)
{
	const struct rig_object *o = ctx;

	return bytes_equal(payload, BUF_BYTES(&o->data));
}

int rig_put(struct rig *g, struct rig_object *o,
	struct replica_report *report)
{
	struct source s = {read_object, o};

	return g->r->ops->put_coded(g->r, o->key, BUF_BYTES(&o->meta),
		o->data.n, &s, report);
}

int rig_get(struct rig *g, struct rig_object *o,
	struct replica_report *report)
{
	cleanup(buf) struct buf got = {0};
	int rc = g->r->ops->get_coded(g->r, o->key, &o->hmeta, is_it, o, &got,
		report);

	if (rc == 0 && !is_it(o, BUF_BYTES(&got)))
		return 1; /* not what was accepted */
	return rc;
}

const char *rig_key(const struct rig_object *o)
{
	static char key[WORM_KEY_MAX + 1];

	snprintf(key, sizeof key, RIG_PREFIX "/%s", o->key);
	return key;
}

struct buf rig_share(struct rig *g, unsigned i, const struct rig_object *o)
{
	struct buf b = {0};

	if (worm_get_all(g->bucket[i], rig_key(o), 1 << 26, &b) != 0)
		bail("no share in bucket %u", i);
	return b;
}

void rig_replace(struct rig *g, unsigned i, const struct rig_object *o,
	struct bytes raw)
{
	g->bucket[i]->ops->free(g->bucket[i]);
	g->bucket[i] = worm_mem_new();
	if (worm_put_all(g->bucket[i], rig_key(o), raw) != 0)
		bail("cannot replace a share");
}

void rig_spoil(struct rig *g, unsigned i, const struct rig_object *o,
	size_t at, bool lie)
{
	struct buf raw = rig_share(g, i, o);
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
	rig_replace(g, i, o, BUF_BYTES(&raw));
	rig_open(g, (1u << RIG_N) - 1);
	buf_free(&raw);
}

size_t rig_payload(const struct rig_object *o)
{
	return SHARE_HEADER + o->meta.n;
}

/* Kind chain: items in order of arrival, the main chain after each of them,
 * and a certificate or none for every transaction. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/chain.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "tests/lib/simform.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

struct world {
	struct sim_params params;
	const json_t *items;
	struct chain *chain;
};

#define DIFFERS(...) (diag(__VA_ARGS__), false)

static bool is_chain(const json_t *doc)
{
	return json_is_object(json_object_get(doc, "params")) &&
		json_is_array(json_object_get(doc, "items")) &&
		json_is_object(json_object_get(doc, "expect"));
}

static bool params_of(const json_t *doc, struct sim_params *ret)
{
	const json_t *p = json_object_get(doc, "params");

	return hash_of(p, "b0", &ret->b0) && key_of(p, "KS", ret->ks) &&
		key_of(p, "KT", ret->kt) && key_of(p, "KA", ret->ka) &&
		key_of(p, "image", ret->image);
}

static const json_t *item_by_id(const struct world *w, const char *id)
{
	const json_t *item;
	const char *have;
	size_t i;

	json_array_foreach(w->items, i, item) {
		have = text_of(item, "id");
		if (id != NULL && have != NULL && strcmp(have, id) == 0)
			return item;
	}
	return NULL;
}

/* H of the bytes of a named block or timestamp. */
static bool hash_by_id(const struct world *w, const char *id, struct hash *ret)
{
	cleanup(buf) struct buf raw = {0};

	if (!hex_of(item_by_id(w, id), "raw", &raw))
		return false;
	*ret = hash_sha3(BUF_BYTES(&raw));
	return true;
}

/* The leaves d^H of an m item: H of each transaction. */
static bool leaves_of(const json_t *item, struct buf *ret)
{
	const json_t *tx = json_object_get(item, "tx"), *d;
	size_t i;

	json_array_foreach(tx, i, d) {
		cleanup(buf) struct buf raw = {0};
		struct hash h;

		if (!hex_text(d, &raw))
			return false;
		h = hash_sha3(BUF_BYTES(&raw));
		if (buf_add(ret, h.b, HASH_LEN) != 0)
			return false;
	}
	return true;
}

static int add_tree(struct world *w, const json_t *item)
{
	cleanup(buf) struct buf leaves = {0};
	struct hash root;

	if (!hash_of(item, "root", &root) || !leaves_of(item, &leaves))
		return -EBADMSG;
	return chain_add_tree(w->chain, &root, (const struct hash *)leaves.p,
		leaves.n / HASH_LEN);
}

static int add_raw(struct world *w, const char *type, struct bytes raw)
{
	struct sim_block b;
	struct sim_stamp t;
	struct sim_number a;
	int rc = -EINVAL;

	switch (type[0]) {
	case 'b':
		rc = sim_block_read(raw, &b);
		if (rc == 0)
			rc = chain_add_block(w->chain, &b.hb, b.u, &b.mh,
				&b.th);
		break;
	case 't':
		rc = sim_stamp_read(&w->params, raw, &t);
		if (rc == 0)
			rc = chain_add_stamp(w->chain, &t.ht, &t.y, t.valid);
		break;
	case 'a':
		rc = sim_number_read(&w->params, raw, &a);
		if (rc == 0 && a.valid)
			rc = chain_add_number(w->chain, a.k, a.y);
		break;
	}
	return rc;
}

/* Items that are malformed are ignored, as from a bucket. */
static bool add_item(struct world *w, const json_t *item)
{
	cleanup(buf) struct buf raw = {0};
	const char *type = text_of(item, "type");
	int rc;

	if (type == NULL || strlen(type) != 1)
		return DIFFERS("an item without a type");
	if (type[0] == 'm')
		rc = add_tree(w, item);
	else if (!hex_of(item, "raw", &raw))
		return DIFFERS("an item without bytes");
	else
		rc = add_raw(w, type, BUF_BYTES(&raw));
	if (rc != 0 && rc != -EBADMSG)
		return DIFFERS("item %s: %s", text_of(item, "id"),
			strerror(-rc));
	return true;
}

static bool after_item(const struct world *w, size_t i, const json_t *want)
{
	json_int_t length = json_integer_value(json_array_get(want, 0));
	json_int_t mark = json_integer_value(json_array_get(want, 1));
	const char *id = text_of(json_array_get(w->items, i), "id");

	if (!json_is_integer(json_array_get(want, 1)))
		return DIFFERS("after_each: nothing for item %zu", i);
	if (chain_length(w->chain) == (uint64_t)length &&
		chain_watermark(w->chain) == mark)
		return true;
	return DIFFERS("after item %zu (%s): main chain %" PRIu64
		       " blocks, watermark %" PRId64 "; want %lld, %lld",
		i, id, chain_length(w->chain), chain_watermark(w->chain),
		(long long)length, (long long)mark);
}

static bool same_link(const struct world *w, uint64_t height,
	const char *block, const char *stamp, json_int_t k)
{
	struct chain_link l = {0};
	struct hash hb, ht;

	if (chain_at(w->chain, height, &l) != 0)
		return DIFFERS("height %" PRIu64 ": nothing there", height);
	if (!hash_by_id(w, block, &hb) || !hash_equal(&l.hb, &hb))
		return DIFFERS("height %" PRIu64 ": not block %s", height,
			block);
	if (!hash_by_id(w, stamp, &ht) || !hash_equal(&l.ht, &ht))
		return DIFFERS("height %" PRIu64 ": not stamp %s", height,
			stamp);
	if (l.height != height || l.k != (uint64_t)k)
		return DIFFERS("height %" PRIu64 ": number %" PRIu64
			       ", want %lld", height, l.k, (long long)k);
	return true;
}

static bool same_chain(const struct world *w, const json_t *want)
{
	const json_t *ids = json_object_get(want, "chain");
	const json_t *ks = json_object_get(want, "numbers");
	const char *reason = text_of(want, "reason");
	const char *have = chain_reason_text(chain_reason(w->chain));
	size_t i, n = json_array_size(ids) / 2;
	bool good = true;

	if (chain_length(w->chain) != n || json_array_size(ks) != n)
		return DIFFERS("main chain has %" PRIu64 " blocks, want %zu",
			chain_length(w->chain), n);
	for (i = 0; i < n; i++)
		good &= same_link(w, i,
			json_string_value(json_array_get(ids, 2 * i)),
			json_string_value(json_array_get(ids, 2 * i + 1)),
			json_integer_value(json_array_get(ks, i)));
	if (chain_watermark(w->chain) !=
		json_integer_value(json_object_get(want, "watermark")))
		good = DIFFERS("watermark %" PRId64,
			chain_watermark(w->chain));
	if (reason == NULL || strcmp(reason, have) != 0)
		good = DIFFERS("reason %s, want %s", have, reason);
	return good;
}

/* The tree that was given for this root. */
static bool find_leaves(
	const struct world *w, const struct hash *root, struct buf *ret)
{
	const json_t *item;
	struct hash h;
	size_t i;

	json_array_foreach(w->items, i, item)
		if (hash_of(item, "root", &h) && hash_equal(&h, root))
			return leaves_of(item, ret);
	return false;
}

static bool same_path(const struct world *w, const struct chain_place *p,
	const struct hash *dh, const json_t *want)
{
	cleanup(buf) struct buf leaves = {0};
	struct hash path[MERKLE_PATH_MAX], h;
	struct merkle *m = NULL;
	size_t i, n = 0;
	bool good;

	if (!find_leaves(w, &p->at.mh, &leaves) ||
		merkle_new((const struct hash *)leaves.p,
			leaves.n / HASH_LEN, &m) != 0)
		return DIFFERS("no tree for the block at its height");
	n = merkle_path(m, p->index, path);
	merkle_free(m);
	good = n == json_array_size(want);
	for (i = 0; good && i < n; i++)
		good = hash_text(json_array_get(want, i), &h) &&
			hash_equal(&h, &path[i]);
	if (!good)
		return DIFFERS("another path");
	if (merkle_fold(dh, p->index, p->n, path, n, &h) != 0 ||
		!hash_equal(&h, &p->at.mh))
		return DIFFERS("the path does not lead to m^H");
	return true;
}

static bool same_number(const json_t *o, const char *name, uint64_t have)
{
	uint64_t want = UINT64_MAX;

	if (uint_of(o, name, &want) && want == have)
		return true;
	return DIFFERS("%s is %" PRIu64 ", want %" PRIu64, name, have, want);
}

static bool same_id(const struct world *w, const json_t *o, const char *name,
	const struct hash *have)
{
	struct hash h;

	if (hash_by_id(w, text_of(o, name), &h) && hash_equal(&h, have))
		return true;
	return DIFFERS("%s is not %s", name, text_of(o, name));
}

static bool same_place(const struct world *w, const struct hash *dh,
	const json_t *want)
{
	struct chain_place p = {0};
	int rc = chain_find(w->chain, dh, &p);

	if (json_is_null(want))
		return rc == -ENOENT || DIFFERS("certified, must not be");
	if (rc != 0)
		return DIFFERS("not certified");
	return same_number(want, "height", p.at.height) &&
		same_number(want, "index", p.index) &&
		same_number(want, "n", p.n) && same_number(want, "k", p.at.k) &&
		same_id(w, want, "block", &p.at.hb) &&
		same_id(w, want, "t_lower", &p.lower.ht) &&
		same_id(w, want, "t_upper", &p.at.ht) &&
		(json_is_true(json_object_get(want, "first")) == p.first ||
			DIFFERS("first is %d", p.first)) &&
		same_path(w, &p, dh, json_object_get(want, "path"));
}

static bool same_certificates(const struct world *w, const json_t *want)
{
	const json_t *certs = json_object_get(want, "certs"), *cert;
	struct hash dh;
	bool good = true;
	size_t i;

	json_array_foreach(certs, i, cert) {
		if (!hash_of(cert, "d", &dh) ||
			!same_place(w, &dh, json_object_get(cert, "cert")))
			good = DIFFERS("of transaction %s",
				text_of(cert, "d"));
	}
	return good;
}

static bool agrees(struct world *w, const json_t *want)
{
	const json_t *each = json_object_get(want, "after_each"), *item;
	bool good = true;
	size_t i;

	json_array_foreach(w->items, i, item) {
		good &= add_item(w, item);
		if (each != NULL)
			good &= after_item(w, i, json_array_get(each, i));
	}
	good &= same_chain(w, want);
	good &= same_certificates(w, want);
	return good;
}

static void run_rule(const char *file, const json_t *doc, bool void_rule)
{
	struct world w = {.items = json_object_get(doc, "items")};
	const json_t *want = json_object_get(doc, "expect_void");
	bool good = false;

	/* Where the rule changes nothing the file says nothing of it. */
	if (!void_rule || want == NULL)
		want = json_object_get(doc, "expect");
	if (!params_of(doc, &w.params))
		diag("params are not complete");
	else if ((w.chain = chain_new(&w.params.b0, void_rule)) == NULL)
		bail("no memory");
	else
		good = agrees(&w, want);
	chain_free(w.chain);
	ok(good, "%s: %s%s", file, text_of(doc, "about"),
		void_rule ? " (void rule)" : "");
}

static void run_chain(const char *file, const json_t *doc)
{
	run_rule(file, doc, false);
	run_rule(file, doc, true);
}

const struct kind kind_chain = {.name = "chain", .is = is_chain,
	.run = run_chain};

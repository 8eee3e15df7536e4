#include "tests/lib/mkfinal.h"

#include "core/hash.h"
#include "core/mlog.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

/* The next sibling: any hash will do. */
static struct hash sibling(struct certificate_final *f)
{
	f->path[f->path_len] =
		hash_sha256(BYTES(&f->path_len, sizeof(f->path_len)));
	return f->path[f->path_len++];
}

/* Upward as RFC 9162 2.1.3.2 walks it, with siblings made up on the way. */
static struct hash fold(struct certificate_final *f, const struct hash *leaf,
	uint64_t i, uint64_t n)
{
	struct hash r = *leaf, s;
	uint64_t last;

	for (last = n - 1; last > 0; i >>= 1, last >>= 1) {
		if ((i & 1) != 0) {
			s = sibling(f);
			r = mlog_inner(&s, &r);
		} else if (i < last) {
			s = sibling(f);
			r = mlog_inner(&r, &s);
		}
	}
	return r;
}

void mkfinal_seal(struct mkfinal *f, const struct mkchain *c, uint64_t p_ms)
{
	buf_free(&f->b);
	buf_free(&f->t);
	if (block_encode(&f->block, &f->b) != 0)
		bail("cannot encode the later block");
	mkchain_stamp(c->seed, BUF_BYTES(&f->b), p_ms, &f->t);
	f->f.b = BUF_BYTES(&f->b);
	f->f.t = BUF_BYTES(&f->t);
}

void mkfinal_init(struct mkfinal *f, const struct mkchain *c, uint64_t size,
	uint64_t p_ms)
{
	struct hash hb = block_hash(BUF_BYTES(&c->b));
	struct hash ht = timestamp_hash(BUF_BYTES(&c->t)), leaf;

	*f = (struct mkfinal){.block = {.u = {9}, .has_log = true}};
	leaf = sequence_log_leaf(c->seq.height, c->seq.k, &hb, &ht, c->seq.r);
	f->block.log_size = size;
	f->block.log_root = fold(&f->f, &leaf, c->seq.height, size);
	mkfinal_seal(f, c, p_ms);
}

void mkfinal_done(struct mkfinal *f)
{
	buf_free(&f->b);
	buf_free(&f->t);
}

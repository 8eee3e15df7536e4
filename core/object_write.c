#include <errno.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/object.h"

/* Hands out what the decoder takes; it alone knows the rules. */
static int finish(
	struct cborw *w, int (*decodes)(struct bytes), struct buf *ret)
{
	cleanup(buf) struct buf out = {0};
	int rc = cborw_end(w, &out);

	if (rc == 0)
		rc = decodes(BUF_BYTES(&out));
	if (rc != 0)
		return rc == -EBADMSG ? -EINVAL : rc;
	*ret = out;
	out = (struct buf){0}; /* *ret has it */
	return 0;
}

static void put_stamp(struct cborw *w, uint64_t type, struct bytes t)
{
	cborw_array(w, 2);
	cborw_uint(w, type);
	cborw_bytes(w, t);
}

static void put_optional(struct cborw *w, struct bytes v)
{
	if (v.n == 0)
		cborw_null(w);
	else
		cborw_bytes(w, v);
}

static int meta_decodes(struct bytes in)
{
	struct meta m = {0};
	int rc = meta_decode(in, &m);

	meta_done(&m);
	return rc;
}

int meta_encode(const struct meta *m, struct buf *ret)
{
	struct cborw w = {0};
	size_t i;

	cborw_array(&w, 4);
	cborw_bytes(&w, m->b);
	put_stamp(&w, m->t_type, m->t);
	cborw_array(&w, m->n);
	for (i = 0; i < m->n; i++)
		cborw_bytes(&w, m->d[i]);
	cborw_map(&w, m->n_large);
	for (i = 0; i < m->n_large; i++) {
		cborw_uint(&w, m->large[i].index);
		cborw_bytes(&w, m->large[i].tops);
	}
	return finish(&w, meta_decodes, ret);
}

static int extent_meta_decodes(struct bytes in)
{
	struct extent_meta m;

	return extent_meta_decode(in, &m);
}

int extent_meta_encode(const struct extent_meta *m, struct buf *ret)
{
	struct cborw w = {0};

	cborw_array(&w, 4);
	cborw_text(&w, "notaryfs-extent");
	cborw_uint(&w, 1);
	cborw_hash(&w, &m->top);
	cborw_uint(&w, m->length);
	return finish(&w, extent_meta_decodes, ret);
}

static int number_decodes(struct bytes in)
{
	struct number n;

	return number_decode(in, &n);
}

int number_encode(const struct number *n, struct buf *ret)
{
	struct cborw w = {0};

	cborw_array(&w, 4);
	cborw_bytes(&w, n->s);
	if (n->has_meta)
		cborw_hash(&w, &n->meta);
	else
		cborw_null(&w);
	put_optional(&w, n->doc);
	put_optional(&w, n->recovery);
	return finish(&w, number_decodes, ret);
}

static int genesis_decodes(struct bytes in)
{
	struct genesis g;

	return genesis_decode(in, &g);
}

int genesis_encode(const struct genesis *g, struct buf *ret)
{
	struct cborw w = {0};

	cborw_array(&w, 7);
	cborw_text(&w, "notaryfs-genesis");
	cborw_uint(&w, 1);
	cborw_bytes(&w, g->b0);
	put_stamp(&w, g->t_type, g->t);
	cborw_bytes(&w, g->s);
	cborw_bytes(&w, g->params);
	cborw_bytes(&w, g->doc);
	return finish(&w, genesis_decodes, ret);
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/notary_impl.h"

/* One file of the payload. */
struct member {
	uint64_t off;		/* where it begins in the payload */
	uint64_t size, from;	/* from: where it begins in its file */
	size_t path_at, path_n;	/* in pack.text */
	size_t part;		/* index of its record */
};

/* Where a record's parts are in pack.text while it may still move. */
struct part {
	size_t d_at, d_n, tops_at, tops_n;
};

struct pack {
	struct content_store *content;
	struct buf text;	/* all d, tops and paths */
	struct part *part;
	size_t n;
	struct member *member;
	size_t n_members;
	uint64_t length;
	size_t room;
	struct buf meta;
};

static bool in_payload(const struct local_record *r)
{
	return record_stores(r->kind) && r->size <= PACK_FILE_MAX;
}

static int add_member(struct pack *p, const struct local_record *r)
{
	uint64_t from;
	int rc = notary_from(r, &from);

	if (rc < 0 || r->size == 0)
		return rc;
	p->member[p->n_members++] = (struct member){
		.off = p->length,
		.size = r->size,
		.from = from,
		.part = r->index,
		.path_at = p->text.n,
		.path_n = r->path.n,
	};
	p->length += r->size;
	return buf_add(&p->text, r->path.p, r->path.n);
}

static int add_record(void *ctx, const struct local_record *r)
{
	struct pack *p = ctx;
	struct part *part = &p->part[p->n];
	int rc;

	if (p->n == p->room || r->index != p->n)
		return -EBADMSG; /* the database is damaged */
	part->d_at = p->text.n;
	part->d_n = r->d.n;
	rc = buf_add(&p->text, r->d.p, r->d.n);
	if (rc < 0)
		return rc;
	p->n++;
	if (in_payload(r))
		return add_member(p, r);
	if (!record_stores(r->kind))
		return 0;
	part->tops_at = p->text.n;
	part->tops_n = r->extents.n;
	return buf_add(&p->text, r->extents.p, r->extents.n);
}

static int encode(struct pack *p, const struct local_block *b)
{
	cleanup(free) struct bytes *d = calloc(p->n, sizeof(*d));
	cleanup(free) struct meta_extents *large = calloc(p->n, sizeof(*large));
	struct meta m = {
		.b = BUF_BYTES(&b->b),
		.t_type = b->t_type,
		.t = BUF_BYTES(&b->t),
		.n = p->n,
		.d = d,
		.large = large,
	};
	const uint8_t *text = p->text.p;
	size_t i;

	if (d == NULL || large == NULL)
		return -ENOMEM;
	for (i = 0; i < p->n; i++) {
		const struct part *part = &p->part[i];

		d[i] = BYTES(text + part->d_at, part->d_n);
		if (part->tops_n > 0)
			large[m.n_large++] = (struct meta_extents){
				.index = (uint32_t)i,
				.tops = BYTES(text + part->tops_at,
					part->tops_n),
			};
	}
	return meta_encode(&m, &p->meta);
}

int pack_load(struct notary *n, const struct local_block *b, struct pack **ret)
{
	cleanup(pack) struct pack *p = calloc(1, sizeof(*p));
	struct local *l = n->s.local;
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->content = n->s.content;
	p->room = b->n;
	p->part = calloc(p->room, sizeof(*p->part));
	p->member = calloc(p->room, sizeof(*p->member));
	if (p->part == NULL || p->member == NULL)
		return -ENOMEM;
	rc = l->ops->records(l, b->height, add_record, p);
	if (rc == 0 && (p->n != b->n || p->length != b->bytes))
		rc = -EBADMSG;
	if (rc == 0)
		rc = encode(p, b);
	if (rc < 0)
		return rc;
	*ret = p;
	p = NULL; /* the caller has it */
	return 0;
}

void pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	buf_free(&p->text);
	buf_free(&p->meta);
	free(p->part);
	free(p->member);
	free(p);
}

struct bytes pack_meta(const struct pack *p)
{
	return BUF_BYTES(&p->meta);
}

uint64_t pack_length(const struct pack *p)
{
	return p->length;
}

/* The last member that begins at or before off. */
static size_t member_at(const struct pack *p, uint64_t off)
{
	size_t lo = 0, hi = p->n_members;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->member[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static int pack_read(void *ctx, uint64_t off, void *ret, size_t n)
{
	struct pack *p = ctx;
	uint8_t *to = ret;
	size_t i;

	if (off > p->length || n > p->length - off)
		return -EINVAL;
	for (i = member_at(p, off); n > 0; i++) {
		const struct member *m = &p->member[i];
		uint64_t from = off - m->off, left = m->size - from;
		size_t take = left < n ? (size_t)left : n;
		const struct part *d = &p->part[m->part];
		struct content_name name = {
			BYTES(p->text.p + m->path_at, m->path_n),
			hash_sha3(BYTES(p->text.p + d->d_at, d->d_n)),
		};
		int rc = p->content->ops->read(p->content, &name,
			m->from + from, to, take);

		if (rc < 0)
			return rc;
		off += take;
		to += take;
		n -= take;
	}
	return 0;
}

struct source pack_source(struct pack *p)
{
	return (struct source){pack_read, p};
}

static int slice_read(void *ctx, uint64_t off, void *ret, size_t n)
{
	struct slice *s = ctx;
	int rc = s->content->ops->read(s->content, &s->name, s->off + off, ret,
		n);

	if (rc < 0)
		s->error = rc;
	return rc;
}

struct source slice_source(struct slice *s)
{
	return (struct source){slice_read, s};
}

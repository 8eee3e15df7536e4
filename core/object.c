#include "core/object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cborread.h"
#include "core/chunktree.h"
#include "core/params.h"
#include "core/record.h"
#include "core/sequence.h"
#include "core/timestamp.h"

/* A byte string of 1..max bytes. */
static void read_some(struct cborr *r, size_t max, struct bytes *ret)
{
	if (cborr_bytes(r, max, ret) == 0 && ret->n == 0)
		cborr_fail(r);
}

/* The same or null, which leaves *ret empty. */
static void read_optional(struct cborr *r, size_t max, struct bytes *ret)
{
	if (cborr_peek_null(r))
		cborr_null(r);
	else
		read_some(r, max, ret);
}

static void read_stamp(struct cborr *r, uint64_t *type, struct bytes *t)
{
	uint64_t two;

	cborr_array(r, 2, 2, &two);
	cborr_uint(r, type);
	read_some(r, TIMESTAMP_MAX, t);
}

static int read_records(struct cborr *r, struct meta *m)
{
	uint64_t n = 0, i;
	size_t sum = 0;

	if (cborr_array(r, 1, MERKLE_LEAVES_MAX, &n) != 0)
		return -EBADMSG;
	m->d = calloc(n, sizeof(*m->d));
	if (m->d == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		read_some(r, RECORD_MAX, &m->d[i]);
		sum += m->d[i].n;
	}
	m->n = n;
	return sum > META_RECORDS_MAX ? cborr_fail(r) : 0;
}

static int read_large(struct cborr *r, struct meta *m)
{
	struct cborr_keys keys = {0};
	struct meta_extents *e;
	uint64_t index = 0;

	if (cborr_map(r, m->n, &keys) != 0)
		return -EBADMSG;
	if (keys.left == 0)
		return 0;
	m->large = calloc(keys.left, sizeof(*m->large));
	if (m->large == NULL)
		return -ENOMEM;
	while (keys.left > 0) {
		e = &m->large[m->n_large++];
		cborr_key_uint(r, &keys, &index);
		read_some(r, META_MAX, &e->tops);
		if (index >= m->n || e->tops.n % HASH_LEN != 0)
			cborr_fail(r);
		if (r->bad)
			return -EBADMSG;
		e->index = (uint32_t)index;
	}
	return 0;
}

int meta_decode(struct bytes in, struct meta *ret)
{
	struct meta m = {0};
	struct cborr r;
	uint64_t four;
	int rc;

	if (in.n > META_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 4, 4, &four);
	read_some(&r, BLOCK_MAX, &m.b);
	read_stamp(&r, &m.t_type, &m.t);
	rc = read_records(&r, &m);
	if (rc == 0)
		rc = read_large(&r, &m);
	if (rc == 0)
		rc = cborr_end(&r);
	if (rc != 0) {
		meta_done(&m);
		return rc;
	}
	*ret = m;
	return 0;
}

void meta_done(struct meta *m)
{
	free(m->d);
	free(m->large);
	*m = (struct meta){0};
}

int extent_meta_decode(struct bytes in, struct extent_meta *ret)
{
	struct extent_meta m = {0};
	struct cborr r;
	uint64_t four, version = 0;

	cborr_init(&r, in);
	cborr_array(&r, 4, 4, &four);
	cborr_text_is(&r, "notaryfs-extent");
	cborr_uint(&r, &version);
	cborr_hash(&r, &m.top);
	cborr_uint_max(&r, EXTENT_SIZE, &m.length);
	if (cborr_end(&r) != 0 || version != 1 || m.length == 0)
		return -EBADMSG;
	*ret = m;
	return 0;
}

int number_decode(struct bytes in, struct number *ret)
{
	struct number n = {0};
	struct cborr r;
	uint64_t four;

	if (in.n > NUMBER_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 4, 4, &four);
	read_some(&r, SEQUENCE_MAX, &n.s);
	n.has_meta = !cborr_peek_null(&r);
	if (n.has_meta)
		cborr_hash(&r, &n.meta);
	else
		cborr_null(&r);
	read_optional(&r, ATTESTATION_MAX, &n.doc);
	read_optional(&r, RECOVERY_MAX, &n.recovery);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	*ret = n;
	return 0;
}

int genesis_decode(struct bytes in, struct genesis *ret)
{
	struct genesis g = {0};
	struct cborr r;
	uint64_t seven, version = 0;

	if (in.n > GENESIS_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 7, 7, &seven);
	cborr_text_is(&r, "notaryfs-genesis");
	cborr_uint(&r, &version);
	read_some(&r, BLOCK_MAX, &g.b0);
	read_stamp(&r, &g.t_type, &g.t);
	read_some(&r, SEQUENCE_MAX, &g.s);
	read_some(&r, PARAMS_MAX, &g.params);
	read_some(&r, ATTESTATION_MAX, &g.doc);
	if (cborr_end(&r) != 0 || version != 1)
		return -EBADMSG;
	*ret = g;
	return 0;
}

static void key_of_hash(
	char folder, const struct hash *h, char ret[OBJECT_KEY_MAX])
{
	ret[0] = folder;
	ret[1] = '/';
	hex_encode(HASH_BYTES(h), ret + 2);
}

void object_key_pack(const struct hash *hmeta, char ret[OBJECT_KEY_MAX])
{
	key_of_hash('p', hmeta, ret);
}

void object_key_extent(const struct hash *top, char ret[OBJECT_KEY_MAX])
{
	key_of_hash('c', top, ret);
}

void object_key_number(uint64_t k, char ret[OBJECT_KEY_MAX])
{
	snprintf(ret, OBJECT_KEY_MAX, "a/%016llx", (unsigned long long)k);
}

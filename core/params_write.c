#include <errno.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/params.h"

static void put_images(struct cborw *w, const struct params *p)
{
	size_t i, j;

	if (p->any_image) {
		cborw_null(w);
		return;
	}
	cborw_array(w, p->n_images);
	for (i = 0; i < p->n_images; i++) {
		cborw_map(w, p->image[i].n);
		for (j = 0; j < p->image[i].n; j++) {
			cborw_uint(w, p->image[i].pcr[j].number);
			cborw_bytes(w, BYTES(p->image[i].pcr[j].value, 48));
		}
	}
}

static void put_services(struct cborw *w, const struct params *p)
{
	size_t i;

	cborw_uint(w, 3);
	cborw_bytes(w, p->sequencer_key);
	cborw_uint(w, 4);
	cborw_hash(w, &p->first_document);
	cborw_uint(w, 5);
	put_images(w, p);
	cborw_uint(w, 6);
	cborw_array(w, p->n_roots);
	for (i = 0; i < p->n_roots; i++)
		cborw_hash(w, &p->root[i]);
	cborw_uint(w, 7);
	cborw_array(w, p->n_authorities);
	for (i = 0; i < p->n_authorities; i++) {
		cborw_array(w, 3);
		cborw_uint(w, p->authority[i].type);
		cborw_bytes(w, p->authority[i].key);
		cborw_text_n(w, p->authority[i].name);
	}
	cborw_uint(w, 8);
	cborw_uint(w, p->quorum);
}

static void put_storage(struct cborw *w, const struct params *p)
{
	size_t i;

	cborw_uint(w, 9);
	cborw_array(w, 4);
	cborw_uint(w, p->share_k);
	cborw_uint(w, p->share_n);
	cborw_uint(w, p->share_w);
	cborw_uint(w, p->share_cell);
	cborw_uint(w, 10);
	cborw_array(w, p->n_buckets);
	for (i = 0; i < p->n_buckets; i++)
		cborw_text_n(w, p->bucket[i]);
	cborw_uint(w, 11);
	cborw_array(w, 2);
	cborw_uint(w, p->recovery_m);
	cborw_array(w, p->n_recovery);
	for (i = 0; i < p->n_recovery; i++)
		cborw_bytes(w, p->recovery_key[i]);
	cborw_uint(w, 12);
	cborw_uint(w, p->retention_mode);
	cborw_uint(w, 13);
	cborw_array(w, p->n_digests);
	for (i = 0; i < p->n_digests; i++)
		cborw_text_n(w, p->digest[i]);
	cborw_uint(w, 14);
	cborw_bytes(w, BYTES(p->installation, sizeof(p->installation)));
	if (p->n_governance == 0)
		return;
	cborw_uint(w, 15);
	cborw_array(w, p->n_governance);
	for (i = 0; i < p->n_governance; i++)
		cborw_bytes(w, p->governance_key[i]);
}

/* That no array is run over; what may stand in them the decoder says. */
static bool counts_ok(const struct params *p)
{
	size_t i;

	if (p->n_images > PARAMS_IMAGES_MAX || p->n_roots > PARAMS_ROOTS_MAX ||
		p->n_authorities > PARAMS_AUTHORITIES_MAX ||
		p->n_buckets > PARAMS_BUCKETS_MAX ||
		p->n_recovery > PARAMS_RECOVERY_MAX ||
		p->n_digests > PARAMS_DIGESTS_MAX ||
		p->n_governance > PARAMS_GOVERNANCE_MAX)
		return false;
	for (i = 0; i < p->n_images; i++)
		if (p->image[i].n > PARAMS_PCRS_MAX)
			return false;
	return true;
}

int params_encode(const struct params *p, struct buf *ret)
{
	cleanup(buf) struct buf out = {0};
	struct cborw w = {0};
	struct params check;
	int rc;

	if (!counts_ok(p))
		return -EINVAL;
	cborw_map(&w, p->n_governance > 0 ? 16 : 15);
	cborw_uint(&w, 0);
	cborw_text(&w, "notaryfs-chain");
	cborw_uint(&w, 1);
	cborw_uint(&w, PARAMS_VERSION);
	cborw_uint(&w, 2);
	cborw_uint(&w, p->trust);
	put_services(&w, p);
	put_storage(&w, p);
	rc = cborw_end(&w, &out);
	if (rc != 0)
		return rc;
	if (params_decode(BUF_BYTES(&out), &check) != 0)
		return -EINVAL;
	*ret = out;
	out = (struct buf){0}; /* *ret has it */
	return 0;
}

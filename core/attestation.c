#include "core/attestation.h"

#include <errno.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/timestamp.h"

#define PAYLOAD_MAX 16384
#define CERTIFICATE_DER_MAX 1024
#define MODULE_ID_MAX 255
/* public_key, user_data, nonce: what fits the NSM's 4 KiB request.  Its
 * documentation says 1024, genuine documents hold up to 4050. */
#define FIELD_MAX 4096
#define NAME_MAX_LEN 64	 /* bytes of a field's name */
#define UNKNOWN_MAX 16	 /* fields that a later NSM may add */
#define DATA_MAGIC "notaryfs.seq.v1"

/* A map whose pairs come in any order, of a number known or not: the NSM has
 * written both, and the strict reader takes neither. */
struct pairs {
	bool indefinite;
	uint64_t left;
};

static int pairs_begin(struct cborr *r, struct pairs *ret)
{
	uint8_t first;

	if (cborr_peek(r) != CBOR_MAP)
		return cborr_fail(r);
	first = *r->p++;
	*ret = (struct pairs){.indefinite = first == 0xbf, .left = first & 31};
	if (first == 0xb8 && r->p < r->end && *r->p >= 24)
		ret->left = *r->p++;
	else if (ret->left >= 24 && !ret->indefinite)
		return cborr_fail(r);
	return 0;
}

static bool pairs_next(struct cborr *r, struct pairs *m)
{
	if (r->bad)
		return false;
	if (!m->indefinite)
		return m->left > 0 && m->left-- > 0;
	if (r->p == r->end) {
		cborr_fail(r);
		return false;
	}
	if (*r->p != 0xff)
		return true;
	r->p++;
	return false;
}

static int read_pcrs(struct cborr *r, struct attestation *a)
{
	struct pairs m;
	uint64_t n = 0;

	if (pairs_begin(r, &m) != 0)
		return cborr_fail(r);
	while (pairs_next(r, &m)) {
		if (cborr_uint_max(r, ATTESTATION_PCRS - 1, &n) != 0 ||
			(a->pcr_mask >> n & 1) != 0)
			return cborr_fail(r);
		cborr_fixed(r, a->pcr[n], ATTESTATION_PCR);
		a->pcr_mask |= UINT32_C(1) << n;
	}
	return (a->pcr_mask & 7) == 7 ? 0 : cborr_fail(r);
}

static int read_cert(struct cborr *r, struct bytes *ret)
{
	struct bytes v;

	if (cborr_bytes(r, CERTIFICATE_DER_MAX, &v) != 0 || v.n == 0)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

static int read_cabundle(struct cborr *r, struct attestation *a)
{
	uint64_t i, n;

	if (cborr_array(r, 1, ATTESTATION_CABUNDLE, &n) != 0)
		return -EBADMSG;
	for (i = 0; i < n; i++)
		read_cert(r, &a->cabundle[i]);
	a->n_cabundle = (size_t)n;
	return 0;
}

static int read_optional(struct cborr *r, struct bytes *ret)
{
	return cborr_peek_null(r) ? cborr_null(r)
				  : cborr_bytes(r, FIELD_MAX, ret);
}

static int read_module_id(struct cborr *r, struct attestation *a)
{
	if (cborr_text(r, MODULE_ID_MAX, &a->module_id) != 0 ||
		a->module_id.n == 0)
		return cborr_fail(r);
	return 0;
}

static int read_digest(struct cborr *r, struct attestation *a)
{
	(void)a;
	return cborr_text_is(r, "SHA384");
}

static int read_timestamp(struct cborr *r, struct attestation *a)
{
	if (cborr_uint_max(r, TIMESTAMP_MS_MAX, &a->timestamp_ms) != 0 ||
		a->timestamp_ms == 0)
		return cborr_fail(r);
	return 0;
}

static int read_certificate(struct cborr *r, struct attestation *a)
{
	return read_cert(r, &a->certificate);
}

static int read_public_key(struct cborr *r, struct attestation *a)
{
	return read_optional(r, &a->public_key);
}

static int read_user_data(struct cborr *r, struct attestation *a)
{
	return read_optional(r, &a->user_data);
}

static int read_nonce(struct cborr *r, struct attestation *a)
{
	return read_optional(r, &a->nonce);
}

static const struct field {
	const char *name;
	int (*read)(struct cborr *r, struct attestation *a);
} fields[] = {
	{"module_id", read_module_id},
	{"digest", read_digest},
	{"timestamp", read_timestamp},
	{"pcrs", read_pcrs},
	{"certificate", read_certificate},
	{"cabundle", read_cabundle},
	{"public_key", read_public_key},
	{"user_data", read_user_data},
	{"nonce", read_nonce},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))
#define MANDATORY 0x3fU /* the first six */

struct seen {
	unsigned known; /* bit per field */
	size_t n;
	struct bytes unknown[UNKNOWN_MAX];
};

/* The payload is signed, so a name that a later NSM adds may be passed over;
 * a name twice may not, for readers would differ in which one counts. */
static int skip_unknown(struct cborr *r, struct seen *seen, struct bytes name)
{
	struct bytes value;
	size_t i;

	for (i = 0; i < seen->n; i++)
		if (bytes_equal(seen->unknown[i], name))
			return cborr_fail(r);
	if (seen->n == UNKNOWN_MAX)
		return cborr_fail(r);
	seen->unknown[seen->n++] = name;
	return cborr_skip(r, &value);
}

static int read_field(struct cborr *r, struct seen *seen, struct attestation *a)
{
	struct bytes name;
	size_t i;

	if (cborr_text(r, NAME_MAX_LEN, &name) != 0)
		return -EBADMSG;
	for (i = 0; i < FIELDS; i++)
		if (bytes_equal(name,
			    BYTES(fields[i].name, strlen(fields[i].name))))
			break;
	if (i == FIELDS)
		return skip_unknown(r, seen, name);
	if ((seen->known >> i & 1) != 0)
		return cborr_fail(r);
	seen->known |= 1U << i;
	return fields[i].read(r, a);
}

static int payload_decode(struct bytes payload, struct attestation *ret)
{
	struct seen seen = {0};
	struct pairs m;
	struct cborr r;

	cborr_init(&r, payload);
	if (pairs_begin(&r, &m) != 0)
		return -EBADMSG;
	while (pairs_next(&r, &m))
		if (read_field(&r, &seen, ret) != 0)
			return -EBADMSG;
	if ((seen.known & MANDATORY) != MANDATORY)
		return -EBADMSG;
	return cborr_end(&r);
}

static int envelope(struct bytes doc, struct cose_sign1 *ret)
{
	struct cose_sign1 c;

	if (doc.n > ATTESTATION_MAX || cose_decode(doc, PAYLOAD_MAX, &c) != 0 ||
		c.alg != COSE_ES384 || c.payload.n == 0)
		return -EBADMSG;
	*ret = c;
	return 0;
}

int attestation_decode(
	struct bytes doc, struct attestation *ret, struct bytes *ret_payload)
{
	struct attestation a = {0};
	struct cose_sign1 c;

	if (envelope(doc, &c) != 0 || payload_decode(c.payload, &a) != 0)
		return -EBADMSG;
	*ret = a;
	*ret_payload = c.payload;
	return 0;
}

/* QEMU's security module has no key: its messages name algorithm -1, and where
 * the signature belongs there are zeros.  Otherwise they look genuine. */
enum verdict attestation_refused(struct bytes doc)
{
	static const uint8_t unsigned_header[] = {0xa1, 0x01, 0x20};
	struct bytes header = {0}, payload, signature;
	struct cborr_keys none;
	struct cborr r;
	uint64_t n;

	cborr_init(&r, doc);
	if (cborr_peek(&r) == CBOR_TAG)
		cborr_tag(&r, COSE_TAG);
	cborr_array(&r, 4, 4, &n);
	cborr_bytes(&r, sizeof(unsigned_header), &header);
	cborr_map(&r, 0, &none);
	cborr_bytes(&r, PAYLOAD_MAX, &payload);
	cborr_bytes(&r, ATTESTATION_MAX, &signature);
	return cborr_end(&r) == 0 &&
			       bytes_equal(header, BYTES(unsigned_header,
						sizeof(unsigned_header)))
		       ? V_ATTESTATION_EMULATED
		       : V_ATTESTATION_MALFORMED;
}

int attestation_hash(struct bytes doc, struct hash *ret)
{
	struct cose_sign1 c;

	if (envelope(doc, &c) != 0)
		return -EBADMSG;
	*ret = hash_sha3(c.payload);
	return 0;
}

int attestation_data_decode(struct bytes in, struct attestation_data *ret)
{
	struct attestation_data d = {0};
	uint64_t n, epoch = 0, recoveries = 0;
	struct cborr r;

	cborr_init(&r, in);
	cborr_array(&r, 7, 7, &n);
	cborr_text_is(&r, DATA_MAGIC);
	cborr_hash(&r, &d.chain);
	cborr_uint_max(&r, UINT32_MAX, &epoch);
	cborr_uint(&r, &d.first_k);
	cborr_hash(&r, &d.head);
	cborr_uint_max(&r, UINT32_MAX, &recoveries);
	cborr_fixed(&r, d.log_key, sizeof(d.log_key));
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	d.epoch = (uint32_t)epoch;
	d.recoveries = (uint32_t)recoveries;
	*ret = d;
	return 0;
}

int attestation_data_encode(const struct attestation_data *d, struct buf *ret)
{
	struct cborput w = {0};

	cborput_array(&w, 7);
	cborput_text(&w, DATA_MAGIC);
	cborput_bytes(&w, HASH_BYTES(&d->chain));
	cborput_uint(&w, d->epoch);
	cborput_uint(&w, d->first_k);
	cborput_bytes(&w, HASH_BYTES(&d->head));
	cborput_uint(&w, d->recoveries);
	cborput_bytes(&w, BYTES(d->log_key, sizeof(d->log_key)));
	return cborput_end(&w, ret);
}

#include "tests/lib/mkdoc.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/attestation.h"
#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "tests/tap/tap.h"

#define AT UINT64_C(1790000000123)
#define OTHER_OID "2.25.1234567890123456789"

static void need(bool good, const char *what)
{
	if (!good)
		bail("mkdoc cannot %s", what);
}

struct mkdoc mkdoc_local(void)
{
	return (struct mkdoc){
		.root_mark = true,
		.leaf_mark = true,
		.module_id = "local-00112233-1",
		.leaf_curve = "P-384",
		.leaf_constraints = "critical,CA:FALSE",
		.leaf_usage = "critical,digitalSignature",
		.pcr16 = 16,
		.timestamp_ms = AT,
		.leaf_from_s = -60,
		.leaf_to_s = 3 * 3600,
	};
}

struct mkdoc mkdoc_nitro(void)
{
	struct mkdoc d = mkdoc_local();

	d.root_mark = d.leaf_mark = false;
	d.module_id = "i-0123456789-enc0123456789";
	d.leaf_usage = "digitalSignature";
	memcpy(d.pcr, "\x01\x02\x03", 3);
	return d;
}

struct params mkdoc_params(
	const struct mkdoc *d, enum trust_class trust, const struct hash *root)
{
	struct params p = {.trust = trust, .n_roots = 1, .n_images = 1};
	struct params_image *image = &p.image[0];
	uint8_t i;

	p.root[0] = *root;
	image->n = 4;
	for (i = 0; i < 3; i++) {
		image->pcr[i].number = i;
		memset(image->pcr[i].value, d->pcr[i], 48);
	}
	image->pcr[3].number = 16;
	memset(image->pcr[3].value, d->pcr16, 48);
	return p;
}

static void add(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	need(ext != NULL && X509_add_ext(x, ext, -1) == 1, "add an extension");
	X509_EXTENSION_free(ext);
}

static void add_oid(X509 *x, const char *oid, bool critical)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	need(ASN1_OCTET_STRING_set(data, (const uint8_t *)"\x80", 1) == 1,
		"set an extension");
	ext = X509_EXTENSION_create_by_OBJ(NULL, obj, critical, data);
	need(ext != NULL && X509_add_ext(x, ext, -1) == 1, "add a mark");
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(obj);
}

static X509 *cert(const char *cn, EVP_PKEY *key, X509 *issuer, time_t from,
	time_t to)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	ASN1_TIME_set(X509_getm_notBefore(x), from);
	ASN1_TIME_set(X509_getm_notAfter(x), to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(
		x, issuer == NULL ? name : X509_get_subject_name(issuer));
	X509_set_pubkey(x, key);
	return x;
}

static void mark(const struct mkdoc *d, X509 *x, bool wanted)
{
	if (wanted)
		add_oid(x, ATTESTATION_LOCAL_OID,
			(d->flaws & DOC_MARK_EASY) == 0);
}

static X509 *authority(const struct mkdoc *d, const char *cn, EVP_PKEY *key,
	X509 *issuer, EVP_PKEY *issuer_key)
{
	time_t now = (time_t)(d->timestamp_ms / 1000);
	X509 *x = cert(cn, key, issuer, now - 86400, now + 365 * 86400);

	add(x, NID_basic_constraints, "critical,CA:TRUE");
	add(x, NID_key_usage, "critical,keyCertSign");
	mark(d, x, d->root_mark);
	need(X509_sign(x, issuer_key, EVP_sha384()) > 0, "sign an authority");
	return x;
}

static X509 *leaf(
	const struct mkdoc *d, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	time_t now = (time_t)(d->timestamp_ms / 1000);
	X509 *x = cert(d->module_id, key, issuer, now + d->leaf_from_s,
		now + d->leaf_to_s);

	add(x, NID_basic_constraints, d->leaf_constraints);
	if (d->leaf_usage != NULL)
		add(x, NID_key_usage, d->leaf_usage);
	mark(d, x, d->leaf_mark);
	if ((d->flaws & DOC_LEAF_STRANGE) != 0)
		add_oid(x, OTHER_OID, true);
	need(X509_sign(x, issuer_key, EVP_sha384()) > 0, "sign a leaf");
	return x;
}

static void der(X509 *x, struct buf *ret)
{
	unsigned char *p = NULL;
	int n = i2d_X509(x, &p);

	need(n > 0 && buf_copy(BYTES(p, (size_t)n), ret) == 0, "encode");
	OPENSSL_free(p);
}

static void map_begin(struct cborw *w, const struct mkdoc *d, uint64_t n)
{
	if ((d->flaws & DOC_INDEFINITE) != 0)
		cborw_raw(w, BYTES("\xbf", 1));
	else
		cborw_map(w, n);
}

static void map_end(struct cborw *w, const struct mkdoc *d)
{
	if ((d->flaws & DOC_INDEFINITE) != 0)
		cborw_raw(w, BYTES("\xff", 1));
}

static void pcr(struct cborw *w, uint64_t number, uint8_t fill, size_t n)
{
	uint8_t v[48];

	memset(v, fill, sizeof(v));
	cborw_uint(w, number);
	cborw_bytes(w, BYTES(v, n));
}

static void pcrs(struct cborw *w, const struct mkdoc *d)
{
	bool third = (d->flaws & DOC_NO_PCR2) == 0;
	bool twice = (d->flaws & DOC_PCR_TWICE) != 0;
	bool far = (d->flaws & DOC_PCR_32) != 0;

	map_begin(w, d, 3U + third + twice + far);
	pcr(w, 0, d->pcr[0], 48);
	pcr(w, 1, d->pcr[1], (d->flaws & DOC_PCR_SHORT) != 0 ? 47 : 48);
	if (third)
		pcr(w, 2, d->pcr[2], 48);
	if (twice)
		pcr(w, 1, d->pcr[1], 48);
	pcr(w, 16, d->pcr16, 48);
	if (far)
		pcr(w, 32, 0, 48);
	map_end(w, d);
}

static void bundle(struct cborw *w, const struct mkdoc *d, struct bytes root,
	struct bytes between, struct bytes idle)
{
	size_t i, n = 1;

	if ((d->flaws & DOC_NO_BUNDLE) != 0) {
		cborw_null(w);
		return;
	}
	if ((d->flaws & DOC_EMPTY_BUNDLE) != 0)
		n = 0;
	if ((d->flaws & DOC_LONG_BUNDLE) != 0)
		n = 9;
	cborw_array(w, n + (between.n > 0) + (idle.n > 0));
	for (i = 0; i < n; i++)
		cborw_bytes(w, root);
	if (between.n > 0)
		cborw_bytes(w, between);
	if (idle.n > 0)
		cborw_bytes(w, idle);
}

static void optional(struct cborw *w, const struct mkdoc *d, const char *name,
	struct bytes v)
{
	if (v.n == 0 && (d->flaws & DOC_NULLS_ABSENT) != 0)
		return;
	cborw_text(w, name);
	if (v.n == 0)
		cborw_null(w);
	else
		cborw_bytes(w, v);
}

static uint64_t count_fields(const struct mkdoc *d)
{
	unsigned n = 9;

	if ((d->flaws & DOC_NULLS_ABSENT) != 0)
		n = 6U + (d->public_key.n > 0) + (d->user_data.n > 0);
	n -= (d->flaws & DOC_NO_DIGEST) != 0;
	n += (d->flaws & DOC_FIELD_TWICE) != 0;
	n += (d->flaws & (DOC_FIELD_NEW | DOC_NEW_TWICE)) != 0;
	n += (d->flaws & DOC_NEW_TWICE) != 0;
	return n;
}

static void fields_new(struct cborw *w, const struct mkdoc *d)
{
	if ((d->flaws & (DOC_FIELD_NEW | DOC_NEW_TWICE)) != 0) {
		cborw_text(w, "firmware");
		cborw_uint(w, 7);
	}
	if ((d->flaws & DOC_NEW_TWICE) != 0) {
		cborw_text(w, "firmware");
		cborw_uint(w, 7);
	}
	if ((d->flaws & DOC_FIELD_TWICE) != 0) {
		cborw_text(w, "timestamp");
		cborw_uint(w, d->timestamp_ms);
	}
}

static void payload(const struct mkdoc *d, struct bytes leaf_der,
	struct bytes root, struct bytes between, struct bytes idle,
	struct buf *ret)
{
	static const uint8_t long_field[4097];
	struct cborw w = {0};

	map_begin(&w, d, count_fields(d));
	cborw_text(&w, "module_id");
	cborw_text(&w, d->module_id);
	if ((d->flaws & DOC_NO_DIGEST) == 0) {
		cborw_text(&w, "digest");
		cborw_text(&w, (d->flaws & DOC_OTHER_DIGEST) != 0 ? "SHA256"
								  : "SHA384");
	}
	cborw_text(&w, "timestamp");
	cborw_uint(&w, (d->flaws & DOC_TIME_ZERO) != 0 ? 0 : d->timestamp_ms);
	cborw_text(&w, "pcrs");
	pcrs(&w, d);
	cborw_text(&w, "certificate");
	cborw_bytes(&w, leaf_der);
	cborw_text(&w, "cabundle");
	bundle(&w, d, root, between, idle);
	optional(&w, d, "public_key", d->public_key);
	optional(&w, d, "user_data",
		(d->flaws & DOC_FIELD_LONG) != 0
			? BYTES(long_field, sizeof(long_field))
			: d->user_data);
	optional(&w, d, "nonce", BYTES(NULL, 0));
	fields_new(&w, d);
	map_end(&w, d);
	if ((d->flaws & DOC_TRAILING) != 0)
		cborw_null(&w);
	need(cborw_end(&w, ret) == 0, "write the payload");
}

/* P-256 leaves cannot sign ES384, and are refused before it matters. */
static void sign(
	const struct mkdoc *d, EVP_PKEY *key, struct bytes in, struct buf *ret)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	cleanup(buf) struct buf s = {0};

	need(cose_sign(COSE_ES384,
		     strcmp(d->leaf_curve, "P-384") == 0 ? key : p384, in,
		     &s) == 0,
		"sign");
	if ((d->flaws & DOC_TAGGED) != 0)
		need(buf_add(ret, "\xd2", 1) == 0, "tag");
	need(buf_add(ret, s.p, s.n) == 0, "copy");
	EVP_PKEY_free(p384);
}

void mkdoc_make(const struct mkdoc *d, struct buf *ret, struct hash *ret_root)
{
	EVP_PKEY *rk = EVP_EC_gen("P-384"), *bk = EVP_EC_gen("P-384");
	EVP_PKEY *lk = EVP_EC_gen(d->leaf_curve);
	X509 *root = authority(d, "root", rk, NULL, rk);
	X509 *mid = authority(d, "between", bk, root, rk);
	bool via = (d->flaws & DOC_BETWEEN) != 0;
	X509 *end = via ? leaf(d, lk, mid, bk) : leaf(d, lk, root, rk);
	cleanup(buf) struct buf r = {0}, m = {0}, e = {0}, pay = {0};
	bool idle = (d->flaws & DOC_IDLE_CERT) != 0;

	der(root, &r);
	der(mid, &m);
	der(end, &e);
	if ((d->flaws & DOC_CERT_TRAILING) != 0)
		need(buf_add(&e, "", 1) == 0, "append");
	if ((d->flaws & DOC_CERT_JUNK) != 0)
		memset(e.p, 0x30, e.n);
	payload(d, BUF_BYTES(&e), BUF_BYTES(&r),
		via ? BUF_BYTES(&m) : BYTES(NULL, 0),
		idle ? BUF_BYTES(&m) : BYTES(NULL, 0), &pay);
	sign(d, lk, BUF_BYTES(&pay), ret);
	*ret_root = hash_sha256(BUF_BYTES(&r));
	X509_free(root);
	X509_free(mid);
	X509_free(end);
	EVP_PKEY_free(rk);
	EVP_PKEY_free(bk);
	EVP_PKEY_free(lk);
}

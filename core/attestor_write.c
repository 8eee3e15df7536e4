#include "core/attestor.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/memory.h"

#define SECOND_MS UINT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define ROOT_LIFE_MS (3653 * DAY_MS)
/* A root must still be good when the clock is set back a little later. */
#define ROOT_EARLIER_MS DAY_MS
#define LEAF_EARLIER_MS (60 * SECOND_MS)
#define LEAF_LIFE_MS (24 * HOUR_MS)
#define LEAF_RENEW_MS (12 * HOUR_MS)
#define IMAGE 48 /* bytes of a SHA-384 */
#define INSTALLATION 16
#define PEM_MAX 16384

struct attestor {
	EVP_PKEY *root_key, *leaf_key;
	X509 *root;
	struct buf root_der, leaf_der;
	uint8_t installation[INSTALLATION];
	uint8_t image[IMAGE];
	uint32_t isolation;
	uint64_t leaf_ms; /* when the leaf was made */
	char module_id[64];
};

static EVP_PKEY *new_key(void)
{
	return EVP_EC_gen("P-384");
}

static bool set_serial(X509 *x)
{
	uint8_t r[16];
	BIGNUM *bn = NULL;
	bool good = false;

	if (RAND_bytes(r, sizeof(r)) != 1)
		return false;
	r[0] = (uint8_t)((r[0] & 0x7f) | 0x40); /* positive, full length */
	bn = BN_bin2bn(r, sizeof(r), NULL);
	if (bn != NULL)
		good = BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
	BN_free(bn);
	return good;
}

static bool set_name(X509_NAME *n, const char *cn)
{
	return X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC,
		       (const unsigned char *)"not hardware", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
		       (const unsigned char *)cn, -1, -1, 0) == 1;
}

static bool set_time(X509 *x, uint64_t from_ms, uint64_t to_ms)
{
	time_t from = (time_t)(from_ms / SECOND_MS);
	time_t to = (time_t)(to_ms / SECOND_MS);

	return ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), to) != NULL;
}

static bool add_known(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = ext != NULL && X509_add_ext(x, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return good;
}

/* Our critical extension: [class 0, installation16] in a root,
 * [class 0, installation16, isolation, image48] in a leaf. */
static int mark_value(const uint8_t installation[INSTALLATION],
	const struct attestor *leaf, struct buf *ret)
{
	struct cborw w = {0};

	cborw_array(&w, leaf == NULL ? 2 : 4);
	cborw_uint(&w, 0);
	cborw_bytes(&w, BYTES(installation, INSTALLATION));
	if (leaf != NULL) {
		cborw_uint(&w, leaf->isolation);
		cborw_bytes(&w, BYTES(leaf->image, IMAGE));
	}
	return cborw_end(&w, ret);
}

static bool add_mark(X509 *x, struct bytes value)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(ATTESTATION_LOCAL_OID, 1);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool good = false;

	if (oid != NULL && data != NULL &&
		ASN1_OCTET_STRING_set(data, value.p, (int)value.n) == 1)
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, data);
	if (ext != NULL)
		good = X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(oid);
	return good;
}

static X509 *new_cert(const char *cn, EVP_PKEY *key, uint64_t from_ms,
	uint64_t to_ms)
{
	X509 *x = X509_new();

	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
		set_serial(x) && set_time(x, from_ms, to_ms) &&
		set_name(X509_get_subject_name(x), cn) &&
		X509_set_pubkey(x, key) == 1)
		return x;
	X509_free(x);
	return NULL;
}

static int to_pem(EVP_PKEY *key, X509 *cert, struct buf *ret)
{
	BIO *out = BIO_new(BIO_s_secmem());
	char *p;
	long n;
	int rc = -EIO;

	if (out != NULL &&
		PEM_write_bio_PKCS8PrivateKey(
			out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		PEM_write_bio_X509(out, cert) == 1) {
		n = BIO_get_mem_data(out, &p);
		rc = n > 0 ? buf_copy(BYTES(p, (size_t)n), ret) : -EIO;
	}
	BIO_free(out);
	return rc;
}

static bool root_fill(
	X509 *x, EVP_PKEY *key, const uint8_t installation[INSTALLATION])
{
	cleanup(buf) struct buf mark = {0};

	return mark_value(installation, NULL, &mark) == 0 &&
	       X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
	       add_known(x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       add_known(x, NID_key_usage, "critical,keyCertSign") &&
	       add_mark(x, BUF_BYTES(&mark)) &&
	       X509_sign(x, key, EVP_sha384()) > 0;
}

int attestor_root_make(const uint8_t installation[16], uint64_t now_ms,
	struct buf *ret_pem)
{
	unsigned before = memory_failures();
	EVP_PKEY *key = new_key();
	X509 *x = NULL;
	int rc = -EIO;

	if (key != NULL)
		x = new_cert("local.notaryfs", key,
			now_ms > ROOT_EARLIER_MS ? now_ms - ROOT_EARLIER_MS : 0,
			now_ms + ROOT_LIFE_MS);
	if (x != NULL && root_fill(x, key, installation))
		rc = to_pem(key, x, ret_pem);
	X509_free(x);
	EVP_PKEY_free(key);
	return memory_error(rc, before);
}

static int to_der(X509 *x, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der), rc;

	if (n <= 0)
		return -EIO;
	rc = buf_copy(BYTES(der, (size_t)n), ret);
	OPENSSL_free(der);
	return rc;
}

/* The installation out of the root's own mark, which ends with it. */
static int read_installation(X509 *root, uint8_t ret[INSTALLATION])
{
	ASN1_OBJECT *oid = OBJ_txt2obj(ATTESTATION_LOCAL_OID, 1);
	int at = oid == NULL ? -1 : X509_get_ext_by_OBJ(root, oid, -1);
	ASN1_OCTET_STRING *data;
	int n;

	ASN1_OBJECT_free(oid);
	if (at < 0)
		return -EBADMSG;
	data = X509_EXTENSION_get_data(X509_get_ext(root, at));
	n = ASN1_STRING_length(data);
	if (n < INSTALLATION)
		return -EBADMSG;
	memcpy(ret, ASN1_STRING_get0_data(data) + n - INSTALLATION,
		INSTALLATION);
	return 0;
}

static int read_root(struct attestor *a, struct bytes pem)
{
	BIO *in;

	if (pem.n == 0 || pem.n > PEM_MAX)
		return -EBADMSG;
	in = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (in == NULL)
		return -ENOMEM;
	a->root_key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	a->root = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	if (a->root_key == NULL || a->root == NULL ||
		X509_check_private_key(a->root, a->root_key) != 1)
		return -EBADMSG;
	return read_installation(a->root, a->installation);
}

static bool leaf_fill(struct attestor *a, X509 *x)
{
	cleanup(buf) struct buf mark = {0};

	return mark_value(a->installation, a, &mark) == 0 &&
	       X509_set_issuer_name(x, X509_get_subject_name(a->root)) == 1 &&
	       add_known(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_known(x, NID_key_usage, "critical,digitalSignature") &&
	       add_mark(x, BUF_BYTES(&mark)) &&
	       X509_sign(x, a->root_key, EVP_sha384()) > 0;
}

static void name_module(struct attestor *a, uint64_t now_ms)
{
	char hex[2 * INSTALLATION + 1];

	hex_encode(BYTES(a->installation, INSTALLATION), hex);
	snprintf(a->module_id, sizeof(a->module_id), "local-%s-%012llx", hex,
		(unsigned long long)(now_ms & UINT64_C(0xffffffffffff)));
}

static int new_leaf(struct attestor *a, uint64_t now_ms)
{
	EVP_PKEY *key = new_key();
	struct buf der = {0};
	X509 *x = NULL;
	int rc = -EIO;

	name_module(a, now_ms);
	if (key != NULL)
		x = new_cert(a->module_id, key,
			now_ms > LEAF_EARLIER_MS ? now_ms - LEAF_EARLIER_MS : 0,
			now_ms + LEAF_LIFE_MS);
	if (x != NULL && leaf_fill(a, x))
		rc = to_der(x, &der);
	X509_free(x);
	if (rc != 0) {
		EVP_PKEY_free(key);
		return rc;
	}
	EVP_PKEY_free(a->leaf_key);
	buf_free(&a->leaf_der);
	a->leaf_key = key;
	a->leaf_der = der;
	a->leaf_ms = now_ms;
	return 0;
}

int attestor_new(struct bytes root_pem, const uint8_t image[48],
	uint32_t isolation, uint64_t now_ms, struct attestor **ret)
{
	struct attestor *a = calloc(1, sizeof(*a));
	unsigned before = memory_failures();
	int rc;

	if (a == NULL)
		return -ENOMEM;
	memcpy(a->image, image, IMAGE);
	a->isolation = isolation;
	rc = read_root(a, root_pem);
	if (rc == 0)
		rc = to_der(a->root, &a->root_der);
	if (rc == 0)
		rc = new_leaf(a, now_ms);
	if (rc != 0) {
		attestor_free(a);
		return memory_error(rc, before);
	}
	*ret = a;
	return 0;
}

int attestor_root_read(struct bytes pem, struct hash *ret)
{
	struct attestor *a = calloc(1, sizeof(*a));
	unsigned before = memory_failures();
	int rc;

	if (a == NULL)
		return -ENOMEM;
	rc = read_root(a, pem);
	if (rc == 0)
		rc = to_der(a->root, &a->root_der);
	if (rc == 0)
		*ret = attestation_root_hash(BUF_BYTES(&a->root_der));
	attestor_free(a);
	return memory_error(rc, before);
}

void attestor_free(struct attestor *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_free(a->root_key);
	EVP_PKEY_free(a->leaf_key);
	X509_free(a->root);
	buf_free(&a->root_der);
	buf_free(&a->leaf_der);
	free(a);
}

/* X(m) = SHA-384(48 zero bytes || m), how PCRs are extended from zero. */
static int extend(const uint8_t m[IMAGE], uint8_t ret[ATTESTATION_PCR])
{
	uint8_t in[2 * IMAGE] = {0};

	memcpy(in + IMAGE, m, IMAGE);
	return EVP_Digest(in, sizeof(in), ret, NULL, EVP_sha384(), NULL) == 1
		       ? 0
		       : -EIO;
}

static int write_pcrs(
	struct cborw *w, const struct attestor *a, const uint8_t *policy)
{
	uint8_t pcr[ATTESTATION_PCR] = {0};
	uint64_t i;
	int rc;

	cborw_map(w, 5);
	for (i = 0; i < 3; i++) {
		cborw_uint(w, i);
		cborw_bytes(w, BYTES(pcr, sizeof(pcr)));
	}
	rc = extend(a->image, pcr);
	cborw_uint(w, 16);
	cborw_bytes(w, BYTES(pcr, sizeof(pcr)));
	if (policy == NULL)
		memset(pcr, 0, sizeof(pcr));
	else if (rc == 0)
		rc = extend(policy, pcr);
	cborw_uint(w, 17);
	cborw_bytes(w, BYTES(pcr, sizeof(pcr)));
	return rc;
}

static void write_optional(
	struct cborw *w, const char *name, struct bytes v)
{
	cborw_text(w, name);
	if (v.n == 0)
		cborw_null(w);
	else
		cborw_bytes(w, v);
}

/* The fields in the order in which the NSM writes them. */
static int write_payload(const struct attestor *a, const uint8_t *policy,
	struct bytes public_key, struct bytes user_data, struct bytes nonce,
	uint64_t now_ms, struct buf *ret)
{
	struct cborw w = {0};
	int rc;

	cborw_map(&w, 9);
	cborw_text(&w, "module_id");
	cborw_text(&w, a->module_id);
	cborw_text(&w, "digest");
	cborw_text(&w, "SHA384");
	cborw_text(&w, "timestamp");
	cborw_uint(&w, now_ms);
	cborw_text(&w, "pcrs");
	rc = write_pcrs(&w, a, policy);
	cborw_text(&w, "certificate");
	cborw_bytes(&w, BUF_BYTES(&a->leaf_der));
	cborw_text(&w, "cabundle");
	cborw_array(&w, 1);
	cborw_bytes(&w, BUF_BYTES(&a->root_der));
	write_optional(&w, "public_key", public_key);
	write_optional(&w, "user_data", user_data);
	write_optional(&w, "nonce", nonce);
	if (rc != 0) {
		cborw_free(&w);
		return rc;
	}
	return cborw_end(&w, ret);
}

int attestor_document(struct attestor *a, const uint8_t policy[48],
	struct bytes public_key, struct bytes user_data, struct bytes nonce,
	uint64_t now_ms, struct buf *ret)
{
	cleanup(buf) struct buf payload = {0};
	unsigned before = memory_failures();
	int rc = 0;

	/* a clock that was set back would date it before its certificate */
	if (now_ms > a->leaf_ms + LEAF_RENEW_MS || now_ms < a->leaf_ms)
		rc = new_leaf(a, now_ms);
	if (rc == 0)
		rc = write_payload(a, policy, public_key, user_data, nonce,
			now_ms, &payload);
	if (rc == 0)
		rc = cose_sign(COSE_ES384, a->leaf_key, BUF_BYTES(&payload), ret);
	return memory_error(rc, before);
}

struct bytes attestor_root(const struct attestor *a)
{
	return BUF_BYTES(&a->root_der);
}

int attestor_root_key(const struct attestor *a, struct buf *ret_spki)
{
	return cose_key_spki(a->root_key, ret_spki);
}

int attestor_root_sign(struct attestor *a, struct bytes payload,
	struct buf *ret_cose)
{
	return cose_sign(COSE_ES384, a->root_key, payload, ret_cose);
}

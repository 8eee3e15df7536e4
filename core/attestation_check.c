#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/attestation.h"
#include "core/certpath.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/params.h"

struct hash attestation_root_hash(struct bytes der)
{
	return hash_sha256(der);
}

/* leaf, then cabundle from the root on; NULL where not read. */
struct certs {
	X509 *leaf;
	size_t n;
	X509 *ca[ATTESTATION_CABUNDLE];
};

static void certs_done(struct certs *c)
{
	size_t i;

	X509_free(c->leaf);
	for (i = 0; i < c->n; i++)
		X509_free(c->ca[i]);
}

/* -EBADMSG if one is not DER, -EKEYREJECTED if one is no certificate. */
static int certs_read(const struct attestation *a, struct certs *ret)
{
	int rc = certpath_read(a->certificate, &ret->leaf), one;
	size_t i;

	ret->n = a->n_cabundle;
	for (i = 0; i < ret->n; i++) {
		one = certpath_read(a->cabundle[i], &ret->ca[i]);
		if (one == -EBADMSG || rc == 0)
			rc = one;
	}
	return rc;
}

static bool is_local_extension(X509_EXTENSION *ext)
{
	char oid[80];

	return OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(ext),
		       1) > 0 &&
	       strcmp(oid, ATTESTATION_LOCAL_OID) == 0;
}

/* Does it carry our extension?  *ret_other: a critical one that neither
 * OpenSSL nor we know. */
static bool marked_local(X509 *x, bool *ret_other)
{
	int i, n = X509_get_ext_count(x);
	bool marked = false;

	*ret_other = false;
	for (i = 0; i < n; i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		if (is_local_extension(ext))
			marked = marked || X509_EXTENSION_get_critical(ext);
		else if (X509_EXTENSION_get_critical(ext) &&
			 X509_supported_extension(ext) != 1)
			*ret_other = true;
	}
	return marked;
}

/* Local evidence must never pass on a hardware chain, nor the other way: every
 * mark has to agree with the class in block zero. */
static bool class_agrees(const struct params *p, const struct attestation *a,
	const struct certs *c)
{
	static const uint8_t zero[3 * ATTESTATION_PCR];
	bool local = p->trust == TRUST_LOCAL, other;
	size_t i;

	if ((a->module_id.n >= 6 && memcmp(a->module_id.p, "local-", 6) == 0) !=
		local)
		return false;
	if (marked_local(c->leaf, &other) != local)
		return false;
	for (i = 0; i < c->n; i++)
		if (marked_local(c->ca[i], &other) != local)
			return false;
	return !local || memcmp(a->pcr, zero, sizeof(zero)) == 0;
}

static bool root_named(const struct params *p, const struct attestation *a)
{
	struct hash h = attestation_root_hash(a->cabundle[0]);
	size_t i;

	for (i = 0; i < p->n_roots; i++)
		if (hash_equal(&h, &p->root[i]))
			return true;
	return false;
}

/* P-384 in the one encoding of a key, and so is the signature's algorithm. */
static bool p384(X509 *x)
{
	const X509_ALGOR *alg;
	unsigned char *der = NULL;
	int type, n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	EVP_PKEY *key = n > 0 ? cose_key(BYTES(der, (size_t)n)) : NULL;
	bool good = key != NULL && EVP_PKEY_get_bits(key) == 384;

	EVP_PKEY_free(key);
	OPENSSL_free(der);
	X509_get0_signature(NULL, &alg, x);
	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return good && X509_get_signature_nid(x) == NID_ecdsa_with_SHA384 &&
	       type == V_ASN1_UNDEF;
}

static bool plain(const struct params *p, X509 *x)
{
	return p384(x) &&
	       certpath_plain(x, false,
		       p->trust == TRUST_LOCAL ? ATTESTATION_LOCAL_OID : NULL);
}

/* What is asked of the certificates beyond X.509 itself: one curve, one
 * signature algorithm, a leaf that signs and is no authority. */
static bool profile_holds(const struct params *p, const struct certs *c)
{
	uint32_t usage = X509_get_key_usage(c->leaf);
	size_t i;

	if (!plain(p, c->leaf) ||
		(X509_get_extension_flags(c->leaf) & EXFLAG_CA) != 0 ||
		usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0 ||
		(usage & KU_KEY_CERT_SIGN) != 0)
		return false;
	for (i = 0; i < c->n; i++)
		if (!plain(p, c->ca[i]) || X509_check_ca(c->ca[i]) != 1)
			return false;
	return true;
}

/* Root first, in the order of the bundle, and none of them idle: as no two
 * have one name, X509_verify_cert() has no other way up. */
static bool path_named(const struct certs *c)
{
	STACK_OF(X509) *path = sk_X509_new_null();
	bool good = path != NULL && sk_X509_push(path, c->leaf) > 0 &&
		    certpath_names(c->ca[0], c->ca[0]);
	size_t i;

	for (i = c->n; good && i > 0; i--)
		good = sk_X509_push(path, c->ca[i - 1]) > 0;
	good = good && certpath_linked(path);
	sk_X509_free(path);
	return good;
}

/* X509_verify_cert asks here about each failure.  The local mark is the one
 * unknown critical extension that may pass; class_agrees() has seen to it
 * that none is there on a hardware chain. */
static int allow_local(int ok, X509_STORE_CTX *ctx)
{
	bool other;

	if (ok)
		return 1;
	return X509_STORE_CTX_get_error(ctx) ==
		       X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION &&
	       marked_local(X509_STORE_CTX_get_current_cert(ctx), &other) &&
	       !other;
}

static bool out_of_time(int error)
{
	return error == X509_V_ERR_CERT_HAS_EXPIRED ||
	       error == X509_V_ERR_CERT_NOT_YET_VALID;
}

static enum verdict path_run(X509_STORE_CTX *ctx, uint64_t timestamp_ms)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_time(param, (time_t)(timestamp_ms / 1000));
	X509_VERIFY_PARAM_set_depth(param, ATTESTATION_CABUNDLE + 1);
	X509_STORE_CTX_set_verify_cb(ctx, allow_local);
	if (X509_verify_cert(ctx) == 1)
		return V_VALID;
	return out_of_time(X509_STORE_CTX_get_error(ctx))
		       ? V_ATTESTATION_EXPIRED
		       : V_ATTESTATION_ROOT;
}

/* Leaf to root, at the document's own time: it says by itself when it was
 * made, and the block after it brackets that. */
static enum verdict path_check(const struct attestation *a, struct certs *c)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	enum verdict v = V_ATTESTATION_ROOT;
	size_t i;
	bool ready;

	ready = store != NULL && ctx != NULL && between != NULL &&
		X509_STORE_add_cert(store, c->ca[0]) == 1;
	for (i = 1; ready && i < c->n; i++)
		ready = sk_X509_push(between, c->ca[i]) > 0;
	if (ready && X509_STORE_CTX_init(ctx, store, c->leaf, between) == 1)
		v = path_run(ctx, a->timestamp_ms);
	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	X509_STORE_free(store);
	return v;
}

static bool is_debug(const struct attestation *a)
{
	static const uint8_t zero[ATTESTATION_PCR];
	size_t i;

	for (i = 0; i < 3; i++)
		if (memcmp(a->pcr[i], zero, sizeof(zero)) == 0)
			return true;
	return false;
}

/* The measurements that say what code runs.  PCR0 alone does not fix where
 * kernel and ramdisk part, so all three are asked for. */
#define PCRS_NITRO 0x7U
#define PCRS_LOCAL (1U << 16)

static bool image_matches(const struct params_image *image,
	const struct attestation *a, uint32_t needed)
{
	uint32_t named = 0;
	size_t i;

	for (i = 0; i < image->n; i++) {
		const struct params_pcr *pcr = &image->pcr[i];

		if (pcr->number >= ATTESTATION_PCRS ||
			(a->pcr_mask >> pcr->number & 1) == 0 ||
			memcmp(pcr->value, a->pcr[pcr->number],
				ATTESTATION_PCR) != 0)
			return false;
		named |= UINT32_C(1) << pcr->number;
	}
	return (named & needed) == needed;
}

static enum verdict measurements(
	const struct params *p, const struct attestation *a)
{
	bool local = p->trust == TRUST_LOCAL;
	size_t i;

	if (!local && is_debug(a))
		return V_ATTESTATION_DEBUG;
	if (local && p->any_image)
		return V_VALID;
	for (i = 0; i < p->n_images; i++)
		if (image_matches(&p->image[i], a,
			    local ? PCRS_LOCAL : PCRS_NITRO))
			return V_VALID;
	return V_ATTESTATION_IMAGE;
}

static enum verdict judge(const struct params *p, const struct cose_sign1 *cose,
	const struct attestation *a, struct certs *c)
{
	enum verdict v;

	if (!class_agrees(p, a, c))
		return V_ATTESTATION_CLASS;
	if (!root_named(p, a) || !profile_holds(p, c) || !path_named(c))
		return V_ATTESTATION_ROOT;
	v = path_check(a, c);
	if (v != V_VALID)
		return v;
	if (cose_check(cose, X509_get0_pubkey(c->leaf)) != 0)
		return V_ATTESTATION_SIGNATURE;
	return measurements(p, a);
}

enum verdict attestation_check(
	const struct params *p, struct bytes doc, struct attestation *ret)
{
	unsigned before = memory_failures();
	struct attestation a;
	struct certs certs = {0};
	struct cose_sign1 cose;
	struct bytes payload;
	enum verdict v = V_ATTESTATION_MALFORMED;

	if (attestation_decode(doc, &a, &payload) != 0 ||
		cose_decode(doc, payload.n, &cose) != 0)
		return attestation_refused(doc);
	switch (certs_read(&a, &certs)) {
	case 0:
		v = judge(p, &cose, &a, &certs);
		break;
	case -EKEYREJECTED:
		v = V_ATTESTATION_ROOT;
		break;
	}
	certs_done(&certs);
	if (v == V_VALID)
		*ret = a;
	return memory_verdict(v, before);
}

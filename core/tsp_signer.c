/* Who signed a token: T2 and T3 of tsp.h. */
#include <openssl/x509v3.h>
#include <string.h>

#include "core/certpath.h"
#include "core/der.h"
#include "core/tsp_impl.h"

enum tsp_answer tsp_pinned_open(struct tsp *t)
{
	struct bytes rest = t->policy->certs, content, whole;
	uint8_t tag;

	while (rest.n > 0 && t->n_pinned < TSP_PINNED_MAX) {
		if (der_next(&rest, &tag, &content, &whole) != 0 ||
			certpath_read(whole, &t->pinned[t->n_pinned]) != 0)
			return TSP_PINNED;
		t->n_pinned++;
	}
	return rest.n == 0 && t->n_pinned > 0 ? TSP_VALID : TSP_PINNED;
}

void tsp_pinned_done(struct tsp *t)
{
	size_t i;

	for (i = 0; i < t->n_pinned; i++)
		X509_free(t->pinned[i]);
}

/* -- T2: algorithms */

const ASN1_OBJECT *tsp_algorithm(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *o = NULL;

	X509_ALGOR_get0(&o, NULL, NULL, alg);
	return o;
}

bool tsp_no_parameters(const X509_ALGOR *alg)
{
	int type = V_ASN1_UNDEF;

	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

static const struct scheme {
	int digest, signature, key;
} schemes[] = {
	{NID_sha256, NID_ecdsa_with_SHA256, EVP_PKEY_EC},
	{NID_sha384, NID_ecdsa_with_SHA384, EVP_PKEY_EC},
	{NID_sha512, NID_ecdsa_with_SHA512, EVP_PKEY_EC},
	{NID_sha256, NID_sha256WithRSAEncryption, EVP_PKEY_RSA},
	{NID_sha384, NID_sha384WithRSAEncryption, EVP_PKEY_RSA},
	{NID_sha512, NID_sha512WithRSAEncryption, EVP_PKEY_RSA},
	/* CMS lets RSA leave the digest to the other field (RFC 3370 3.2) */
	{NID_sha256, NID_rsaEncryption, EVP_PKEY_RSA},
	{NID_sha384, NID_rsaEncryption, EVP_PKEY_RSA},
	{NID_sha512, NID_rsaEncryption, EVP_PKEY_RSA},
};

static enum tsp_answer scheme_of(struct tsp *t, const struct scheme **ret)
{
	X509_ALGOR *digest, *signature;
	int d, s;
	bool known = false;
	size_t i;

	CMS_SignerInfo_get0_algs(t->si, NULL, NULL, &digest, &signature);
	d = OBJ_obj2nid(tsp_algorithm(digest));
	s = OBJ_obj2nid(tsp_algorithm(signature));
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (schemes[i].digest == d && schemes[i].signature == s &&
			tsp_no_parameters(digest) &&
			tsp_no_parameters(signature)) {
			*ret = &schemes[i];
			return TSP_VALID;
		}
		known = known || schemes[i].digest == d;
	}
	tsp_name_algorithm(t, tsp_algorithm(known ? signature : digest));
	return TSP_ALGORITHM;
}

static bool key_fits(const X509 *x, const struct scheme *scheme)
{
	EVP_PKEY *key = certpath_key(x);

	return key != NULL && EVP_PKEY_get_base_id(key) == scheme->key;
}

/* -- signed attributes */

/* The value of an attribute that stands there once and has one value. */
static void *attribute(struct tsp *t, int nid, int type)
{
	return CMS_signed_get0_data_by_OBJ(t->si, OBJ_nid2obj(nid), -3, type);
}

static bool has_attribute(struct tsp *t, int nid)
{
	return CMS_signed_get_attr_by_NID(t->si, nid, -1) >= 0;
}

static enum tsp_answer attributes_check(struct tsp *t, const EVP_MD *md)
{
	const ASN1_OBJECT *type =
		attribute(t, NID_pkcs9_contentType, V_ASN1_OBJECT);
	const ASN1_OCTET_STRING *digest =
		attribute(t, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
	uint8_t h[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (type == NULL || digest == NULL)
		return TSP_MALFORMED;
	if (OBJ_obj2nid(type) != NID_id_smime_ct_TSTInfo)
		return TSP_CONTENT_TYPE;
	if (EVP_Digest(t->content.p, t->content.n, h, &n, md, NULL) != 1 ||
		!bytes_equal(BYTES(h, n),
			BYTES(ASN1_STRING_get0_data(digest),
				(size_t)ASN1_STRING_length(digest))))
		return TSP_DIGEST;
	return TSP_VALID;
}

/* T3: by either version, and by both if both are there. */
bool tsp_named(struct tsp *t, STACK_OF(X509) *chain)
{
	static const int versions[] = {NID_id_smime_aa_signingCertificate,
		NID_id_smime_aa_signingCertificateV2};
	bool any = false;
	size_t i;

	for (i = 0; i < 2; i++) {
		const ASN1_STRING *v =
			attribute(t, versions[i], V_ASN1_SEQUENCE);

		if (!has_attribute(t, versions[i]))
			continue;
		if (v == NULL ||
			!tsp_ess_names(BYTES(ASN1_STRING_get0_data(v),
					       (size_t)ASN1_STRING_length(v)),
				i == 1, chain))
			return false;
		any = true;
	}
	return any;
}

/* libcrypto passes over purposes that it does not know: there is one. */
static bool for_stamping_alone(X509 *x)
{
	EXTENDED_KEY_USAGE *u = X509_get_ext_d2i(x, NID_ext_key_usage, NULL,
		NULL);
	bool alone = u != NULL && sk_ASN1_OBJECT_num(u) == 1 &&
		     X509_check_purpose(x, X509_PURPOSE_TIMESTAMP_SIGN, 0) == 1;

	EXTENDED_KEY_USAGE_free(u);
	return alone;
}

static enum tsp_answer candidate(struct tsp *t, X509 *x, STACK_OF(X509) *good,
	const struct scheme *scheme)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	if (!key_fits(x, scheme)) {
		tsp_name_algorithm(t, OBJ_nid2obj(key == NULL ? NID_undef :
					      EVP_PKEY_get_base_id(key)));
		return TSP_ALGORITHM;
	}
	if (!for_stamping_alone(x))
		return TSP_PURPOSE;
	CMS_SignerInfo_set1_signer_cert(t->si, x);
	if (CMS_SignerInfo_verify(t->si) != 1)
		return TSP_SIGNATURE;
	return tsp_path(t, x, good);
}

/* -- the certificates at hand: those in the token, the pinned ones, the bag */

/* What cannot be read helps nobody. */
static void bag_add(STACK_OF(X509) *bag, struct bytes der)
{
	X509 *x = NULL;

	if (certpath_read(der, &x) == 0 && sk_X509_push(bag, x) <= 0)
		X509_free(x);
}

static STACK_OF(X509) *bag_open(struct tsp *t)
{
	STACK_OF(X509) *bag = CMS_get1_certs(t->cms);
	size_t i;

	if (bag == NULL)
		bag = sk_X509_new_null();
	if (bag == NULL || sk_X509_num(bag) > TSP_CERTS_MAX) {
		sk_X509_pop_free(bag, X509_free);
		return NULL;
	}
	for (i = 0; i < t->n_pinned; i++) {
		if (sk_X509_push(bag, t->pinned[i]) <= 0)
			break; /* one fewer: a path may be missing */
		X509_up_ref(t->pinned[i]);
	}
	for (i = 0; i < t->policy->n_bag; i++)
		bag_add(bag, t->policy->bag[i]);
	return bag;
}

/* Any number of certificates may claim that issuer and serial number: one has
 * to hold.  If none does, the answer is about the one that came furthest. */
static enum tsp_answer signer_find(struct tsp *t, const X509_NAME *issuer,
	STACK_OF(X509) *bag, const struct scheme *scheme)
{
	enum tsp_answer best = TSP_SIGNER, a = TSP_SIGNER;
	STACK_OF(X509) *good = tsp_rooted(t, bag);
	int i;

	for (i = 0; i < sk_X509_num(bag) && a != TSP_VALID; i++) {
		X509 *x = sk_X509_value(bag, i);

		if (CMS_SignerInfo_cert_cmp(t->si, x) != 0 ||
			!certpath_same_name(issuer, X509_get_issuer_name(x)))
			continue;
		a = candidate(t, x, good, scheme);
		if (best == TSP_SIGNER || a > best)
			best = a;
	}
	sk_X509_free(good);
	return a == TSP_VALID ? a : best;
}

enum tsp_answer tsp_signer_check(struct tsp *t)
{
	const struct scheme *scheme = NULL;
	ASN1_OCTET_STRING *key_id = NULL;
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;
	STACK_OF(X509) *bag;
	enum tsp_answer a = scheme_of(t, &scheme);

	if (a == TSP_VALID)
		a = attributes_check(t, EVP_get_digestbynid(scheme->digest));
	if (a != TSP_VALID)
		return a;
	if (CMS_SignerInfo_get0_signer_id(t->si, &key_id, &issuer, &serial) !=
			1 ||
		issuer == NULL || serial == NULL)
		return TSP_MALFORMED; /* named by key identifier */
	bag = bag_open(t);
	if (bag == NULL)
		return TSP_MALFORMED;
	a = signer_find(t, issuer, bag, scheme);
	sk_X509_pop_free(bag, X509_free);
	return a;
}

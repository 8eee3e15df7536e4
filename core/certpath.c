#include "core/certpath.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/der.h"

#define RSA_MIN 256	/* bytes of the modulus: 2048 bits */
#define RSA_MAX 1024	/* more only costs the verifier time */
#define EXPONENT_MAX 8	/* bytes */
#define UNUSED_BITS 7	/* of the flags of a bit string: how many */
#define UNCOMPRESSED 4	/* first byte of such a point, SEC 1 2.3.3 */

int certpath_read(struct bytes der, X509 **ret)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (der_check(der) != 0)
		return -EBADMSG;
	x = d2i_X509(NULL, &p, (long)der.n);
	if (x == NULL || p != der.p + der.n) {
		X509_free(x);
		return -EKEYREJECTED;
	}
	*ret = x;
	return 0;
}

static bool in(int nid, const int *list, size_t n)
{
	while (n > 0)
		if (list[--n] == nid)
			return true;
	return false;
}
#define IN(nid, list) in(nid, list, sizeof(list) / sizeof((list)[0]))

/* Each of these narrows what a path may be. */
static const int narrowing[] = {NID_name_constraints, NID_proxyCertInfo,
	NID_sbgp_ipAddrBlock, NID_sbgp_autonomousSysNum};
/* What is read of a certificate; libcrypto takes BER here too. */
static const int readable[] = {NID_basic_constraints, NID_key_usage,
	NID_ext_key_usage, NID_subject_key_identifier,
	NID_authority_key_identifier};
static const int basic[] = {NID_basic_constraints, NID_key_usage};
static const int stamp[] = {NID_basic_constraints, NID_key_usage,
	NID_ext_key_usage, NID_subject_alt_name, NID_crl_distribution_points,
	NID_certificate_policies, NID_policy_mappings, NID_policy_constraints,
	NID_inhibit_any_policy};

static bool is_oid(const ASN1_OBJECT *o, const char *dotted)
{
	char text[80];

	return dotted != NULL && OBJ_obj2txt(text, sizeof(text), o, 1) > 0 &&
	       strcmp(text, dotted) == 0;
}

static bool extension_plain(X509_EXTENSION *ext, bool stamping, const char *also)
{
	const ASN1_OBJECT *o = X509_EXTENSION_get_object(ext);
	const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(ext);
	int nid = OBJ_obj2nid(o);

	if (IN(nid, narrowing) ||
		(IN(nid, readable) &&
			der_check(BYTES(ASN1_STRING_get0_data(v),
				(size_t)ASN1_STRING_length(v))) != 0))
		return false;
	return !X509_EXTENSION_get_critical(ext) || is_oid(o, also) ||
	       (stamping ? IN(nid, stamp) : IN(nid, basic));
}

bool certpath_plain(X509 *x, bool stamping, const char *also)
{
	int i, n = X509_get_ext_count(x);
	const X509_ALGOR *alg;

	X509_get0_signature(NULL, &alg, x);
	if (X509_get_version(x) != X509_VERSION_3 ||
		X509_ALGOR_cmp(X509_get0_tbs_sigalg(x), alg) != 0 ||
		(X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		return false;
	for (i = 0; i < n; i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		if (!extension_plain(ext, stamping, also) ||
			X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(ext),
				i) >= 0)
			return false;
	}
	return true;
}

/* The next item, if it is a positive number: without the zero before it. */
static bool positive(struct bytes *rest, struct bytes *ret)
{
	struct bytes whole;
	uint8_t tag;

	if (der_next(rest, &tag, ret, &whole) != 0 || tag != DER_INTEGER ||
		ret->p[0] >= 0x80)
		return false;
	if (ret->p[0] == 0)
		*ret = BYTES(ret->p + 1, ret->n - 1);
	return ret->n > 0;
}

/* RSAPublicKey, RFC 8017 A.1.1. */
static bool rsa_plain(struct bytes in)
{
	struct bytes seq, n, e, whole;
	uint8_t tag;

	return der_check(in) == 0 && der_next(&in, &tag, &seq, &whole) == 0 &&
	       tag == DER_SEQUENCE && positive(&seq, &n) &&
	       positive(&seq, &e) && seq.n == 0 &&
	       n.n >= RSA_MIN && (n.n > RSA_MIN || n.p[0] >= 0x80) &&
	       n.n <= RSA_MAX && e.n <= EXPONENT_MAX &&
	       (n.p[n.n - 1] & e.p[e.n - 1] & 1) == 1 &&
	       (e.n > 1 || e.p[0] > 1);
}

/* That its point is on the curve is libcrypto's to say. */
static bool ec_plain(const ASN1_OBJECT *curve, struct bytes point)
{
	size_t n = 0;

	switch (OBJ_obj2nid(curve)) {
	case NID_X9_62_prime256v1:
		n = 32;
		break;
	case NID_secp384r1:
		n = 48;
		break;
	case NID_secp521r1:
		n = 66;
		break;
	}
	return n > 0 && point.n == 1 + 2 * n && point.p[0] == UNCOMPRESSED;
}

EVP_PKEY *certpath_key(const X509 *x)
{
	const ASN1_OBJECT *o;
	const unsigned char *p;
	const void *parameters;
	X509_ALGOR *alg;
	int n, type;
	bool plain;

	if (X509_PUBKEY_get0_param(NULL, &p, &n, &alg,
		    X509_get_X509_PUBKEY(x)) != 1 ||
		(X509_get0_pubkey_bitstr(x)->flags & UNUSED_BITS) != 0)
		return NULL;
	X509_ALGOR_get0(&o, &type, &parameters, alg);
	if (OBJ_obj2nid(o) == NID_rsaEncryption)
		plain = (type == V_ASN1_NULL || type == V_ASN1_UNDEF) &&
			rsa_plain(BYTES(p, (size_t)n));
	else
		plain = OBJ_obj2nid(o) == NID_X9_62_id_ecPublicKey &&
			type == V_ASN1_OBJECT &&
			ec_plain(parameters, BYTES(p, (size_t)n));
	return plain ? X509_get0_pubkey(x) : NULL;
}

bool certpath_signature(const X509 *x)
{
	static const int rsa[] = {NID_sha256WithRSAEncryption,
		NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption};
	static const int ecdsa[] = {NID_ecdsa_with_SHA256,
		NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512};
	const X509_ALGOR *alg;
	const ASN1_OBJECT *o;
	int type, nid;

	X509_get0_signature(NULL, &alg, x);
	X509_ALGOR_get0(&o, &type, NULL, alg);
	nid = OBJ_obj2nid(o);
	return type == V_ASN1_UNDEF ? IN(nid, ecdsa) || IN(nid, rsa) :
				      type == V_ASN1_NULL && IN(nid, rsa);
}

bool certpath_same_name(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *p, *q;
	size_t n, m;

	return X509_NAME_get0_der(a, &p, &n) == 1 &&
	       X509_NAME_get0_der(b, &q, &m) == 1 &&
	       bytes_equal(BYTES(p, n), BYTES(q, m));
}

/* The issuer's issuer that an authority key identifier may name: libcrypto
 * compares it without regard to case. */
static bool names_above(X509 *issuer, X509 *x)
{
	const GENERAL_NAMES *names = X509_get0_authority_issuer(x);
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DIRNAME)
			return certpath_same_name(name->d.directoryName,
				X509_get_issuer_name(issuer));
	}
	return true;
}

bool certpath_names(X509 *issuer, X509 *x)
{
	return certpath_same_name(X509_get_subject_name(issuer),
		       X509_get_issuer_name(x)) &&
	       names_above(issuer, x);
}

bool certpath_linked(STACK_OF(X509) *chain)
{
	int i, j, n = sk_X509_num(chain);

	for (i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);

		if (i + 1 < n && !certpath_names(sk_X509_value(chain, i + 1), x))
			return false;
		for (j = i + 1; j < n; j++)
			if (certpath_same_name(X509_get_subject_name(x),
				    X509_get_subject_name(
					    sk_X509_value(chain, j))))
				return false;
	}
	return true;
}

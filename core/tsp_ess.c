/* What the signed attribute signing-certificate names (RFC 2634, RFC 5035).
 *
 * libcrypto has a reader for it, which takes every hash that it knows, MD5
 * among them, and a name in other letters than the certificate has. */
#include <string.h>

#include "core/der.h"
#include "core/tsp_impl.h"

#define DIRECTORY_NAME 0xa4 /* of GeneralName */

static bool next(struct bytes *rest, uint8_t tag, struct bytes *ret)
{
	struct bytes whole;
	uint8_t have;

	return der_next(rest, &have, ret, &whole) == 0 && have == tag;
}

/* Like next(), but only if that is the next: *rest stays where it is not. */
static bool maybe(struct bytes *rest, uint8_t tag, struct bytes *ret)
{
	struct bytes ahead = *rest;

	if (!next(&ahead, tag, ret))
		return false;
	*rest = ahead;
	return true;
}

static bool serial_is(struct bytes v, const X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &der);
	struct bytes rest = BYTES(der, n > 0 ? (size_t)n : 0), have;
	bool same = next(&rest, DER_INTEGER, &have) && bytes_equal(v, have);

	OPENSSL_free(der);
	return same;
}

/* IssuerSerial: the one name of the issuer, byte for byte, and the number. */
static bool issued_as(struct bytes v, const X509 *x)
{
	struct bytes names, name, serial;
	const unsigned char *p;
	size_t n;

	return next(&v, DER_SEQUENCE, &names) &&
	       next(&v, DER_INTEGER, &serial) && v.n == 0 &&
	       next(&names, DIRECTORY_NAME, &name) && names.n == 0 &&
	       X509_NAME_get0_der(X509_get_issuer_name(x), &p, &n) == 1 &&
	       bytes_equal(name, BYTES(p, n)) && serial_is(serial, x);
}

/* NULL for one that is not taken. */
static const EVP_MD *digest_of(struct bytes algorithm)
{
	struct bytes oid, whole, rest = algorithm;
	const unsigned char *p;
	ASN1_OBJECT *o;
	uint8_t tag;
	int nid;

	if (!next(&rest, DER_OID, &oid) ||
		(rest.n > 0 && der_next(&rest, &tag, &oid, &whole) != 0) ||
		rest.n > 0)
		return NULL;
	p = algorithm.p;
	o = d2i_ASN1_OBJECT(NULL, &p, (long)algorithm.n);
	nid = OBJ_obj2nid(o);
	ASN1_OBJECT_free(o);
	return nid == NID_sha1 ? EVP_sha1() : tsp_digest(nid);
}

/* Which of the chain an ESSCertID is of; -1: none. */
static int named(struct bytes id, bool second, STACK_OF(X509) *chain)
{
	const EVP_MD *md = second ? EVP_sha256() : EVP_sha1();
	struct bytes algorithm, hash, issuer = {0};
	uint8_t h[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool says;
	int i;

	if (second && maybe(&id, DER_SEQUENCE, &algorithm))
		md = digest_of(algorithm);
	if (md == NULL || !next(&id, DER_OCTETS, &hash))
		return -1;
	says = maybe(&id, DER_SEQUENCE, &issuer);
	if (id.n > 0)
		return -1;
	for (i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);

		if (X509_digest(x, md, h, &n) == 1 &&
			bytes_equal(hash, BYTES(h, n)) &&
			(!says || issued_as(issuer, x)))
			return i;
	}
	return -1;
}

/* PolicyInformation, which is not looked at otherwise. */
static bool policies_read(struct bytes list)
{
	struct bytes one, part;

	while (list.n > 0) {
		if (!next(&list, DER_SEQUENCE, &one) ||
			!next(&one, DER_OID, &part))
			return false;
		maybe(&one, DER_SEQUENCE, &part);
		if (one.n > 0)
			return false;
	}
	return true;
}

bool tsp_ess_names(
	struct bytes attribute, bool second, STACK_OF(X509) *chain)
{
	struct bytes body, ids, id, policies;
	bool first = true;

	if (!next(&attribute, DER_SEQUENCE, &body) || attribute.n > 0 ||
		!next(&body, DER_SEQUENCE, &ids) || ids.n == 0)
		return false;
	for (; ids.n > 0; first = false) {
		int i = next(&ids, DER_SEQUENCE, &id)
				? named(id, second, chain)
				: -1;

		if (i < 0 || (i == 0) != first)
			return false;
	}
	return (!maybe(&body, DER_SEQUENCE, &policies) ||
		       policies_read(policies)) &&
	       body.n == 0;
}

#include "core/tsp.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <string.h>

#include "core/der.h"
#include "core/timestamp.h"
#include "core/tsp_impl.h"

static const char *const texts[] = {
	[TSP_VALID] = "the token holds",
	[TSP_PINNED] = "the authority's certificates cannot be read",
	[TSP_MALFORMED] = "the token is malformed",
	[TSP_STATUS] = "the authority did not grant a token",
	[TSP_CONTENT_TYPE] = "what is signed is not a time stamp",
	[TSP_SIGNERS] = "the token does not have exactly one signer",
	[TSP_ALGORITHM] = "an algorithm is weak or unknown",
	[TSP_DIGEST] = "the signed attributes are over another time stamp",
	[TSP_SIGNER] = "the signer's certificate is missing",
	[TSP_ESS] = "the signed attributes name another certificate",
	[TSP_PURPOSE] = "the signer's certificate is not for time stamping alone",
	[TSP_SIGNATURE] = "the signature does not verify",
	[TSP_PATH] = "the certificates do not lead to the pinned root",
	[TSP_EXPIRED] = "a certificate was not valid at the token's time",
	[TSP_POLICY] = "the token was given under another policy",
	[TSP_NONCE] = "the token answers another request",
	[TSP_IMPRINT] = "the token was given over other bytes",
};

const char *tsp_text(enum tsp_answer a)
{
	return texts[a];
}

void tsp_name_algorithm(struct tsp *t, const ASN1_OBJECT *o)
{
	if (o == NULL || OBJ_obj2txt(t->algorithm, sizeof(t->algorithm), o,
				 0) <= 0)
		strcpy(t->algorithm, "unknown");
}

/* -- T1: form */

/* PKIStatusInfo, then the token: two elements.  A refusal has the first
 * alone. */
static enum tsp_answer response_open(struct bytes body, struct bytes *ret_token)
{
	struct bytes info, status, token, whole;
	uint8_t tag;

	if (der_next(&body, &tag, &info, &whole) != 0 || tag != DER_SEQUENCE ||
		der_next(&info, &tag, &status, &whole) != 0 ||
		tag != DER_INTEGER)
		return TSP_MALFORMED;
	/* 0 granted, 1 grantedWithMods */
	if (status.n != 1 || status.p[0] > 1)
		return TSP_STATUS;
	if (der_next(&body, &tag, &token, &whole) != 0 || tag != DER_SEQUENCE ||
		body.n != 0)
		return TSP_MALFORMED;
	*ret_token = whole;
	return TSP_VALID;
}

/* A token begins with the type of its content, a response with a sequence. */
static enum tsp_answer token_of(struct bytes in, struct bytes *ret)
{
	struct bytes rest = in, body, first, whole;
	uint8_t tag;

	if (in.n > TIMESTAMP_MAX || der_check(in) != 0 ||
		der_next(&rest, &tag, &body, &whole) != 0 ||
		tag != DER_SEQUENCE)
		return TSP_MALFORMED;
	rest = body;
	if (der_next(&rest, &tag, &first, &whole) != 0)
		return TSP_MALFORMED;
	if (tag == DER_SEQUENCE)
		return response_open(body, ret);
	if (tag != DER_OID)
		return TSP_MALFORMED;
	*ret = in;
	return TSP_VALID;
}

static enum tsp_answer cms_open(struct tsp *t, struct bytes token)
{
	const unsigned char *p = token.p;
	STACK_OF(CMS_SignerInfo) *signers;
	ASN1_OCTET_STRING **content;

	t->cms = d2i_CMS_ContentInfo(NULL, &p, (long)token.n);
	if (t->cms == NULL || p != token.p + token.n)
		return TSP_MALFORMED;
	if (OBJ_obj2nid(CMS_get0_type(t->cms)) != NID_pkcs7_signed ||
		OBJ_obj2nid(CMS_get0_eContentType(t->cms)) !=
			NID_id_smime_ct_TSTInfo)
		return TSP_CONTENT_TYPE;
	content = CMS_get0_content(t->cms);
	if (content == NULL || *content == NULL)
		return TSP_MALFORMED;
	t->content = BYTES(ASN1_STRING_get0_data(*content),
		(size_t)ASN1_STRING_length(*content));
	signers = CMS_get0_SignerInfos(t->cms);
	if (sk_CMS_SignerInfo_num(signers) != 1)
		return TSP_SIGNERS;
	t->si = sk_CMS_SignerInfo_value(signers, 0);
	return TSP_VALID;
}

/* -- the time stamp itself */

static bool digits(const char **s, unsigned n, unsigned *ret)
{
	unsigned v = 0;

	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (unsigned)(**s - '0');
	}
	*ret = v;
	return true;
}

/* Days since 1970 of a date in the proleptic Gregorian calendar, counted in
 * years that begin in March so that the leap day is their last. */
static uint64_t days(unsigned year, unsigned month, unsigned day)
{
	uint64_t y = year - (month < 3 ? 1 : 0);
	uint64_t m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day -
	       1 - 719468;
}

static bool date_ok(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t longest[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= longest[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* ".123" up to the Z: no zero at the end (DER); what is below a millisecond
 * is cut off. */
static bool fraction(const char **s, unsigned *ret_ms)
{
	unsigned ms = 0, weight = 100, digit = 0, n = 0;

	*ret_ms = 0;
	if (**s != '.')
		return true;
	for (++*s; **s >= '0' && **s <= '9'; ++*s, n++, weight /= 10) {
		digit = (unsigned)(**s - '0');
		ms += digit * weight;
	}
	*ret_ms = ms;
	return n > 0 && digit != 0;
}

/* YYYYMMDDhhmmss[.f]Z, the one form that RFC 3161 allows. */
static bool read_time(const ASN1_GENERALIZEDTIME *time, uint64_t *ret_ms)
{
	const char *s = (const char *)ASN1_STRING_get0_data(time);
	size_t n = (size_t)ASN1_STRING_length(time);
	unsigned year, month, day, h, m, sec, ms;
	char text[40];
	const char *p = text;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (!digits(&p, 4, &year) || !digits(&p, 2, &month) ||
		!digits(&p, 2, &day) || !digits(&p, 2, &h) ||
		!digits(&p, 2, &m) || !digits(&p, 2, &sec) ||
		!fraction(&p, &ms) || p != text + n - 1 || *p != 'Z')
		return false;
	if (!date_ok(year, month, day) || h > 23 || m > 59 || sec > 59)
		return false;
	*ret_ms = (((days(year, month, day) * 24 + h) * 60 + m) * 60 + sec) *
			  1000 + ms;
	return true;
}

static enum tsp_answer info_open(struct tsp *t)
{
	const unsigned char *p = t->content.p;
	int i;

	if (der_check(t->content) != 0)
		return TSP_MALFORMED;
	t->info = d2i_TS_TST_INFO(NULL, &p, (long)t->content.n);
	if (t->info == NULL || p != t->content.p + t->content.n ||
		TS_TST_INFO_get_version(t->info) != 1 ||
		!read_time(TS_TST_INFO_get_time(t->info), &t->p_ms))
		return TSP_MALFORMED;
	for (i = 0; i < TS_TST_INFO_get_ext_count(t->info); i++)
		if (X509_EXTENSION_get_critical(
			    TS_TST_INFO_get_ext(t->info, i)))
			return TSP_MALFORMED; /* we know none */
	return TSP_VALID;
}

/* -- T5: what was asked for */

static bool policy_agrees(struct tsp *t)
{
	char oid[128];
	int n = OBJ_obj2txt(oid, sizeof(oid),
		TS_TST_INFO_get_policy_id(t->info), 1);

	return t->policy->oid.n == 0 ||
	       (n > 0 && (size_t)n < sizeof(oid) &&
		       bytes_equal(BYTES(oid, (size_t)n), t->policy->oid));
}

static bool nonce_agrees(struct tsp *t)
{
	const ASN1_INTEGER *have = TS_TST_INFO_get_nonce(t->info);
	struct bytes want = t->policy->nonce;
	BIGNUM *a, *b;
	bool same;

	if (want.n == 0)
		return true;
	if (have == NULL)
		return false;
	a = ASN1_INTEGER_to_BN(have, NULL);
	b = BN_bin2bn(want.p, (int)want.n, NULL);
	same = a != NULL && b != NULL && BN_cmp(a, b) == 0;
	BN_free(a);
	BN_free(b);
	return same;
}

const EVP_MD *tsp_digest(int nid)
{
	switch (nid) {
	case NID_sha3_256:
		return EVP_sha3_256();
	case NID_sha256:
		return EVP_sha256();
	case NID_sha384:
		return EVP_sha384();
	case NID_sha512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static enum tsp_answer imprint_agrees(struct tsp *t, struct bytes data,
	struct tsp_token *ret)
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(t->info);
	X509_ALGOR *alg = TS_MSG_IMPRINT_get_algo(imprint);
	ASN1_OCTET_STRING *msg = TS_MSG_IMPRINT_get_msg(imprint);
	struct bytes have = BYTES(ASN1_STRING_get0_data(msg),
		(size_t)ASN1_STRING_length(msg));
	int nid = OBJ_obj2nid(tsp_algorithm(alg));
	const EVP_MD *md = tsp_digest(nid);
	uint8_t h[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (md == NULL || !tsp_no_parameters(alg)) {
		tsp_name_algorithm(t, tsp_algorithm(alg));
		return TSP_ALGORITHM;
	}
	if (have.n != (size_t)EVP_MD_get_size(md))
		return TSP_MALFORMED;
	if (data.p != NULL &&
		(EVP_Digest(data.p, data.n, h, &n, md, NULL) != 1 ||
			!bytes_equal(BYTES(h, n), have)))
		return TSP_IMPRINT;
	ret->sha3 = nid == NID_sha3_256;
	ret->n_imprint = have.n;
	memcpy(ret->imprint, have.p, have.n);
	return TSP_VALID;
}

static enum tsp_answer judge(struct tsp *t, struct bytes in, struct bytes data,
	struct tsp_token *ret)
{
	struct bytes token = {0};
	enum tsp_answer a = tsp_pinned_open(t);

	if (a == TSP_VALID)
		a = token_of(in, &token);
	if (a == TSP_VALID)
		a = cms_open(t, token);
	if (a == TSP_VALID)
		a = info_open(t);
	if (a == TSP_VALID)
		a = tsp_signer_check(t);
	if (a == TSP_VALID && !policy_agrees(t))
		a = TSP_POLICY;
	if (a == TSP_VALID && !nonce_agrees(t))
		a = TSP_NONCE;
	return a == TSP_VALID ? imprint_agrees(t, data, ret) : a;
}

enum tsp_answer tsp_open(const struct tsp_policy *policy, struct bytes token,
	struct bytes data, struct tsp_token *ret)
{
	struct tsp t = {.policy = policy};
	struct tsp_token v = {0};
	enum tsp_answer a;

	ERR_set_mark(); /* a refusal is no news for who reads the queue */
	a = judge(&t, token, data, &v);
	v.p_ms = t.p_ms;
	if (a == TSP_VALID)
		*ret = v;
	else if (a == TSP_ALGORITHM)
		memcpy(ret->algorithm, t.algorithm, sizeof(t.algorithm));
	TS_TST_INFO_free(t.info);
	CMS_ContentInfo_free(t.cms);
	tsp_pinned_done(&t);
	ERR_pop_to_mark();
	return a;
}

#include "backends/tsa_rfc3161.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ts.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/http.h"
#include "core/cleanup.h"
#include "core/timestamp.h"
#include "core/tsp.h"

#define NONCE 8	/* bytes */
#define WHY (1024 + HTTP_WHY)	/* bytes; the URL and a reason */

struct tsa_rfc3161 {
	struct timestamper base;
	struct entropy *entropy;
	struct http *http;
	char *url;
	struct buf certs, oid;
	pthread_mutex_t asking;	/* held from question to answer */
	const EVP_MD *md;	/* of the imprint; under asking */
	pthread_mutex_t saying;	/* never for long */
	char why[WHY];		/* under saying */
};

static struct tsa_rfc3161 *tsa_of(struct timestamper *t)
{
	return (struct tsa_rfc3161 *)t; /* base is its first member */
}

/* -- the question: TimeStampReq, RFC 3161 2.4.1 */

static TS_MSG_IMPRINT *imprint(const EVP_MD *md, struct bytes b)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	TS_MSG_IMPRINT *ret = TS_MSG_IMPRINT_new();
	X509_ALGOR *how = X509_ALGOR_new();

	if (ret != NULL && how != NULL &&
		EVP_Digest(b.p, b.n, hash, &n, md, NULL) == 1 &&
		X509_ALGOR_set0(how, OBJ_nid2obj(EVP_MD_get_type(md)),
			V_ASN1_NULL, NULL) == 1 &&
		TS_MSG_IMPRINT_set_algo(ret, how) == 1 &&
		TS_MSG_IMPRINT_set_msg(ret, hash, (int)n) == 1) {
		X509_ALGOR_free(how);
		return ret;
	}
	X509_ALGOR_free(how);
	TS_MSG_IMPRINT_free(ret);
	return NULL;
}

static ASN1_INTEGER *number_of(const uint8_t nonce[NONCE])
{
	ASN1_INTEGER *ret = NULL;
	BIGNUM *n = BN_bin2bn(nonce, NONCE, NULL);

	if (n != NULL)
		ret = BN_to_ASN1_INTEGER(n, NULL);
	BN_free(n);
	return ret;
}

/* DER, to be freed by OPENSSL_free(); 0: no memory. */
static int ask_for(const struct tsa_rfc3161 *t, struct bytes b,
	const uint8_t nonce[NONCE], uint8_t **ret)
{
	TS_REQ *q = TS_REQ_new();
	TS_MSG_IMPRINT *what = imprint(t->md, b);
	ASN1_INTEGER *n = number_of(nonce);
	ASN1_OBJECT *policy = t->oid.n == 0 ? NULL :
		OBJ_txt2obj((const char *)t->oid.p, 1);
	int len = 0;

	if (q != NULL && what != NULL && n != NULL &&
		(policy != NULL || t->oid.n == 0) &&
		TS_REQ_set_version(q, 1) == 1 &&
		TS_REQ_set_msg_imprint(q, what) == 1 &&
		TS_REQ_set_nonce(q, n) == 1 &&
		TS_REQ_set_cert_req(q, 1) == 1 &&
		(policy == NULL || TS_REQ_set_policy_id(q, policy) == 1))
		len = i2d_TS_REQ(q, ret);
	ASN1_OBJECT_free(policy);
	ASN1_INTEGER_free(n);
	TS_MSG_IMPRINT_free(what);
	TS_REQ_free(q);
	return len < 0 ? 0 : len;
}

/* -- the answer */

static enum tsp_answer judge(const struct tsa_rfc3161 *t, struct bytes token,
	struct bytes b, const uint8_t nonce[NONCE], struct tsp_token *ret)
{
	const struct tsp_policy policy = {
		.certs = BUF_BYTES(&t->certs),
		/* Without the end, which OpenSSL wants. */
		.oid = BYTES(t->oid.p, t->oid.n == 0 ? 0 : t->oid.n - 1),
		.nonce = BYTES(nonce, NONCE),
	};

	return tsp_open(&policy, token, b, ret);
}

static int say(struct tsa_rfc3161 *t, const char *what)
{
	locked(&t->saying);
	snprintf(t->why, sizeof(t->why), "%s: %s", t->url, what);
	return -EAGAIN;
}

/* Why its answer is none; an algorithm by its name. */
static int say_refused(struct tsa_rfc3161 *t, enum tsp_answer answer,
	const struct tsp_token *got)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s", tsp_text(answer),
		answer == TSP_ALGORITHM ? ": " : "",
		answer == TSP_ALGORITHM ? got->algorithm : "");
	return say(t, text);
}

static void say_nothing(struct tsa_rfc3161 *t)
{
	locked(&t->saying);
	t->why[0] = '\0';
}

/* One question and its answer; asking is held. */
static int stamp_by(struct tsa_rfc3161 *t, struct bytes b, struct buf *ret,
	enum tsp_answer *ret_answer)
{
	uint8_t nonce[NONCE], *der = NULL;
	char why[HTTP_WHY] = "";
	struct tsp_token got;
	int n, rc;

	t->entropy->ops->fill(t->entropy, nonce, sizeof(nonce));
	n = ask_for(t, b, nonce, &der);
	if (n == 0)
		return -ENOMEM;
	rc = http_post(t->http, &(struct http_question){
		.url = t->url, .type = "application/timestamp-query",
		.answer_type = "application/timestamp-reply",
		.body = BYTES(der, (size_t)n), .most = TIMESTAMP_MAX}, ret, why);
	OPENSSL_free(der);
	if (rc != 0)
		return rc == -EAGAIN ? say(t, why) : rc;
	*ret_answer = judge(t, BUF_BYTES(ret), b, nonce, &got);
	if (*ret_answer == TSP_VALID)
		return 0;
	buf_free(ret);
	return say_refused(t, *ret_answer, &got);
}

static int stamp(struct timestamper *base, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct tsa_rfc3161 *t = tsa_of(base);
	enum tsp_answer answer = TSP_VALID;
	int rc;

	locked(&t->asking);
	rc = stamp_by(t, b, ret, &answer);
	if (rc == -EAGAIN && answer == TSP_STATUS && t->md == EVP_sha3_256()) {
		t->md = EVP_sha256();
		rc = stamp_by(t, b, ret, &answer);
		if (rc != 0) /* it was not for the hash, or not for it alone */
			t->md = EVP_sha3_256();
	}
	if (rc == 0)
		say_nothing(t);
	*ret_type = TIMESTAMP_RFC3161;
	return rc;
}

static void why(struct timestamper *base, char *ret, size_t size)
{
	struct tsa_rfc3161 *t = tsa_of(base);

	locked(&t->saying);
	snprintf(ret, size, "%s", t->why);
}

static void tsa_free(struct timestamper *base)
{
	struct tsa_rfc3161 *t = tsa_of(base);

	if (t == NULL)
		return;
	http_free(t->http);
	free(t->url);
	buf_free(&t->certs);
	buf_free(&t->oid);
	pthread_mutex_destroy(&t->asking);
	pthread_mutex_destroy(&t->saying);
	free(t);
}

/* -- opening it */

static int copy(struct tsa_rfc3161 *t, const char *url, struct bytes certs,
	struct bytes oid)
{
	int rc = buf_copy(certs, &t->certs);

	t->url = strdup(url);
	if (rc == 0 && oid.n > 0)
		rc = buf_add(&t->oid, oid.p, oid.n);
	if (rc == 0 && oid.n > 0)
		rc = buf_add(&t->oid, "", 1);
	return t->url == NULL ? -ENOMEM : rc;
}

int tsa_rfc3161_open(const char *url, const struct params_authority *authority,
	struct entropy *entropy, struct timestamper **ret)
{
	static const struct timestamper_ops ops = {
		.stamp = stamp, .why = why, .free = tsa_free};
	struct tsa_rfc3161 *t;
	struct bytes oid;
	int rc;

	if (authority->type != TIMESTAMP_RFC3161 ||
		!timestamp_tsa_policy(authority->name, &oid))
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->base = (struct timestamper){&ops, "timestamp authority"};
	t->entropy = entropy;
	t->md = EVP_sha3_256();
	pthread_mutex_init(&t->asking, NULL);
	pthread_mutex_init(&t->saying, NULL);
	rc = copy(t, url, authority->key, oid);
	if (rc == 0)
		rc = http_open(&t->http);
	if (rc != 0) {
		tsa_free(&t->base);
		return rc;
	}
	*ret = &t->base;
	return 0;
}

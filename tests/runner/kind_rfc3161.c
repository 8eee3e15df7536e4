/* Kind rfc3161: folders of responses (*.tsr) with the certificates of the
 * authority (ts_chain.pem, which may be DER).
 *
 * A name says what must be: *invalid* is refused, *no-embedded-cert* does not
 * hold by the root alone and does with the others, and every other response*
 * holds.  Of files with other names libcrypto's own verifier is asked.  They
 * are over the file "payload" where there is one, else over "hello".
 * expect.json, where it is, says for what reason each is refused. */
#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/tsp.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

struct authority {
	X509 *root;
	STACK_OF(X509) *others;
	struct buf root_der, all_der;
	struct buf payload;
	struct bytes data;
	json_t *expect;		/* by name; or NULL */
};

static void add_der(X509 *x, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n <= 0 || buf_add(ret, der, (size_t)n) != 0)
		bail("no memory");
	OPENSSL_free(der);
}

static void authority_done(struct authority *a)
{
	X509_free(a->root);
	sk_X509_pop_free(a->others, X509_free);
	buf_free(&a->root_der);
	buf_free(&a->all_der);
	buf_free(&a->payload);
	json_decref(a->expect);
}

/* The one that signed itself is the root. */
static void authority_add(struct authority *a, X509 *x)
{
	if (a->root == NULL && X509_self_signed(x, 0) == 1)
		a->root = x;
	else
		sk_X509_push(a->others, x);
}

/* PEM, or in spite of the name one certificate in DER, as some have it. */
static bool authority_read(const char *dir, struct authority *a)
{
	cleanup(buf) struct buf pem = {0};
	const unsigned char *der;
	BIO *bio;
	X509 *x;
	int i;

	*a = (struct authority){.others = sk_X509_new_null()};
	if (!file_of(dir, "ts_chain.pem", &pem))
		return false;
	der = pem.p;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		authority_add(a, x);
	BIO_free(bio);
	if (a->root == NULL && (x = d2i_X509(NULL, &der, (long)pem.n)) != NULL)
		authority_add(a, x);
	if (a->root == NULL)
		return false;
	add_der(a->root, &a->root_der);
	add_der(a->root, &a->all_der);
	for (i = 0; i < sk_X509_num(a->others); i++)
		add_der(sk_X509_value(a->others, i), &a->all_der);
	cleanup(free) char *expect = NULL;
	if (asprintf(&expect, "%s/expect.json", dir) < 0)
		bail("no memory");
	a->expect = json_load_file(expect, 0, NULL);
	a->data = BYTES("hello", 5);
	if (file_of(dir, "payload", &a->payload))
		a->data = BUF_BYTES(&a->payload);
	return true;
}

/* -- the second opinion */

static TS_VERIFY_CTX *verifier(struct authority *a, TS_TST_INFO *info)
{
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	X509_STORE *store = X509_STORE_new();
	struct tm tm;

	if (ctx == NULL || store == NULL)
		bail("no memory");
	X509_STORE_add_cert(store, a->root);
	if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) == 1)
		X509_VERIFY_PARAM_set_time(
			X509_STORE_get0_param(store), timegm(&tm));
	TS_VERIFY_CTX_set_flags(ctx,
		TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
	TS_VERIFY_CTX_set_store(ctx, store);
	TS_VERIFY_CTX_set_certs(ctx, X509_chain_up_ref(a->others));
	TS_VERIFY_CTX_set_data(
		ctx, BIO_new_mem_buf(a->data.p, (int)a->data.n));
	return ctx;
}

static bool libcrypto_holds(struct authority *a, struct bytes in)
{
	const unsigned char *p = in.p;
	TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)in.n);
	TS_TST_INFO *info = resp == NULL ? NULL : TS_RESP_get_tst_info(resp);
	TS_VERIFY_CTX *ctx = NULL;
	bool good = false;

	if (info != NULL) {
		ctx = verifier(a, info);
		good = TS_RESP_verify_response(ctx, resp) == 1;
	}
	TS_VERIFY_CTX_free(ctx);
	TS_RESP_free(resp);
	return good;
}

/* -- one response */

static enum tsp_answer answer(
	struct authority *a, const struct buf *certs, struct bytes in)
{
	struct tsp_policy policy = {.certs = BUF_BYTES(certs)};
	struct tsp_token t;

	return tsp_open(&policy, in, a->data, &t);
}

static const struct {
	const char *name;
	enum tsp_answer answer;
} answers[] = {
	{"valid", TSP_VALID},
	{"malformed", TSP_MALFORMED},
	{"status", TSP_STATUS},
	{"signers", TSP_SIGNERS},
	{"digest", TSP_DIGEST},
	{"signature", TSP_SIGNATURE},
	{"ess", TSP_ESS},
	{"imprint", TSP_IMPRINT},
};
#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* "refused" where no standard says what is looked at first. */
static void run_expected(const char *dir, const char *name,
	const struct authority *a, enum tsp_answer have)
{
	const char *want = text_of(json_object_get(a->expect, name), "answer");
	size_t i;

	if (want != NULL && strcmp(want, "refused") == 0) {
		ok(have != TSP_VALID, "%s/%s: refused: %s", dir, name,
			tsp_text(have));
		return;
	}
	for (i = 0; want != NULL && i < N_ANSWERS; i++)
		if (strcmp(want, answers[i].name) == 0) {
			is_str(tsp_text(have), tsp_text(answers[i].answer),
				"%s/%s: for its own reason", dir, name);
			return;
		}
	ok(false, "%s/%s: expect.json has an answer that we know", dir, name);
}

static void run_response(const char *dir, const char *name, struct authority *a)
{
	cleanup(buf) struct buf in = {0};
	enum tsp_answer root, all;

	if (!file_of(dir, name, &in)) {
		ok(false, "%s/%s: can be read", dir, name);
		return;
	}
	if (a->expect != NULL)
		run_expected(dir, name, a, answer(a, &a->all_der,
			BUF_BYTES(&in)));
	root = answer(a, &a->root_der, BUF_BYTES(&in));
	all = answer(a, &a->all_der, BUF_BYTES(&in));
	if (strstr(name, "invalid") != NULL) {
		ok(all != TSP_VALID && root != TSP_VALID, "%s/%s: refused: %s",
			dir, name, tsp_text(all));
	} else if (strstr(name, "no-embedded-cert") != NULL) {
		is_str(tsp_text(root), tsp_text(TSP_SIGNER),
			"%s/%s: not by the root alone", dir, name);
		is_str(tsp_text(all), tsp_text(TSP_VALID),
			"%s/%s: by all certificates", dir, name);
	} else if (strncmp(name, "response", 8) == 0) {
		is_str(tsp_text(all), tsp_text(TSP_VALID), "%s/%s: holds", dir,
			name);
	} else {
		ok(libcrypto_holds(a, BUF_BYTES(&in)) == (all == TSP_VALID),
			"%s/%s: as libcrypto finds: %s", dir, name,
			tsp_text(all));
	}
}

static int is_response(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".tsr") == 0;
}

static int run_here(const char *dir)
{
	struct dirent **e = NULL;
	struct authority a;
	int i, n = scandir(dir, &e, is_response, alphasort);

	if (n <= 0) {
		free(e);
		return 0;
	}
	if (!authority_read(dir, &a))
		ok(false, "%s: ts_chain.pem holds a root", dir);
	else
		for (i = 0; i < n; i++)
			run_response(dir, e[i]->d_name, &a);
	authority_done(&a);
	for (i = 0; i < n; i++)
		free(e[i]);
	free(e);
	return n;
}

static int is_folder(const struct dirent *e)
{
	return e->d_name[0] != '.' &&
	       (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN);
}

/* The folder and those in it. */
static int run_rfc3161(const char *dir)
{
	struct dirent **e = NULL;
	int i, n = scandir(dir, &e, is_folder, alphasort);
	int found = run_here(dir);

	for (i = 0; i < n; i++) {
		cleanup(free) char *sub = NULL;

		if (asprintf(&sub, "%s/%s", dir, e[i]->d_name) < 0)
			bail("no memory");
		found += run_here(sub);
		free(e[i]);
	}
	free(e);
	return found;
}

const struct kind kind_rfc3161 = {.name = "rfc3161", .folder = run_rfc3161};

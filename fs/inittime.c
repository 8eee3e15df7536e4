#include "fs/inittime.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/timestamp.h"
#include "core/tsp.h"
#include "fs/file.h"
#include "fs/text.h"
#include "fs/timeservice.h"

#define ROOT_MAX 65536	/* bytes of a file with certificates */
#define WHY 512

static bool is_local(const struct inittime *t, size_t i)
{
	return t->n == 0 || strcmp(t->tsa[i].url, TIMESERVICE_LOCAL) == 0;
}

static size_t count(const struct inittime *t)
{
	return t->n == 0 ? 1 : t->n;
}

bool inittime_any_local(const struct inittime *t)
{
	size_t i;

	for (i = 0; i < count(t); i++)
		if (is_local(t, i))
			return true;
	return false;
}

/* -- the words of the parameters */

static int add_certificate(X509 *x, struct buf *ret)
{
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der), rc = -ENOMEM;

	if (n > 0)
		rc = buf_add(ret, der, (size_t)n);
	OPENSSL_free(der);
	return rc;
}

/* Those in PEM, one behind the other in DER; -EBADMSG: none, or too many. */
static int from_pem(struct bytes text, struct buf *ret)
{
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	X509 *x;
	size_t n = 0;
	int rc = in == NULL ? -ENOMEM : 0;

	while (rc == 0 && (x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		rc = n++ == TSP_PINNED_MAX ? -EBADMSG : add_certificate(x, ret);
		X509_free(x);
	}
	BIO_free(in);
	if (rc == 0 && (n == 0 || ret->n > PARAMS_AUTHORITY_MAX))
		rc = -EBADMSG;
	return rc;
}

static int read_root(const struct inittime_tsa *t, struct buf *ret,
	char **ret_why)
{
	cleanup(buf) struct buf text = {0};
	int rc = file_read(t->root, ROOT_MAX, &text);

	if (rc != 0) {
		*ret_why = text_of("--tsa-root %s: %s", t->root, strerror(-rc));
		return rc;
	}
	rc = from_pem(BUF_BYTES(&text), ret);
	if (rc == -EBADMSG)
		*ret_why = text_of("--tsa-root %s: must be a file with 1 to %d "
			"certificates in PEM, the root first", t->root,
			TSP_PINNED_MAX);
	return rc;
}

static int word(const struct inittime *t, size_t i, struct inittime_words *w,
	char **ret_why)
{
	static const char local[] = "local timestamp authority";
	const struct inittime_tsa *one = &t->tsa[i];

	if (is_local(t, i))
		return text_add(&w->name[i], "%s", local);
	if (text_add(&w->name[i], "tsa %s",
			one->policy != NULL ? one->policy : "*") != 0)
		return -ENOMEM;
	return read_root(one, &w->certs[i], ret_why);
}

void inittime_params(const struct inittime *t, const struct inittime_words *w,
	struct params *p)
{
	size_t i;

	p->n_authorities = count(t);
	p->quorum = t->quorum != 0 ? t->quorum : count(t) / 2 + 1;
	for (i = 0; i < count(t); i++)
		p->authority[i] = is_local(t, i) ?
			(struct params_authority){TIMESTAMP_LOCAL,
				BYTES(w->local_key, sizeof(w->local_key)),
				BUF_BYTES(&w->name[i])} :
			(struct params_authority){TIMESTAMP_RFC3161,
				BUF_BYTES(&w->certs[i]),
				BUF_BYTES(&w->name[i])};
}

void inittime_done(struct inittime_words *w)
{
	size_t i;

	for (i = 0; i < PARAMS_AUTHORITIES_MAX; i++) {
		buf_free(&w->certs[i]);
		buf_free(&w->name[i]);
	}
}

/* -- do they answer? */

static int ask(const struct assembly *a, const char *url,
	const struct params_authority *authority, char **ret_why)
{
	cleanup(buf) struct buf token = {0};
	struct timestamper *t;
	char why[WHY] = "";
	uint64_t type;
	int rc = a->tsa_remote(url, authority, a->entropy, &t);

	if (rc != 0)
		return rc;
	rc = t->ops->stamp(t, BYTES("notaryfs init", 13), &type, &token);
	if (rc == -EAGAIN && t->ops->why != NULL) {
		t->ops->why(t, why, sizeof(why));
		*ret_why = text_of("%s\nnothing was made; a timestamp service "
			"has to answer when a vault is made", why);
	}
	t->ops->free(t);
	return rc;
}

int inittime_try(const struct assembly *a, const struct inittime *t,
	struct inittime_words *ret, char **ret_why)
{
	cleanup(free) struct params *p = calloc(1, sizeof(*p));
	size_t i;
	int rc = p == NULL ? -ENOMEM : 0;

	for (i = 0; rc == 0 && i < count(t); i++)
		rc = word(t, i, ret, ret_why);
	if (rc == 0)
		inittime_params(t, ret, p);
	for (i = 0; rc == 0 && i < count(t); i++)
		if (!is_local(t, i))
			rc = ask(a, t->tsa[i].url, &p->authority[i], ret_why);
	return rc;
}

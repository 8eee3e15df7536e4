/* The way from a token's signer up to the pinned root, at genTime: T4 of tsp.h. */
#include <openssl/x509v3.h>

#include "core/certpath.h"
#include "core/tsp_impl.h"

/* 112 bits of strength: no SHA-1 and no RSA below 2048 bits on the path. */
#define AUTH_LEVEL 2

static void name_signature(struct tsp *t, const X509 *x)
{
	tsp_name_algorithm(t, OBJ_nid2obj(X509_get_signature_nid(x)));
}

/* Is it signed as certificates have to be?  Nobody asks the pinned one. */
static bool strong(const struct tsp *t, const X509 *x)
{
	return X509_cmp(x, t->pinned[0]) == 0 || certpath_signature(x);
}

static enum tsp_answer path_error(struct tsp *t, X509_STORE_CTX *ctx)
{
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TSP_EXPIRED;
	case X509_V_ERR_CA_MD_TOO_WEAK:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
		name_signature(t, X509_STORE_CTX_get_current_cert(ctx));
		return TSP_ALGORITHM;
	default:
		return TSP_PATH;
	}
}

/* All but the root, which is pinned, are signed by those above them. */
static bool path_plain(STACK_OF(X509) *chain)
{
	int i, n = sk_X509_num(chain);

	for (i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);

		if (!certpath_plain(x, true, NULL) ||
			certpath_key(x) == NULL ||
			(i > 0 && X509_check_ca(x) != 1) ||
			(i + 1 < n && !certpath_signature(x)))
			return false;
	}
	return certpath_linked(chain);
}

static enum tsp_answer path_run(struct tsp *t, X509_STORE_CTX *ctx)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_time(param, (time_t)(t->p_ms / 1000));
	X509_VERIFY_PARAM_set_depth(param, TSP_PATH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	/* the pinned one is the end, even if somebody else signed it too */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_TIMESTAMP_SIGN) != 1)
		return TSP_PATH;
	if (X509_verify_cert(ctx) != 1)
		return path_error(t, ctx);
	if (!path_plain(X509_STORE_CTX_get0_chain(ctx)))
		return TSP_PATH;
	return tsp_named(t, X509_STORE_CTX_get0_chain(ctx)) ? TSP_VALID
							    : TSP_ESS;
}

/* That way, signer first and root last.  No two of it have one name, so that
 * libcrypto has no other. */
static enum tsp_answer path_check(struct tsp *t, X509 *const *path, size_t n)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	enum tsp_answer a = TSP_PATH;
	bool ready = store != NULL && ctx != NULL && between != NULL &&
		     X509_STORE_add_cert(store, t->pinned[0]) == 1;
	size_t i;

	for (i = 1; ready && i + 1 < n; i++)
		ready = sk_X509_push(between, path[i]) > 0;
	if (ready && X509_STORE_CTX_init(ctx, store, path[0], between) == 1)
		a = path_run(t, ctx);
	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	X509_STORE_free(store);
	return a;
}

/* The ways up from a signer. */
struct climb {
	struct tsp *t;
	STACK_OF(X509) *good;
	unsigned steps;			/* that may still be taken */
	size_t n;
	X509 *path[TSP_PATH_MAX + 2];	/* with signer and root */
	enum tsp_answer best;		/* so far; TSP_VALID ends it */
};

static bool on_way(const struct climb *c, const X509 *x)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (certpath_same_name(X509_get_subject_name(c->path[i]),
			    X509_get_subject_name(x)))
			return true;
	return false;
}

/* The answers in their order, but for the best one. */
static void climb_note(struct climb *c, enum tsp_answer a)
{
	if (a == TSP_VALID || a > c->best)
		c->best = a;
}

/* All ways on from the last one.  An authority may have several certificates
 * of one name, of another time or with another key: one of them has to do, and
 * which of them lie in the token says nobody who signed it. */
static void climb_on(struct climb *c, X509 *x)
{
	int i;

	c->path[c->n++] = x;
	if (X509_cmp(x, c->t->pinned[0]) == 0)
		climb_note(c, path_check(c->t, c->path, c->n));
	else if (c->n < TSP_PATH_MAX + 2)
		for (i = 0; i < sk_X509_num(c->good) && c->steps > 0 &&
			c->best != TSP_VALID; i++) {
			X509 *above = sk_X509_value(c->good, i);

			if (!certpath_same_name(X509_get_issuer_name(x),
				    X509_get_subject_name(above)) ||
				on_way(c, above))
				continue;
			if (!strong(c->t, above)) {
				name_signature(c->t, above);
				climb_note(c, TSP_ALGORITHM);
				continue;
			}
			c->steps--;
			climb_on(c, above);
		}
	c->n--;
}

enum tsp_answer tsp_path(struct tsp *t, X509 *x, STACK_OF(X509) *good)
{
	struct climb c = {.t = t, .good = good, .steps = TSP_STEPS_MAX,
		.best = TSP_ALGORITHM};

	t->algorithm[0] = '\0';
	climb_on(&c, x);
	return c.best == TSP_ALGORITHM && t->algorithm[0] == '\0' ? TSP_PATH
								  : c.best;
}

static bool holds(STACK_OF(X509) *some, X509 *x)
{
	int i;

	for (i = 0; i < sk_X509_num(some); i++)
		if (X509_cmp(sk_X509_value(some, i), x) == 0)
			return true;
	return false;
}

/* Those of the bag that the root has signed, or an authority that it has: what
 * else anybody may have put there leads nowhere.  Does not own. */
STACK_OF(X509) *tsp_rooted(struct tsp *t, STACK_OF(X509) *bag)
{
	STACK_OF(X509) *good = sk_X509_new_null();
	int i, j;

	if (good == NULL || sk_X509_push(good, t->pinned[0]) <= 0)
		return good;
	for (i = 0; i < sk_X509_num(good); i++) {
		X509 *above = sk_X509_value(good, i);

		EVP_PKEY *key = certpath_key(above);

		if (key == NULL || X509_check_ca(above) != 1 ||
			!certpath_plain(above, true, NULL) || !strong(t, above))
			continue;
		for (j = 0; j < sk_X509_num(bag); j++) {
			X509 *x = sk_X509_value(bag, j);

			if (certpath_same_name(X509_get_subject_name(above),
				    X509_get_issuer_name(x)) &&
				!holds(good, x) && X509_verify(x, key) == 1)
				sk_X509_push(good, x);
		}
	}
	return good;
}

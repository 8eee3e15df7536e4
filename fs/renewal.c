#include "fs/renewal.h"

#include <errno.h>
#include <stdlib.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/hash.h"
#include "core/verify.h"

#define LAYER_ROOM (32 << 10)	/* bytes that one more layer takes at most */
#define CHAIN_HASH BYTES("sha3-256", 8)

_Static_assert(sizeof((struct renewal_layers){0}.algorithm) ==
	VERIFY_RENEWALS * sizeof(struct bytes), "a place for each renewal");

static int read_layer(struct bytes cert, struct certificate *c,
	struct renewal_layers *ret)
{
	struct record d;
	int rc = certificate_decode(cert, c);

	if (rc == 0)
		rc = record_decode(c->d, &d);
	if (rc != 0)
		return rc == -ENOMEM ? rc : -EBADMSG;
	ret->n++;
	ret->innermost = cert;
	ret->about = hash_sha3(c->d);
	if (c->old.n == 0)
		return 0;
	if (ret->n_algorithms == VERIFY_RENEWALS || d.algorithm.n == 0)
		return -EBADMSG;
	ret->algorithm[ret->n_algorithms++] = d.algorithm;
	return 0;
}

int renewal_layers(struct bytes cert, struct renewal_layers *ret)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	int rc = c == NULL ? -ENOMEM : 0;

	*ret = (struct renewal_layers){0};
	while (rc == 0 && cert.n > 0) {
		rc = read_layer(cert, c, ret);
		cert = c->old;
	}
	return rc;
}

static int allowed(struct bytes params, struct bytes algorithm,
	const struct renewal_layers *l)
{
	cleanup(free) struct params *p = malloc(sizeof(*p));
	unsigned strength = digest_strength(algorithm);
	int rc = p == NULL ? -ENOMEM : params_decode(params, p);

	if (rc != 0)
		return rc;
	if (strength == 0 || !params_names_digest(p, algorithm))
		return -EOPNOTSUPP;
	if (l->n_algorithms == VERIFY_RENEWALS)
		return -EMLINK;
	return strength < digest_strength(l->n_algorithms > 0 ?
		l->algorithm[0] : CHAIN_HASH) ? -EINVAL : 0;
}

int renewal_may(struct bytes cert, struct bytes algorithm)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	struct renewal_layers l;
	int rc = c == NULL ? -ENOMEM : renewal_layers(cert, &l);

	if (rc == 0)
		rc = certificate_decode(cert, c);
	if (rc == 0)
		rc = allowed(c->params, algorithm, &l);
	return rc == 0 && cert.n > CERTIFICATE_MAX - LAYER_ROOM ? -EFBIG : rc;
}

static bool is_of(const struct record *r, struct bytes cert)
{
	uint8_t value[DIGEST_MAX];
	size_t n = digest_of(r->algorithm, cert, value);

	return n > 0 && bytes_equal(BYTES(value, n), r->old_certificate);
}

/* Before a later block showed by when it was final. */
static int unfinished(struct bytes cert, struct buf *ret)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	int rc = c == NULL ? -ENOMEM : certificate_decode(cert, c);

	if (rc != 0)
		return rc;
	c->has_final = false;
	return make_certificate(c, ret);
}

int renewal_form(const struct record *r, struct bytes cert, struct buf *ret)
{
	struct buf other = {0};
	int rc = renewal_may(cert, r->algorithm);

	if (rc != 0)
		return rc == -ENOMEM ? rc : -ENOENT;
	if (is_of(r, cert))
		return buf_copy(cert, ret);
	rc = unfinished(cert, &other);
	if (rc != 0)
		return rc;
	if (is_of(r, BUF_BYTES(&other))) {
		*ret = other; /* the caller has it */
		return 0;
	}
	buf_free(&other);
	return -ENOENT;
}

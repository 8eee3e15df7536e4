/* The timestamps of a certificate as files, and whom they are checked
 * against. */
#include <errno.h>
#include <inttypes.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "core/certpath.h"
#include "core/der.h"
#include "core/hash.h"
#include "core/parts_impl.h"
#include "core/timestamp_impl.h"
#include "core/tsp.h"

#define SUFFIX 24 /* "-" and a number, or nothing */

/* One stamp, about to be written. */
struct stamp {
	const char *stem;	/* "t_upper" */
	char of[SUFFIX];	/* behind the stem: the authority's, of several */
	char by[SUFFIX];	/* behind the authority's own files */
	const struct params_authority *a;
	struct bytes t;
	struct bytes block;	/* p == NULL: not at hand */
	const char *file;	/* that has it */
	uint64_t p_ms;
};

static void suffix(char ret[SUFFIX], bool several, size_t i)
{
	ret[0] = '\0';
	if (several)
		snprintf(ret, SUFFIX, "-%zu", i);
}

/* -- local: Ed25519 over a hash */

static void add_local(struct parts_maker *m, const struct stamp *s)
{
	/* SubjectPublicKeyInfo of an Ed25519 key up to the key (RFC 8410) */
	uint8_t spki[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
		0x03, 0x21, 0x00};
	char name[PARTS_NAME_MAX];
	struct bytes g;
	struct hash y, msg;
	uint64_t p_ms;

	if (timestamp_local_decode(s->t, &y, &p_ms, &g) != 0 || s->a->key.n != 32)
		return; /* it was judged: cannot be */
	msg = timestamp_local_message(&y, p_ms);
	memcpy(spki + 12, s->a->key.p, 32);
	parts_add(m, s->t, "%s%s.cbor", s->stem, s->of);
	parts_add(m, HASH_BYTES(&msg), "%s%s.tbs", s->stem, s->of);
	parts_add(m, g, "%s%s.sig", s->stem, s->of);
	snprintf(name, sizeof(name), "tsa-key%s.pem", s->by);
	parts_add_pem(m, name, "PUBLIC KEY", &BYTES(spki, sizeof(spki)), 1);
	parts_say(m,
		"%s%s.cbor: [H(block), milliseconds since 1970, signature], by "
		"the local timestamp service\n"
		"  openssl pkeyutl -verify -pubin -inkey %s -rawin -in "
		"%s%s.tbs -sigfile %s%s.sig\n"
		"    Signature Verified Successfully\n"
		"    (the .tbs is the SHA3-256 of CBOR [\"notaryfs.t.v1\", "
		"H(block), milliseconds])\n\n",
		s->stem, s->of, name, s->stem, s->of, s->stem, s->of);
}

/* -- RFC 3161 */

/* Those of the certificate's bag that are certificates: other programs do not
 * pass over what is none. */
static size_t readable(const struct params *p, struct bytes *ret)
{
	size_t i, n = 0;
	X509 *x;

	for (i = 0; i < p->n_bag; i++) {
		if (certpath_read(p->bag[i], &x) != 0)
			continue;
		X509_free(x);
		ret[n++] = p->bag[i];
	}
	return n;
}

/* The pinned certificates: the root, and what tokens may leave out, to which
 * the bag adds.  How many they are. */
static size_t add_pinned(struct parts_maker *m, const struct stamp *s)
{
	struct bytes der[TSP_PINNED_MAX + PARAMS_BAG_MAX], rest = s->a->key;
	struct bytes content;
	char name[PARTS_NAME_MAX];
	uint8_t tag;
	size_t n = 0;

	while (n < TSP_PINNED_MAX && rest.n > 0 &&
		der_next(&rest, &tag, &content, &der[n]) == 0)
		n++;
	n += readable(&m->r->params, der + n);
	snprintf(name, sizeof(name), "tsa%s.pem", s->by);
	parts_add_pem(m, name, "CERTIFICATE", der, n > 0);
	snprintf(name, sizeof(name), "tsa-untrusted%s.pem", s->by);
	if (n > 1)
		parts_add_pem(m, name, "CERTIFICATE", der + 1, n - 1);
	return n;
}

/* Is it the token alone?  It begins with the type of its content, a response
 * with a sequence. */
static bool is_bare(struct bytes t)
{
	struct bytes content, first, whole;
	uint8_t tag;

	return der_next(&t, &tag, &content, &whole) == 0 &&
	       der_next(&content, &tag, &first, &whole) == 0 && tag == DER_OID;
}

/* The lower stamp is over a block that is not here. */
static void say_data(struct parts_maker *m, const struct stamp *s)
{
	const struct params *p = &m->r->params;
	struct tsp_policy any = {
		.certs = s->a->key, .bag = p->bag, .n_bag = p->n_bag};
	char hex[2 * TSP_IMPRINT_MAX + 1];
	struct tsp_token token;

	if (s->block.p != NULL) {
		parts_say(m, "-data %s", s->file);
	} else if (tsp_open(&any, s->t, s->block, &token) == TSP_VALID) {
		hex_encode(BYTES(token.imprint, token.n_imprint), hex);
		parts_say(m, "-digest %s", hex);
	} else if (m->err == 0) {
		m->err = -ENOMEM; /* it was judged: nothing else can be */
	}
}

static void add_tsp(struct parts_maker *m, const struct stamp *s)
{
	bool bare = is_bare(s->t);
	const char *ext = bare ? "tst" : "tsr";
	size_t pinned = add_pinned(m, s);

	parts_add(m, s->t, "%s%s.%s", s->stem, s->of, ext);
	parts_say(m, "%s%s.%s: %s of RFC 3161\n", s->stem, s->of, ext,
		bare ? "TimeStampToken" : "TimeStampResp");
	parts_say(m, "  openssl ts -verify -attime %" PRIu64 " ",
		s->p_ms / 1000);
	say_data(m, s);
	parts_say(m, "%s -in %s%s.%s -partial_chain -CAfile tsa%s.pem",
		bare ? " -token_in" : "", s->stem, s->of, ext, s->by);
	if (pinned > 1)
		parts_say(m, " -untrusted tsa-untrusted%s.pem", s->by);
	parts_say(m, "\n    Verification: OK\n");
	if (s->block.p == NULL)
		parts_say(m,
			"    (the digest is the token's own, of the block "
			"before, which is not here:\n    `openssl ts -reply "
			"-text%s -in %s%s.%s` prints it)\n",
			bare ? " -token_in" : "", s->stem, s->of, ext);
	parts_say(m, "\n");
}

/* -- identity token */

static void add_jwt(struct parts_maker *m, const struct stamp *s)
{
	parts_add(m, s->t, "%s%s.jwt", s->stem, s->of);
	parts_add(m, s->a->key, "jwks%s.json", s->by);
	parts_say(m,
		"%s%s.jwt: identity token whose user is the SHA3-256 of the "
		"block, in hex\n"
		"  jose jws ver -i %s%s.jwt -k jwks%s.json -O-\n"
		"    prints the claims; \"iat\" is the time.  That the token "
		"has expired since does not\n    matter: the login took place.\n"
		"\n",
		s->stem, s->of, s->stem, s->of, s->by);
}

static void add_one(struct parts_maker *m, struct stamp *s, size_t authority,
	bool several)
{
	s->a = &m->r->params.authority[authority];
	suffix(s->of, several, authority);
	suffix(s->by, m->r->params.n_authorities > 1, authority);
	switch (s->a->type) {
	case TIMESTAMP_LOCAL:
		add_local(m, s);
		break;
	case TIMESTAMP_RFC3161:
		add_tsp(m, s);
		break;
	case TIMESTAMP_JWT:
		add_jwt(m, s);
		break;
	}
}

static void add_stamp(struct parts_maker *m, const char *stem, uint64_t type,
	struct bytes t, struct bytes block, const char *file)
{
	struct stamp s = {stem, .t = t, .block = block, .file = file};
	struct timestamp judged;
	size_t i = 0;

	if (timestamp_validate(&m->r->params, type, t, block, &judged) != V_VALID)
		return; /* it was judged: cannot be */
	while ((judged.signers >> i & 1) == 0)
		i++;
	s.p_ms = judged.p_ms;
	add_one(m, &s, i, false);
}

static void add_set(struct parts_maker *m, const char *stem, struct bytes t,
	struct bytes block, const char *file)
{
	struct timestamp_one one[PARAMS_AUTHORITIES_MAX];
	struct timestamp judged;
	struct hash h = hash_sha3(t);
	char hex[HASH_HEX + 1];
	size_t n = 0, i;

	if (timestamp_set_decode(t, one, &n) != 0)
		return; /* it was judged: cannot be */
	parts_add(m, t, "%s.cbor", stem);
	hex_encode(HASH_BYTES(&h), hex);
	parts_say(m, "%s.cbor: %zu stamps of one block, [[authority, type, "
		"stamp], ...]; what names the\n  timestamp names all of it\n"
		"  openssl dgst -sha3-256 %s.cbor\n    %s\n\n",
		stem, n, stem, hex);
	for (i = 0; i < n; i++) {
		struct stamp s = {stem, .t = one[i].t, .block = block,
			.file = file};

		if (timestamp_by(&m->r->params, one[i].authority,
			    one[i].t, block, &judged) != V_VALID)
			continue; /* likewise */
		s.p_ms = judged.p_ms;
		add_one(m, &s, one[i].authority, true);
	}
}

static void add_stamps(struct parts_maker *m, const char *stem, uint64_t type,
	struct bytes t, struct bytes block, const char *file)
{
	if (type == TIMESTAMP_SET)
		add_set(m, stem, t, block, file);
	else
		add_stamp(m, stem, type, t, block, file);
}

void parts_add_stamps(struct parts_maker *m)
{
	const struct certificate *c = &m->r->cert;

	add_stamps(m, "t_upper", c->t_upper_type, c->t_upper, c->b,
		"block.cbor");
	add_stamps(m, "t_lower", c->t_lower_type, c->t_lower,
		BYTES(NULL, 0), NULL);
	if (!c->has_final)
		return;
	parts_add(m, c->final.b, "later-block.cbor");
	parts_say(m, "later-block.cbor: a block made when this one had its "
		     "number: it names the main log\n  with leaf.cbor in it; "
		     "the timestamp t_final is over it\n\n");
	add_stamps(m, "t_final", c->final.t_type, c->final.t, c->final.b,
		"later-block.cbor");
}

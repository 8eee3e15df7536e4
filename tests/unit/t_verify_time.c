/* Time out of certificates: authorities of RFC 3161, several, a clock that
 * went back. */
#include <openssl/ec.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/parts.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/judged.h"
#include "tests/lib/mktsa.h"
#include "tests/tap/tap.h"

/* A stamp of b, and its number anew, which is over that. */
static void stamp_block(const struct mktsa *m, const struct mktsa_token *t)
{
	struct hash ht;

	buf_free(&c.t);
	mktsa_stamp(m, t, BUF_BYTES(&c.b), &c.t);
	ht = timestamp_hash(BUF_BYTES(&c.t));
	sequence_y_block(c.block.u, &ht, c.seq.y);
	renumber();
}

/* Stamps b0 and b by an authority of RFC 3161, and numbers the block. */
static void stamp_by(const struct mktsa *m, const char *imprint)
{
	struct mktsa_token low = {.imprint = imprint};
	struct mktsa_token high = {
		.imprint = imprint, .time = "20260102030406.5Z"};

	buf_free(&c.t0);
	mktsa_stamp(m, &low, BUF_BYTES(&c.b0), &c.t0);
	c.block.th = timestamp_hash(BUF_BYTES(&c.t0));
	reseal();
	stamp_block(m, &high);
	parts.t_lower = BUF_BYTES(&c.t0);
	parts.t_upper = BUF_BYTES(&c.t);
	parts.t_lower_type = parts.t_upper_type = TIMESTAMP_RFC3161;
}

/* Tokens that lack the certificates of their path. */
static void from_the_bag(const struct mktsa *m)
{
	struct mktsa_token bare = {.n_embedded = 1, .embedded = {m->root}};
	struct buf ca = {0}, signer = {0};

	mktsa_der(m->ca, &ca);
	mktsa_der(m->signer, &signer);
	stamp_by(m, "SHA256");
	stamp_block(m, &bare);
	parts.t_upper = BUF_BYTES(&c.t);
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE, "a token without its path");
	parts.bag[0] = BYTES("junk", 4);
	parts.bag[1] = BUF_BYTES(&ca);
	parts.n_bag = 2;
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE, "with half of it in the bag");
	parts.bag[2] = BUF_BYTES(&signer);
	parts.n_bag = 3;
	is_verdict(judge(), V_VALID, "with all of it, and what cannot be read");
	parts.bag[0] = BYTES("", 0);
	is_verdict(judge(), V_MALFORMED, "nothing is no certificate");
	parts.n_bag = 0;
	parts.bag[0].n = 0;
	buf_free(&ca);
	buf_free(&signer);
}

/* Anybody can name a root as a known authority is named. */
static void names_its_root(const struct report *r, struct bytes root)
{
	struct hash h = hash_sha256(root);
	cleanup(buf) struct buf text = {0};
	char line[2 * HASH_LEN + 64] = "has the SHA-256\n    ";

	hex_encode(HASH_BYTES(&h), line + strlen(line));
	report_text(r, &text);
	ok(memmem(text.p, text.n, line, strlen(line)) != NULL,
		"and by which root, not by its name alone");
}

static void time_from_strangers(void)
{
	struct params good = c.params;
	cleanup(buf) struct buf root = {0}, cert = {0};
	struct mktsa m, thief;
	struct report r;

	mktsa_init(&m, "P-256");
	mktsa_init(&thief, "P-256");
	mktsa_der(m.root, &root);
	c.params.authority[0] = (struct params_authority){
		.type = TIMESTAMP_RFC3161, .key = BUF_BYTES(&root),
		.name = BYTES("tsa " MKTSA_POLICY, 4 + strlen(MKTSA_POLICY))};
	refound();
	stamp_by(&m, "SHA3-256");
	is_verdict(judge(), V_VALID, "RFC 3161: two tokens over SHA3-256");
	stamp_by(&m, "SHA256");
	is_verdict(judge(), V_VALID, "over SHA-256");
	if (make_certificate(&parts, &cert) != 0)
		bail("no memory");
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	ok(r.after_ms == MKTSA_MS && r.by_ms == MKTSA_MS + 822,
		"with their times");
	names_its_root(&r, BUF_BYTES(&root));
	parts.t_upper = BUF_BYTES(&c.t0);
	is_verdict(judge(), V_TIMESTAMP_BLOCK, "another block's token");
	from_the_bag(&m);
	stamp_by(&thief, "SHA256");
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE,
		"an authority of the same names, but another root");
	mktsa_done(&m);
	mktsa_done(&thief);
	c.params = good;
}

/* Stamps of b by authorities 0 and 1 at these times, as one. */
static void stamp_twice(struct bytes b, uint64_t p0, uint64_t p1,
	const uint8_t second[32], struct buf *ret)
{
	cleanup(buf) struct buf t0 = {0}, t1 = {0};
	struct timestamp_one one[2] = {{0}, {.authority = 1}};

	mkchain_stamp(c.seed, b, p0, &t0);
	mkchain_stamp(second, b, p1, &t1);
	one[0].t = BUF_BYTES(&t0);
	one[1].t = BUF_BYTES(&t1);
	buf_free(ret);
	if (timestamp_set_encode(one, 2, ret) != 0)
		bail("no set of stamps");
}

/* A chain that asks for two stamps a block. */
static void time_from_two(void)
{
	static const uint8_t second[32] = {77}, stranger[32] = {78};
	struct params good = c.params;
	cleanup(buf) struct buf cert = {0}, text = {0};
	static struct parts_list list;
	uint8_t key[32];
	struct report r;
	struct hash ht;

	timestamp_local_public(second, key);
	c.params.n_authorities = 2;
	c.params.quorum = 2;
	c.params.authority[1] = (struct params_authority){.key = BYTES(key, 32),
		.name = BYTES("second\nclock", 12)};
	refound();
	stamp_twice(BUF_BYTES(&c.b0), MKCHAIN_AT, MKCHAIN_AT + 7, second, &c.t0);
	c.block.th = timestamp_hash(BUF_BYTES(&c.t0));
	reseal();
	stamp_twice(BUF_BYTES(&c.b), MKCHAIN_AT + 50, MKCHAIN_AT + 40, second,
		&c.t);
	ht = timestamp_hash(BUF_BYTES(&c.t));
	sequence_y_block(c.block.u, &ht, c.seq.y);
	renumber();
	parts.t_lower = BUF_BYTES(&c.t0);
	parts.t_upper = BUF_BYTES(&c.t);
	parts.t_lower_type = parts.t_upper_type = TIMESTAMP_SET;
	is_verdict(judge(), V_VALID, "two stamps a block, as it asks");
	if (make_certificate(&parts, &cert) != 0)
		bail("no memory");
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	ok(r.after_ms == MKCHAIN_AT && r.by_ms == MKCHAIN_AT + 50 &&
			r.after == 3 && r.by == 3,
		"after the first of the lower, by the last of the upper");
	report_text(&r, &text);
	ok(memmem(text.p, text.n, "second time: second\\x0aclock\n", 29) != NULL,
		"the report names whose word it is");
	is_int(parts_make(&r, &list), 0, "its parts");
	ok(parts_find(&list, "t_upper-1.sig") != NULL &&
			parts_find(&list, "t_upper.cbor") != NULL &&
			parts_find(&list, "tsa-key-0.pem") != NULL,
		"show the set, each stamp and each key");
	parts_done(&list);
	stamp_twice(BUF_BYTES(&c.b), MKCHAIN_AT + 50, MKCHAIN_AT + 40, stranger,
		&c.t);
	parts.t_upper = BUF_BYTES(&c.t);
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE, "one of them a stranger's");
	c.params = good;
}

static void clock_back(void)
{
	cleanup(buf) struct buf cert = {0};
	struct report r;

	buf_free(&c.t0);
	mkchain_stamp(c.seed, BUF_BYTES(&c.b0), MKCHAIN_AT + 9000, &c.t0);
	c.block.th = timestamp_hash(BUF_BYTES(&c.t0));
	mkchain_seal(&c);
	mkchain_cert(&c, FILE_I, &cert);
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	ok(r.verdict == V_VALID && r.clock_backwards,
		"a clock that went back is said, not refused");
}

int main(void)
{
	plan(0);
	EACH(time_from_strangers, 0);
	EACH(time_from_two, 0);
	EACH(clock_back, 0);
	judged_done();
	return done();
}

/* params: what core/params.h says. */
#include "core/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct buf out = {0};
	struct params p;
	int rc = params_decode(in, &p);

	(void)ctx;
	return mutate_answer(in, rc, rc ? rc : params_encode(&p, &out), &out);
}

static struct params local(struct prng *r)
{
	struct params p = {.trust = TRUST_LOCAL, .sequencer_key = S("key"),
		.any_image = true, .n_roots = 1, .n_authorities = 1,
		.quorum = 1, .share_k = 3, .share_n = 6, .share_w = 8,
		.share_cell = 8192, .n_buckets = 6, .recovery_m = 1,
		.n_recovery = 1, .n_digests = 1};
	static const char *const names[] = {"0", "1", "2", "3", "4", "\u00e9"};
	size_t i;

	p.first_document = prng_hash(r);
	p.root[0] = prng_hash(r);
	p.authority[0].key = S("0123456789abcdef0123456789abcdef");
	p.authority[0].name = S("local");
	for (i = 0; i < 6; i++)
		p.bucket[i] = BYTES(names[i], strlen(names[i]));
	p.recovery_key[0] = S("recovery");
	p.digest[0] = S("sha-256");
	prng_fill(r, p.installation, sizeof(p.installation));
	return p;
}

static struct params nitro(struct prng *r)
{
	struct params p = local(r);
	size_t i;

	p.trust = TRUST_NITRO;
	p.any_image = false;
	p.n_images = 2;
	for (i = 0; i < 3; i++) {
		p.image[0].pcr[i].number = (uint8_t)i;
		prng_fill(r, p.image[0].pcr[i].value, 48);
	}
	p.image[0].n = 3;
	p.image[1].pcr[0].number = 31;
	p.image[1].n = 1;
	p.n_authorities = 2;
	p.authority[1].type = 1;
	p.authority[1].key = S("a certificate");
	p.authority[1].name = S("tsa.example");
	p.quorum = 2;
	p.n_digests = 2;
	p.digest[1] = S("sha3-256");
	p.retention_mode = RETENTION_GOVERNANCE;
	p.n_governance = 2;
	p.governance_key[0] = S("governance");
	p.governance_key[1] = S("another");
	return p;
}

static void round_trip(const struct params *p, const char *what)
{
	struct buf out = {0}, again = {0};
	struct params back;

	is_int(params_encode(p, &out), 0, "%s: written", what);
	is_int(params_decode(BUF_BYTES(&out), &back), 0, "%s: read", what);
	ok(back.trust == p->trust && back.n_images == p->n_images &&
			back.any_image == p->any_image &&
			back.quorum == p->quorum &&
			back.share_cell == p->share_cell &&
			bytes_equal(back.bucket[5], p->bucket[5]) &&
			back.retention_mode == p->retention_mode &&
			back.n_governance == p->n_governance &&
			(p->n_governance == 0 ||
				bytes_equal(back.governance_key[0],
					p->governance_key[0])) &&
			memcmp(back.image[0].pcr[2].value,
				p->image[0].pcr[2].value, 48) == 0 &&
			memcmp(back.installation, p->installation, 16) == 0,
		"%s: as it was", what);
	is_int(params_encode(&back, &again), 0, "%s: written again", what);
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&out), "%s: the same bytes", what);
	mutate(what, BUF_BYTES(&out), MUTATIONS, feed, NULL);
	buf_free(&out);
	buf_free(&again);
}

static void named(const struct params *p)
{
	ok(params_names_digest(p, S("sha-256")) &&
			params_names_digest(p, S("sha3-256")),
		"each of its digests is named");
	ok(!params_names_digest(p, S("sha-512")) &&
			!params_names_digest(p, S("sha3-25")) &&
			!params_names_digest(p, S("")),
		"no other is");
}

static void refuse(struct params p, const char *rule)
{
	struct buf out = {0};

	is_int(params_encode(&p, &out), -EINVAL, "refused: %s", rule);
	buf_free(&out);
}

static void rules(struct prng *r)
{
	const struct params good = local(r), hard = nitro(r);
	static uint8_t large[PARAMS_AUTHORITY_MAX + 1];
	struct params p;

	refuse((p = hard, p.any_image = true, p), "hardware with any image");
	refuse((p = hard, p.n_images = 0, p), "hardware with no image");
	refuse((p = hard, p.image[0].n = 0, p), "an image without PCRs");
	refuse((p = hard, p.image[0].pcr[1].number = 0, p), "a PCR twice");
	refuse((p = hard, p.image[1].pcr[0].number = 32, p), "PCR 32");
	refuse((p = good, p.sequencer_key.n = 0, p), "no sequencer key");
	refuse((p = good, p.sequencer_key = BYTES(large, PARAMS_KEY_MAX + 1), p),
		"a key too long");
	refuse((p = good, p.n_roots = 0, p), "no root");
	refuse((p = good, p.n_roots = PARAMS_ROOTS_MAX + 1, p), "nine roots");
	refuse((p = good, p.n_authorities = 0, p.quorum = 0, p),
		"no timestamp authority");
	refuse((p = good, p.quorum = 0, p), "a quorum of none");
	refuse((p = good, p.quorum = 2, p), "a quorum of more than there are");
	refuse((p = good, p.authority[0].key.n = 31, p), "a short local key");
	refuse((p = good, p.authority[0].type = 3, p), "an authority unknown");
	refuse((p = hard, p.authority[1].key = BYTES(large, sizeof(large)), p),
		"a certificate too long");
	refuse((p = good, p.authority[0].name = S("\xff"), p),
		"a name that is not UTF-8");
	refuse((p = good, p.authority[0].name = S(""), p), "an empty name");
	refuse((p = good, p.share_k = 0, p), "no share needed");
	refuse((p = good, p.share_k = 7, p), "more shares needed than made");
	refuse((p = good, p.share_w = 16, p), "another field than 2^8");
	refuse((p = good, p.share_cell = 100, p), "a cell off 64 bytes");
	refuse((p = good, p.share_cell = 0, p), "an empty cell");
	refuse((p = good, p.share_cell = PARAMS_CELL_MAX + 64, p),
		"a cell too large");
	refuse((p = good, p.n_buckets = 5, p), "a share without a bucket");
	refuse((p = good, p.share_n = 17, p.n_buckets = 17, p), "17 buckets");
	refuse((p = good, p.recovery_m = 0, p), "recovery by nobody");
	refuse((p = good, p.recovery_m = 2, p), "recovery by more than all");
	refuse((p = good, p.recovery_m = 2, p.n_recovery = 2,
		       p.recovery_key[1] = S("another"), p),
		"recovery by two, for whom a record has no room");
	refuse((p = good, p.n_recovery = 0, p.recovery_m = 0, p),
		"no recovery key");
	refuse((p = good, p.retention_mode = 3, p), "a mode unknown");
	refuse((p = good, p.n_governance = 1, p.governance_key[0] = S("k"),
		p.retention_mode = RETENTION_NONE, p),
		"governance of a chain without retention");
	refuse((p = good, p.retention_mode = RETENTION_GOVERNANCE,
		p.n_governance = 1, p.governance_key[0] = S(""), p),
		"an empty governance key");
	refuse((p = good, p.n_governance = PARAMS_GOVERNANCE_MAX + 1, p),
		"nine governance keys");
	refuse((p = good, p.n_digests = 9, p), "nine digests");
	refuse((p = hard, p.digest[0] = S("sha3-256"), p), "a digest twice");
	refuse((p = good, p.digest[0] = S("SHA"), p), "a digest in capitals");
	refuse((p = good, p.trust = (enum trust_class)2, p), "a class unknown");
}

/* The bytes of a good one with one changed. */
static int with(const struct buf *raw, size_t at, uint8_t v)
{
	struct buf copy = {0};
	struct params p;
	int rc;

	if (buf_copy(BUF_BYTES(raw), &copy) != 0)
		bail("no memory");
	copy.p[at] = v;
	rc = params_decode(BUF_BYTES(&copy), &p);
	buf_free(&copy);
	return rc;
}

static void versions(struct prng *r)
{
	struct params p = local(r);
	struct buf raw = {0};

	if (params_encode(&p, &raw) != 0)
		bail("no parameters");
	/* af 00 6e "notaryfs-chain" 01 01 02 00 ... */
	is_int(with(&raw, 18, 2), -EOPNOTSUPP, "version 2 is not known yet");
	is_int(with(&raw, 20, 2), -EOPNOTSUPP, "nor trust class 2");
	is_int(with(&raw, 5, 'x'), -EBADMSG, "another magic is no such record");
	is_int(with(&raw, 0, 0xae), -EBADMSG, "a key left out");
	is_int(with(&raw, 17, 2), -EBADMSG, "another key");
	buf_free(&raw);
}

int main(void)
{
	struct prng r = {prng_seed()};
	struct params p;

	plan(0);
	p = local(&r);
	round_trip(&p, "local");
	p = nitro(&r);
	round_trip(&p, "nitro");
	named(&p);
	rules(&r);
	versions(&r);
	return done();
}

/* Certificates judged with what is remembered of others: as without. */
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define FILE_I 3

static struct mkchain c;
static struct certificate parts;
static struct content content; /* of file FILE_I */

static void is_verdict(enum verdict got, enum verdict want, const char *why)
{
	is_str(verdict_name(got), verdict_name(want), "%s", why);
}

/* Everything that decides is the same, or it is not valid. */
static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct verify_cache *cache = ctx;
	struct report r, again;

	verify(in, &c.anchor, &content, &r);
	verify_cached(cache, in, &c.anchor, &content, &again);
	if (r.verdict != again.verdict)
		return MUTATE_BROKEN;
	if (r.verdict != V_VALID)
		return MUTATE_REFUSED;
	return bytes_equal(r.cert.d, parts.d) && bytes_equal(r.cert.b, parts.b) &&
			       r.cert.index == parts.index &&
			       bytes_equal(r.cert.t_upper, parts.t_upper) &&
			       bytes_equal(r.cert.t_lower, parts.t_lower) &&
			       r.height == 1
		       ? MUTATE_ACCEPTED
		       : MUTATE_BROKEN;
}

static void mutations(void)
{
	struct verify_cache *cache = verify_cache_new();
	cleanup(buf) struct buf cert = {0};

	mkchain_cert(&c, FILE_I, &cert);
	mutate("verify", BUF_BYTES(&cert), MUTATIONS, feed, cache);
	verify_cache_free(cache);
}

/* The genuine parts in another way, behind the genuine ones. */
static void cached_as(struct verify_cache *cache, const struct certificate *as,
	enum verdict want, const char *what)
{
	cleanup(buf) struct buf raw = {0};
	struct report r;

	if (make_certificate(as, &raw) != 0)
		bail("cannot encode");
	verify_cached(cache, BUF_BYTES(&raw), &c.anchor, &content, &r);
	is_verdict(r.verdict, want, what);
}

static void cached_alike(struct verify_cache *cache)
{
	cleanup(buf) struct buf both = {0};
	struct certificate genuine, other;

	mkchain_parts(&c, FILE_I, &genuine);
	other = genuine;
	other.t_upper_type = TIMESTAMP_RFC3161;
	cached_as(cache, &other, V_TIMESTAMP_TYPE,
		"and the type of the upper timestamp");
	other = genuine;
	other.t_lower_type = TIMESTAMP_RFC3161;
	cached_as(cache, &other, V_TIMESTAMP_TYPE,
		"and the type of the lower timestamp");
	/* one behind the other, cut apart a byte too early */
	if (buf_copy(genuine.t_upper, &both) != 0 ||
		buf_add(&both, genuine.t_lower.p, genuine.t_lower.n) != 0 ||
		buf_add(&both, "", 1) != 0)
		bail("no memory");
	other = genuine;
	other.t_upper = BYTES(both.p, genuine.t_upper.n - 1);
	other.t_lower = BYTES(both.p + genuine.t_upper.n - 1,
		genuine.t_lower.n + 1);
	cached_as(cache, &other, V_TIMESTAMP_MALFORMED,
		"and where one part ends and the next begins");
	cached_as(cache, &genuine, V_VALID, "the genuine ones stay valid");
	other = genuine;
	other.t_lower = BYTES(both.p + genuine.t_upper.n,
		genuine.t_lower.n + 1);
	cached_as(cache, &other, V_LINK, "and a byte behind a part");
}

static void cached(void)
{
	struct verify_cache *cache = verify_cache_new();
	cleanup(buf) struct buf one = {0}, two = {0};
	struct hash other = c.anchor;
	struct content wrong = content;
	struct report r;

	mkchain_cert(&c, FILE_I, &one);
	mkchain_cert(&c, 0, &two);
	verify_cached(cache, BUF_BYTES(&one), &c.anchor, &content, &r);
	is_verdict(r.verdict, V_VALID, "with a cache: valid");
	verify_cached(cache, BUF_BYTES(&one), &c.anchor, &content, &r);
	ok(r.verdict == V_VALID && r.k == 1 && r.by_ms == MKCHAIN_AT + 250,
		"again, with all that it said before");
	other.b[0] ^= 1;
	verify_cached(cache, BUF_BYTES(&one), &other, &content, &r);
	is_verdict(r.verdict, V_ANCHOR, "the anchor is looked at each time");
	wrong.root.b[0] ^= 1;
	verify_cached(cache, BUF_BYTES(&one), &c.anchor, &wrong, &r);
	is_verdict(r.verdict, V_CONTENT, "so is the content");
	verify_cached(cache, BUF_BYTES(&two), &c.anchor, &content, &r);
	is_verdict(r.verdict, V_SIZE, "and another file's record");
	cached_alike(cache);
	verify_cache_free(cache);
	verify_cache_free(NULL);
}

int main(void)
{
	plan(0);
	mkchain_init(&c, 0);
	mkchain_parts(&c, FILE_I, &parts);
	content = mkchain_content(&c, FILE_I);
	cached();
	mutations();
	mkchain_done(&c);
	return done();
}

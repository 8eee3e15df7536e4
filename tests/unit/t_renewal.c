/* Renewal of certificates under another hash: key 14. */
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/verify.h"
#include "tests/lib/mkrenewal.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define FILE_I 3
#define LAYERS 4

static struct mkchain c;
static struct content content;
static struct report report;

static struct mkrenewal good(struct bytes old, uint64_t height)
{
	return mkrenewal(&c, FILE_I, old, height);
}

/* A chain, and its first certificate. */
static void fresh(struct buf *ret_first)
{
	mkchain_done(&c);
	mkchain_init(&c, 0);
	content = mkchain_content(&c, FILE_I);
	buf_free(ret_first);
	mkchain_cert(&c, FILE_I, ret_first);
}

/* With the digests that are asked for, of the right content. */
static enum verdict judge(struct bytes cert)
{
	struct content with = content;
	size_t i;

	if (verify_begin(NULL, cert, &c.anchor, &report) != 0)
		bail("no memory");
	for (i = 0; i < report.n_renewals; i++) {
		struct content_digest *d = &with.other[with.n_other++];

		d->name = report.renewal[i].algorithm;
		d->n = digest_of(d->name, BUF_BYTES(&c.file[FILE_I]), d->value);
	}
	verify_end(&report, &with);
	return report.verdict;
}

static void is_verdict(struct bytes cert, enum verdict want, const char *why)
{
	is_str(verdict_name(judge(cert)), verdict_name(want), "%s", why);
}

static void refused(struct mkrenewal h, enum verdict want, const char *why)
{
	cleanup(buf) struct buf cert = {0};

	mkrenewal_cert(&c, &h, &cert);
	is_verdict(BUF_BYTES(&cert), want, why);
}

static void layers(const struct buf *first)
{
	struct buf layer[LAYERS] = {{0}};
	struct bytes old = BUF_BYTES(first);
	struct mkrenewal h;
	size_t i;

	for (i = 0; i < LAYERS; i++) {
		h = good(old, 2 + i);
		h.algorithm = i == 0 ? "sha-384" : "sha-512";
		mkrenewal_cert(&c, &h, &layer[i]);
		old = BUF_BYTES(&layer[i]);
		is_verdict(old, V_VALID, "renewed, and once more");
		is_int(report.n_renewals, i + 1, "each is counted");
		ok(report.final == report.by &&
				report.final_ms == report.renewal[0].by_ms,
			"the first shows by when it had its number");
	}
	ok(bytes_equal(report.record.path, BYTES("folder/file-3", 13)) &&
			report.height == 1 && report.record.size == 9000,
		"what is proved is what the innermost one says");
	h = good(old, 20);
	h.algorithm = "sha-384";
	refused(h, V_RENEWAL_WEAKER, "a weaker hash than the last");
	refused(good(old, 5), V_RENEWAL_ORDER, "recorded where the last is");
	refused(good(BUF_BYTES(first), 1), V_RENEWAL_ORDER,
		"or before the first");
	for (i = 0; i < LAYERS; i++)
		buf_free(&layer[i]);
}

static void too_deep(const struct buf *first)
{
	struct buf layer[VERIFY_RENEWALS + 1] = {{0}};
	struct bytes old = BUF_BYTES(first);
	size_t i;

	for (i = 0; i <= VERIFY_RENEWALS; i++) {
		struct mkrenewal h = good(old, 2 + i);

		mkrenewal_cert(&c, &h, &layer[i]);
		old = BUF_BYTES(&layer[i]);
		if (i == VERIFY_RENEWALS - 1)
			is_verdict(old, V_VALID, "as often as may be");
	}
	is_verdict(old, V_MALFORMED, "once more than that");
	for (i = 0; i <= VERIFY_RENEWALS; i++)
		buf_free(&layer[i]);
}

static void wrong_ones(void)
{
	cleanup(buf) struct buf other = {0}, broken = {0};
	struct mkrenewal h;

	fresh(&broken);
	mkchain_cert(&c, 0, &other);
	h = good(BUF_BYTES(&broken), 2);
	h.about.b[0] ^= 1;
	refused(h, V_RENEWAL_RECORD, "about another record");
	h = good(BUF_BYTES(&broken), 2);
	h.path = BYTES("folder/file-4", sizeof("folder/file-4") - 1);
	refused(h, V_RENEWAL_RECORD, "of another name");
	h = good(BUF_BYTES(&broken), 2);
	h.algorithm = "sha3-512";
	refused(h, V_RENEWAL_ALGORITHM, "a hash that the parameters lack");
	h.algorithm = "md5";
	refused(h, V_RENEWAL_ALGORITHM, "one that nobody should know");
	h = good(BUF_BYTES(&broken), 2);
	h.names = BUF_BYTES(&other);
	refused(h, V_RENEWAL_CERTIFICATE, "another certificate was renewed");
	h = good(BUF_BYTES(&broken), 2);
	h.content = BUF_BYTES(&c.file[0]);
	refused(h, V_DIGEST, "another content was");
	h = good(BYTES("junk", 4), 2);
	refused(h, V_MALFORMED, "nothing was: the innermost is judged first");
	broken.p[broken.n - 1] ^= 1;
	h = good(BUF_BYTES(&broken), 2);
	refused(h, V_ATTESTATION_SIGNATURE, "a bad certificate stays bad");
}

static void unable(const struct buf *first)
{
	cleanup(buf) struct buf cert = {0};
	struct mkrenewal h = good(BUF_BYTES(first), 2);

	mkrenewal_cert(&c, &h, &cert);
	verify(BUF_BYTES(&cert), &c.anchor, &content, &report);
	is_str(verdict_name(report.verdict), "unsupported",
		"who cannot hash the content cannot say");
	verify(BUF_BYTES(&cert), &c.anchor, NULL, &report);
	is_str(verdict_name(report.verdict), "valid", "without it: valid");
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	(void)ctx;

	if (judge(in) == V_VALID && (report.n_renewals != 1 ||
			!bytes_equal(report.cert.d, BUF_BYTES(&c.d[FILE_I]))))
		return MUTATE_BROKEN;
	return mutate_certificate(in);
}

int main(void)
{
	struct buf first = {0}, cert = {0};
	struct mkrenewal h;

	plan(0);
	wrong_ones();
	fresh(&first);
	layers(&first);
	too_deep(&first);
	unable(&first);
	h = good(BUF_BYTES(&first), 2);
	mkrenewal_cert(&c, &h, &cert);
	mutate("renewal", BUF_BYTES(&cert), MUTATIONS, feed, NULL);
	buf_free(&first);
	buf_free(&cert);
	mkchain_done(&c);
	return done();
}

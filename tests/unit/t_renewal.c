/* Renewal of certificates under another hash: key 14. */
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/verify.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define FILE_I 3
#define LAYERS 4

static struct mkchain c;
static struct content content;
static struct report report;

/* What a renewal is made of; a test changes one thing. */
struct how {
	const char *algorithm;
	struct bytes names;	/* the old certificate that the record names */
	struct bytes holds;	/* the one that it holds */
	struct hash about;
	const char *path;
	uint64_t height;
	bool other_file;	/* the digest of another content */
};

static struct how good(struct bytes old, uint64_t height)
{
	return (struct how){.algorithm = "sha-512", .names = old, .holds = old,
		.about = hash_sha3(BUF_BYTES(&c.d[FILE_I])),
		.path = "folder/file-3", .height = height};
}

/* A chain whose parameters name these, and its first certificate. */
static void fresh(struct buf *ret_first)
{
	static const struct bytes names[] = {BYTES("sha-256", 7),
		BYTES("sha-384", 7), BYTES("sha-512", 7)};

	mkchain_done(&c);
	mkchain_init(&c, 0);
	c.params.n_digests = 3;
	memcpy(c.params.digest, names, sizeof(names));
	mkchain_refound(&c);
	content = mkchain_content(&c, FILE_I);
	buf_free(ret_first);
	mkchain_cert(&c, FILE_I, ret_first);
}

/* A certificate of a renewal, in a block of its own at that height. */
static void renew(const struct how *h, struct buf *ret)
{
	struct bytes algorithm = BYTES(h->algorithm, strlen(h->algorithm));
	struct bytes file = BUF_BYTES(&c.file[h->other_file ? 0 : FILE_I]);
	uint8_t fd[DIGEST_MAX], cd[DIGEST_MAX];
	struct record r = {.kind = RECORD_RENEWAL, .has_about = true,
		.about = h->about, .algorithm = algorithm,
		.path = BYTES(h->path, strlen(h->path))};
	cleanup(buf) struct buf d = {0};
	struct certificate parts;
	struct hash dh;

	if (digest_strength(algorithm) > 0) {
		r.file_digest = BYTES(fd, digest_of(algorithm, file, fd));
		r.old_certificate =
			BYTES(cd, digest_of(algorithm, h->names, cd));
	} else {
		r.file_digest = r.old_certificate = BYTES("digest", 6);
	}
	if (record_encode(&r, &d) != 0)
		bail("cannot encode a renewal");
	dh = hash_sha3(BUF_BYTES(&d));
	mkchain_parts(&c, FILE_I, &parts);
	if (merkle_fold(&dh, 0, 1, NULL, 0, &c.block.mh) != 0)
		bail("no tree");
	c.seq.height = h->height;
	c.seq.log_size = h->height + 1;
	mkchain_seal(&c);
	parts.d = BUF_BYTES(&d);
	parts.index = 0;
	parts.n = 1;
	parts.path_len = 0;
	parts.b = BUF_BYTES(&c.b);
	parts.t_upper = BUF_BYTES(&c.t);
	parts.s = BUF_BYTES(&c.s);
	parts.old = h->holds;
	buf_free(ret);
	if (make_certificate(&parts, ret) != 0)
		bail("cannot make a certificate");
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

static void refused(struct how h, enum verdict want, const char *why)
{
	cleanup(buf) struct buf cert = {0};

	renew(&h, &cert);
	is_verdict(BUF_BYTES(&cert), want, why);
}

static void layers(const struct buf *first)
{
	struct buf layer[LAYERS] = {{0}};
	struct bytes old = BUF_BYTES(first);
	struct how h;
	size_t i;

	for (i = 0; i < LAYERS; i++) {
		h = good(old, 2 + i);
		h.algorithm = i == 0 ? "sha-384" : "sha-512";
		renew(&h, &layer[i]);
		old = BUF_BYTES(&layer[i]);
		is_verdict(old, V_VALID, "renewed, and once more");
		is_int(report.n_renewals, i + 1, "each is counted");
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
		struct how h = good(old, 2 + i);

		renew(&h, &layer[i]);
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
	struct how h;

	fresh(&broken);
	mkchain_cert(&c, 0, &other);
	h = good(BUF_BYTES(&broken), 2);
	h.about.b[0] ^= 1;
	refused(h, V_RENEWAL_RECORD, "about another record");
	h = good(BUF_BYTES(&broken), 2);
	h.path = "folder/file-4";
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
	h.other_file = true;
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
	struct how h = good(BUF_BYTES(first), 2);

	renew(&h, &cert);
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
	struct how h;

	plan(0);
	wrong_ones();
	fresh(&first);
	layers(&first);
	too_deep(&first);
	unable(&first);
	h = good(BUF_BYTES(&first), 2);
	renew(&h, &cert);
	mutate("renewal", BUF_BYTES(&cert), MUTATIONS, feed, NULL);
	buf_free(&first);
	buf_free(&cert);
	mkchain_done(&c);
	return done();
}

#include <errno.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/certificate.h"
#include "core/cleanup.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

static struct mkchain chain;

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	(void)ctx;
	return mutate_certificate(in);
}

static void round_trip(void)
{
	cleanup(buf) struct buf a = {0}, b = {0}, none = {0};
	struct certificate parts, back;

	mkchain_parts(&chain, 3, &parts);
	is_int(make_certificate(&parts, &a), 0, "a certificate is made");
	is_int(certificate_decode(BUF_BYTES(&a), &back), 0, "and read");
	ok(back.index == 3 && back.n == MKCHAIN_FILES &&
			back.path_len == parts.path_len &&
			bytes_equal(back.d, parts.d) &&
			bytes_equal(back.doc, parts.doc) &&
			hash_equal(&back.chain, &parts.chain),
		"with its parts");
	is_int(make_certificate(&back, &b), 0, "and made again");
	is_bytes(BUF_BYTES(&b), BUF_BYTES(&a), "to the same bytes");
	ok(a.n < 8192, "it takes %zu bytes", a.n);
	mutate("certificate", BUF_BYTES(&a), MUTATIONS, feed, NULL);
	parts.path_len = MERKLE_PATH_MAX + 1;
	is_int(make_certificate(&parts, &none), -EINVAL,
		"one that cannot be read is not made");
}

/* The same certificate with another version, or keys behind it. */
static int decode_with(struct bytes valid, uint8_t version, int64_t key)
{
	static const char opening[] = "\xd9\xd9\xf7\xab\x00\x6dnotaryfs-cert\x01";
	size_t n = sizeof(opening) - 1;
	struct cborw w = {0};
	cleanup(buf) struct buf out = {0};
	struct certificate c;

	if (memcmp(valid.p, opening, n) != 0)
		bail("certificates open otherwise");
	cborw_tag(&w, 55799);
	cborw_map(&w, key == 0 ? 11 : 12);
	cborw_raw(&w, BYTES(valid.p + 4, n - 4));
	cborw_uint(&w, version);
	cborw_raw(&w, BYTES(valid.p + n + 1, valid.n - n - 1));
	if (key != 0) {
		cborw_int(&w, key);
		cborw_text(&w, "later");
	}
	if (cborw_end(&w, &out) != 0)
		bail("no memory");
	return certificate_decode(BUF_BYTES(&out), &c);
}

static void later_versions(void)
{
	cleanup(buf) struct buf a = {0};

	mkchain_cert(&chain, 0, &a);
	is_int(decode_with(BUF_BYTES(&a), 1, 0), 0, "version 1 is read");
	is_int(decode_with(BUF_BYTES(&a), 2, 0), -EOPNOTSUPP,
		"version 2 is not known yet");
	is_int(decode_with(BUF_BYTES(&a), 1, 16), -EOPNOTSUPP,
		"nor is a part 16");
	is_int(decode_with(BUF_BYTES(&a), 1, -1), 0,
		"a negative key may be passed over");
}

/* Every file name has a certificate's name that fits and is its own. */
static void names(void)
{
	char long_name[CERTIFICATE_NAME_MAX + 1], a[256], b[256];

	certificate_name(BYTES("report.pdf", 10), a);
	is_str(a, "report.pdf.cert", "a certificate is named after its file");
	memset(long_name, 'n', sizeof(long_name));
	certificate_name(BYTES(long_name, 250), a);
	is_int(strlen(a), 255, "the longest that takes the suffix");
	certificate_name(BYTES(long_name, 251), a);
	certificate_name(BYTES(long_name, 255), b);
	ok(strlen(a) <= 255 && strlen(b) <= 255 && strcmp(a, b) != 0,
		"longer names are cut, and told apart by a hash");
	ok(a[229] == '~' && strcmp(a + strlen(a) - 5, ".cert") == 0,
		"and look like it");
}

int main(void)
{
	plan(0);
	names();
	mkchain_init(&chain, 0);
	round_trip();
	later_versions();
	mkchain_done(&chain);
	return done();
}

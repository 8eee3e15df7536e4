/* What is said of a certificate, in words and in JSON. */
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/report.h"
#include "core/verify.h"
#include "tests/lib/mkchain.h"
#include "tests/tap/tap.h"

#define FILE_I 3

static struct mkchain c;
static struct content content; /* of file FILE_I */

static bool has(struct buf *text, const char *s)
{
	return memmem(text->p, text->n, s, strlen(s)) != NULL;
}

static void reports(void)
{
	cleanup(buf) struct buf cert = {0}, text = {0}, json = {0}, bad = {0};
	cleanup(buf) struct buf none = {0}, bad_json = {0};
	struct record hostile = {0};
	struct report r;
	bool flag = false;
	uint64_t n = 0;

	mkchain_cert(&c, FILE_I, &cert);
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	is_int(report_text(&r, &text), 0, "a report in words");
	ok(memcmp(text.p, "valid\ntrust: local software (root ", 34) == 0,
		"begins with the verdict and the trust class");
	ok(has(&text, "recorded after: 2026-09-21T14:13:20.000Z\n") &&
			has(&text, "existed by: 2026-09-21T14:13:20.250Z\n"),
		"says both times");
	ok(has(&text, "path: folder/file-3\n") && has(&text, "9000 bytes"),
		"the path and the size");
	ok(has(&text, "in a block that was made\n  after 2026-09-21T14:13:20.000Z and existed by"),
		"the lower one is of the block, not of the data");
	ok(has(&text, "Not proved: that the content is not older than the first time"),
		"and that it is not of the data");
	is_int(report_json(&r, &json), 0, "a report in JSON");
	ok(json_find_bool(BUF_BYTES(&json), "valid", &flag) == 0 && flag,
		"says that it is valid");
	ok(json_find_uint(BUF_BYTES(&json), "height", &n) == 0 && n == 1,
		"and at what height");

	verify(BUF_BYTES(&cert), NULL, &content, &r);
	report_text(&r, &none);
	ok(has(&none, "incomplete: no-anchor") && has(&none, "notaryfs anchor"),
		"without an anchor: what it claims, and how to get one");
	ok(!has(&none, "Proved"), "but nothing is proved");
	r.params.authority[0].name = BYTES("known\0not", 9);
	r.verdict = V_VALID;
	buf_free(&none);
	report_text(&r, &none);
	ok(has(&none, "which the chain calls known\\x00not\n"),
		"the name of an authority is said to its end");
	content.root.b[0] ^= 1;
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	hostile = r.record;
	hostile.path = BYTES("a\x1b[2J\nvalid\xc2\x9b", 13);
	r.record = hostile;
	report_text(&r, &bad);
	ok(has(&bad, "refused: content: "), "a refusal says why");
	ok(has(&bad, "claims path: a\\x1b[2J\\x0avalid\\xc2\\x9b\n"),
		"and a name cannot write to the terminal");
	r.record.path = BYTES("\xe2\x80\xaegpj.\xc3\xa4\xff\xe2\x80\x8b", 13);
	buf_free(&bad);
	report_text(&r, &bad);
	ok(has(&bad, "claims path: \\xe2\\x80\\xaegpj.\xc3\xa4\\xff\\xe2\\x80\\x8b\n"),
		"nor turn about what is read, hide, or be no text");
	report_json(&r, &bad_json);
	ok(has(&bad_json, "\"path\":null") && has(&bad_json, "\"valid\":false"),
		"a refused certificate establishes nothing");
}

/* What is said of a hardware chain under these roots: of the report alone, for
 * nobody here can have AWS sign a document. */
static void says_of_roots(const struct report *good, const char *root, size_t n,
	const char *line, const char *word, const char *name)
{
	cleanup(buf) struct buf text = {0}, json = {0};
	struct report r = *good;

	r.params.trust = TRUST_NITRO;
	r.params.n_roots = n;
	if (root != NULL)
		hex_decode(root, r.params.root[0].b, HASH_LEN);
	report_text(&r, &text);
	report_json(&r, &json);
	ok(has(&text, line) && has(&text, word) && has(&json, name),
		"%zu roots, the first %s: %s", n, root != NULL ? "AWS's" :
			"another", name);
	ok(strstr(line, "AWS Nitro (") != NULL || (!has(&text, "hardware") &&
			!has(&text, "trust: AWS")),
		"and what nobody vouches for is not said");
}

static void hardware_words(void)
{
	static const char aws[] =
		"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79"
		"bb5b";
	static const char other_line[] = "valid\ntrust: in AWS Nitro's form, by a "
		"root that is not AWS's (root ", other_word[] = "a sequencer "
		"attested by whoever has that root,\n";
	cleanup(buf) struct buf cert = {0};
	struct report r;

	mkchain_cert(&c, FILE_I, &cert);
	verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
	says_of_roots(&r, aws, 1, "valid\ntrust: AWS Nitro (PCR0 ",
		"a sequencer attested by AWS Nitro hardware\n",
		"\"trust\":\"nitro\"");
	says_of_roots(&r, NULL, 1, other_line, other_word,
		"\"trust\":\"other\"");
	says_of_roots(&r, aws, 2, other_line, other_word,
		"\"trust\":\"other\"");
}

int main(void)
{
	plan(0);
	mkchain_init(&c, 0);
	content = mkchain_content(&c, FILE_I);
	hardware_words();
	reports();
	mkchain_done(&c);
	return done();
}

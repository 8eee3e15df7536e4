#include "tests/fuzz/fuzz.h"

#include "core/parts.h"
#include "core/report.h"
#include "core/verify.h"

/* What is said of it, in each form, must be said of whatever is judged; and a
 * refused one has no parts. */
static void say(const struct report *r)
{
	struct parts_list *list = calloc(1, sizeof(*list));
	struct buf text = {0}, json = {0};

	if (list == NULL || report_text(r, &text) != 0 ||
		report_json(r, &json) != 0)
		abort();
	buf_free(&text);
	buf_free(&json);
	if (parts_make(r, list) == 0 && r->verdict != V_VALID &&
		r->verdict != V_NO_ANCHOR)
		abort();
	parts_done(list);
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct content content = {0};
	struct hash anchor;
	struct report r;

	if (verify(in, NULL, NULL, &r) != 0)
		return 0;
	/* the fuzzer has no file, so that its own anchor is all it can pass */
	if (r.verdict == V_VALID)
		abort();
	say(&r);
	anchor = r.cert.chain;
	content.size = r.record.size;
	content.root = r.record.root;
	content.from = r.cert.range.from;
	content.to = r.cert.range.to;
	if (verify(in, &anchor, &content, &r) != 0)
		return 0;
	verify_at(&r, content.size);
	say(&r);
	return 0;
}

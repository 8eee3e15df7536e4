#include "core/jsonread.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define TEXT(s) BYTES((s), sizeof(s) - 1)

static void reads(void)
{
	struct bytes v = {0};
	struct jsonr o, a;
	uint64_t n = 0;

	is_int(jsonr_object(TEXT(" {\"a\": \"b c\", \"n\":18446744073709551615,"
				 "\"l\":[1, {\"a\":null}, -0.5e+3], \"t\":true,"
				 "\"e\":\"\\u00e9\\n\", \"\xc3\xa9\":{} }\n"),
		       &o), 0, "an object is read");
	is_int(o.n, 6, "with all its members");
	is_int(jsonr_text(&o, "a", &v), 0, "a text");
	is_bytes(v, TEXT("b c"), "as it stands");
	is_int(jsonr_uint(&o, "n", &n), 0, "a number");
	ok(n == UINT64_MAX, "of 64 bits");
	ok(jsonr_find(&o, "\xc3\xa9")->kind == JSONR_OBJECT, "an object");
	ok(jsonr_find(&o, "t")->kind == JSONR_BOOL, "a truth");
	is_int(jsonr_array(jsonr_find(&o, "l")->raw, &a), 0, "an array");
	ok(a.n == 3 && a.value[0].kind == JSONR_NUMBER &&
		a.value[1].kind == JSONR_OBJECT, "with its items");
	is_int(jsonr_text(&o, "b", &v), -ENOENT, "what is not there");
	is_int(jsonr_uint(&o, "b", &n), -ENOENT, "is not found");
	is_int(jsonr_text(&o, "n", &v), -EBADMSG, "a number is no text");
	is_int(jsonr_uint(&o, "a", &n), -EBADMSG, "nor a text a number");
	is_int(jsonr_text(&o, "e", &v), -EBADMSG, "escapes are not resolved");
}

static void refuses(void)
{
	static const struct {
		const char *text;
		const char *what;
	} bad[] = {
		{"", "nothing"},
		{"{}x", "something behind it"},
		{"[]", "an array"},
		{"{\"a\":1", "a missing bracket"},
		{"{\"a\":1,}", "a comma too many"},
		{"{,\"a\":1}", "a comma first"},
		{"{\"a\":1 \"b\":2}", "a missing comma"},
		{"{\"a\" 1}", "a missing colon"},
		{"{a:1}", "a name without quotes"},
		{"{'a':1}", "other quotes"},
		{"{\"a\":1,\"a\":2}", "a name twice"},
		{"{\"x\":{\"a\":1,\"a\":2}}", "twice inside"},
		{"{\"x\":[{\"a\":1,\"a\":2}]}", "twice in an array"},
		{"{\"\\u0061\":1}", "a name with an escape"},
		{"{\"a\":01}", "a number with a zero before it"},
		{"{\"a\":+1}", "with a plus"},
		{"{\"a\":.5}", "without digits before the point"},
		{"{\"a\":1.}", "or behind it"},
		{"{\"a\":1e}", "or in the exponent"},
		{"{\"a\":-}", "a minus alone"},
		{"{\"a\":tru}", "half a word"},
		{"{\"a\":NaN}", "no number"},
		{"{\"a\":\"\\x\"}", "an unknown escape"},
		{"{\"a\":\"\\u12g4\"}", "an escape that is no hex"},
		{"{\"a\":\"\n\"}", "a line end in a text"},
		{"{\"a\":\"\xc0\x80\"}", "overlong UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", "a surrogate in UTF-8"},
		{"{\"a\":\"b}", "a text without its end"},
		{"{\"a\":\"b\\\"}", "whose last quote is escaped"},
		{"{\"a\":1}\v", "a blank that is none"},
		{"{\"a\":[[[[[[[]]]]]]]}", "too deep"},
	};
	struct jsonr o;
	cleanup(buf) struct buf many = {0};
	size_t i;
	uint64_t n;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(jsonr_object(BYTES(bad[i].text, strlen(bad[i].text)),
			       &o), -EBADMSG, "refused: %s", bad[i].what);
	is_int(jsonr_object(BYTES("{\"a\0\":1}", 9), &o), -EBADMSG,
		"refused: a zero byte");
	is_int(jsonr_object(TEXT("{\"a\":[[[[[]]]]]}"), &o), 0,
		"just not too deep");
	is_int(jsonr_object(TEXT("{\"a\":18446744073709551616,\"b\":-1,"
				 "\"c\":1.0,\"d\":1e3}"), &o), 0, "numbers");
	is_int(jsonr_uint(&o, "a", &n), -EBADMSG, "beyond 64 bits");
	is_int(jsonr_uint(&o, "b", &n), -EBADMSG, "below zero");
	is_int(jsonr_uint(&o, "c", &n), -EBADMSG, "with a fraction");
	is_int(jsonr_uint(&o, "d", &n), -EBADMSG, "with an exponent");
	buf_add(&many, "[0", 2);
	for (i = 1; i < JSONR_MEMBERS; i++)
		buf_add(&many, ",0", 2);
	buf_add(&many, "]", 1);
	is_int(jsonr_array(BUF_BYTES(&many), &o), 0, "as many items as may be");
	many.n--;
	buf_add(&many, ",0]", 3);
	is_int(jsonr_array(BUF_BYTES(&many), &o), -EBADMSG, "one more");
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct jsonr o;

	(void)ctx;
	return jsonr_object(in, &o) == 0 ? MUTATE_ACCEPTED : MUTATE_REFUSED;
}

int main(void)
{
	plan(0);
	reads();
	refuses();
	mutate("JSON", TEXT("{\"keys\":[{\"kty\":\"EC\",\"n\":[1,2.5e1,null]}"
			    ",\"\\u00e9\"],\"t\":true}"),
		MUTATIONS, feed, NULL);
	return done();
}

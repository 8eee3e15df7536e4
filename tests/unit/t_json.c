#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "tests/tap/tap.h"

static void writes(void)
{
	struct json j = {0};
	json_object(&j, NULL);
	json_uint(&j, "n", UINT64_MAX);
	json_bool(&j, "yes", true);
	json_text(&j, "none", NULL);
	json_array(&j, "list");
	json_text(&j, NULL, "a\"b\\c\n");
	json_object(&j, NULL);
	json_text_n(&j, "bytes", BYTES("x\xff\xc3\xa9", 4));
	json_close_object(&j);
	json_close_array(&j);
	json_close_object(&j);
	cleanup(buf) struct buf out = {0};
	is_int(json_end(&j, &out), 0, "an object is written");
	const char *want = "{\"n\":18446744073709551615,\"yes\":true,"
		"\"none\":null,\"list\":[\"a\\\"b\\\\c\\u000a\","
		"{\"bytes\":\"x\\ufffd\xc3\xa9\"}]}";
	is_bytes(BUF_BYTES(&out), BYTES(want, strlen(want)),
		"commas, escapes, and bytes that are not UTF-8");

	uint64_t n = 0;
	is_int(json_find_uint(BUF_BYTES(&out), "n", &n), 0, "a number");
	ok(n == UINT64_MAX, "is read back whole");
	cleanup(free) char *s = NULL, *t = NULL;
	is_int(json_find_text(BUF_BYTES(&out), "list.0", &s), 0,
		"an item of an array is found by its index");
	is_str(s, "a\"b\\c\n", "and unescaped");
	is_int(json_find_text(BUF_BYTES(&out), "list.1.bytes", &t), 0,
		"a member below an item");
	is_str(t, "x\xef\xbf\xbd\xc3\xa9", "with the replacement character");
	is_int(json_find_uint(BUF_BYTES(&out), "yes", &n), -EBADMSG,
		"a value of another kind is refused");
	is_int(json_find_uint(BUF_BYTES(&out), "list.2", &n), -ENOENT,
		"an index that is not there");
}

static void refuses(void)
{
	static const char *const bad[] = {
		"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":\"\\",
		"{\"a\":[1,2", "{a:1}", "{\"a\" 1}", "[",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct bytes v;
		ok(json_find(BYTES(bad[i], strlen(bad[i])), "z", &v) != 0,
			"cut off or malformed: %s", bad[i]);
	}
	char deep[64];
	memset(deep, '[', sizeof deep);
	struct bytes v;
	is_int(json_find(BYTES(deep, sizeof deep), "0", &v), -EBADMSG,
		"nesting has a limit");
	char *s = NULL;
	is_int(json_find_text(BYTES("{\"a\":\"\\u12\"}", 12), "a", &s),
		-EBADMSG, "a short escape is refused");
}

int main(void)
{
	plan(0);
	writes();
	refuses();
	return done();
}

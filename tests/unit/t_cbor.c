/*
 * cborread and cborwrite: the strict reader against libcbor's streaming
 * decoder, rule by rule, and against input made to hurt.
 *
 * The oracle walks an item with libcbor's decoder, which takes more than we
 * do, writes each event again with libcbor's encoders, and calls the item one
 * of ours if that gives the same bytes and the rules that libcbor does not
 * know (order of keys, UTF-8, depth) hold too.
 */
#include "core/cborread.h"

#include <cbor.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cborwrite.h"
#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define DEPTH 16 /* levels of nesting that the reader follows */

/* -- oracle -- */

enum event { E_NONE, E_UINT, E_NINT, E_BYTES, E_TEXT, E_ARRAY, E_MAP, E_TAG,
	E_FALSE, E_TRUE, E_NULL, E_FOREIGN };

struct seen {
	enum event what;
	uint64_t n;
	const uint8_t *p;
};

static void set(void *ctx, enum event what, uint64_t n, const uint8_t *p)
{
	*(struct seen *)ctx = (struct seen){what, n, p};
}

static void on_u8(void *c, uint8_t v) { set(c, E_UINT, v, NULL); }
static void on_u16(void *c, uint16_t v) { set(c, E_UINT, v, NULL); }
static void on_u32(void *c, uint32_t v) { set(c, E_UINT, v, NULL); }
static void on_u64(void *c, uint64_t v) { set(c, E_UINT, v, NULL); }
static void on_n8(void *c, uint8_t v) { set(c, E_NINT, v, NULL); }
static void on_n16(void *c, uint16_t v) { set(c, E_NINT, v, NULL); }
static void on_n32(void *c, uint32_t v) { set(c, E_NINT, v, NULL); }
static void on_n64(void *c, uint64_t v) { set(c, E_NINT, v, NULL); }
static void on_bytes(void *c, cbor_data p, size_t n) { set(c, E_BYTES, n, p); }
static void on_text(void *c, cbor_data p, size_t n) { set(c, E_TEXT, n, p); }
static void on_array(void *c, size_t n) { set(c, E_ARRAY, n, NULL); }
static void on_map(void *c, size_t n) { set(c, E_MAP, n, NULL); }
static void on_tag(void *c, uint64_t v) { set(c, E_TAG, v, NULL); }
static void on_bool(void *c, bool v) { set(c, v ? E_TRUE : E_FALSE, 0, NULL); }
static void on_null(void *c) { set(c, E_NULL, 0, NULL); }
static void on_foreign(void *c) { set(c, E_FOREIGN, 0, NULL); }
static void on_float(void *c, float v) { (void)v; set(c, E_FOREIGN, 0, NULL); }
static void on_double(void *c, double v)
{
	(void)v;
	set(c, E_FOREIGN, 0, NULL);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8, .uint16 = on_u16, .uint32 = on_u32, .uint64 = on_u64,
	.negint8 = on_n8, .negint16 = on_n16, .negint32 = on_n32,
	.negint64 = on_n64, .byte_string_start = on_foreign,
	.byte_string = on_bytes, .string = on_text, .string_start = on_foreign,
	.indef_array_start = on_foreign, .array_start = on_array,
	.indef_map_start = on_foreign, .map_start = on_map, .tag = on_tag,
	.float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_foreign, .null = on_null, .boolean = on_bool,
	.indef_break = on_foreign,
};

/* The ranges of RFC 3629 section 4, row by row. */
static bool is_utf8(const uint8_t *p, size_t n)
{
	static const uint8_t rows[][5] = { /* lead from, to; second from, to;
					      bytes */
		{0x00, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4}};
	size_t i, j, len;

	for (; n > 0; p += len, n -= len) {
		for (i = 0; i < 9; i++)
			if (*p >= rows[i][0] && *p <= rows[i][1])
				break;
		if (i == 9 || n < rows[i][4])
			return false;
		len = rows[i][4];
		if (len > 1 && (p[1] < rows[i][2] || p[1] > rows[i][3]))
			return false;
		for (j = 2; j < len; j++)
			if (p[j] < 0x80 || p[j] > 0xbf)
				return false;
	}
	return true;
}

struct oracle {
	bool known;	/* false: libcbor has no opinion (tags 6..20) */
	bool well;	/* well-formed as far as libcbor goes */
	bool ours;	/* and one that our encoder would write */
};

/* The event written again: is it what stood there? */
static bool shortest(const struct seen *s, const uint8_t *p, size_t n)
{
	uint8_t head[9];
	size_t m = 0;

	switch (s->what) {
	case E_UINT: m = cbor_encode_uint(s->n, head, 9); break;
	case E_NINT: m = cbor_encode_negint(s->n, head, 9); break;
	case E_BYTES: m = cbor_encode_bytestring_start(s->n, head, 9); break;
	case E_TEXT: m = cbor_encode_string_start(s->n, head, 9); break;
	case E_ARRAY: m = cbor_encode_array_start(s->n, head, 9); break;
	case E_MAP: m = cbor_encode_map_start(s->n, head, 9); break;
	case E_TAG: m = cbor_encode_tag(s->n, head, 9); break;
	case E_FALSE: m = cbor_encode_bool(false, head, 9); break;
	case E_TRUE: m = cbor_encode_bool(true, head, 9); break;
	case E_NULL: m = cbor_encode_null(head, 9); break;
	default: return false;
	}
	return m <= n && memcmp(p, head, m) == 0;
}

static size_t walk(struct oracle *o, const uint8_t *p, size_t n, int depth);

static size_t walk_map(struct oracle *o, const uint8_t *p, size_t n,
	uint64_t pairs, int depth)
{
	const uint8_t *last = NULL;
	size_t at = 0, key, last_n = 0, m;
	int c;

	for (; pairs > 0 && o->well && o->known; pairs--) {
		key = walk(o, p + at, n - at, depth);
		m = key < last_n ? key : last_n;
		c = last == NULL ? -1 : memcmp(last, p + at, m);
		if (c > 0 || (c == 0 && last_n >= key))
			o->ours = false;
		last = p + at;
		last_n = key;
		at += key;
		if (o->well && o->known)
			at += walk(o, p + at, n - at, depth);
	}
	return at;
}

/* Bytes of the item at p; says into *o what it is. */
static size_t walk(struct oracle *o, const uint8_t *p, size_t n, int depth)
{
	struct seen s = {E_NONE, 0, NULL};
	struct cbor_decoder_result r;
	size_t at;
	uint64_t i;

	if (depth >= DEPTH) {
		o->ours = false;
		o->known = o->known && depth < 2 * DEPTH;
		if (!o->known)
			return 0;
	}
	if (n > 0 && *p >= 0xc6 && *p <= 0xd4) {
		o->known = false;
		return 0;
	}
	r = cbor_stream_decode(p, n, &callbacks, &s);
	if (r.status != CBOR_DECODER_FINISHED || s.what == E_FOREIGN) {
		o->well = o->ours = false;
		return 0;
	}
	at = r.read;
	if (!shortest(&s, p, n) || (s.what == E_TEXT && !is_utf8(s.p, s.n)))
		o->ours = false;
	if (s.what == E_MAP)
		return at + walk_map(o, p + at, n - at, s.n, depth + 1);
	if (s.what == E_TAG)
		return at + walk(o, p + at, n - at, depth + 1);
	if (s.what == E_ARRAY)
		for (i = 0; i < s.n && o->well && o->known; i++)
			at += walk(o, p + at, n - at, depth + 1);
	return at;
}

static enum mutate_answer against_libcbor(void *ctx, struct bytes in)
{
	struct oracle o = {true, true, true};
	struct bytes item = {NULL, 0};
	struct cborr r;
	size_t extent = walk(&o, in.p, in.n, 0);
	bool took;

	(void)ctx;
	cborr_init(&r, in);
	took = cborr_skip(&r, &item) == 0;
	if (took && (item.p != in.p || r.p != in.p + item.n))
		return MUTATE_BROKEN;
	if (o.known && (took != o.ours || (took && item.n != extent)))
		return MUTATE_BROKEN;
	return took && cborr_end(&r) == 0 ? MUTATE_ACCEPTED : MUTATE_REFUSED;
}

/* -- random items -- */

static void put_item(struct cborw *w, struct prng *r, int depth);

static int by_bytes(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

static void put_map(struct cborw *w, struct prng *r, int depth)
{
	struct buf key[6] = {0};
	struct cborw one = {0};
	size_t n = prng_below(r, 7), i, m = 0;

	for (i = 0; i < n; i++) {
		put_item(&one, r, depth);
		if (cborw_end(&one, &key[i]) != 0)
			bail("no memory");
	}
	qsort(key, n, sizeof(*key), by_bytes);
	for (i = 0; i < n; i++)
		m += i == 0 || by_bytes(&key[i - 1], &key[i]) != 0;
	cborw_map(w, m);
	for (i = 0; i < n; i++) {
		if (i > 0 && by_bytes(&key[i - 1], &key[i]) == 0)
			continue;
		cborw_raw(w, BUF_BYTES(&key[i]));
		put_item(w, r, depth);
	}
	for (i = 0; i < n; i++)
		buf_free(&key[i]);
}

static void put_string(struct cborw *w, struct prng *r, bool text)
{
	static const char words[] = "a\u00e9\u20ac\U0001f600\u07ff\ud7ff\ue000";
	uint8_t some[300];
	size_t n = prng_below(r, 8) ? prng_below(r, 30) : prng_below(r, 300);

	if (text) {
		cborw_text_n(w, BYTES(words, prng_below(r, 2)
				? sizeof(words) - 1 : 1));
		return;
	}
	prng_fill(r, some, n);
	cborw_bytes(w, BYTES(some, n));
}

static void put_item(struct cborw *w, struct prng *r, int depth)
{
	uint64_t v = prng_next(r) >> prng_below(r, 64), i;

	switch (prng_below(r, depth > 0 ? 10 : 7)) {
	case 0:
	case 1: cborw_uint(w, v); break;
	case 2: cborw_int(w, -(int64_t)(v >> 1) - 1); break;
	case 3: put_string(w, r, false); break;
	case 4: put_string(w, r, true); break;
	case 5: cborw_bool(w, v & 1); break;
	case 6: cborw_null(w); break;
	case 7:
		cborw_array(w, v = prng_below(r, 6));
		for (i = 0; i < v; i++)
			put_item(w, r, depth - 1);
		break;
	case 8: put_map(w, r, depth - 1); break;
	case 9:
		cborw_tag(w, v < 6 || v > 20 ? v : 55799);
		put_item(w, r, depth - 1);
		break;
	default: break;
	}
}

static void random_items(struct prng *r)
{
	struct cborw w = {0};
	struct buf out;
	int i, j;

	for (i = 0; i < 60; i++) {
		out = (struct buf){0};
		cborw_array(&w, 3);
		for (j = 0; j < 3; j++)
			put_item(&w, r, i % 8 + 1);
		if (cborw_end(&w, &out) != 0)
			bail("no memory");
		mutate("as libcbor has it", BUF_BYTES(&out), 5000,
			against_libcbor, NULL);
		buf_free(&out);
	}
}

/* -- rules -- */

static const struct {
	const char *hex, *rule;
} refused[] = {
	{"1817", "23 in two bytes"}, {"1900ff", "255 in three"},
	{"1a0000ffff", "65535 in five"}, {"1b00000000ffffffff", "2^32-1 in nine"},
	{"3817", "-24 in two bytes"}, {"580161", "a long head of a byte string"},
	{"780161", "a long head of a text"}, {"980100", "a long head of an array"},
	{"b8010000", "a long head of a map"}, {"d81200", "a long head of a tag"},
	{"1c", "additional information 28"}, {"1d", "29"}, {"1e", "30"},
	{"1f", "31 of an integer"}, {"5f4161ff", "a byte string without length"},
	{"7f6161ff", "a text without length"}, {"9f00ff", "an array without"},
	{"bf0000ff", "a map without"}, {"ff", "a break alone"},
	{"f7", "undefined"}, {"f0", "simple value 16"}, {"f820", "simple value 32"},
	{"f93c00", "a half float"}, {"fa3f800000", "a float"},
	{"fb3ff0000000000000", "a double"},
	{"61ff", "text that is not UTF-8"}, {"62c080", "an overlong form"},
	{"63eda080", "a surrogate"}, {"64f4908080", "beyond U+10FFFF"},
	{"62c3", "text cut short"}, {"61c3", "half a character"},
	{"a201000000", "keys out of order"}, {"a200000000", "a key doubled"},
	{"a24161004000", "byte keys: the longer first"},
	{"a2616200616100", "text keys out of order"},
	{"a100", "a map without its value"}, {"8200", "an array cut short"},
	{"420000ff", "bytes behind the item"}, {"4200", "a byte string cut short"},
	{"c2", "a tag without an item"}, {"", "nothing"},
	{"9a7fffffff", "2^31 - 1 items"}, {"9b0000000010000000", "2^28 items"},
	{"9bffffffffffffffff", "2^64 - 1 items"},
	{"bb8000000000000000", "2^63 pairs"}, {"5bffffffffffffffff", "2^64 bytes"},
	{"7b7fffffffffffffff", "2^63 characters"},
};

static bool takes(struct bytes in)
{
	struct bytes item;
	struct cborr r;

	cborr_init(&r, in);
	cborr_skip(&r, &item);
	return cborr_end(&r) == 0;
}

static void rules(void)
{
	uint8_t raw[64];
	size_t i, n;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		n = strlen(refused[i].hex) / 2;
		hex_decode(refused[i].hex, raw, n);
		ok(!takes(BYTES(raw, n)), "refused: %s (%s)", refused[i].rule,
			refused[i].hex);
	}
}

static void hostile(void)
{
	static uint8_t deep[1 << 20];
	static const uint8_t heads[] = {0x81, 0xa1, 0xc1, 0x9b, 0xbb, 0x5b};
	clock_t start = clock();
	bool good = true;
	int i, j;

	for (i = 0; i < 6; i++) {
		memset(deep, heads[i], sizeof(deep));
		for (j = 0; j < 1000; j++)
			good = good && !takes(BYTES(deep, sizeof(deep)));
	}
	for (i = 0; i < DEPTH; i++)
		deep[i] = 0x81;
	deep[DEPTH - 1] = deep[DEPTH] = 0;
	ok(good, "a million nested heads are refused");
	ok(takes(BYTES(deep, DEPTH)), "%d levels are taken", DEPTH);
	deep[DEPTH - 1] = 0x81;
	ok(!takes(BYTES(deep, DEPTH + 1)), "and no more");
	ok(clock() - start < CLOCKS_PER_SEC, "all at once");
}

/* -- the calls -- */

static struct cborr reader(const char *hex)
{
	static uint8_t raw[64];
	struct cborr r;

	if (hex_decode(hex, raw, strlen(hex) / 2) != 0)
		bail("not hex: %s", hex);
	cborr_init(&r, BYTES(raw, strlen(hex) / 2));
	return r;
}

static void calls(void)
{
	struct cborr_keys keys;
	struct bytes b = {NULL, 7};
	uint64_t u = 7;
	int64_t i = 7;
	struct cborr r = reader("1818");

	is_int(cborr_uint_max(&r, 23, &u), -EBADMSG, "24 is more than 23");
	is_int(u, 7, "and the output is as before");
	is_int(cborr_uint(&r, &u), -EBADMSG, "an error stays");
	is_int(cborr_end(&r), -EBADMSG, "to the end");
	r = reader("3b7fffffffffffffff");
	ok(cborr_int(&r, &i) == 0 && i == INT64_MIN && cborr_end(&r) == 0,
		"the least integer");
	r = reader("3b8000000000000000");
	is_int(cborr_int(&r, &i), -EBADMSG, "one less does not fit");
	r = reader("1b8000000000000000");
	is_int(cborr_int(&r, &i), -EBADMSG, "nor does 2^63");
	r = reader("4161");
	is_int(cborr_text(&r, 9, &b), -EBADMSG, "bytes are no text");
	r = reader("43616263");
	is_int(cborr_bytes(&r, 2, &b), -EBADMSG, "more bytes than wanted");
	is_int(b.n, 7, "and the output is as before");
	r = reader("6161");
	is_int(cborr_text_is(&r, "ab"), -EBADMSG, "another text");
	r = reader("820000");
	is_int(cborr_array(&r, 3, 9, &u), -EBADMSG, "too few items");
	r = reader("820000");
	is_int(cborr_array(&r, 0, 1, &u), -EBADMSG, "too many items");
	r = reader("a1f600");
	is_int(cborr_map(&r, 0, &keys), -EBADMSG, "too many pairs");
	r = reader("a20100020a00");
	cborr_map(&r, 9, &keys);
	cborr_key_uint(&r, &keys, &u);
	cborr_uint(&r, &u);
	cborr_key_uint(&r, &keys, &u);
	cborr_uint(&r, &u);
	ok(u == 10 && keys.left == 0, "keys in order are read");
	is_int(cborr_key_uint(&r, &keys, &u), -EBADMSG, "and none behind them");
	r = reader("a202000100");
	cborr_map(&r, 9, &keys);
	cborr_key_uint(&r, &keys, &u);
	cborr_uint(&r, &u);
	is_int(cborr_key_uint(&r, &keys, &u), -EBADMSG, "a key out of order");
	r = reader("f6");
	ok(cborr_peek_null(&r) && cborr_null(&r) == 0 && cborr_end(&r) == 0 &&
			cborr_peek(&r) == -EBADMSG,
		"null is seen and read");
	r = reader("d9d9f700");
	is_int(cborr_tag(&r, 18), -EBADMSG, "another tag");
	cborr_init(&r, BYTES(NULL, 0));
	is_int(cborr_end(&r), 0, "no bytes are no error until one reads");
	cborr_init(&r, BYTES(NULL, 5));
	is_int(cborr_end(&r), -EBADMSG, "five bytes at NULL are one");
}

/* -- writer -- */

static bool head_is(struct cborw *w, enum cbor_major major, uint64_t v,
	size_t more)
{
	uint8_t head[CBOR_HEAD_MAX];
	size_t n = cbor_head(head, major, v);
	struct buf out = {0};
	bool same;

	if (cborw_end(w, &out) != 0)
		bail("no memory");
	same = out.n == n + more && memcmp(out.p, head, n) == 0;
	buf_free(&out);
	return same;
}

static bool heads_of(uint64_t v)
{
	static const uint8_t zero[70000];
	struct cborw w = {0};
	bool good;

	cborw_uint(&w, v);
	good = head_is(&w, CBOR_UINT, v, 0);
	cborw_array(&w, v);
	good = good && head_is(&w, CBOR_ARRAY, v, 0);
	cborw_map(&w, v);
	good = good && head_is(&w, CBOR_MAP, v, 0);
	cborw_tag(&w, v);
	good = good && head_is(&w, CBOR_TAG, v, 0);
	if (v <= INT64_MAX) {
		cborw_int(&w, (int64_t)v);
		good = good && head_is(&w, CBOR_UINT, v, 0);
		cborw_int(&w, ~(int64_t)v);
		good = good && head_is(&w, CBOR_NINT, v, 0);
	}
	if (v > sizeof(zero))
		return good;
	cborw_bytes(&w, BYTES(zero, v));
	good = good && head_is(&w, CBOR_BYTES, v, v);
	cborw_text_n(&w, BYTES(zero, v));
	return good && head_is(&w, CBOR_TEXT, v, v);
}

static void heads(struct prng *r)
{
	static const uint64_t edges[] = {0, 23, 24, 255, 256, 65535, 65536,
		UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX,
		(uint64_t)INT64_MAX + 1, UINT64_MAX};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		good = heads_of(edges[i]) && good;
	for (i = 0; i < 2000; i++)
		good = heads_of(prng_next(r) >> prng_below(r, 64)) && good;
	ok(good, "cborw and cbor_head write the same heads");
}

int main(void)
{
	struct prng r = {prng_seed()};

	plan(0);
	heads(&r);
	calls();
	rules();
	hostile();
	random_items(&r);
	return done();
}

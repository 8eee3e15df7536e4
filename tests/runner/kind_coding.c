/* Kind coding: coefficient rows, shares and recombined shares of objects. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/rlnc.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "tests/lib/stripes.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

#define K 3
#define N 6
#define OBJECT_MAX (16u << 20)	/* bytes; of a vector */

#define DIFFERS(...) (diag(__VA_ARGS__), false)

static bool is_coding(const json_t *doc)
{
	return json_is_string(json_object_get(doc, "field")) &&
		json_is_array(json_object_get(doc, "cases"));
}

/* "SHAKE128("object 7"), 64 bytes": the seed is between the quotes. */
static bool make_object(const json_t *c, struct buf *ret)
{
	const char *text = text_of(c, "object");
	const char *from = text == NULL ? NULL : strchr(text, '"');
	const char *to = from == NULL ? NULL : strchr(from + 1, '"');
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t n = 0;
	bool good = to != NULL && uint_of(c, "len", &n) && n <= OBJECT_MAX &&
		ctx != NULL && buf_reserve(ret, n + 1) == 0 &&
		EVP_DigestInit_ex(ctx, EVP_shake128(), NULL) == 1 &&
		EVP_DigestUpdate(ctx, from + 1, (size_t)(to - from - 1)) == 1 &&
		(n == 0 || EVP_DigestFinalXOF(ctx, ret->p, n) == 1);

	EVP_MD_CTX_free(ctx);
	ret->n = good ? n : 0;
	return good;
}

static bool same_row(const json_t *want, const uint8_t *row)
{
	size_t j;

	if (json_array_size(want) != K)
		return false;
	for (j = 0; j < K; j++)
		if (json_integer_value(json_array_get(want, j)) != row[j])
			return false;
	return true;
}

static bool same_rows(const json_t *want, const struct rlnc_rows *rows)
{
	size_t i;

	for (i = 0; i < N; i++)
		if (!same_row(json_array_get(want, i), rows->row[i]))
			return DIFFERS("row %zu is another", i);
	return json_array_size(want) == N || DIFFERS("not %d rows", N);
}

static bool same_hash(const json_t *want, struct bytes have)
{
	struct hash w, h = hash_sha3(have);

	return hash_text(want, &w) && hash_equal(&w, &h);
}

static bool same_shares(const json_t *c, struct stripes *s)
{
	const json_t *digests = json_object_get(c, "share_sha3_256");
	const json_t *plain = json_object_get(c, "shares");
	unsigned i;

	for (i = 0; i < N; i++) {
		cleanup(buf) struct buf want = {0};
		struct bytes have = stripes_share(s, i);

		if (!same_hash(json_array_get(digests, i), have))
			return DIFFERS("share %u is another", i);
		if (plain != NULL &&
			(!hex_text(json_array_get(plain, i), &want) ||
				!bytes_equal(BUF_BYTES(&want), have)))
			return DIFFERS("share %u has other bytes", i);
	}
	return true;
}

/* A seventh share mixed from three, without decoding. */
static bool same_mix(const json_t *c, struct stripes *s)
{
	const json_t *r = json_object_get(c, "recombined");
	const json_t *from = json_object_get(r, "sources");
	const json_t *mix = json_object_get(r, "mix");
	struct rlnc_rows all = s->rows;
	unsigned source[K], j;
	uint8_t weight[K];

	for (j = 0; j < K; j++) {
		json_int_t at = json_integer_value(json_array_get(from, j));

		if (at < 0 || at >= N)
			return DIFFERS("recombined: no such source");
		source[j] = (unsigned)at;
		weight[j] = (uint8_t)json_integer_value(json_array_get(mix, j));
	}
	stripes_mix(s, source, weight);
	if (!same_row(json_object_get(r, "row"), s->rows.row[N]))
		return DIFFERS("recombined: another row");
	if (!same_hash(json_object_get(r, "share_sha3_256"),
		    stripes_share(s, N)))
		return DIFFERS("recombined: another share");
	memcpy(all.row[N], s->rows.row[N], RLNC_K_MAX);
	all.n = N + 1;
	return rlnc_any_k(&all) ==
		json_is_true(json_object_get(r, "keeps_any_3")) ||
		DIFFERS("recombined: keeps_any_3");
}

static bool agrees(const json_t *c)
{
	cleanup(buf) struct buf object = {0};
	struct stripes s = {0};
	unsigned attempt = 0;
	struct hash hy;
	uint64_t want = 0;
	bool good;

	if (!make_object(c, &object))
		return DIFFERS("the object cannot be made");
	hy = hash_sha3(BUF_BYTES(&object));
	if (!same_hash(json_object_get(c, "sha3_256"), BUF_BYTES(&object)))
		return DIFFERS("the object is another");
	if (rlnc_draw(&hy, K, N,
		    json_is_true(json_object_get(c, "systematic")), &s.rows,
		    &attempt) != 0)
		return DIFFERS("no rows");
	if (!uint_of(c, "attempt", &want) || attempt != want)
		return DIFFERS("attempt %u, want %" PRIu64, attempt, want);
	if (!uint_of(c, "share_len", &want) ||
		rlnc_share_length(object.n, K, RLNC_CELL) != want)
		return DIFFERS("another length of the shares");
	stripes_encode(&s, BUF_BYTES(&object), RLNC_CELL);
	good = same_rows(json_object_get(c, "rows"), &s.rows) &&
		same_shares(c, &s) && same_mix(c, &s);
	stripes_free(&s);
	return good;
}

static bool rows_of(const json_t *list, struct rlnc_rows *ret)
{
	unsigned i, j;

	*ret = (struct rlnc_rows){.k = K, .n = N};
	if (json_array_size(list) != N)
		return false;
	for (i = 0; i < N; i++)
		for (j = 0; j < K; j++)
			ret->row[i][j] = (uint8_t)json_integer_value(
				json_array_get(json_array_get(list, i), j));
	return true;
}

static bool listed(const json_t *triples, const unsigned set[K])
{
	const json_t *t;
	size_t i, j;

	json_array_foreach(triples, i, t) {
		for (j = 0; j < K; j++)
			if (json_integer_value(json_array_get(t, j)) != set[j])
				break;
		if (j == K)
			return true;
	}
	return false;
}

/* Exactly the triples that are listed are dependent. */
static bool same_dependence(const json_t *m)
{
	const json_t *triples = json_object_get(m, "dependent_triples");
	uint8_t pick[K][RLNC_K_MAX], inverse[K][RLNC_K_MAX];
	struct rlnc_rows r;
	unsigned s[K], j;
	bool want;

	if (!rows_of(json_object_get(m, "rows"), &r) || rlnc_any_k(&r))
		return DIFFERS("any three are independent");
	for (s[0] = 0; s[0] < N; s[0]++)
	for (s[1] = s[0] + 1; s[1] < N; s[1]++)
	for (s[2] = s[1] + 1; s[2] < N; s[2]++) {
		for (j = 0; j < K; j++)
			memcpy(pick[j], r.row[s[j]], RLNC_K_MAX);
		want = !listed(triples, s);
		if (rlnc_independent(K, pick) != want ||
			(rlnc_invert(K, pick, inverse) == 0) != want)
			return DIFFERS("rows %u %u %u", s[0], s[1], s[2]);
	}
	return true;
}

static void run_singular(const char *file, const json_t *list)
{
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m)
		ok(same_dependence(m),
			"%s: singular %zu, dependent rows are found", file, i);
}

static void run_coding(const char *file, const json_t *doc)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
		ok(agrees(c), "%s: %s%s", file, text_of(c, "object"),
			json_is_true(json_object_get(c, "systematic"))
				? ", systematic" : "");
	run_singular(file, json_object_get(doc, "singular"));
}

const struct kind kind_coding = {.name = "coding", .is = is_coding,
	.run = run_coding};

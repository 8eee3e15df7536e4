/* Kind rfc9162: inclusion and consistency proofs over SHA-256, most of them
 * wrong in one way. */
#include <openssl/evp.h>
#include <string.h>

#include "core/hash.h"
#include "core/mlog.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

#define PROOF_MAX 128

static bool is_case(const json_t *c)
{
	return json_is_boolean(json_object_get(c, "wantErr")) &&
		(json_object_get(c, "leafHash") != NULL ||
			json_object_get(c, "root1") != NULL);
}

static bool is_rfc9162(const json_t *doc)
{
	return is_case(json_object_iter_value(
		json_object_iter((json_t *)(uintptr_t)doc)));
}

/* Base64 of a hash; false for whatever is not 32 bytes. */
static bool base64_hash(const json_t *text, struct hash *ret)
{
	const char *s = json_string_value(text);
	uint8_t room[36];

	if (s == NULL || strlen(s) != 44 || s[43] != '=' || s[42] == '=' ||
		EVP_DecodeBlock(room, (const uint8_t *)s, 44) != 33)
		return false;
	memcpy(ret->b, room, HASH_LEN);
	return true;
}

/* A root of two trees of one size may be any text, for it is only compared
 * with the other: its hash stands for it. */
static bool root_of(const json_t *c, const char *name, struct hash *ret)
{
	const json_t *text = json_object_get(c, name);
	const char *s = json_string_value(text);

	if (s == NULL)
		return false;
	if (!base64_hash(text, ret))
		*ret = hash_sha3(BYTES(s, strlen(s)));
	return true;
}

static bool proof_of(const json_t *c, struct hash *path, size_t *ret_n)
{
	const json_t *list = json_object_get(c, "proof");
	size_t i, n = json_array_size(list); /* 0 for null */

	if (n > PROOF_MAX)
		return false;
	for (i = 0; i < n; i++)
		if (!base64_hash(json_array_get(list, i), &path[i]))
			return false;
	*ret_n = n;
	return true;
}

/* What is not even of the right form is refused before our code sees it. */
static bool accepted(const json_t *c)
{
	struct hash path[PROOF_MAX], a, b;
	uint64_t at, size;
	size_t n;

	if (!proof_of(c, path, &n))
		return false;
	if (json_object_get(c, "leafHash") != NULL)
		return base64_hash(json_object_get(c, "leafHash"), &a) &&
			base64_hash(json_object_get(c, "root"), &b) &&
			uint_of(c, "leafIdx", &at) &&
			uint_of(c, "treeSize", &size) &&
			mlog_check_inclusion(&a, at, size, path, n, &b) == 0;
	return root_of(c, "root1", &a) && root_of(c, "root2", &b) &&
		uint_of(c, "size1", &at) && uint_of(c, "size2", &size) &&
		mlog_check_consistency(at, &a, size, &b, path, n) == 0;
}

static void run_rfc9162(const char *file, const json_t *doc)
{
	const char *name;
	json_t *c;

	json_object_foreach((json_t *)(uintptr_t)doc, name, c)
		ok(is_case(c) && accepted(c) == json_is_false(json_object_get(
						c, "wantErr")),
			"%s: %s", file, name);
}

const struct kind kind_rfc9162 = {.name = "rfc9162", .is = is_rfc9162,
	.run = run_rfc9162};

/* Making notes.  A file of its own, so that the verifier has none of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/cleanup.h"
#include "core/memory.h"
#include "core/note_impl.h"

int checkpoint_text(const char *origin, uint64_t size,
	const struct hash *root, struct buf *ret)
{
	char text[NOTE_NAME_MAX + 128], root64[BASE64_LEN(HASH_LEN) + 1];
	int n;

	if (!note_name_fits(BYTES(origin, strlen(origin))))
		return -EINVAL;
	base64_encode(HASH_BYTES(root), root64);
	n = snprintf(text, sizeof(text), "%s\n%" PRIu64 "\n%s\n", origin, size,
		root64);
	return buf_copy(BYTES(text, (size_t)n), ret);
}

static int sign(EVP_PKEY *key, struct bytes message, uint8_t *ret)
{
	size_t n = NOTE_ED25519_LEN;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, ret, &n, message.p, message.n) == 1 &&
		    n == NOTE_ED25519_LEN;

	EVP_MD_CTX_free(ctx);
	return good ? 0 : -EIO;
}

int note_sign(struct bytes text, const struct note_key *k, EVP_PKEY *key,
	uint64_t seconds, struct buf *ret)
{
	uint8_t raw[NOTE_ID + NOTE_TIME + NOTE_ED25519_LEN];
	char line[NOTE_DASH_LEN + NOTE_NAME_MAX + BASE64_LEN(sizeof(raw)) + 3];
	char signature[BASE64_LEN(sizeof(raw)) + 1];
	cleanup(buf) struct buf message = {0};
	size_t at = NOTE_ID;
	unsigned before = memory_failures();
	int i, n, rc;

	if (!EVP_PKEY_is_a(key, "ED25519") || seconds > NOTE_TIME_MAX)
		return memory_failures() != before ? -ENOMEM : -EINVAL;
	for (i = 0; i < NOTE_ID; i++)
		raw[i] = (uint8_t)(k->id >> (24 - 8 * i));
	for (i = 0; k->type == NOTE_COSIGNATURE && i < NOTE_TIME; i++)
		raw[at++] = (uint8_t)(seconds >> (56 - 8 * i));
	rc = note_signed(text, k->type, seconds, &message);
	if (rc == 0)
		rc = sign(key, BUF_BYTES(&message), raw + at);
	if (rc != 0)
		return memory_error(rc, before);
	base64_encode(BYTES(raw, at + NOTE_ED25519_LEN), signature);
	n = snprintf(line, sizeof(line), NOTE_DASH "%s %s\n", k->name,
		signature);
	return buf_add(ret, line, (size_t)n);
}

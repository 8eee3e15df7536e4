#include "core/note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/note_impl.h"

/* -- text */

/* Unicode spaces, as UTF-8; those of ASCII are control characters or " ". */
static bool begins_space(struct bytes s)
{
	static const char *const spaces[] = {" ", "\xc2\x85", "\xc2\xa0",
		"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
		"\xe2\x81\x9f", "\xe3\x80\x80"};
	size_t i, n;

	for (i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		n = strlen(spaces[i]);
		if (s.n >= n && memcmp(s.p, spaces[i], n) == 0)
			return true;
	}
	/* U+2000 to U+200A */
	return s.n >= 3 && s.p[0] == 0xe2 && s.p[1] == 0x80 &&
	       s.p[2] >= 0x80 && s.p[2] <= 0x8a;
}

/* UTF-8 without control characters but those allowed. */
static bool plain(struct bytes s, bool newlines)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 && !(newlines && s.p[i] == '\n'))
			return false;
	return cborr_utf8(s);
}

bool note_name_fits(struct bytes name)
{
	size_t i;

	if (name.n == 0 || name.n > NOTE_NAME_MAX || !plain(name, false))
		return false;
	for (i = 0; i < name.n; i++)
		if (name.p[i] == '+' ||
			begins_space(BYTES(name.p + i, name.n - i)))
			return false;
	return true;
}

/* Takes what stands before the first `end` off *s; false: there is none. */
static bool cut(struct bytes *s, uint8_t end, struct bytes *ret)
{
	const uint8_t *p = s->n == 0 ? NULL : memchr(s->p, end, s->n);

	if (p == NULL)
		return false;
	*ret = BYTES(s->p, (size_t)(p - s->p));
	*s = BYTES(p + 1, s->n - ret->n - 1);
	return true;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* -- keys */

uint32_t note_key_id(
	struct bytes name, enum note_type type, const uint8_t key[NOTE_KEY])
{
	uint8_t middle[2] = {'\n', (uint8_t)type};
	struct bytes parts[] = {
		name, BYTES(middle, sizeof(middle)), BYTES(key, NOTE_KEY)};
	struct hash h = hash_sha256_parts(parts, 3);

	return be32(h.b);
}

int note_key_make(const char *name, enum note_type type,
	const uint8_t key[NOTE_KEY], struct note_key *ret)
{
	struct bytes n = BYTES(name, strlen(name));

	if (!note_name_fits(n))
		return -EINVAL;
	*ret = (struct note_key){
		.id = note_key_id(n, type, key), .type = type};
	memcpy(ret->name, n.p, n.n);
	memcpy(ret->key, key, NOTE_KEY);
	return 0;
}

void note_key_text(const struct note_key *k, char ret[NOTE_VKEY_MAX])
{
	char text[BASE64_LEN(1 + NOTE_KEY) + 1];
	uint8_t raw[1 + NOTE_KEY] = {(uint8_t)k->type};

	memcpy(raw + 1, k->key, NOTE_KEY);
	base64_encode(BYTES(raw, sizeof(raw)), text);
	snprintf(ret, NOTE_VKEY_MAX, "%s+%08" PRIx32 "+%s", k->name, k->id,
		text);
}

int note_key_decode(struct bytes vkey, struct note_key *ret)
{
	struct note_key k = {.id = 0};
	struct bytes name, id, rest = vkey;
	uint8_t raw[NOTE_VKEY_MAX], raw_id[NOTE_ID];
	char hex[2 * NOTE_ID + 1] = {0};
	size_t n;

	if (vkey.n >= NOTE_VKEY_MAX || !cut(&rest, '+', &name) ||
		!cut(&rest, '+', &id) || id.n != 2 * NOTE_ID ||
		!note_name_fits(name))
		return -EBADMSG;
	memcpy(hex, id.p, id.n);
	if (hex_decode(hex, raw_id, sizeof(raw_id)) != 0 ||
		base64_decode(rest, raw, sizeof(raw), &n) != 0 || n < 1)
		return -EBADMSG;
	if (raw[0] != NOTE_ED25519 && raw[0] != NOTE_COSIGNATURE)
		return -EOPNOTSUPP;
	k.type = raw[0];
	k.id = be32(raw_id);
	if (n != 1 + NOTE_KEY ||
		k.id != note_key_id(name, k.type, raw + 1))
		return -EBADMSG;
	memcpy(k.name, name.p, name.n);
	memcpy(k.key, raw + 1, NOTE_KEY);
	*ret = k;
	return 0;
}

/* -- notes */

static int line_decode(struct bytes line, struct note_line *ret)
{
	uint8_t id[NOTE_ID];
	size_t n;

	if (line.n < NOTE_DASH_LEN ||
		memcmp(line.p, NOTE_DASH, NOTE_DASH_LEN) != 0)
		return -EBADMSG;
	line.p += NOTE_DASH_LEN;
	line.n -= NOTE_DASH_LEN;
	if (!cut(&line, ' ', &ret->name) || !note_name_fits(ret->name))
		return -EBADMSG;
	/* the whole must be base64, and hold a byte of signature at least */
	if (base64_check(line, &n) != 0 || n <= NOTE_ID)
		return -EBADMSG;
	base64_head(line, id, NOTE_ID);
	ret->id = be32(id);
	ret->signature = line;
	return 0;
}

/* Where the text ends: behind the newline before the last empty line. */
static size_t text_end(struct bytes in)
{
	size_t i;

	for (i = in.n; i >= 2; i--)
		if (in.p[i - 1] == '\n' && in.p[i - 2] == '\n')
			return i - 1;
	return 0;
}

int note_decode(struct bytes in, struct note *ret)
{
	struct note n = {.n = 0};
	struct bytes rest, line;
	size_t end;

	if (in.n == 0 || in.n > NOTE_MAX || !plain(in, true))
		return -EBADMSG;
	end = text_end(in);
	if (end == 0)
		return -EBADMSG;
	n.text = BYTES(in.p, end);
	rest = BYTES(in.p + end + 1, in.n - end - 1);
	while (rest.n > 0) {
		if (n.n == NOTE_SIGNATURES_MAX || !cut(&rest, '\n', &line) ||
			line_decode(line, &n.line[n.n]) != 0)
			return -EBADMSG;
		n.n++;
	}
	if (n.n == 0)
		return -EBADMSG;
	*ret = n;
	return 0;
}

int note_signed(struct bytes text, enum note_type type, uint64_t seconds,
	struct buf *ret)
{
	cleanup(buf) struct buf all = {0};
	char head[64];
	int n, rc = 0;

	if (type == NOTE_COSIGNATURE) {
		n = snprintf(head, sizeof(head),
			"cosignature/v1\ntime %" PRIu64 "\n", seconds);
		rc = buf_add(&all, head, (size_t)n);
	}
	if (rc == 0)
		rc = buf_add(&all, text.p, text.n);
	if (rc != 0)
		return rc;
	*ret = all;
	all = (struct buf){0}; /* the caller has it */
	return 0;
}

static bool verifies(
	const struct note_key *k, struct bytes message, const uint8_t *signature)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_ED25519, NULL, k->key, NOTE_KEY);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = key != NULL && ctx != NULL &&
		    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, signature, NOTE_ED25519_LEN,
			    message.p, message.n) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

static int line_check(const struct note *n, const struct note_line *l,
	const struct note_key *k, uint64_t *ret_time)
{
	uint8_t raw[NOTE_ID + NOTE_TIME + NOTE_ED25519_LEN];
	size_t time_n = k->type == NOTE_COSIGNATURE ? NOTE_TIME : 0, len;
	unsigned before = memory_failures();
	cleanup(buf) struct buf message = {0};
	uint64_t seconds = 0;

	if (base64_decode(l->signature, raw, sizeof(raw), &len) != 0 ||
		len != NOTE_ID + time_n + NOTE_ED25519_LEN)
		return -EKEYREJECTED;
	if (time_n > 0)
		seconds = be64(raw + NOTE_ID);
	if (seconds > NOTE_TIME_MAX)
		return -EKEYREJECTED;
	if (note_signed(n->text, k->type, seconds, &message) != 0)
		return -ENOMEM;
	if (!verifies(k, BUF_BYTES(&message), raw + NOTE_ID + time_n))
		return memory_failures() != before ? -ENOMEM : -EKEYREJECTED;
	*ret_time = seconds;
	return 0;
}

int note_check(
	const struct note *n, const struct note_key *k, uint64_t *ret_time)
{
	struct bytes name = BYTES(k->name, strlen(k->name));
	uint64_t seconds = 0;
	int rc = -ENOENT;
	size_t i;

	for (i = 0; i < n->n; i++) {
		if (n->line[i].id != k->id ||
			!bytes_equal(n->line[i].name, name))
			continue;
		rc = line_check(n, &n->line[i], k, &seconds);
		if (rc != 0)
			return rc;
	}
	if (rc == 0)
		*ret_time = seconds;
	return rc;
}

/* -- checkpoints */

void checkpoint_origin(
	const struct hash *anchor, char ret[CHECKPOINT_ORIGIN_MAX])
{
	strcpy(ret, "notaryfs/");
	hex_encode(HASH_BYTES(anchor), ret + strlen(ret));
}

/* Decimal without leading zeros. */
static int size_decode(struct bytes s, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned digit;
	size_t i;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return -EBADMSG;
	for (i = 0; i < s.n; i++) {
		digit = (unsigned)s.p[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		v = 10 * v + digit;
	}
	*ret = v;
	return 0;
}

int checkpoint_decode(struct bytes text, struct checkpoint *ret)
{
	struct checkpoint c = {.size = 0};
	struct bytes rest = text, size, root, line;
	size_t n;

	if (text.n > NOTE_MAX || !plain(text, true) ||
		!cut(&rest, '\n', &c.origin) || c.origin.n == 0 ||
		!cut(&rest, '\n', &size) || size_decode(size, &c.size) != 0 ||
		!cut(&rest, '\n', &root) ||
		base64_decode(root, c.root.b, HASH_LEN, &n) != 0 ||
		n != HASH_LEN)
		return -EBADMSG;
	c.extensions = rest;
	while (rest.n > 0)
		if (!cut(&rest, '\n', &line) || line.n == 0)
			return -EBADMSG;
	*ret = c;
	return 0;
}

/* note: signed notes, checkpoints and cosignatures. */
#include "core/note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/cleanup.h"
#include "tests/tap/tap.h"

#define TEXT(s) BYTES(s, strlen(s))

struct signer {
	EVP_PKEY *key;
	struct note_key pub;
};

static struct signer signer(const char *name, enum note_type type)
{
	struct signer s = {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), {.id = 0}};
	uint8_t raw[NOTE_KEY];
	size_t n = sizeof(raw);

	EVP_PKEY_get_raw_public_key(s.key, raw, &n);
	if (note_key_make(name, type, raw, &s.pub) != 0)
		abort();
	return s;
}

/* A published key of somebody else's log, and one line of the format that the
 * specification prints. */
static void keys(void)
{
	static const char golang[] =
		"sum.golang.org+033de0ae+"
		"Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
	struct signer s = signer("example.com/log", NOTE_ED25519);
	char text[NOTE_VKEY_MAX], bad[NOTE_VKEY_MAX];
	struct note_key k;
	uint8_t key[NOTE_KEY] = {0};

	is_int(note_key_decode(TEXT(golang), &k), 0,
		"a verifier key in use elsewhere is read: its id is right");
	note_key_text(&k, text);
	is_str(text, golang, "and written as it was");
	memcpy(bad, golang, sizeof(golang));
	bad[17] = '1';
	is_int(note_key_decode(TEXT(bad), &k), -EBADMSG,
		"an id that is not the key's is refused");
	memcpy(bad, golang, sizeof(golang));
	bad[0] = 'r';
	is_int(note_key_decode(TEXT(bad), &k), -EBADMSG,
		"as is another name");
	note_key_text(&s.pub, text);
	is_int(note_key_decode(TEXT(text), &k), 0, "an own key is read again");
	ok(memcmp(k.key, s.pub.key, NOTE_KEY) == 0 && k.id == s.pub.id,
		"and is the same");
	is_int(note_key_decode(TEXT("a+00000000+Bg=="), &k), -EOPNOTSUPP,
		"another type of key is not known");
	is_int(note_key_make("a b", NOTE_ED25519, key, &k), -EINVAL,
		"a name has no space");
	is_int(note_key_make("a+b", NOTE_ED25519, key, &k), -EINVAL,
		"and no plus");
	is_int(note_key_make("a\xe2\x80\x83z", NOTE_ED25519, key, &k), -EINVAL,
		"nor an em space");
	is_int(note_key_make("", NOTE_ED25519, key, &k), -EINVAL,
		"and is not empty");
	EVP_PKEY_free(s.key);
}

static void sign_note(const char *text, const struct signer *s, size_t n,
	uint64_t time, struct buf *ret)
{
	size_t i;

	buf_add(ret, text, strlen(text));
	buf_add(ret, "\n", 1);
	for (i = 0; i < n; i++)
		if (note_sign(TEXT(text), &s[i].pub, s[i].key, time, ret) != 0)
			abort();
}

static int check(struct bytes in, const struct note_key *k, uint64_t *ret)
{
	struct note n;
	int rc = note_decode(in, &n);

	return rc != 0 ? rc : note_check(&n, k, ret);
}

static void signatures(void)
{
	struct signer s[] = {signer("example.com/log", NOTE_ED25519),
		signer("witness.example.com/w1", NOTE_COSIGNATURE)};
	struct signer other = signer("example.com/log", NOTE_ED25519);
	cleanup(buf) struct buf note = {0};
	uint64_t time = 7;
	size_t i, taken = 0;
	struct note n;

	sign_note("one\n\ntwo\n", s, 2, 1679315147, &note);
	is_int(note_decode(BUF_BYTES(&note), &n), 0, "a note is read");
	is_bytes(n.text, TEXT("one\n\ntwo\n"),
		"its text ends at the last empty line");
	is_int((int)n.n, 2, "with both signatures");
	is_int(note_check(&n, &s[0].pub, &time), 0, "the log signed");
	is_int((int)time, 0, "without a time");
	is_int(note_check(&n, &s[1].pub, &time), 0, "the witness signed");
	is_int((int)time, 1679315147, "at its time");
	is_int(note_check(&n, &other.pub, &time), -ENOENT,
		"a key of the same name did not");
	other.pub.id = s[0].pub.id;
	is_int(note_check(&n, &other.pub, &time), -EKEYREJECTED,
		"a key of the same name and id refuses the note");
	for (i = 0; i < note.n; i++) {
		note.p[i] ^= 1;
		taken += check(BUF_BYTES(&note), &s[0].pub, &time) == 0 &&
			 check(BUF_BYTES(&note), &s[1].pub, &time) == 0;
		note.p[i] ^= 1;
	}
	is_int((int)taken, 0, "no byte of it can be changed");
	for (i = 0; i < note.n; i++)
		taken += check(BYTES(note.p, i), &s[1].pub, &time) == 0;
	is_int((int)taken, 0, "nor can it be cut anywhere");
	for (i = 0; i < 2; i++)
		EVP_PKEY_free(s[i].key);
	EVP_PKEY_free(other.key);
}

static void merged(void)
{
	struct signer s[] = {signer("example.com/log", NOTE_ED25519),
		signer("w.example/1", NOTE_COSIGNATURE),
		signer("w.example/2", NOTE_COSIGNATURE)};
	cleanup(buf) struct buf a = {0}, b = {0}, c = {0}, other = {0};
	cleanup(buf) struct buf ab = {0}, again = {0};
	uint64_t time;
	size_t i;

	sign_note("one\n", s, 2, 5, &a);
	sign_note("one\n", s + 2, 1, 6, &b);
	sign_note("two\n", s + 2, 1, 6, &other);
	is_int(note_merge(BUF_BYTES(&a), BUF_BYTES(&b), &ab), 0, "two notes");
	for (i = 0; i < 3; i++)
		is_int(check(BUF_BYTES(&ab), &s[i].pub, &time), 0,
			"signer %zu of both", i);
	ok(ab.n > a.n && memcmp(ab.p, a.p, a.n) == 0, "the first as it was");
	is_int(note_merge(BUF_BYTES(&ab), BUF_BYTES(&b), &again), 0, "again");
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&ab), "no line stands twice");
	is_int(note_merge(BUF_BYTES(&a), BUF_BYTES(&other), &c), -EINVAL,
		"another text");
	is_int(note_merge(BUF_BYTES(&a), TEXT("one\n"), &c), -EBADMSG,
		"no note");
	is_int(note_merge(TEXT("one\n"), BUF_BYTES(&a), &c), -EBADMSG,
		"the first neither");
	buf_free(&a);
	sign_note("one\n", s, 1, 5, &a);
	for (i = 0; i < NOTE_SIGNATURES_MAX - 1; i++)
		if (note_sign(TEXT("one\n"), &s[1].pub, s[1].key, i, &a) != 0)
			abort();
	is_int(note_merge(BUF_BYTES(&a), BUF_BYTES(&b), &c), -EFBIG,
		"no room for one more");
	is_int((int)c.n, 0, "nothing is given then");
	for (i = 0; i < 3; i++)
		EVP_PKEY_free(s[i].key);
}

static void forms(void)
{
	static const struct {
		const char *text, *why;
		int rc;
	} form[] = {
		{"t\n\n\xe2\x80\x94 a AAAAAAA=\n", "a signature of one byte", 0},
		{"t\n\n\xe2\x80\x94 a AAAAAA==\n", "an id and no signature",
			-EBADMSG},
		{"t\n\n\xe2\x80\x94 a AAAAAAB=\n", "bits behind the last byte",
			-EBADMSG},
		{"t\n\n\xe2\x80\x94 a AAAAAAA\n", "base64 without padding",
			-EBADMSG},
		{"t\n\n- a AAAAAAA=\n", "a hyphen for the dash", -EBADMSG},
		{"t\n\n\xe2\x80\x94  AAAAAAA=\n", "no name", -EBADMSG},
		{"t\n\n\xe2\x80\x94 a+ AAAAAAA=\n", "a plus in the name",
			-EBADMSG},
		{"t\n\n\xe2\x80\x94 a AAAAAAA=", "no last newline", -EBADMSG},
		{"t\n\n", "no signatures", -EBADMSG},
		{"t\n\xe2\x80\x94 a AAAAAAA=\n", "no blank line", -EBADMSG},
		{"t\t\n\n\xe2\x80\x94 a AAAAAAA=\n", "a control character",
			-EBADMSG},
		{"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n", "no UTF-8", -EBADMSG},
	};
	cleanup(buf) struct buf many = {0};
	struct note n;
	size_t i;

	for (i = 0; i < sizeof(form) / sizeof(*form); i++)
		is_int(note_decode(TEXT(form[i].text), &n), form[i].rc, "%s",
			form[i].why);
	buf_add(&many, "t\n\n", 3);
	for (i = 0; i < NOTE_SIGNATURES_MAX; i++)
		buf_add(&many, form[0].text + 3, strlen(form[0].text) - 3);
	is_int(note_decode(BUF_BYTES(&many), &n), 0, "as many as may be");
	buf_add(&many, form[0].text + 3, strlen(form[0].text) - 3);
	is_int(note_decode(BUF_BYTES(&many), &n), -EBADMSG, "one too many");
}

static void checkpoints(void)
{
	static const char text[] =
		"example.com/behind-the-sofa\n20852163\n"
		"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	static const char *const bad[] = {"", "a\n1\n", "\n1\nAA==\n",
		"a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n18446744073709551616\n"
		"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nx"};
	cleanup(buf) struct buf again = {0};
	struct checkpoint c;
	size_t i;

	is_int(checkpoint_decode(TEXT(text), &c), 0, "a checkpoint is read");
	is_bytes(c.origin, TEXT("example.com/behind-the-sofa"), "its origin");
	is_int((int)c.size, 20852163, "and its size");
	is_int(checkpoint_text("example.com/behind-the-sofa", c.size, &c.root,
		       &again), 0, "and written again");
	is_bytes(BUF_BYTES(&again), TEXT(text), "as it was");
	is_int(checkpoint_text("two words", 1, &c.root, &again), -EINVAL,
		"an origin that is no key's name is not written");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		is_int(checkpoint_decode(TEXT(bad[i]), &c), -EBADMSG,
			"refused: form %zu", i);
	is_int(checkpoint_decode(TEXT("a\n0\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2M"
				      "PA3j2jxq2I=\nextension\n"), &c), 0,
		"an extension is no harm");
	is_bytes(c.extensions, TEXT("extension\n"), "and is told");
}

int main(void)
{
	keys();
	signatures();
	merged();
	forms();
	checkpoints();
	return done();
}

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "tests/tap/tap.h"

static const struct bytes message = BYTES("ten pieces of news", 18);

static int check(struct bytes signed1, EVP_PKEY *key)
{
	struct cose_sign1 c;
	int rc = cose_decode(signed1, 1024, &c);

	return rc != 0 ? rc : cose_check(&c, key);
}

static void round_trip(enum cose_alg alg, const char *curve, const char *other)
{
	EVP_PKEY *key = EVP_EC_gen(curve), *stranger = EVP_EC_gen(curve);
	EVP_PKEY *foreign = EVP_EC_gen(other);
	cleanup(buf) struct buf s = {0}, none = {0};
	struct cose_sign1 c;
	size_t i, taken = 0;

	is_int(cose_sign(alg, key, message, &s), 0, "%s: signs", curve);
	is_int(cose_decode(BUF_BYTES(&s), message.n, &c), 0, "and is read");
	is_int(c.alg, alg, "with its algorithm");
	is_bytes(c.payload, message, "and its payload");
	is_int(cose_check(&c, key), 0, "its signature holds");
	is_int(cose_check(&c, stranger), -EKEYREJECTED,
		"not under another key of the curve");
	is_int(cose_check(&c, foreign), -EKEYREJECTED,
		"not under a key of another curve");
	is_int(cose_check(&c, NULL), -EKEYREJECTED, "not under no key");
	is_int(cose_sign(alg, foreign, message, &none), -EINVAL,
		"a key of another curve cannot sign");
	for (i = 0; i < s.n; i++) {
		s.p[i] ^= 1;
		taken += check(BUF_BYTES(&s), key) == 0;
		s.p[i] ^= 1;
	}
	is_int(taken, 0, "no byte of it can be changed");
	for (i = 0; i < s.n; i++)
		taken += check(BYTES(s.p, i), key) == 0;
	is_int(taken, 0, "nor can it be cut anywhere");
	EVP_PKEY_free(key);
	EVP_PKEY_free(stranger);
	EVP_PKEY_free(foreign);
}

struct form {
	uint8_t tag;	     /* 0: none */
	const char *header;  /* of the protected header, with its length */
	size_t header_n;
	const char *map;     /* unprotected */
	size_t signature_n;
	bool trailing;
};

static int read_form(const struct form *f)
{
	static const uint8_t zeros[96];
	struct cborw w = {0};
	cleanup(buf) struct buf out = {0};
	struct cose_sign1 c;

	if (f->tag != 0)
		cborw_tag(&w, f->tag);
	cborw_array(&w, 4);
	cborw_bytes(&w, BYTES(f->header, f->header_n));
	cborw_raw(&w, BYTES(f->map, strlen(f->map)));
	cborw_bytes(&w, message);
	cborw_bytes(&w, BYTES(zeros, f->signature_n));
	if (f->trailing)
		cborw_null(&w);
	if (cborw_end(&w, &out) != 0)
		bail("no memory");
	return cose_decode(BUF_BYTES(&out), 1024, &c);
}

static void forms(void)
{
	const char es256[] = "\xa1\x01\x26", empty[] = "\xa0";
	struct form f = {0, es256, 3, empty, 64, false};

	is_int(read_form(&f), 0, "the untagged form is read");
	f.tag = 18;
	is_int(read_form(&f), 0, "and the tagged one");
	f.tag = 17;
	is_int(read_form(&f), -EBADMSG, "another tag is refused");
	f.tag = 0;
	f.signature_n = 63;
	is_int(read_form(&f), -EBADMSG, "a signature has its exact length");
	f.signature_n = 96;
	is_int(read_form(&f), -EBADMSG, "which is the algorithm's");
	f.signature_n = 64;
	f.trailing = true;
	is_int(read_form(&f), -EBADMSG, "nothing may follow");
	f.trailing = false;
	f.map = "\xa1\x04\x61x";
	is_int(read_form(&f), -EBADMSG, "the unprotected map is empty");
	f.map = empty;
	f.header = "\xa1\x01\x27";
	is_int(read_form(&f), -EOPNOTSUPP, "EdDSA is known to be unknown");
	f.header = "\xa1\x01\x38\x23";
	f.header_n = 4;
	is_int(read_form(&f), -EOPNOTSUPP, "and so is ES512");
	f.header = "\xa2\x01\x26\x04\x41x";
	f.header_n = 6;
	is_int(read_form(&f), -EBADMSG, "the header holds nothing but alg");
	f.header = "\xa1\x01\x38\x06";
	f.header_n = 4;
	is_int(read_form(&f), -EBADMSG, "in its shortest form");
	f.header_n = 0;
	is_int(read_form(&f), -EBADMSG, "and is there");
}

static void keys(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *again;
	EVP_PKEY *rsa = EVP_RSA_gen(1024), *k1 = EVP_EC_gen("secp256k1");
	cleanup(buf) struct buf spki = {0}, twice = {0}, a = {0}, b = {0};

	is_int(cose_key_spki(key, &spki), 0, "a key has its DER");
	again = cose_key(BUF_BYTES(&spki));
	ok(again != NULL, "which is read");
	is_int(cose_key_spki(again, &twice), 0, "and written");
	is_bytes(BUF_BYTES(&twice), BUF_BYTES(&spki), "as the same bytes");
	ok(cose_key(BYTES(spki.p, spki.n - 1)) == NULL, "a short one is none");
	if (buf_add(&spki, "", 1) != 0)
		bail("no memory");
	ok(cose_key(BUF_BYTES(&spki)) == NULL, "nothing may follow");
	spki.n--;
	spki.p[60] ^= 1;
	ok(cose_key(BUF_BYTES(&spki)) == NULL, "a point off the curve is none");
	ok(cose_key_spki(rsa, &a) == 0 && cose_key(BUF_BYTES(&a)) == NULL,
		"RSA is refused");
	ok(cose_key_spki(k1, &b) == 0 && cose_key(BUF_BYTES(&b)) == NULL,
		"and so is another curve");
	EVP_PKEY_free(key);
	EVP_PKEY_free(again);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(k1);
}

int main(void)
{
	plan(0);
	round_trip(COSE_ES256, "P-256", "P-384");
	round_trip(COSE_ES384, "P-384", "P-256");
	forms();
	keys();
	return done();
}

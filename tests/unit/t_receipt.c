/* receipt: every entry of a log has one, and nothing else has. */
#include "core/receipt.h"

#include <errno.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "tests/tap/tap.h"

#define SIZE 21

static struct hash leaves[SIZE];
static EVP_PKEY *key;

static struct bytes entry(const size_t *i)
{
	return BYTES(i, sizeof(*i));
}

static void make(size_t i, size_t n, struct buf *ret)
{
	struct mlog log = {.size = 0};
	struct receipt r = {.size = n, .index = i};
	uint8_t signature[RECEIPT_SIGNATURE];
	struct hash root;
	size_t j;

	for (j = 0; j < n; j++)
		mlog_add(&log, &leaves[j]);
	root = mlog_root(&log);
	if (receipt_sign(key, &root, signature) != 0)
		abort();
	r.path_len = mlog_inclusion(leaves, n, i, r.path);
	r.signature = BYTES(signature, sizeof(signature));
	if (receipt_encode(&r, ret) != 0)
		abort();
}

static int check(struct bytes in, size_t i, EVP_PKEY *k)
{
	struct receipt r;
	struct hash root;
	int rc = receipt_decode(in, &r);

	return rc != 0 ? rc : receipt_check(&r, entry(&i), k, &root);
}

static void every_entry(void)
{
	size_t i, n, good = 0, all = 0, other = 0;

	for (n = 2; n <= SIZE; n++)
		for (i = 0; i < n; i++) {
			cleanup(buf) struct buf r = {0};

			make(i, n, &r);
			all++;
			good += check(BUF_BYTES(&r), i, key) == 0;
			other += check(BUF_BYTES(&r), i + 1, key) == 0;
		}
	is_int((int)good, (int)all, "every entry of every size is proved");
	is_int((int)other, 0, "and no other entry by its receipt");
}

/* Where the size stands: tag, array, header, maps, array, byte string, array.
 * It is not signed: a path of this length fits several sizes. */
#define AT_SIZE 20

static void changed(void)
{
	EVP_PKEY *stranger = EVP_EC_gen("P-256");
	cleanup(buf) struct buf r = {0};
	size_t i, taken = 0;

	make(13, SIZE, &r);
	is_int(check(BUF_BYTES(&r), 13, stranger), -EKEYREJECTED,
		"not under another key");
	for (i = 0; i < r.n; i++) {
		r.p[i] ^= 1;
		taken += i != AT_SIZE && check(BUF_BYTES(&r), 13, key) == 0;
		r.p[i] ^= 1;
		taken += check(BYTES(r.p, i), 13, key) == 0;
	}
	is_int((int)taken, 0, "no byte can be changed, nothing be cut off");
	r.p[6] = 0xff;
	is_int(check(BUF_BYTES(&r), 13, key), -EBADMSG, "a header out of form");
	EVP_PKEY_free(stranger);
}

static void headers(void)
{
	struct receipt r = {.size = 1, .index = 0};
	uint8_t signature[RECEIPT_SIGNATURE] = {0};
	cleanup(buf) struct buf b = {0};

	r.signature = BYTES(signature, sizeof(signature));
	is_int(receipt_encode(&r, &b), -EINVAL,
		"a log of one entry has no receipts");
	make(0, 2, &b);
	b.p[5] = 0x27; /* {1: -8, ...}: EdDSA */
	is_int(check(BUF_BYTES(&b), 0, key), -EOPNOTSUPP,
		"another algorithm is not known");
	b.p[5] = 0x26;
	b.p[9] = 2;
	is_int(check(BUF_BYTES(&b), 0, key), -EOPNOTSUPP,
		"nor another data structure");
}

int main(void)
{
	size_t i;

	key = EVP_EC_gen("P-256");
	for (i = 0; i < SIZE; i++)
		leaves[i] = mlog_leaf(entry(&i));
	every_entry();
	changed();
	headers();
	EVP_PKEY_free(key);
	return done();
}

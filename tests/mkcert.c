/*
 * mkcert: writes a small chain for tests that are not in C.
 *
 *	mkcert DIR EPOCH [SIZE]
 *
 * DIR/anchor, DIR/tree/folder/file-N and DIR/tree/folder/file-N.cert; and
 * DIR/piece, bytes 4000 to 8199 of file-3, with DIR/piece.cert.  With SIZE,
 * DIR/large, so many zeros that take no room on the disk, and DIR/large.cert,
 * which has the longest name that a record can have, in the place of file-0.
 * DIR/renewals/right and twice are file-3 with a certificate renewed under
 * SHA-512, and once more; in wrong, another content was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "tests/lib/mkrenewal.h"
#include "tests/tap/tap.h"

static void save(const char *dir, const char *name, struct bytes data)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wxe");
	if (f == NULL || fwrite(data.p, 1, data.n, f) != data.n ||
		fclose(f) != 0)
		bail("cannot write %s", path);
}

static void make_folder(const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755) != 0)
		bail("cannot make %s", path);
}

static void save_file(const char *dir, const struct mkchain *c, size_t i)
{
	cleanup(buf) struct buf cert = {0};
	char name[64];

	mkchain_cert(c, i, &cert);
	snprintf(name, sizeof(name), "tree/folder/file-%zu", i);
	save(dir, name, BUF_BYTES(&c->file[i]));
	snprintf(name, sizeof(name), "tree/folder/file-%zu.cert", i);
	save(dir, name, BUF_BYTES(&cert));
}

static int from_buf(void *file, uint64_t off, uint8_t *ret, size_t n)
{
	memcpy(ret, ((struct buf *)file)->p + off, n);
	return 0;
}

static void save_piece(const char *dir, struct mkchain *c)
{
	struct range_source src = {from_buf, &c->file[3]};
	uint8_t edge[2 * RANGE_EDGE_MAX];
	cleanup(buf) struct buf cert = {0};
	struct certificate parts;

	mkchain_parts(c, 3, &parts);
	if (range_make(4000, 8200, c->file[3].n, &src, edge, &parts.range) != 0 ||
		make_certificate(&parts, &cert) != 0)
		bail("cannot make a range");
	save(dir, "piece", BYTES(c->file[3].p + 4000, 4200));
	save(dir, "piece.cert", BUF_BYTES(&cert));
}

static void save_large(const char *dir, const struct mkchain *c, uint64_t size)
{
	cleanup(buf) struct buf cert = {0};
	char path[4096];

	save(dir, "large", BYTES("", 0));
	snprintf(path, sizeof(path), "%s/large", dir);
	if (truncate(path, (off_t)size) != 0)
		bail("cannot make a large file");
	mkchain_cert(c, 0, &cert);
	save(dir, "large.cert", BUF_BYTES(&cert));
}

static void save_renewal(const char *dir, const struct mkchain *c,
	const char *name, const struct buf *cert)
{
	char path[64];

	snprintf(path, sizeof(path), "renewals/%s", name);
	save(dir, path, BUF_BYTES(&c->file[3]));
	strcat(path, ".cert");
	save(dir, path, BUF_BYTES(cert));
}

static void save_renewals(const char *dir, struct mkchain *c)
{
	cleanup(buf) struct buf first = {0}, right = {0}, other = {0};
	struct mkrenewal how;

	make_folder(dir, "renewals");
	mkchain_cert(c, 3, &first);
	how = mkrenewal(c, 3, BUF_BYTES(&first), 2);
	mkrenewal_cert(c, &how, &right);
	save_renewal(dir, c, "right", &right);
	how.content = BUF_BYTES(&c->file[2]);
	mkrenewal_cert(c, &how, &other);
	save_renewal(dir, c, "wrong", &other);
	how = mkrenewal(c, 3, BUF_BYTES(&right), 3);
	mkrenewal_cert(c, &how, &other);
	save_renewal(dir, c, "twice", &other);
}

int main(int argc, char **argv)
{
	char hex[HASH_HEX + 2];
	uint64_t large = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	struct mkchain c;
	size_t i;

	if (argc != 3 && large == 0)
		bail("usage: mkcert DIR EPOCH [SIZE]");
	mkchain_init(&c, (uint32_t)strtoul(argv[2], NULL, 10));
	if (large > 0)
		mkchain_large(&c, large);
	hex_encode(HASH_BYTES(&c.anchor), hex);
	hex[HASH_HEX] = '\n';
	save(argv[1], "anchor", BYTES(hex, HASH_HEX + 1));
	make_folder(argv[1], "tree");
	make_folder(argv[1], "tree/folder");
	for (i = large > 0; i < MKCHAIN_FILES; i++)
		save_file(argv[1], &c, i);
	save_piece(argv[1], &c);
	if (large > 0)
		save_large(argv[1], &c, large);
	save_renewals(argv[1], &c);
	mkchain_done(&c);
	return 0;
}

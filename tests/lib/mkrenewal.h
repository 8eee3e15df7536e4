/*
 * mkrenewal: certificates of a mkchain's files renewed under another hash.
 */
#ifndef TESTS_MKRENEWAL_H
#define TESTS_MKRENEWAL_H

#include "tests/lib/mkchain.h"

/* What a renewal is made of; a forgery changes one thing. */
struct mkrenewal {
	const char *algorithm;
	struct bytes names;	/* the old certificate that the record names */
	struct bytes holds;	/* the one that it holds */
	struct hash about;
	struct bytes path;
	uint64_t height;
	struct bytes content;
};

/* A right one of file i, under SHA-512, of its certificate `old`. */
struct mkrenewal mkrenewal(
	const struct mkchain *c, size_t i, struct bytes old, uint64_t height);
/* Its certificate, in a block of its own at that height: c's block, timestamp
 * and number are its own afterwards. */
void mkrenewal_cert(
	struct mkchain *c, const struct mkrenewal *how, struct buf *ret);

#endif

/*
 * mutate: feeds a decoder damaged copies of a valid input.
 *
 *	static enum mutate_answer feed(void *ctx, struct bytes in)
 *	{
 *		struct buf out = {0};
 *		struct block b;
 *		int rc = block_decode(in, &b);
 *
 *		return mutate_answer(in, rc, rc ? rc : block_encode(&b, &out),
 *			&out);
 *	}
 *	...
 *	mutate("block", valid, MUTATIONS, feed, NULL);
 *
 * The decoder gets the valid input, every truncation of it, and n random
 * mutations (1..4 each of: flipped bit, set byte, inserted bytes, deleted
 * bytes, a run copied or doubled, the head of a huge item), each in memory of
 * exactly its size, so that the address sanitizer sees a read beyond it.
 */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include "core/bytes.h"

#define MUTATIONS 10000

enum mutate_answer {
	MUTATE_REFUSED,
	MUTATE_ACCEPTED,
	MUTATE_BROKEN,	/* accepted what it must not, or made other bytes */
};

typedef enum mutate_answer mutate_feed(void *ctx, struct bytes in);

/* One TAP test: the valid input is accepted, no truncation is, and nothing
 * answers MUTATE_BROKEN.  A failure prints the input and the seed. */
void mutate(const char *what, struct bytes valid, unsigned n,
	mutate_feed *feed, void *ctx);

/* The answer of a decoder with an encoder: what it takes it must write again
 * byte for byte.  Frees *out. */
enum mutate_answer mutate_answer(struct bytes in, int decode_rc, int encode_rc,
	struct buf *out);
/* The same of a certificate, but for what a reader has to pass over. */
enum mutate_answer mutate_certificate(struct bytes in);

#endif

/*
 * judge: verdicts of many certificates, for tests that are not in C.
 *
 *	judge [VKEY]... < cases
 *
 * Lines of these witnesses are counted if they are there, and must not be wrong.
 *
 * A case is four byte strings, each behind its length as four bytes, most
 * significant first: anchor (32 bytes, or none), certificate, content, and the
 * range that the content is of (from and to, 8 bytes each, or none; one byte:
 * the content is not at hand and not looked at).  For each
 * the verdict's name is written, one a line and at once; behind one that refuses
 * nothing also the times, place, witnesses and trust.  Each is judged alone and with
 * what is remembered of all before it; where the two differ the line says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/verify.h"
#include "tests/tap/tap.h"

#define PART_MAX ((size_t)16 << 20)

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (; n > 0; n--)
		v = v << 8 | *p++;
	return v;
}

/* False at the end of the input; in memory of exactly that size, so that the
 * address sanitizer sees a read beyond it. */
static bool next(struct buf *ret)
{
	uint8_t head[4];
	size_t n;

	if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
		return false;
	n = (size_t)number(head, sizeof(head));
	if (n > PART_MAX)
		bail("a part of %zu bytes", n);
	ret->p = malloc(n == 0 ? 1 : n);
	if (ret->p == NULL || fread(ret->p, 1, n, stdin) != n)
		bail("cannot read a case");
	ret->n = n;
	return true;
}

/* As notary-verify hashes: a piece only where it can be the one meant. */
static int piece(void *ctx, uint64_t off, uint8_t *ret, size_t n)
{
	const struct bytes *file = ctx;

	if (off > file->n || n > file->n - off)
		return -EINVAL;
	memcpy(ret, file->p + off, n);
	return 0;
}

static struct content content_of(
	const struct report *r, struct bytes file, struct bytes asked)
{
	struct range_source src = {piece, &file};
	const struct range *range = &r->cert.range;
	struct content c = {.size = file.n};

	if (asked.n > 0) {
		c.from = number(asked.p, 8);
		c.to = number(asked.p + 8, 8);
	}
	if (!r->content_counts)
		return c;
	if (range->to == 0) {
		for (; c.n_other < r->n_renewals; c.n_other++) {
			struct content_digest *d = &c.other[c.n_other];

			d->name = r->renewal[c.n_other].algorithm;
			d->n = digest_of(d->name, file, d->value);
		}
		c.root = chunktree_root_bytes(file);
		c.sha256 = hash_sha256(file);
	} else if (c.from == range->from && c.to == range->to &&
		   c.size == c.to - c.from &&
		   range_root(range, r->record.size, &src, &c.root) != 0) {
		bail("cannot hash a piece");
	}
	return c;
}

static struct note_key witness[VERIFY_WITNESSES];
static size_t n_witnesses;

#define ANSWER_MAX 256 /* bytes of an answer */

static void judge(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, struct bytes file, struct bytes asked,
	char ret[ANSWER_MAX])
{
	struct content content;
	struct report r;
	int n;

	if (verify_begin(cache, cert, anchor, &r) != 0)
		bail("verify_begin() fails");
	if (asked.n != 1) {
		content = content_of(&r, file, asked);
		verify_end(&r, &content);
	}
	verify_witnesses(&r, witness, n_witnesses, 0);
	n = snprintf(ret, ANSWER_MAX, "%s", verdict_name(r.verdict));
	if (r.verdict == V_VALID || r.verdict == V_NO_ANCHOR)
		snprintf(ret + n, ANSWER_MAX - (size_t)n,
			" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			" %" PRIu64 " %" PRIu64 " %zu %s",
			r.after_ms, r.by_ms, r.final_ms, r.height, r.k,
			r.log_size, r.n_witnesses,
			vouched_name(params_vouched(&r.params)));
}

static void answer(struct verify_cache *cache, struct bytes anchor,
	struct bytes cert, struct bytes file, struct bytes asked)
{
	char alone[ANSWER_MAX], cached[ANSWER_MAX];
	struct hash h = {{0}};
	const struct hash *given = anchor.n > 0 ? &h : NULL;

	if ((anchor.n != HASH_LEN && anchor.n != 0) ||
		(asked.n != 16 && asked.n > 1))
		bail("an anchor of %zu, a range of %zu bytes", anchor.n,
			asked.n);
	if (anchor.n > 0)
		memcpy(h.b, anchor.p, HASH_LEN);
	judge(NULL, cert, given, file, asked, alone);
	judge(cache, cert, given, file, asked, cached);
	printf("%s", alone);
	if (strcmp(alone, cached) != 0)
		printf(", but with a cache %s", cached);
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct verify_cache *cache = verify_cache_new();

	if (cache == NULL)
		bail("no memory");
	for (; (int)n_witnesses + 1 < argc; n_witnesses++) {
		const char *key = argv[n_witnesses + 1];

		if (n_witnesses == VERIFY_WITNESSES ||
			note_key_decode(BYTES(key, strlen(key)),
				&witness[n_witnesses]) != 0)
			bail("%s: no key of a witness", key);
	}
	for (;;) {
		cleanup(buf) struct buf anchor = {0}, cert = {0}, file = {0},
					asked = {0};

		if (!next(&anchor))
			break;
		if (!next(&cert) || !next(&file) || !next(&asked))
			bail("a case without its end");
		answer(cache, BUF_BYTES(&anchor), BUF_BYTES(&cert),
			BUF_BYTES(&file), BUF_BYTES(&asked));
	}
	verify_cache_free(cache);
	return 0;
}

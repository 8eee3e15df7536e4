/*
 * verify: judging a certificate offline (the patent's verify, as a value).
 *
 * Steps, each with verdicts of its own: form, anchor, parameters, content,
 * path, upper timestamp, link and lower timestamp, number, enclave, and what
 * the certificate holds beside these (final by).  core/FORMAT.md 11.1 has them
 * one by one.  The first
 * failure is the verdict; `report` then holds what was established before it.
 *
 * What a valid certificate proves: this content, under this name, was recorded
 * in a block made after `after_ms` and existed by `by_ms`, at place (height,
 * index) in the one order of this chain, on the main chain.  The content may
 * be older than after_ms: that bounds the block, not the bytes.  With `final`
 * it had its number, and so this place for good, by final_ms.
 */
#ifndef CORE_VERIFY_H
#define CORE_VERIFY_H

#include "core/certificate.h"
#include "core/attestation.h"
#include "core/digest.h"
#include "core/note.h"
#include "core/params.h"
#include "core/record.h"
#include "core/verdict.h"

#define VERIFY_WITNESSES 16 /* whose word a verifier asks for, at most */
#define VERIFY_RENEWALS 8 /* certificates in one another, one less */

struct content_digest {
	struct bytes name;
	uint8_t value[DIGEST_MAX];
	size_t n;
};

/* What the caller found out about the file. */
struct content {
	uint64_t size;
	struct hash root;	/* chunktree.h */
	struct hash sha256;	/* of a whole file only */
	/* under other hashes, those that a report's renewals name */
	size_t n_other;
	struct content_digest other[VERIFY_RENEWALS];
	uint64_t from, to;	/* a range of it is at hand: bytes [from, to),
				   and `root` is what range_root() makes of
				   them; to == 0: the whole file */
};

/* Of a renewal, innermost first. */
struct report_renewal {
	struct bytes algorithm, file;	/* name, digest of the content */
	uint64_t by_ms;			/* it existed by */
};

/* Whose line stands under the checkpoint in it. */
struct report_witness {
	const struct note_key *key;
	uint64_t time_s; /* since 1970, when it had seen that log; 0: unsaid */
};

/* Of the innermost certificate, and by what it was renewed since. */
struct report {
	enum verdict verdict;
	struct certificate cert;
	struct params params;
	struct record record;
	struct attestation doc;
	struct attestation_data doc_data;
	uint64_t after_ms, by_ms;
	uint64_t final_ms;	/* with final != 0; where the certificate has no
				   key 12, of the first renewal */
	/* Bit i: on the word of authority i.  final is 0 where nothing shows
	 * by when the block had its number. */
	uint8_t after, by, final;
	uint64_t height, k;
	uint32_t epoch, recoveries;
	uint64_t log_size; /* it holds receipt and checkpoint of a log so long */
	/* after verify_witnesses(): asked for, and found */
	size_t witness_quorum, n_witnesses;
	struct report_witness witness[VERIFY_WITNESSES];
	/* by_ms < after_ms, or final_ms < by_ms: said, not refused */
	bool clock_backwards;
	uint64_t at_ms;		/* asked for by verify_at() */
	size_t n_renewals;
	struct report_renewal renewal[VERIFY_RENEWALS];
	struct hash anchor;	/* that was given, or zero */
	struct content found;	/* that was given; with content_compared */
	bool content_compared;	/* and found good, if content_checked */
	bool content_checked;
	bool content_counts;	/* form, anchor and parameters are good, so the
				   content decides next */
};

struct verify_cache;

/* anchor NULL: everything else is checked and the best verdict is
 * V_NO_ANCHOR.  content NULL: the certificate alone is judged and
 * content_checked stays false.  0 or -ENOMEM; ret points into cert. */
int verify(struct bytes cert, const struct hash *anchor,
	const struct content *content, struct report *ret);

/* The same in two steps, for who hashes only what must be: first what the
 * certificate says by itself, then the content.  Of a content whose size is
 * not the one recorded, or whose record has none, the size alone is looked
 * at; where !content_counts, nothing is.  cache may be NULL. */
int verify_begin(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, struct report *ret);
void verify_end(struct report *r, const struct content *content);

/* Was it proved to have existed by at_ms?  A certificate that is good but of a
 * later time becomes V_LATE; nothing else changes, for keys and documents are
 * judged at the times at which they were used, never now. */
void verify_at(struct report *r, uint64_t at_ms);

/* Have at least quorum of these n (at most VERIFY_WITNESSES) witnesses signed
 * the checkpoint in it?  A good certificate for which they have not, or one
 * with a line of theirs that is wrong, becomes V_WITNESS.  The report points
 * to the keys afterwards.  (verify_log.c) */
void verify_witnesses(struct report *r, const struct note_key *k, size_t n,
	size_t quorum);

/* Many certificates of one chain: remembers which blocks, timestamps, numbers
 * and documents it has judged.  One thread at a time, unless it is shared. */
struct verify_cache *verify_cache_new(void);
void verify_cache_free(struct verify_cache *c);
/* From now on any thread may use it: lock and unlock are called around each
 * look into the tables, never while judging.  Two threads that need the same
 * block at the same moment may both judge it. */
void verify_cache_share(struct verify_cache *c, void (*lock)(void *),
	void (*unlock)(void *), void *ctx);
int verify_cached(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, const struct content *content,
	struct report *ret);

#endif

/*
 * scrub: everything a vault holds, read and compared with its chain; and, for
 * repair, put right on the way.
 *
 * The buckets first, object by object; then the vault's own state; then its
 * plain files.  A scrub only reads and may run beside a daemon.  A repair
 * writes to buckets beside a daemon too (both put the same bytes), but makes
 * plain files again only where none runs: the caller holds the vault's lock.
 */
#ifndef FS_SCRUB_H
#define FS_SCRUB_H

#include "fs/audit.h"
#include "fs/findings.h"
#include "fs/plain.h"

#define SCRUB_ITEMS 10000	/* objects remembered for the report */

struct vault;

struct scrub_options {
	bool repair;
	bool plain;		/* repair: plain files too */
	bool live;		/* a daemon runs */
	uint64_t rate;		/* bytes to read a second; 0: no limit */
	/* repair: buckets (bit i: the i-th of the configuration) that may be
	 * filled although they hold nothing of this vault */
	uint32_t fill;
};

struct scrub_item {
	char key[OBJECT_KEY_MAX];
	unsigned bucket;
	bool missing;
};

struct scrub {
	struct findings f;	/* first: findings are its */
	const struct scrub_options *o;
	struct ledger *l;
	struct mend *mend;
	struct clock *clock;
	uint64_t began_ms, read; /* bytes */
	struct audit_counts n;
	struct scrub_item *item; /* that remained bad */
	size_t n_items;
	struct plain_list plain; /* that remained bad */
	uint64_t made, made_bytes; /* plain files made again */
};

/* Findings go to stderr.  0 also with findings, which s->l counts; negative
 * when it could not begin or go on, with sentences in *ret_why (NULL: memory,
 * or the error says all).  scrub_done() in either case. */
int scrub_run(struct scrub *s, const struct cli *c, const struct assembly *a,
	const struct vault *v, const struct scrub_options *o, char **ret_why);
void scrub_done(struct scrub *s);

#endif

/*
 * status: how a vault is doing, as .notary/status shows it and as people read
 * it.  The JSON's names are part of the surface that scripts rely on.
 */
#ifndef FS_STATUS_H
#define FS_STATUS_H

#include "core/bytes.h"
#include "core/notary.h"
#include "core/params.h"

#define STATUS_ROWS 24	/* services, and as many buckets */

struct status_files {
	uint64_t open, settling, frozen, sealed, notarized, temp, scratch;
};

/* Large files that are being hashed or wait for it. */
struct status_hashing {
	uint64_t files, bytes, done;
};

/* A service or a bucket. */
struct status_row {
	char name[256];
	bool ok;		/* not failed since it last succeeded */
	uint64_t last_ok_ms, last_error_ms;	/* 0: never */
	char error[256];	/* of the last error, "" if there was none */
};

struct status {
	char *vault, *mount;	/* mount NULL: not mounted */
	uint64_t pid;
	struct status_files files;
	struct status_hashing hashing;
	bool unclean;		/* not mounted, and the last mount did not end in
				   an orderly way; for who looks, not in JSON */
	uint64_t idle_files, idle_s;	/* temporary, longer than temp_max; the
					   oldest of them */
	char *idle_oldest;	/* its path; NULL: there is none, or who asks
				   may not know */
	uint64_t height, blocks;
	uint64_t backlog_files, backlog_bytes, oldest_s;
	size_t n_services, n_buckets;
	struct status_row service[STATUS_ROWS], bucket[STATUS_ROWS];
	char trust[512];	/* "local software" */
	char isolation[384];	/* of the local sequencer; "": not known */
	char retention[16];	/* params_mode_name() of the mode as it is now */
	struct hash anchor;
};

void status_done(struct status *s);
/* ok from what the notary says. */
void status_row_health(struct status_row *r, const struct notary_health *h);
/* The trust class in words; isolation: of a running local sequencer, or NULL. */
void status_trust(struct status *s, const struct params *p,
	const char *isolation);
void status_mode(struct status *s, enum retention_mode mode);
/* One object and a newline. */
int status_json(const struct status *s, struct buf *ret);
/* What status_json() wrote; -EBADMSG. */
int status_parse(struct bytes json, struct status *ret);
/* The numbers as "files_open=0 ... buckets_failed=0" for the journal. */
int status_fields(const struct status *s, struct buf *ret);
#define STATUS_AGE 28
/* "3 s", "5 min", "7 h" or "9 d". */
void status_age(uint64_t s, char ret[STATUS_AGE]);
/* Several lines for a person; now_ms for "3 s ago". */
int status_text(const struct status *s, uint64_t now_ms, struct buf *ret);

#endif

/*
 * config: notaryfs.conf, checked as a whole.
 *
 * One "name = value" a line, "#" starts a comment.  Every mistake in the file
 * is reported, each with its line number, before anything starts.
 *
 *   settle = 10s            time between the last close and the seal, >= 0.5s
 *   settle_max = 1h         longest time from the first close to the seal
 *   empty_settle = 24h      for empty files
 *   temp_max = 7d           status names temporary names that were left alone
 *                           for longer, or never
 *   bucket = DIR            one line a bucket, in order of share number;
 *                           relative paths start at the vault
 *   tsa = URL|local         one line a timestamp authority of the chain, in
 *                           their order; none: one, local (fs/timeservice.h)
 *   immutable = auto|off    chattr +i on sealed files
 *   backlog_files = 100000  writers wait while more files than this are not
 *   backlog_bytes = 64G     final, or more bytes
 *   quota = none            most bytes that all files together may have
 *   cert_suffix = .cert     behind a file's name: its certificate
 *   list_certs = no         root, yes: listed in the root, in all folders
 *   preset = default        rules for names (fs/rules.h)
 *   bind = GLOB PRESET      another for folders whose path GLOB matches
 *   rule = NAME CLASS GLOB  one rule of a preset of one's own, or
 *                           NAME include PRESET; CLASS may have terms behind
 *                           it (fs/terms.h)
 *   block_interval = 10ms   least time between two blocks
 *   retain_default = none   how long a file is kept from its seal on at least
 *   retain_min = none       least and greatest time from now to a date that is
 *   retain_max = none       set later
 *   metrics_file = FILE     numbers for a monitoring system (fs/metrics.h)
 */
#ifndef FS_CONFIG_H
#define FS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/params.h"

#define CONFIG_BUCKETS_MAX 16
#define CONFIG_BINDS_MAX 64

/* In which folders certificates are listed. */
enum list_certs { LIST_CERTS_NO, LIST_CERTS_ROOT, LIST_CERTS_YES };

#define CONFIG_SUFFIX_MAX 32	/* bytes */

struct config {
	uint64_t settle_ms, settle_max_ms, empty_settle_ms;
	uint64_t temp_max_ms;	/* 0: never */
	size_t n_buckets;
	char *bucket[CONFIG_BUCKETS_MAX];	/* absolute */
	size_t n_tsa;
	char *tsa[PARAMS_AUTHORITIES_MAX];
	bool immutable;
	uint64_t backlog_files, backlog_bytes;
	uint64_t quota;			/* bytes of files; 0: none */
	char *cert_suffix;		/* NULL: .cert */
	enum list_certs list_certs;
	uint64_t block_interval_ms;
	uint64_t retain_default_s, retain_min_s, retain_max_s; /* 0: none */
	char *preset;			/* NULL: default */
	struct presets *presets;	/* NULL: those built in */
	size_t n_binds;
	struct config_bind {
		char *glob, *preset;
		unsigned line;
	} bind[CONFIG_BINDS_MAX];
	char *metrics_file;		/* absolute, or NULL */
};

/* A number that may change while a vault is mounted (SIGHUP), as it is now. */
static inline uint64_t config_now(const uint64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}

void config_defaults(struct config *c);
/* Would a file whose line ends with this value give it back?  Not what has a
 * newline, blanks around it or what would be a comment. */
bool config_holds(const char *value);
void config_done(struct config *c);
/* base: folder that relative paths start from.  -EINVAL and every complaint,
 * one a line "FILE:LINE: what is wrong and what is allowed", in *ret_why; without
 * LINE where it is not one line's fault. */
int config_read(const char *file, const char *base, struct config *ret,
	char **ret_why);
/* One "name=value" as on a command line (-o settle=2s,...). */
int config_set(struct config *c, const char *assignment, const char *base,
	char **ret_why);

#endif

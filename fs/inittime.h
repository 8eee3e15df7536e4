/*
 * inittime: the timestamp authorities of a vault that is being made.
 */
#ifndef FS_INITTIME_H
#define FS_INITTIME_H

#include "core/bytes.h"
#include "core/params.h"
#include "fs/assembly.h"

/* One as named on the command line. */
struct inittime_tsa {
	char *url;		/* config_url(), or TIMESERVICE_LOCAL */
	const char *root;	/* file: its root in PEM, and more of its
				 * certificates behind it; NULL for local */
	const char *policy;	/* dotted decimal, or NULL: any */
};

struct inittime {
	size_t n;		/* 0: one, local */
	struct inittime_tsa tsa[PARAMS_AUTHORITIES_MAX];
	unsigned quorum;	/* 0: more than half of them */
};

/* The parameters' words for them. */
struct inittime_words {
	uint8_t local_key[32];
	struct buf certs[PARAMS_AUTHORITIES_MAX];
	struct buf name[PARAMS_AUTHORITIES_MAX];
};

/* Reads the root certificates, and asks every service but the local one for a
 * timestamp over nothing of importance: what does not work is said before
 * anything is made.  0, or a negative errno and *ret_why. */
int inittime_try(const struct assembly *a, const struct inittime *t,
	struct inittime_words *ret, char **ret_why);
bool inittime_any_local(const struct inittime *t);
/* Authorities and quorum; points into w. */
void inittime_params(const struct inittime *t, const struct inittime_words *w,
	struct params *p);
void inittime_done(struct inittime_words *w);

#endif

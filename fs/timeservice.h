/*
 * timeservice: the timestamp services of a vault, as one.
 *
 * The chain's parameters name the authorities and how many of them have to
 * stamp each block; notaryfs.conf says where each is asked, one line "tsa =" for
 * each, in their order: a URL, or "local" for the embedded one.
 */
#ifndef FS_TIMESERVICE_H
#define FS_TIMESERVICE_H

#include "core/params.h"
#include "core/timestamper.h"
#include "fs/assembly.h"

#define TIMESERVICE_LOCAL "local"

struct timeservice_places {
	char *const *url;	/* as in notaryfs.conf */
	size_t n;		/* 0: one, local */
	const char *key_file;	/* of the local one */
	uint64_t newest_ms;	/* newest time in the chain: it does not go
				 * back behind that */
};

/* Is there a place for each authority, and of its kind?  A sentence that says
 * what is wrong, or NULL. */
const char *timeservice_wrong(const struct params *p, char *const *url,
	size_t n);
/* 0, or an error of what makes the services (assembly.h); *ret_local: it was
 * the embedded one. */
int timeservice_open(const struct assembly *a, const struct params *p,
	const struct timeservice_places *at, struct timestamper **ret,
	bool *ret_local);

#endif

#include "fs/sealing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fs/cli.h"
#include "fs/place.h"

#define NAMED_MAX 20		/* lines; then they are only counted */

/* Symbolic links carry no user.* attributes: they settle by themselves or with
 * their folder.  Devices and the like are never sealed. */
static bool takes_seal(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

static int visit(void *ctx, const char *path, const struct stat *st)
{
	struct sealing *s = ctx;
	if (!takes_seal(st))
		return 0;
	if (setxattr(path, "user.notary.seal", "1", 1, 0) == 0) {
		s->sealed++;
		cli_progress("sealing: %llu", (unsigned long long)s->sealed);
		return 0;
	}
	if (errno == ENOENT)
		return 0; /* gone meanwhile: a temporary file */
	if (errno == EINVAL) {
		s->temporary++;
		return 0;
	}
	bool busy = errno == EBUSY;
	uint64_t *n = busy ? &s->busy : &s->failed;
	if (++*n <= NAMED_MAX)
		cli_say(s->c, "%s: %s", path, busy
			? "has a writer, left unsealed" : strerror(errno));
	return 0;
}

int sealing_path(struct sealing *s, const char *path, bool recursive)
{
	struct stat st;
	if (recursive)
		return place_walk(path, visit, s);
	if (lstat(path, &st) != 0)
		return -errno;
	uint64_t before = s->temporary;
	int err = visit(s, path, &st);
	if (s->temporary > before)
		cli_say(s->c, "%s: a temporary or scratch name is never "
			"sealed", path);
	return err;
}

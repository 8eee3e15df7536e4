#include "fs/sealing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "fs/ask.h"
#include "fs/cli.h"
#include "fs/place.h"

#define NAMED_MAX 20		/* lines; then they are only counted */

/* Devices and the like are never sealed. */
static bool takes_seal(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) ||
		S_ISLNK(st->st_mode);
}

static int visit(void *ctx, const struct placed *p)
{
	struct sealing *s = ctx;
	const struct stat *st = p->st;
	if (p->err == 0 && !takes_seal(st))
		return 0;
	int err = p->err != 0 ? p->err : ask(p->path, st, "seal", NULL);
	if (err == 0) {
		s->sealed++;
		cli_progress("sealing: %llu", (unsigned long long)s->sealed);
		return 0;
	}
	if (p->err == 0 && !S_ISREG(st->st_mode) &&
	    (err == -EACCES || err == -EPERM))
		return 0; /* not our folder: it seals by its timer */
	if (err == -ENOENT)
		return 0; /* gone meanwhile: a temporary file */
	if (err == -EINVAL) {
		s->temporary++;
		return 0;
	}
	bool busy = err == -EBUSY;
	uint64_t *n = busy ? &s->busy : &s->failed;
	if (++*n <= NAMED_MAX)
		cli_say(s->c, "%s: %s", p->name, busy
			? "has a writer, left unsealed" : strerror(-err));
	return 0;
}

int sealing_path(struct sealing *s, const char *path, bool recursive)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return -errno;
	if (place_virtual(path, &st)) {
		cli_say(s->c, "%s: nothing to seal: " PLACE_VIRTUAL, path);
		s->never++;
		return 0;
	}
	if (recursive)
		return place_walk(path, visit, s);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		cli_say(s->c, "%s: %s", path, S_ISDIR(st.st_mode)
			? "a folder: seal -r seals what is below it"
			: "neither a file nor a symbolic link: it is never "
			  "sealed");
		s->never++;
		return 0;
	}
	uint64_t before = s->temporary;
	int err = visit(s, &(struct placed){path, path, &st, 0});
	if (s->temporary > before)
		cli_say(s->c, "%s: a temporary or scratch name is never "
			"sealed", path);
	return err;
}

#include "fs/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/cleanup.h"
#include "fs/text.h"

static int set(const char *path, const char *name, const char *value)
{
	/* a command that was stopped (Ctrl-Z) and goes on asks again */
	while (setxattr(path, name, value, strlen(value), 0) != 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int ask(const char *path, const struct stat *st, const char *name,
	const char *value)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash == NULL ? path : slash + 1;
	cleanup(free) char *attribute = text_of("user.notary.%s", name);
	cleanup(free) char *folder = slash == NULL ? strdup(".")
		: text_of("%.*s/", (int)(slash - path), path);
	cleanup(free) char *where = text_of("%s:%s%s%s",
		S_ISLNK(st->st_mode) ? "link" : "file", last,
		value != NULL ? "/" : "", value != NULL ? value : "");
	if (attribute == NULL || folder == NULL || where == NULL)
		return -ENOMEM;
	int err = S_ISLNK(st->st_mode) ? -EACCES
		: set(path, attribute, value != NULL ? value : "1");
	return err != -EACCES || S_ISDIR(st->st_mode) ? err
		: set(folder, attribute, where);
}

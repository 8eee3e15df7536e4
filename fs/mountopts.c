#include "fs/mountopts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/nearest.h"
#include "fs/setting.h"
#include "fs/text.h"

#define FUSE_CONF "/etc/fuse.conf"

/* Passed on.  A name with "=" takes a value. */
static const char *const of_fuse[] = {"allow_other", "allow_root",
	"auto_unmount", "ro", "rw", "suid", "nosuid", "dev", "nodev", "exec",
	"noexec", "sync", "async", "dirsync", "atime", "noatime", "max_read=",
	"context=", "fscontext=", "defcontext=", "rootcontext=", NULL};

/* Said to somebody else, or so in any case: the kernel's defaults, what
 * mount(8) does itself, and default_permissions, which is always on. */
static const char *const of_others[] = {"defaults", "auto", "noauto", "user",
	"user=", "nouser", "users", "nousers", "group", "nogroup", "owner",
	"noowner", "nofail", "_netdev", "comment=", "helper=", "uhelper=",
	"relatime", "norelatime", "strictatime", "nostrictatime", "diratime",
	"nodiratime", "lazytime", "nolazytime", "silent", "loud", "mand",
	"nomand", "iversion", "noiversion", "default_permissions", NULL};

/* Understood, and why not. */
static const struct {
	const char *name, *why;
} refused[] = {
	{"remount", "a mount's options do not change while it is mounted: "
		"notaryfs umount, then mount again"},
	{"bind", "mount --bind works on the mounted folder, not on the vault"},
	{"fsname=", "it is always the vault"},
	{"subtype=", "it is always notaryfs"},
	{"blkdev", "a vault is a folder"},
};
#define REFUSED (sizeof refused / sizeof *refused)

static bool is(const char *o, const char *name)
{
	size_t n = strlen(name);
	return name[n - 1] == '=' ? strncmp(o, name, n) == 0
				  : strcmp(o, name) == 0;
}

static bool among(const char *o, const char *const *names)
{
	for (; *names != NULL; names++)
		if (is(o, *names))
			return true;
	return false;
}

static int complain(char **ret_why, char *text)
{
	*ret_why = text;
	return text == NULL ? -ENOMEM : -EINVAL;
}

/* May a user share a mount with others?  fusermount3 reads the same line, but
 * says so after everything else was started. */
static bool may_share(void)
{
	FILE *f = fopen(FUSE_CONF, "re");
	char line[256], word[32], rest[2];
	bool found = false;
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof line, f) != NULL)
		found = sscanf(line, "%31s %1s", word, rest) == 1 &&
			strcmp(word, "user_allow_other") == 0;
	fclose(f);
	return found;
}

static int pass_on(const char *o, struct buf *fuse, char **ret_why)
{
	if (strncmp(o, "allow_", 6) == 0 && geteuid() != 0 && !may_share()) {
		*ret_why = text_of("%s: only root may let others see a mount; "
			"for users to do so, root adds the line "
			"user_allow_other to " FUSE_CONF, o);
		return *ret_why == NULL ? -ENOMEM : -EPERM;
	}
	return text_add(fuse, "%s%s", fuse->n > 0 ? "," : "", o);
}

static int unknown(const char *o, char **ret_why)
{
	char word[64];
	const char *meant = NULL;
	unsigned best = NEAREST_NONE;
	for (size_t i = 0; i < REFUSED; i++)
		if (is(o, refused[i].name))
			return complain(ret_why, text_of("%s: %s", o,
				refused[i].why));
	snprintf(word, sizeof word, "%.*s", (int)strcspn(o, "="), o);
	meant = setting_nearest(word, &best);
	for (const char *const *p = of_fuse; *p != NULL; p++)
		if (nearest_is(word, *p, &best))
			meant = *p;
	return complain(ret_why, meant == NULL
		? text_of("%s: no such option; notaryfs.conf(5) has the "
			"settings, mount(8) and fuse(8) the others", o)
		: text_of("%s: no such option; did you mean %.*s?", o,
			(int)strcspn(meant, "="), meant));
}

static int take(const char *o, struct config *c, const char *base,
	struct buf *fuse, char **ret_why)
{
	if (*o == '\0' || strncasecmp(o, "x-", 2) == 0 || among(o, of_others))
		return 0;
	if (setting_known(o, strcspn(o, "=")))
		return config_set(c, o, base, ret_why);
	return among(o, of_fuse) ? pass_on(o, fuse, ret_why)
				 : unknown(o, ret_why);
}

int mountopts_take(char *list, struct config *c, const char *base,
	struct buf *ret_fuse, char **ret_why)
{
	cleanup(buf) struct buf fuse = {0};
	char *rest = NULL;
	int err = 0;
	*ret_why = NULL;
	for (char *o = strtok_r(list, ",", &rest); o != NULL && err == 0;
	     o = strtok_r(NULL, ",", &rest))
		err = take(o, c, base, &fuse, ret_why);
	if (err == 0 && fuse.n > 0)
		err = buf_add(&fuse, "", 1);
	if (err != 0)
		return err;
	*ret_fuse = fuse;
	fuse = (struct buf){0}; /* the caller has it */
	return 0;
}

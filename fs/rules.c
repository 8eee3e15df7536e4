#include "fs/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define RULES_MAX 24		/* of one preset */
#define COMPONENT_MAX 255	/* bytes of a name */

struct rule {
	enum rules_class class;
	const char *glob;
};

struct rules {
	const char *name;
	const char *lacks;	/* the class that is not built, or NULL */
	struct rule rule[RULES_MAX]; /* ends with a glob of NULL */
};

#define TEMP(glob) {CLASS_TEMP, glob}
#define SCRATCH(glob) {CLASS_SCRATCH, glob}

/* From traces of the tools: rsync, rclone and bup write under another name
 * first; vim, NFS clients, LibreOffice and Emacs leave and remove marks. */
static const struct rules presets[] = {
	{"default", NULL, {
		TEMP(".*.??????"), TEMP(".~tmp~"), TEMP(".rsync-partial"),
		TEMP("*.partial"), TEMP("*.part"), TEMP("*.tmp"),
		TEMP("*.filepart"), SCRATCH(".*.sw?"), SCRATCH(".*.sw?x"),
		SCRATCH("4913"), SCRATCH(".nfs*"), SCRATCH(".fuse_hidden*"),
		SCRATCH(".~lock.*#"), SCRATCH(".#*"),
	}},
	{"rsync", NULL, {
		TEMP(".*.??????"), TEMP(".~tmp~"), TEMP(".rsync-partial"),
		TEMP(".rsync-tmp"),
	}},
	{"restic", NULL, {TEMP("*-tmp-*"), SCRATCH("locks")}},
	{"wal", NULL, {TEMP("*.partial"), TEMP("*.tmp")}},
	{"mirror", "version", {{0}}},
	{"restic-prune", "version", {{0}}},
	{"borg-strict", "version", {{0}}},
	{"borg", "version", {{0}}},
	{"git", "version", {{0}}},
	{"git-gc", "version", {{0}}},
	{"db", "version", {{0}}},
	{"log", "append", {{0}}},
};
#define PRESETS (sizeof presets / sizeof *presets)

static int refuse(const struct rules *r, const char *name, char **ret_why)
{
	int n;

	if (r != NULL)
		n = asprintf(ret_why, "preset \"%s\" needs class \"%s\", which "
			"this version does not have", name, r->lacks);
	else
		n = asprintf(ret_why, "there is no preset \"%s\"; there are "
			"default, rsync, restic and wal", name);
	if (n < 0)
		return -ENOMEM;
	return r != NULL ? -EOPNOTSUPP : -EINVAL;
}

int rules_preset(const char *name, const struct rules **ret, char **ret_why)
{
	size_t i;

	for (i = 0; i < PRESETS; i++) {
		if (strcmp(presets[i].name, name) != 0)
			continue;
		if (presets[i].lacks != NULL)
			return refuse(&presets[i], name, ret_why);
		*ret = &presets[i];
		return 0;
	}
	return refuse(NULL, name, ret_why);
}

unsigned rules_component(const struct rules *r, const char *component)
{
	unsigned i;

	for (i = 0; i < RULES_MAX && r->rule[i].glob != NULL; i++)
		if (fnmatch(r->rule[i].glob, component, 0) == 0)
			return i;
	return RULES_NONE;
}

enum rules_class rules_class(const struct rules *r, unsigned index)
{
	return index < RULES_MAX ? r->rule[index].class : CLASS_SEAL;
}

enum rules_class rules_path(const struct rules *r, const char *path)
{
	char component[COMPONENT_MAX + 1];
	unsigned least = RULES_NONE, i;
	size_t n;

	for (; *path != '\0'; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n > COMPONENT_MAX)
			continue; /* no such name can exist */
		memcpy(component, path, n);
		component[n] = '\0';
		i = rules_component(r, component);
		if (i < least)
			least = i;
	}
	return rules_class(r, least);
}

const char *rules_class_name(enum rules_class c)
{
	static const char *const names[] = {
		[CLASS_SEAL] = "seal",
		[CLASS_TEMP] = "temp",
		[CLASS_SCRATCH] = "scratch",
	};

	return names[c];
}

#include "fs/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "core/record.h"
#include "fs/rules_inner.h"

static const char *const class_names[] = {
	[CLASS_SEAL] = "seal",
	[CLASS_APPEND] = "append",
	[CLASS_VERSION] = "version",
	[CLASS_TEMP] = "temp",
	[CLASS_SCRATCH] = "scratch",
};

const char *rules_class_name(enum rules_class c)
{
	return class_names[c];
}

int rules_class_parse(const char *name, enum rules_class *ret)
{
	size_t i;

	for (i = 0; i < sizeof class_names / sizeof *class_names; i++) {
		if (strcmp(class_names[i], name) != 0)
			continue;
		*ret = (enum rules_class)i;
		return 0;
	}
	return -EINVAL;
}

size_t rules_parts(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '/';
	return n;
}

const char *rules_name(const struct rules *r)
{
	return r->name;
}

size_t rules_depth(const struct rules *r)
{
	size_t most = r->include == NULL ? 1 : rules_depth(r->include), n, i;

	for (i = 0; r->rule[i].glob != NULL; i++) {
		n = rules_parts(r->rule[i].glob);
		most = n > most ? n : most;
	}
	return most;
}

/* The last n components of path, or NULL if it has fewer. */
static const char *tail(const char *path, size_t n)
{
	const char *p = path + strlen(path);

	for (;;) {
		while (p > path && p[-1] != '/')
			p--;
		if (--n == 0)
			return p;
		if (p == path)
			return NULL;
		p--;
	}
}

static bool matches(const char *glob, const char *path)
{
	const char *end = tail(path, rules_parts(glob));

	return end != NULL && fnmatch(glob, end, FNM_PATHNAME) == 0;
}

static size_t count(const struct rules *r)
{
	size_t n = r->include == NULL ? 0 : count(r->include), i;

	for (i = 0; r->rule[i].glob != NULL; i++)
		n++;
	return n;
}

unsigned rules_component(const struct rules *r, const char *path, bool folder)
{
	unsigned first = 0, i;

	if (r->include != NULL) {
		i = rules_component(r->include, path, folder);
		if (i != RULES_NONE)
			return i;
		first = (unsigned)count(r->include);
	}
	for (i = 0; r->rule[i].glob != NULL; i++)
		if (!(folder && r->rule[i].files) &&
			matches(r->rule[i].glob, path))
			return first + i;
	return RULES_NONE;
}

unsigned rules_path(const struct rules *r, const char *path, bool folder,
	size_t *ret_n)
{
	char part[RECORD_PATH_MAX + 1];
	unsigned least = RULES_NONE, i;
	size_t n = 0;

	while (path[n] != '\0' && n < sizeof part) {
		n += strcspn(path + n + (path[n] == '/'), "/") +
			(path[n] == '/');
		if (n >= sizeof part)
			break;
		memcpy(part, path, n);
		part[n] = '\0';
		i = rules_component(r, part, folder || path[n] == '/');
		if (i >= least)
			continue;
		least = i;
		if (ret_n != NULL)
			*ret_n = n;
	}
	return least;
}

const struct rule *rules_at(const struct rules *r, unsigned index,
	const struct rules **ret_in)
{
	size_t first = r->include == NULL ? 0 : count(r->include);

	if (index < first)
		return rules_at(r->include, index, ret_in);
	if (index >= count(r))
		return NULL;
	*ret_in = r;
	return &r->rule[index - first];
}

enum rules_class rules_class(const struct rules *r, unsigned index)
{
	const struct rule *u = rules_at(r, index,
		&(const struct rules *){NULL});

	return u == NULL ? CLASS_SEAL : u->class;
}

struct terms rules_terms(const struct rules *r, unsigned index,
	const struct terms *vault)
{
	const struct rule *u = rules_at(r, index,
		&(const struct rules *){NULL});

	return u == NULL || u->terms == NULL ? *vault :
		terms_over(u->terms, vault);
}

const char *rules_glob(const struct rules *r, unsigned index,
	const char **ret_preset)
{
	const struct rules *in = NULL;
	const struct rule *u = rules_at(r, index, &in);

	if (u == NULL)
		return NULL;
	*ret_preset = in->name;
	return u->glob;
}

bool rules_files(const struct rules *r, unsigned index)
{
	const struct rules *in = NULL;
	const struct rule *u = rules_at(r, index, &in);

	return u != NULL && u->files;
}

bool rules_glob_path(const char *glob, const char *path)
{
	return rules_parts(glob) == rules_parts(path) &&
		fnmatch(glob, path, FNM_PATHNAME) == 0;
}

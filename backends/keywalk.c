#include "backends/keywalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/beneath.h"
#include "core/cleanup.h"
#include "core/worm.h"

struct walk {
	const char *prefix;
	int (*visit)(void *ctx, const char *key, uint64_t size);
	void *ctx;
	char path[WORM_KEY_MAX + 2];	/* of the folder at hand, with its
					 * slash; then of what is in it */
};

/* The smallest names of a folder beyond some name, folders with a slash. */
struct names {
	char **name;
	size_t n, cap;
	bool cut;	/* there are more: name[n - 1] is not the last */
};

static void cleanup_names(struct names *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->name[i]);
	free(s->name);
}

static void cleanup_closedir(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct names *s)
{
	if (s->n > 1)
		qsort(s->name, s->n, sizeof *s->name, by_bytes);
}

/* Lets go of all but the KEYWALK_NAMES smallest. */
static void cut(struct names *s)
{
	sort(s);
	while (s->n > KEYWALK_NAMES) {
		free(s->name[--s->n]);
		s->cut = true;
	}
}

static int names_add(struct names *s, const char *name)
{
	size_t cap = s->cap < 64 ? 64 : 2 * s->cap;
	char **grown, *copy;

	if (s->cut && strcmp(name, s->name[KEYWALK_NAMES - 1]) > 0)
		return 0;
	if (s->n == s->cap) {
		grown = realloc(s->name, cap * sizeof *grown);
		if (grown == NULL)
			return -ENOMEM;
		s->name = grown;
		s->cap = cap;
	}
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	s->name[s->n++] = copy;
	if (s->n == (size_t)2 * KEYWALK_NAMES)
		cut(s);
	return 0;
}

/* What a name in dir is: DT_REG, DT_DIR or something that is no key. */
static unsigned char type_of(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR
		: DT_UNKNOWN;
}

/* Can a key that begins with the prefix be at path, or below it? */
static bool on_the_way(const struct walk *w, const char *path)
{
	size_t n = strlen(path), m = strlen(w->prefix);

	if (n < m && path[n - 1] != '/')
		return false;
	return strncmp(path, w->prefix, n < m ? n : m) == 0;
}

/* Writes path + name (+ slash) behind the folder's `base` characters of
 * w->path.  False: no key, or not asked for. */
static bool step(struct walk *w, size_t base, const char *name, bool folder)
{
	size_t n = strlen(name);

	if (base + n > WORM_KEY_MAX)
		return false;
	memcpy(w->path + base, name, n + 1);
	if (!worm_key_ok(w->path))
		return false;
	if (folder)
		strcpy(w->path + base + n, "/");
	return on_the_way(w, w->path);
}

/* One pass over the folder for the smallest names after `after`. */
static int read_names(struct walk *w, size_t base, DIR *d, const char *after,
	struct names *s)
{
	struct dirent *e;
	unsigned char type;
	int rc;

	rewinddir(d);
	while ((errno = 0, e = readdir(d)) != NULL) {
		type = type_of(dirfd(d), e);
		if ((type != DT_REG && type != DT_DIR) ||
				!step(w, base, e->d_name, type == DT_DIR) ||
				strcmp(w->path + base, after) <= 0)
			continue;
		rc = names_add(s, w->path + base);
		if (rc != 0)
			return rc;
	}
	if (errno != 0)
		return -errno;
	cut(s);
	return 0;
}

static int visit_folder(struct walk *w, size_t base, int fd);

/* name as read_names() made it. */
static int visit_name(struct walk *w, size_t base, int dir, const char *name)
{
	size_t n = strlen(name);
	struct stat st;
	int fd;

	memcpy(w->path + base, name, n + 1);
	if (name[n - 1] != '/') {
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return errno == ENOENT ? 0 : -errno;
		return S_ISREG(st.st_mode) ? w->visit(w->ctx, w->path,
			(uint64_t)st.st_size) : 0;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			? 0 : -errno;
	return visit_folder(w, base + n, fd);
}

/* Takes fd over; its path is the first `base` characters of w->path. */
static int visit_folder(struct walk *w, size_t base, int fd)
{
	cleanup(closedir) DIR *d = fdopendir(fd);
	char after[WORM_KEY_MAX + 2] = "";
	bool more = true;
	size_t i;
	int rc;

	if (d == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (more) {
		cleanup(names) struct names s = {0};

		rc = read_names(w, base, d, after, &s);
		for (i = 0; rc == 0 && i < s.n; i++)
			rc = visit_name(w, base, fd, s.name[i]);
		if (rc != 0)
			return rc;
		more = s.cut;
		if (more)
			strcpy(after, s.name[s.n - 1]);
	}
	return 0;
}

int keywalk(int root, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	struct walk w = {.prefix = prefix, .visit = visit, .ctx = ctx};
	const char *slash = strrchr(prefix, '/');
	size_t base = slash == NULL ? 0 : (size_t)(slash - prefix) + 1;
	int fd;

	if (strnlen(prefix, WORM_KEY_MAX + 1) > WORM_KEY_MAX)
		return 0; /* longer than any key */
	/* Begin in the folder that the prefix names: others need no look. */
	memcpy(w.path, prefix, base);
	if (base > 0) {
		w.path[base - 1] = '\0';
		if (!worm_key_ok(w.path))
			return 0;
	}
	fd = beneath_open(root, w.path, O_RDONLY | O_DIRECTORY);
	if (base > 0)
		w.path[base - 1] = '/';
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	return fd < 0 ? fd : visit_folder(&w, base, fd);
}

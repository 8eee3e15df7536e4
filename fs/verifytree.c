#include "fs/verifytree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/verifypool.h"

#define CERTS ".certs"
#define SUFFIX ".cert"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
/* Levels of folders; each keeps a descriptor open, of 1024 as a rule. */
#define DEPTH_MAX 500

struct walk {
	const struct verifytree_options *o;
	struct verifypool *pool;
	char path[PATH_MAX]; /* of the current entry, below dir */
	size_t path_n;
	int err;
};

/* Some names of a folder, sorted; each is a type (d_type) and a text. */
struct run {
	struct buf text;
	size_t n;
	uint32_t name[VERIFYTREE_RUN];
};

static void check(struct walk *w, const char *why)
{
	int rc = verifypool_add(w->pool, BYTES(w->path, w->path_n), why);

	if (rc != 0)
		w->err = rc;
}

/* True with the path of the current entry changed by `name`. */
static bool push(struct walk *w, const char *name, size_t *ret_before)
{
	size_t n = strlen(name), slash = w->path_n > 0;

	*ret_before = w->path_n;
	if (w->path_n + slash + n + SUFFIX_LEN + 1 > sizeof(w->path))
		return false;
	if (slash)
		w->path[w->path_n] = '/';
	memcpy(w->path + w->path_n + slash, name, n + 1);
	w->path_n += slash + n;
	return true;
}

static void pop(struct walk *w, size_t before)
{
	w->path_n = before;
	w->path[before] = '\0';
}

static void walk_folder(struct walk *w, int fd, unsigned depth);

static void enter(struct walk *w, int dir, const char *name, unsigned depth)
{
	int fd;

	if (depth == 0 && strcmp(name, CERTS) == 0)
		return;
	if (depth + 1 == DEPTH_MAX) {
		check(w, "the folders are nested too deeply");
		return;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		check(w, strerrordesc_np(errno));
	else
		walk_folder(w, fd, depth + 1);
}

static const char *text_of(const struct run *r, size_t i)
{
	return (const char *)r->text.p + r->name[i] + 1;
}

/* Is it a regular file among the names of this run? */
static bool run_has(const struct run *r, const char *name)
{
	size_t lo = 0, hi = r->n, mid;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		order = strcmp(name, text_of(r, mid));
		if (order == 0)
			return text_of(r, mid)[-1] == DT_REG;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

/* NAME.cert where there is a NAME. */
static bool is_companion(const struct walk *w, int dir, const struct run *r,
	const char *name)
{
	char base[NAME_MAX + 1];
	size_t n = strlen(name);
	struct stat st;

	if (w->o->certs != NULL || n <= SUFFIX_LEN || n > NAME_MAX ||
		strcmp(name + n - SUFFIX_LEN, SUFFIX) != 0)
		return false;
	memcpy(base, name, n - SUFFIX_LEN);
	base[n - SUFFIX_LEN] = '\0';
	return run_has(r, base) ||
	       (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISREG(st.st_mode));
}

/* d_type, asked for where the file system does not tell it. */
static int type_of(int dir, const char *name, uint8_t told)
{
	struct stat st;

	if (told != DT_UNKNOWN)
		return told;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return (int)IFTODT(st.st_mode);
}

static void visit(struct walk *w, int dir, const struct run *r, size_t i,
	unsigned depth)
{
	const char *name = text_of(r, i);
	size_t before;
	int type;

	if (!push(w, name, &before)) {
		check(w, "below it, a path is too long");
		return;
	}
	type = type_of(dir, name, (uint8_t)name[-1]);
	if (type < 0)
		check(w, strerrordesc_np(-type));
	else if (type == DT_DIR)
		enter(w, dir, name, depth);
	else if (type == DT_REG && !is_companion(w, dir, r, name))
		check(w, NULL);
	pop(w, before);
}

static int run_add(struct run *r, const struct dirent *e)
{
	int rc;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return 0;
	r->name[r->n] = (uint32_t)r->text.n;
	rc = buf_add(&r->text, &e->d_type, 1);
	if (rc == 0)
		rc = buf_add(&r->text, e->d_name, strlen(e->d_name) + 1);
	r->n += rc == 0;
	return rc;
}

static int by_name(const void *a, const void *b, void *text)
{
	const char *t = text;

	return strcmp(t + *(const uint32_t *)a + 1, t + *(const uint32_t *)b + 1);
}

/* The next names, sorted; false at the end.  What cannot be read is told. */
static bool run_next(struct walk *w, DIR *d, struct run *r)
{
	struct dirent *e;
	int rc = 0;

	r->n = r->text.n = 0;
	while (rc == 0 && r->n < VERIFYTREE_RUN) {
		errno = 0;
		e = readdir(d);
		if (e == NULL) {
			if (errno != 0)
				check(w, strerrordesc_np(errno));
			break;
		}
		rc = run_add(r, e);
	}
	if (rc != 0)
		w->err = rc;
	if (r->n > 0)
		qsort_r(r->name, r->n, sizeof(r->name[0]), by_name, r->text.p);
	return r->n > 0;
}

/* Takes fd over. */
static void walk_folder(struct walk *w, int fd, unsigned depth)
{
	cleanup(free) struct run *r = calloc(1, sizeof(*r));
	DIR *d = fdopendir(fd);
	size_t i;

	if (r == NULL || d == NULL) {
		check(w, strerrordesc_np(errno));
		if (d == NULL)
			close(fd);
		else
			closedir(d);
		return;
	}
	while (w->err == 0 && run_next(w, d, r))
		for (i = 0; i < r->n && w->err == 0; i++)
			visit(w, fd, r, i, depth);
	buf_free(&r->text);
	closedir(d);
}

static int open_folder(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int walk_all(const struct verifytree_options *o, struct verifyplace *p,
	struct verifytree_counts *ret)
{
	struct walk w = {.o = o};
	int rc = verifypool_new(p, o->threads, o->out, o->progress, &w.pool);
	int fd;

	if (rc != 0)
		return rc;
	fd = open_folder(p->dir, "."); /* the walk closes what it reads */
	if (fd < 0)
		w.err = fd;
	else
		walk_folder(&w, fd, 0);
	rc = verifypool_end(w.pool, ret);
	return w.err != 0 ? w.err : rc;
}

static void lock(void *mutex)
{
	pthread_mutex_lock(mutex);
}

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

int verifytree(const struct verifytree_options *o, struct verifytree_counts *ret)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	cleanup(close) int dir = open_folder(AT_FDCWD, o->dir);
	cleanup(close) int certs = -1;
	struct verifyplace p = {.dir = dir, .anchor = o->anchor,
		.at_ms = o->at_ms,
		.json = o->json, .certs_only = o->certs != NULL};
	int rc;

	if (dir < 0)
		return dir;
	certs = o->certs != NULL ? open_folder(AT_FDCWD, o->certs)
				 : open_folder(dir, CERTS);
	if (o->certs != NULL && certs < 0)
		return certs;
	p.certs = certs;
	p.cache = verify_cache_new();
	if (p.cache == NULL)
		return -ENOMEM;
	verify_cache_share(p.cache, lock, unlock, &mutex);
	rc = walk_all(o, &p, ret);
	verify_cache_free(p.cache);
	return rc;
}

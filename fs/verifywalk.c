#include "fs/verifywalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/record.h"
#include "fs/offline.h"

#define CERTS ".certs"
#define SUFFIX ".cert"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
#define READ_SIZE ((size_t)32 << 10) /* bytes of a folder read at once */
/* Names held by all folders that the walk is in: from here on one reads only
 * as much as must be.  PATH_MAX / 2 folders of READ_SHORT each come on top. */
#define HELD_MAX ((size_t)2 << 20)
#define READ_SHORT ((size_t)4 << 10)

/* Some names of a folder, sorted. */
struct run {
	struct buf text;	/* for each its type (d_type), its name, a NUL */
	struct buf at;		/* uint32_t: where in text */
};

/* A folder that the walk is in. */
struct level {
	int fd;			/* -1: there is no further run */
	size_t path_n;		/* of its own path */
	struct run run;
	size_t next;		/* of the run */
};

struct walk {
	const struct verifywalk *how;
	char path[PATH_MAX];	/* of the current entry, below dir */
	size_t path_n;
	struct buf levels;	/* struct level, outermost first */
	size_t held;		/* bytes of the names in all of them */
	uint64_t others;	/* neither folder nor regular file */
	uint8_t *entries;	/* READ_SIZE bytes */
};

static int tell(struct walk *w, const char *why)
{
	return w->how->visit(w->how->ctx, BYTES(w->path, w->path_n), why);
}

static size_t depth(const struct walk *w)
{
	return w->levels.n / sizeof(struct level);
}

static struct level *top(struct walk *w)
{
	return (struct level *)(void *)w->levels.p + depth(w) - 1;
}

/* True with the current path changed by `name`. */
static bool push(struct walk *w, const char *name)
{
	size_t n = strlen(name), slash = w->path_n > 0;

	if (w->path_n + slash + n + SUFFIX_LEN + 1 > sizeof(w->path))
		return false;
	if (slash)
		w->path[w->path_n] = '/';
	memcpy(w->path + w->path_n + slash, name, n + 1);
	w->path_n += slash + n;
	return true;
}

static void cut(struct walk *w, size_t n)
{
	w->path_n = n;
	w->path[n] = '\0';
}

/* -- runs */

static size_t run_names(const struct run *r)
{
	return r->at.n / sizeof(uint32_t);
}

static const char *run_name(const struct run *r, size_t i)
{
	const uint32_t *at = (const void *)r->at.p;

	return (const char *)r->text.p + at[i] + 1;
}

static uint8_t run_type(const struct run *r, size_t i)
{
	return (uint8_t)run_name(r, i)[-1];
}

/* Is it a regular file among the names of this run? */
static bool run_has(const struct run *r, const char *name)
{
	size_t lo = 0, hi = run_names(r), mid;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		order = strcmp(name, run_name(r, mid));
		if (order == 0)
			return run_type(r, mid) == DT_REG;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

/* d_type, asked for where the file system does not tell it. */
static uint8_t type_of(int fd, const struct dirent64 *e)
{
	struct stat st;

	if (e->d_type == DT_UNKNOWN &&
		fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return (uint8_t)IFTODT(st.st_mode);
	return e->d_type;
}

static int run_add(struct run *r, int fd, const struct dirent64 *e)
{
	uint32_t at = (uint32_t)r->text.n;
	uint8_t type;
	int rc;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return 0;
	type = type_of(fd, e);
	rc = buf_add(&r->at, &at, sizeof(at));
	if (rc == 0)
		rc = buf_add(&r->text, &type, 1);
	if (rc == 0)
		rc = buf_add(&r->text, e->d_name, strlen(e->d_name) + 1);
	return rc;
}

static int by_name(const void *a, const void *b, void *text)
{
	const char *t = text;

	return strcmp(t + *(const uint32_t *)a + 1, t + *(const uint32_t *)b + 1);
}

/* Reads once; 0 at the folder's end, or a negative errno. */
static ssize_t run_read(struct walk *w, struct level *l)
{
	size_t size = w->held < HELD_MAX ? READ_SIZE : READ_SHORT;
	ssize_t n = getdents64(l->fd, w->entries, size), at = 0;
	const struct dirent64 *e;
	int rc = 0;

	if (n < 0)
		return -errno;
	for (; rc == 0 && at < n; at += e->d_reclen) {
		e = (const void *)(w->entries + at);
		rc = run_add(&l->run, l->fd, e);
	}
	return rc != 0 ? rc : n;
}

/* The next names of a folder, sorted; none at its end. */
static int run_next(struct walk *w, struct level *l)
{
	struct run *r = &l->run;
	size_t held = w->held - r->text.n;
	ssize_t n = 1;

	r->text.n = r->at.n = l->next = 0;
	while (n > 0 && run_names(r) < VERIFYWALK_RUN &&
		(run_names(r) == 0 || w->held < HELD_MAX)) {
		n = run_read(w, l);
		w->held = held + r->text.n;
	}
	if (n <= 0) {
		close(l->fd);
		l->fd = -1;
	}
	if (n == -ENOMEM)
		return -ENOMEM;
	if (run_names(r) > 0)
		qsort_r(r->at.p, run_names(r), sizeof(uint32_t), by_name,
			r->text.p);
	return n < 0 ? tell(w, strerrordesc_np((int)-n)) : 0;
}

/* -- folders */

/* Takes fd over. */
static int enter(struct walk *w, int fd)
{
	struct level l = {.fd = fd, .path_n = w->path_n};
	int rc = buf_add(&w->levels, &l, sizeof(l));

	if (rc != 0)
		close(fd);
	return rc != 0 ? rc : run_next(w, top(w));
}

static void leave(struct walk *w)
{
	struct level *l = top(w);

	if (l->fd >= 0)
		close(l->fd);
	w->held -= l->run.text.n;
	buf_free(&l->run.text);
	buf_free(&l->run.at);
	w->levels.n -= sizeof(*l);
}

/* Is there a regular file of that name below dir, in a folder of which the
 * path is that much of the current one? */
static bool has_file(struct walk *w, int dir, size_t folder, struct bytes name)
{
	char path[PATH_MAX];
	struct stat st;

	if (folder + name.n >= sizeof(path))
		return false;
	memcpy(path, w->path, folder);
	memcpy(path + folder, name.p, name.n);
	path[folder + name.n] = '\0';
	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

/* A file of somebody that is called as a certificate would be? */
static bool is_certified(struct walk *w, const char *name)
{
	char cert[CERTIFICATE_NAME_MAX + 1];
	size_t n = strlen(name);

	if (w->how->certs < 0 || n > CERTIFICATE_NAME_MAX)
		return false;
	certificate_name(BYTES(name, n), cert);
	return has_file(w, w->how->certs, w->path_n - n,
		BYTES(cert, strlen(cert)));
}

/* The last part of the path that a certificate records; empty if it is none. */
static struct bytes recorded_name(struct bytes raw)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	struct record d;
	const uint8_t *slash;

	if (c == NULL || certificate_decode(raw, c) != 0 ||
		record_decode(c->d, &d) != 0)
		return BYTES(NULL, 0);
	slash = d.path.n > 0 ? memrchr(d.path.p, '/', d.path.n) : NULL;
	return slash == NULL ? d.path : BYTES(slash + 1,
		(size_t)(d.path.p + d.path.n - slash - 1));
}

/* A certificate's name that was cut does not say of what file it is; the
 * certificate does. */
static bool is_cut_companion(struct walk *w, const char *name)
{
	cleanup(buf) struct buf raw = {0};
	char cut[CERTIFICATE_NAME_MAX + 1];
	struct bytes whole;

	if (strlen(name) != CERTIFICATE_NAME_CUT + SUFFIX_LEN ||
		offline_certificate(w->how->dir, w->path, &raw) != 0)
		return false;
	whole = recorded_name(BUF_BYTES(&raw));
	if (whole.n <= CERTIFICATE_NAME_LONG || whole.n > NAME_MAX)
		return false;
	certificate_name(whole, cut);
	return strcmp(cut, name) == 0 &&
	       has_file(w, w->how->dir, w->path_n - strlen(name),
		       whole);
}

/* The current path's NAME.cert, where there is a NAME. */
static bool is_companion(struct walk *w, const struct run *r, const char *name)
{
	size_t n = strlen(name), all = w->path_n;
	char *base = w->path + all - n;
	struct stat st;
	bool is;

	if (!w->how->companions || n <= SUFFIX_LEN ||
		strcmp(name + n - SUFFIX_LEN, SUFFIX) != 0 ||
		is_certified(w, name))
		return false;
	base[n - SUFFIX_LEN] = '\0';
	is = run_has(r, base) ||
	     (fstatat(w->how->dir, w->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		     S_ISREG(st.st_mode));
	base[n - SUFFIX_LEN] = SUFFIX[0];
	return is || is_cut_companion(w, name);
}

static int visit_folder(struct walk *w, const char *name)
{
	int fd;

	if (depth(w) == 1 && strcmp(name, CERTS) == 0)
		return 0;
	fd = offline_below(w->how->dir, w->path, O_DIRECTORY);
	return fd < 0 ? tell(w, strerrordesc_np(-fd)) : enter(w, fd);
}

static int visit(struct walk *w, const struct run *r, size_t i)
{
	const char *name = run_name(r, i);

	if (!push(w, name))
		return tell(w, "below it, a path is too long");
	switch (run_type(r, i)) {
	case DT_UNKNOWN:
		return tell(w, "what it is cannot be found out");
	case DT_DIR:
		return visit_folder(w, name);
	case DT_REG:
		return is_companion(w, r, name) ? 0 : tell(w, NULL);
	default:
		w->others++;
		return 0;
	}
}

static int step(struct walk *w)
{
	struct level *l = top(w);

	cut(w, l->path_n);
	if (l->next < run_names(&l->run)) {
		l->next++;
		return visit(w, &l->run, l->next - 1);
	}
	if (l->fd >= 0)
		return run_next(w, l);
	leave(w);
	return 0;
}

int verifywalk(const struct verifywalk *how, uint64_t *ret_others)
{
	cleanup(free) struct walk *w = calloc(1, sizeof(*w));
	cleanup(free) uint8_t *entries = malloc(READ_SIZE);
	int fd, rc;

	if (w == NULL || entries == NULL)
		return -ENOMEM;
	w->how = how;
	w->entries = entries;
	fd = offline_below(how->dir, ".", O_DIRECTORY);
	rc = fd < 0 ? fd : enter(w, fd);
	while (rc == 0 && depth(w) > 0)
		rc = step(w);
	while (depth(w) > 0)
		leave(w);
	buf_free(&w->levels);
	*ret_others = w->others;
	return rc;
}

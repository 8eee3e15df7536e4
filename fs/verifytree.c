#include "fs/verifytree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/offline.h"

#define CERTS ".certs"
#define SUFFIX ".cert"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)
/* Levels of folders; each keeps a descriptor open, of 1024 as a rule. */
#define DEPTH_MAX 500
#define PROGRESS_NS INT64_C(200000000)

struct walk {
	const struct verifytree_options *o;
	struct verifytree_counts n;
	struct verify_cache *cache;
	int certs;	/* DIR2, or DIR/.certs, or -1 */
	char path[PATH_MAX]; /* of the current entry, below dir */
	size_t path_n;
	uint64_t bytes;
	struct timespec shown;
};

static void progress(struct walk *w, bool last)
{
	struct timespec now;
	int64_t ns;

	if (w->o->progress == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (now.tv_sec - w->shown.tv_sec) * INT64_C(1000000000) +
	     (now.tv_nsec - w->shown.tv_nsec);
	if (last)
		fprintf(w->o->progress, "\r\x1b[K");
	else if (ns >= PROGRESS_NS)
		fprintf(w->o->progress,
			"\r%" PRIu64 " files, %" PRIu64 " MB\x1b[K",
			w->n.valid + w->n.refused + w->n.incomplete,
			w->bytes / 1000000);
	else
		return;
	w->shown = now;
	fflush(w->o->progress);
}

/* Names are bytes; none may write to a terminal or start a line. */
static void print_name(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;

		if (c < 0x20 || c == 0x7f || c == '\\' ||
			(c == 0xc2 && (uint8_t)s[1] < 0xa0))
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void print_json(struct walk *w, const char *verdict, const char *why)
{
	struct json j = {0};
	cleanup(buf) struct buf line = {0};

	json_object(&j, NULL);
	json_text_n(&j, "path", BYTES(w->path, w->path_n));
	json_text(&j, "verdict", verdict);
	json_text(&j, "reason", why);
	json_close_object(&j);
	if (json_end(&j, &line) == 0)
		fprintf(w->o->out, "%.*s\n", (int)line.n, (char *)line.p);
}

static void print_line(
	struct walk *w, const char *what, const char *verdict, const char *why)
{
	if (w->o->progress != NULL)
		fprintf(w->o->progress, "\r\x1b[K");
	if (w->o->json) {
		print_json(w, verdict, why);
		return;
	}
	fprintf(w->o->out, "%s: ", what);
	print_name(w->o->out, w->path);
	fprintf(w->o->out, ": %s: %s\n", verdict, why);
}

static void incomplete(struct walk *w, const char *why)
{
	w->n.incomplete++;
	print_line(w, "incomplete", "unread", why);
}

/* 1 with the path of the current entry changed by `name`, 0 if too long. */
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

static int find_certificate(
	struct walk *w, int dir, const char *name, struct buf *ret)
{
	char beside[CERTIFICATE_NAME_MAX + 1];
	size_t folder = w->path_n - strlen(name);
	int rc = -ENOENT;

	if (strlen(name) > CERTIFICATE_NAME_MAX)
		return -ENAMETOOLONG;
	certificate_name(BYTES(name, strlen(name)), beside);
	if (w->o->certs == NULL)
		rc = offline_certificate(dir, beside, ret);
	if (w->certs >= 0 && (rc == -ENOENT || rc == -ENAMETOOLONG)) {
		memcpy(w->path + folder, beside, strlen(beside) + 1);
		rc = offline_certificate(w->certs, w->path, ret);
		memcpy(w->path + folder, name, strlen(name) + 1);
	}
	return rc;
}

/* DIR may be any folder of the recorded tree. */
static bool same_name(const struct walk *w, struct bytes recorded)
{
	struct bytes own = BYTES(w->path, w->path_n), tail;

	if (recorded.n <= own.n)
		return bytes_equal(recorded, own);
	tail = BYTES(recorded.p + (recorded.n - own.n), own.n);
	return bytes_equal(tail, own) && tail.p[-1] == '/';
}

static void count(struct walk *w, const struct report *r)
{
	switch (verdict_exit(r->verdict)) {
	case 0:
		w->n.valid++;
		if (same_name(w, r->record.path))
			return;
		w->n.renamed++;
		print_line(w, "note", "valid",
			"its certificate records it under another name");
		return;
	case 1:
		w->n.refused++;
		break;
	default:
		w->n.incomplete++;
		if (r->verdict == V_NO_ANCHOR)
			return; /* true of all; said once at the end */
	}
	print_line(w, verdict_exit(r->verdict) == 1 ? "refused" : "incomplete",
		verdict_name(r->verdict), verdict_text(r->verdict));
}

static void check_file(struct walk *w, int dir, const char *name)
{
	cleanup(buf) struct buf cert = {0};
	struct report r = {.verdict = V_MALFORMED};
	cleanup(close) int fd = -1;
	struct content content;
	uint64_t size;
	int rc = find_certificate(w, dir, name, &cert);

	if (rc == -EFBIG) {
		count(w, &r);
		return;
	}
	if (rc != 0) {
		incomplete(w, rc == -ENOENT || rc == -ENAMETOOLONG
				      ? "it has no certificate"
				      : "its certificate cannot be read");
		return;
	}
	rc = offline_open(dir, name, &fd, &size);
	if (rc == 0)
		rc = offline_content(fd, &w->bytes, &content);
	if (rc == 0)
		rc = verify_cached(w->cache, BUF_BYTES(&cert), w->o->anchor,
			&content, &r);
	if (rc != 0)
		incomplete(w, strerror(-rc));
	else
		count(w, &r);
}

/* NAME.cert where there is a NAME. */
static bool is_companion(const struct walk *w, int dir, const char *name)
{
	char base[NAME_MAX + 1];
	size_t n = strlen(name);
	struct stat st;

	if (w->o->certs != NULL || n <= SUFFIX_LEN || n > NAME_MAX ||
		strcmp(name + n - SUFFIX_LEN, SUFFIX) != 0)
		return false;
	memcpy(base, name, n - SUFFIX_LEN);
	base[n - SUFFIX_LEN] = '\0';
	return fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static void walk_folder(struct walk *w, int fd, unsigned depth);

static void enter(struct walk *w, int dir, const char *name, unsigned depth)
{
	int fd;

	if (depth == 0 && strcmp(name, CERTS) == 0)
		return;
	if (depth + 1 == DEPTH_MAX) {
		incomplete(w, "the folders are nested too deeply");
		return;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		incomplete(w, strerror(errno));
	else
		walk_folder(w, fd, depth + 1);
}

static void visit(struct walk *w, int dir, const char *name, unsigned depth)
{
	struct stat st;
	size_t before;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (!push(w, name, &before)) {
		incomplete(w, "below it, a path is too long");
		return;
	}
	progress(w, false);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		incomplete(w, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		enter(w, dir, name, depth);
	else if (S_ISREG(st.st_mode) && !is_companion(w, dir, name))
		check_file(w, dir, name);
	pop(w, before);
}

/* Takes fd over. */
static void walk_folder(struct walk *w, int fd, unsigned depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		close(fd);
		incomplete(w, strerror(errno));
		return;
	}
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0)
		visit(w, fd, e->d_name, depth);
	if (errno != 0)
		incomplete(w, strerror(errno));
	closedir(d);
}

static int open_folder(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int verifytree(const struct verifytree_options *o, struct verifytree_counts *ret)
{
	struct walk w = {.o = o, .certs = -1};
	int fd = open_folder(AT_FDCWD, o->dir);

	if (fd < 0)
		return fd;
	w.certs = o->certs != NULL ? open_folder(AT_FDCWD, o->certs)
				   : open_folder(fd, CERTS);
	if (o->certs != NULL && w.certs < 0) {
		close(fd);
		return w.certs;
	}
	w.cache = verify_cache_new();
	if (w.cache == NULL) {
		close(fd);
		if (w.certs >= 0)
			close(w.certs);
		return -ENOMEM;
	}
	walk_folder(&w, fd, 0);
	progress(&w, true);
	verify_cache_free(w.cache);
	if (w.certs >= 0)
		close(w.certs);
	*ret = w.n;
	return 0;
}

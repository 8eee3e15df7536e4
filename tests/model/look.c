/* Comparing what is there with the model. */
#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define REST_MS 60000		/* everything is sealed by then */

static mode_t type_of(enum kind kind)
{
	static const mode_t types[] = {[FOLDER] = S_IFDIR, [FILE_] = S_IFREG,
		[SYMLINK] = S_IFLNK, [FIFO] = S_IFIFO};

	return types[kind];
}

static void look_time(struct worker *w, struct file *f, const struct stat *st,
	const char *path)
{
	if (f->kind == FOLDER)
		return;
	if (f->timed && (f->mtime.tv_sec != st->st_mtim.tv_sec ||
			f->mtime.tv_nsec != st->st_mtim.tv_nsec))
		wrong(w, "%s: mtime is %lld.%09ld, should be %lld.%09ld", path,
			(long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			(long long)f->mtime.tv_sec, f->mtime.tv_nsec);
	f->mtime = st->st_mtim;
	f->timed = f->mapped == 0;
}

static void look_stat(struct worker *w, struct file *f, const struct stat *st,
	const char *path)
{
	if ((st->st_mode & S_IFMT) != type_of(f->kind))
		wrong(w, "%s: type is 0%o", path, st->st_mode & S_IFMT);
	if (f->ino == 0)
		f->ino = st->st_ino;
	if (st->st_ino != f->ino)
		wrong(w, "%s: inode number was %llu, is %llu", path,
			(unsigned long long)f->ino,
			(unsigned long long)st->st_ino);
	if (f->kind != SYMLINK && (st->st_mode & 07777) != f->mode)
		wrong(w, "%s: mode is 0%o, should be 0%o", path,
			st->st_mode & 07777, f->mode);
	if (st->st_uid != f->uid || st->st_gid != f->gid)
		wrong(w, "%s: owner is %u:%u, should be %u:%u", path,
			st->st_uid, st->st_gid, f->uid, f->gid);
	if (f->kind != FOLDER && st->st_nlink != tree_links(f))
		wrong(w, "%s: has %lu links, should have %u", path,
			(unsigned long)st->st_nlink, tree_links(f));
	if (f->kind == FILE_ && (size_t)st->st_size != f->size)
		wrong(w, "%s: size is %lld, should be %zu", path,
			(long long)st->st_size, f->size);
	look_time(w, f, st, path);
}

static void look_content(struct worker *w, const struct file *f, int fd,
	const char *path)
{
	uint8_t *p = malloc(f->size + 1);
	size_t n = 0, i;
	ssize_t k;

	if (p == NULL)
		abort();
	while ((k = pread(fd, p + n, f->size + 1 - n, (off_t)n)) > 0)
		n += (size_t)k;
	if (k < 0)
		wrong(w, "%s: reading: %s", path, errno_name(errno));
	if (n != f->size)
		wrong(w, "%s: %zu bytes can be read, should be %zu", path, n,
			f->size);
	for (i = 0; i < n; i++)
		if (p[i] != f->data[i])
			wrong(w, "%s: byte %zu of %zu is %02x, should be %02x",
				path, i, n, p[i], f->data[i]);
	free(p);
}

void look_fd(struct worker *w, struct file *f, int fd)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "descriptor %d", fd);
	if (fstat(fd, &st) != 0)
		wrong(w, "%s: fstat: %s", path, errno_name(errno));
	look_stat(w, f, &st, path);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
		look_content(w, f, fd, path);
}

/* All of ours are there, no other, and none of user.notary.*. */
static void look_attrs(struct worker *w, const struct file *f,
	const char *path)
{
	static const char *const names[ATTRS] = {"user.a", "user.b", "user.c"};
	char list[256], value[64];
	unsigned i, listed = 0, have = 0;
	ssize_t n, k;

	if (f->kind != FILE_ && f->kind != FOLDER)
		return;
	n = listxattr(path, list, sizeof list);
	if (n < 0)
		wrong(w, "%s: listxattr: %s", path, errno_name(errno));
	for (k = 0; k < n; k += (ssize_t)strlen(list + k) + 1)
		listed += strncmp(list + k, "user.", 5) == 0;
	for (i = 0; i < ATTRS; i++) {
		k = getxattr(path, names[i], value, sizeof value);
		if (k < 0 && errno != ENODATA)
			wrong(w, "%s: getxattr: %s", path, errno_name(errno));
		k = k < 0 ? 0 : k;
		have += f->attr[i][0] != '\0';
		if ((size_t)k != strlen(f->attr[i]) ||
			memcmp(value, f->attr[i], (size_t)k) != 0)
			wrong(w, "%s: %s is '%.*s', should be '%s'", path,
				names[i], (int)k, value, f->attr[i]);
	}
	if (listed != have)
		wrong(w, "%s: %u attributes are listed, should be %u", path,
			listed, have);
}

static bool is_one_of(const char *state, const char *words)
{
	size_t n = strlen(state);
	const char *at = strstr(words, state);

	return n > 0 && at != NULL && (at[n] == ' ' || at[n] == '\0');
}

static const char *want_state(const struct worker *w, const struct file *f)
{
	enum class c = class_of(w, f);

	if (f->sealed)
		return "frozen sealed notarized";
	if (c != SEAL)
		return c == TEMP ? "temp" : "scratch";
	if (f->writers > 0)
		return "open";
	return f->frozen ? "frozen" : "settling";
}

static void read_state(struct worker *w, const struct file *f,
	const char *path, char ret[16])
{
	ssize_t k = lgetxattr(path, "user.notary.state", ret, 15);

	ret[k < 0 ? 0 : k] = '\0';
	if (f->kind == FILE_ && k < 0)
		wrong(w, "%s: no state: %s", path, errno_name(errno));
	if (f->kind != FILE_ && (k >= 0 || errno != ENODATA))
		wrong(w, "%s: has the state '%s', or %s", path, ret,
			errno_name(errno));
}

void look_state(struct worker *w, struct file *f, const char *path)
{
	char state[16];

	read_state(w, f, path, state);
	if (f->kind != FILE_ || is_one_of(state, want_state(w, f)))
		return;
	if (look_again(w, f, NULL)) /* sealed by now, if not before */
		read_state(w, f, path, state);
	if (!is_one_of(state, want_state(w, f)))
		wrong(w, "%s: state is %s, should be %s", path, state,
			want_state(w, f));
}

void look_file(struct worker *w, struct file *f, const char *path)
{
	char target[PATH_ROOM] = "";
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		wrong(w, "%s: is not there: %s", path, errno_name(errno));
	look_stat(w, f, &st, path);
	look_attrs(w, f, path);
	look_state(w, f, path);
	if (f->kind == SYMLINK && (readlink(path, target,
			sizeof target - 1) < 0 || strcmp(target, f->target)))
		wrong(w, "%s: points to '%s', should to '%s'", path, target,
			f->target);
	if (f->kind != FILE_)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		wrong(w, "%s: opening: %s", path, errno_name(errno));
	look_content(w, f, fd, path);
	close(fd);
}

/* Exactly the names that the model has, each once. */
static void look_folder(struct worker *w, const struct file *folder,
	const char *path)
{
	const struct name *n;
	unsigned want = 0, got = 0;
	struct dirent *e;
	DIR *d = opendir(path);

	if (d == NULL)
		wrong(w, "%s: opendir: %s", path, errno_name(errno));
	for (n = folder->children; n != NULL; n = n->sibling)
		want++;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n = tree_find(folder, e->d_name);
		if (n == NULL)
			wrong(w, "%s: %s is listed and should not be there",
				path, e->d_name);
		if (n->file->ino != 0 && e->d_ino != n->file->ino)
			wrong(w, "%s: %s is listed with another inode", path,
				e->d_name);
		got++;
	}
	closedir(d);
	if (got != want)
		wrong(w, "%s: %u names are listed, should be %u", path, got,
			want);
}

void do_look(struct worker *w)
{
	struct spot s = pick_spot(w, 85);
	struct stat st;

	say(w, "look %s", s.path + strlen(opt.mnt) + 1 + strlen(w->top));
	if (s.err != 0 || s.name == NULL) {
		agree(w, lstat(s.path, &st) != 0 ? errno : 0,
			s.err != 0 ? s.err : ENOENT);
		return;
	}
	look_file(w, s.name->file, s.path);
	if (s.name->file->kind == FOLDER)
		look_folder(w, s.name->file, s.path);
}

static void look_below(struct worker *w, struct file *folder)
{
	char path[PATH_ROOM];
	struct name *n;

	tree_folder_path(w, folder, path);
	look_folder(w, folder, path);
	for (n = folder->children; n != NULL; n = n->sibling) {
		tree_path(w, n, path);
		look_file(w, n->file, path);
		if (n->file->kind == FOLDER)
			look_below(w, n->file);
	}
}

void look_tree(struct worker *w)
{
	say(w, "look at all");
	look_below(w, w->root);
}

void look_sealed(struct worker *w)
{
	uint64_t end = now_ms() + REST_MS;
	char path[PATH_ROOM];
	struct file *f;

	if (opt.settle_ms == 0)
		return;
	say(w, "wait until all is sealed");
	for (f = w->files; f != NULL; f = f->next)
		while (f->kind == FILE_ && f->names != NULL && !f->sealed &&
			class_of(w, f) == SEAL) {
			if (!look_again(w, f, NULL))
				usleep(20000);
			if (!f->sealed && now_ms() > end) {
				tree_path(w, f->names, path);
				wrong(w, "%s is not sealed by itself", path);
			}
		}
}

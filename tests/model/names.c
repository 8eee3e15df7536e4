/* Operations that make names, take them away, or move them. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Names of every class, and any of them may be of any type. */
static const char *const texts[] = {"a", "b", "c", "d", "e", "x.tmp", "y.part",
	".z.swp"};
#define TEXTS (sizeof texts / sizeof *texts)

static struct file *pick_folder(struct worker *w)
{
	struct file *f, *folder[64];
	unsigned n = 0;

	for (f = w->files; f != NULL && n < 64; f = f->next)
		if (f->kind == FOLDER && (f->names != NULL || f == w->root))
			folder[n++] = f;
	return folder[pick(w, n)];
}

/* Any name that there is, or NULL. */
static struct name *pick_name(struct worker *w)
{
	struct name *n, *found = NULL;
	unsigned seen = 0;
	struct file *f;

	for (f = w->files; f != NULL; f = f->next)
		for (n = f->names; n != NULL; n = n->other)
			if (pick(w, ++seen) == 0)
				found = n;
	return found;
}

/* A way over something that is no folder, or not there. */
static void lead_astray(struct worker *w, struct spot *s)
{
	const char *over = texts[pick(w, TEXTS)];
	const struct name *n = tree_find(s->folder, over);
	size_t k;

	if (n != NULL && n->file->kind == FOLDER)
		return;
	s->err = n == NULL || n->file->kind == SYMLINK ? ENOENT : ENOTDIR;
	s->name = NULL;
	tree_folder_path(w, s->folder, s->path);
	k = strlen(s->path);
	snprintf(s->path + k, PATH_ROOM - k, "/%s/%s", over, s->text);
}

struct spot pick_spot(struct worker *w, unsigned percent_there)
{
	struct spot s = {.folder = pick_folder(w)};
	size_t k;

	if (chance(w, percent_there))
		s.name = pick_name(w);
	if (s.name != NULL)
		s.folder = s.name->folder;
	snprintf(s.text, sizeof s.text, "%s",
		s.name != NULL ? s.name->text : texts[pick(w, TEXTS)]);
	s.name = tree_find(s.folder, s.text);
	tree_folder_path(w, s.folder, s.path);
	k = strlen(s.path);
	snprintf(s.path + k, PATH_ROOM - k, "/%s", s.text);
	if (chance(w, 3))
		lead_astray(w, &s);
	return s;
}

static const char *below(const struct worker *w, const char *path)
{
	return path + strlen(opt.mnt) + 1 + strlen(w->top);
}

/* What is there now: the model takes over what the model cannot know. */
static void take_over(struct worker *w, struct file *f, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		wrong(w, "%s was made and is not there: %s", path,
			errno_name(errno));
	f->ino = st.st_ino;
	f->uid = st.st_uid;
	f->gid = st.st_gid;
}

static int make(const char *path, enum kind kind, mode_t mode,
	const char *target)
{
	switch (kind) {
	case FOLDER:
		return mkdir(path, mode);
	case SYMLINK:
		return symlink(target, path);
	case FIFO:
		return mkfifo(path, mode);
	default:
		return mknod(path, S_IFREG | mode, 0);
	}
}

void do_make(struct worker *w)
{
	static const enum kind kinds[] = {FOLDER, FOLDER, SYMLINK, FIFO, FILE_};
	static const char *const words[] = {"folder", "file", "symlink",
		"fifo"};
	enum kind kind = kinds[pick(w, 5)];
	mode_t mode = kind == FOLDER ? 0755 : 0644;
	struct spot s = pick_spot(w, 30);
	uint64_t began = now_ms();
	char target[24];
	struct file *f;
	int got;

	if (kind == FOLDER && tree_depth(s.folder) >= DEPTH)
		return;
	snprintf(target, sizeof target, "no/where%u", pick(w, 1000));
	say(w, "make %s %s", words[kind], below(w, s.path));
	got = make(s.path, kind, mode, target) != 0 ? errno : 0;
	agree(w, got, s.err != 0 ? s.err : s.name != NULL ? EEXIST : 0);
	if (got != 0)
		return;
	f = tree_new(w, kind, kind == SYMLINK ? 0777 : mode);
	tree_add(s.folder, s.text, f);
	changed(f, began);
	if (kind == SYMLINK)
		memcpy(f->target, target, sizeof target);
	take_over(w, f, s.path);
}

/* -- unlink, rmdir -- */

/* A spare name of a sealed file may go: one that is not sealed itself. */
static int want_unlink(struct worker *w, const struct name *n)
{
	const struct file *f = n->file;

	if (f->kind == FOLDER)
		return EISDIR;
	if (!f->sealed)
		return 0;
	return !n->sealed && class_of_name(w, n) != SEAL &&
		tree_links(f) > 1 ? 0 : EPERM;
}

static void name_goes(struct worker *w, struct name *n, uint64_t began)
{
	struct file *f = n->file;
	enum class was = class_of(w, f);

	tree_drop(n);
	reclass(w, f, was, began);
}

void do_unlink(struct worker *w)
{
	struct spot s = pick_spot(w, 85);
	uint64_t began = now_ms();
	int got, want;

	say(w, "unlink %s", below(w, s.path));
	got = unlink(s.path) != 0 ? errno : 0;
	want = s.err != 0 ? s.err : s.name == NULL ? ENOENT :
		want_unlink(w, s.name);
	if (got != want && got == EPERM && s.name != NULL &&
		look_again(w, s.name->file, NULL))
		want = want_unlink(w, s.name);
	agree(w, got, want);
	if (got == 0)
		name_goes(w, s.name, began);
}

void do_rmdir(struct worker *w)
{
	struct spot s = pick_spot(w, 85);
	int got;

	say(w, "rmdir %s", below(w, s.path));
	got = rmdir(s.path) != 0 ? errno : 0;
	agree(w, got, s.err != 0 ? s.err : s.name == NULL ? ENOENT :
		s.name->file->kind != FOLDER ? ENOTDIR :
		s.name->file->children != NULL ? ENOTEMPTY : 0);
	if (got == 0)
		tree_drop(s.name);
}

/* -- link -- */

static int want_link(struct worker *w, const struct spot *from,
	const struct spot *to)
{
	if (from->err != 0)
		return from->err;
	if (from->name == NULL)
		return ENOENT;
	if (to->err != 0)
		return to->err;
	if (to->name != NULL)
		return EEXIST;
	if (from->name->file->kind == FOLDER)
		return EPERM;
	return from->name->file->sealed &&
		class_at(w, to->folder, to->text) != SEAL ? EPERM : 0;
}

void do_link(struct worker *w)
{
	struct spot from = pick_spot(w, 90), to = pick_spot(w, 15);
	uint64_t began = now_ms();
	enum class was;
	struct file *f;
	int got, want;

	say(w, "link %s %s", below(w, from.path), below(w, to.path));
	got = linkat(AT_FDCWD, from.path, AT_FDCWD, to.path, 0) != 0 ?
		errno : 0;
	want = want_link(w, &from, &to);
	if (got != want && got == EPERM && from.name != NULL &&
		look_again(w, from.name->file, NULL))
		want = want_link(w, &from, &to);
	agree(w, got, want);
	if (got != 0)
		return;
	f = from.name->file;
	was = class_of(w, f);
	/* A name that is new is sealed with its file, or by it. */
	tree_add(to.folder, to.text, f)->sealed = f->sealed;
	reclass(w, f, was, began);
	if (was != SEAL)
		until_closed(w, f);
}

/* -- rename -- */

/* As the kernel judges before it asks anybody. */
static int want_rename_by_type(const struct spot *from, const struct spot *to,
	unsigned flags)
{
	const struct file *a, *b;

	if (from->err != 0 || to->err != 0)
		return from->err != 0 ? from->err : to->err;
	if (from->name == NULL)
		return ENOENT;
	if ((flags & RENAME_NOREPLACE) != 0 && to->name != NULL)
		return EEXIST;
	if ((flags & RENAME_EXCHANGE) != 0 && to->name == NULL)
		return ENOENT;
	a = from->name->file;
	b = to->name == NULL ? NULL : to->name->file;
	if (a->kind == FOLDER && tree_below(to->folder, a))
		return EINVAL;
	if (b != NULL && b->kind == FOLDER && tree_below(from->folder, b))
		return (flags & RENAME_EXCHANGE) != 0 ? EINVAL : ENOTEMPTY;
	if (a == b || b == NULL || (flags & RENAME_EXCHANGE) != 0)
		return 0;
	if (a->kind == FOLDER && b->kind != FOLDER)
		return ENOTDIR;
	return a->kind != FOLDER && b->kind == FOLDER ? EISDIR : 0;
}

static bool may_go(const struct worker *w, const struct file *f)
{
	return f->kind == FOLDER ? !sealed_below(w, f) : !f->sealed;
}

static int want_rename(const struct worker *w, const struct spot *from,
	const struct spot *to, unsigned flags)
{
	int want = want_rename_by_type(from, to, flags);
	const struct file *a, *b;

	if (want != 0)
		return want;
	a = from->name->file;
	b = to->name == NULL ? NULL : to->name->file;
	if (a == b)
		return 0;
	if ((flags & RENAME_WHITEOUT) != 0)
		return EINVAL;
	if (!may_go(w, a) || (b != NULL && !may_go(w, b)))
		return EPERM;
	return b != NULL && (flags & RENAME_EXCHANGE) == 0 &&
		b->kind == FOLDER && b->children != NULL ? ENOTEMPTY : 0;
}

#define BELOW_MAX 2000	/* files in one tree; more are not looked at */

/* What each file's class was before a folder moved. */
struct classes {
	enum class was[BELOW_MAX];
	struct file *file[BELOW_MAX];
	unsigned n;
};

/* Of all files that have a name in the tree. */
static void note_classes(struct worker *w, struct classes *c)
{
	struct file *f;

	c->n = 0;
	for (f = w->files; f != NULL && c->n < BELOW_MAX; f = f->next)
		if (f->names != NULL && f->kind != FOLDER) {
			c->was[c->n] = class_of(w, f);
			c->file[c->n++] = f;
		}
}

static void rename_here(struct worker *w, struct spot *from, struct spot *to,
	unsigned flags, uint64_t began)
{
	struct file *a = from->name->file;
	struct file *b = to->name == NULL ? NULL : to->name->file;
	struct classes c;
	unsigned i;

	if (a == b)
		return;
	note_classes(w, &c);
	if ((flags & RENAME_EXCHANGE) != 0) {
		tree_exchange(from->name, to->name);
		changed(b, began);
	} else {
		if (b != NULL)
			tree_drop(to->name);
		tree_rename(from->name, to->folder, to->text);
	}
	changed(a, began);
	for (i = 0; i < c.n; i++) {
		struct file *f = c.file[i];
		if (f->names == NULL)
			continue;
		reclass(w, f, c.was[i], began);
		if (c.was[i] != SEAL && class_of(w, f) == SEAL)
			until_closed(w, f);
	}
}

void do_rename(struct worker *w)
{
	static const unsigned kinds[] = {0, 0, 0, 0, RENAME_NOREPLACE,
		RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE,
		RENAME_WHITEOUT};
	unsigned flags = kinds[pick(w, 9)];
	struct spot from = pick_spot(w, 90);
	struct spot to = pick_spot(w, flags == RENAME_EXCHANGE ? 90 : 40);
	uint64_t began = now_ms();
	int got, want;

	say(w, "rename %s %s flags %u", below(w, from.path),
		below(w, to.path), flags);
	got = renameat2(AT_FDCWD, from.path, AT_FDCWD, to.path, flags) != 0 ?
		errno : 0;
	want = want_rename(w, &from, &to, flags);
	if (got != want && got == EPERM && look_again(w, from.name->file,
			to.name == NULL ? NULL : to.name->file))
		want = want_rename(w, &from, &to, flags);
	agree(w, got, want);
	if (got == 0)
		rename_here(w, &from, &to, flags, began);
}

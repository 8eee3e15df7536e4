#include "model.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* -- names -- */

struct file *tree_new(struct worker *w, enum kind kind, mode_t mode)
{
	struct file *f = calloc(1, sizeof *f);

	if (f == NULL)
		abort();
	f->kind = kind;
	f->mode = mode;
	f->next = w->files;
	w->files = f;
	return f;
}

struct name *tree_find(const struct file *folder, const char *text)
{
	struct name *n;

	for (n = folder->children; n != NULL; n = n->sibling)
		if (strcmp(n->text, text) == 0)
			return n;
	return NULL;
}

static void hang(struct name *n, struct file *folder, const char *text)
{
	n->folder = folder;
	snprintf(n->text, sizeof n->text, "%s", text);
	n->sibling = folder->children;
	folder->children = n;
}

static void unhang(struct name *n)
{
	struct name **p = &n->folder->children;

	while (*p != n)
		p = &(*p)->sibling;
	*p = n->sibling;
}

struct name *tree_add(struct file *folder, const char *text, struct file *f)
{
	struct name *n = calloc(1, sizeof *n);

	if (n == NULL)
		abort();
	hang(n, folder, text);
	n->file = f;
	n->other = f->names;
	f->names = n;
	return n;
}

void tree_drop(struct name *n)
{
	struct name **p = &n->file->names;

	while (*p != n)
		p = &(*p)->other;
	*p = n->other;
	unhang(n);
	free(n);
}

void tree_rename(struct name *n, struct file *folder, const char *text)
{
	unhang(n);
	hang(n, folder, text);
}

void tree_exchange(struct name *a, struct name *b)
{
	struct file *folder = a->folder;
	char text[sizeof a->text];

	memcpy(text, a->text, sizeof text);
	unhang(a);
	hang(a, b->folder, b->text);
	unhang(b);
	hang(b, folder, text);
}

unsigned tree_links(const struct file *f)
{
	const struct name *n;
	unsigned k = 0;

	for (n = f->names; n != NULL; n = n->other)
		k++;
	return k;
}

void tree_folder_path(const struct worker *w, const struct file *folder,
	char ret[PATH_ROOM])
{
	if (folder->names == NULL)
		snprintf(ret, PATH_ROOM, "%s/%s", opt.mnt, w->top);
	else
		tree_path(w, folder->names, ret);
}

void tree_path(const struct worker *w, const struct name *n,
	char ret[PATH_ROOM])
{
	size_t k;

	tree_folder_path(w, n->folder, ret);
	k = strlen(ret);
	snprintf(ret + k, PATH_ROOM - k, "/%s", n->text);
}

bool tree_below(const struct file *f, const struct file *folder)
{
	for (; f != folder; f = f->names->folder)
		if (f->names == NULL)
			return false;
	return true;
}

unsigned tree_depth(const struct file *folder)
{
	unsigned k = 0;

	for (; folder->names != NULL; folder = folder->names->folder)
		k++;
	return k;
}

/* -- classes: the preset that the mount was made with, in its order -- */

static const struct {
	const char *glob;
	enum class class;
	bool files;	/* no folder matches it */
} rules[] = {
	{"*.part", TEMP, false}, {"*.tmp", TEMP, false},
	{".*.sw?", SCRATCH, true},
};
#define RULES (sizeof rules / sizeof *rules)

/* The first rule of the list that matches any component decides. */
static size_t rule_of(const struct file *folder, const char *text,
	bool is_folder)
{
	size_t i, above = RULES;

	if (folder->names != NULL)
		above = rule_of(folder->names->folder, folder->names->text,
			true);
	for (i = 0; i < above; i++)
		if (!(rules[i].files && is_folder) &&
			fnmatch(rules[i].glob, text, 0) == 0)
			return i;
	return above;
}

enum class class_at(const struct worker *w, const struct file *folder,
	const char *text)
{
	size_t i = rule_of(folder, text, false);

	(void)w;
	return i < RULES ? rules[i].class : SEAL;
}

enum class class_of_name(const struct worker *w, const struct name *n)
{
	return class_at(w, n->folder, n->text);
}

/* The strongest of all its names. */
enum class class_of(const struct worker *w, const struct file *f)
{
	const struct name *n;
	enum class c = SCRATCH, k;

	for (n = f->names; n != NULL; n = n->other) {
		k = class_of_name(w, n);
		c = k < c ? k : c;
	}
	return c;
}

/* -- content -- */

void tree_resize(struct file *f, size_t size)
{
	if (size > f->room) {
		f->room = size + 4096;
		f->data = realloc(f->data, f->room);
		if (f->data == NULL)
			abort();
	}
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
}

void tree_write(struct file *f, size_t at, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (at + n > f->size)
		tree_resize(f, at + n);
	memcpy(f->data + at, p, n);
	f->timed = false;
}

/* -- states -- */

bool may_write(const struct worker *w, const struct file *f)
{
	if (f->sealed)
		return false;
	return !f->frozen || f->writers > 0 || f->names == NULL ||
		class_of(w, f) != SEAL;
}

void changed(struct file *f, uint64_t began)
{
	f->changed_ms = began;
}

void writer_gone(struct worker *w, struct file *f, uint64_t began)
{
	if (--f->writers > 0)
		return;
	changed(f, began);
	if (f->names == NULL || class_of(w, f) != SEAL)
		return;
	if (f->freeze_later && f->size > 0)
		f->frozen = true;
	f->freeze_later = false;
}

void mode_set(struct worker *w, struct file *f, mode_t mode)
{
	f->mode = mode;
	if (f->kind != FILE_ || f->sealed || f->names == NULL)
		return;
	if ((mode & 0222) != 0)
		f->freeze_later = false; /* frozen stays */
	else if (f->writers > 0 || class_of(w, f) != SEAL)
		f->freeze_later = true;
	else if (f->size > 0)
		f->frozen = true;
}

void reclass(struct worker *w, struct file *f, enum class was, uint64_t began)
{
	if (f->sealed || f->names == NULL || f->kind == FOLDER ||
		was == SEAL || class_of(w, f) != SEAL)
		return;
	changed(f, began);
	if (f->freeze_later && f->writers == 0 && f->size > 0)
		f->frozen = true;
}

void seal(struct worker *w, struct file *f)
{
	struct name *n;

	f->sealed = true;
	for (n = f->names; n != NULL; n = n->other)
		n->sealed = class_of_name(w, n) == SEAL;
}

bool sealed_below(const struct worker *w, const struct file *folder)
{
	const struct name *n;

	for (n = folder->children; n != NULL; n = n->sibling)
		if (n->file->sealed || (n->file->kind == FOLDER &&
				sealed_below(w, n->file)))
			return true;
	return false;
}

bool may_be_sealed(const struct worker *w, const struct file *f)
{
	uint64_t wait = f->kind == FILE_ && f->size == 0 ? opt.empty_ms :
		opt.settle_ms;

	return opt.settle_ms != 0 && !f->sealed && f->names != NULL &&
		(f->kind == FILE_ || f->kind == SYMLINK) && f->writers == 0 &&
		class_of(w, f) == SEAL && now_ms() + 1 >= f->changed_ms + wait;
}

/* "frozen" is also what a file says that is just being sealed. */
static bool says_sealed(struct worker *w, const struct file *f)
{
	char path[PATH_ROOM], state[16] = "";

	tree_path(w, f->names, path);
	if (lgetxattr(path, "user.notary.state", state, sizeof state - 1) < 0)
		wrong(w, "no state of %s: %s", path, errno_name(errno));
	return strcmp(state, "sealed") == 0 ||
		strcmp(state, "notarized") == 0 ||
		(strcmp(state, "frozen") == 0 && !f->frozen);
}

/* Is it one of the two, or below one? */
static bool meant(const struct file *f, const struct file *a,
	const struct file *b)
{
	return f == a || f == b ||
		(a != NULL && a->kind == FOLDER && tree_below(f, a)) ||
		(b != NULL && b->kind == FOLDER && tree_below(f, b));
}

bool look_again(struct worker *w, const struct file *a, const struct file *b)
{
	struct file *f;
	bool any = false;

	for (f = w->files; f != NULL; f = f->next) {
		if (!may_be_sealed(w, f))
			continue;
		if (f->kind == SYMLINK ? meant(f, a, b) : says_sealed(w, f)) {
			seal(w, f);
			any = true;
		}
	}
	/* A frozen file shows no difference between "frozen" and "being
	 * sealed"; it is one of those that were asked for, then. */
	for (f = w->files; f != NULL && !any; f = f->next)
		if (f->frozen && may_be_sealed(w, f) && meant(f, a, b)) {
			seal(w, f);
			any = true;
		}
	return any;
}

void until_closed(struct worker *w, const struct file *f)
{
	uint64_t end = now_ms() + 20000;
	char path[PATH_ROOM], state[16];
	ssize_t k;

	if (f->names == NULL || f->writers > 0 || f->kind != FILE_)
		return;
	tree_path(w, f->names, path);
	for (;;) {
		k = getxattr(path, "user.notary.state", state,
			sizeof state - 1);
		if (k < 0)
			wrong(w, "no state of %s: %s", path,
				errno_name(errno));
		state[k] = '\0';
		if (strcmp(state, "open") != 0)
			return;
		if (now_ms() > end)
			wrong(w, "%s is open, and nobody has it open", path);
		usleep(500);
	}
}

/* A start judges by the mode: no w bit means frozen.  What may have been sealed
 * before the end may be still; for all else the timer starts anew. */
void remounted(struct worker *w, uint64_t began)
{
	struct file *f;

	for (f = w->files; f != NULL; f = f->next) {
		if (f->names == NULL || f->kind == FOLDER || f->sealed)
			continue;
		if (!may_be_sealed(w, f))
			changed(f, began);
		f->frozen = f->kind == FILE_ && (f->mode & 0222) == 0 &&
			f->size > 0 && class_of(w, f) == SEAL;
		f->freeze_later = f->kind == FILE_ && (f->mode & 0222) == 0 &&
			class_of(w, f) != SEAL;
	}
}

/* Operations on attributes, and sealing on demand. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BUSY_MS 10000	/* a loaded machine's RELEASE may come this late */

struct aim pick_aim(struct worker *w)
{
	struct aim a = {0};
	struct slot *s = &w->slot[pick(w, SLOTS)];
	struct spot spot;

	if (chance(w, 25) && s->file != NULL && s->fd >= 0) {
		a.file = s->file;
		a.follow = true;
		snprintf(a.path, sizeof a.path, "/proc/self/fd/%d", s->fd);
		return a;
	}
	spot = pick_spot(w, 96);
	if (spot.err == 0 && spot.name != NULL)
		a.file = spot.name->file;
	memcpy(a.path, spot.path, sizeof a.path);
	if (spot.err != 0)
		a.path[0] = '\0';
	return a;
}

/* As the report names it. */
static const char *called(const struct worker *w, const struct aim *a)
{
	return a->follow ? a->path :
		a->path + strlen(opt.mnt) + 1 + strlen(w->top);
}

static bool is_astray(const struct aim *a)
{
	return a->path[0] == '\0';
}

/* Held against what a change of attributes may do, `same` when it changes
 * nothing. */
static void agree_change(struct worker *w, const struct aim *a, int got,
	bool same)
{
	if (a->file == NULL) {
		agree(w, got, ENOENT);
		return;
	}
	if (got == EPERM && !a->file->sealed && !same)
		look_again(w, a->file, NULL);
	agree(w, got, a->file->sealed && !same ? EPERM : 0);
}

/* It was set.  What changes nothing is granted for what is sealed, too, so of a
 * file that may be by now it does not say that it is not. */
static void was_set(const struct worker *w, struct file *f, bool same,
	uint64_t began)
{
	if (!f->sealed && !(same && may_be_sealed(w, f)))
		changed(f, began);
}

void do_chmod(struct worker *w)
{
	static const mode_t modes[] = {0644, 0600, 0755, 0444, 0400, 0555,
		0666, 0700, 0640};
	struct aim a = pick_aim(w);
	mode_t mode = modes[pick(w, 9)];
	uint64_t began = now_ms();
	bool same;
	int got;

	if (is_astray(&a))
		return;
	if (a.file != NULL && chance(w, 15))
		mode = a.file->mode;
	if (a.file != NULL && a.file->kind == FOLDER)
		mode |= 0700;
	say(w, "chmod %s 0%o", called(w, &a), mode);
	got = chmod(a.path, mode) != 0 ? errno : 0;
	if (a.file != NULL && a.file->kind == SYMLINK && !a.follow) {
		agree(w, got, ENOENT); /* what it points to */
		return;
	}
	same = a.file != NULL && a.file->mode == mode;
	agree_change(w, &a, got, same);
	if (got != 0 || a.file->sealed)
		return;
	mode_set(w, a.file, mode);
	was_set(w, a.file, same, began);
}

void do_chown(struct worker *w)
{
	struct aim a = pick_aim(w);
	uid_t uid = pick(w, 3) * 500;
	gid_t gid = pick(w, 2) * 600;
	uint64_t began = now_ms();
	bool same;
	int got;

	if (is_astray(&a))
		return;
	if (a.file != NULL && chance(w, 15)) {
		uid = a.file->uid;
		gid = a.file->gid;
	}
	say(w, "chown %s %u:%u", called(w, &a), uid, gid);
	got = fchownat(AT_FDCWD, a.path, uid, gid,
		a.follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0 ? errno : 0;
	same = a.file != NULL && a.file->uid == uid && a.file->gid == gid;
	agree_change(w, &a, got, same);
	if (got != 0)
		return;
	a.file->uid = uid;
	a.file->gid = gid;
	was_set(w, a.file, same, began);
}

void do_utimens(struct worker *w)
{
	struct aim a = pick_aim(w);
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
		{1000000000 + (time_t)pick(w, 500000000),
			(long)pick(w, 1000000000)}};
	uint64_t began = now_ms();
	bool same = false;
	int got;

	if (is_astray(&a))
		return;
	if (a.file != NULL && a.file->timed && chance(w, 15)) {
		t[1] = a.file->mtime;
		same = true;
	}
	say(w, "utimens %s %lld.%09ld", called(w, &a), (long long)t[1].tv_sec,
		t[1].tv_nsec);
	got = utimensat(AT_FDCWD, a.path, t,
		a.follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0 ? errno : 0;
	agree_change(w, &a, got, same);
	if (got != 0 || a.file->sealed)
		return;
	a.file->mtime = t[1];
	/* A mapping that was written to sets it again when it likes to. */
	a.file->timed = a.file->kind != FOLDER && a.file->mapped == 0;
	was_set(w, a.file, same, began);
}

/* -- extended attributes -- */

static const char *const attr_names[ATTRS] = {"user.a", "user.b", "user.c"};

static int want_setxattr(const struct file *f, const char *had,
	const char *value, int flags)
{
	if (*had != '\0' && flags == XATTR_CREATE)
		return EEXIST;
	if (*had == '\0' && flags == XATTR_REPLACE)
		return ENODATA;
	return f->sealed && strcmp(had, value) != 0 ? EPERM : 0;
}

void do_setxattr(struct worker *w)
{
	static const int kinds[] = {0, 0, 0, XATTR_CREATE, XATTR_REPLACE};
	struct aim a = pick_aim(w);
	unsigned i = pick(w, ATTRS);
	int flags = kinds[pick(w, 5)], got, want;
	uint64_t began = now_ms();
	char value[12];
	bool same;

	if (is_astray(&a))
		return;
	snprintf(value, sizeof value, "v%u", pick(w, 4));
	say(w, "setxattr %s %s %s flags %d", called(w, &a), attr_names[i],
		value, flags);
	got = (a.follow ? setxattr : lsetxattr)(a.path, attr_names[i], value,
		strlen(value), flags) != 0 ? errno : 0;
	if (a.file == NULL) {
		agree(w, got, ENOENT);
		return;
	}
	if (a.file->kind != FILE_ && a.file->kind != FOLDER) {
		agree(w, got, EPERM); /* the kernel allows none */
		return;
	}
	want = want_setxattr(a.file, a.file->attr[i], value, flags);
	if (got != want && got == EPERM && look_again(w, a.file, NULL))
		want = want_setxattr(a.file, a.file->attr[i], value, flags);
	agree(w, got, want);
	if (got != 0)
		return;
	same = strcmp(a.file->attr[i], value) == 0;
	memcpy(a.file->attr[i], value, sizeof value);
	was_set(w, a.file, same, began);
}

void do_removexattr(struct worker *w)
{
	struct aim a = pick_aim(w);
	unsigned i = pick(w, ATTRS);
	uint64_t began = now_ms();
	int got, want;

	if (is_astray(&a))
		return;
	say(w, "removexattr %s %s", called(w, &a), attr_names[i]);
	got = (a.follow ? removexattr : lremovexattr)(a.path,
		attr_names[i]) != 0 ? errno : 0;
	if (a.file == NULL) {
		agree(w, got, ENOENT);
		return;
	}
	if (a.file->kind != FILE_ && a.file->kind != FOLDER) {
		agree(w, got, EPERM);
		return;
	}
	if (got == EPERM && !a.file->sealed)
		look_again(w, a.file, NULL);
	want = a.file->attr[i][0] == '\0' ? ENODATA :
		a.file->sealed ? EPERM : 0;
	agree(w, got, want);
	if (got != 0)
		return;
	a.file->attr[i][0] = '\0';
	changed(a.file, began);
}

/* -- truncate by name -- */

static int want_truncate(const struct worker *w, const struct aim *a)
{
	const struct file *f = a->file;

	if (f == NULL || (f->kind == SYMLINK && !a->follow))
		return ENOENT;
	if (f->kind == FOLDER)
		return EISDIR;
	if (f->kind != FILE_)
		return EINVAL;
	return may_write(w, f) ? 0 : EPERM;
}

void do_truncate(struct worker *w)
{
	struct aim a = pick_aim(w);
	size_t size = chance(w, 20) ? 0 : pick(w, 9000);
	uint64_t began = now_ms();
	int got, want;

	if (is_astray(&a))
		return;
	if (a.file != NULL && chance(w, 10))
		size = a.file->size;
	say(w, "truncate %s %zu", called(w, &a), size);
	got = truncate(a.path, (off_t)size) != 0 ? errno : 0;
	want = want_truncate(w, &a);
	if (got != want && got == EPERM && look_again(w, a.file, NULL))
		want = want_truncate(w, &a);
	agree(w, got, want);
	if (got != 0)
		return;
	tree_resize(a.file, size);
	a.file->timed = false;
	changed(a.file, began);
}

/* -- sealing on demand -- */

static int want_seal(const struct worker *w, const struct file *f)
{
	if (f->kind == FOLDER || f->sealed)
		return 0;
	if (class_of(w, f) != SEAL)
		return EINVAL;
	return f->writers > 0 ? EBUSY : 0;
}

/* A symlink takes no user attributes: its folder is asked. */
static int ask(const struct spot *s)
{
	char folder[PATH_ROOM], value[32];

	if (s->name->file->kind != SYMLINK)
		return setxattr(s->path, "user.notary.seal", "1", 1, 0);
	memcpy(folder, s->path, sizeof folder);
	*strrchr(folder, '/') = '\0';
	snprintf(value, sizeof value, "link:%s", s->text);
	return setxattr(folder, "user.notary.seal", value, strlen(value), 0);
}

void do_seal(struct worker *w)
{
	struct spot s = pick_spot(w, 99);
	struct file *f;
	uint64_t began = now_ms();
	int got, want;

	/* What can be sealed rather than what cannot. */
	if (s.name == NULL || want_seal(w, s.name->file) != 0)
		s = pick_spot(w, 99);
	if (s.err != 0 || s.name == NULL || s.name->file->kind == FIFO)
		return;
	f = s.name->file;
	want = want_seal(w, f);
	if (want == EBUSY && !chance(w, 5))
		return; /* half a second each */
	say(w, "seal %s", s.path + strlen(opt.mnt) + 1 + strlen(w->top));
	do {
		got = ask(&s) != 0 ? errno : 0;
	} while (got == EBUSY && want == 0 && now_ms() < began + BUSY_MS);
	if (got != want && look_again(w, f, NULL))
		want = want_seal(w, f);
	agree(w, got, want);
	if (got == 0 && f->kind != FOLDER)
		seal(w, f);
}

/* chattr +i seals, chattr -i does not unseal. */
static int set_flag(int fd, bool on)
{
	int flags = on ? FS_IMMUTABLE_FL : 0;

	return ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0 ? errno : 0;
}

void do_flags(struct worker *w)
{
	struct spot s = pick_spot(w, 99);
	bool on = chance(w, 40);
	int fd, flags = 0, got, want;
	struct file *f;

	if (s.err != 0 || s.name == NULL || s.name->file->kind != FILE_)
		return;
	f = s.name->file;
	if (f->writers > 0)
		return;
	say(w, "chattr %ci %s", on ? '+' : '-',
		s.path + strlen(opt.mnt) + 1 + strlen(w->top));
	fd = open(s.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		wrong(w, "cannot be opened: %s", errno_name(errno));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		wrong(w, "no flags: %s", errno_name(errno));
	if ((flags & FS_IMMUTABLE_FL) != 0 && !f->sealed)
		look_again(w, f, NULL);
	if (((flags & FS_IMMUTABLE_FL) != 0) != f->sealed &&
		!may_be_sealed(w, f))
		wrong(w, "lsattr says %d, sealed is %d", flags, f->sealed);
	got = set_flag(fd, on);
	close(fd);
	want = on ? want_seal(w, f) : f->sealed ? EPERM : 0;
	if (got != want && look_again(w, f, NULL))
		want = on ? want_seal(w, f) : f->sealed ? EPERM : 0;
	agree(w, got, want);
	if (on && got == 0)
		seal(w, f);
}

/* Operations on open files and mappings. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER 150000

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* -- open -- */

static int pick_flags(struct worker *w)
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR};
	int flags = modes[pick(w, 4)] | O_NOFOLLOW | O_CLOEXEC;

	flags |= chance(w, 60) ? O_CREAT : 0;
	flags |= (flags & O_CREAT) != 0 && chance(w, 15) ? O_EXCL : 0;
	flags |= chance(w, 15) ? O_TRUNC : 0;
	return flags | (chance(w, 12) ? O_APPEND : 0);
}

static int want_open(const struct worker *w, const struct spot *s, int flags)
{
	const struct file *f;

	if (s->err != 0)
		return s->err;
	if (s->name == NULL)
		return (flags & O_CREAT) != 0 ? 0 : ENOENT;
	f = s->name->file;
	if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
		return EEXIST;
	if (f->kind == SYMLINK)
		return ELOOP;
	if (f->kind == FOLDER)
		return writes(flags) || (flags & (O_CREAT | O_TRUNC)) != 0 ?
			EISDIR : 0;
	return (writes(flags) || (flags & O_TRUNC) != 0) && !may_write(w, f) ?
		EPERM : 0;
}

static void close_slot(struct worker *w, struct slot *s);

static void fill_slot(struct worker *w, struct slot *s, struct file *f,
	int fd, int flags, bool made)
{
	struct slot old = *s;

	*s = (struct slot){.fd = fd, .file = f, .flags = flags};
	/* Counted as a writer is who only truncates. */
	if (!made && (flags & O_TRUNC) != 0) {
		tree_resize(f, 0);
		f->timed = false;
		s->flags |= O_TRUNC;
	} else {
		s->flags &= ~O_TRUNC;
	}
	if (writes(s->flags) || (s->flags & O_TRUNC) != 0)
		f->writers++;
	if (old.file != NULL)
		close_slot(w, &old);
}

static void take_over(struct file *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0) {
		f->ino = st.st_ino;
		f->uid = st.st_uid;
		f->gid = st.st_gid;
	}
}

/* One more descriptor of what is open, also of what is unlinked. */
static void open_again(struct worker *w, struct slot *of)
{
	struct slot *s = &w->slot[pick(w, SLOTS)];
	int flags = pick_flags(w) & ~(O_CREAT | O_EXCL | O_NOFOLLOW);
	struct file *f = of->file;
	bool write = writes(flags) || (flags & O_TRUNC) != 0;
	char path[32];
	int fd, got;

	snprintf(path, sizeof path, "/proc/self/fd/%d", of->fd);
	say(w, "open again %s flags 0%o", path, flags);
	fd = open(path, flags);
	got = fd < 0 ? errno : 0;
	if (got == EPERM && write && may_write(w, f))
		look_again(w, f, NULL);
	agree(w, got, write && !may_write(w, f) ? EPERM : 0);
	if (got == 0)
		fill_slot(w, s, f, fd, flags, false);
}

void do_open(struct worker *w)
{
	static const mode_t modes[] = {0644, 0644, 0600, 0444, 0755};
	struct slot *slot = &w->slot[pick(w, SLOTS)];
	struct spot s = pick_spot(w, 60);
	mode_t mode = modes[pick(w, 5)];
	int flags = pick_flags(w), fd, got, want;
	uint64_t began = now_ms();
	bool made = s.name == NULL;
	struct file *f;

	if (s.name != NULL && s.name->file->kind == FIFO)
		return;
	say(w, "open %s flags 0%o mode 0%o", s.path + strlen(opt.mnt) + 1 +
		strlen(w->top), flags, mode);
	fd = open(s.path, flags, mode);
	got = fd < 0 ? errno : 0;
	want = want_open(w, &s, flags);
	if (got != want && got == EPERM && look_again(w, s.name->file, NULL))
		want = want_open(w, &s, flags);
	agree(w, got, want);
	if (got != 0)
		return;
	if (!made && s.name->file->kind == FOLDER) {
		close(fd);
		return;
	}
	if (made) {
		f = tree_new(w, FILE_, mode);
		tree_add(s.folder, s.text, f);
		take_over(f, fd);
		changed(f, began);
	} else {
		f = s.name->file;
	}
	fill_slot(w, slot, f, fd, flags, made);
}

/* -- close -- */

/* What holds it open, descriptor or mapping, went. */
static void slot_went(struct worker *w, struct slot *s, uint64_t began)
{
	struct file *f = s->file;
	bool writer = writes(s->flags) || (s->flags & O_TRUNC) != 0;

	if (s->fd >= 0 || s->map != NULL)
		return;
	*s = (struct slot){.fd = -1};
	if (!writer)
		return;
	writer_gone(w, f, began);
	until_closed(w, f);
}

static void unmap(struct worker *w, struct slot *s)
{
	uint64_t began = now_ms();

	say(w, "munmap of inode %llu", (unsigned long long)s->file->ino);
	munmap(s->map, s->map_n);
	s->map = NULL;
	s->file->mapped--;
	if (s->map_writes)
		s->file->timed = false;
	slot_went(w, s, began);
}

static void close_fd(struct worker *w, struct slot *s)
{
	uint64_t began = now_ms();

	say(w, "close %d of inode %llu", s->fd,
		(unsigned long long)s->file->ino);
	agree(w, close(s->fd) != 0 ? errno : 0, 0);
	s->fd = -1;
	slot_went(w, s, began);
}

static void close_slot(struct worker *w, struct slot *s)
{
	if (s->fd >= 0)
		close_fd(w, s);
	if (s->map != NULL)
		unmap(w, s);
}

void close_all(struct worker *w)
{
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		if (w->slot[i].file != NULL)
			close_slot(w, &w->slot[i]);
}

/* -- content -- */

static size_t pick_length(struct worker *w)
{
	return chance(w, 4) ? pick(w, BUFFER) : pick(w, 5000);
}

static size_t pick_offset(struct worker *w, const struct file *f)
{
	size_t most = f->size + 3000;

	if (most > SIZE_MAX_FILE - BUFFER)
		most = SIZE_MAX_FILE - BUFFER;
	return pick(w, (unsigned)most);
}

static void write_some(struct worker *w, struct slot *s)
{
	static _Thread_local uint8_t p[BUFFER];
	size_t n = pick_length(w), at = pick_offset(w, s->file);
	bool append = (s->flags & O_APPEND) != 0;
	ssize_t k;

	if (append && s->file->size + n > SIZE_MAX_FILE)
		return;
	prng_fill(&w->r, p, n);
	at = append ? s->file->size : at;
	say(w, "write %d of inode %llu, %zu at %zu%s", s->fd,
		(unsigned long long)s->file->ino, n, at,
		append ? " (append)" : "");
	k = append ? write(s->fd, p, n) : pwrite(s->fd, p, n, (off_t)at);
	agree(w, k < 0 ? errno : 0, writes(s->flags) ? 0 : EBADF);
	if (k < 0)
		return;
	if ((size_t)k != n)
		wrong(w, "%zd of %zu bytes were written", k, n);
	tree_write(s->file, at, p, n);
}

static void read_some(struct worker *w, struct slot *s)
{
	static _Thread_local uint8_t p[BUFFER];
	size_t n = pick_length(w), at = pick_offset(w, s->file), want, i;
	ssize_t k;

	say(w, "read %d of inode %llu, %zu at %zu", s->fd,
		(unsigned long long)s->file->ino, n, at);
	k = pread(s->fd, p, n, (off_t)at);
	agree(w, k < 0 ? errno : 0,
		(s->flags & O_ACCMODE) == O_WRONLY ? EBADF : 0);
	if (k < 0)
		return;
	want = at >= s->file->size ? 0 : s->file->size - at;
	want = want < n ? want : n;
	if ((size_t)k != want)
		wrong(w, "%zd bytes were read, should be %zu", k, want);
	for (i = 0; i < want; i++)
		if (p[i] != s->file->data[at + i])
			wrong(w, "byte %zu is %02x, should be %02x", at + i,
				p[i], s->file->data[at + i]);
}

static void truncate_some(struct worker *w, struct slot *s)
{
	size_t size = pick_offset(w, s->file);
	int got;

	say(w, "ftruncate %d of inode %llu to %zu", s->fd,
		(unsigned long long)s->file->ino, size);
	got = ftruncate(s->fd, (off_t)size) != 0 ? errno : 0;
	agree(w, got, writes(s->flags) ? 0 : EINVAL);
	if (got != 0)
		return;
	tree_resize(s->file, size);
	s->file->timed = false;
}

static void allocate(struct worker *w, struct slot *s)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	int mode = modes[pick(w, 5)], got;
	size_t at = pick_offset(w, s->file), n = 1 + pick(w, 20000), end;
	struct file *f = s->file;

	say(w, "fallocate %d of inode %llu mode %d, %zu at %zu", s->fd,
		(unsigned long long)f->ino, mode, n, at);
	got = fallocate(s->fd, mode, (off_t)at, (off_t)n) != 0 ? errno : 0;
	if (got == EOPNOTSUPP && mode != 0)
		return; /* not there below files/ */
	agree(w, got, writes(s->flags) ? 0 : EBADF);
	if (got != 0)
		return;
	f->timed = false;
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && at + n > f->size)
		tree_resize(f, at + n);
	end = at + n < f->size ? at + n : f->size;
	if (mode > FALLOC_FL_KEEP_SIZE && at < end)
		memset(f->data + at, 0, end - at);
}

static void copy_some(struct worker *w, struct slot *s)
{
	struct slot *to = &w->slot[pick(w, SLOTS)];
	off_t from_at, to_at;
	size_t n = 1 + pick(w, 9000), there;
	bool can;
	ssize_t k;

	if (to->file == NULL || to->fd < 0 || to->file == s->file)
		return;
	from_at = (off_t)pick_offset(w, s->file);
	to_at = (off_t)pick_offset(w, to->file);
	can = (s->flags & O_ACCMODE) != O_WRONLY && writes(to->flags) &&
		(to->flags & O_APPEND) == 0;
	say(w, "copy %zu from %d at %lld to %d at %lld", n, s->fd,
		(long long)from_at, to->fd, (long long)to_at);
	there = (size_t)from_at >= s->file->size ? 0 :
		s->file->size - (size_t)from_at;
	there = there < n ? there : n;
	k = copy_file_range(s->fd, &(off_t){from_at}, to->fd, &(off_t){to_at},
		n, 0);
	agree(w, k < 0 ? errno : 0, can ? 0 : EBADF);
	if (k < 0)
		return;
	if ((size_t)k > there || (k == 0 && there > 0))
		wrong(w, "%zd bytes of %zu were copied", k, there);
	tree_write(to->file, (size_t)to_at, s->file->data + from_at,
		(size_t)k);
	to->file->timed = false;
}

/* Where a hole is, zeros are.  Pages that were stored to in a mapping are not
 * seen before they are written back; the kernel does not do that first. */
static void seek_some(struct worker *w, struct slot *s)
{
	size_t at = pick_offset(w, s->file), i;
	off_t data, size = (off_t)s->file->size;

	if (s->file->mapped > 0)
		return;
	say(w, "seek %d of inode %llu from %zu", s->fd,
		(unsigned long long)s->file->ino, at);
	data = lseek(s->fd, (off_t)at, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		wrong(w, "SEEK_DATA: %s", errno_name(errno));
	if ((off_t)at >= size && data >= 0)
		wrong(w, "SEEK_DATA finds data behind the end");
	data = data < 0 ? size : data;
	if (data < (off_t)at && (off_t)at < size)
		wrong(w, "SEEK_DATA goes back");
	for (i = at; i < (size_t)data; i++)
		if (s->file->data[i] != 0)
			wrong(w, "byte %zu is no hole", i);
}

static void sync_some(struct worker *w, struct slot *s)
{
	bool data = chance(w, 50);

	say(w, "fsync %d of inode %llu", s->fd,
		(unsigned long long)s->file->ino);
	agree(w, (data ? fdatasync(s->fd) : fsync(s->fd)) != 0 ? errno : 0, 0);
}

/* -- mappings -- */

static void map(struct worker *w, struct slot *s)
{
	bool write = writes(s->flags) && chance(w, 70);
	void *p;

	if (s->file->size == 0)
		return;
	say(w, "mmap %d of inode %llu, %zu%s", s->fd,
		(unsigned long long)s->file->ino, s->file->size,
		write ? ", to write" : "");
	p = mmap(NULL, s->file->size, write ? PROT_READ | PROT_WRITE :
		PROT_READ, MAP_SHARED, s->fd, 0);
	agree(w, p == MAP_FAILED ? errno : 0,
		(s->flags & O_ACCMODE) == O_WRONLY ? EACCES : 0);
	if (p == MAP_FAILED)
		return;
	s->map = p;
	s->map_n = s->file->size;
	s->map_writes = write;
	s->file->mapped++;
	s->file->timed = false;
}

static void use_map(struct worker *w, struct slot *s)
{
	size_t most = s->map_n < s->file->size ? s->map_n : s->file->size;
	size_t at, n, i;

	if (most == 0)
		return;
	at = pick(w, (unsigned)most);
	n = 1 + pick(w, (unsigned)(most - at));
	n = n < 3000 ? n : 3000;
	if (s->map_writes && chance(w, 60)) {
		say(w, "store to map of inode %llu, %zu at %zu",
			(unsigned long long)s->file->ino, n, at);
		prng_fill(&w->r, s->map + at, n);
		tree_write(s->file, at, s->map + at, n);
		if (chance(w, 30))
			agree(w, msync(s->map, s->map_n, MS_SYNC) != 0 ?
				errno : 0, 0);
		return;
	}
	say(w, "load from map of inode %llu, %zu at %zu",
		(unsigned long long)s->file->ino, n, at);
	for (i = at; i < at + n; i++)
		if (s->map[i] != s->file->data[i])
			wrong(w, "mapped byte %zu is %02x, should be %02x", i,
				s->map[i], s->file->data[i]);
}

/* -- one step -- */

void do_handle(struct worker *w)
{
	static void (*const acts[])(struct worker *, struct slot *) = {
		write_some, write_some, write_some, write_some, read_some,
		read_some, truncate_some, allocate, copy_some, seek_some,
		sync_some, open_again,
	};
	struct slot *s = &w->slot[pick(w, SLOTS)];

	if (s->file == NULL)
		do_open(w);
	else if (s->map != NULL && chance(w, 50))
		use_map(w, s);
	else if (s->map != NULL && chance(w, 25))
		unmap(w, s);
	else if (s->fd < 0)
		use_map(w, s);
	else if (chance(w, 18))
		close_fd(w, s);
	else if (s->map == NULL && chance(w, 12))
		map(w, s);
	else if (chance(w, 8))
		look_fd(w, s->file, s->fd);
	else
		acts[pick(w, sizeof acts / sizeof *acts)](w, s);
}

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/keywalk.h"
#include "backends/worm_dir.h"
#include "backends/worm_mem.h"
#include "core/cleanup.h"
#include "tests/lib/fault_worm.h"
#include "tests/lib/scratch.h"
#include "tests/lib/worm_suite.h"
#include "tests/tap/tap.h"

#define RACES 20
#define MANY (KEYWALK_NAMES + 5000)
#define NOBODY 65534

static struct bytes text(const char *s)
{
	return BYTES(s, strlen(s));
}

static struct worm *open_dir(const char *path, bool read_only)
{
	struct worm *w;
	int rc = worm_dir_open(path, !read_only, read_only, &w);

	if (rc != 0)
		bail("worm_dir_open: %d", rc);
	return w;
}

static struct worm *fresh_mem(void *ctx)
{
	(void)ctx;
	return worm_mem_new();
}

/* A bucket without faults is the bucket itself. */
static struct worm *fresh_faultless(void *ctx)
{
	return fault_worm_new(worm_mem_new(), ctx);
}

static struct worm *fresh_dir(void *ctx)
{
	static int n;
	char name[32];

	snprintf(name, sizeof name, "b%d", n++);
	return open_dir(scratch_path(ctx, name), false);
}

/* How many names a folder holds. */
static int count_names(const char *path)
{
	cleanup(free) char *command = NULL;
	FILE *f;
	int n = -1;

	if (asprintf(&command, "ls -A '%s' 2>/dev/null | wc -l", path) < 0)
		return -1;
	f = popen(command, "r");
	if (f == NULL || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f != NULL)
		pclose(f);
	return n;
}

/* What a child says is not our TAP; its failures are worth reading. */
static void relay(int fd)
{
	FILE *f = fdopen(fd, "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "ok ", 3) != 0 && strncmp(line, "1..", 3) != 0)
			diag("  child: %.*s", (int)strcspn(line, "\n"), line);
	if (f != NULL)
		fclose(f);
}

/* Runs f in a child; its exit status. */
static int in_child(int (*f)(const char *dir), const char *dir)
{
	int status, out[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(out) != 0 || (pid = fork()) < 0)
		bail("cannot fork");
	if (pid == 0) {
		close(out[0]);
		dup2(out[1], STDOUT_FILENO);
		close(out[1]);
		status = f(dir);
		fflush(stdout);
		_exit(status);
	}
	close(out[1]);
	relay(out[0]);
	if (waitpid(pid, &status, 0) != pid)
		bail("cannot wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* As on an old kernel or an odd file system: no openat2(), no O_TMPFILE. */
static void be_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY,
			0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof code / sizeof *code, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		bail("no seccomp filter");
}

static int begin_and_die(const char *dir)
{
	struct worm *w = open_dir(dir, false);
	struct worm_put *p;

	if (w->ops->put(w, "d/crash", 8, &p) != 0 ||
			w->ops->write(p, text("half")) != 0)
		return 1;
	return 42; /* no commit, no abort: the process ends here */
}

static int begin_and_die_old(const char *dir)
{
	be_old();
	return begin_and_die(dir);
}

static void t_crash(const char *dir, int (*child)(const char *),
	const char *how)
{
	struct worm *w;

	is_int(in_child(child, dir), 42, "a process dies amid a put (%s)",
		how);
	w = open_dir(dir, true);
	is_str(worm_listing(w, ""), "", "W5: nothing is listed");
	w->ops->free(w);
	w = open_dir(dir, false);
	is_str(worm_listing(w, ""), "", "W5: nor by who may write");
	is_int(count_names(scratch_path(dir, "+tmp")), 0,
		"opening has removed what was left");
	is_int(worm_put_all(w, "d/crash", text("whole")), 0,
		"the key is free");
	w->ops->free(w);
}

/* A live writer's file under +tmp/ is not taken for a leftover. */
static int share_old(const char *dir)
{
	struct worm *a, *b;
	struct worm_put *p;

	be_old();
	a = open_dir(dir, false);
	if (a->ops->put(a, "shared", 4, &p) != 0 ||
			a->ops->write(p, text("mine")) != 0)
		return 1;
	if (count_names(scratch_path(dir, "+tmp")) != 1)
		return 2;
	b = open_dir(dir, false);
	b->ops->free(b);
	if (a->ops->commit(p) != 0)
		return 3;
	if (count_names(scratch_path(dir, "+tmp")) != 0)
		return 4;
	a->ops->free(a);
	return 0;
}

static int suite_old(const char *dir)
{
	be_old();
	worm_suite("folder, old kernel", fresh_dir, (void *)(uintptr_t)dir);
	return done();
}

/* Puts its own bytes under RACES keys and tells which were taken. */
static void race(const char *dir, int me, int start, int out)
{
	struct worm *w = open_dir(dir, false);
	char key[32], mine[32], won[RACES];
	int i, rc;

	if (read(start, mine, 1) != 0) /* until the other end is closed */
		_exit(1);
	for (i = 0; i < RACES; i++) {
		snprintf(key, sizeof key, "race/%d", i);
		snprintf(mine, sizeof mine, "bytes of %d", me);
		rc = worm_put_all(w, key, text(mine));
		won[i] = rc == 0 ? 'w' : rc == -EEXIST ? '-' : '?';
	}
	_exit(write(out, won, RACES) == RACES ? 0 : 1);
}

static void t_race(const char *dir)
{
	char won[2][RACES];
	int start[2], out[2][2], i, status, both = 0, none = 0, odd = 0;
	pid_t pid[2];

	if (pipe(start) != 0)
		bail("no pipe");
	for (i = 0; i < 2; i++) {
		if (pipe(out[i]) != 0 || (pid[i] = fork()) < 0)
			bail("no child");
		if (pid[i] == 0) {
			close(start[1]);
			race(dir, i, start[0], out[i][1]);
		}
	}
	close(start[1]);
	for (i = 0; i < 2; i++) {
		if (read(out[i][0], won[i], RACES) != RACES)
			bail("a racer fell");
		waitpid(pid[i], &status, 0);
		close(out[i][0]);
		close(out[i][1]);
	}
	close(start[0]);
	for (i = 0; i < RACES; i++) {
		both += won[0][i] == 'w' && won[1][i] == 'w';
		none += won[0][i] == '-' && won[1][i] == '-';
		odd += won[0][i] == '?' || won[1][i] == '?';
	}
	is_int(odd, 0, "W3: two processes put other bytes under one key: "
		"0 or -EEXIST");
	is_int(both, 0, "W3: never do both win");
	is_int(none, 0, "W3: never does none");
}

static int flags_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), flags = -1;

	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		flags = -1;
	if (fd >= 0)
		close(fd);
	return flags;
}

static int replace_all(struct worm *w, const char *key, const char *s)
{
	struct worm_put *p;
	int rc = w->ops->replace(w, key, strlen(s), &p);

	if (rc == 0)
		rc = w->ops->write(p, text(s));
	return rc != 0 ? rc : w->ops->commit(p);
}

static void t_on_disk(const char *dir)
{
	struct worm *w = open_dir(dir, false);
	const char *path = scratch_path(dir, "a/b/c");
	struct statfs fs;
	struct stat st;

	is_int(worm_put_all(w, "a/b/c", text("plain")), 0, "an object");
	w->ops->free(w);
	is_int(stat(path, &st), 0, "is a file under its key");
	is_int(st.st_mode & 07777, 0444, "that nobody may write");
	is_int(st.st_nlink, 1, "and that has one name");
	w = open_dir(dir, false);
	is_str(worm_listing(w, ""), "a/b/c=5", "W2: it is there after a "
		"restart");
	is_int(worm_put_all(w, "a/b/c", text("plain")), 0,
		"W3: and can be put again");
	is_int(worm_put_all(w, "a/b", text("x")), -EEXIST,
		"a folder's name is no free key");
	is_int(worm_put_all(w, "a/b/c/d", text("x")), -ENOTDIR,
		"an object's name is no folder");
	is_str(worm_listing(w, ""), "a/b/c=5", "and neither left anything");
	is_int(replace_all(w, "a/b/c", "right"), 0, "W6: it is replaced");
	w->ops->free(w);
	is_int(stat(scratch_path(dir, "+damaged/a+b+c.1"), &st), 0,
		"and kept where no key names it");
	is_int(st.st_mode & 07777, 0444, "as it was");
	if (geteuid() != 0 || statfs(dir, &fs) != 0 ||
			fs.f_type != EXT4_SUPER_MAGIC || flags_of(path) < 0)
		skip(2, "immutable files need root and a file system that "
			"has them");
	else {
		ok(flags_of(path) & FS_IMMUTABLE_FL, "it is immutable");
		ok(unlink(path) != 0 && errno == EPERM,
			"W4: so that root cannot remove it by mistake");
	}
}

/* Somebody without rights: all the same but the flag. */
static int as_nobody(const char *dir)
{
	const char *path;
	struct worm *w;

	if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 ||
			setuid(NOBODY) != 0)
		return 1;
	path = scratch_path(dir, "bucket");
	w = open_dir(path, false);
	if (worm_put_all(w, "n/k", text("x")) != 0)
		return 2;
	if (worm_put_all(w, "n/k", text("x")) != 0)
		return 3;
	if (worm_put_all(w, "n/k", text("y")) != -EEXIST)
		return 4;
	w->ops->free(w);
	return flags_of(scratch_path(path, "n/k")) & FS_IMMUTABLE_FL ? 5 : 0;
}

static void t_nobody(const char *dir)
{
	if (geteuid() != 0) {
		skip(1, "changing to another user needs root");
		return;
	}
	if (mkdir(dir, 0755) != 0 || chmod(dir, 0777) != 0)
		bail("cannot make %s", dir);
	is_int(in_child(as_nobody, dir), 0,
		"without rights: put, put again, refused; not immutable");
}

static void t_read_only(const char *dir)
{
	struct worm *w = NULL;
	struct worm_put *p;

	is_int(worm_dir_open(dir, true, true, &w), -ENOENT,
		"read-only makes no bucket");
	is_int(worm_dir_open(dir, false, false, &w), -ENOENT,
		"nor does who may not create");
	ok(w == NULL, "and nothing is returned");
	w = open_dir(dir, false);
	is_int(worm_put_all(w, "k", text("v")), 0, "an object");
	w->ops->free(w);
	rmdir(scratch_path(dir, "+tmp"));
	w = open_dir(dir, true);
	is_str(worm_listing(w, ""), "k=1", "read-only lists it");
	is_int(w->ops->put(w, "l", 1, &p), -EROFS, "and puts nothing");
	is_int(w->ops->put(w, "k", 1, &p), -EROFS, "not even the same");
	w->ops->free(w);
	is_int(access(scratch_path(dir, "+tmp"), F_OK), -1,
		"nor does it make a folder");
	is_int(worm_dir_open(scratch_path(dir, "k"), true, false, &w),
		-ENOTDIR, "a file is no bucket");
}

/* What others may have put into the folder. */
static void t_foreign(const char *dir)
{
	const char *outside = scratch_path(dir, "../outside");
	struct worm *w = open_dir(dir, false);
	uint64_t size;
	int fd;

	if (mkdir(outside, 0700) != 0 ||
			symlink("../outside", scratch_path(dir, "way")) != 0 ||
			symlink("../outside/f", scratch_path(dir, "link")) != 0 ||
			mkfifo(scratch_path(dir, "pipe"), 0600) != 0)
		bail("cannot prepare");
	fd = open(scratch_path(outside, "f"), O_WRONLY | O_CREAT, 0600);
	close(fd);
	fd = open(scratch_path(dir, "not a key"), O_WRONLY | O_CREAT, 0600);
	close(fd);
	is_str(worm_listing(w, ""), "", "links, pipes and odd names are no "
		"objects");
	is_str(worm_listing(w, "way/"), "", "and no links are followed");
	is_int(w->ops->size(w, "way/f", &size), -ENOENT,
		"not on the way to a key");
	is_int(w->ops->size(w, "link", &size), -ENOENT, "nor at its end");
	is_int(w->ops->get(w, "pipe", 0, &size, 1), -ENOENT,
		"a pipe stops nobody");
	is_int(worm_put_all(w, "link", text("x")), -EEXIST,
		"nothing is put through a link");
	is_int(worm_put_all(w, "pipe", text("x")), -EEXIST, "nor a pipe");
	ok(worm_put_all(w, "way/g", text("x")) < 0, "nor below a link");
	is_int(access(scratch_path(outside, "g"), F_OK), -1,
		"nothing came to be outside");
	w->ops->free(w);
}

static int foreign_old(const char *dir)
{
	be_old();
	t_foreign(dir);
	return done();
}

struct order {
	char last[WORM_KEY_MAX + 1];
	int n, wrong;
};

static int in_order(void *ctx, const char *key, uint64_t size)
{
	struct order *o = ctx;

	(void)size;
	o->wrong += strcmp(o->last, key) >= 0;
	strcpy(o->last, key);
	o->n++;
	return 0;
}

/* A folder with more names than are held in memory at once. */
static void t_large(const char *dir)
{
	struct worm *w = open_dir(dir, false);
	struct order all = {0}, some = {0};
	char path[64];
	int root = open(dir, O_RDONLY | O_DIRECTORY), fd, i;

	if (root < 0 || mkdirat(root, "n", 0700) != 0)
		bail("cannot prepare");
	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof path, "n/%05x",
			(unsigned)i * 7919u % MANY);
		fd = openat(root, path, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			bail("cannot make %s", path);
		close(fd);
	}
	close(root);
	is_int(w->ops->list(w, "", in_order, &all), 0, "list %d keys", MANY);
	is_int(all.n, MANY, "each once");
	is_int(all.wrong, 0, "in ascending order");
	is_int(w->ops->list(w, "n/0000", in_order, &some), 0, "some of them");
	is_int(some.n, 16, "are found by prefix");
	w->ops->free(w);
}

/* After every single failure the same put succeeds and nothing is odd. */
static void t_faults(struct worm *inner, bool after)
{
	struct fault_plan plan = FAULT_NONE;
	struct worm *w = fault_worm_new(inner, &plan);
	char key[32];
	int n, rc, odd = 0;
	bool failed;

	for (n = 0, failed = true; failed; n++) {
		snprintf(key, sizeof key, "f/%d", n);
		fault_arm(&plan, n, -EIO, after);
		rc = worm_put_all(w, key, text("bytes"));
		failed = fault_disarm(&plan);
		odd += rc != (failed ? -EIO : 0);
		odd += worm_put_all(w, key, text("bytes")) != 0;
		odd += worm_put_all(w, key, text("other")) != -EEXIST;
	}
	is_int(n, 4, "put, write and commit can fail");
	is_int(odd, 0, "each failure is told, and putting again succeeds");
	atomic_store(&plan.read_only, true);
	is_int(worm_put_all(w, "f/0", text("bytes")), -EROFS, "read-only");
	atomic_store(&plan.unreachable, true);
	is_str(worm_listing(w, ""), "error -113", "unreachable");
	w->ops->free(w);
}

int main(void)
{
	char *dir = scratch_new(), *ram = NULL;
	struct fault_plan none = FAULT_NONE;

	plan(0);
	chmod(dir, 0711); /* for the test as nobody */
	worm_suite("memory", fresh_mem, NULL);
	worm_suite("faultless", fresh_faultless, &none);
	worm_suite("folder", fresh_dir, dir);
	is_int(in_child(suite_old, dir), 0, "folder without openat2 and "
		"O_TMPFILE: the whole suite");
	t_crash(scratch_path(dir, "crash"), begin_and_die, "no name");
	t_crash(scratch_path(dir, "crash-old"), begin_and_die_old, "named");
	is_int(in_child(share_old, scratch_path(dir, "share")), 0,
		"two processes with files under +tmp/");
	t_race(scratch_path(dir, "race"));
	t_on_disk(scratch_path(dir, "disk"));
	t_nobody(scratch_path(dir, "nobody"));
	t_read_only(scratch_path(dir, "ro"));
	mkdir(scratch_path(dir, "new"), 0700);
	t_foreign(scratch_path(dir, "new/bucket"));
	mkdir(scratch_path(dir, "old"), 0700);
	is_int(in_child(foreign_old, scratch_path(dir, "old/bucket")), 0,
		"links without openat2");
	if (access("/dev/shm", W_OK) == 0) {
		setenv("TMPDIR", "/dev/shm", 1);
		ram = scratch_new();
		t_large(scratch_path(ram, "large"));
		scratch_remove(ram);
	} else {
		skip(5, "no file system in memory");
	}
	t_faults(worm_mem_new(), false);
	t_faults(worm_mem_new(), true);
	t_faults(open_dir(scratch_path(dir, "faults"), false), true);
	scratch_remove(dir);
	return done();
}

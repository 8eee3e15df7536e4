/* The database of backends/local_sqlite: what is one, and a large one. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/local_shm.h"
#include "backends/local_sqlite.h"
#include "core/cleanup.h"
#include "tests/lib/said.h"
#include "tests/tap/tap.h"

static char dir[] = "/tmp/t_local.XXXXXX";
static char file[64];

static struct local *reopen(struct local *l)
{
	if (l != NULL)
		l->ops->free(l);
	if (local_sqlite_open(file, false, false, &l) != 0)
		bail("cannot open %s again", file);
	return l;
}

static void write_file(const char *path, const char *what)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(what, f) < 0 || fclose(f) != 0)
		bail("cannot write %s", path);
}

static void t_open(void)
{
	struct local *l = NULL, *m = NULL;
	char other[80];
	struct stat st;

	is_int(local_sqlite_open(file, false, false, &l), -ENOENT,
		"a database that is not there is not made");
	is_int(local_sqlite_open(file, false, true, &l), -ENOENT,
		"nor is one that is to be read only");
	is_int(local_sqlite_open(file, true, false, &l), 0, "it is created");
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600,
		"nobody else may read it");
	is_int(local_sqlite_open(file, true, true, &m), -EINVAL,
		"creating and only reading do not go together");
	l->ops->free(l);
	is_int(local_sqlite_open(file, true, false, &l), 0,
		"create opens one that is there");
	l->ops->free(l);

	snprintf(other, sizeof(other), "%s/other", dir);
	write_file(other, "this is no database, and longer than the header of"
			  " one is, which is a hundred bytes and no more\n");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"another file is refused");
	is_int(local_sqlite_open(other, false, true, &l), -EBADMSG,
		"also for reading");
	write_file(other, "");
	is_int(local_sqlite_open(other, false, false, &l), -EBADMSG,
		"an empty file is not ours");
	is_int(local_sqlite_open(other, true, false, &l), 0,
		"create makes it ours (a crash while it was made)");
	l->ops->free(l);
	unlink(other);
	ok(local_sqlite_open(dir, false, false, &l) < 0,
		"a folder is no database");
}

/* Runs SQL on the database at path behind our back. */
static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		bail("cannot run %s", sql);
	sqlite3_close(db);
}

static void t_versions(void)
{
	struct local *l = NULL;
	char other[80];

	snprintf(other, sizeof(other), "%s/later", dir);
	if (local_sqlite_open(other, true, false, &l) != 0)
		bail("cannot make %s", other);
	l->ops->free(l);
	run_sql(other, "PRAGMA user_version = 2");
	is_int(local_sqlite_open(other, false, false, &l), -EBADMSG,
		"a later schema is refused");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"and create does not change that");
	unlink(other);
	run_sql(other, "CREATE TABLE mine (x)");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"the database of another program is refused");
	unlink(other);
}

/* 50,000 records in blocks of 10,000. */
static void t_many(void)
{
	enum { ALL = 50000, BLOCK = 10000 };
	struct local *l = NULL;
	cleanup(free) struct local_record *r = calloc(ALL, sizeof(*r));
	cleanup(free) char (*path)[24] = calloc(ALL, sizeof(*path));
	cleanup(free) uint64_t *ids = calloc(ALL, sizeof(*ids));
	uint64_t id = 0;
	struct local_counts c;
	struct said s = {.stop_after = 1};
	size_t i;
	int rc = 0;

	if (r == NULL || path == NULL || ids == NULL)
		bail("no memory");
	unlink(file);
	if (local_sqlite_open(file, true, false, &l) != 0)
		bail("cannot make %s", file);
	for (i = 0; i < ALL; i++) {
		snprintf(path[i], sizeof(path[i]), "d%zu/f%zu", i % 7, i);
		r[i] = said_put(path[i], 1);
		ids[i] = i + 1;
	}
	is_int(l->ops->queue(l, r, ALL, &id), 0, "50,000 records at once");
	said_genesis(l);
	for (i = 0; rc == 0 && i < ALL / BLOCK - 1; i++)
		rc = said_block(l, i + 1, ids + i * BLOCK, BLOCK, LOCAL_FINAL,
			i + 1);
	is_int(rc, 0, "in four blocks that become final");
	l = reopen(l);
	is_int(l->ops->counts(l, &c), 0, "are counted");
	ok(c.final_files == ALL - BLOCK && c.queued_files == BLOCK &&
			c.queued_bytes == BLOCK,
		"rightly, after opening it again");
	is_str(said_find(l, "d0/f0"), "1:d0/f0 1.0 final;", "the first");
	is_str(said_find(l, path[29999]), "30000:d4/f29999 3.9999 final;",
		"the last of a block");
	is_int(l->ops->queued(l, true, 0, said_see, &s), 7, "the queue's head");
	is_str(s.line, "40001:d2/f40000;", "is the oldest not batched");
	l->ops->free(l);
}

static void t_memory(void)
{
	struct local *l = NULL;
	struct local_record r = said_put("x", 1);
	const uint64_t ids[] = {1};
	uint64_t id;

	is_int(local_sqlite_open(":memory:", true, false, &l), 0,
		"a database in memory");
	is_int(l->ops->queue(l, &r, 1, &id), 0, "takes records");
	said_genesis(l);
	is_int(said_block(l, 1, ids, 1, LOCAL_FINAL, 1), 0, "and blocks");
	is_str(said_find(l, "x"), "1:x 1.0 final;", "and finds them");
	is_str(said_below(l, "", false), "1:x 1.0 final;", "all of them");
	l->ops->free(l);
}

/* -- a disk without room: what a mapping cannot have is SIGBUS there, as it is
 * behind the end of a file that was cut. */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* and has a handler of its own */
#else
#define SANITIZED false
#endif

struct index_file {
	int fd;
	char name[80];
	pid_t waits;		/* thread that needs it */
	size_t n;
	uint8_t bytes[1 << 16];
};

static void cut_index(struct index_file *f, off_t n)
{
	ssize_t got;

	snprintf(f->name, sizeof(f->name), "%s-shm", file);
	f->fd = open(f->name, O_RDWR | O_CLOEXEC);
	got = f->fd < 0 ? -1 : pread(f->fd, f->bytes, sizeof(f->bytes), 0);
	if (got <= n || ftruncate(f->fd, n) != 0)
		bail("cannot cut %s", f->name);
	f->n = (size_t)got;
}

static void give_back(struct index_file *f)
{
	if (pwrite(f->fd, f->bytes, f->n, 0) != (ssize_t)f->n)
		bail("cannot write %s", f->name);
	close(f->fd);
}

/* Is it where the handler lets time pass? */
static bool sleeps(pid_t thread)
{
	char path[64];
	long call = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)thread);
	f = fopen(path, "r");
	if (f != NULL && fscanf(f, "%ld", &call) != 1)
		call = -1; /* it runs */
	if (f != NULL)
		fclose(f);
	return call == SYS_nanosleep || call == SYS_clock_nanosleep;
}

static void *give_back_late(void *p)
{
	struct index_file *f = p;

	while (!sleeps(f->waits))
		sched_yield();
	give_back(f);
	return NULL;
}

/* SQLite's own VFS, and what happens while its log is synced. */
static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	sqlite3_io_methods wal;
	const sqlite3_io_methods *real_wal;
	struct index_file *cut; /* by then, NULL: is left alone */
} below;

static int sync_below(sqlite3_file *f, int flags)
{
	if (below.cut != NULL)
		cut_index(below.cut, sysconf(_SC_PAGESIZE));
	below.cut = NULL;
	return below.real_wal->xSync(f, flags);
}

static int open_below(sqlite3_vfs *v, const char *path, sqlite3_file *f,
	int flags, int *ret_flags)
{
	int rc = below.real->xOpen(v, path, f, flags, ret_flags);

	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
		return rc;
	if (below.real_wal == NULL) {
		below.real_wal = f->pMethods;
		below.wal = *f->pMethods;
		below.wal.xSync = sync_below;
	}
	f->pMethods = &below.wal;
	return rc;
}

/* Before the first database is opened. */
static void put_below(void)
{
	below.real = sqlite3_vfs_find("unix");
	if (below.real == NULL)
		bail("SQLite has no unix");
	below.vfs = *below.real;
	below.vfs.xOpen = open_below;
	if (sqlite3_vfs_register(&below.vfs, 1) != SQLITE_OK)
		bail("sqlite3_vfs_register");
}

static bool has_handler(void)
{
	struct sigaction have;

	return sigaction(SIGBUS, NULL, &have) == 0 &&
	       have.sa_handler != SIG_DFL;
}

static void t_no_room(void)
{
	static struct index_file f;
	struct local_record r[] = {said_put("a", 1), said_put("b", 1),
		said_put("c", 1)};
	struct local *l = NULL;
	char spare[80];
	pthread_t thread;
	struct stat st;
	uint64_t id;
	int fd;

	unlink(file);
	if (local_sqlite_open(file, true, false, &l) != 0 ||
		l->ops->queue(l, &r[0], 1, &id) != 0)
		bail("cannot make %s", file);
	cut_index(&f, sysconf(_SC_PAGESIZE));
	is_int(l->ops->queue(l, &r[1], 1, &id), -ENOSPC,
		"no room for the index of the WAL is an error");
	give_back(&f);
	is_int(l->ops->queue(l, &r[1], 1, &id), 0, "until there is some");
	below.cut = &f;
	is_int(l->ops->queue(l, &r[2], 1, &id), -ENOSPC,
		"so it is when the log has been written, but not yet the index");
	ok(below.cut == NULL, "which was then");
	give_back(&f);
	ok(has_handler(), "SIGBUS has a handler");
	if (!SANITIZED) {
		snprintf(spare, sizeof(spare), "%s-spare", file);
		fd = open(spare, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, 4096) != 0)
			bail("cannot make %s", spare);
		local_shm_spare(fd);
		ok(!local_shm_waits(), "nobody waits for room");
		cut_index(&f, 0);
		f.waits = (pid_t)syscall(SYS_gettid);
		if (pthread_create(&thread, NULL, give_back_late, &f) != 0)
			bail("no thread");
		is_int(l->ops->queue(l, &r[2], 1, &id), 0,
			"or is waited for, where it is wanted in the middle");
		pthread_join(thread, NULL);
		ok(local_shm_waits(), "which can be seen");
		ok(fstat(fd, &st) == 0 && st.st_size == 0,
			"and the spare room is let go");
		local_shm_spare(-1);
		close(fd);
	}
	is_str(said_find(l, "b"), "2:b;", "what was refused is there once");
	is_str(said_find(l, "c"), SANITIZED ? "none" : "3:c;",
		"or not at all");
	l = reopen(l);
	is_str(said_find(l, "a"), "1:a;", "all is there, opened again");
	l->ops->free(l);
}

int main(void)
{
	char command[64];

	plan(0);
	if (mkdtemp(dir) == NULL)
		bail("mkdtemp");
	snprintf(file, sizeof(file), "%s/notary.db", dir);
	put_below();
	t_open();
	t_versions();
	t_many();
	t_memory();
	t_no_room();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? done() : 1;
}

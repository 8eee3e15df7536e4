#include "backends/local_shm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* SQLite maps the index by this (WALINDEX_PGSZ, part of the WAL's format), and
 * locks it by these of its eight locks (sqlite.org/walformat.html, 2.3). */
#define REGION 32768
#define LOCK_WRITE 0
#define LOCK_RECOVER 2

#define REGIONS 64	/* that the handler knows: 1 GiB of WAL */
#define TRY_MS 20	/* between two of its tries */
#define AGAIN_MS 5000	/* after which a refusal is another one */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static struct {
	pthread_once_t once;
	pthread_mutex_t lock;	/* of what is filled in by the first file */
	sqlite3_vfs vfs;
	const sqlite3_vfs *real;
	sqlite3_io_methods file, wal;
	const sqlite3_io_methods *real_file, *real_wal;
	const char *name;
} shm = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

/* -- SIGBUS: nothing here but what a handler may do */

/* Where the index is mapped, or was: a fault in what lies there now instead
 * only ends the process later. */
static atomic_uintptr_t regions[REGIONS];

static bool is_index(uintptr_t p)
{
	size_t i;

	for (i = 0; i < REGIONS; i++) {
		uintptr_t start = atomic_load(&regions[i]);

		if (start != 0 && p >= start && p - start < REGION)
			return true;
	}
	return false;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static atomic_int spare = -1;
static atomic_ullong refused_ms; /* when any thread was, last */

/* When this thread's page was first refused, and last; 0: was not.  A page that
 * was written since then faults anew only after a while, but each try can take
 * one: btrfs looks for room before it says that there is none. */
static _Thread_local volatile uint64_t since, last;

/* Returning runs the store again. */
static void no_room(int signal_number, siginfo_t *info, void *context)
{
	const struct timespec pause = {.tv_nsec = TRY_MS * 1000000};
	uint64_t now = now_ms();
	int error = errno, fd = atomic_load(&spare);

	(void)context;
	if (last == 0 || now - last > AGAIN_MS)
		since = now;
	last = now;
	if (is_index((uintptr_t)info->si_addr) &&
		now - since < LOCAL_SHM_WAIT_S * 1000) {
		atomic_store(&refused_ms, now);
		if (fd >= 0)
			(void)!ftruncate(fd, 0);
		nanosleep(&pause, NULL);
	} else {
		signal(signal_number, SIG_DFL);
	}
	errno = error;
}

void local_shm_spare(int fd)
{
	atomic_store(&spare, fd);
}

bool local_shm_waits(void)
{
	uint64_t ms = atomic_load(&refused_ms);

	return ms != 0 && now_ms() - ms < AGAIN_MS;
}

static void set_handler(void)
{
	struct sigaction have, ours = {.sa_flags = SA_SIGINFO | SA_NODEFER};

	ours.sa_sigaction = no_room;
	sigemptyset(&ours.sa_mask);
	if (sigaction(SIGBUS, NULL, &have) == 0 &&
		(have.sa_flags & SA_SIGINFO) == 0 &&
		have.sa_handler == SIG_DFL)
		sigaction(SIGBUS, &ours, NULL);
}

static void remember(volatile void *region)
{
	size_t i;

	for (i = 0; i < REGIONS; i++) {
		uintptr_t have = 0;

		if (atomic_compare_exchange_strong(&regions[i], &have,
			(uintptr_t)region) || have == (uintptr_t)region)
			return;
	}
}

/* -- the VFS */

/* Behind what SQLite keeps of a file: of a WAL the file of its database, which
 * is closed after it; of a database itself, while it has an index. */
static sqlite3_file **database_of(sqlite3_file *f)
{
	return (sqlite3_file **)((char *)f + shm.real->szOsFile);
}

/* Is there room for every page of it to be written?  Older kernels cannot
 * say, and what else there may be is for the write to tell. */
static int make_writable(volatile void *region)
{
	if (madvise((void *)(uintptr_t)region, REGION, MADV_POPULATE_WRITE) == 0 ||
		errno != EFAULT)
		return SQLITE_OK;
	return SQLITE_FULL;
}

static int map(sqlite3_file *f, int i, int size, int extend, volatile void **ret)
{
	int rc = shm.real_file->xShmMap(f, i, size, extend, ret);

	if (rc == SQLITE_OK)
		*database_of(f) = f;
	if (rc != SQLITE_OK || *ret == NULL)
		return rc;
	remember(*ret);
	return extend != 0 ? make_writable(*ret) : rc;
}

static int unmap(sqlite3_file *f, int remove)
{
	*database_of(f) = NULL;
	return shm.real_file->xShmUnmap(f, remove);
}

static int all_writable(sqlite3_file *f)
{
	volatile void *region = NULL;
	int i, rc = SQLITE_OK;

	if (*database_of(f) == NULL)
		return SQLITE_OK;
	for (i = 0; rc == SQLITE_OK; i++) {
		rc = shm.real_file->xShmMap(f, i, REGION, 0, &region);
		if (rc != SQLITE_OK || region == NULL)
			return SQLITE_OK; /* there are no more */
		rc = make_writable(region);
	}
	return rc;
}

/* Readers and checkpoints can do without: for them the lock is taken. */
static int lock(sqlite3_file *f, int offset, int n, int flags)
{
	int rc = shm.real_file->xShmLock(f, offset, n, flags);

	if (rc != SQLITE_OK ||
		flags != (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE))
		return rc;
	rc = all_writable(f);
	if (rc == SQLITE_OK)
		return rc;
	shm.real_file->xShmLock(f, offset, n,
		SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	return offset == LOCK_WRITE || offset == LOCK_RECOVER ? rc
							      : SQLITE_BUSY;
}

/* Frames are written and synced, then entered in the index: a sync takes long,
 * and makes btrfs look for room by writing back all that is dirty, the index as
 * well.  Now it has to be found for that again, or the commit fails. */
static int sync_wal(sqlite3_file *f, int flags)
{
	int rc = shm.real_wal->xSync(f, flags);

	return rc == SQLITE_OK ? all_writable(*database_of(f)) : rc;
}

/* A checkpoint, which then enters how far it came. */
static int sync_file(sqlite3_file *f, int flags)
{
	int rc = shm.real_file->xSync(f, flags);

	return rc == SQLITE_OK ? all_writable(f) : rc;
}

/* Lock held. */
static void adopt_database(sqlite3_file *f)
{
	if (f->pMethods->iVersion < 2 || f->pMethods->xShmMap == NULL)
		return;
	if (shm.real_file == NULL) {
		shm.real_file = f->pMethods;
		shm.file = *f->pMethods;
		shm.file.xShmMap = map;
		shm.file.xShmUnmap = unmap;
		shm.file.xShmLock = lock;
		shm.file.xSync = sync_file;
	}
	if (f->pMethods != shm.real_file)
		return;
	*database_of(f) = NULL;
	f->pMethods = &shm.file;
}

/* Lock held. */
static void adopt_wal(sqlite3_file *f, const char *path)
{
	sqlite3_file *database = sqlite3_database_file_object(path);

	if (database->pMethods != &shm.file)
		return;
	if (shm.real_wal == NULL) {
		shm.real_wal = f->pMethods;
		shm.wal = *f->pMethods;
		shm.wal.xSync = sync_wal;
	}
	if (f->pMethods != shm.real_wal)
		return;
	*database_of(f) = database;
	f->pMethods = &shm.wal;
}

static int open_file(sqlite3_vfs *v, const char *path, sqlite3_file *f,
	int flags, int *ret_flags)
{
	int rc = shm.real->xOpen(v, path, f, flags, ret_flags);

	if (rc != SQLITE_OK || f->pMethods == NULL)
		return rc;
	pthread_mutex_lock(&shm.lock);
	if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
		adopt_database(f);
	else if ((flags & SQLITE_OPEN_WAL) != 0)
		adopt_wal(f, path);
	pthread_mutex_unlock(&shm.lock);
	return rc;
}

static void make(void)
{
	shm.real = sqlite3_vfs_find("unix");
	if (shm.real == NULL)
		return;
	shm.vfs = *shm.real;
	shm.vfs.pNext = NULL;
	shm.vfs.zName = "unix-room";
	shm.vfs.szOsFile += (int)sizeof(sqlite3_file *); /* database_of() */
	shm.vfs.xOpen = open_file;
	if (sqlite3_vfs_register(&shm.vfs, 0) != SQLITE_OK)
		return;
	shm.name = shm.vfs.zName;
	set_handler();
}

const char *local_shm_vfs(void)
{
	pthread_once(&shm.once, make);
	return shm.name;
}

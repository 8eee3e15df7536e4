/*
 * The tree that all workers share.  Nobody can say beforehand what comes of an
 * operation there, but of each only certain things may:
 *
 *   H1  An error is one that a race can have, and EPERM only where something
 *       is sealed, which it is ever after, so it can be looked up.
 *   H2  What was seen sealed under its name is there ever after, the same.
 *   H3  Of several who make one name at a time (O_EXCL, mkdir, link, symlink,
 *       rename with NOREPLACE) one succeeds.
 *   H4  A file that is put in place by rename is seen whole or not at all.
 */
#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LOCKS 4
#define WHOLE 4			/* names of H4 */
#define KNOWN_MAX 20000
#define BODY_MAX 9000

struct known {
	char path[PATH_ROOM];
	struct stat st;
	uint64_t sum;
};
static struct known *known[KNOWN_MAX];
static size_t n_known;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int held[LOCKS];
static char top[PATH_ROOM];	/* of this round */

static uint64_t sum(const uint8_t *p, size_t n, uint64_t h)
{
	while (n-- > 0)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

/* -- what is sealed -- */

static bool is_sealed_state(const char *state)
{
	return strcmp(state, "sealed") == 0 || strcmp(state, "notarized") == 0;
}

static int read_sum(int fd, uint64_t *ret)
{
	uint8_t p[4096];
	ssize_t k;
	off_t at = 0;

	*ret = 0xcbf29ce484222325u;
	while ((k = pread(fd, p, sizeof p, at)) > 0) {
		*ret = sum(p, (size_t)k, *ret);
		at += k;
	}
	return k < 0 ? errno : 0;
}

static bool spare_name(const char *path)
{
	return strstr(path, ".tmp") != NULL || strstr(path, ".part") != NULL ||
		strstr(path, ".swp") != NULL;
}

static void remember(const struct known *k)
{
	size_t i;

	pthread_mutex_lock(&known_lock);
	for (i = 0; i < n_known && strcmp(known[i]->path, k->path) != 0; i++)
		;
	if (i == n_known && n_known < KNOWN_MAX &&
		(known[i] = malloc(sizeof *k)) != NULL) {
		*known[i] = *k;
		n_known++;
	}
	pthread_mutex_unlock(&known_lock);
}

/* If the file at path is sealed under that name, it is known from now on. */
static void observe(struct worker *w, const char *path)
{
	struct known k;
	char state[16] = "";
	struct stat again;
	int fd;

	if (spare_name(path))
		return;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	memset(&k, 0, sizeof k);
	snprintf(k.path, sizeof k.path, "%s", path);
	if (fgetxattr(fd, "user.notary.state", state, sizeof state - 1) > 0 &&
		is_sealed_state(state) && fstat(fd, &k.st) == 0 &&
		lstat(path, &again) == 0 && again.st_ino == k.st.st_ino) {
		if (read_sum(fd, &k.sum) != 0)
			wrong(w, "%s cannot be read", path);
		remember(&k);
	}
	close(fd);
}

/* H2 */
static void check_known(struct worker *w, const struct known *k)
{
	char state[16] = "";
	struct stat st;
	uint64_t now;
	int fd = open(k->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		wrong(w, "%s was sealed, and now: %s", k->path,
			errno_name(errno));
	if (fstat(fd, &st) != 0 || read_sum(fd, &now) != 0 ||
		fgetxattr(fd, "user.notary.state", state, 15) < 0)
		wrong(w, "%s was sealed and cannot be read: %s", k->path,
			errno_name(errno));
	if (st.st_ino != k->st.st_ino || st.st_size != k->st.st_size ||
		st.st_mode != k->st.st_mode || st.st_uid != k->st.st_uid ||
		st.st_gid != k->st.st_gid || now != k->sum ||
		st.st_mtim.tv_sec != k->st.st_mtim.tv_sec ||
		st.st_mtim.tv_nsec != k->st.st_mtim.tv_nsec)
		wrong(w, "%s was sealed and is another file now", k->path);
	if (!is_sealed_state(state))
		wrong(w, "%s was sealed and is %s now", k->path, state);
	close(fd);
}

void shared_look(struct worker *w)
{
	size_t i;

	for (i = 0; i < n_known; i++)
		check_known(w, known[i]);
}

/* Is anything sealed, or just being sealed, at the path or below it? */
static bool sealed_at(const char *path)
{
	char state[16] = "", below[PATH_ROOM];
	bool found = false;
	struct stat st;
	struct dirent *e;
	DIR *d;

	if (lstat(path, &st) != 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return true; /* cannot be asked about */
	if (!S_ISDIR(st.st_mode))
		return lgetxattr(path, "user.notary.state", state, 15) > 0 &&
			(is_sealed_state(state) ||
			strcmp(state, "frozen") == 0);
	d = opendir(path);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof below, "%.300s/%.100s", path,
			e->d_name);
		found = sealed_at(below);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

/* H1 */
static void may(struct worker *w, int err, const char *a, const char *b)
{
	static const int always[] = {0, ENOENT, EEXIST, ENOTEMPTY, EISDIR,
		ENOTDIR, EINVAL, ELOOP, ENODATA, ENXIO};
	size_t i;

	for (i = 0; i < sizeof always / sizeof *always; i++)
		if (err == always[i])
			return;
	if (err != EPERM)
		wrong(w, "shared: %s", errno_name(err));
	if (spare_name(a) || (b != NULL && spare_name(b)))
		return; /* such a name may have gone meanwhile */
	if (!sealed_at(a) && (b == NULL || !sealed_at(b)))
		wrong(w, "shared: EPERM, and nothing there is sealed");
}

/* -- H3: locks -- */

static int take_lock(const char *path, unsigned how, const char *mine)
{
	int fd;

	switch (how) {
	case 0:
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		if (fd >= 0)
			close(fd);
		return fd < 0 ? errno : 0;
	case 1:
		return mkdir(path, 0755) != 0 ? errno : 0;
	case 2:
		return symlink("x", path) != 0 ? errno : 0;
	case 3:
		fd = open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			return errno;
		close(fd);
		return link(mine, path) != 0 ? errno : 0;
	default:
		fd = open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			return errno;
		close(fd);
		return renameat2(AT_FDCWD, mine, AT_FDCWD, path,
			RENAME_NOREPLACE) != 0 ? errno : 0;
	}
}

static void lock_some(struct worker *w)
{
	unsigned i = pick(w, LOCKS), how = pick(w, 5);
	char path[PATH_ROOM + 32], mine[PATH_ROOM + 32];
	int err;

	snprintf(path, sizeof path, "%s/locks/.%u.swp", top, i);
	snprintf(mine, sizeof mine, "%s/locks/.w%u.swp", top, w->number);
	say(w, "shared: lock %u way %u", i, how);
	err = take_lock(path, how, mine);
	if (err != 0 && err != EEXIST)
		wrong(w, "shared: a lock says %s", errno_name(err));
	if (err != 0)
		return;
	if (atomic_exchange(&held[i], 1) != 0)
		wrong(w, "shared: two have lock %u", i);
	if (chance(w, 20))
		usleep(200);
	atomic_store(&held[i], 0);
	if ((how == 1 ? rmdir(path) : unlink(path)) != 0)
		wrong(w, "shared: a lock cannot be given back: %s",
			errno_name(errno));
}

/* -- H4: whole files -- */

static size_t body(uint64_t id, uint8_t *p)
{
	struct prng r = {id};
	size_t n = 16 + prng_below(&r, BODY_MAX - 16);

	memcpy(p, &id, 8);
	memcpy(p + 8, &n, 8);
	prng_fill(&r, p + 16, n - 16);
	return n;
}

static void put_whole(struct worker *w, const char *path)
{
	uint8_t p[BODY_MAX];
	size_t n = body(w->step * 1000 + w->number, p);
	char temp[PATH_ROOM + 32];
	int fd, err;

	snprintf(temp, sizeof temp, "%s/whole/w%u.tmp", top, w->number);
	fd = open(temp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		wrong(w, "shared: %s: %s", temp, errno_name(errno));
	close(fd);
	err = rename(temp, path) != 0 ? errno : 0;
	may(w, err, path, NULL);
}

static void get_whole(struct worker *w, const char *path)
{
	uint8_t p[BODY_MAX + 1], want[BODY_MAX];
	uint64_t id;
	ssize_t k, n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		may(w, errno, path, NULL);
		return;
	}
	while ((k = read(fd, p + n, sizeof p - (size_t)n)) > 0)
		n += k;
	close(fd);
	if (n < 16)
		wrong(w, "shared: %zd bytes of a whole file", n);
	memcpy(&id, p, 8);
	if (body(id, want) != (size_t)n || memcmp(p, want, (size_t)n) != 0)
		wrong(w, "shared: a file is not whole");
}

static void whole_some(struct worker *w)
{
	char path[PATH_ROOM + 32];
	bool put = chance(w, 50);

	snprintf(path, sizeof path, "%s/whole/r%u", top, pick(w, WHOLE));
	say(w, "shared: %s %s", put ? "put" : "get", path + strlen(opt.mnt));
	if (put)
		put_whole(w, path);
	else
		get_whole(w, path);
	if (chance(w, 2))
		(void)!setxattr(path, "user.notary.seal", "1", 1, 0);
	observe(w, path);
}

/* -- H1: all against all -- */

static void any_path(struct worker *w, char ret[PATH_ROOM])
{
	static const char *const names[] = {"a", "b", "c", "x.tmp", ".z.swp"};
	unsigned deep = 1 + pick(w, 2), i;
	size_t n = (size_t)snprintf(ret, PATH_ROOM, "%s/any", top);

	for (i = 0; i < deep; i++)
		n += (size_t)snprintf(ret + n, PATH_ROOM - n, "/%s",
			names[pick(w, 5)]);
}

static int write_any(struct worker *w, const char *path)
{
	uint8_t p[3000];
	size_t n = pick(w, sizeof p);
	int fd = open(path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC | (chance(w, 30) ? O_TRUNC : 0), 0644), err = 0;

	if (fd < 0)
		return errno == EPERM ? 0 : errno; /* frozen may be gone */
	prng_fill(&w->r, p, n);
	if (write(fd, p, n) != (ssize_t)n)
		err = errno;
	close(fd);
	return err;
}

static int seal_any(const char *path)
{
	if (setxattr(path, "user.notary.seal", "1", 1, 0) == 0)
		return 0;
	return errno == EBUSY ? 0 : errno;
}

static void any_some(struct worker *w)
{
	static const mode_t modes[] = {0644, 0600, 0444};
	char a[PATH_ROOM], b[PATH_ROOM];
	unsigned what = pick(w, 12);
	int err = 0;

	any_path(w, a);
	any_path(w, b);
	say(w, "shared: act %u on %s and %s", what, a + strlen(top),
		b + strlen(top));
#define TRY(call) ((call) != 0 ? errno : 0)
	switch (what) {
	case 0: err = TRY(mkdir(a, 0755)); break;
	case 1: err = TRY(unlink(a)); break;
	case 2: err = TRY(rmdir(a)); break;
	case 3: err = TRY(rename(a, b)); break;
	case 4: err = TRY(renameat2(AT_FDCWD, a, AT_FDCWD, b,
			RENAME_EXCHANGE)); break;
	case 5: err = TRY(link(a, b)); break;
	case 6: err = TRY(symlink("nowhere", a)); break;
	case 7: err = TRY(chmod(a, modes[pick(w, 3)])); break;
	case 8: err = TRY(lsetxattr(a, "user.a", "1", 1, 0)); break;
	case 9: err = seal_any(a); break;
	default: err = write_any(w, a); break;
	}
#undef TRY
	if (what == 5 && err == EPERM)
		return; /* a folder has no second name */
	if (what == 8 && err == EPERM)
		return; /* nor a symlink attributes */
	if (what == 7 && err == ENOENT)
		return;
	may(w, err, a, what == 3 || what == 4 ? b : NULL);
	observe(w, a);
}

static void any_known(struct worker *w)
{
	const struct known *k = NULL;

	pthread_mutex_lock(&known_lock);
	if (n_known > 0)
		k = known[pick(w, (unsigned)n_known)];
	pthread_mutex_unlock(&known_lock);
	if (k == NULL)
		return;
	say(w, "shared: look at %s", k->path);
	check_known(w, k);
}

void do_shared(struct worker *w)
{
	unsigned what = pick(w, 10);

	if (what < 2)
		lock_some(w);
	else if (what < 4)
		whole_some(w);
	else if (what < 5)
		any_known(w);
	else
		any_some(w);
}

void shared_start(void)
{
	static unsigned round;
	char path[PATH_ROOM + 32];
	static const char *const below[] = {"", "/locks", "/whole", "/any"};
	unsigned i;

	snprintf(top, sizeof top, "%s/shared%u", opt.mnt, round++);
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s%s", top, below[i]);
		if (mkdir(path, 0755) != 0) {
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
			exit(2);
		}
	}
}

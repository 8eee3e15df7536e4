#include "fs/place.h"
#include "fs/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/attestor.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/object.h"
#include "fs/file.h"
#include "fs/mountpoint.h"
#include "fs/text.h"
#include "fs/timeservice.h"

#define ATTESTOR_ROOT_MAX ((size_t)16 << 10)	/* a key and a certificate */

char *vault_path(const struct vault *v, const char *rest)
{
	char *ret;
	return asprintf(&ret, "%s/%s", v->path, rest) < 0 ? NULL : ret;
}

__attribute__((format(printf, 2, 3)))
static int why(char **ret_why, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(ret_why, fmt, ap);
	va_end(ap);
	if (n < 0)
		*ret_why = NULL;
	return n < 0 ? -ENOMEM : -EINVAL;
}

static bool has(const struct vault *v, const char *rest)
{
	cleanup(free) char *path = vault_path(v, rest);
	return path != NULL && access(path, F_OK) == 0;
}

/* Is nothing in that folder, if it is there at all? */
static bool nothing_in(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;
	if (d == NULL)
		return errno == ENOENT;
	while (n <= 2 && readdir(d) != NULL)
		n++; /* . and .. too */
	closedir(d);
	return n <= 2;
}

bool vault_unfinished(const char *path)
{
	cleanup(free) char *genesis = text_of("%s/state/genesis", path);
	cleanup(free) char *files = text_of("%s/files", path);
	return genesis != NULL && files != NULL && !place_exists(genesis) &&
		nothing_in(files);
}

bool vault_unused(const char *path)
{
	cleanup(free) char *lock = text_of("%s/state/lock", path);
	cleanup(free) char *files = text_of("%s/files", path);
	return lock != NULL && files != NULL && !place_exists(lock) &&
		nothing_in(files);
}

/* It was taken away instead of copied, or is damaged; the rest is there. */
static int no_anchor(const struct vault *v, const char *how, char **ret_why)
{
	cleanup(free) char *path = vault_path(v, "state/genesis");
	cleanup(buf) struct buf raw = {0};
	struct genesis g;
	char hex[HASH_HEX + 1];
	if (path == NULL)
		return -ENOMEM;
	if (file_read(path, GENESIS_MAX, &raw) != 0 ||
	    genesis_decode(BUF_BYTES(&raw), &g) != 0)
		return why(ret_why, "%s/anchor is %s, and %s is not to be "
			"read: put both back from copies; a bucket holds the "
			"second in the folder that is called like the first",
			v->path, how, path);
	struct hash h = block_hash(g.b0);
	hex_encode(HASH_BYTES(&h), hex);
	return why(ret_why, "%s/anchor is %s: put it back\n"
		"if your own copy says the same as state/genesis: "
		"echo %s > %s/anchor%s", v->path, how, hex, v->path,
		vault_unused(v->path) ? "\nif its making was cut off: delete "
		"the folder and run notaryfs init again" : "");
}

/* Is this a finished vault at all?  init writes the anchor last. */
static int check_shape(const struct vault *v, char **ret_why)
{
	if (has(v, "anchor"))
		return 0;
	if (place_closed(v->path))
		return why(ret_why, "%s: %s", v->path, strerror(EACCES));
	if (has(v, "state") && !vault_unfinished(v->path))
		return no_anchor(v, "gone", ret_why);
	if (has(v, "state") || has(v, "notaryfs.conf"))
		return why(ret_why, "%s holds a vault whose making was cut "
			"off: delete the folder and run notaryfs init again",
			v->path);
	return why(ret_why, "%s is not a vault (it has no file anchor); "
		"notaryfs init makes one", v->path);
}

int vault_anchor_read(const char *file, struct hash *ret)
{
	cleanup(buf) struct buf text = {0};
	int err = file_read(file, 256, &text);
	if (err != 0)
		return err == -EFBIG ? -EBADMSG : err;
	while (text.n > 0 && (text.p[text.n - 1] == '\n' ||
			text.p[text.n - 1] == '\r' || text.p[text.n - 1] == ' '))
		text.n--;
	if (text.n != HASH_HEX)
		return -EBADMSG;
	char hex[HASH_HEX + 1] = {0};
	memcpy(hex, text.p, HASH_HEX);
	return hex_decode(hex, ret->b, HASH_LEN) == 0 ? 0 : -EBADMSG;
}

static int read_anchor(struct vault *v, char **ret_why)
{
	cleanup(free) char *path = vault_path(v, "anchor");
	if (path == NULL)
		return -ENOMEM;
	int err = vault_anchor_read(path, &v->anchor);
	if (err == -EBADMSG)
		return no_anchor(v, "damaged", ret_why);
	return err == 0 ? 0 : why(ret_why, "%s: %s", path, strerror(-err));
}

bool vault_genesis_ok(const struct genesis *g, const struct hash *anchor)
{
	struct block b;
	struct hash h = block_hash(g->b0), mh;
	struct hash leaf = hash_sha3(g->params);
	return hash_equal(&h, anchor) && block_decode(g->b0, &b) == 0 &&
		merkle_fold(&leaf, 0, 1, NULL, 0, &mh) == 0 &&
		hash_equal(&mh, &b.mh);
}

static int read_genesis(struct vault *v, char **ret_why)
{
	cleanup(free) char *path = vault_path(v, "state/genesis");
	if (path == NULL)
		return -ENOMEM;
	cleanup(buf) struct buf raw = {0};
	int err = file_read(path, GENESIS_MAX, &raw);
	if (err == -ENOENT)
		return why(ret_why, "%s is gone: every bucket holds a copy, in "
			"the folder that is called like the anchor", path);
	if (err != 0)
		return why(ret_why, "%s: %s", path, strerror(-err));
	struct genesis g;
	if (genesis_decode(BUF_BYTES(&raw), &g) != 0 ||
	    !vault_genesis_ok(&g, &v->anchor))
		return why(ret_why, "%s does not belong to the anchor of %s: "
			"one of the two was changed", path, v->path);
	if ((err = buf_copy(g.b0, &v->b0)) != 0 ||
	    (err = buf_copy(g.params, &v->params_raw)) != 0)
		return err;
	err = params_decode(BUF_BYTES(&v->params_raw), &v->params);
	return err == 0 ? 0 : why(ret_why, "%s: the chain's parameters are "
		"of a version that this program does not know", path);
}

int vault_attestor_root(const struct vault *v)
{
	cleanup(free) char *path =
		vault_path(v, "state/sequencer/attestor-root.pem");
	cleanup(buf) struct buf pem = {0};
	struct hash root;
	if (path == NULL)
		return -ENOMEM;
	int err = file_read(path, ATTESTOR_ROOT_MAX, &pem);
	if (err == 0)
		err = attestor_root_read(BUF_BYTES(&pem), &root);
	if (pem.p != NULL)
		explicit_bzero(pem.p, pem.n);
	for (size_t i = 0; err == 0 && i < v->params.n_roots; i++)
		if (hash_equal(&root, &v->params.root[i]))
			return 0;
	return err != 0 ? err : -EBADMSG;
}

static int read_config(struct vault *v, char **ret_why)
{
	cleanup(free) char *path = vault_path(v, "notaryfs.conf");
	if (path == NULL)
		return -ENOMEM;
	int err = config_read(path, v->path, &v->config, ret_why);
	if (err != 0)
		return err;
	const char *wrong = timeservice_wrong(&v->params, v->config.tsa,
		v->config.n_tsa);
	if (wrong != NULL)
		return why(ret_why, "%s: %s", path, wrong);
	if (v->config.n_buckets != v->params.n_buckets)
		return why(ret_why, "%s names %zu buckets, but this vault was "
			"made with %zu", path, v->config.n_buckets,
			v->params.n_buckets);
	return 0;
}

int vault_open(const char *path, struct vault **ret, char **ret_why)
{
	*ret_why = NULL;
	struct vault *v = calloc(1, sizeof *v);
	if (v == NULL)
		return -ENOMEM;
	v->lock_fd = -1;
	int err = 0;
	v->path = realpath(path, NULL);
	if (v->path == NULL)
		err = why(ret_why, "%s: %s", path, strerror(errno));
	if (err != 0 || (err = check_shape(v, ret_why)) != 0 ||
	    (err = read_anchor(v, ret_why)) != 0 ||
	    (err = read_genesis(v, ret_why)) != 0 ||
	    (err = read_config(v, ret_why)) != 0) {
		vault_close(v);
		return err;
	}
	*ret = v;
	return 0;
}

void vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	if (v->lock_fd >= 0)
		close(v->lock_fd);
	config_done(&v->config);
	buf_free(&v->b0);
	buf_free(&v->params_raw);
	free(v->path);
	free(v);
}

/* -- the lock: an OFD lock, so that asking about it does not take it */

#define LOCK_TRIES 1500 /* of 20 ms: whoever ends may wait for its disk */

static int lock_text(int fd, int *ret_pid, char **ret_mount_point)
{
	char text[PATH_MAX + 32];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	char *nl = strchr(text, '\n');
	if (nl == NULL)
		return -EBADMSG;
	*nl++ = '\0';
	nl[strcspn(nl, "\n")] = '\0';
	char *copy = strdup(nl);
	if (copy == NULL)
		return -ENOMEM;
	*ret_pid = atoi(text);
	*ret_mount_point = copy; /* the caller has it */
	return 0;
}

/* Has that process ended, or is it ending?  One that was killed keeps its
 * files, and so the lock, until the last of its threads is out of the kernel;
 * it is a zombie by then. */
static bool ending(int pid)
{
	char path[64], stat[512];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
	if (n <= 0)
		return true;
	stat[n] = '\0';
	const char *state = strrchr(stat, ')'); /* the name may hold anything */
	return state != NULL && strchr("ZXx", state[2]) != NULL;
}

/* Or is it, for what it looks like, putting away what it had mounted?  One that
 * is about to mount looks the same, but not for long. */
static bool leaving(int pid, const char *at)
{
	char number[16];
	snprintf(number, sizeof number, "%d", pid);
	return (*at != '\0' && mountpoint_ours(number, at) == 0) ||
		ending(pid);
}

static int say_holder(int fd, char **ret_holder)
{
	int pid;
	cleanup(free) char *at = NULL;
	int n = lock_text(fd, &pid, &at) != 0
		? asprintf(ret_holder, "in use by another process")
		: *at == '\0'
		? asprintf(ret_holder, "being repaired by process %d", pid)
		: leaving(pid, at)
		? asprintf(ret_holder, "still being mounted or put away by "
			"process %d: try again", pid)
		: asprintf(ret_holder, "mounted at %s by process %d", at, pid);
	if (n < 0)
		*ret_holder = NULL;
	return -EBUSY;
}

/* Takes the lock; waits for a holder that is leaving, not for one that is
 * mounted. */
static int take(int fd)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	for (int tries = 0; fcntl(fd, F_OFD_SETLK, &whole) != 0; tries++) {
		int pid;
		cleanup(free) char *at = NULL;
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (tries >= LOCK_TRIES || lock_text(fd, &pid, &at) != 0 ||
		    !leaving(pid, at))
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int vault_lock(struct vault *v, const char *mount_point, char **ret_holder)
{
	*ret_holder = NULL;
	cleanup(free) char *path = vault_path(v, "state/lock");
	if (path == NULL)
		return -ENOMEM;
	cleanup(close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = take(fd);
	if (err != 0)
		return err == -EBUSY ? say_holder(fd, ret_holder) : err;
	/* over the old text, which on most disks needs no room */
	int n = dprintf(fd, "%d\n%s\n", (int)getpid(), mount_point);
	if (n < 0 || ftruncate(fd, n) != 0)
		return -errno;
	v->lock_fd = fd;
	fd = -1; /* v has it */
	return 0;
}

int vault_mounted(const struct vault *v, int *ret_pid, char **ret_mount_point)
{
	cleanup(free) char *path = vault_path(v, "state/lock");
	if (path == NULL)
		return -ENOMEM;
	cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -errno;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_GETLK, &whole) != 0)
		return -errno;
	if (whole.l_type == F_UNLCK)
		return -ENOENT;
	cleanup(free) char *at = NULL;
	int err = lock_text(fd, ret_pid, &at);
	if (err == 0 && *at == '\0')
		return -ENOENT; /* being repaired */
	*ret_mount_point = at;
	at = NULL; /* the caller has it */
	return err;
}

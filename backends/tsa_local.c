#include "backends/tsa_local.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/timestamp.h"

#define SEED 32	/* bytes of the key file */

struct tsa_local {
	struct timestamper base;
	struct clock *clock;
	uint8_t seed[SEED];
	pthread_mutex_t lock;
	uint64_t last_ms;	/* under lock: the newest p given */
};

static struct tsa_local *tsa_of(struct timestamper *t)
{
	return (struct tsa_local *)t; /* base is its first member */
}

static int stamp(struct timestamper *base, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct hash y = block_hash(b);
	struct tsa_local *t = tsa_of(base);
	uint64_t now = t->clock->ops->now_ms(t->clock);
	int rc;

	/* Signed under the lock: who asks later never gets an earlier p. */
	locked(&t->lock);
	if (now < t->last_ms)
		now = t->last_ms;
	rc = timestamp_local_make(t->seed, &y, now, ret);
	if (rc != 0)
		return rc;
	t->last_ms = now;
	*ret_type = TIMESTAMP_LOCAL;
	return 0;
}

static void tsa_free(struct timestamper *base)
{
	struct tsa_local *t = tsa_of(base);

	if (t == NULL)
		return;
	explicit_bzero(t->seed, sizeof t->seed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* The owner's alone, and exactly one seed. */
static int check_key_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != SEED)
		return -EBADMSG;
	if ((st.st_mode & 077) != 0 ||
			(st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	return 0;
}

static int read_key(const char *path, uint8_t ret[SEED])
{
	cleanup(close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = check_key_file(fd);
	if (rc != 0)
		return rc;
	return pread(fd, ret, SEED, 0) == SEED ? 0 : -EIO;
}

int tsa_local_open(const char *key_file, struct clock *clock,
	uint64_t not_before_ms, struct timestamper **ret)
{
	static const struct timestamper_ops ops = {
		.stamp = stamp, .free = tsa_free};
	struct tsa_local *t = calloc(1, sizeof *t);
	int rc;

	if (t == NULL)
		return -ENOMEM;
	t->base = (struct timestamper){&ops, "local clock"};
	t->clock = clock;
	t->last_ms = not_before_ms;
	pthread_mutex_init(&t->lock, NULL);
	rc = read_key(key_file, t->seed);
	if (rc != 0) {
		tsa_free(&t->base);
		return rc;
	}
	*ret = &t->base;
	return 0;
}

static int sync_folder_of(const char *path)
{
	cleanup(free) char *copy = strdup(path);
	cleanup(close) int fd = -1;

	if (copy == NULL)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

static int write_key(int fd, const char *path, const uint8_t seed[SEED])
{
	ssize_t put = pwrite(fd, seed, SEED, 0);

	if (put != SEED)
		return put < 0 ? -errno : -EIO;
	/* 0600 also under an odd umask. */
	if (fchmod(fd, 0600) != 0 || fsync(fd) != 0)
		return -errno;
	fault_point("key.written");
	return sync_folder_of(path);
}

int tsa_local_create(const char *key_file, struct entropy *entropy,
	uint8_t ret_public[32])
{
	uint8_t seed[SEED], public[32];
	cleanup(close) int fd = open(key_file, O_WRONLY | O_CREAT | O_EXCL |
		O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	entropy->ops->fill(entropy, seed, sizeof seed);
	rc = timestamp_local_public(seed, public);
	if (rc == 0)
		rc = write_key(fd, key_file, seed);
	explicit_bzero(seed, sizeof seed);
	if (rc != 0) {
		unlink(key_file);
		return rc;
	}
	memcpy(ret_public, public, sizeof public);
	return 0;
}

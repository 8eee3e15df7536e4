#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/tsa_local.h"
#include "core/cleanup.h"
#include "core/params.h"
#include "core/timestamp.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1790000000123)

struct hand {
	struct clock base;
	uint64_t ms;
};

static uint64_t hand_now(struct clock *c)
{
	return ((struct hand *)c)->ms; /* base is its first member */
}

static const struct clock_ops hand_ops = {hand_now, hand_now};
static struct hand hand = {{&hand_ops}, NOW};
static const uint8_t block[] = {1, 2, 3};

/* The time that a stamp over the block bears, 0 if it is not one by that key. */
static uint64_t stamp(struct timestamper *t, const uint8_t public[32])
{
	struct params params = {
		.n_authorities = 1,
		.authority = {{.type = TIMESTAMP_LOCAL,
			.key = BYTES(public, 32)}},
		.quorum = 1,
	};
	cleanup(buf) struct buf b = {0};
	struct timestamp got;
	uint64_t type;

	if (t->ops->stamp(t, BYTES(block, 3), &type, &b) != 0 || timestamp_validate(&params,
			type, BUF_BYTES(&b), BYTES(block, 3), &got) != V_VALID)
		return 0;
	return got.p_ms;
}

static void t_time(const char *key, const uint8_t public[32])
{
	struct timestamper *t = NULL;

	hand.ms = NOW;
	is_int(tsa_local_open(key, &hand.base, 0, &t), 0, "the key opens");
	ok(stamp(t, public) == NOW, "a stamp holds and bears the clock's time");
	hand.ms = NOW - 5000;
	ok(stamp(t, public) == NOW, "when the clock goes back, it does not");
	hand.ms = NOW + 1;
	ok(stamp(t, public) == NOW + 1, "and goes on with the clock");
	t->ops->free(t);
	is_int(tsa_local_open(key, &hand.base, NOW + 77, &t), 0,
		"after a restart");
	ok(stamp(t, public) == NOW + 77, "never before what the chain has");
	t->ops->free(t);
}

static int open_status(const char *key)
{
	struct timestamper *t = NULL;
	int rc = tsa_local_open(key, &hand.base, 0, &t);

	if (rc == 0)
		t->ops->free(t);
	else if (t != NULL)
		return 1; /* touched on failure */
	return rc;
}

static void t_refused(const char *dir, const char *key)
{
	const char *link = scratch_path(dir, "link");
	const char *foreign = scratch_path(dir, "foreign");
	uint8_t public[32];
	int fd;

	is_int(tsa_local_create(key, entropy_system(), public), -EEXIST,
		"a key is never overwritten");
	chmod(key, 0640);
	is_int(open_status(key), -EPERM, "a key that the group may read");
	chmod(key, 0604);
	is_int(open_status(key), -EPERM, "or the world");
	chmod(key, 0600);
	is_int(open_status(key), 0, "is refused until it may not");
	is_int(open_status(scratch_path(dir, "none")), -ENOENT, "no key");
	if (symlink(key, link) != 0)
		bail("no link");
	is_int(open_status(link), -ELOOP, "a link is no key");
	is_int(open_status(dir), -EBADMSG, "nor is a folder");
	if (truncate(key, 31) != 0)
		bail("cannot truncate");
	is_int(open_status(key), -EBADMSG, "31 bytes");
	if (truncate(key, 33) != 0)
		bail("cannot truncate");
	is_int(open_status(key), -EBADMSG, "33 bytes");
	is_int(tsa_local_create(scratch_path(dir, "no/key"), entropy_system(),
		public), -ENOENT, "no folder to put one in");
	if (geteuid() != 0) {
		skip(1, "another's key needs root");
		return;
	}
	fd = open(foreign, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 32) != 0 || fchown(fd, 65534, 65534) != 0)
		bail("no foreign key");
	close(fd);
	is_int(open_status(foreign), -EPERM, "a key of somebody else");
}

int main(void)
{
	char *dir = scratch_new();
	const char *key = scratch_path(dir, "tsa.key");
	uint8_t public[32] = {0};
	struct stat st;

	plan(0);
	umask(0);
	is_int(tsa_local_create(key, entropy_system(), public), 0,
		"a key is made");
	is_int(stat(key, &st), 0, "as a file");
	is_int(st.st_mode & 07777, 0600, "for its owner alone");
	is_int(st.st_size, 32, "of 32 bytes");
	t_time(key, public);
	t_refused(dir, key);
	scratch_remove(dir);
	return done();
}

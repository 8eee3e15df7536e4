#include "fs/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/timestamp.h"
#include "core/verdict.h"
#include "fs/assembly.h"
#include "fs/bucket.h"
#include "fs/cli.h"
#include "fs/newest.h"
#include "fs/protect.h"
#include "fs/text.h"
#include "fs/vault.h"
#include "fs/timeservice.h"

#define WHY 512	/* bytes of what timestamp services say */

#define ROOM_FAILED (UINT64_C(64) << 20)	/* bytes */
#define ROOM_WARN (UINT64_C(1) << 30)
#define CLOCK_BACK_MS 2000
#define CLOCK_FIRST_MS UINT64_C(1704067200000)	/* 2024: older than notaryfs */

const char *check_word(enum check_how how)
{
	static const char *const word[] = {
		[CHECK_OK] = "ok", [CHECK_WARN] = "warning",
		[CHECK_FAILED] = "FAILED", [CHECK_UNKNOWN] = "unknown",
	};
	return word[how];
}

__attribute__((format(printf, 4, 5)))
static void say(struct check *c, const char *name, enum check_how how,
	const char *fmt, ...)
{
	struct check_row *r = &c->row[c->n];
	va_list ap;
	if (c->n == CHECK_ROWS)
		return;
	c->n++;
	snprintf(r->name, sizeof r->name, "%s", name);
	r->how = how;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof r->text, fmt, ap);
	va_end(ap);
}

/* -- this machine */

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	cleanup(free) char *copy = strdup(path != NULL ? path : "/usr/bin:/bin");
	char *rest = NULL;
	if (copy == NULL)
		return false;
	for (char *d = strtok_r(copy, ":", &rest); d != NULL;
	     d = strtok_r(NULL, ":", &rest)) {
		cleanup(free) char *file = text_of("%s/%s", d, program);
		if (file != NULL && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_fuse(struct check *c)
{
	cleanup(close) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		say(c, "fuse", CHECK_FAILED, "/dev/fuse: %s: modprobe fuse "
			"makes it; a container must be given it",
			strerror(errno));
	else if (geteuid() != 0 && !in_path("fusermount3"))
		say(c, "fuse", CHECK_FAILED, "fusermount3 is missing, without "
			"which only root can mount: install the package fuse3");
	else
		say(c, "fuse", CHECK_OK, "%s", geteuid() == 0
			? "/dev/fuse can be used"
			: "/dev/fuse and fusermount3 can be used");
}

static void check_clock(struct check *c, const struct assembly *a,
	uint64_t newest)
{
	uint64_t now = a->clock->ops->now_ms(a->clock);
	struct timex t = {0};
	if (now < CLOCK_FIRST_MS)
		say(c, "clock", CHECK_FAILED, "it is set to a time before 2024: "
			"set it right before anything is stamped");
	else if (newest > now + CLOCK_BACK_MS)
		say(c, "clock", CHECK_FAILED, "it is %" PRIu64 " s behind the "
			"newest timestamp of this vault: set it right; until it "
			"has caught up timestamps stay where they are",
			(newest - now) / 1000);
	else if (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		say(c, "clock", CHECK_WARN, "nothing keeps it right (NTP): local "
			"timestamps are only as good as this clock");
	else
		say(c, "clock", CHECK_OK, "it is kept right, and not behind "
			"the chain");
}

/* -- room */

static enum check_how room_of(const char *path, char ret[160])
{
	struct statvfs s;
	char bytes[32];
	if (statvfs(path, &s) != 0) {
		snprintf(ret, 160, "%s", strerror(errno));
		return CHECK_FAILED;
	}
	uint64_t free = (uint64_t)s.f_bavail * s.f_frsize;
	cli_bytes(free, bytes);
	snprintf(ret, 160, "%s free%s", bytes, free >= ROOM_WARN ? ""
		: ": make room; without it nothing can be written or sealed");
	return free < ROOM_FAILED ? CHECK_FAILED
		: free < ROOM_WARN ? CHECK_WARN : CHECK_OK;
}

static void check_folder(struct check *c, const struct vault *v,
	const char *name)
{
	cleanup(free) char *path = vault_path(v, name);
	char room[160];
	if (path == NULL)
		return;
	if (access(path, R_OK | W_OK | X_OK) != 0) {
		say(c, name, CHECK_FAILED, "%s: %s: it must be this user's to "
			"write", path, strerror(errno));
		return;
	}
	enum check_how how = room_of(path, room);
	say(c, name, how, "can be written, %s", room);
}

static void check_protect(struct check *c, const struct vault *v, int pid)
{
	char text[sizeof c->row[0].text];
	bool all = protect_vault(v, pid, text, sizeof text);
	say(c, "immutable", all ? CHECK_OK : CHECK_WARN, "%s", text);
}

/* -- services */

/* The newest time in the chain, after saying whether state can be read. */
static uint64_t check_database(struct check *c, const struct assembly *a,
	const struct vault *v)
{
	struct local *local;
	struct local_counts n;
	cleanup(free) char *db = vault_path(v, "state/notary.db");
	int err = db == NULL ? -ENOMEM : a->local_open(db, false, true, &local);
	uint64_t newest = 0;
	if (err == 0) {
		err = local->ops->counts(local, &n);
		if (err == 0)
			err = newest_time(local, &v->params, &newest);
		local->ops->free(local);
	}
	if (err != 0)
		say(c, "database", CHECK_FAILED, "%s: %s", db,
			strerror(-err));
	else
		say(c, "database", CHECK_OK, "%" PRIu64 " files final in %"
			PRIu64 " blocks, %" PRIu64 " on their way",
			n.final_files, n.blocks, n.queued_files);
	return newest;
}

/* A stamp of block zero, which goes nowhere. */
static int try_stamp(const struct assembly *a, const struct vault *v,
	const char *key, uint64_t newest, enum verdict *ret, char why[WHY])
{
	struct timestamper *t;
	struct timestamp stamp;
	cleanup(buf) struct buf token = {0};
	uint64_t type;
	const struct timeservice_places at = {
		v->config.tsa, v->config.n_tsa, key, newest};
	bool local;
	int err = timeservice_open(a, &v->params, &at, &t, &local);
	if (err != 0)
		return err;
	err = t->ops->stamp(t, BUF_BYTES(&v->b0), &type, &token);
	if (t->ops->why != NULL)
		t->ops->why(t, why, WHY);
	t->ops->free(t);
	if (err == 0)
		*ret = timestamp_validate(&v->params, type, BUF_BYTES(&token),
			BUF_BYTES(&v->b0), &stamp);
	return err;
}

static void check_timestamp(struct check *c, const struct assembly *a,
	const struct vault *v, uint64_t newest)
{
	cleanup(free) char *key = vault_path(v, "state/keys/timestamp");
	enum verdict verdict = V_VALID;
	char why[WHY] = "";
	int err = key == NULL ? -ENOMEM
		: try_stamp(a, v, key, newest, &verdict, why);
	if (err == -EPERM)
		say(c, "timestamp", CHECK_FAILED, "%s must belong to the user "
			"who mounts, and nobody else may read it (chmod 600)",
			key);
	else if (err == -EAGAIN && why[0] != '\0')
		say(c, "timestamp", CHECK_FAILED, "fewer than the %" PRIu64
			" stamps that a block needs: %s",
			v->params.quorum, why);
	else if (err != 0)
		say(c, "timestamp", CHECK_FAILED, "%s: %s", key != NULL ? key
			: "key", strerror(-err));
	else if (verdict != V_VALID)
		say(c, "timestamp", CHECK_FAILED, "its timestamps are not of "
			"this chain: is state/keys/timestamp this vault's?");
	else if (why[0] != '\0')
		say(c, "timestamp", CHECK_WARN, "enough stamps, but not from "
			"all: %s", why);
	else
		say(c, "timestamp", CHECK_OK, v->params.n_authorities == 1 ?
			"it stamps, and the chain accepts it" :
			"all stamp, and the chain accepts it");
}

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(path);
}

/* Starts attestor and enclave for a chain that never begins. */
static int try_sequencer(const struct assembly *a, char *folder, char ret[256])
{
	static const uint8_t nobody[16];
	struct assembly_sequencer config = {.state_dir = folder};
	struct assembly_genesis g = {0};
	struct sequencer *q;
	if (mkdtemp(folder) == NULL)
		return -errno;
	int err = a->sequencer_genesis(&config, nobody, &g, &q);
	if (err == 0) {
		snprintf(ret, 256, "%s", a->sequencer_isolation(q));
		assembly_genesis_done(&g);
		q->ops->free(q);
	}
	remove_folder(folder);
	return err;
}

static void check_sequencer(struct check *c, const struct assembly *a,
	const struct vault *v, bool mounted)
{
	char folder[] = "/tmp/notaryfs-check.XXXXXX", isolation[256];
	cleanup(free) char *root =
		vault_path(v, "state/sequencer/attestor-root.pem");
	cleanup(free) char *handover = vault_path(v, "state/sequencer/handover");
	const char *missing = a->sequencer_missing();
	int err = missing != NULL ? -ENOENT
		: try_sequencer(a, folder, isolation);
	if (missing != NULL)
		say(c, "sequencer", CHECK_FAILED, "%s", missing);
	else if (err != 0)
		say(c, "sequencer", CHECK_FAILED, "attestor and enclave do not "
			"start here: %s", strerror(-err));
	else if ((err = vault_attestor_root(v)) == -ENOENT || err == -EBADMSG)
		say(c, "sequencer", CHECK_FAILED, "%s is %s: put it back from a "
			"copy, for without it this vault cannot be mounted "
			"again", root, err == -ENOENT ? "gone" : "damaged");
	else if (err != 0)
		say(c, "sequencer", CHECK_FAILED, "%s: %s", root,
			strerror(-err));
	else if (!mounted && handover != NULL && access(handover, F_OK) != 0)
		say(c, "sequencer", CHECK_WARN, "it starts here; the last mount "
			"did not end in an orderly way, so the next one "
			"recovers the chain (%s)", isolation);
	else
		say(c, "sequencer", CHECK_OK, "it starts here (%s)", isolation);
}

/* -- buckets */

/* A put, the same again, another in its place, and a look. */
static const char *try_bucket(struct worm *w, const char *prefix, int *ret_err)
{
	static const char text[] = "notaryfs check: this object stays\n";
	static const char other[] = "notaryfs check: this one must not\n";
	cleanup(buf) struct buf is = {0};
	char key[WORM_KEY_MAX];
	snprintf(key, sizeof key, "%s/" CHECK_KEY, prefix);
	*ret_err = worm_put_all(w, key, BYTES(text, sizeof text - 1));
	if (*ret_err == -EEXIST)
		return "another object is where the check writes: it does not "
			"keep what was written";
	if (*ret_err != 0)
		return "cannot be written";
	*ret_err = worm_put_all(w, key, BYTES(other, sizeof other - 1));
	if (*ret_err == 0)
		return "an object could be overwritten: it is not write-once";
	*ret_err = worm_get_all(w, key, sizeof text, &is);
	if (*ret_err != 0)
		return "cannot be read";
	return bytes_equal(BUF_BYTES(&is), BYTES(text, sizeof text - 1)) ? NULL
		: "an object was changed: it is not write-once";
}

static void check_bucket(struct check *c, const struct assembly *a,
	const struct vault *v, const char *prefix, unsigned i)
{
	const char *path = v->config.bucket[i], *wrong;
	struct worm *w;
	char why[256], room[160];
	int err = bucket_new(a, path, prefix, i, &w);
	if (err != 0) {
		say(c, path, CHECK_UNKNOWN, "%s", strerror(-err));
		return;
	}
	if (bucket_look(w, why, sizeof why) != 0) {
		say(c, path, CHECK_FAILED, "%s", why);
	} else if ((wrong = try_bucket(w, prefix, &err)) != NULL) {
		say(c, path, CHECK_FAILED, "%s%s%s", wrong, err != 0 ? ": "
			: "", err != 0 ? strerror(-err) : "");
	} else {
		enum check_how how = room_of(path, room);
		say(c, path, how, "takes objects and does not let them be "
			"overwritten, %s", room);
	}
	w->ops->free(w);
}

/* What one lost disk takes away. */
static void check_disks(struct check *c, const struct vault *v)
{
	size_t n = v->config.n_buckets, most = 0;
	unsigned may = v->params.share_n - v->params.share_k;
	dev_t dev[CONFIG_BUCKETS_MAX];
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		size_t same = 1;
		dev[i] = stat(v->config.bucket[i], &st) == 0 ? st.st_dev : 0;
		for (size_t j = 0; j < i && dev[i] != 0; j++)
			same += dev[j] == dev[i];
		if (same > most)
			most = same;
	}
	if (most > may)
		say(c, "disks", CHECK_WARN, "%zu of %zu buckets lie on one "
			"file system: if it is lost, nothing can be restored; "
			"move some to other disks (notaryfs.conf, bucket)", most,
			n);
	else
		say(c, "disks", CHECK_OK, "no file system holds more than %zu "
			"of %zu buckets; %u may be lost", most, n, may);
}

void check_vault(const struct assembly *a, const struct vault *v,
	struct check *ret)
{
	char prefix[HASH_HEX + 1];
	cleanup(free) char *at = NULL;
	int pid;
	bool mounted = vault_mounted(v, &pid, &at) == 0;
	hex_encode(HASH_BYTES(&v->anchor), prefix);
	*ret = (struct check){0};
	if (v->params.trust != TRUST_LOCAL)
		say(ret, "trust", CHECK_OK, "%s", vouched_text(
			params_vouched(&v->params)));
	else if (params_time_elsewhere(&v->params))
		say(ret, "trust", CHECK_OK, "local software: this machine's "
			"owner vouches for order, and %" PRIu64 " of %zu "
			"timestamp authorities for time", v->params.quorum,
			v->params.n_authorities);
	else
		say(ret, "trust", CHECK_OK, "local software: this machine's "
			"owner vouches for time and order");
	if (mounted)
		say(ret, "mount", CHECK_OK, "mounted at %s by process %d", at,
			pid);
	else
		say(ret, "mount", CHECK_OK, "not mounted");
	check_fuse(ret);
	check_folder(ret, v, "state");
	check_folder(ret, v, "files");
	check_protect(ret, v, mounted ? pid : 0);
	uint64_t newest = check_database(ret, a, v);
	check_clock(ret, a, newest);
	check_timestamp(ret, a, v, newest);
	check_sequencer(ret, a, v, mounted);
	for (unsigned i = 0; i < v->config.n_buckets; i++)
		check_bucket(ret, a, v, prefix, i);
	check_disks(ret, v);
}

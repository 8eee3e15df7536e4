#include "fs/daemon_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/bucket.h"
#include "fs/drive.h"
#include "fs/filestore.h"
#include "fs/versions.h"
#include "fs/home.h"
#include "fs/mountpoint.h"
#include "fs/newest.h"
#include "fs/text.h"
#include "fs/timeservice.h"

#define STORERS 2		/* threads that store blocks */
#define CLOCK_BACK_MS 2000	/* more than clocks that are being set right */

/* How many are there; the others are named. */
static unsigned look_for_buckets(struct daemon *d)
{
	unsigned there = 0;
	for (unsigned i = 0; i < d->v->config.n_buckets; i++) {
		char text[256];
		int err = bucket_look(d->bucket[i], text, sizeof text);
		if (err == 0)
			there++;
		else
			journal_warn(d->journal, JOURNAL_BUCKET_FAILED,
				d->v->config.bucket[i],
				"bucket %s is not there: %s",
				d->v->config.bucket[i], err == -ENODEV ? text
				: strerror(-err));
		d->failed[NOTARY_SERVICES + i] = err != 0;
	}
	return there;
}

static int make_buckets(struct daemon *d, unsigned n, unsigned quorum)
{
	struct vault *v = d->v;
	char prefix[HASH_HEX + 1];
	hex_encode(HASH_BYTES(&v->anchor), prefix);
	int err = 0;
	for (unsigned i = 0; i < n && err == 0; i++)
		err = bucket_new(d->a, v->config.bucket[i], prefix, i,
			&d->bucket[i]);
	if (err == 0) /* the replica has them, also when that fails */
		return d->a->replica_new(d->bucket, n, v->params.share_k,
			quorum, prefix, &d->replica);
	for (unsigned i = 0; i < n; i++)
		if (d->bucket[i] != NULL)
			d->bucket[i]->ops->free(d->bucket[i]);
	return err;
}

static int open_buckets(struct daemon *d)
{
	unsigned n = (unsigned)d->v->config.n_buckets, there;
	/* One bucket may be away where there are enough of them. */
	unsigned quorum = n >= 4 ? n - 1 : n;
	int err = make_buckets(d, n, quorum);
	if (err != 0)
		return daemon_fail(d, err, "cannot use the buckets");
	there = look_for_buckets(d);
	if (there >= quorum)
		return 0;
	*d->why = text_of("only %u of %u buckets can be used and %u are "
		"needed: bring back what is named above and mount again; "
		"%s/files can be read meanwhile", there, n, quorum, d->v->path);
	return -ENODEV;
}

/* The newest time in the chain: the clock may have been set back since. */
static int lost(struct daemon *d, int err, const char *path)
{
	char anchor[HASH_HEX + 1];
	hex_encode(HASH_BYTES(&d->v->anchor), anchor);
	if (err == -ENOENT || err == -EBADMSG)
		*d->why = text_of("%s is %s: put it back from a copy\n"
			"without one this vault cannot go on: its plain files "
			"lie in %s/files, and\n"
			"notaryfs restore --anchor %s DIR BUCKET... gives "
			"back all that is final, with its proofs", path,
			err == -ENOENT ? "gone" : "damaged", d->v->path,
			anchor);
	return daemon_fail(d, err, "%s", path);
}

static int open_key(struct daemon *d)
{
	cleanup(free) char *key = vault_path(d->v, "state/keys/timestamp");
	if (key == NULL)
		return -ENOMEM;
	uint64_t newest;
	int err = newest_time(d->local, &d->v->params, &newest);
	if (err != 0)
		return err;
	uint64_t now = d->a->clock->ops->now_ms(d->a->clock);
	if (newest > now + CLOCK_BACK_MS)
		journal_warn(d->journal, JOURNAL_CLOCK_BEHIND, d->v->path,
			"the clock is %" PRIu64 " s behind the "
			"newest timestamp of this vault: if it was set back, "
			"set it right; until it has caught up timestamps stay "
			"where they are", (newest - now) / 1000);
	const struct timeservice_places at = {d->v->config.tsa,
		d->v->config.n_tsa, key, newest};
	bool local;
	err = timeservice_open(d->a, &d->v->params, &at, &d->tsa, &local);
	if (err != 0 && !local)
		return daemon_fail(d, err, "cannot use the timestamp services");
	if (err == -EPERM)
		*d->why = text_of("%s is a secret: it must belong to the user "
			"who mounts the vault, and nobody else may read it "
			"(chmod 600)", key);
	return err == 0 ? 0 : lost(d, err, key);
}

/* It may be all that is left, so it is not refused for good. */
static int check_home(struct daemon *d, const char *db)
{
	int err = home_check(d->local, db);
	if (err <= 0)
		return err;
	if (!d->o->moved) {
		*d->why = text_of("%s was copied, or moved to another file "
			"system, since it was mounted last\n"
			"if the other one is gone, and no older copy of it will "
			"ever be mounted: notaryfs mount --moved\n"
			"two that go on from one state contradict one another, "
			"for all to see; to look at this one alone, read "
			"%s/files", d->v->path, d->v->path);
		return -EBUSY;
	}
	journal_say(d->journal, JOURNAL_VAULT_COPIED, d->v->path, "%s was "
		"copied or moved, and goes on as the only one", d->v->path);
	return home_keep(d->local, db);
}

static int open_state(struct daemon *d)
{
	cleanup(free) char *db = vault_path(d->v, "state/notary.db");
	cleanup(free) char *files = vault_path(d->v, "files");
	cleanup(free) char *versions = vault_path(d->v, "versions");
	if (db == NULL || files == NULL || versions == NULL)
		return -ENOMEM;
	cleanup(close) int kept = versions_open(versions);
	if (kept < 0)
		return lost(d, kept, versions);
	int err = d->a->local_open(db, false, false, &d->local);
	if (err != 0)
		return lost(d, err, db);
	chainclock_init(&d->clock, d->local, &d->v->params);
	err = check_home(d, db);
	if (err != 0)
		return lost(d, err, db);
	err = filestore_open(files, versions, &d->content);
	if (err != 0)
		return lost(d, err, files);
	return open_key(d);
}

static void say_sequencer(void *ctx, const char *line)
{
	struct daemon *d = ctx;
	journal_say(d->journal, JOURNAL_SEQUENCER, d->v->path, "%s", line);
}

static int start_sequencer(struct daemon *d)
{
	cleanup(free) char *state = vault_path(d->v, "state/sequencer");
	if (state == NULL)
		return -ENOMEM;
	struct assembly_sequencer c = {
		.state_dir = state,
		.local = d->local,
		.replica = d->replica,
		.b0 = BUF_BYTES(&d->v->b0),
		.params = BUF_BYTES(&d->v->params_raw),
		.say = say_sequencer,
		.say_ctx = d,
	};
	const char *missing = d->a->sequencer_missing();
	if (missing != NULL) {
		*d->why = strdup(missing);
		return -ENOENT;
	}
	cleanup(free) char *root = text_of("%s/attestor-root.pem", state);
	int err = vault_attestor_root(d->v);
	if (root != NULL && err != 0)
		return lost(d, err, root);
	cleanup(free) char *handover = text_of("%s/handover", state);
	if (handover != NULL && access(handover, F_OK) != 0)
		journal_warn(d->journal, JOURNAL_RECOVERING, d->v->path,
			"the last mount did not end in an orderly way: the sequencer recovers the chain");
	err = d->a->sequencer_start(&c, &d->seq);
	if (err == -EKEYREJECTED && *d->why == NULL)
		*d->why = text_of("the buckets have gone on without %s/state: it "
			"is an older copy, or not this vault's\n"
			"put the newest one back; without it, notaryfs restore "
			"gives back all that is final", d->v->path);
	return err == 0 ? 0 : daemon_fail(d, err,
		"cannot start the sequencer");
}

static int start_pipeline(struct daemon *d)
{
	struct notary_services s = {
		.local = d->local,
		.replica = d->replica,
		.timestamper = d->tsa,
		.sequencer = d->seq,
		.content = d->content,
		.clock = d->a->clock,
		.entropy = d->a->entropy,
	};
	struct notary_limits limits = NOTARY_LIMITS_DEFAULT;
	int err = erasure_init(&d->erasure, d->local, d->bucket,
		(unsigned)d->v->config.n_buckets, &d->v->anchor);
	if (err != 0)
		return daemon_fail(d, err, "reading what is to be erased");
	limits.interval_ms = (uint32_t)d->v->config.block_interval_ms;
	err = notary_open(&s, BUF_BYTES(&d->v->params_raw), limits,
		&d->notary);
	if (err == 0)
		err = drive_start(d->notary, STORERS, &d->drive);
	if (err != 0)
		return daemon_fail(d, err, "cannot start the notary");
	return 0;
}

int daemon_open(struct daemon *d)
{
	int err;
	if ((err = open_state(d)) != 0 || (err = open_buckets(d)) != 0 ||
	    /* Now: a start that fails later has spent a number. */
	    (err = mountpoint_ready(d->o->mount_point, d->why)) != 0 ||
	    (err = start_sequencer(d)) != 0)
		return err;
	return start_pipeline(d);
}

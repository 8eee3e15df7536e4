#include "fs/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/timestamp.h"
#include "fs/assembly.h"
#include "fs/backlog.h"
#include "fs/bucket.h"
#include "fs/chainclock.h"
#include "fs/drive.h"
#include "fs/filestore.h"
#include "fs/journal.h"
#include "fs/mount.h"
#include "fs/mountpoint.h"
#include "fs/status.h"
#include "fs/text.h"
#include "fs/vault.h"

#define STORERS 2		/* threads that store blocks */
#define HOME "vault.inode"	/* of notary.db, in itself */
#define CLOCK_BACK_MS 2000	/* more than clocks that are being set right */
#define WATCH_S 1		/* between two looks at services and buckets */

struct daemon {
	const struct assembly *a;
	struct vault *v;
	const struct daemon_options *o;
	struct journal *journal;
	struct local *local;
	struct replica *replica;
	struct timestamper *tsa;
	struct sequencer *seq;
	struct content_store *content;
	struct notary *notary;
	struct drive *drive;
	struct mount *mount;
	struct backlog backlog;
	struct chainclock clock;
	_Atomic uint64_t final_height;	/* that the mount was told of */
	struct worm *bucket[CONFIG_BUCKETS_MAX]; /* the replica has them */
	bool failed[STATUS_ROWS];	/* as the journal says: services, buckets */
	pthread_t signals;
	bool signals_run;
	char **why;
};

__attribute__((format(printf, 3, 4)))
static int fail(struct daemon *d, int err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (*d->why == NULL)
		*d->why = text_of("%s: %s%s", text, strerror(-err), err ==
			-ENOSPC || err == -EDQUOT ? ": make room where the "
			"vault and its buckets lie, and mount again" : "");
	return err;
}

/* -- what the parts call */

static void say(void *ctx, const char *line)
{
	struct daemon *d = ctx;
	journal_say(d->journal, "%s", line);
}

static void queued(void *ctx, bool hurry)
{
	struct daemon *d = ctx;
	struct local_counts n;
	if (d->local->ops->counts(d->local, &n) == 0)
		backlog_queued(&d->backlog, n.final_records + n.queued_records,
			d->a->clock->ops->mono_ms(d->a->clock));
	if (d->drive != NULL)
		drive_wake(d->drive, hurry);
}

/* From a worker's thread, after every change of a block. */
static void changed(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t height;
	if (d->local->ops->tip(d->local, LOCAL_FINAL, &height) == 0 &&
	    atomic_exchange(&d->final_height, height) != height)
		mount_progress(d->mount);
}

/* -- status */

static void service_row(struct daemon *d, enum notary_service which,
	const char *name, struct status_row *r)
{
	struct notary_health h;
	notary_health(d->notary, which, &h);
	snprintf(r->name, sizeof r->name, "%s", name);
	status_row_health(r, &h);
	if (which == NOTARY_REPLICA && h.error == -EAGAIN)
		snprintf(r->error, sizeof r->error, "fewer than the %u buckets "
			"that are needed can be written", d->replica->quorum);
	else if (which == NOTARY_REPLICA && h.error == -EIO)
		filestore_failed(d->content, r->error, sizeof r->error);
	if (which == NOTARY_TIMESTAMPER && h.error == -EBADMSG)
		snprintf(r->error, sizeof r->error, "its timestamps are not "
			"of this chain: is state/keys/timestamp this vault's?");
}

static void bucket_row(struct daemon *d, unsigned i, struct status_row *r)
{
	struct notary_health h;
	notary_bucket_health(d->notary, i, &h);
	snprintf(r->name, sizeof r->name, "%s", d->v->config.bucket[i]);
	status_row_health(r, &h);
	if (bucket_look(d->bucket[i], r->error, sizeof r->error) == 0)
		return;
	r->ok = false;
	if (r->last_error_ms == 0)
		r->last_error_ms = d->a->clock->ops->now_ms(d->a->clock);
}

static void status_services(struct daemon *d, struct status *s)
{
	static const char *const name[NOTARY_SERVICES] = {
		[NOTARY_TIMESTAMPER] = "timestamp",
		[NOTARY_REPLICA] = "buckets",
		[NOTARY_SEQUENCER] = "sequencer",
	};
	for (unsigned i = 0; i < NOTARY_SERVICES; i++)
		service_row(d, (enum notary_service)i, name[i],
			&s->service[s->n_services++]);
	for (unsigned i = 0; i < d->replica->n; i++)
		bucket_row(d, i, &s->bucket[s->n_buckets++]);
}

/* The seal of files is the mount's; without one there is nothing to say. */
static void status_sealing(struct daemon *d, struct status *s)
{
	struct notary_health h;
	struct status_row *r = &s->service[s->n_services++];
	mount_sealing(d->mount, &h);
	snprintf(r->name, sizeof r->name, "sealing");
	status_row_health(r, &h);
}

/* -- the journal: what stopped working, and what works again */

static void watch_row(struct daemon *d, const char *kind,
	const struct status_row *r, const char *then, bool *failed)
{
	if (*failed == !r->ok)
		return;
	*failed = !r->ok;
	if (r->ok)
		journal_say(d->journal, "%s %s: works again", kind, r->name);
	else
		journal_say(d->journal, "%s %s: %s; %s", kind, r->name,
			r->error, then);
}

static void watch(struct daemon *d)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	bool *failed = d->failed;
	if (s == NULL)
		return;
	status_services(d, s);
	for (size_t i = 0; i < s->n_services; i++)
		watch_row(d, "service", &s->service[i],
			"it is tried again, and files stay sealed until then",
			failed++);
	for (size_t i = 0; i < s->n_buckets; i++)
		watch_row(d, "bucket", &s->bucket[i],
			"it gets what it lacks when it is back", failed++);
}

static int fill_status(struct daemon *d, struct status *s)
{
	struct local_counts n;
	struct mount_counts m = {0};
	int err = d->local->ops->counts(d->local, &n);
	if (err != 0)
		return err;
	if (d->mount != NULL)
		mount_counts(d->mount, &m);
	s->files = (struct status_files){m.open, m.settling, m.frozen,
		n.queued_files, n.final_files, m.temp, m.scratch};
	s->height = n.height;
	s->blocks = n.blocks;
	s->backlog_files = n.queued_files;
	s->backlog_bytes = n.queued_bytes;
	s->oldest_s = backlog_oldest(&d->backlog, n.final_records,
		d->a->clock->ops->mono_ms(d->a->clock));
	status_services(d, s);
	if (d->mount != NULL)
		status_sealing(d, s);
	s->pid = (uint64_t)getpid();
	s->anchor = d->v->anchor;
	status_trust(s, &d->v->params, d->a->sequencer_isolation(d->seq));
	s->vault = strdup(d->v->path);
	s->mount = strdup(d->o->mount_point);
	return s->vault == NULL || s->mount == NULL ? -ENOMEM : 0;
}

static int give_status(void *ctx, struct buf *ret)
{
	struct daemon *d = ctx;
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	int err = fill_status(d, s);
	if (err == 0)
		err = status_json(s, ret);
	status_done(s);
	return err;
}

static int chain_time(void *ctx, uint64_t *ret_ms)
{
	struct daemon *d = ctx;
	return chainclock_now(&d->clock, ret_ms);
}

static void log_status(struct daemon *d)
{
	cleanup(buf) struct buf json = {0};
	if (give_status(d, &json) == 0)
		journal_say(d->journal, "status %.*s", (int)json.n - 1,
			(const char *)json.p);
}

/* -- signals: all are taken by one thread, so nothing happens in a handler */

static void reread(struct daemon *d)
{
	struct config new, *now = &d->v->config;
	char *text = NULL;
	cleanup(free) char *path = vault_path(d->v, "notaryfs.conf");
	if (path == NULL)
		return;
	if (config_read(path, d->v->path, &new, &text) != 0) {
		journal_say(d->journal, "SIGHUP: nothing changed: %s",
			text != NULL ? text : "out of memory");
		free(text);
		return;
	}
	bool fixed = new.n_buckets != now->n_buckets ||
		new.immutable != now->immutable;
	for (size_t i = 0; !fixed && i < new.n_buckets; i++)
		fixed = strcmp(new.bucket[i], now->bucket[i]) != 0;
	/* Single words that other threads read at any time. */
	uint64_t *to[] = {&now->settle_ms, &now->settle_max_ms,
		&now->empty_settle_ms, &now->backlog_files,
		&now->backlog_bytes, &now->retain_default_s,
		&now->retain_min_s, &now->retain_max_s};
	const uint64_t from[] = {new.settle_ms, new.settle_max_ms,
		new.empty_settle_ms, new.backlog_files, new.backlog_bytes,
		new.retain_default_s, new.retain_min_s, new.retain_max_s};
	for (size_t i = 0; i < sizeof to / sizeof *to; i++)
		__atomic_store_n(to[i], from[i], __ATOMIC_RELAXED);
	mount_settle(d->mount);
	journal_say(d->journal, "SIGHUP: settle, settle_max, empty_settle, "
		"backlog and retain are as in %s now%s", path, fixed || new.
		block_interval_ms != now->block_interval_ms
		? "; bucket, immutable and block_interval change with the next "
		  "mount" : "");
	config_done(&new);
}

static sigset_t our_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2); /* from ourselves: the thread ends */
	return set;
}

static void *take_signals(void *ctx)
{
	struct daemon *d = ctx;
	const struct timespec second = {.tv_sec = WATCH_S};
	sigset_t set = our_signals();
	for (;;) {
		int sig = sigtimedwait(&set, NULL, &second);
		if (sig == SIGUSR2)
			break;
		if (sig < 0)
			watch(d);
		else if (sig == SIGHUP)
			reread(d);
		else if (sig == SIGUSR1)
			log_status(d);
		else {
			journal_say(d->journal, "%s: unmounting",
				sig == SIGTERM ? "SIGTERM" : "SIGINT");
			mount_exit(d->mount);
		}
	}
	return NULL;
}

/* -- start */

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
			journal_warn(d->journal, "bucket %s is not there: %s",
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
		return fail(d, err, "cannot use the buckets");
	there = look_for_buckets(d);
	if (there >= quorum)
		return 0;
	*d->why = text_of("only %u of %u buckets can be used and %u are "
		"needed: bring back what is named above and mount again; "
		"%s/files can be read meanwhile", there, n, quorum, d->v->path);
	return -ENODEV;
}

/* The newest time in the chain: the clock may have been set back since. */
static uint64_t newest_time(struct local *l)
{
	uint64_t height, p = 0;
	struct local_block b = {0};
	struct hash y;
	struct bytes g;
	if (l->ops->tip(l, LOCAL_STAMPED, &height) != 0 ||
	    l->ops->block(l, height, &b) != 0)
		return 0;
	if (b.t_type != TIMESTAMP_LOCAL ||
	    timestamp_local_decode(BUF_BYTES(&b.t), &y, &p, &g) != 0)
		p = 0;
	local_block_done(&b);
	return p;
}

/* What is left when a part of state/ is lost for good. */
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
	return fail(d, err, "%s", path);
}

static int open_key(struct daemon *d)
{
	cleanup(free) char *key = vault_path(d->v, "state/keys/timestamp");
	if (key == NULL)
		return -ENOMEM;
	uint64_t newest = newest_time(d->local);
	uint64_t now = d->a->clock->ops->now_ms(d->a->clock);
	if (newest > now + CLOCK_BACK_MS)
		journal_warn(d->journal, "the clock is %" PRIu64 " s behind the "
			"newest timestamp of this vault: if it was set back, "
			"set it right; until it has caught up timestamps stay "
			"where they are", (newest - now) / 1000);
	int err = d->a->tsa_open(key, d->a->clock, newest, &d->tsa);
	if (err == -EPERM)
		*d->why = text_of("%s is a secret: it must belong to the user "
			"who mounts the vault, and nobody else may read it "
			"(chmod 600)", key);
	return err == 0 ? 0 : lost(d, err, key);
}

/* A copy has another inode.  It may be all that is left, so it is not refused:
 * only two that go on would contradict one another. */
static int check_copy(struct daemon *d, const char *db)
{
	struct local *l = d->local;
	cleanup(buf) struct buf was = {0};
	struct stat st;
	char is[32];
	if (stat(db, &st) != 0)
		return -errno;
	int n = snprintf(is, sizeof is, "%ju", (uintmax_t)st.st_ino);
	int err = l->ops->value(l, HOME, &was);
	if (err == 0 && bytes_equal(BUF_BYTES(&was), BYTES(is, (size_t)n)))
		return 0;
	if (err != 0 && err != -ENOENT)
		return err;
	if (err == 0)
		journal_warn(d->journal, "%s was copied or moved to another "
			"file system: never mount the other one again, or an "
			"older copy; two that go on from one state contradict "
			"one another, for all to see", d->v->path);
	return l->ops->set_value(l, HOME, BYTES(is, (size_t)n));
}

static int open_state(struct daemon *d)
{
	cleanup(free) char *db = vault_path(d->v, "state/notary.db");
	cleanup(free) char *files = vault_path(d->v, "files");
	if (db == NULL || files == NULL)
		return -ENOMEM;
	int err = d->a->local_open(db, false, false, &d->local);
	if (err != 0)
		return lost(d, err, db);
	chainclock_init(&d->clock, d->local, &d->v->params);
	err = check_copy(d, db);
	if (err != 0)
		return lost(d, err, db);
	err = filestore_open(files, &d->content);
	if (err != 0)
		return lost(d, err, files);
	return open_key(d);
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
		.say = say,
		.say_ctx = d,
	};
	const char *missing = d->a->sequencer_missing();
	if (missing != NULL) {
		*d->why = strdup(missing);
		return -ENOENT;
	}
	cleanup(free) char *root = text_of("%s/attestor-root.pem", state);
	if (root != NULL && access(root, R_OK) != 0)
		return lost(d, -errno, root);
	cleanup(free) char *handover = text_of("%s/handover", state);
	if (handover != NULL && access(handover, F_OK) != 0)
		journal_warn(d->journal, "the last mount did not end in an "
			"orderly way: the sequencer recovers the chain");
	int err = d->a->sequencer_start(&c, &d->seq);
	return err == 0 ? 0 : fail(d, err, "cannot start the sequencer");
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
	limits.interval_ms = (uint32_t)d->v->config.block_interval_ms;
	int err = notary_open(&s, BUF_BYTES(&d->v->params_raw), limits,
		&d->notary);
	if (err == 0)
		err = drive_start(d->notary, STORERS, &d->drive);
	if (err != 0)
		return fail(d, err, "cannot start the notary");
	return 0;
}

static int start_mount(struct daemon *d)
{
	cleanup(free) char *files = vault_path(d->v, "files");
	if (files == NULL)
		return -ENOMEM;
	struct mount_services s = {
		.files_dir = files,
		.fsname = d->v->path,
		.config = &d->v->config,
		.local = d->local,
		.clock = d->a->clock,
		.entropy = d->a->entropy,
		.b0 = BUF_BYTES(&d->v->b0),
		.params = BUF_BYTES(&d->v->params_raw),
		.chain = &d->v->params,
		.anchor = d->v->anchor,
		.queued = queued,
		.chain_time = chain_time,
		.status = give_status,
		.say = say,
		.ctx = d,
	};
	return mount_open(&s, d->o->mount_point, d->o->fuse_options,
		&d->mount, d->why);
}

static int start(struct daemon *d)
{
	int err;
	if ((err = open_state(d)) != 0 || (err = open_buckets(d)) != 0 ||
	    /* Now: a start that fails later has spent a number. */
	    (err = mountpoint_ready(d->o->mount_point, d->why)) != 0 ||
	    (err = start_sequencer(d)) != 0 || (err = start_pipeline(d)) != 0 ||
	    (err = start_mount(d)) != 0)
		return err;
	drive_on_change(d->drive, changed, d);
	err = -pthread_create(&d->signals, NULL, take_signals, d);
	if (err != 0)
		return fail(d, err, "cannot start a thread");
	d->signals_run = true;
	queued(d, false); /* what an earlier mount left */
	return 0;
}

/* -- end */

static int stop(struct daemon *d)
{
	int err = 0;
	if (d->signals_run) {
		pthread_kill(d->signals, SIGUSR2);
		pthread_join(d->signals, NULL);
	}
	if (d->drive != NULL)
		drive_on_change(d->drive, NULL, NULL);
	if (d->mount != NULL)
		mount_close(d->mount);
	drive_stop(d->drive);
	notary_free(d->notary);
	if (d->seq != NULL) {
		err = d->a->sequencer_handover(d->seq, NULL);
		if (err != 0)
			journal_say(d->journal, "the sequencer did not hand "
				"over (%s): the next mount recovers the chain",
				strerror(-err));
		d->seq->ops->free(d->seq);
	}
	if (d->tsa != NULL)
		d->tsa->ops->free(d->tsa);
	if (d->replica != NULL)
		d->replica->ops->free(d->replica);
	filestore_free(d->content);
	chainclock_done(&d->clock);
	if (d->local != NULL)
		d->local->ops->free(d->local);
	return err;
}

static int serve(struct daemon *d)
{
	journal_say(d->journal, "mounted at %s", d->o->mount_point);
	if (d->o->ready != NULL)
		d->o->ready(d->o->ctx);
	int err = mount_serve(d->mount);
	return err == 0 ? 0 : fail(d, err, "serving %s", d->o->mount_point);
}

static int lock(struct daemon *d)
{
	cleanup(free) char *holder = NULL;
	int err = vault_lock(d->v, d->o->mount_point, &holder);
	if (err == -EBUSY) {
		*d->why = text_of("%s is %s", d->v->path,
			holder != NULL ? holder : "in use");
		return err;
	}
	return err == 0 ? 0 : fail(d, err, "%s/state/lock", d->v->path);
}

int daemon_run(const struct assembly *a, struct vault *v,
	const struct daemon_options *o, char **ret_why)
{
	*ret_why = NULL;
	cleanup(free) struct daemon *d = calloc(1, sizeof *d);
	cleanup(free) char *log = vault_path(v, "state/notaryfs.log");
	if (d == NULL || log == NULL)
		return -ENOMEM;
	d->a = a;
	d->v = v;
	d->o = o;
	d->why = ret_why;
	backlog_init(&d->backlog);
	sigset_t set = our_signals();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	int err = lock(d);
	if (err != 0)
		return err;
	if ((err = journal_open(log, a->clock, &d->journal)) != 0)
		return fail(d, err, "%s", log);
	journal_echo(d->journal, o->foreground);
	err = start(d);
	if (err == 0)
		err = serve(d);
	int end = stop(d);
	if (err != 0 && *ret_why != NULL)
		journal_say(d->journal, "ended: %s", *ret_why);
	else
		journal_say(d->journal, "unmounted");
	journal_close(d->journal);
	return err != 0 ? err : end;
}

#include "fs/daemon_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "fs/drive.h"
#include "fs/filestore.h"
#include "fs/mount.h"
#include "fs/mountopts.h"
#include "fs/notify.h"
#include "fs/reserve.h"
#include "fs/text.h"

#define WATCH_S 1		/* between two looks at services and buckets */
#define LOOKED_MS 500		/* between two words about a start */

int daemon_fail(struct daemon *d, int err, const char *fmt, ...)
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

static void say_file(void *ctx, const char *what, const char *path, int err)
{
	struct daemon *d = ctx;
	journal_say(d->journal, JOURNAL_FILE, path, "%s%s%s", what,
		err != 0 ? ": " : "", err != 0 ? strerror(-err) : "");
}

static int give_status(void *ctx, struct buf *ret)
{
	return daemon_status(ctx, ret);
}

static int erase(void *ctx, uint64_t id)
{
	struct daemon *d = ctx;
	return erasure_owe(&d->erasure, id);
}

static int chain_time(void *ctx, uint64_t *ret_ms)
{
	struct daemon *d = ctx;
	return chainclock_now(&d->clock, ret_ms);
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

/* -- signals: all are taken by one thread, so nothing happens in a handler */

/* The settings that were given to the mount stand over those of the file. */
static int take_options(struct daemon *d, struct config *c, char **ret_why)
{
	cleanup(buf) struct buf fuse = {0};
	if (d->o->options == NULL)
		return 0;
	cleanup(free) char *list = strdup(d->o->options);
	return list == NULL ? -ENOMEM
		: mountopts_take(list, c, d->v->path, &fuse, ret_why);
}

static int read_config(struct daemon *d, const char *path, struct config *ret,
	char **ret_why)
{
	int err = config_read(path, d->v->path, ret, ret_why);
	if (err != 0)
		return err;
	err = take_options(d, ret, ret_why);
	if (err != 0)
		config_done(ret);
	return err;
}

static void reread(struct daemon *d)
{
	struct config new, *now = &d->v->config;
	char *text = NULL;
	cleanup(free) char *path = vault_path(d->v, "notaryfs.conf");
	if (path == NULL)
		return;
	journal_reopen(d->journal);
	if (read_config(d, path, &new, &text) != 0) {
		journal_say(d->journal, JOURNAL_CONFIG_REFUSED, path, "%s",
			text != NULL ? text : "out of memory");
		free(text);
		return;
	}
	/* Single words that other threads read at any time. */
	uint64_t *to[] = {&now->settle_ms, &now->settle_max_ms,
		&now->empty_settle_ms, &now->backlog_files,
		&now->backlog_bytes, &now->retain_default_s,
		&now->retain_min_s, &now->retain_max_s, &now->quota,
		&now->temp_max_ms};
	const uint64_t from[] = {new.settle_ms, new.settle_max_ms,
		new.empty_settle_ms, new.backlog_files, new.backlog_bytes,
		new.retain_default_s, new.retain_min_s, new.retain_max_s,
		new.quota, new.temp_max_ms};
	for (size_t i = 0; i < sizeof to / sizeof *to; i++)
		__atomic_store_n(to[i], from[i], __ATOMIC_RELAXED);
	mount_settle(d->mount);
	char *file = now->metrics_file; /* only this thread looks at it */
	now->metrics_file = new.metrics_file;
	new.metrics_file = file;
	journal_say(d->journal, JOURNAL_CONFIG_READ, path,
		"settle, settle_max, empty_settle, temp_max, backlog, quota, "
		"retain and metrics_file are as it says now, but for what the mount was "
		"given; all else counts from the next mount on");
	config_done(&new);
	daemon_metrics(d, true);
}

static sigset_t our_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2); /* wakes the thread when it is to end */
	return set;
}

static void *take_signals(void *ctx)
{
	struct daemon *d = ctx;
	const struct timespec second = {.tv_sec = WATCH_S};
	sigset_t set = our_signals();
	for (;;) {
		int sig = sigtimedwait(&set, NULL, &second);
		if (atomic_load(&d->stopping))
			break;
		if (sig < 0)
			daemon_watch(d);
		else if (sig == SIGUSR2)
			continue; /* somebody else's */
		else if (sig == SIGHUP)
			reread(d);
		else if (sig == SIGUSR1)
			daemon_log_status(d);
		else {
			journal_say(d->journal, JOURNAL_SIGNAL, sig == SIGTERM
				? "SIGTERM" : "SIGINT", "unmounting");
			mount_exit(d->mount);
		}
	}
	return NULL;
}

/* Buckets on the disk of that folder. */
static unsigned shares_on(const struct daemon *d, const char *folder)
{
	struct stat here, st;
	unsigned n = 0;
	if (stat(folder, &here) != 0)
		return 0;
	for (size_t i = 0; i < d->v->config.n_buckets; i++)
		n += stat(d->v->config.bucket[i], &st) == 0 &&
			st.st_dev == here.st_dev;
	return n;
}

static void make_room(void *ctx)
{
	const struct daemon *d = ctx;
	reserve_let_go(d->reserve, false);
}

/* The service manager hears it, too, which shows whether a start goes on. */
static void looked(void *ctx, uint64_t names)
{
	struct daemon *d = ctx;
	uint64_t now = d->a->clock->ops->mono_ms(d->a->clock);
	struct local_counts have = {0};
	if (now - d->looked_ms < LOOKED_MS)
		return;
	d->looked_ms = now;
	(void)d->local->ops->counts(d->local, &have);
	if (d->o->looked != NULL)
		d->o->looked(d->o->ctx, names, have.final_files);
	cleanup(free) char *text = text_of("STATUS=looking at every file: %"
		PRIu64 " of about %" PRIu64, names, have.final_files);
	if (text != NULL)
		notify_manager(text);
}

static int start_mount(struct daemon *d)
{
	cleanup(free) char *files = vault_path(d->v, "files");
	cleanup(free) char *versions = vault_path(d->v, "versions");
	cleanup(free) char *refused_log = vault_path(d->v,
		"state/refused.log");
	if (files == NULL || versions == NULL || refused_log == NULL)
		return -ENOMEM;
	struct mount_services s = {
		.files_dir = files,
		.versions_dir = versions,
		.refused_log = refused_log,
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
		.erase = erase,
		.shares_k = d->v->params.share_k,
		.shares_here = shares_on(d, files),
		.make_room = make_room,
		.status = give_status,
		.looked = looked,
		.say = say_file,
		.ctx = d,
	};
	return mount_open(&s, d->o->mount_point, d->o->fuse_options,
		&d->mount, d->why);
}

static int start(struct daemon *d)
{
	int err = daemon_open(d);
	if (err == 0)
		err = start_mount(d);
	if (err != 0)
		return err;
	drive_on_change(d->drive, changed, d);
	err = -pthread_create(&d->signals, NULL, take_signals, d);
	if (err != 0)
		return daemon_fail(d, err, "cannot start a thread");
	d->signals_run = true;
	queued(d, false); /* what an earlier mount left */
	return 0;
}

/* -- end */

static int stop(struct daemon *d)
{
	int err = 0;
	if (d->signals_run) {
		atomic_store(&d->stopping, true);
		pthread_kill(d->signals, SIGUSR2);
		pthread_join(d->signals, NULL);
	}
	if (d->signals_run)
		daemon_metrics(d, false);
	if (d->drive != NULL)
		drive_on_change(d->drive, NULL, NULL);
	if (d->mount != NULL)
		mount_close(d->mount);
	drive_stop(d->drive);
	if (d->notary != NULL && d->seq != NULL) {
		/* This epoch's keys are gone after this. */
		publishit_soon(d->notary);
		publishit_step(d->notary);
	}
	notary_free(d->notary);
	reserve_let_go(d->reserve, true);
	if (d->seq != NULL) {
		err = d->a->sequencer_handover(d->seq, NULL);
		if (err != 0)
			journal_say(d->journal, JOURNAL_HANDOVER_FAILED,
				d->v->path, "the sequencer did not hand over "
				"(%s): the next mount recovers the chain",
				strerror(-err));
		d->seq->ops->free(d->seq);
	}
	if (d->tsa != NULL)
		d->tsa->ops->free(d->tsa);
	if (d->replica != NULL)
		d->replica->ops->free(d->replica);
	filestore_free(d->content);
	erasure_done(&d->erasure);
	chainclock_done(&d->clock);
	if (d->local != NULL)
		d->local->ops->free(d->local);
	return err;
}

static int serve(struct daemon *d)
{
	journal_say(d->journal, JOURNAL_MOUNTED, d->o->mount_point,
		"%s is mounted", d->v->path);
	if (d->o->ready != NULL)
		d->o->ready(d->o->ctx);
	notify_manager("READY=1\nSTATUS=mounted");
	int err = mount_serve(d->mount);
	notify_manager("STOPPING=1\nSTATUS=putting everything away");
	return err == 0 ? 0 : daemon_fail(d, err, "serving %s", d->o->mount_point);
}

static int lock(struct daemon *d)
{
	cleanup(free) char *holder = NULL;
	int err = vault_lock(d->v, d->o->mount_point, &holder);
	if (err == -ENOSPC || err == -EDQUOT) {
		reserve_let_go(d->reserve, true);
		err = vault_lock(d->v, d->o->mount_point, &holder);
	}
	if (err == -EBUSY) {
		*d->why = text_of("%s is %s", d->v->path,
			holder != NULL ? holder : "in use");
		return err;
	}
	return err == 0 ? 0 : daemon_fail(d, err, "%s/state/lock", d->v->path);
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

	cleanup(free) char *reserve = vault_path(v, "state/reserve");
	cleanup(close) int held = reserve == NULL ? -1 : reserve_open(reserve);
	d->reserve = held;
	int err = lock(d);
	if (err != 0)
		return err;
	if ((err = journal_open(log, a->clock, &d->journal)) != 0)
		return daemon_fail(d, err, "%s", log);
	journal_echo(d->journal, o->foreground);
	d->a->local_spare(held);
	reserve_let_go(held, true);
	err = start(d);
	reserve_take(held);
	if (err == 0)
		err = serve(d);
	int end = stop(d);
	d->a->local_spare(-1);
	reserve_take(held);
	if (err != 0 && *ret_why != NULL)
		journal_say(d->journal, JOURNAL_ENDED, o->mount_point, "%s",
			*ret_why);
	else
		journal_say(d->journal, JOURNAL_UNMOUNTED, o->mount_point,
			"everything is put away");
	journal_close(d->journal);
	return err != 0 ? err : end;
}

#include "fs/daemon_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/bucket.h"
#include "fs/file.h"
#include "fs/filestore.h"
#include "fs/metrics.h"
#include "fs/mount.h"
#include "fs/reserve.h"
#include "fs/text.h"

#define METRICS_MS 15000	/* between two writes of the metrics */

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
	if (which == NOTARY_TIMESTAMPER && h.error == -EAGAIN &&
			d->tsa->ops->why != NULL)
		d->tsa->ops->why(d->tsa, r->error, sizeof r->error);
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

static int fill_status(struct daemon *d, struct status *s)
{
	struct local_counts n;
	struct mount_counts m = {0};
	struct mount_hashing h = {0};
	struct mount_idle idle = {0};
	int err = d->mount != NULL ? mount_counts(d->mount, &m, &n) :
		d->local->ops->counts(d->local, &n);
	if (err != 0)
		return err;
	s->files = (struct status_files){m.open, m.settling, m.frozen,
		n.queued_files, n.final_files, m.temp, m.scratch};
	if (d->mount != NULL) {
		mount_hashing(d->mount, &h);
		mount_idle(d->mount, &idle);
	}
	s->hashing = (struct status_hashing){h.files, h.bytes, h.done};
	s->idle_files = idle.files;
	s->idle_s = idle.oldest_ms / 1000;
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
	status_mode(s, d->mount != NULL ? mount_mode(d->mount)
					: d->v->params.retention_mode);
	s->vault = strdup(d->v->path);
	s->mount = strdup(d->o->mount_point);
	return s->vault == NULL || s->mount == NULL ? -ENOMEM : 0;
}

int daemon_status(struct daemon *d, struct buf *ret)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	int err = fill_status(d, s);
	if (err == 0)
		err = status_json(s, ret);
	status_done(s);
	return err;
}

void daemon_log_status(struct daemon *d)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	cleanup(buf) struct buf text = {0};
	if (s != NULL && fill_status(d, s) == 0 &&
	    status_fields(s, &text) == 0 && buf_add(&text, "", 1) == 0)
		journal_numbers(d->journal, JOURNAL_STATUS,
			(const char *)text.p);
	if (s != NULL)
		status_done(s);
}

/* -- metrics */

/* Writing into the own mount would wait for oneself at the end. */
static bool inside_mount(const struct daemon *d, const char *file)
{
	cleanup(free) char *folder = strdup(file);
	if (folder == NULL)
		return true;
	*(strrchr(folder, '/') + 1) = '\0';
	cleanup(free) char *real = realpath(folder, NULL);
	size_t n = strlen(d->o->mount_point);
	return real != NULL && strncmp(real, d->o->mount_point, n) == 0 &&
		(real[n] == '/' || real[n] == '\0');
}

static int write_metrics(struct daemon *d, bool mounted)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	cleanup(buf) struct buf text = {0};
	if (s == NULL)
		return -ENOMEM;
	int err = fill_status(d, s);
	if (err == 0 && !mounted) {
		free(s->mount);
		s->mount = NULL;
	}
	if (err == 0)
		err = metrics_text(s, &text);
	if (err == 0)
		err = file_replace(d->v->config.metrics_file, 0644,
			BUF_BYTES(&text));
	status_done(s);
	return err;
}

void daemon_metrics(struct daemon *d, bool mounted)
{
	const char *file = d->v->config.metrics_file;
	if (file == NULL || (!mounted && d->metrics_failed))
		return;
	int err = mounted && inside_mount(d, file) ? -EINVAL
		: write_metrics(d, mounted);
	if (err != 0 && !d->metrics_failed)
		journal_say(d->journal, JOURNAL_METRICS_FAILED, file, "%s",
			err == -EINVAL ? "a folder outside of the mount is "
			"needed" : strerror(-err));
	d->metrics_failed = err != 0;
	d->metrics_ms = d->a->clock->ops->mono_ms(d->a->clock) + METRICS_MS;
}

/* -- the journal: what stopped working, and what works again */

/* bad: the event when it fails; the next one is when it works again. */
static void watch_row(struct daemon *d, enum journal_event bad,
	const struct status_row *r, const char *then, bool *failed)
{
	if (*failed == !r->ok)
		return;
	*failed = !r->ok;
	if (r->ok)
		journal_say(d->journal, bad + 1, r->name, "works again");
	else
		journal_say(d->journal, bad, r->name, "%s; %s", r->error,
			then);
}

static void watch_rows(struct daemon *d)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	bool *failed = d->failed;
	if (s == NULL)
		return;
	status_services(d, s);
	for (size_t i = 0; i < s->n_services; i++)
		watch_row(d, JOURNAL_SERVICE_FAILED, &s->service[i],
			"it is tried again, and files stay sealed until then",
			failed++);
	for (size_t i = 0; i < s->n_buckets; i++)
		watch_row(d, JOURNAL_BUCKET_FAILED, &s->bucket[i],
			"it gets what it lacks when it is back", failed++);
}

static void erase(struct daemon *d)
{
	int err = erasure_work(&d->erasure);
	if (err != 0 && !d->erasing_failed)
		journal_say(d->journal, JOURNAL_ERASING_FAILED, d->v->path,
			"the contents of deleted files cannot be erased from "
			"every bucket now: %s; it is tried again",
			strerror(-err));
	d->erasing_failed = err != 0;
}

static void watch_room(struct daemon *d)
{
	bool waits = d->a->local_waits();
	if (waits && !d->no_room)
		journal_say(d->journal, JOURNAL_NO_ROOM, d->v->path, "the disk "
			"of %s/state is full, or a quota of it is: nothing is "
			"sealed or becomes final until there is room for some "
			"pages", d->v->path);
	if (!waits && d->no_room)
		journal_say(d->journal, JOURNAL_ROOM, d->v->path,
			"there is room again");
	d->no_room = waits;
}

void daemon_watch(struct daemon *d)
{
	watch_room(d); /* first: the rest may wait for it */
	watch_rows(d);
	erase(d);
	if (!d->no_room)
		reserve_take(d->reserve);
	mount_trim(d->mount);
	if (d->a->clock->ops->mono_ms(d->a->clock) >= d->metrics_ms)
		daemon_metrics(d, true);
}

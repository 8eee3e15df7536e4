#include "fs/scrub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/local.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/filestore.h"
#include "fs/mend.h"
#include "fs/remake.h"
#include "fs/text.h"
#include "fs/vault.h"

#define LIVE_MS 3000	/* a running daemon finishes what it has begun */

/* -- what the ledger calls */

static struct scrub *scrub_of(void *ctx)
{
	return ctx; /* findings are its first member */
}

static void bad(void *ctx, unsigned bucket, const char *key, bool missing)
{
	struct scrub *s = scrub_of(ctx);
	if (s->item == NULL || s->n_items == SCRUB_ITEMS)
		return;
	struct scrub_item *i = &s->item[s->n_items++];
	*i = (struct scrub_item){.bucket = bucket, .missing = missing};
	strncpy(i->key, key, sizeof i->key - 1);
}

/* Waits until the time since the beginning has room for what was read. */
static void pace(void *ctx, uint64_t bytes)
{
	struct scrub *s = scrub_of(ctx);
	s->read += bytes;
	if (s->o->rate == 0)
		return;
	uint64_t due = s->began_ms + s->read / s->o->rate * 1000 +
		s->read % s->o->rate * 1000 / s->o->rate;
	for (uint64_t now; (now = s->clock->ops->mono_ms(s->clock)) < due;) {
		uint64_t ms = due - now < 1000 ? due - now : 1000;
		const struct timespec t = {
			.tv_sec = (time_t)(ms / 1000),
			.tv_nsec = (long)(ms % 1000) * 1000000,
		};
		nanosleep(&t, NULL);
	}
}

static uint32_t mend(void *ctx, const struct ledger_object *o)
{
	struct scrub *s = scrub_of(ctx);
	return s->mend == NULL ? 0 : mend_object(s->mend, o);
}

/* -- which buckets may be written to */

/* The folders of those to be filled, made where they are missing. */
static int make_folders(const struct scrub *s, const struct assembly *a,
	const struct vault *v, char **ret_why)
{
	for (unsigned i = 0; i < v->config.n_buckets; i++) {
		struct worm *w;
		if ((s->o->fill >> i & 1) == 0)
			continue;
		int err = a->bucket_open(v->config.bucket[i], true, false, &w);
		if (err != 0) {
			*ret_why = text_of("%s: %s", v->config.bucket[i],
				strerror(-err));
			return err;
		}
		w->ops->free(w);
	}
	return 0;
}

/* A folder without anything of the vault may be the mount point of a disk that
 * is away: nothing is written there unless it was named. */
static int choose(struct scrub *s, uint32_t *ret, char **ret_why)
{
	struct ledger *l = s->l;
	*ret = 0;
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		unsigned share;
		if (b->worm == NULL) {
			cli_say(s->f.c, "if %s is gone for good: notaryfs "
				"repair --fill %s VAULT", b->path, b->path);
			continue;
		}
		int err = l->a->bucket_share(b->worm, l->prefix, &share);
		if (err == 0 && share != i) {
			*ret_why = text_of("%s holds share %u and stands at the "
				"place of share %u: put the bucket lines of "
				"notaryfs.conf in order", b->path, share, i);
			return -EINVAL;
		}
		if (err == 0 || b->genesis != -ENOENT || (s->o->fill >> i & 1))
			*ret |= UINT32_C(1) << i;
		else
			cli_say(s->f.c, "%s holds nothing of this vault: is its "
				"disk mounted? If it is new and to be filled: "
				"notaryfs repair --fill %s VAULT", b->path,
				b->path);
	}
	return 0;
}

static int prepare(struct scrub *s, char **ret_why)
{
	uint32_t buckets;
	if (!s->o->repair)
		return 0;
	int err = choose(s, &buckets, ret_why);
	return err != 0 ? err : mend_new(s->l, buckets, &s->mend);
}

/* -- the three parts */

static int scrub_buckets(struct scrub *s, const struct vault *v)
{
	struct audit_options o = {.live_ms = s->o->live ? LIVE_MS : 0};
	cleanup(free) char *files = vault_path(v, "files");
	cleanup(free) char *versions = vault_path(v, "versions");
	if (files == NULL || versions == NULL)
		return -ENOMEM;
	/* without them buckets are scrubbed all the same */
	(void)filestore_open(files, versions, &o.plain);
	int err = audit_run(s->l, &o, &s->n);
	filestore_free(o.plain);
	return err;
}

/* Makes again what it can, and looks again: at links to what is new by now,
 * and whether all is well then. */
static int repair_plain(struct scrub *s, struct local *local,
	const char *files, const char *versions, const struct vault *v)
{
	struct remake_counts n = {0};
	int err = 0;
	do {
		n = (struct remake_counts){0};
		err = remake_run(s->l, local, v->path, &s->plain, &n);
		s->made += n.files;
		s->made_bytes += n.bytes;
		plain_done(&s->plain);
		if (err == 0)
			err = plain_check(s->l, local, files, versions,
				&s->plain);
	} while (err == 0 && n.files > 0 && n.failed == 0 && s->plain.n > 0);
	return err;
}

static int scrub_plain(struct scrub *s, struct local *local,
	const struct vault *v)
{
	cleanup(free) char *files = vault_path(v, "files");
	cleanup(free) char *versions = vault_path(v, "versions");
	if (files == NULL || versions == NULL)
		return -ENOMEM;
	int err = plain_check(s->l, local, files, versions, &s->plain);
	if (err == 0 && s->o->repair && s->o->plain && s->plain.n > 0)
		return repair_plain(s, local, files, versions, v);
	for (size_t i = 0; i < s->plain.n; i++)
		plain_find(s->l, &s->plain.bad[i]);
	if (err == 0 && s->o->repair && s->plain.n > 0)
		cli_say(s->f.c, "unmount the vault and repair it again: plain "
			"files are made again only then");
	return err;
}

static int scrub_vault(struct scrub *s, const struct assembly *a,
	const struct vault *v)
{
	cleanup(free) char *db = vault_path(v, "state/notary.db");
	struct local *local;
	int err = db == NULL ? -ENOMEM : a->local_open(db, false, true, &local);
	if (err == -ENOMEM)
		return err;
	if (err != 0) {
		ledger_find(s->l, LEDGER_INCOMPLETE, "%s: %s: plain files are "
			"not compared", db, strerror(-err));
		return 0;
	}
	err = audit_state(s->l, local);
	if (err == 0)
		err = scrub_plain(s, local, v);
	local->ops->free(local);
	return err;
}

int scrub_run(struct scrub *s, const struct cli *c, const struct assembly *a,
	const struct vault *v, const struct scrub_options *o, char **ret_why)
{
	*s = (struct scrub){.f = {.c = c}, .o = o, .clock = a->clock};
	struct ledger_events events = findings_events(&s->f);
	events.bad = bad;
	events.read = pace;
	events.mend = o->repair ? mend : NULL;
	*ret_why = NULL;
	s->began_ms = s->clock->ops->mono_ms(s->clock);
	s->item = calloc(SCRUB_ITEMS, sizeof *s->item);
	if (s->item == NULL)
		return -ENOMEM;
	int err = make_folders(s, a, v, ret_why);
	if (err == 0)
		err = ledger_open(a, &v->anchor, v->config.bucket,
			(unsigned)v->config.n_buckets, &events, &s->l, ret_why);
	if (err == 0)
		err = prepare(s, ret_why);
	if (err == 0)
		err = scrub_buckets(s, v);
	if (err == 0)
		err = scrub_vault(s, a, v);
	findings_end(&s->f);
	return err;
}

void scrub_done(struct scrub *s)
{
	mend_free(s->mend);
	plain_done(&s->plain);
	free(s->item);
	ledger_close(s->l);
}

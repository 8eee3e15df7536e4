#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/assembly.h"
#include "fs/audit.h"
#include "fs/cli_chain.h"
#include "fs/findings.h"
#include "fs/place.h"
#include "fs/plain.h"
#include "fs/vault.h"

static const char help[] =
"usage: notaryfs audit VAULT | audit --anchor HEX|FILE BUCKET...\n"
"Checks everything from the buckets alone: block zero against the anchor, every\n"
"number, block, timestamp and record, the main chain and its log, and every byte\n"
"of every share.  One bucket is enough for the chain; the contents need as many\n"
"as restore them.  With VAULT, its buckets, and then its own state and plain\n"
"files too; it may be mounted.\n"
"\n"
"  --anchor HEX  the chain's anchor, or a file that holds it\n"
"  --json        print the result as JSON\n"
"  -h, --help    print this\n"
"\n"
"Exit code 0: all is well; 1: something is wrong; 2: something could not be\n"
"checked.\n";

#define LIVE_MS 3000	/* a running daemon finishes what it has begun */

static int print_json(struct ledger *l, const struct audit_counts *n, int r)
{
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	json_object(&j, NULL);
	json_text(&j, "anchor", l->prefix);
	json_text(&j, "result", r == CLI_DONE ? "clean"
		: r == CLI_REFUSED ? "wrong" : "incomplete");
	json_uint(&j, "wrong", l->wrong);
	json_uint(&j, "incomplete", l->incomplete);
	json_uint(&j, "height", l->n_blocks == 0 ? 0 : l->n_blocks - 1);
	json_uint(&j, "numbers", l->numbers);
	json_uint(&j, "recoveries", l->succession.recoveries);
	json_uint(&j, "records", n->records);
	json_uint(&j, "files", n->files);
	json_uint(&j, "bytes", n->bytes);
	json_text(&j, "retention", params_mode_name(n->keeping.mode));
	json_uint(&j, "dated", n->keeping.dated);
	json_uint(&j, "held", n->keeping.held);
	json_uint(&j, "expired", n->keeping.expired);
	json_uint(&j, "deleted_by_order", n->keeping.ordered);
	json_array(&j, "buckets");
	for (unsigned i = 0; i < l->n_buckets; i++) {
		const struct ledger_bucket *b = &l->bucket[i];
		json_object(&j, NULL);
		json_text(&j, "name", b->path);
		json_bool(&j, "ok", b->worm != NULL && b->missing == 0 &&
			b->damaged == 0);
		json_uint(&j, "missing", b->missing);
		json_uint(&j, "damaged", b->damaged);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_close_object(&j);
	int err = json_end(&j, &text);
	if (err == 0)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return err;
}

static void print_keeping(const struct keeping_counts *n)
{
	printf("retention  %s, %" PRIu64 " files with a date, %" PRIu64 " held, "
		"%" PRIu64 " deleted after it, %" PRIu64 " by order\n",
		params_mode_name(n->mode), n->dated, n->held, n->expired,
		n->ordered);
}

static void print_text(struct ledger *l, const struct audit_counts *n, int r)
{
	char size[32];
	cli_bytes(n->bytes, size);
	printf("chain      %s, trust: %s\n", l->prefix,
		vouched_text(params_vouched(&l->params)));
	printf("height     %zu, %" PRIu64 " numbers, %u recoveries\n",
		l->n_blocks == 0 ? 0 : l->n_blocks - 1, l->numbers,
		l->succession.recoveries);
	printf("records    %" PRIu64 ", of %" PRIu64 " files with %s\n",
		n->records, n->files, size);
	print_keeping(&n->keeping);
	for (unsigned i = 0; i < l->n_buckets; i++) {
		const struct ledger_bucket *b = &l->bucket[i];
		if (b->worm == NULL)
			printf("bucket     %s: cannot be used\n", b->path);
		else if (b->missing == 0 && b->damaged == 0)
			printf("bucket     %s: complete\n", b->path);
		else
			printf("bucket     %s: %" PRIu64 " missing, %" PRIu64
				" damaged\n", b->path, b->missing, b->damaged);
	}
	printf("result     %s\n", r == CLI_DONE ? "all is well"
		: r == CLI_REFUSED ? "WRONG: see above"
		: "incomplete: see above");
}

static int verdict(const struct ledger *l)
{
	return l->wrong > 0 ? CLI_REFUSED
		: l->incomplete > 0 ? CLI_INCOMPLETE : CLI_DONE;
}

/* The vault's own state and plain files. */
static int audit_plain(struct ledger *l, struct local *local,
	const char *files, const char *versions)
{
	struct plain_list p = {0};
	int err = audit_state(l, local);
	if (err == 0)
		err = plain_check(l, local, files, versions, &p);
	for (size_t i = 0; i < p.n; i++)
		plain_find(l, &p.bad[i]);
	plain_done(&p);
	return err;
}

static int run(const struct cli *c, const struct assembly *a,
	const struct hash *anchor, char *const *buckets, unsigned n,
	const struct vault *v, bool as_json)
{
	struct findings f = {.c = c};
	struct ledger_events events = findings_events(&f);
	struct ledger *l;
	struct audit_counts counts = {0};
	char *why;
	int pid;
	cleanup(free) char *at = NULL;
	bool live = v != NULL && vault_mounted(v, &pid, &at) == 0;
	if (ledger_open(a, anchor, buckets, n, &events, &l, &why) != 0) {
		cli_say_lines(c, why);
		return CLI_REFUSED;
	}
	const struct audit_options o = {.live_ms = live ? LIVE_MS : 0};
	int err = audit_run(l, &o, &counts);
	if (err == 0 && v != NULL) {
		cleanup(free) char *db = vault_path(v, "state/notary.db");
		cleanup(free) char *files = vault_path(v, "files");
		cleanup(free) char *versions = vault_path(v, "versions");
		struct local *local;
		err = db == NULL || files == NULL || versions == NULL ? -ENOMEM
			: a->local_open(db, false, true, &local);
		if (err == 0) {
			err = audit_plain(l, local, files, versions);
			local->ops->free(local);
		}
	}
	findings_end(&f);
	int r = verdict(l);
	if (err != 0) {
		cli_say(c, "%s", strerror(-err));
		r = CLI_REFUSED;
	} else if (as_json)
		err = print_json(l, &counts, r);
	else
		print_text(l, &counts, r);
	ledger_close(l);
	return err != 0 || fflush(stdout) != 0 ? CLI_REFUSED : r;
}

static int run_vault(const struct cli *c, const struct assembly *a,
	const char *path, bool as_json)
{
	struct vault *v;
	char *why;
	if (vault_open(path, &v, &why) != 0) {
		cli_say_lines(c, why);
		return CLI_REFUSED;
	}
	int r = run(c, a, &v->anchor, v->config.bucket,
		(unsigned)v->config.n_buckets, v, as_json);
	vault_close(v);
	return r;
}

int cmd_audit(const struct assembly *a, int argc, char **argv)
{
	struct cli c = {.name = "audit", .help = help};
	struct cli_chain o;
	if (!cli_chain(&c, argc, argv, false, &o))
		return c.exit;
	if (!o.has_anchor && optind + 1 != argc)
		return cli_usage(&c, "name one vault, or --anchor and buckets");
	if (!o.has_anchor)
		return run_vault(&c, a, argv[optind], o.json);
	if (optind == argc)
		return cli_usage(&c, "name at least one bucket");
	return run(&c, a, &o.anchor, &argv[optind], (unsigned)(argc - optind),
		NULL, o.json);
}

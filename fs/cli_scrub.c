/* notaryfs scrub and notaryfs repair: what is damaged where; and put right. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/record.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/config_value.h"
#include "fs/scrub.h"
#include "fs/vault.h"

static const char scrub_help[] =
"usage: notaryfs scrub VAULT [--rate SIZE] [--json]\n"
"Reads every share of every object in every bucket, every sealed plain file and\n"
"what was kept of former ones, compares them with the chain, and says what is\n"
"damaged or missing where.\n"
"Changes nothing; the vault may be mounted.\n"
"\n"
"  --rate SIZE   read at most so many bytes a second (50M)\n"
"  --json        print the result as JSON\n"
"  -h, --help    print this\n"
"\n"
"Exit code 0: all is well; 1: something is damaged or missing; 2: something\n"
"could not be checked.  notaryfs repair puts it right.\n";

static const char repair_help[] =
"usage: notaryfs repair VAULT [--dry-run] [--fill BUCKET]... [--rate SIZE] [--json]\n"
"Scrubs a vault and puts right what it can: shares from as many good ones as\n"
"restore (of a 3/6 vault any three), or from the plain files; numbers and block\n"
"zero from any one bucket; plain files and former versions from the buckets.\n"
"What was damaged is kept: in BUCKET/+damaged and VAULT/damaged.  It may be\n"
"killed and run again.  In a mounted vault only buckets are repaired.\n"
"\n"
"  --dry-run      change nothing, only say what is damaged (scrub)\n"
"  --fill BUCKET  a bucket that holds nothing of this vault: fill it\n"
"  --rate SIZE    read at most so many bytes a second (50M)\n"
"  --json         print the result as JSON\n"
"  -h, --help     print this\n"
"\n"
"Exit code 0: all is well now; 1: nothing could be done; 2: something could not\n"
"be put right or checked.\n";

/* -- the report */

static const char *result(const struct scrub *s)
{
	if (s->l->wrong > 0)
		return "damaged";
	return s->l->incomplete > 0 ? "incomplete" : "clean";
}

static int exit_code(const struct scrub *s)
{
	if (s->l->wrong > 0)
		return s->o->repair ? CLI_INCOMPLETE : CLI_REFUSED;
	return s->l->incomplete > 0 ? CLI_INCOMPLETE : CLI_DONE;
}

static void json_buckets(struct json *j, const struct scrub *s)
{
	json_array(j, "buckets");
	for (unsigned i = 0; i < s->l->n_buckets; i++) {
		const struct ledger_bucket *b = &s->l->bucket[i];
		json_object(j, NULL);
		json_text(j, "name", b->path);
		json_bool(j, "ok", b->worm != NULL && b->missing == 0 &&
			b->damaged == 0);
		json_uint(j, "missing", b->missing);
		json_uint(j, "damaged", b->damaged);
		json_uint(j, "mended", b->mended);
		json_close_object(j);
	}
	json_close_array(j);
	json_array(j, "objects");
	for (size_t i = 0; i < s->n_items; i++) {
		json_object(j, NULL);
		json_text(j, "bucket", s->l->bucket[s->item[i].bucket].path);
		json_text(j, "key", s->item[i].key);
		json_text(j, "state", s->item[i].missing ? "missing"
							 : "damaged");
		json_close_object(j);
	}
	json_close_array(j);
}

static void json_plain(struct json *j, const struct scrub *s)
{
	static const char *const word[] = {
		[PLAIN_GOOD] = "good",
		[PLAIN_MISSING] = "missing",
		[PLAIN_DAMAGED] = "damaged",
		[PLAIN_ATTRIBUTES] = "attributes",
		[PLAIN_UNREADABLE] = "unreadable",
	};
	json_array(j, "plain");
	for (size_t i = 0; i < s->plain.n; i++) {
		const struct plain_bad *b = &s->plain.bad[i];
		struct record d;
		if (record_decode(BUF_BYTES(&b->d), &d) != 0)
			continue;
		json_object(j, NULL);
		json_text_n(j, "path", d.path);
		json_text(j, "state", word[b->state]);
		json_bool(j, "kept", b->kept);
		json_bool(j, "final", b->final);
		json_close_object(j);
	}
	json_close_array(j);
}

static int print_json(const struct scrub *s)
{
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	json_object(&j, NULL);
	json_text(&j, "anchor", s->l->prefix);
	json_text(&j, "result", result(s));
	json_uint(&j, "wrong", s->l->wrong);
	json_uint(&j, "incomplete", s->l->incomplete);
	json_uint(&j, "height", s->l->n_blocks == 0 ? 0 : s->l->n_blocks - 1);
	json_uint(&j, "files", s->n.files);
	json_uint(&j, "bytes", s->n.bytes);
	json_uint(&j, "read", s->read);
	json_uint(&j, "checked", s->plain.checked);
	json_uint(&j, "made", s->made);
	json_buckets(&j, s);
	json_plain(&j, s);
	json_close_object(&j);
	int err = json_end(&j, &text);
	if (err == 0)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return err;
}

static void print_bucket(const struct ledger_bucket *b)
{
	printf("bucket     %s: ", b->path);
	if (b->worm == NULL)
		printf("cannot be used");
	else if (b->missing == 0 && b->damaged == 0)
		printf("complete");
	else
		printf("%" PRIu64 " missing, %" PRIu64 " damaged", b->missing,
			b->damaged);
	if (b->mended > 0)
		printf(", %" PRIu64 " put right", b->mended);
	putchar('\n');
}

static void print_text(const struct scrub *s)
{
	char size[32];
	cli_bytes(s->read, size);
	printf("read       %s, height %zu, %" PRIu64 " files\n", size,
		s->l->n_blocks == 0 ? 0 : s->l->n_blocks - 1, s->n.files);
	for (unsigned i = 0; i < s->l->n_buckets; i++)
		print_bucket(&s->l->bucket[i]);
	printf("plain      %" PRIu64 " checked, %zu%s not as recorded",
		s->plain.checked, s->plain.n, s->plain.more ? " and more" : "");
	if (s->made > 0) {
		cli_bytes(s->made_bytes, size);
		printf(", %" PRIu64 " made again (%s)", s->made, size);
	}
	printf("\nresult     %s\n", exit_code(s) == CLI_DONE ? "all is well"
		: s->l->wrong > 0 ? "DAMAGED: see above"
		: "incomplete: see above");
}

/* -- the commands */

struct wanted {
	struct scrub_options o;
	bool json;
	char *fill[CONFIG_BUCKETS_MAX];
	unsigned n_fill;
};

/* Which of the configuration's buckets were named. */
static int find_fill(const struct cli *c, const struct vault *v,
	struct wanted *w)
{
	for (unsigned i = 0; i < w->n_fill; i++) {
		cleanup(free) char *real = realpath(w->fill[i], NULL);
		bool known = false;
		for (unsigned k = 0; k < v->config.n_buckets; k++) {
			const char *b = v->config.bucket[k];
			if (strcmp(b, w->fill[i]) != 0 && (real == NULL ||
				    strcmp(b, real) != 0))
				continue;
			w->o.fill |= UINT32_C(1) << k;
			known = true;
		}
		if (known)
			continue;
		cli_say(c, "%s is no bucket of %s: name one as notaryfs.conf "
			"does", w->fill[i], v->path);
		return -EINVAL;
	}
	return 0;
}

/* A repair holds the lock, so that nobody mounts meanwhile. */
static int look_for_daemon(const struct cli *c, struct vault *v,
	struct wanted *w)
{
	cleanup(free) char *text = NULL;
	int pid;
	w->o.live = vault_mounted(v, &pid, &text) == 0;
	if (!w->o.repair || w->o.live)
		return 0;
	cleanup(free) char *holder = NULL;
	int err = vault_lock(v, "", &holder);
	if (err == -EBUSY)
		cli_say(c, "%s is %s", v->path, holder != NULL ? holder
			: "in use");
	else if (err != 0)
		cli_say(c, "%s/state/lock: %s", v->path, strerror(-err));
	w->o.plain = err == 0;
	return err;
}

static int run(const struct cli *c, const struct assembly *a, struct vault *v,
	struct wanted *w)
{
	struct scrub s;
	char *why;
	if (find_fill(c, v, w) != 0 || look_for_daemon(c, v, w) != 0)
		return CLI_REFUSED;
	int r, err = scrub_run(&s, c, a, v, &w->o, &why);
	if (err != 0) {
		if (why != NULL)
			cli_say_lines(c, why);
		else
			cli_say(c, "%s", strerror(-err));
		r = w->o.repair && (s.made > 0 || s.read > 0) ? CLI_INCOMPLETE
			: CLI_REFUSED;
	} else {
		r = exit_code(&s);
		if (w->json)
			err = print_json(&s);
		else
			print_text(&s);
		if (err != 0 || fflush(stdout) != 0)
			r = CLI_REFUSED;
	}
	scrub_done(&s);
	return r;
}

static int command(struct cli *c, bool repair, const struct assembly *a,
	int argc, char **argv)
{
	static const struct option names[] = {
		{"rate", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"dry-run", no_argument, NULL, 'n'},
		{"fill", required_argument, NULL, 'f'},
		{0},
	};
	/* only repair has the last two */
	const struct option scrub_names[] = {names[0], names[1], names[2], {0}};
	struct wanted w = {.o = {.repair = repair}};
	struct vault *v;
	char *why;
	for (int opt; (opt = cli_option(c, argc, argv, ":h", repair ? names
			: scrub_names)) != -1;)
		switch (opt) {
		case 'r':
			if (config_size(optarg, &w.o.rate) != 0 ||
			    w.o.rate == 0)
				return cli_usage(c, "--rate %s: must be a size "
					"like 50M", optarg);
			break;
		case 'j':
			w.json = true;
			break;
		case 'n':
			w.o.repair = false;
			break;
		case 'f':
			if (w.n_fill == CONFIG_BUCKETS_MAX)
				return cli_usage(c, "too many --fill");
			w.fill[w.n_fill++] = optarg;
			break;
		default:
			return c->exit;
		}
	if (optind + 1 != argc)
		return cli_usage(c, "name one vault");
	if (vault_open(argv[optind], &v, &why) != 0) {
		cli_say_lines(c, why);
		return CLI_REFUSED;
	}
	int r = run(c, a, v, &w);
	vault_close(v);
	return r;
}

int cmd_scrub(const struct assembly *a, int argc, char **argv)
{
	struct cli c = {.name = "scrub", .help = scrub_help};
	return command(&c, false, a, argc, argv);
}

int cmd_repair(const struct assembly *a, int argc, char **argv)
{
	struct cli c = {.name = "repair", .help = repair_help};
	return command(&c, true, a, argc, argv);
}

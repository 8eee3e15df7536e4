#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/init.h"
#include "fs/place.h"

static const char help[] =
"usage: notaryfs init VAULT [--settle 10s] [--bucket DIR]... [--shares K/N]\n"
"                     [--retention none|governance|compliance]\n"
"Makes a vault in a new or empty folder and prints its anchor.\n"
"\n"
"  --settle TIME   time from the last close of a file to its seal (10s)\n"
"  --bucket DIR    a folder for one share; name N of them, or none for\n"
"                  VAULT/buckets/0 ... N-1\n"
"  --shares K/N    any K of N shares restore everything (3/6; N <= 16)\n"
"  --retention MODE  none (default): what is sealed is kept for ever;\n"
"                  compliance: a file that has a date may be deleted after it;\n"
"                  governance: and before, by an order of the governance key.\n"
"                  It cannot be changed later\n"
"  --governance-key FILE  where that key goes (VAULT/governance.key)\n"
"  --json          print the anchor and the folder as JSON\n"
"  -h, --help      print this\n";

static int parse_shares(const struct cli *c, const char *text,
	struct init_options *o)
{
	unsigned k, n;
	char rest;
	if (strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%2u/%2u%c", &k, &n, &rest) != 2 || k < 1 || k > n ||
	    n > PARAMS_BUCKETS_MAX)
		return cli_usage(c, "--shares %s: must be K/N with "
			"1 <= K <= N <= %d", text, PARAMS_BUCKETS_MAX);
	o->k = k;
	o->n = n;
	return CLI_DONE;
}

static int parse_retention(const struct cli *c, const char *text,
	struct init_options *o)
{
	for (enum retention_mode m = RETENTION_NONE;
	     m <= RETENTION_COMPLIANCE; m++)
		if (strcmp(text, params_mode_name(m)) == 0) {
			o->retention = m;
			return CLI_DONE;
		}
	return cli_usage(c, "--retention %s: must be none, governance or "
		"compliance", text);
}

/* Who has the key may release holds, and delete in mode governance. */
static void print_governance(const struct init_options *o)
{
	if (o->retention == RETENTION_NONE)
		return;
	printf("\nThe governance key is %s%s%s.\n"
		"Move it away from this machine, to whoever may release legal "
		"holds%s.\nThe vault does not need it, and a new one cannot be "
		"made.\n",
		o->governance_key != NULL ? "" : o->path,
		o->governance_key != NULL ? "" : "/",
		o->governance_key != NULL ? o->governance_key :
			INIT_GOVERNANCE_KEY,
		o->retention == RETENTION_GOVERNANCE ?
			"\nand delete files before their time" : "");
}

static int print(const struct init_options *o, const struct hash *anchor,
	bool as_json)
{
	char hex[HASH_HEX + 1];
	hex_encode(HASH_BYTES(anchor), hex);
	if (!as_json) {
		printf("anchor %s\n"
			"\n"
			"Keep a copy of this anchor somewhere else: whoever has it can check\n"
			"every proof of this vault, and without it a proof says nothing.\n"
			"It is also in %s/anchor.\n", hex, o->path);
		print_governance(o);
		printf("\nGo on with: notaryfs mount %s DIR\n", o->path);
	} else {
		struct json j = {0};
		struct buf text = {0};
		json_object(&j, NULL);
		json_text(&j, "anchor", hex);
		json_text(&j, "vault", o->path);
		json_close_object(&j);
		if (json_end(&j, &text) != 0)
			return CLI_REFUSED;
		printf("%.*s\n", (int)text.n, (const char *)text.p);
		buf_free(&text);
	}
	return fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
}

/* Inside a mount, a vault's own state would be sealed; inside a vault, it would
 * be taken for part of that. */
static bool has_place(const struct cli *c, const char *path)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(free) char *around = place_around(path);
	if (place_future(path, &root, &rest) == 0)
		cli_say(c, "%s lies in the vault that is mounted at %s, and would "
			"be sealed: name a folder outside of it", path, root);
	else if (around != NULL)
		cli_say(c, "%s lies in the vault %s: name a folder outside of "
			"it", path, around);
	else
		return true;
	return false;
}

int cmd_init(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"settle", required_argument, NULL, 's'},
		{"bucket", required_argument, NULL, 'b'},
		{"shares", required_argument, NULL, 'k'},
		{"retention", required_argument, NULL, 'r'},
		{"governance-key", required_argument, NULL, 'g'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "init", .help = help};
	struct init_options o = {.settle = "10s", .k = 3, .n = 6};
	bool as_json = false;
	unsigned buckets = 0;
	uint64_t ms;
	int r;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		switch (opt) {
		case 's':
			o.settle = optarg;
			break;
		case 'b':
			if (buckets == PARAMS_BUCKETS_MAX)
				return cli_usage(&c, "more than %d buckets",
					PARAMS_BUCKETS_MAX);
			o.bucket[buckets++] = optarg;
			break;
		case 'k':
			if ((r = parse_shares(&c, optarg, &o)) != CLI_DONE)
				return r;
			break;
		case 'r':
			r = parse_retention(&c, optarg, &o);
			if (r != CLI_DONE)
				return r;
			break;
		case 'g':
			o.governance_key = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		default:
			return c.exit;
		}
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one folder for the vault");
	o.path = argv[optind];
	if (o.governance_key != NULL && o.retention == RETENTION_NONE)
		return cli_usage(&c, "--governance-key: there is no such key "
			"without --retention governance or compliance");
	if (config_duration(o.settle, &ms) != 0 || ms < 500)
		return cli_usage(&c, "--settle %s: must be a time like 10s or "
			"2m, at least 0.5s", o.settle);
	if (buckets != 0 && buckets != o.n)
		return cli_usage(&c, "%u buckets are named for %u/%u shares: "
			"one bucket a share", buckets, o.k, o.n);
	if (!has_place(&c, o.path))
		return CLI_REFUSED;
	const char *missing = a->sequencer_missing();
	if (missing != NULL) {
		cli_say(&c, "%s", missing);
		return CLI_REFUSED;
	}
	struct hash anchor;
	char *why;
	if (init_vault(a, &o, &anchor, &why) != 0) {
		cli_say_lines(&c, why);
		return CLI_REFUSED;
	}
	return print(&o, &anchor, as_json);
}

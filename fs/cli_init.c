#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/apart.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/config_value.h"
#include "fs/init.h"
#include "fs/timeservice.h"

static const char help[] =
"usage: notaryfs init VAULT [--settle 10s] [--bucket DIR]... [--shares K/N]\n"
"                     [--retention none|governance|compliance]\n"
"                     [--tsa URL --tsa-root FILE]... [--quorum N] [--json]\n"
"Makes a vault in a new or empty folder and prints its anchor.\n"
"\n"
"  --settle TIME   time from the last close of a file to its seal (10s)\n"
"  --bucket DIR    a folder for one share; name N of them, or none for\n"
"                  VAULT/buckets/0 ... N-1\n"
"  --shares K/N    any K of N shares restore everything (3/6; N <= 16)\n"
"  --retention MODE  none (default): what is sealed is kept for ever;\n"
"                  compliance: a file that has a date may be deleted after it;\n"
"                  governance: and before, by an order of the governance key.\n"
"                  notaryfs comply changes it to compliance, and nothing else\n"
"  --governance-key FILE  where that key goes (VAULT/governance.key)\n"
"  --tsa URL       a timestamp authority of RFC 3161, asked there; may be given\n"
"                  several times, also as 'local': this machine's clock, which\n"
"                  is all there is without this option.  Cannot be changed later\n"
"  --tsa-root FILE root certificate in PEM of the --tsa before it, which alone is\n"
"                  trusted, and behind it those that its answers leave out\n"
"  --tsa-policy OID  policy that it must stamp under (any)\n"
"  --quorum N      how many of them have to stamp a block (more than half)\n"
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

static int add_tsa(const struct cli *c, struct inittime *t)
{
	if (t->n == PARAMS_AUTHORITIES_MAX)
		return cli_usage(c, "more than %d timestamp authorities",
			PARAMS_AUTHORITIES_MAX);
	if (strcmp(optarg, TIMESERVICE_LOCAL) != 0 && !config_url(optarg))
		return cli_usage(c, "--tsa %s: must be a URL, http://... or "
			"https://..., or local", optarg);
	t->tsa[t->n++].url = optarg;
	return CLI_DONE;
}

static int set_quorum(const struct cli *c, struct inittime *t)
{
	char *end;
	unsigned long n = strtoul(optarg, &end, 10);
	if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || n < 1 ||
			n > PARAMS_AUTHORITIES_MAX)
		return cli_usage(c, "--quorum %s: must be 1 to %d", optarg,
			PARAMS_AUTHORITIES_MAX);
	t->quorum = (unsigned)n;
	return CLI_DONE;
}

/* Those of one --tsa stand behind it. */
static int time_option(const struct cli *c, int opt, struct inittime *t)
{
	if (opt == 't')
		return add_tsa(c, t);
	if (opt == 'q')
		return set_quorum(c, t);
	if (t->n == 0)
		return cli_usage(c, "--tsa-%s: give the --tsa that it is of "
			"before it", opt == 'R' ? "root" : "policy");
	if (opt == 'R')
		t->tsa[t->n - 1].root = optarg;
	else
		t->tsa[t->n - 1].policy = optarg;
	return CLI_DONE;
}

/* Dotted decimal of at least two numbers, as a token has it. */
static bool is_policy(const char *s)
{
	size_t n = strspn(s, "0123456789.");
	return s[n] == '\0' && n >= 3 && n < 100 && strchr(s, '.') != NULL &&
		strstr(s, "..") == NULL && s[0] != '.' && s[n - 1] != '.';
}

static int check_time(const struct cli *c, const struct inittime *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct inittime_tsa *one = &t->tsa[i];
		bool local = strcmp(one->url, TIMESERVICE_LOCAL) == 0;
		if (!local && one->root == NULL)
			return cli_usage(c, "--tsa %s: give its root "
				"certificate, --tsa-root FILE", one->url);
		if (local && (one->root != NULL || one->policy != NULL))
			return cli_usage(c, "--tsa local has no root "
				"certificate and no policy");
		if (one->policy != NULL && !is_policy(one->policy))
			return cli_usage(c, "--tsa-policy %s: must be an OID "
				"like 1.3.6.1.4.1.1", one->policy);
	}
	if (t->quorum > (t->n == 0 ? 1 : t->n))
		return cli_usage(c, "--quorum %u: there are fewer timestamp "
			"authorities than that", t->quorum);
	return CLI_DONE;
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

static int print(const struct cli *c, const struct init_options *o,
	const struct hash *anchor, bool as_json)
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
	if (fflush(stdout) == 0)
		return CLI_DONE;
	cli_say(c, "the vault is made all the same; its anchor is in %s/anchor",
		o->path);
	return CLI_REFUSED;
}

int cmd_init(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"settle", required_argument, NULL, 's'},
		{"bucket", required_argument, NULL, 'b'},
		{"shares", required_argument, NULL, 'k'},
		{"retention", required_argument, NULL, 'r'},
		{"governance-key", required_argument, NULL, 'g'},
		{"tsa", required_argument, NULL, 't'},
		{"tsa-root", required_argument, NULL, 'R'},
		{"tsa-policy", required_argument, NULL, 'P'},
		{"quorum", required_argument, NULL, 'q'},
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
		case 't':
		case 'R':
		case 'P':
		case 'q':
			if ((r = time_option(&c, opt, &o.time)) != CLI_DONE)
				return r;
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
	if ((r = check_time(&c, &o.time)) != CLI_DONE)
		return r;
	if (buckets != 0 && buckets != o.n)
		return cli_usage(&c, "%u buckets are named for %u/%u shares: "
			"one bucket a share", buckets, o.k, o.n);
	if (!apart(&c, o.path))
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
	return print(&c, &o, &anchor, as_json);
}

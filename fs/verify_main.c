/*
 * notary-verify: checks certificates offline.
 *
 * Statically linked, and of notaryfs it holds core's reading half alone, so
 * that somebody who trusts nobody can read all that it does.
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/verify.h"
#include "fs/offline.h"
#include "fs/streams.h"
#include "fs/verifylog.h"
#include "fs/verifyone.h"
#include "fs/verifysay.h"
#include "fs/verifytree.h"

static const char usage[] =
	"usage: notary-verify [--anchor HEX|FILE] [--json] [--at TIME] [--range A-B]\n"
	"                     [--witness VKEY|FILE]... [--witnesses N] FILE [FILE.cert]\n"
	"       notary-verify [--anchor HEX|FILE] [--json] [--at TIME]\n"
	"                     [--witness VKEY|FILE]... [--witnesses N] -r DIR [--certs DIR2]\n"
	"       notary-verify [--anchor HEX|FILE] [--json] explain CERT\n"
	"       notary-verify [--anchor HEX|FILE] [--json] parts CERT DIR\n"
	"       notary-verify [--anchor HEX|FILE] [--json] --log DIR [CHECKPOINT...]\n"
	"\n"
	"Checks a file against its certificate without any network or service.\n"
	"\n"
	"  --anchor HEX|FILE  the chain to trust: 64 hex digits, or a file that\n"
	"                     holds them; without it nothing is called valid\n"
	"  --range A-B        FILE is bytes A to B-1 of the recorded file, counted\n"
	"                     from 0, and its certificate says so\n"
	"  --at TIME          refuse what is not proved to have existed by TIME:\n"
	"                     2026-11-24, 2026-11-24T10:00:00Z (UTC) or @SECONDS\n"
	"  --witness VKEY|FILE  a witness who must have signed the checkpoint in the\n"
	"                     certificate: NAME+ID+KEY (C2SP), or a file that holds it\n"
	"  --witnesses N      that many of those named are enough\n"
	"  --json             facts as JSON, one object a line\n"
	"  -r DIR             every file below DIR; certificates beside the files,\n"
	"                     or below DIR/.certs\n"
	"  --certs DIR2       with -r: certificates below DIR2 alone\n"
	"  explain CERT       what a certificate says, in words\n"
	"  parts CERT DIR     the standard objects in it as files in DIR, with a\n"
	"                     README of how other programs check them\n"
	"  --log DIR          the log of a vault, .notary/log in its mount or a copy,\n"
	"                     and that it has grown from these older checkpoints\n"
	"  --help             print this\n"
	"\n"
	"Exit: 0 valid, 1 refused, 2 incomplete or cannot say, 64 wrong usage.\n";

struct options {
	bool tree, json, have_anchor;
	struct demands demands;
	const char *certs, *log;
	struct hash anchor;
	uint64_t from, to;	/* of --range; to == 0: a whole file */
};

static const char help[] = "`notary-verify --help` says how it is used\n";

static int wrong_usage(const char *why)
{
	fprintf(stderr, "notary-verify: %s\n%s", why, help);
	return EXIT_USAGE;
}

static const struct hash *anchor_of(const struct options *o)
{
	return o->have_anchor ? &o->anchor : NULL;
}

static int check_tree(const struct options *o, const char *dir)
{
	struct verifytree_options t = {
		.dir = dir,
		.certs = o->certs,
		.anchor = anchor_of(o),
		.demands = &o->demands,
		.json = o->json,
		.out = stdout,
		.progress = isatty(STDERR_FILENO) ? stderr : NULL,
	};
	struct verifytree_counts n;
	const char *unread = dir;
	int rc = verifytree(&t, &n, &unread);

	if (rc == -ENOTDIR && unread == dir)
		return verifysay_no_tree(dir, "is no folder; leave out -r for "
			"a file", anchor_of(o), o->json);
	if (rc != 0)
		return verifysay_no_tree(unread, verify_reason(rc),
			anchor_of(o), o->json);
	return verifysay_tree(&n, anchor_of(o), o->json);
}

static int check_log(const struct options *o, char **old, size_t n)
{
	struct verifylog l;
	int rc = verifylog(o->log, anchor_of(o), old, n, &l);
	struct verifysay_log s = {.log = &l, .dir = o->log, .old = old,
		.n_old = n, .anchored = o->have_anchor, .json = o->json};

	return verifysay_log(&s, rc);
}

/* -- options */

static int set_anchor(struct options *o, const char *text)
{
	int rc = offline_anchor(text, &o->anchor);

	o->have_anchor = rc == 0;
	if (rc == 0)
		return 0;
	fprintf(stderr,
		"notary-verify: --anchor %s: %s; it takes 64 hex digits or a "
		"file that holds them\n",
		text, rc == -EINVAL ? "is no anchor" : strerror(-rc));
	return EXIT_USAGE;
}

static int set_range(struct options *o, const char *text)
{
	if (offline_range(text, &o->from, &o->to) == 0)
		return 0;
	fprintf(stderr,
		"notary-verify: --range %s: it takes A-B, two numbers with A < B: "
		"from byte A, counted from 0, to the byte before B\n",
		text);
	return EXIT_USAGE;
}

static int set_at(struct options *o, const char *text)
{
	o->demands.have_at = offline_time(text, &o->demands.at_ms) == 0;
	if (o->demands.have_at)
		return 0;
	fprintf(stderr,
		"notary-verify: --at %s: it takes 2026-11-24 (its first moment), "
		"2026-11-24T10:00:00Z or @SECONDS, in UTC\n",
		text);
	return EXIT_USAGE;
}

/* why NULL: all is well. */
static int said(const char *option, const char *text, const char *why)
{
	if (why == NULL)
		return 0;
	fprintf(stderr, "notary-verify: %s %s: %s\n", option, text, why);
	return EXIT_USAGE;
}

/* A file may be called so: it has to be there, then. */
static bool is_word(const char *arg, const char *word, int n, int whole)
{
	return strcmp(arg, word) == 0 && (n == whole || access(arg, F_OK) != 0);
}

/* 0, or the exit code plus one to end with. */
static int parse(int argc, char **argv, struct options *o)
{
	enum { /* before JSON: what can be said once, for the last must not win */
		ANCHOR = 256, CERTS, RANGE, AT, LOG, WITNESSES, JSON, WITNESS,
		HELP, VERSION };
	static const struct option longs[] = {
		{"anchor", required_argument, NULL, ANCHOR},
		{"json", no_argument, NULL, JSON},
		{"certs", required_argument, NULL, CERTS},
		{"at", required_argument, NULL, AT},
		{"range", required_argument, NULL, RANGE},
		{"log", required_argument, NULL, LOG},
		{"witness", required_argument, NULL, WITNESS},
		{"witnesses", required_argument, NULL, WITNESSES},
		{"recursive", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION},
		{0},
	};
	unsigned seen = 0;
	int c, i;

	while ((c = getopt_long(argc, argv, "rh", longs, &i)) != -1) {
		if (c >= ANCHOR && c < JSON && (seen >> (c - ANCHOR) & 1) != 0) {
			fprintf(stderr, "notary-verify: --%s is given twice\n",
				longs[i].name);
			return EXIT_USAGE + 1;
		}
		if (c >= ANCHOR && c < JSON)
			seen |= 1U << (c - ANCHOR);
		switch (c) {
		case ANCHOR:
			if (set_anchor(o, optarg) != 0)
				return EXIT_USAGE + 1;
			break;
		case JSON:
			o->json = true;
			break;
		case CERTS:
			o->certs = optarg;
			break;
		case AT:
			if (set_at(o, optarg) != 0)
				return EXIT_USAGE + 1;
			break;
		case RANGE:
			if (set_range(o, optarg) != 0)
				return EXIT_USAGE + 1;
			break;
		case LOG:
			o->log = optarg;
			break;
		case WITNESS:
			if (said("--witness", optarg, demands_witness(
					&o->demands, optarg)) != 0)
				return EXIT_USAGE + 1;
			break;
		case WITNESSES:
			if (said("--witnesses", optarg, demands_quorum(
					&o->demands, optarg)) != 0)
				return EXIT_USAGE + 1;
			break;
		case 'r':
			o->tree = true;
			break;
		case 'h':
		case HELP:
			fputs(usage, stdout);
			return 1;
		case VERSION:
			puts("notary-verify " NOTARYFS_VERSION);
			return 1;
		default:
			fputs(help, stderr);
			return EXIT_USAGE + 1;
		}
	}
	return 0;
}

static int run(const struct options *o, char **args, int n)
{
	struct verifyone one = {.anchor = anchor_of(o), .json = o->json,
		.demands = &o->demands, .from = o->from, .to = o->to};
	bool explain = n > 0 && is_word(args[0], "explain", n, 2);
	bool parts = n > 0 && is_word(args[0], "parts", n, 3);

	if (o->log != NULL)
		return o->to > 0 || o->tree || o->demands.have_at || o->demands.n_witnesses > 0 || o->certs != NULL ?
			wrong_usage("--log goes with --anchor and --json alone") :
			check_log(o, args, (size_t)n);
	if (o->certs != NULL && !o->tree)
		return wrong_usage("--certs goes with -r");
	if (o->tree)
		return o->to > 0 ? wrong_usage("--range is of one file") :
			n == 1 ? check_tree(o, args[0]) :
			wrong_usage("-r takes one folder");
	if (o->to > 0 && (explain || parts))
		return wrong_usage("--range goes with a file");
	if (explain)
		return n == 2 ? verifyone_explain(&one, args[1]) :
			wrong_usage("explain takes one certificate");
	if (parts)
		return n == 3 ? verifyone_parts(&one, args[1], args[2]) :
			wrong_usage("parts takes a certificate and a folder");
	if (n == 0)
		return wrong_usage("name the file to check");
	if (n > 2)
		return wrong_usage("it checks one file, by one certificate; -r "
			"a folder of them");
	return verifyone_file(&one, args[0], n == 2 ? args[1] : NULL);
}

int main(int argc, char **argv)
{
	static struct options o;
	const char *why;
	int end;

	streams_open();
	/* no file or variable of the machine's may change what is checked */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return verify_fail("libcrypto", "does not start");
	end = parse(argc, argv, &o);
	if (end == 1 && fflush(stdout) != 0)
		return verify_fail("standard output", strerror(errno));
	if (end != 0)
		return end - 1;
	why = demands_whole(&o.demands);
	if (why != NULL)
		return wrong_usage(why);
	return run(&o, argv + optind, argc - optind);
}

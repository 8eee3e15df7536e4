/*
 * notary-verify: checks certificates offline.
 *
 * Statically linked, and of notaryfs it holds core's reading half alone, so
 * that somebody who trusts nobody can read all that it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/verify.h"
#include "fs/offline.h"
#include "fs/takeapart.h"
#include "fs/verifylog.h"
#include "fs/verifytree.h"

enum { EXIT_VALID = 0, EXIT_REFUSED = 1, EXIT_INCOMPLETE = 2, EXIT_USAGE = 64 };

static const char usage[] =
	"usage: notary-verify [--anchor HEX|FILE] [--json] [--at TIME] [--range A-B]\n"
	"                     FILE [FILE.cert]\n"
	"       notary-verify [--anchor HEX|FILE] [--json] [--at TIME] -r DIR [--certs DIR2]\n"
	"       notary-verify [--anchor HEX|FILE] [--json] explain CERT\n"
	"       notary-verify [--anchor HEX|FILE] parts CERT DIR\n"
	"       notary-verify [--anchor HEX|FILE] --log DIR [CHECKPOINT...]\n"
	"\n"
	"Checks a file against its certificate without any network or service.\n"
	"\n"
	"  --anchor HEX|FILE  the chain to trust: 64 hex digits, or a file that\n"
	"                     holds them; without it nothing is called valid\n"
	"  --range A-B        FILE is bytes A to B-1 of the recorded file, counted\n"
	"                     from 0, and its certificate says so\n"
	"  --at TIME          refuse what is not proved to have existed by TIME:\n"
	"                     2026-11-24, 2026-11-24T10:00:00Z (UTC) or @SECONDS\n"
	"  --json             facts as JSON, one object a line\n"
	"  -r DIR             every file below DIR; certificates beside the files,\n"
	"                     below DIR/.certs, or below --certs DIR2\n"
	"  explain CERT       what a certificate says, in words\n"
	"  parts CERT DIR     the standard objects in it as files in DIR, with a\n"
	"                     README of how other programs check them\n"
	"  --log DIR          the log of a vault, .notary/log in its mount or a copy,\n"
	"                     and that it has grown from these older checkpoints\n"
	"\n"
	"Exit: 0 valid, 1 refused, 2 incomplete or cannot say, 64 wrong usage.\n";

struct options {
	bool tree, json, have_anchor, have_at;
	uint64_t at_ms;		/* of --at */
	const char *certs, *log;
	struct hash anchor;
	uint64_t from, to;	/* of --range; to == 0: a whole file */
};

static int fail(const char *path, const char *why)
{
	fprintf(stderr, "notary-verify: %s: %s\n", path, why);
	return EXIT_INCOMPLETE;
}

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static const char *reason(int rc)
{
	switch (rc) {
	case -EISDIR:
		return "is a folder; use -r for a whole tree";
	case -ENOTSUP:
		return "is not a regular file";
	default:
		return strerror(-rc);
	}
}

static const struct hash *anchor_of(const struct options *o)
{
	return o->have_anchor ? &o->anchor : NULL;
}

static int print(const struct report *r, bool json)
{
	cleanup(buf) struct buf out = {0};

	if ((json ? report_json(r, &out) : report_text(r, &out)) != 0)
		return fail("report", "no memory");
	fwrite(out.p, 1, out.n, stdout);
	if (json)
		putchar('\n');
	if (fflush(stdout) != 0)
		return fail("standard output", strerror(errno));
	return verdict_exit(r->verdict);
}

/* A certificate as bytes; *ret_exit is set when that fails. */
static bool load(const char *path, const char *file, struct buf *ret,
	int *ret_exit)
{
	int rc = offline_certificate(AT_FDCWD, path, ret);

	if (rc == 0)
		return true;
	*ret_exit = EXIT_INCOMPLETE;
	if (rc == -EFBIG) {
		fprintf(stderr,
			"notary-verify: %s: larger than %zu bytes, so it is no "
			"notaryfs certificate\n",
			path, CERTIFICATE_MAX);
		*ret_exit = EXIT_REFUSED;
	} else if (rc == -ENOENT && file != NULL) {
		fprintf(stderr,
			"notary-verify: no certificate for %s: looked for %s; "
			"name it as the second argument if it is elsewhere\n",
			file, path);
	} else {
		fail(path, reason(rc));
	}
	return false;
}

/* What must be known of the file to judge it; where its size is enough, as
 * much as that. */
static int content_of(const struct options *o, int fd, uint64_t size,
	const struct report *r, struct content *ret)
{
	const struct range *range = &r->cert.range;
	struct content c = {.size = size, .from = o->from, .to = o->to};
	int rc = 0;

	if (!r->content_counts)
		;
	else if (range->to == 0 && size == r->record.size) {
		rc = offline_content(fd, NULL, &c);
		if (rc == 0)
			rc = offline_renewals(fd, r, &c);
	} else if (range->to > 0 && range->from == o->from && range->to == o->to)
		rc = offline_piece(fd, size, range, r->record.size, &c);
	c.from = o->from;
	c.to = o->to;
	*ret = c;
	return rc;
}

static int check_one(
	const struct options *o, const char *file, const char *cert_path)
{
	cleanup(free) char *beside = NULL;
	cleanup(buf) struct buf cert = {0};
	cleanup(close) int fd = -1;
	struct content content;
	struct report r;
	uint64_t size;
	int rc, exit_code;

	if (cert_path == NULL && asprintf(&beside, "%s.cert", file) < 0)
		return fail(file, "no memory");
	rc = offline_open(AT_FDCWD, file, &fd, &size);
	if (rc != 0)
		return fail(file, reason(rc));
	if (!load(cert_path != NULL ? cert_path : beside,
		    cert_path != NULL ? NULL : file, &cert, &exit_code))
		return exit_code;
	rc = verify_begin(NULL, BUF_BYTES(&cert), anchor_of(o), &r);
	if (rc == 0)
		rc = content_of(o, fd, size, &r, &content);
	if (rc != 0)
		return fail(file, strerror(-rc));
	verify_end(&r, &content);
	if (o->have_at)
		verify_at(&r, o->at_ms);
	return print(&r, o->json);
}

static void print_parts(const struct certificate *c, size_t total)
{
	printf("\nparts, %zu bytes in all: parameters %zu, block zero %zu, "
	       "record %zu, path %zu,\n  block %zu, upper timestamp %zu, lower "
	       "timestamp %zu, number %zu, attestation %zu\n",
		total, c->params.n, c->b0.n, c->d.n, c->path_len * HASH_LEN,
		c->b.n, c->t_upper.n, c->t_lower.n, c->s.n, c->doc.n);
}

static int explain(const struct options *o, const char *path)
{
	cleanup(buf) struct buf cert = {0};
	struct report r;
	int rc, exit_code;

	if (!load(path, NULL, &cert, &exit_code))
		return exit_code;
	rc = verify(BUF_BYTES(&cert), anchor_of(o), NULL, &r);
	if (rc != 0)
		return fail(path, strerror(-rc));
	if (o->have_at)
		verify_at(&r, o->at_ms);
	exit_code = print(&r, o->json);
	if (!o->json && r.cert.d.p != NULL)
		print_parts(&r.cert, cert.n);
	return exit_code;
}

static int parts(const struct options *o, const char *path, const char *dir)
{
	cleanup(buf) struct buf cert = {0};
	struct report r;
	int rc, exit_code;

	if (!load(path, NULL, &cert, &exit_code))
		return exit_code;
	rc = verify(BUF_BYTES(&cert), anchor_of(o), NULL, &r);
	if (rc == 0)
		rc = takeapart(&r, dir);
	if (rc == -EINVAL)
		return print(&r, o->json);
	if (rc == -ENOTEMPTY || rc == -ENOTDIR) {
		fprintf(stderr, "notary-verify: %s: %s; name a folder that is "
			"not there yet\n", dir, strerror(-rc));
		return EXIT_REFUSED;
	}
	if (rc != 0)
		return fail(dir, strerror(-rc));
	printf("%s: see README there\n", dir);
	return EXIT_VALID;
}

static void sum_json(const struct verifytree_counts *n, const struct options *o)
{
	char hex[HASH_HEX + 1];
	struct json j = {0};
	cleanup(buf) struct buf out = {0};

	hex_encode(HASH_BYTES(&o->anchor), hex);
	json_object(&j, NULL);
	json_uint(&j, "valid", n->valid);
	json_uint(&j, "refused", n->refused);
	json_uint(&j, "incomplete", n->incomplete);
	json_uint(&j, "renamed", n->renamed);
	json_text(&j, "anchor", o->have_anchor ? hex : NULL);
	json_close_object(&j);
	if (json_end(&j, &out) == 0)
		printf("%.*s\n", (int)out.n, (char *)out.p);
}

static int check_tree(const struct options *o, const char *dir)
{
	struct verifytree_options t = {
		.dir = dir,
		.certs = o->certs,
		.anchor = anchor_of(o),
		.at_ms = o->have_at ? &o->at_ms : NULL,
		.json = o->json,
		.out = stdout,
		.progress = isatty(STDERR_FILENO) ? stderr : NULL,
	};
	struct verifytree_counts n;
	int rc = verifytree(&t, &n);

	if (rc != 0)
		return fail(dir, strerror(-rc));
	if (o->json)
		sum_json(&n, o);
	else
		printf("%" PRIu64 " valid, %" PRIu64 " refused, %" PRIu64
		       " incomplete\n",
			n.valid, n.refused, n.incomplete);
	if (fflush(stdout) != 0)
		return fail("standard output", strerror(errno));
	if (!o->have_anchor && !o->json)
		printf("without --anchor nothing is called valid: `notaryfs "
		       "anchor VAULT` prints it\n");
	if (n.refused > 0)
		return EXIT_REFUSED;
	return n.incomplete > 0 || n.valid == 0 ? EXIT_INCOMPLETE : EXIT_VALID;
}

static int check_log(const struct options *o, char **old, size_t n)
{
	char anchor[HASH_HEX + 1], root[HASH_HEX + 1];
	struct hash found;
	struct verifylog l;
	int rc = verifylog(o->log, anchor_of(o), old, n, &l, &found);

	if (rc == -EKEYREJECTED) {
		printf("REFUSED: %s\n", l.why);
		return EXIT_REFUSED;
	}
	if (rc != 0) {
		fprintf(stderr, "notary-verify: %s/%s: %s\n", o->log, l.path,
			reason(rc));
		return EXIT_INCOMPLETE;
	}
	hex_encode(HASH_BYTES(&found), anchor);
	hex_encode(HASH_BYTES(&l.root), root);
	printf("%s: %" PRIu64 " entries, root %s\n  of the chain %s, signed in "
		"epoch %u\n", o->have_anchor ? "valid" : "no anchor given",
		l.size, root, anchor, (unsigned)l.epoch);
	if (n > 0)
		printf("  it has grown from %s\n", n == 1 ?
			"the older checkpoint" : "each of the older "
			"checkpoints");
	if (fflush(stdout) != 0)
		return fail("standard output", strerror(errno));
	return o->have_anchor ? EXIT_VALID : EXIT_INCOMPLETE;
}

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
	o->have_at = offline_time(text, &o->at_ms) == 0;
	if (o->have_at)
		return 0;
	fprintf(stderr,
		"notary-verify: --at %s: it takes 2026-11-24 (its first moment), "
		"2026-11-24T10:00:00Z or @SECONDS, in UTC\n",
		text);
	return EXIT_USAGE;
}

/* 0, or the exit code plus one to end with. */
static int parse(int argc, char **argv, struct options *o)
{
	enum { ANCHOR = 256, JSON, CERTS, RANGE, AT, LOG, HELP, VERSION };
	static const struct option longs[] = {
		{"anchor", required_argument, NULL, ANCHOR},
		{"json", no_argument, NULL, JSON},
		{"certs", required_argument, NULL, CERTS},
		{"at", required_argument, NULL, AT},
		{"range", required_argument, NULL, RANGE},
		{"log", required_argument, NULL, LOG},
		{"recursive", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "rh", longs, NULL)) != -1) {
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
			return wrong_usage() + 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	char **args;
	int end, n;

	/* no file or variable of the machine's may change what is checked */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return fail("libcrypto", "does not start");
	end = parse(argc, argv, &o);
	if (end != 0)
		return end - 1;
	args = argv + optind;
	n = argc - optind;
	if (o.log != NULL)
		return o.to == 0 && !o.tree && !o.json && !o.have_at &&
				o.certs == NULL ?
			check_log(&o, args, (size_t)n) : wrong_usage();
	if (o.to == 0 && !o.tree && o.certs == NULL && n == 3 &&
		strcmp(args[0], "parts") == 0)
		return parts(&o, args[1], args[2]);
	if (o.to > 0 && (o.tree || (n == 2 && strcmp(args[0], "explain") == 0)))
		return wrong_usage();
	if (o.tree)
		return n == 1 ? check_tree(&o, args[0]) : wrong_usage();
	if (o.certs != NULL || n < 1 || n > 2)
		return wrong_usage();
	if (strcmp(args[0], "explain") == 0 && n == 2)
		return explain(&o, args[1]);
	return check_one(&o, args[0], n == 2 ? args[1] : NULL);
}

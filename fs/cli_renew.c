#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/verify.h"
#include "fs/cli.h"
#include "fs/config_value.h"
#include "fs/kept.h"
#include "fs/offline.h"
#include "fs/orders.h"
#include "fs/place.h"
#include "fs/renewal.h"
#include "fs/text.h"

static const char help[] =
"usage: notaryfs renew [-r] [--hash NAME] [--no-wait] [--timeout 60s] [--json] PATH...\n"
"Renews the certificates of files in a mounted vault under another hash, before\n"
"the one that they have is broken.  Every file is read and checked against its\n"
"certificate; then both are recorded under the other hash.  From then on\n"
"FILE.cert holds the old certificate too, and proves what that proved; copies of\n"
"the old one stay as good as they were.  What was renewed under that hash is left.\n"
"\n"
"  -r, --recursive  everything below PATH\n"
"  --hash NAME      the hash (default: sha3-512); one that the vault's parameters\n"
"                   name, and not weaker than the one that a certificate has\n"
"  --no-wait        do not wait until the last of them is final\n"
"  --timeout TIME   longest time to wait for that (default: no limit)\n"
"  --json           print how many there were as JSON\n"
"  -h, --help       print this\n"
"\n"
"Exit code 0: all; 1: some were refused; 2: some are not final yet.\n";

#define USUAL_HASH "sha3-512"
#define LARGE (UINT64_C(64) << 20) /* bytes: a file that is named while it is read */
#define LOOK_MS 100		/* between two looks at the last one */

struct renewing {
	struct bytes hash;
	const char *hash_name;
	struct verify_cache *cache;
	struct hash anchor;
	char *root;		/* whose anchor that is; NULL: none yet */
	char *last, *last_root;	/* what was recorded last; NULL: nothing */
	uint64_t already;
};

static void cleanup_renewing(struct renewing *r)
{
	verify_cache_free(r->cache);
	free(r->root);
	free(r->last);
	free(r->last_root);
}

/* Under that hash?  1, 0, or a negative errno. */
static int is_renewed(const struct renewing *r, struct bytes cert)
{
	struct renewal_layers l;
	int err = renewal_layers(cert, &l);
	if (err != 0)
		return err;
	for (size_t i = 0; i < l.n_algorithms; i++)
		if (bytes_equal(l.algorithm[i], r->hash))
			return 1;
	return 0;
}

static int set(char **to, const char *text)
{
	char *copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int learn_anchor(struct renewing *r, const char *root)
{
	if (r->root != NULL && strcmp(r->root, root) == 0)
		return 0;
	int err = place_anchor(root, &r->anchor);
	return err != 0 ? err : set(&r->root, root);
}

/* The digests that `content` names, of a file; of a link, which has no
 * content, those of none. */
static int digests(const struct placed *p, struct content *content)
{
	char size[32];
	uint64_t n;
	if (S_ISLNK(p->st->st_mode))
		return offline_digests(BYTES("", 0), content);
	cleanup(close) int fd = -1;
	int err = offline_open(AT_FDCWD, p->path, &fd, &n);
	if (err == 0 && n >= LARGE) {
		cli_bytes(n, size);
		cli_progress("reading %s, %s", p->name, size);
	}
	return err != 0 ? err : offline_content(fd, NULL, content);
}

/* The file against its certificate, and its digest under the new hash as the
 * last one of *ret. */
static int check(struct kept *k, const struct placed *p, struct bytes cert,
	struct content *ret)
{
	struct renewing *r = k->ctx;
	cleanup(free) struct report *report = malloc(sizeof *report);
	int err = report == NULL ? -ENOMEM : verify_begin(r->cache, cert,
		&r->anchor, report);
	*ret = (struct content){0};
	if (err != 0)
		return err;
	offline_want(report, ret);
	if (ret->n_other == VERIFY_RENEWALS)
		return -EMLINK;
	ret->other[ret->n_other++].name = r->hash;
	err = digests(p, ret);
	if (err == 0 && S_ISREG(p->st->st_mode))
		verify_end(report, ret);
	if (err != 0 || report->verdict == V_VALID)
		return err;
	cli_say(k->c, "%s: its certificate does not hold: %s.  Nothing was "
		"recorded; notaryfs repair makes a damaged file again", p->name,
		verdict_text(report->verdict));
	return -ECANCELED;
}

static int ask(struct kept *k, const char *name, const char *root,
	const char *rest, struct bytes cert, const struct content_digest *file)
{
	const struct renewing *r = k->ctx;
	char of_file[2 * DIGEST_MAX + 1], of_cert[2 * DIGEST_MAX + 1];
	cleanup(buf) struct buf answer = {0};
	uint8_t value[DIGEST_MAX];
	size_t n = digest_of(r->hash, cert, value);
	if (n == 0)
		return -ENOMEM;
	hex_encode(BYTES(file->value, file->n), of_file);
	hex_encode(BYTES(value, n), of_cert);
	cleanup(free) char *line = text_of("renew %s %s %s %s", r->hash_name,
		of_file, of_cert, rest);
	int err = line == NULL ? -ENOMEM : orders_ask(root, line, &answer);
	if (err == -EBUSY || err == -EALREADY || answer.n == 0)
		return err == -EACCES ? -EPERM : err;
	if (err != 0)
		cli_say(k->c, "%s: %.*s", name, (int)answer.n,
			(const char *)answer.p);
	return err != 0 ? -ECANCELED : 0;
}

static int renew(struct kept *k, const struct placed *p, const char *root,
	const char *rest)
{
	struct renewing *r = k->ctx;
	cleanup(buf) struct buf cert = {0};
	struct content content;
	int err = learn_anchor(r, root);
	if (err == 0)
		err = place_cert(root, rest, &cert);
	if (err != 0)
		return err == -ENOENT ? -EBUSY : err;
	int is = is_renewed(r, BUF_BYTES(&cert));
	if (is == 0) {
		err = check(k, p, BUF_BYTES(&cert), &content);
		if (err == 0)
			err = ask(k, p->name, root, rest, BUF_BYTES(&cert),
				&content.other[content.n_other - 1]);
	}
	if (is != 0 || err == -EALREADY) {
		r->already += is >= 0;
		return is >= 0 ? 1 : is;
	}
	if (err == 0)
		err = set(&r->last_root, root);
	return err != 0 ? err : set(&r->last, rest);
}

/* -- until the last one is final: they become so in the order in which they
 * were asked for */

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int await(const struct cli *c, const struct renewing *r,
	uint64_t timeout_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	uint64_t end = now_ms() + timeout_ms;
	int is = 0, err = 0;
	while (err == 0 && is == 0) {
		cleanup(buf) struct buf cert = {0};
		err = place_cert(r->last_root, r->last, &cert);
		is = err == 0 ? is_renewed(r, BUF_BYTES(&cert)) : 0;
		if (err != 0 || is != 0)
			break;
		if (timeout_ms != 0 && now_ms() >= end)
			err = -ETIMEDOUT;
		cli_progress("waiting until they are final");
		nanosleep(&pause, NULL);
	}
	cli_progress_end();
	if (err == 0 && is > 0)
		return CLI_DONE;
	if (err == -ETIMEDOUT)
		cli_say(c, "they are recorded, and not final within the time; "
			"it goes on by itself (notaryfs status %s)", r->last_root);
	else
		cli_say(c, "%s: %s before it was seen to be final; renew again "
			"tells", r->last, strerror(err != 0 ? -err : -is));
	return CLI_INCOMPLETE;
}

static void print_json(const struct kept *k, const struct renewing *r)
{
	printf("{\"hash\": \"%s\", \"renewed\": %" PRIu64 ", \"already\": %"
		PRIu64 ", \"unready\": %" PRIu64 ", \"refused\": %" PRIu64
		"}\n", r->hash_name, k->done, r->already, k->unsealed,
		k->refused);
}

static void print(const struct kept *k, const struct renewing *r)
{
	printf("%" PRIu64 " certificates renewed under %s", k->done,
		r->hash_name);
	if (r->already > 0)
		printf(", %" PRIu64 " were already", r->already);
	printf("\n");
}

/* What is asked of all of them. */
struct wanted {
	bool recursive, wait, json;
	uint64_t timeout_ms;	/* 0: for ever */
};

static int run(struct kept *k, char **path, int n, const struct wanted *w)
{
	struct renewing *r = k->ctx;
	int code = kept_run(k, path, n, w->recursive);
	if (w->wait && r->last != NULL) {
		int waited = await(k->c, r, w->timeout_ms);
		code = code == CLI_DONE ? waited : code;
	}
	if (w->json)
		print_json(k, r);
	else
		print(k, r);
	return fflush(stdout) != 0 ? CLI_REFUSED : code;
}

int cmd_renew(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"recursive", no_argument, NULL, 'r'},
		{"hash", required_argument, NULL, 'H'},
		{"no-wait", no_argument, NULL, 'n'},
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "renew", .help = help};
	cleanup(renewing) struct renewing r = {.hash_name = USUAL_HASH};
	struct kept k = {.c = &c, .visit = renew, .ctx = &r,
		.unready = "it is not final yet: notaryfs wait waits for that",
		.refusal = "refused: only whoever mounted the vault and root "
			"may renew"};
	struct wanted w = {.wait = true};
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":rh", names)) != -1;)
		switch (opt) {
		case 'r':
			w.recursive = true;
			break;
		case 'H':
			r.hash_name = optarg;
			break;
		case 'n':
			w.wait = false;
			break;
		case 'j':
			w.json = true;
			break;
		case 't':
			if (config_duration(optarg, &w.timeout_ms) != 0 ||
			    w.timeout_ms == 0)
				return cli_usage(&c, "--timeout %s: must be a "
					"time like 60s", optarg);
			break;
		default:
			return c.exit;
		}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	r.hash = BYTES(r.hash_name, strlen(r.hash_name));
	if (digest_strength(r.hash) == 0)
		return cli_usage(&c, "--hash %s: must be sha-256, sha-384, "
			"sha-512, sha3-256, sha3-384 or sha3-512", r.hash_name);
	r.cache = verify_cache_new();
	if (r.cache == NULL) {
		cli_say(&c, "out of memory");
		return CLI_REFUSED;
	}
	return run(&k, &argv[optind], argc - optind, &w);
}

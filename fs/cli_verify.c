#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/report.h"
#include "core/verify.h"
#include "fs/cli.h"
#include "fs/offline.h"
#include "fs/place.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs verify PATH... [--json]\n"
"Checks files in a mounted vault against their certificates and the vault's own\n"
"anchor; a folder means every file below it.  To check without trusting this\n"
"machine, take file, certificate and a copy of the anchor elsewhere and use\n"
"notary-verify.\n"
"\n"
"  --json      print one JSON object for each file\n"
"  -h, --help  print this\n"
"\n"
"Exit code 0: all valid; 1: a file or certificate is refused; 2: a file has no\n"
"certificate (yet), or what was named has no content.\n";

struct verifying {
	const struct cli *c;
	const char *root;
	struct hash anchor;
	struct verify_cache *cache;
	bool json, one;		/* one: a single file, told in full */
	uint64_t valid, refused, incomplete;
};

/* {"file":...} and the keys of the report's object. */
static int print_object(const struct verifying *v, const char *name,
	const struct buf *report)
{
	const char *rest = name + strlen(v->root);
	cleanup(buf) struct buf file = {0};
	struct json j = {0};
	json_object(&j, NULL);
	json_text(&j, "file", rest + (*rest == '/'));
	json_close_object(&j);
	int err = json_end(&j, &file);
	if (err == 0)
		printf("%.*s,%.*s\n", (int)file.n - 1, (const char *)file.p,
			(int)report->n - 1, (const char *)report->p + 1);
	return err;
}

static int tell(struct verifying *v, const char *name,
	const struct report *report)
{
	cleanup(buf) struct buf text = {0};
	int err = 0;
	if (v->json) {
		err = report_json(report, &text);
		if (err == 0)
			err = print_object(v, name, &text);
	} else if (v->one) {
		err = report_text(report, &text);
		if (err == 0)
			fwrite(text.p, 1, text.n, stdout);
	}
	if (report->verdict != V_VALID && !v->json)
		cli_say(v->c, "%s: %s", name, verdict_text(report->verdict));
	return err;
}

static int count(struct verifying *v, int exit)
{
	uint64_t *n = exit == 0 ? &v->valid
		: exit == 2 ? &v->incomplete : &v->refused;
	(*n)++;
	cli_progress("verified: %" PRIu64, v->valid);
	return 0;
}

static int no_certificate(struct verifying *v, const struct placed *p,
	struct report *report)
{
	report->verdict = V_NOT_FINAL;
	cli_say(v->c, "%s: there is no certificate: %s", p->name,
		waiting_reason(p->path));
	int err = v->json ? tell(v, p->name, report) : 0;
	return err != 0 ? err : count(v, 2);
}

static int unread(struct verifying *v, const char *name, const char *why)
{
	cleanup(buf) struct buf text = {0};
	cli_say(v->c, "%s: %s", name, why);
	int err = v->json ? report_json_unread(why, &text) : 0;
	if (err == 0 && v->json)
		err = print_object(v, name, &text);
	return err != 0 ? err : count(v, 1);
}

static int verify_file(void *ctx, const struct placed *p)
{
	struct verifying *v = ctx;
	cleanup(buf) struct buf cert = {0};
	cleanup(close) int fd = -1;
	cleanup(free) struct report *report = calloc(1, sizeof *report);
	struct content content = {0};
	uint64_t size;
	if (report == NULL)
		return -ENOMEM;
	if (p->err != 0)
		return unread(v, p->name, cli_why(-p->err));
	if (!S_ISREG(p->st->st_mode))
		return 0;
	const char *rest = p->name + strlen(v->root);
	int err = place_cert(v->root, rest + (*rest == '/'), &cert);
	if (err == -ENOENT && place_virtual(p->path, p->st))
		return 0; /* a certificate, where they are listed */
	if (err == -ENOENT)
		return no_certificate(v, p, report);
	if (err == 0)
		err = offline_open(AT_FDCWD, p->path, &fd, &size);
	if (err == 0)
		err = verify_begin(v->cache, BUF_BYTES(&cert), &v->anchor,
			report);
	offline_want(report, &content);
	if (err == 0)
		err = offline_content(fd, NULL, &content);
	if (err != 0)
		return unread(v, p->name, cli_why(-err));
	verify_end(report, &content);
	err = tell(v, p->name, report);
	return err != 0 ? err : count(v, verdict_exit(report->verdict));
}

/* Of a folder those are passed over; by itself it is not as if all was well. */
static int no_content(struct verifying *v, const char *path,
	const struct stat *st)
{
	cli_say(v->c, "%s: nothing to verify: %s", path, S_ISLNK(st->st_mode) ?
		"a symbolic link has no content; notaryfs cert gives the "
		"certificate about where it points" :
		S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) ? PLACE_VIRTUAL :
		"devices, FIFOs and sockets are never recorded");
	return count(v, 2);
}

static int one(const struct cli *c, struct verifying *v, const char *path)
{
	struct stat st;
	cleanup(free) char *root = NULL, *rest = NULL, *whole = NULL;
	int err = place_mount(path, &root, &rest);
	if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return -EINVAL;
	}
	if (err == 0)
		err = place_anchor(root, &v->anchor);
	if (err == 0 && asprintf(&whole, "%s%s%s", root, *rest ? "/" : "",
			rest) < 0) {
		whole = NULL;
		err = -ENOMEM;
	}
	v->root = root;
	if (err == 0 && lstat(whole, &st) == 0 && ((!S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode)) || place_virtual(whole, &st)))
		err = no_content(v, path, &st);
	else if (err == 0)
		err = place_walk(whole, verify_file, v);
	if (err != 0)
		cli_say(c, "%s: %s", path, cli_why(-err));
	return err;
}

int cmd_verify(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "verify", .help = help};
	struct verifying v = {.c = &c};
	struct stat st;
	bool failed = false;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		v.json = true;
	}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	v.one = optind + 1 == argc && lstat(argv[optind], &st) == 0 &&
		S_ISREG(st.st_mode);
	v.cache = verify_cache_new();
	if (v.cache == NULL)
		return CLI_REFUSED;
	for (int i = optind; i < argc; i++)
		failed = one(&c, &v, argv[i]) != 0 || failed;
	verify_cache_free(v.cache);
	cli_progress_end();
	if (!v.json && !v.one)
		printf("%" PRIu64 " valid, %" PRIu64 " refused, %" PRIu64
			" without a certificate\n", v.valid, v.refused,
			v.incomplete);
	if (fflush(stdout) != 0 || failed || v.refused > 0)
		return CLI_REFUSED;
	return v.incomplete > 0 ? CLI_INCOMPLETE : CLI_DONE;
}

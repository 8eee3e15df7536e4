#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/apart.h"
#include "fs/cli.h"
#include "fs/export.h"
#include "fs/place.h"

static const char help[] =
"usage: notaryfs export [--json] PATH... DEST\n"
"Makes the folder DEST, ready to hand over: the files at PATH (a folder means\n"
"everything below it) under their paths in the vault, their certificates, the\n"
"anchor, the program notary-verify, and the page VERIFY.txt, which tells a\n"
"stranger what is proved and how to check it.  Every copy is checked against\n"
"its certificate.  Files that are not final yet are named and left out, and so\n"
"are devices, FIFOs and sockets, which are never recorded.\n"
"\n"
"DEST must not be there yet, or be empty, and lie outside of the mount.\n"
"\n"
"  --json      print how much there is as JSON\n"
"  -h, --help  print this\n"
"\n"
"Exit code 0: everything is there; 1: something does not verify or cannot be\n"
"read or written; 2: something was left out (`notaryfs wait PATH` waits for what\n"
"is not final yet).\n";

static void left_out(void *ctx, const char *path, const char *why)
{
	cli_say(ctx, "%s is left out: %s", path, why);
}

static void done(void *ctx, const struct export *e)
{
	char size[32];

	(void)ctx;
	cli_bytes(e->bytes, size);
	cli_progress("exported: %" PRIu64 " files, %s", e->files, size);
}

/* notary-verify beside this program; NULL: it is not there. */
static char *verifier(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *path, *slash;

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL || asprintf(&path, "%.*s/notary-verify",
			(int)(slash - self), self) < 0)
		return NULL;
	if (access(path, R_OK | X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* The mount that all of them lie in. */
static int common_root(const struct cli *c, char **paths, int n, char **ret)
{
	int i, rc;

	for (i = 0; i < n; i++) {
		cleanup(free) char *root = NULL, *rest = NULL;

		rc = place_mount(paths[i], &root, &rest);
		if (rc == -ENOENT && place_exists(paths[i]))
			cli_say(c, "%s is not in a mounted vault", paths[i]);
		else if (rc != 0)
			cli_say(c, "%s: %s", paths[i], cli_why(-rc));
		if (rc != 0)
			return rc;
		if (*ret != NULL && strcmp(*ret, root) != 0) {
			cli_say(c, "%s is in another vault than %s: export "
				"them one by one", paths[i], paths[0]);
			return -EXDEV;
		}
		if (*ret == NULL) {
			*ret = root;
			root = NULL; /* the caller has it */
		}
	}
	return 0;
}

static int visit_one(struct export *e, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !place_virtual(path, &st))
		return place_walk(path, export_visit, e);
	e->missing++;
	e->left_out(e->ctx, path, PLACE_VIRTUAL);
	return 0;
}

static int visit_all(const struct cli *c, struct export *e, char **paths, int n)
{
	int i, rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		cleanup(free) char *root = NULL, *rest = NULL, *whole = NULL;

		rc = place_mount(paths[i], &root, &rest);
		if (rc == 0 && asprintf(&whole, "%s%s%s", root,
				*rest != '\0' ? "/" : "", rest) < 0)
			rc = -ENOMEM;
		if (rc == 0)
			rc = visit_one(e, whole);
		if (rc == -EEXIST)
			cli_say(c, "%s was exported already: name it once",
				paths[i]);
		else if (rc != 0)
			cli_say(c, "%s: %s", paths[i], cli_why(-rc));
	}
	return rc;
}

static int print_json(const struct export *e, const char *dest)
{
	cleanup(buf) struct buf text = {0};
	struct json j = {0};
	int err;

	json_object(&j, NULL);
	json_text(&j, "folder", dest);
	json_uint(&j, "files", e->files);
	json_uint(&j, "bytes", e->bytes);
	json_uint(&j, "left_out", e->missing);
	json_uint(&j, "refused", e->refused);
	json_close_object(&j);
	err = json_end(&j, &text);
	if (err == 0)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return err;
}

static void print(const struct export *e, const char *dest)
{
	char size[32];

	cli_bytes(e->bytes, size);
	cli_print("%s: %" PRIu64 " files, %s, with their certificates; see "
		"VERIFY.txt there", dest, e->files, size);
}

static int run(const struct cli *c, struct export *e, char **paths, int n,
	const char *dest, bool as_json)
{
	cleanup(free) char *program = verifier();
	int rc = export_begin(e, dest);

	if (rc != 0) {
		cli_say(c, "%s: %s%s", dest, cli_why(-rc), rc == -ENOTEMPTY ?
			"; name a folder that is not there yet" : "");
		return CLI_REFUSED;
	}
	rc = visit_all(c, e, paths, n);
	if (rc != 0)
		return CLI_REFUSED;
	rc = export_page(e, program);
	cli_progress_end();
	if (rc != 0) {
		cli_say(c, "%s: %s", dest, cli_why(-rc));
		return CLI_REFUSED;
	}
	if (!as_json)
		print(e, dest);
	else if (print_json(e, dest) != 0)
		return CLI_REFUSED;
	return e->refused > 0 ? CLI_REFUSED : e->missing > 0 ? CLI_INCOMPLETE :
		CLI_DONE;
}

int cmd_export(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "export", .help = help};
	bool as_json = false;
	struct export e = {.ctx = &c, .left_out = left_out, .done = done};
	cleanup(free) char *root = NULL;
	int n, rc, opt;

	(void)a;
	while ((opt = cli_option(&c, argc, argv, ":h", names)) != -1) {
		if (opt == '?')
			return c.exit;
		as_json = true;
	}
	n = argc - optind - 1;
	if (n < 1)
		return cli_usage(&c, "name at least one file or folder, and a "
			"folder to make");
	if (!apart(&c, argv[argc - 1]))
		return CLI_REFUSED;
	rc = common_root(&c, argv + optind, n, &root);
	if (rc == 0)
		rc = place_anchor(root, &e.anchor);
	if (rc != 0)
		return CLI_REFUSED;
	e.root = root;
	rc = run(&c, &e, argv + optind, n, argv[argc - 1], as_json);
	export_end(&e);
	return rc;
}

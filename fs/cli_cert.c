#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/note.h"
#include "core/record.h"
#include "fs/certlog.h"
#include "fs/cli.h"
#include "fs/file.h"
#include "fs/offline.h"
#include "fs/place.h"
#include "fs/renewal.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs cert PATH [--range A-B] [--log] [--cosigned NOTE]...\n"
"       notaryfs cert FILE.cert --cosigned NOTE...\n"
"Writes the certificate of a file in a mounted vault to stdout.  A file that is\n"
"not final has none: the exit code is then 2.  Renewals of it (notaryfs renew) are\n"
"left out of one with --range or --log.\n"
"\n"
"  --range A-B  a certificate of bytes A to B-1 alone, counted from 0; it shows\n"
"               what their pages of 4096 bytes hold besides, and no more\n"
"  --log        with its place in the main log: the log's newest checkpoint of\n"
"               the time when it was recorded, and a receipt\n"
"  --cosigned NOTE  a file: that checkpoint, as witnesses have signed it; their\n"
"               signatures go into the certificate, which may also be one that\n"
"               was made with --log earlier and is named instead of the file\n"
"  -h, --help   print this\n";

#define NOTES 16
#define CHECKPOINT_TENTHS 20	/* of a second, for one that is being made */

struct wanted {
	uint64_t from, to;	/* to == 0: no range */
	bool log;
	size_t n_notes;
	const char *note[NOTES];
};

static int refused(const struct cli *c, const char *path, int err)
{
	cli_say(c, "%s: %s", path, cli_why(-err));
	return CLI_REFUSED;
}

/* The certificate with the range in it, of the content that lies at path. */
static int narrow(const char *path, uint64_t from, uint64_t to, struct buf *cert)
{
	cleanup(free) struct certificate *parts = malloc(sizeof(*parts));
	cleanup(close) int fd = -1;
	uint8_t edge[2 * RANGE_EDGE_MAX];
	struct range_source src = {offline_read, &fd};
	struct buf out = {0};
	struct record d;
	uint64_t size;

	if (parts == NULL)
		return -ENOMEM;
	struct renewal_layers layers;
	int err = renewal_layers(BUF_BYTES(cert), &layers);
	if (err == 0)
		err = certificate_decode(layers.innermost, parts);
	if (err == 0)
		err = record_decode(parts->d, &d);
	if (err == 0)
		err = offline_open(AT_FDCWD, path, &fd, &size);
	if (err == 0 && size != d.size)
		err = -EAGAIN;
	if (err == 0)
		err = range_make(from, to, size, &src, edge, &parts->range);
	if (err == 0)
		err = make_certificate(parts, &out);
	if (err == 0) {
		buf_free(cert);
		*cert = out;
	}
	return err;
}

/* -- the main log */

static int add_log(const struct cli *c, const char *root, const char *path,
	struct buf *cert)
{
	static const struct timespec pause = {.tv_nsec = 100000000};
	int err = certlog_add(root, cert);
	for (int i = 0; i < CHECKPOINT_TENTHS && err == -ENOENT; i++) {
		nanosleep(&pause, NULL);
		err = certlog_add(root, cert);
	}
	if (err == -ENOENT)
		cli_say(c, "%s: the log has no checkpoint with it yet, or "
			"its mount ended with a crash before there was one; "
			"one is made within a second of each block", path);
	return err == -ENOENT ? CLI_INCOMPLETE : err == 0 ? CLI_DONE :
		refused(c, path, err);
}

static int add_cosigned(const struct cli *c, const char *file,
	const char *path, struct buf *cert)
{
	cleanup(buf) struct buf note = {0};
	int err = file_read(file, NOTE_MAX, &note);
	if (err != 0)
		return refused(c, file, err);
	err = certlog_cosign(BUF_BYTES(&note), cert);
	switch (err) {
	case 0:
		return CLI_DONE;
	case -EINVAL:
		cli_say(c, "%s is another checkpoint than the one in the "
			"certificate of %s; give witnesses the one that "
			"`notary-verify parts` takes out of it", file, path);
		return CLI_REFUSED;
	case -ENODATA:
		cli_say(c, "%s has no checkpoint; make it with `notaryfs cert "
			"PATH --log`", path);
		return CLI_REFUSED;
	case -EBADMSG:
		cli_say(c, "%s is no signed note, or has a wrong signature of "
			"the log", file);
		return CLI_REFUSED;
	default:
		return refused(c, file, err);
	}
}

/* -- */

/* Out of the mount that path lies in, or path itself; *ret_root NULL then. */
static int load(const struct cli *c, const char *path, bool bare,
	char **ret_root, struct buf *cert)
{
	cleanup(free) char *rest = NULL;
	int err = place_mount(path, ret_root, &rest);
	if (err == -ENOENT && bare) {
		err = offline_certificate(AT_FDCWD, path, cert);
		return err == 0 ? CLI_DONE : refused(c, path, err);
	}
	if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err != 0)
		return refused(c, path, err);
	err = place_cert(*ret_root, rest, cert);
	if (err == -ENOENT) {
		if (waiting_explain(c, *ret_root, path) == 0)
			cli_say(c, "%s: there is no certificate of it", path);
		return CLI_INCOMPLETE;
	}
	if (err == -EISDIR) {
		cli_say(c, "%s is a folder: its own certificate has .cert "
			"behind its name, and notaryfs export gives those of "
			"all files in it", path);
		return CLI_REFUSED;
	}
	return err == 0 ? CLI_DONE : refused(c, path, err);
}

static int cut_out(const struct cli *c, const char *path,
	const struct wanted *w, struct buf *cert)
{
	int err = narrow(path, w->from, w->to, cert);
	if (err == -EINVAL) {
		cli_say(c, "%s: it has no bytes %" PRIu64 " to %" PRIu64, path,
			w->from, w->to - 1);
		return CLI_REFUSED;
	}
	return err == 0 ? CLI_DONE : refused(c, path, err);
}

static int make(const struct cli *c, const char *path, const struct wanted *w)
{
	cleanup(free) char *root = NULL;
	cleanup(buf) struct buf cert = {0};
	int exit = load(c, path, w->n_notes > 0 && !w->log && w->to == 0, &root,
		&cert);
	if (exit == CLI_DONE && root != NULL && (w->log || w->n_notes > 0))
		exit = add_log(c, root, path, &cert);
	for (size_t i = 0; i < w->n_notes && exit == CLI_DONE; i++)
		exit = add_cosigned(c, w->note[i], path, &cert);
	if (exit == CLI_DONE && w->to > 0)
		exit = cut_out(c, path, w, &cert);
	if (exit != CLI_DONE)
		return exit;
	fwrite(cert.p, 1, cert.n, stdout);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
}

int cmd_cert(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"range", required_argument, NULL, 'r'},
		{"log", no_argument, NULL, 'l'},
		{"cosigned", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "cert", .help = help};
	struct wanted w = {0};
	(void)a;
	int o;
	while ((o = cli_option(&c, argc, argv, ":h", names)) != -1) {
		if (o == 'l')
			w.log = true;
		else if (o == 'c' && w.n_notes == NOTES)
			return cli_usage(&c, "more than %d notes", NOTES);
		else if (o == 'c')
			w.note[w.n_notes++] = optarg;
		else if (o != 'r')
			return c.exit;
		else if (offline_range(optarg, &w.from, &w.to) != 0)
			return cli_usage(&c, "--range takes A-B, two numbers "
				"with A < B");
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one file");
	if (isatty(STDOUT_FILENO))
		return cli_usage(&c, "a certificate is not text: send it into "
			"a file or a pipe");
	return make(&c, argv[optind], &w);
}

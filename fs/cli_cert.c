#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/record.h"
#include "fs/cli.h"
#include "fs/offline.h"
#include "fs/place.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs cert PATH [--range A-B]\n"
"Writes the certificate of a file in a mounted vault to stdout.  A file that is\n"
"not final has none: the exit code is then 2.\n"
"\n"
"  --range A-B  a certificate of bytes A to B-1 alone, counted from 0; it shows\n"
"               what their pages of 4096 bytes hold besides, and no more\n"
"  -h, --help  print this\n";

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
	int err = certificate_decode(BUF_BYTES(cert), parts);
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

int cmd_cert(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"range", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "cert", .help = help};
	(void)a;
	uint64_t from = 0, to = 0;
	int o;
	while ((o = cli_option(&c, argc, argv, ":h", names)) != -1) {
		if (o != 'r')
			return c.exit;
		if (offline_range(optarg, &from, &to) != 0)
			return cli_usage(&c, "--range takes A-B, two numbers "
				"with A < B");
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one file");
	if (isatty(STDOUT_FILENO))
		return cli_usage(&c, "a certificate is not text: send it into "
			"a file or a pipe");
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(buf) struct buf cert = {0};
	const char *path = argv[optind];
	int err = place_mount(path, &root, &rest);
	if (err == -ENOENT && place_exists(path)) {
		cli_say(&c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err == 0) {
		err = place_cert(root, rest, &cert);
		if (err == -ENOENT) {
			if (waiting_explain(&c, root, path) == 0)
				cli_say(&c, "%s: there is no certificate of "
					"it", path);
			return CLI_INCOMPLETE;
		}
	}
	if (err == 0 && to > 0) {
		err = narrow(path, from, to, &cert);
		if (err == -EINVAL) {
			cli_say(&c, "%s: it has no bytes %" PRIu64 " to %"
				PRIu64, path, from, to - 1);
			return CLI_REFUSED;
		}
	}
	if (err != 0) {
		cli_say(&c, "%s: %s", path, strerror(-err));
		return CLI_REFUSED;
	}
	fwrite(cert.p, 1, cert.n, stdout);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
}

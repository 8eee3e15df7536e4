#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/place.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs cert PATH\n"
"Writes the certificate of a file in a mounted vault to stdout.  A file that is\n"
"not final has none: the exit code is then 2.\n"
"\n"
"  -h, --help  print this\n";

int cmd_cert(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "cert", .help = help};
	(void)a;
	while (cli_option(&c, argc, argv, ":h", names) != -1)
		return c.exit;
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
	if (err != 0) {
		cli_say(&c, "%s: %s", path, strerror(-err));
		return CLI_REFUSED;
	}
	fwrite(cert.p, 1, cert.n, stdout);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
}

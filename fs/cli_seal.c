#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/place.h"
#include "fs/sealing.h"

static const char help[] =
"usage: notaryfs seal [-r] PATH...\n"
"Seals files in a mounted vault now instead of after their settle time; empty\n"
"ones too.  A file that has a writer is named and left, and so is a folder\n"
"without -r; the exit code is then 2.\n"
"\n"
"  -r, --recursive  everything below PATH too\n"
"  -h, --help       print this\n";

static int one(const struct cli *c, struct sealing *s, const char *path,
	bool recursive)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	int err = place_mount(path, &root, &rest);
	if (err == 0)
		err = sealing_path(s, path, recursive);
	else if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err != 0)
		cli_say(c, "%s: %s", path, strerror(-err));
	return err == 0 ? CLI_DONE : CLI_REFUSED;
}

int cmd_seal(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"recursive", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "seal", .help = help};
	struct sealing s = {.c = &c};
	bool recursive = false;
	int r = CLI_DONE;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":rh", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		recursive = true;
	}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	for (int i = optind; i < argc; i++)
		if (one(&c, &s, argv[i], recursive) != CLI_DONE)
			r = CLI_REFUSED;
	cli_progress_end();
	if (s.busy > 0)
		cli_say(&c, "%llu with a writer were left unsealed",
			(unsigned long long)s.busy);
	if (s.failed > 0)
		r = CLI_REFUSED;
	bool left = s.busy > 0 || s.never > 0 ||
		(s.temporary > 0 && !recursive);
	return r == CLI_DONE && left ? CLI_INCOMPLETE : r;
}

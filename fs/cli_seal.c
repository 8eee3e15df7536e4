#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/config_value.h"
#include "fs/place.h"
#include "fs/sealing.h"
#include "fs/unmount.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs seal [-r] [--no-wait] [--timeout 60s] PATH...\n"
"Seals files in a mounted vault now instead of after their settle time; empty\n"
"ones too.  A file that has a writer is named and left, and so is a folder\n"
"without -r; the exit code is then 2.  Returns when they are sealed, which takes\n"
"a second for each GB of a large one; when the time is over, the exit code is 2\n"
"and they are sealed all the same.\n"
"\n"
"  -r, --recursive  everything below PATH too\n"
"  --no-wait        only ask for it: nobody can change them any more, but until\n"
"                   they are sealed an unmount makes that undone, and so does who\n"
"                   opens one of class version (a mirror) for writing\n"
"  --timeout TIME   longest time to wait (default: no limit)\n"
"  -h, --help       print this\n";

struct wanted {
	bool recursive, wait;
	uint64_t timeout_ms;	/* 0: for ever */
};

/* Asked for: until it is done. */
static int await(const struct cli *c, const struct wanted *w,
	const char *root, const char *rest, const char *path)
{
	int err = waiting_for(c, WAITING_SEALED, root, rest, w->timeout_ms);
	if (err == 0)
		return CLI_DONE;
	if (err == -ETIMEDOUT) {
		cli_say(c, "%s: not sealed within the time; it goes on by "
			"itself.  notaryfs status %s says how far it is, "
			"notaryfs wait waits until it is final", path, root);
		return CLI_INCOMPLETE;
	}
	if (err == -ENODATA) {
		cli_say(c, "%s: not sealed: somebody opened it for writing "
			"meanwhile; seal it again", path);
		return CLI_INCOMPLETE;
	}
	if (err == -EACCES) {
		cli_say(c, "%s: asked for; you may not read it, so notaryfs "
			"cannot say when it is sealed", path);
		return CLI_INCOMPLETE;
	}
	cli_say(c, "%s: %s before it was sealed", path, err == -ENODEV ||
		mount_gone(-err) ? "the vault was unmounted" : cli_why(-err));
	return CLI_INCOMPLETE;
}

static int one(const struct cli *c, struct sealing *s, const char *path,
	const struct wanted *w)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	uint64_t before = s->sealed;
	int err = place_mount(path, &root, &rest);
	if (err == 0)
		err = sealing_path(s, path, w->recursive);
	else if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err != 0) {
		cli_say(c, "%s: %s", path, cli_why(-err));
		return CLI_REFUSED;
	}
	if (!w->wait || s->sealed == before)
		return CLI_DONE;
	return await(c, w, root, rest, path);
}

int cmd_seal(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"recursive", no_argument, NULL, 'r'},
		{"no-wait", no_argument, NULL, 'n'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "seal", .help = help};
	struct sealing s = {.c = &c};
	struct wanted w = {.wait = true};
	int r = CLI_DONE, one_r;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":rh", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		if (opt == 'r')
			w.recursive = true;
		else if (opt == 'n')
			w.wait = false;
		else if (config_duration(optarg, &w.timeout_ms) != 0 ||
			 w.timeout_ms == 0)
			return cli_usage(&c, "--timeout %s: must be a time "
				"like 60s", optarg);
	}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	for (int i = optind; i < argc; i++)
		if ((one_r = one(&c, &s, argv[i], &w)) == CLI_REFUSED ||
		    r == CLI_DONE)
			r = one_r;
	cli_progress_end();
	if (s.busy > 0)
		cli_say(&c, "%llu with a writer were left unsealed",
			(unsigned long long)s.busy);
	if (s.failed > 0)
		r = CLI_REFUSED;
	bool left = s.busy > 0 || s.never > 0 ||
		(s.temporary > 0 && !w.recursive);
	return r == CLI_DONE && left ? CLI_INCOMPLETE : r;
}

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/config_value.h"
#include "fs/place.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs wait PATH... [--timeout 60s]\n"
"Waits until files in a mounted vault are final: replicated, timestamped and\n"
"numbered, so that their certificates exist.  A folder means everything below\n"
"it.  Nothing is sealed earlier than the rules say.  When the time is over, what\n"
"is missing is named with its reason, and the exit code is 2.  What has a temporary\n"
"name below a folder is not waited for; it is named.\n"
"\n"
"  --timeout TIME  longest time to wait (default: no limit)\n"
"  -h, --help      print this\n";

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Why that which no file below the path accounts for. */
static void explain_other(const struct cli *c, const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return;
	if (place_virtual(path, &st)) {
		cli_say(c, "%s: " PLACE_VIRTUAL, path);
		return;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		cli_say(c, "%s: a folder that changed is recorded once it was "
			"left alone for its settle time (notaryfs seal -r ends "
			"that)", path);
		break;
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		cli_say(c, "%s: devices, FIFOs and sockets are never recorded",
			path);
		break;
	default:
		break;
	}
}

static int one(const struct cli *c, const char *path, uint64_t timeout_ms)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	int err = place_mount(path, &root, &rest);
	if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err == 0)
		err = waiting_for(c, WAITING_FINAL, root, rest, timeout_ms);
	if (err == 0) {
		(void)waiting_temporary(c, root, path);
		return CLI_DONE;
	}
	if (err != -ETIMEDOUT && err != -ENODATA) {
		cli_say(c, "%s: %s", path, cli_why(-err));
		return CLI_REFUSED;
	}
	if (waiting_explain(c, root, path) == 0)
		explain_other(c, path);
	cli_say(c, err == -ETIMEDOUT ? "%s: not final within the time"
		: "%s: will never be final", path);
	return CLI_INCOMPLETE;
}

int cmd_wait(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "wait", .help = help};
	uint64_t timeout_ms = 0;
	int worst = CLI_DONE;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		if (config_duration(optarg, &timeout_ms) != 0 ||
		    timeout_ms == 0)
			return cli_usage(&c, "--timeout %s: must be a time "
				"like 60s", optarg);
	}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	uint64_t end = now_ms() + timeout_ms;
	for (int i = optind; i < argc; i++) {
		/* one limit for all: what is late still gets a look, of 1 ms */
		uint64_t now = now_ms();
		uint64_t left = timeout_ms == 0 ? 0 : now < end ? end - now : 1;
		int r = one(&c, argv[i], left);
		if (r == CLI_REFUSED || worst == CLI_DONE)
			worst = r;
	}
	return worst;
}

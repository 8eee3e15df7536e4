#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/retention.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/kept.h"
#include "fs/place.h"

static const char help[] =
"usage: notaryfs retain [--until DATE | --for TIME] [-r] [--json] PATH...\n"
"Keeps sealed files in a mounted vault at least until a date.  It can be moved to\n"
"a later one, never back.  Without a date, prints those that files have.\n"
"\n"
"  --until DATE     like 2033-05-18, 2033-05-18T03:33:20Z or 2000000000 (s)\n"
"  --for TIME       from now on, like 7y, 90d or 12h; a year has 366 days\n"
"  -r, --recursive  everything below PATH\n"
"  --json           print what is known or was done as JSON\n"
"  -h, --help       print this\n"
"\n"
"Exit code 0: all; 1: some were refused; 2: some are not sealed yet.\n";

static int extend(struct kept *k, const struct placed *p, const char *root,
	const char *rest)
{
	const struct timespec times[2] = {
		{.tv_sec = (time_t)*(uint64_t *)k->ctx},
		{.tv_nsec = UTIME_OMIT},
	};
	(void)root;
	(void)rest;
	if (!kept_sealed(p))
		return -EBUSY;
	return utimensat(AT_FDCWD, p->path, times, AT_SYMLINK_NOFOLLOW) != 0 ?
		-errno : 0;
}

static int run(struct kept *k, char **path, int n, bool recursive,
	uint64_t until, bool as_json)
{
	char text[RETENTION_TEXT];
	retention_text(until, text);
	k->visit = extend;
	k->refusal = "refused: only its owner keeps it longer, until a date "
		"that is later than the one it has, within retain_min and "
		"retain_max";
	k->ctx = &until;
	int r = kept_run(k, path, n, recursive);
	if (as_json)
		printf("{\"until\": \"%s\", \"kept\": %llu, \"unsealed\": %llu, "
			"\"refused\": %llu}\n", text,
			(unsigned long long)k->done,
			(unsigned long long)k->unsealed,
			(unsigned long long)k->refused);
	else if (k->done > 0)
		printf("%llu files are kept until %s\n",
			(unsigned long long)k->done, text);
	return fflush(stdout) != 0 ? CLI_REFUSED : r;
}

/* From now on, as this machine has it; the mount checks. */
static int from_now(const struct assembly *a, const char *text, uint64_t *ret)
{
	uint64_t now = a->clock->ops->now_ms(a->clock) / 1000 + 1, span;
	if (retention_span(text, &span) != 0 || span > RECORD_UNTIL_MAX - now)
		return -EINVAL;
	*ret = now + span;
	return 0;
}

int cmd_retain(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"until", required_argument, NULL, 'u'},
		{"for", required_argument, NULL, 'f'},
		{"recursive", no_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "retain", .help = help};
	struct kept k = {.c = &c};
	bool recursive = false, as_json = false, twice = false;
	uint64_t until = 0;
	for (int opt; (opt = cli_option(&c, argc, argv, ":rh", names)) != -1;)
		switch (opt) {
		case 'u':
			twice = until != 0;
			if (retention_time(optarg, &until) != 0)
				return cli_usage(&c, "--until %s: must be a "
					"date like 2033-05-18", optarg);
			break;
		case 'f':
			twice = until != 0;
			if (from_now(a, optarg, &until) != 0)
				return cli_usage(&c, "--for %s: must be a time "
					"like 7y or 90d", optarg);
			break;
		case 'r':
			recursive = true;
			break;
		case 'j':
			as_json = true;
			break;
		default:
			return c.exit;
		}
	if (twice)
		return cli_usage(&c, "one date, by --until or --for");
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	return until == 0 ? kept_list(&k, &argv[optind], argc - optind,
		recursive, as_json) : run(&k, &argv[optind], argc - optind,
		recursive, until, as_json);
}

/*
 * mount.fuse.notaryfs and umount.fuse.notaryfs: what mount(8) and umount(8)
 * run for a file system of type fuse.notaryfs.
 *
 * Both are notaryfs under another name.  Their options and exit codes are
 * mount(8)'s: 1 wrong usage, 32 it failed; 64 would mean that some of several
 * mounts succeeded.
 */
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/text.h"

enum helper_exit { HELPER_DONE = 0, HELPER_USAGE = 1, HELPER_FAILED = 32 };

static int exit_code(int r)
{
	return r == CLI_DONE ? HELPER_DONE
		: r == CLI_USAGE ? HELPER_USAGE : HELPER_FAILED;
}

/* What mount(8) gives to a helper, and no more. */
struct given {
	bool fake;
	const char *options;
	char *operand[2];
	int n;
};

static bool read_args(int argc, char **argv, int operands, const char *letters,
	struct given *ret)
{
	opterr = 0;
	for (int o; (o = getopt(argc, argv, letters)) != -1;) {
		if (o == '?')
			return false;
		if (o == 'f')
			ret->fake = true;
		if (o == 'o')
			ret->options = optarg;
	}
	while (optind < argc && ret->n < operands)
		ret->operand[ret->n++] = argv[optind++];
	return ret->n == operands && optind == argc;
}

int cmd_mount_helper(const struct assembly *a, int argc, char **argv)
{
	struct given g = {0};
	/* mount(8) names the vault and the folder first */
	if (!read_args(argc, argv, 2, "sfnvN:o:t:", &g)) {
		fputs("usage: mount.fuse.notaryfs VAULT DIR [-sfnv] [-N "
			"NAMESPACE] [-o OPTION,...] [-t TYPE]\n"
			"It is run by mount(8); see notaryfs(1).\n", stderr);
		return HELPER_USAGE;
	}
	if (g.fake)
		return HELPER_DONE;
	cleanup(free) char *options = strdup(g.options != NULL ? g.options : "");
	if (options == NULL)
		return HELPER_FAILED;
	char name[] = "mount", o[] = "-o", end[] = "--";
	char *args[] = {name, o, options, end, g.operand[0], g.operand[1], NULL};
	optind = 0; /* begin anew */
	return exit_code(cmd_mount(a, 6, args));
}

int cmd_umount_helper(const struct assembly *a, int argc, char **argv)
{
	struct given g = {0};
	if (!read_args(argc, argv, 1, "flnrvN:t:", &g)) {
		fputs("usage: umount.fuse.notaryfs DIR [-flnrv] [-N NAMESPACE] "
			"[-t TYPE]\n"
			"It is run by umount(8); see notaryfs(1).\n", stderr);
		return HELPER_USAGE;
	}
	char name[] = "umount", end[] = "--";
	char *args[] = {name, end, g.operand[0], NULL};
	optind = 0;
	return exit_code(cmd_umount(a, 3, args));
}

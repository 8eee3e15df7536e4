/*
 * notaryfs: makes, mounts, checks and restores vaults.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/nearest.h"
#include "fs/streams.h"

static const struct command {
	const char *name;
	int (*run)(const struct assembly *a, int argc, char **argv);
	const char *what;
} commands[] = {
	{"init", cmd_init, "make a vault"},
	{"check", cmd_check, "try everything that it needs"},
	{"mount", cmd_mount, "mount it"},
	{"umount", cmd_umount, "unmount it"},
	{"status", cmd_status, "say how it is doing"},
	{"wait", cmd_wait, "wait until files are final"},
	{"seal", cmd_seal, "seal files now"},
	{"rules", cmd_rules, "say of which class a name is, and why"},
	{"retain", cmd_retain, "keep sealed files until a date"},
	{"renew", cmd_renew, "renew certificates under another hash"},
	{"hold", cmd_hold, "hold sealed files for a case, or release them"},
	{"delete", cmd_delete, "delete sealed files by the governance key"},
	{"comply", cmd_comply, "make mode governance compliance, for ever"},
	{"cert", cmd_cert, "write a file's certificate to stdout"},
	{"verify", cmd_verify, "check files inside the mount"},
	{"export", cmd_export, "make a folder to hand over, with a page"},
	{"anchor", cmd_anchor, "print the anchor"},
	{"scrub", cmd_scrub, "say what is damaged or missing where"},
	{"repair", cmd_repair, "put it right"},
	{"audit", cmd_audit, "check everything from the buckets alone"},
	{"restore", cmd_restore, "restore everything from some of the buckets"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void list(FILE *f)
{
	fputs("usage: notaryfs COMMAND ...\n"
		"A filesystem whose files are written once and notarized.\n\n",
		f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\nnotaryfs help COMMAND says more; so does notaryfs(1).\n", f);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *meant = NULL;
	unsigned best = NEAREST_NONE;
	for (size_t i = 0; i < COMMANDS; i++)
		if (nearest_is(name, commands[i].name, &best))
			meant = commands[i].name;
	fprintf(stderr, "notaryfs: there is no command %s", name);
	if (meant != NULL)
		fprintf(stderr, "; did you mean %s?", meant);
	fputc('\n', stderr);
	list(stderr);
	return CLI_USAGE;
}

static int print_list(void)
{
	list(stdout);
	return CLI_DONE;
}

/* notaryfs help COMMAND is notaryfs COMMAND --help. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	if (argc == 2)
		return print_list();
	const struct command *c = find(argv[2]);
	if (c == NULL)
		return unknown(argv[2]);
	char *args[] = {argv[2], option, NULL};
	return c->run(assemble(), 2, args);
}

/* mount(8) and umount(8) run this program by these names. */
static const struct command helpers[] = {
	{"mount.fuse.notaryfs", cmd_mount_helper, NULL},
	{"umount.fuse.notaryfs", cmd_umount_helper, NULL},
};

static int run(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
		if (strcmp(name, helpers[i].name) == 0)
			return helpers[i].run(assemble(), argc, argv);
	if (argc < 2) {
		list(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_list();
	if (strcmp(argv[1], "help") == 0)
		return help(argc, argv);
	if (strcmp(argv[1], "--version") == 0) {
		puts("notaryfs " NOTARYFS_VERSION);
		return CLI_DONE;
	}
	const struct command *c = find(argv[1]);
	return c != NULL ? c->run(assemble(), argc - 1, argv + 1)
		: unknown(argv[1]);
}

/* Whoever pipes the output somewhere must learn that it is not whole. */
int main(int argc, char **argv)
{
	streams_open();
	int rc = run(argc, argv);
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	fprintf(stderr, "notaryfs: standard output could not be written%s%s\n",
		errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return rc == CLI_DONE ? CLI_REFUSED : rc;
}

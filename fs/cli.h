/*
 * cli: what all commands of notaryfs share: options, exit codes, messages,
 * progress.  Programs only; one thread.
 */
#ifndef FS_CLI_H
#define FS_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

struct assembly;

enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1,	/* refused, invalid or failed */
	CLI_INCOMPLETE = 2,	/* incomplete, or cannot say */
	CLI_USAGE = 64,		/* wrong usage */
};

struct cli {
	const char *name;	/* of the command */
	const char *help;	/* "usage: ..." and what it does */
	int exit;		/* valid after cli_option() gave '?' */
};

/* The next option's letter; -1 behind the last one (optind is then the first
 * operand); '?' when the command must end with c->exit: --help was printed, or
 * the usage is wrong and was complained about. */
int cli_option(struct cli *c, int argc, char **argv, const char *letters,
	const struct option *names);
/* Says what is wrong and how it is used; returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "notaryfs NAME: ..." on stderr, after clearing progress.  One line, whatever
 * names are in it: control characters and backslashes become \xHH. */
void cli_say(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line on stdout, with names as cli_say() shows them, and a newline. */
void cli_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* cli_say() for every line of text; frees text (NULL: "out of memory"). */
void cli_say_lines(const struct cli *c, char *text);

/* strerror(), and where a mount is dead what to do about it. */
const char *cli_why(int error);

/* One line on stderr that the next one replaces; only on a terminal, and at
 * most ten times a second. */
void cli_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_progress_end(void);

/* "1 234 567" is "1.2 MB": for people.  ret has room for 32 characters. */
void cli_bytes(uint64_t n, char ret[32]);

int cmd_anchor(const struct assembly *a, int argc, char **argv);
int cmd_scrub(const struct assembly *a, int argc, char **argv);
int cmd_repair(const struct assembly *a, int argc, char **argv);
int cmd_audit(const struct assembly *a, int argc, char **argv);
int cmd_check(const struct assembly *a, int argc, char **argv);
int cmd_comply(const struct assembly *a, int argc, char **argv);
int cmd_cert(const struct assembly *a, int argc, char **argv);
int cmd_delete(const struct assembly *a, int argc, char **argv);
int cmd_export(const struct assembly *a, int argc, char **argv);
int cmd_hold(const struct assembly *a, int argc, char **argv);
int cmd_init(const struct assembly *a, int argc, char **argv);
int cmd_mount(const struct assembly *a, int argc, char **argv);
int cmd_retain(const struct assembly *a, int argc, char **argv);
int cmd_renew(const struct assembly *a, int argc, char **argv);
int cmd_rules(const struct assembly *a, int argc, char **argv);
int cmd_restore(const struct assembly *a, int argc, char **argv);
int cmd_seal(const struct assembly *a, int argc, char **argv);
int cmd_status(const struct assembly *a, int argc, char **argv);
int cmd_umount(const struct assembly *a, int argc, char **argv);
int cmd_verify(const struct assembly *a, int argc, char **argv);
int cmd_wait(const struct assembly *a, int argc, char **argv);
int cmd_mount_helper(const struct assembly *a, int argc, char **argv);
int cmd_umount_helper(const struct assembly *a, int argc, char **argv);

#endif

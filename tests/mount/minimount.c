/*
 * minimount: the mount alone, over local state and without the write path:
 * what is sealed stays sealed.
 *
 *	minimount FILES DB MOUNT_POINT [name=value]...
 *
 * Ends on SIGTERM, SIGINT or an unmount.  Lines for the journal go to stderr.
 * For tests of what the mount allows; the whole program is build/notaryfs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/clock_system.h"
#include "backends/local_sqlite.h"
#include "fs/mount.h"

static struct mount *the_mount;

static void end(int sig)
{
	(void)sig;
	mount_exit(the_mount);
}

static void queued(void *ctx, bool hurry)
{
	(void)ctx;
	(void)hurry;
}

static int status(void *ctx, struct buf *ret)
{
	(void)ctx;
	return buf_add(ret, "{}\n", 3);
}

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static int fail(const char *what, int rc, const char *why)
{
	fprintf(stderr, "minimount: %s: %s%s%s\n", what, strerror(-rc),
		why != NULL ? ": " : "", why != NULL ? why : "");
	return 1;
}

int main(int argc, char **argv)
{
	struct config config;
	struct mount_services s = {.queued = queued, .status = status,
		.say = say, .config = &config};
	struct sigaction act = {.sa_handler = end};
	char *why = NULL;
	int i, rc;

	if (argc < 4)
		return 64;
	config_defaults(&config);
	for (i = 4; i < argc; i++)
		if ((rc = config_set(&config, argv[i], ".", &why)) != 0)
			return fail(argv[i], rc, why);
	s.files_dir = argv[1];
	s.fsname = argv[1];
	s.clock = clock_system();
	s.entropy = entropy_system();
	rc = local_sqlite_open(argv[2], true, false, &s.local);
	if (rc != 0)
		return fail(argv[2], rc, NULL);
	rc = mount_open(&s, argv[3], NULL, &the_mount, &why);
	if (rc != 0)
		return fail(argv[3], rc, why);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	puts("mounted");
	fflush(stdout);
	rc = mount_serve(the_mount);
	mount_close(the_mount);
	s.local->ops->free(s.local);
	config_done(&config);
	return rc == 0 ? 0 : fail("serving", rc, NULL);
}

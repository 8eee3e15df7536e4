#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/mountpoint.h"
#include "fs/place.h"
#include "fs/sealing.h"
#include "fs/status.h"
#include "fs/text.h"
#include "fs/unmount.h"
#include "fs/waiting.h"

static const char help[] =
"usage: notaryfs umount DIR [--final]\n"
"Unmounts a vault and returns when the daemon has put everything away: what is\n"
"sealed is durable and the sequencer has handed over to the next mount.\n"
"\n"
"  --final     first seal everything (empty files too) and wait until all of it\n"
"              is final; what has a temporary name is named\n"
"  -h, --help  print this\n"
"\n"
"fusermount3 -u DIR loses nothing either; it only does not wait.\n";

static int make_final(const struct cli *c, const char *root)
{
	struct sealing s = {.c = c};
	int err = sealing_path(&s, root, true);
	cli_progress_end();
	if (err == 0 && s.busy == 0)
		err = waiting_for(c, WAITING_FINAL, root, "", 0);
	if (err != 0) {
		cli_say(c, "%s: %s", root, cli_why(-err));
		return CLI_REFUSED;
	}
	if (s.busy == 0 && waiting_temporary(c, root, root) > 0)
		cli_say(c, "these are in the vault's folder files alone, and no "
			"bucket has them");
	if (s.busy > 0)
		cli_say(c, "%s stays mounted: %" PRIu64 " files have a writer",
			root, s.busy);
	return s.busy > 0 ? CLI_INCOMPLETE : CLI_DONE;
}

#define LATE_MS 3000	/* then somebody may want to know why */

/* A mount lives on for as long as another mount namespace has it. */
static void say_who_keeps_it(const struct cli *c, const char *root)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
		    mountpoint_ours(e->d_name, root) <= 0)
			continue;
		cli_say(c, "%s is still mounted for process %s, in a mount "
			"namespace of its own (a container, a service, unshare "
			"-m); its daemon ends when that lets go of it", root,
			e->d_name);
		break;
	}
	if (d != NULL)
		closedir(d);
}

/* The daemon's end is the end of everything it does. */
static void await(const struct cli *c, const char *root, int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	for (int ms = 0; pidfd >= 0 && poll(&p, 1, 200) <= 0; ms += 200) {
		cli_progress("the daemon is putting everything away");
		if (ms == LATE_MS)
			say_who_keeps_it(c, root);
	}
	cli_progress_end();
}

/* What tells the daemon what to do belongs to who mounted it. */
static bool may_unmount(const char *root)
{
	cleanup(free) char *ctl = text_of("%s/.notary/ctl", root);
	struct stat st;
	return geteuid() == 0 || ctl == NULL || stat(ctl, &st) != 0 ||
		st.st_uid == geteuid();
}

#define AGAIN_TRIES 50	/* of 20 ms: as long as another umount may look in */

/* Has somebody else unmounted it?  What another daemon has mounted there since
 * is not to be taken away. */
static bool is_gone(const char *root, int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return mountpoint_ours("self", root) == 0 ||
		(pidfd >= 0 && poll(&p, 1, 0) > 0 && !mount_is_dead(root));
}

/* Another umount at the same time makes it busy, and then is no failure. */
static int unmount_once(const char *root, int pidfd)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	int err = unmount(root, false);
	for (int i = 0; (err == -EBUSY && may_unmount(root)) || err == -EINVAL;
	     i++) {
		if (is_gone(root, pidfd))
			return 0;
		if (i == AGAIN_TRIES)
			break;
		nanosleep(&pause, NULL);
		err = unmount(root, false);
	}
	return err;
}

static int take_away(const struct cli *c, const char *root, uint64_t pid)
{
	cleanup(close) int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	int err = unmount_once(root, pidfd);
	if (err == -EBUSY && !may_unmount(root)) {
		cli_say(c, "%s: only who mounted it, or root, may unmount it",
			root);
		return CLI_REFUSED;
	}
	if (err == -EBUSY) {
		cli_say(c, "%s is busy: a process has a file open in it or "
			"works in it (fuser -vm %s names them)", root, root);
		return CLI_REFUSED;
	}
	if (err != 0) {
		cli_say(c, "%s: %s", root, cli_why(-err));
		return CLI_REFUSED;
	}
	await(c, root, pidfd);
	return CLI_DONE;
}

/* A daemon that was killed leaves its mount behind. */
static int take_remains(const struct cli *c, const char *dir)
{
	char *why = NULL;
	if (mountpoint_clear(dir, &why) < 0) {
		cli_say_lines(c, why);
		return CLI_REFUSED;
	}
	cli_say(c, "%s: its daemon was gone already; the next mount goes on "
		"where it was", dir);
	return CLI_DONE;
}

int cmd_umount(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"final", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "umount", .help = help};
	bool final = false;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		final = true;
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one mounted folder");
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(buf) struct buf json = {0};
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	int err = s == NULL ? -ENOMEM : place_mount(argv[optind], &root, &rest);
	if (mount_is_dead(argv[optind]))
		return take_remains(&c, argv[optind]);
	if (err == 0 && *rest != '\0')
		err = -ENOENT;
	if (err == 0)
		err = place_read(root, "status", &json);
	if (err == 0)
		err = status_parse(BUF_BYTES(&json), s);
	if (err != 0) {
		cli_say(&c, err == -ENOENT ? "%s: no vault is mounted there"
			: "%s: cannot be read", argv[optind]);
		return CLI_REFUSED;
	}
	uint64_t pid = s->pid;
	status_done(s);
	cleanup(free) char *real = realpath(root, NULL); /* of a link to it */
	if (real == NULL) {
		cli_say(&c, "%s: %s", root, cli_why(errno));
		return CLI_REFUSED;
	}
	int r = final ? make_final(&c, real) : CLI_DONE;
	return r == CLI_DONE ? take_away(&c, real, pid) : r;
}

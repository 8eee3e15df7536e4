#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/daemon.h"
#include "fs/mountopts.h"
#include "fs/mountpoint.h"
#include "fs/text.h"
#include "fs/vault.h"

static const char help[] =
"usage: notaryfs mount VAULT DIR [-f] [--moved] [-o OPTION,...]\n"
"Mounts the vault at DIR and returns when it answers.\n"
"\n"
"  -f          stay in the foreground and log to stderr too\n"
"  --moved     the vault was copied or moved to another file system, and the\n"
"              other one is gone: this one goes on\n"
"  -o OPTION   a setting of notaryfs.conf for this mount (settle=2s), or an\n"
"              option of FUSE (allow_other)\n"
"  -h, --help  print this\n"
"\n"
"The daemon ends with notaryfs umount DIR, fusermount3 -u DIR or SIGTERM.\n"
"SIGHUP reads notaryfs.conf again, SIGUSR1 logs the status.  The log is\n"
"VAULT/state/notaryfs.log.\n";

static bool inside(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	return strncmp(path, folder, n) == 0 &&
		(path[n] == '/' || path[n] == '\0');
}

/* The mount point's absolute name; NULL after a complaint. */
static char *mount_point(const struct cli *c, const struct vault *v,
	const char *dir)
{
	struct stat st;
	char *why = NULL;
	int cleared = mountpoint_clear(dir, &why);
	if (cleared < 0) {
		cli_say_lines(c, why);
		return NULL;
	}
	if (cleared > 0)
		cli_say(c, "%s was left over by a daemon that is gone: "
			"unmounted it first", dir);
	if (stat(dir, &st) != 0) {
		cli_say(c, "%s: %s", dir, strerror(errno));
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		cli_say(c, "%s is not a folder", dir);
		return NULL;
	}
	if (geteuid() != 0 && access(dir, W_OK) != 0) {
		cli_say(c, "%s: a user may mount only on a folder that he may "
			"write to", dir);
		return NULL;
	}
	cleanup(free) char *path = realpath(dir, NULL);
	if (path == NULL)
		cli_say(c, "%s: %s", dir, strerror(errno));
	else if (inside(path, v->path) || inside(v->path, path)) {
		cli_say(c, "%s and the vault lie in one another: a mount needs "
			"a folder of its own", dir);
		return NULL;
	}
	if (path != NULL && strchr(path, '\n') != NULL) { /* state/lock */
		cli_say(c, "%s has a newline in its name: mount at a folder "
			"without one", path);
		return NULL;
	}
	char *ret = path;
	path = NULL; /* the caller has it */
	return ret;
}

/* In the child: 0, 1 and 2 must not be the terminal's, or the programs that
 * it starts would hold it open; messages go there until the mount answers. */
static int leave_terminal(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	cleanup(close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL || null < 0)
		return -errno;
	setvbuf(f, NULL, _IOLBF, 0);
	stderr = f;
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -errno;
	return 0;
}

static void answers(void *ctx)
{
	(void)ctx;
	cli_progress_end();
}

/* The mount answers: lets go of the parent, and of its terminal.  Where nobody
 * waits for it any more it ends as it would at the end of its days. */
static void ready(void *ctx)
{
	int fd = *(int *)ctx;
	cli_progress_end();
	if (chdir("/") != 0 || freopen("/dev/null", "we", stderr) == NULL ||
	    write(fd, "", 1) != 1)
		kill(getpid(), SIGTERM);
	close(fd);
}

static void looked(void *ctx, uint64_t names, uint64_t of)
{
	(void)ctx;
	cli_progress("looking at every file of the vault: %" PRIu64
		" of about %" PRIu64, names, names > of ? names : of);
}

static int run(const struct cli *c, const struct assembly *a, struct vault *v,
	const struct daemon_options *o)
{
	char *why;
	int err = daemon_run(a, v, o, &why);
	if (err != 0)
		cli_say_lines(c, why != NULL ? why
			: text_of("%s", strerror(-err)));
	return err == 0 ? CLI_DONE : CLI_REFUSED;
}

/* -- the parent: what would end it is passed on to the daemon, and ends it when
 * that has put everything away */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDS (sizeof ends / sizeof *ends)

static volatile sig_atomic_t caught;	/* the last of them; 0: none */
static pid_t started;			/* to whom they are passed on */

static void pass_on(int sig)
{
	int err = errno;
	caught = sig;
	kill(started, SIGTERM);
	errno = err;
}

/* Until there is somebody to pass them on to. */
static void hold_signals(sigset_t *ret_before)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ENDS; i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

/* Those that were ignored (nohup) stay so.  No SA_RESTART: a read ends. */
static void pass_signals_to(pid_t pid, const sigset_t *before)
{
	struct sigaction was, act = {.sa_handler = pass_on};
	started = pid;
	for (size_t i = 0; i < ENDS; i++)
		if (sigaction(ends[i], NULL, &was) == 0 &&
		    was.sa_handler != SIG_IGN)
			sigaction(ends[i], &act, NULL);
	sigprocmask(SIG_SETMASK, before, NULL);
}

static void pass_no_more(void)
{
	struct sigaction was;
	for (size_t i = 0; i < ENDS; i++)
		if (sigaction(ends[i], NULL, &was) == 0 &&
		    was.sa_handler == pass_on)
			signal(ends[i], SIG_DFL);
}

/* One byte when the mount answers, nothing when it never will. */
static bool answered(int fd)
{
	char byte;
	ssize_t n;
	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static int end_of(const struct cli *c, const struct vault *v, pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_REFUSED;
	if (WIFSIGNALED(status)) /* it could not say a word itself */
		cli_say(c, "the daemon was ended by a signal (%s) while it "
			"started; %s/state/notaryfs.log may say more",
			strsignal(WTERMSIG(status)), v->path);
	return WIFEXITED(status) && WEXITSTATUS(status) != 0
		? WEXITSTATUS(status) : CLI_REFUSED;
}

static int await(const struct cli *c, const struct vault *v, int fd, pid_t pid)
{
	bool there = answered(fd);
	int r = there ? CLI_DONE : end_of(c, v, pid);
	pass_no_more();
	if (caught == 0)
		return r;
	if (there)
		end_of(c, v, pid);
	raise(caught);
	return CLI_REFUSED;
}

static int run_in_background(const struct cli *c, const struct assembly *a,
	struct vault *v, struct daemon_options *o)
{
	int pipe_fd[2];
	if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
		cli_say(c, "%s", strerror(errno));
		return CLI_REFUSED;
	}
	sigset_t before;
	hold_signals(&before); /* the daemon holds them until it takes them */
	fflush(NULL);
	pid_t pid = fork(); /* before there are any threads */
	if (pid < 0) {
		cli_say(c, "%s", strerror(errno));
		return CLI_REFUSED;
	}
	if (pid > 0) {
		close(pipe_fd[1]);
		pass_signals_to(pid, &before);
		return await(c, v, pipe_fd[0], pid);
	}
	close(pipe_fd[0]);
	setsid();
	int err = leave_terminal();
	if (err != 0) {
		cli_say(c, "%s", strerror(-err));
		return CLI_REFUSED;
	}
	o->ready = ready;
	o->ctx = &pipe_fd[1];
	return run(c, a, v, o);
}

static int start(const struct cli *c, const struct assembly *a,
	const char *const operand[2], const char *options, bool foreground,
	bool moved)
{
	struct vault *v;
	char *why;
	if (vault_open(operand[0], &v, &why) != 0) {
		cli_say_lines(c, why);
		return CLI_REFUSED;
	}
	cleanup(buf) struct buf fuse = {0};
	cleanup(free) char *dir = NULL;
	cleanup(free) char *list = options == NULL ? NULL : strdup(options);
	int r = CLI_DONE, err = options == NULL ? 0 : list == NULL ? -ENOMEM
		: mountopts_take(list, &v->config, v->path, &fuse, &why);
	if (err == -EINVAL) {
		r = cli_usage(c, "-o %s", why);
		free(why);
	} else if (err != 0) {
		cli_say(c, "-o %s", why != NULL ? why : strerror(-err));
		free(why);
		r = CLI_REFUSED;
	}
	if (r == CLI_DONE && (dir = mount_point(c, v, operand[1])) == NULL)
		r = CLI_REFUSED;
	if (r == CLI_DONE) {
		struct daemon_options o = {
			.mount_point = dir,
			.fuse_options = (const char *)fuse.p,
			.options = options,
			.foreground = foreground,
			.moved = moved,
			.looked = looked,
			.ready = answers,
		};
		r = foreground ? run(c, a, v, &o)
			       : run_in_background(c, a, v, &o);
	}
	vault_close(v);
	return r;
}

int cmd_mount(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"moved", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "mount", .help = help};
	cleanup(buf) struct buf options = {0};
	bool foreground = false, moved = false;
	for (int opt; (opt = cli_option(&c, argc, argv, ":fo:h", names)) != -1;)
		switch (opt) {
		case 'f':
			foreground = true;
			break;
		case 'm':
			moved = true;
			break;
		case 'o':
			if (text_add(&options, "%s,", optarg) != 0)
				return CLI_REFUSED;
			break;
		default:
			return c.exit;
		}
	if (optind + 2 != argc)
		return cli_usage(&c, "name a vault and a folder");
	if (options.n > 0 && buf_add(&options, "", 1) != 0)
		return CLI_REFUSED;
	const char *const operand[2] = {argv[optind], argv[optind + 1]};
	/* Who gave us a lock or a pipe waits until the last one lets go. */
	if (!foreground)
		(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	return start(&c, a, operand, (char *)options.p, foreground, moved);
}

#include "fs/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/cli.h"
#include "fs/place.h"
#include "fs/status.h"
#include "fs/text.h"

#define NAMED_MAX 20		/* lines; then they are only counted */
#define TICK_MS 200		/* between two looks at the progress */
#define LATE_MS 5000		/* between two at what may be in the way */

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* -- the child: one blocking call; its exit code is the errno.  Who stops a
 * command (Ctrl-Z) and lets it go on has interrupted the call. */

/* Links carry no attributes, so they are waited for by opening a name. */
static int wait_link(const char *root, const char *rest)
{
	cleanup(free) char *name = text_of("%s/.notary/wait/%s", root, rest);
	if (name == NULL)
		return -ENOMEM;
	for (;;) {
		cleanup(close) int fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int wait_file(const char *path, enum waiting what)
{
	const char *name = what == WAITING_FINAL ? "user.notary.wait"
		: "user.notary.sealed";
	char word[64];
	while (getxattr(path, name, word, sizeof word) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Nobody is left to wait when the parent is gone, however it went. */
static _Noreturn void child(pid_t parent, enum waiting what, const char *root,
	const char *rest)
{
	struct stat st;
	char *path = text_of("%s/%s", root, rest);
	if (path == NULL)
		_exit(ENOMEM);
	signal(SIGINT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EINTR); /* it was faster */
	if (lstat(path, &st) != 0)
		_exit(errno);
	if (S_ISLNK(st.st_mode) && what == WAITING_FINAL)
		_exit(-wait_link(root, rest));
	if (S_ISLNK(st.st_mode))
		*strrchr(path, '/') = '\0'; /* by its folder */
	_exit(-wait_file(path, what));
}

static void show_progress(enum waiting what, const char *root)
{
	cleanup(buf) struct buf json = {0};
	uint64_t files, bytes, done;
	char size[32], of[32];
	if (!isatty(STDERR_FILENO) || place_read(root, "status", &json) != 0)
		return;
	if (what == WAITING_SEALED) {
		if (json_find_uint(BUF_BYTES(&json), "hashing.done",
			&done) != 0 || json_find_uint(BUF_BYTES(&json),
			"hashing.bytes", &bytes) != 0 || bytes == 0)
			return;
		cli_bytes(done, size);
		cli_bytes(bytes, of);
		cli_progress("sealing: %s of %s are hashed", size, of);
		return;
	}
	if (json_find_uint(BUF_BYTES(&json), "backlog.files", &files) != 0 ||
	    json_find_uint(BUF_BYTES(&json), "backlog.bytes", &bytes) != 0)
		return;
	cli_bytes(bytes, size);
	cli_progress("on their way: %" PRIu64 " files, %s", files, size);
}

static void explain_rows(const struct cli *c, const char *kind,
	const struct status_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!row[i].ok)
			cli_say(c, "%s %s: %s", kind, row[i].name,
				row[i].error);
}

static bool all_ok(const struct status *s)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (!s->service[i].ok)
			return false;
	return true;
}

/* Which services and buckets fail.  blocked: only if a service does, without
 * which nothing becomes final; false if not. */
static bool explain_services(const struct cli *c, const char *root,
	bool blocked)
{
	cleanup(buf) struct buf json = {0};
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	if (s == NULL || place_read(root, "status", &json) != 0 ||
	    status_parse(BUF_BYTES(&json), s) != 0)
		return false;
	bool say = !blocked || !all_ok(s);
	if (say) {
		explain_rows(c, "service", s->service, s->n_services);
		explain_rows(c, "bucket", s->bucket, s->n_buckets);
	}
	status_done(s);
	return say;
}

int waiting_for(const struct cli *c, enum waiting what, const char *root,
	const char *rest, uint64_t timeout_ms)
{
	uint64_t start = now_ms(), end = start + timeout_ms, look = LATE_MS;
	int status = 0;
	fflush(NULL);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(parent, what, root, rest);
	cleanup(close) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool late = false;
	while (fd >= 0 && !late && poll(&p, 1, TICK_MS) <= 0) {
		show_progress(what, root);
		late = timeout_ms != 0 && now_ms() >= end;
		if (late || now_ms() - start < look)
			continue;
		look += LATE_MS;
		if (explain_services(c, root, true)) {
			cli_say(c, "it goes on when that works again; notaryfs "
				"status %s says what to do", root);
			look = UINT64_MAX; /* once */
		}
	}
	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	cli_progress_end();
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* -- why not yet */

struct missing {
	const struct cli *c;
	const char *path;	/* below which it is looked for */
	const char *only;	/* this state; NULL: any */
	uint64_t n;
};

#define EMPTY "empty" /* settling, for that reason */

static const struct {
	const char *state, *why;
} reasons[] = {
	{"open", "still open by a writer"},
	{EMPTY, "empty, so it settles for a day (empty_settle of "
		"notaryfs.conf; notaryfs seal ends that)"},
	{"settling", "settling: sealed once it was left alone for its settle "
		"time (notaryfs seal ends that)"},
	{"frozen", "settling: its content is fixed, its name is not yet"},
	{"sealed", "sealed, on its way into a block"},
	{"temp", "a temporary name: sealed only under another one; rename it, "
		"or delete it if it is what a killed copy left"},
	{"scratch", "a scratch name: never notarized"},
};

/* A link shows no state. */
static void explain_link(struct missing *m, const char *name)
{
	cleanup(free) char *root = NULL, *rest = NULL, *own = NULL;
	cleanup(buf) struct buf cert = {0};
	if (place_mount(m->path, &root, &rest) == 0)
		own = place_below(m->path, rest, name);
	if (own == NULL || place_cert(root, own, &cert) != -ENOENT ||
	    ++m->n > NAMED_MAX)
		return;
	cli_say(m->c, "%s: a symbolic link that is not final yet (notaryfs "
		"rules says whether it will be)", name);
}

/* NULL: it is final, or says no state; or it has another one than only. */
static const char *reason(const char *path, const char *only)
{
	char state[32];
	struct stat st;
	ssize_t n = lgetxattr(path, "user.notary.state", state,
		sizeof state - 1);
	if (n < 0)
		return NULL;
	state[n] = '\0';
	if (only != NULL && strcmp(state, only) != 0)
		return NULL;
	if (strcmp(state, "settling") == 0 && lstat(path, &st) == 0 &&
	    st.st_size == 0)
		strcpy(state, EMPTY);
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(state, reasons[i].state) == 0)
			return reasons[i].why;
	return NULL;
}

const char *waiting_reason(const char *path)
{
	const char *why = reason(path, NULL);
	return why == NULL ? "it is not final yet" : why;
}

static int explain_file(void *ctx, const struct placed *p)
{
	struct missing *m = ctx;
	if (p->err != 0)
		return 0;
	if (S_ISLNK(p->st->st_mode) && m->only == NULL)
		explain_link(m, p->name);
	if (!S_ISREG(p->st->st_mode))
		return 0;
	const char *why = reason(p->path, m->only);
	if (why != NULL && ++m->n <= NAMED_MAX)
		cli_say(m->c, "%s: %s", p->name, why);
	return 0;
}

static void say_more(const struct missing *m)
{
	if (m->n > NAMED_MAX)
		cli_say(m->c, "... and %" PRIu64 " more", m->n - NAMED_MAX);
}

uint64_t waiting_temporary(const struct cli *c, const char *root,
	const char *path)
{
	struct missing m = {.c = c, .path = path, .only = "temp"};
	cleanup(buf) struct buf json = {0};
	uint64_t n;

	/* looking at every file is for vaults that have one */
	if (place_read(root, "status", &json) == 0 && json_find_uint(
		BUF_BYTES(&json), "files.temp", &n) == 0 && n == 0)
		return 0;
	place_walk(path, explain_file, &m);
	say_more(&m);
	return m.n;
}

uint64_t waiting_explain(const struct cli *c, const char *root,
	const char *path)
{
	struct missing m = {.c = c, .path = path};
	place_walk(path, explain_file, &m);
	say_more(&m);
	explain_services(c, root, false);
	return m.n;
}

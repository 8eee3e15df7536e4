#include "backends/seq_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "enclave/launch.h"

/* A start was measured at 15 ms, a hand-over waits for an fsync; on a machine
   that is booting, or loaded, either may take a thousand times as long. */
#define ANSWER_MS 60000
#define STOP_MS 5000
#define HIGH 16		/* above LAUNCH_HOST and LAUNCH_ATTESTOR */

void seq_link_init(struct seq_link *l)
{
	*l = (struct seq_link){.to_attestor = -1, .to_enclave = -1};
}

bool seq_link_up(const struct seq_link *l)
{
	return l->attestor > 0;
}

/* Ours, and the child's where dup2() cannot hit it. */
static int pair(int *ret_ours, int *ret_theirs)
{
	int fd[2], high;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		return -errno;
	high = fcntl(fd[1], F_DUPFD_CLOEXEC, HIGH);
	if (high < 0) {
		int rc = -errno;

		close(fd[0]);
		close(fd[1]);
		return rc;
	}
	close(fd[1]);
	*ret_ours = fd[0];
	*ret_theirs = high;
	return 0;
}

/* In a session of its own, away from the terminal's signals. */
static int spawn(const struct seq_link_start *s, int host, int enclave,
	pid_t *ret)
{
	char *const env[] = {NULL};
	char name[] = "notaryfs-attestor";
	cleanup(free) char *dir = strdup(s->state_dir);
	cleanup(free) char *program = strdup(s->enclave_program);
	char *const argv[] = {name, dir, program, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	if (dir == NULL || program == NULL)
		return -ENOMEM;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	/* not ours: whoever waits for our output to end would wait for ever */
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, host, LAUNCH_HOST);
	posix_spawn_file_actions_adddup2(&files, enclave, LAUNCH_ATTESTOR);
	rc = posix_spawn(ret, s->attestor_program, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

static int begin(struct seq_link *l, const struct seq_link_start *s)
{
	struct wire w = {.op = WIRE_START, .n_numbers = 1, .n_items = 1};
	struct wire answer;
	int rc;

	w.number[0] = s->installation.n > 0;
	w.item[0] = s->installation;
	rc = wire_ask(l->to_attestor, ANSWER_MS, &w, &l->keep, &answer);
	if (rc == 0 && (answer.n_numbers != 2 || answer.n_items != 2 ||
			       answer.number[0] == 0 ||
			       answer.number[0] > INT32_MAX))
		rc = -EBADMSG;
	if (rc != 0)
		return rc;
	l->enclave = (pid_t)answer.number[0];
	l->isolation = (uint32_t)answer.number[1];
	buf_free(&l->root);
	buf_free(&l->root_key);
	rc = buf_copy(answer.item[0], &l->root);
	return rc != 0 ? rc : buf_copy(answer.item[1], &l->root_key);
}

int seq_link_start(struct seq_link *l, const struct seq_link_start *s)
{
	int host = -1, enclave = -1;
	int rc = pair(&l->to_attestor, &host);

	if (rc == 0)
		rc = pair(&l->to_enclave, &enclave);
	if (rc == 0)
		rc = spawn(s, host, enclave, &l->attestor);
	if (host >= 0)
		close(host);
	if (enclave >= 0)
		close(enclave);
	if (rc == 0)
		rc = begin(l, s);
	if (rc != 0)
		seq_link_stop(l);
	return rc;
}

int seq_link_ask(struct seq_link *l, const struct wire *w, struct wire *ret)
{
	int rc;

	if (!seq_link_up(l))
		return -EPIPE;
	*ret = (struct wire){.op = WIRE_OPS};
	rc = wire_ask(l->to_enclave, ANSWER_MS, w, &l->keep, ret);
	/* the caller's own mistakes leave nothing sent and the link whole */
	if (rc == 0 || ret->op == WIRE_NO || rc == -EINVAL ||
		rc == -EMSGSIZE || rc == -ENOMEM)
		return rc;
	seq_link_stop(l);
	return -EPIPE;
}

/* An attestor ends when our socket does; one that hangs is killed. */
static void reap(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0 || poll(&p, 1, STOP_MS) != 1)
		kill(pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void seq_link_stop(struct seq_link *l)
{
	if (l->to_attestor >= 0)
		close(l->to_attestor);
	if (l->to_enclave >= 0)
		close(l->to_enclave);
	if (l->attestor > 0)
		reap(l->attestor);
	l->to_attestor = l->to_enclave = -1;
	l->attestor = l->enclave = 0;
}

void seq_link_done(struct seq_link *l)
{
	seq_link_stop(l);
	buf_free(&l->keep);
	buf_free(&l->root);
	buf_free(&l->root_key);
}

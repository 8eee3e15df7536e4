#include "enclave/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/sandbox.h"

#define EXIT_LAUNCH 71 /* EX_OSERR */
#define HIGH 16		/* where descriptors cannot be in one another's way */

/* The image's descriptor closes itself when it is executed. */
static bool place(int host, int attestor, const struct image *i,
	struct image *ret)
{
	*ret = *i;
	host = fcntl(host, F_DUPFD_CLOEXEC, HIGH);
	attestor = fcntl(attestor, F_DUPFD_CLOEXEC, HIGH);
	ret->fd = fcntl(i->fd, F_DUPFD_CLOEXEC, HIGH);
	return host >= 0 && attestor >= 0 && ret->fd >= 0 &&
	       dup2(host, LAUNCH_HOST) == LAUNCH_HOST &&
	       dup2(attestor, LAUNCH_ATTESTOR) == LAUNCH_ATTESTOR;
}

_Noreturn static void child(
	const struct image *i, int host, int attestor, uint32_t bits, int report)
{
	static char name[] = "notaryfs-enclave";
	char *argv[] = {name, NULL};
	struct image image;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	bits = sandbox_enclose(bits);
	/* report: how far that went; its end closes with the execution */
	if (write(report, &bits, sizeof(bits)) == (ssize_t)sizeof(bits) &&
		place(host, attestor, i, &image))
		measure_exec(&image, argv);
	_exit(EXIT_LAUNCH);
}

/* The child's report, or that it did not come to one. */
static int read_report(int fd, uint32_t *ret)
{
	ssize_t n;

	do
		n = read(fd, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret) ? 0 : -EIO;
}

int launch(const struct image *i, int host, struct launched *ret)
{
	int link[2], report[2], rc;
	struct launched l = {.fd = -1};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) != 0) {
		rc = -errno;
		close(link[0]);
		close(link[1]);
		return rc;
	}
	l.fd = link[0];
	l.pid = sandbox_clone(&l.isolation);
	if (l.pid == 0)
		child(i, host, link[1], l.isolation, report[1]);
	rc = l.pid < 0 ? -errno : 0;
	close(link[1]);
	close(report[1]);
	if (rc == 0)
		rc = read_report(report[0], &l.isolation);
	close(report[0]);
	if (rc != 0) {
		close(l.fd);
		return rc; /* a child without a report ends by itself */
	}
	if (i->sealed)
		l.isolation |= SANDBOX_MEASURED;
	*ret = l;
	return 0;
}

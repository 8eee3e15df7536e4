#include "enclave/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

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

_Noreturn static void child(const struct image *i, int host, int attestor)
{
	static char name[] = "notaryfs-enclave";
	char *argv[] = {name, NULL};
	struct image image;

	if (place(host, attestor, i, &image))
		measure_exec(&image, argv);
	_exit(EXIT_LAUNCH);
}

int launch(const struct image *i, int host, struct launched *ret)
{
	struct launched l;
	int link[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0)
		return -errno;
	l = (struct launched){.fd = link[0], .pid = fork()};
	if (l.pid == 0)
		child(i, host, link[1]);
	rc = l.pid < 0 ? -errno : 0;
	close(link[1]);
	if (rc != 0) {
		close(l.fd);
		return rc;
	}
	*ret = l;
	return 0;
}

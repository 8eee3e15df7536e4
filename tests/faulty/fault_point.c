/*
 * fault_point: dies, or writes down that it was there, as NOTARYFS_FAULT says:
 *
 *	NAME:N:FILE	at the N-th time that it comes by NAME the process
 *			makes FILE and gets SIGKILL
 *	=NAME:FILE	whoever comes by NAME makes FILE.here and stays there, as
 *			long as FILE is there
 *	?FILE		a line with the name into FILE, each time
 *
 * A program that is started with an environment of its own (the attestor) looks
 * for the variable in that of its parent.
 */
#include "core/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "NOTARYFS_FAULT="

static char name[64], mark[4096];
static atomic_long left;	/* times before it dies; 0: never */
static bool stays;
static int trace = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *find(const char *at, const char *end)
{
	for (; at < end; at += strlen(at) + 1)
		if (strncmp(at, VARIABLE, sizeof VARIABLE - 1) == 0)
			return at + sizeof VARIABLE - 1;
	return NULL;
}

static const char *of_parent(void)
{
	static char text[65536];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	return n <= 0 ? NULL : find(text, text + n);
}

static void set_up(void)
{
	const char *plan = getenv("NOTARYFS_FAULT"), *colon;

	if (plan == NULL)
		plan = of_parent();
	if (plan == NULL)
		return;
	if (*plan == '?') {
		trace = open(plan + 1, O_WRONLY | O_APPEND | O_CREAT |
			O_CLOEXEC, 0600);
		return;
	}
	stays = *plan == '=';
	plan += stays;
	colon = strchr(plan, ':');
	if (colon == NULL || (size_t)(colon - plan) >= sizeof name)
		abort();
	memcpy(name, plan, (size_t)(colon - plan));
	if (!stays) {
		atomic_store(&left, strtol(colon + 1, NULL, 10));
		colon = strchr(colon + 1, ':');
	}
	if (colon == NULL || strlen(colon + 1) >= sizeof mark)
		abort();
	strcpy(mark, colon + 1);
}

static void make(const char *file)
{
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void stay(void)
{
	char here[sizeof mark + 8];

	snprintf(here, sizeof here, "%s.here", mark);
	if (access(mark, F_OK) == 0)
		make(here);
	while (access(mark, F_OK) == 0)
		usleep(10000);
}

void fault_point(const char *here)
{
	char line[80];
	int n, keep = errno;

	pthread_once(&once, set_up);
	if (trace >= 0) {
		n = snprintf(line, sizeof line, "%s\n", here);
		if (write(trace, line, (size_t)n) != n)
			abort();
	}
	if (stays && strcmp(here, name) == 0)
		stay();
	else if (strcmp(here, name) == 0 && atomic_fetch_sub(&left, 1) == 1) {
		make(mark);
		kill(getpid(), SIGKILL);
		for (;;)
			pause();
	}
	errno = keep;
}

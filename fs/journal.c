#include "fs/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/verify.h"
#include "fs/file.h"

#define LINE_MAX_BYTES 2048

struct journal {
	int fd;
	struct clock *clock;
	atomic_bool echo;
};

int journal_open(const char *file, struct clock *clock, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof *j);
	if (j == NULL)
		return -ENOMEM;
	j->clock = clock;
	j->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0) {
		int err = -errno;
		free(j);
		return err;
	}
	*ret = j;
	return 0;
}

void journal_echo(struct journal *j, bool on)
{
	atomic_store(&j->echo, on);
}

__attribute__((format(printf, 3, 0)))
static void say(struct journal *j, bool echo, const char *fmt, va_list ap)
{
	char time[32], text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 40];
	vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = '?'; /* one event, one line */
	report_time(j->clock->ops->now_ms(j->clock), time);
	int n = snprintf(line, sizeof line, "%s %s\n", time, text);
	/* one write, so that lines of two threads do not mix */
	(void)file_write_all(j->fd, BYTES(line, (size_t)n));
	if (echo)
		fprintf(stderr, "notaryfs: %s\n", text);
}

void journal_say(struct journal *j, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(j, atomic_load(&j->echo), fmt, ap);
	va_end(ap);
}

void journal_warn(struct journal *j, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(j, true, fmt, ap);
	va_end(ap);
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	close(j->fd);
	free(j);
}

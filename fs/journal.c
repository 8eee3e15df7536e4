#include "fs/journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/report.h"
#include "fs/file.h"
#include "fs/text.h"

#define VALUE_MAX 2048	/* characters of a value; then "..." */

/* Priorities of syslog(3), as the system's journal takes them from "<4>". */
enum level { ERROR = 3, WARN = 4, INFO = 6 };

static const struct {
	const char *name;
	enum level level;
	const char *key;
} events[JOURNAL_EVENTS] = {
	[JOURNAL_MOUNTED] = {"mounted", INFO, "dir"},
	[JOURNAL_UNMOUNTED] = {"unmounted", INFO, "dir"},
	[JOURNAL_ENDED] = {"ended", ERROR, "dir"},
	[JOURNAL_SIGNAL] = {"signal", INFO, "signal"},
	[JOURNAL_CONFIG_READ] = {"config-read", INFO, "file"},
	[JOURNAL_CONFIG_REFUSED] = {"config-refused", WARN, "file"},
	[JOURNAL_STATUS] = {"status", INFO, NULL},
	[JOURNAL_SERVICE_FAILED] = {"service-failed", WARN, "service"},
	[JOURNAL_SERVICE_WORKS] = {"service-works", INFO, "service"},
	[JOURNAL_BUCKET_FAILED] = {"bucket-failed", WARN, "bucket"},
	[JOURNAL_BUCKET_WORKS] = {"bucket-works", INFO, "bucket"},
	[JOURNAL_CLOCK_BEHIND] = {"clock-behind", WARN, "vault"},
	[JOURNAL_VAULT_COPIED] = {"vault-copied", WARN, "vault"},
	[JOURNAL_RECOVERING] = {"recovering", WARN, "vault"},
	[JOURNAL_HANDOVER_FAILED] = {"handover-failed", WARN, "vault"},
	[JOURNAL_SEQUENCER] = {"sequencer", INFO, "vault"},
	[JOURNAL_FILE] = {"file", WARN, "path"},
	[JOURNAL_METRICS_FAILED] = {"metrics-failed", WARN, "file"},
	[JOURNAL_ERASING_FAILED] = {"erasing-failed", WARN, "vault"},
	[JOURNAL_NO_ROOM] = {"no-room", WARN, "vault"},
	[JOURNAL_ROOM] = {"room", INFO, "vault"},
};

struct journal {
	int fd;
	char *file;
	struct clock *clock;
	atomic_bool echo;
	bool system;	/* stderr is the system's journal */
};

static int open_file(const char *file)
{
	int fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* A crash may have torn the last line: ours begins a new one. */
	char last = '\n';
	off_t end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n')
		(void)file_write_all(fd, BYTES("\n", 1));
	return fd;
}

/* systemd.exec(5): JOURNAL_STREAM names the stream's device and inode. */
static bool is_system(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char is[64];
	struct stat st;
	if (stream == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino);
	return strcmp(stream, is) == 0;
}

int journal_open(const char *file, struct clock *clock, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof *j);
	int err = -ENOMEM;
	if (j == NULL)
		return err;
	j->clock = clock;
	j->fd = -1;
	j->system = is_system(STDERR_FILENO);
	j->file = strdup(file);
	if (j->file != NULL)
		err = j->fd = open_file(file);
	if (err < 0) {
		journal_close(j);
		return err;
	}
	*ret = j;
	return 0;
}

void journal_echo(struct journal *j, bool on)
{
	atomic_store(&j->echo, on);
}

void journal_reopen(struct journal *j)
{
	int fd = open_file(j->file);
	if (fd < 0)
		return;
	dup3(fd, j->fd, O_CLOEXEC); /* for all threads at once */
	close(fd);
}

static bool plain(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_./:@%+-", *p))
			return false;
	return *value != '\0';
}

/* " key=value" at the end of b. */
static int add(struct buf *b, const char *key, const char *value)
{
	size_t n = strlen(value);
	if (plain(value) && n <= VALUE_MAX)
		return text_add(b, " %s=%s", key, value);
	int err = text_add(b, " %s=\"", key);
	for (size_t i = 0; i < n && i < VALUE_MAX && err == 0; i++) {
		char c = (unsigned char)value[i] < 0x20 || value[i] == 0x7f
			? '?' : value[i];
		if (c == '"' || c == '\\')
			err = buf_add(b, "\\", 1);
		if (err == 0)
			err = buf_add(b, &c, 1);
	}
	return err != 0 ? err
		: text_add(b, "%s\"", n > VALUE_MAX ? "..." : "");
}

/* The line from its level on, and a newline. */
static int compose(struct buf *b, enum journal_event e, const char *about,
	const char *msg)
{
	static const char *const level[] = {
		[ERROR] = "error", [WARN] = "warn", [INFO] = "info",
	};
	int err = text_add(b, "level=%s event=%s", level[events[e].level],
		events[e].name);
	if (err == 0 && events[e].key == NULL)
		err = text_add(b, " %s", about);
	else if (err == 0)
		err = add(b, events[e].key, about);
	if (err == 0 && msg != NULL)
		err = add(b, "msg", msg);
	return err == 0 ? text_add(b, "\n") : err;
}

static void put(struct journal *j, enum journal_event e, const char *about,
	const char *msg)
{
	cleanup(buf) struct buf rest = {0}, line = {0};
	char time[32];
	report_time(j->clock->ops->now_ms(j->clock), time);
	if (compose(&rest, e, about, msg) != 0 ||
	    text_add(&line, "time=%s %.*s", time, (int)rest.n,
		(const char *)rest.p) != 0)
		return;
	/* one write, so that lines of two threads do not mix */
	(void)file_write_all(j->fd, BUF_BYTES(&line));
	if (!atomic_load(&j->echo))
		return;
	if (j->system)
		fprintf(stderr, "<%d>", events[e].level);
	fprintf(stderr, "%.*s", (int)rest.n, (const char *)rest.p);
}

void journal_say(struct journal *j, enum journal_event e, const char *about,
	const char *fmt, ...)
{
	char msg[VALUE_MAX + 2]; /* one more than is told, so that it shows */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	put(j, e, about, msg);
}

void journal_warn(struct journal *j, enum journal_event e, const char *about,
	const char *fmt, ...)
{
	char msg[VALUE_MAX + 2];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	put(j, e, about, msg);
	if (!atomic_load(&j->echo))
		fprintf(stderr, "notaryfs: %s\n", msg);
}

void journal_numbers(struct journal *j, enum journal_event e,
	const char *fields)
{
	put(j, e, fields, NULL);
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->file);
	free(j);
}

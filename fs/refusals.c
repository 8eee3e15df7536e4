#include "fs/refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/report.h"
#include "fs/file.h"
#include "fs/text.h"

#define COMMAND 16		/* bytes of a process's name, with its NUL */

struct refusals {
	struct clock *clock;
	char *file, *before;	/* the names of the two files */
	pthread_mutex_t lock;
	int fd;
	uint64_t size;
	uint64_t tokens;	/* thousandths of a line */
	uint64_t last_ms;	/* monotonic; when tokens were added */
	uint64_t suppressed;
};

static int open_file(struct refusals *r)
{
	struct stat st;
	r->fd = open(r->file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC |
		O_NOFOLLOW, 0600);
	if (r->fd < 0 || fstat(r->fd, &st) != 0)
		return -errno;
	r->size = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

/* A line that a crash cut short is ended. */
static int end_line(struct refusals *r)
{
	char last = '\n';
	if (r->size > 0 && pread(r->fd, &last, 1, (off_t)r->size - 1) != 1)
		return -errno;
	if (last == '\n')
		return 0;
	r->size++;
	return file_write_all(r->fd, BYTES("\n", 1));
}

int refusals_open(const char *file, struct clock *clock,
	struct refusals **ret)
{
	struct refusals *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	*r = (struct refusals){.clock = clock, .fd = -1,
		.tokens = REFUSALS_BURST * 1000};
	pthread_mutex_init(&r->lock, NULL);
	r->last_ms = clock->ops->mono_ms(clock);
	r->file = strdup(file);
	r->before = text_of("%s.1", file);
	int rc = r->file == NULL || r->before == NULL ? -ENOMEM : open_file(r);
	if (rc == 0)
		(void)end_line(r); /* a full disk is no reason not to mount */
	if (rc != 0) {
		refusals_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void refusals_close(struct refusals *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r->file);
	free(r->before);
	free(r);
}

/* -- how many -- */

bool refusals_due(struct refusals *r)
{
	uint64_t now = r->clock->ops->mono_ms(r->clock);
	locked(&r->lock);
	r->tokens += (now - r->last_ms) * REFUSALS_RATE;
	if (r->tokens > REFUSALS_BURST * 1000)
		r->tokens = REFUSALS_BURST * 1000;
	r->last_ms = now;
	if (r->tokens < 1000) {
		r->suppressed++;
		return false;
	}
	r->tokens -= 1000;
	return true;
}

/* -- lines -- */

static void command_of(int pid, char ret[COMMAND])
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, COMMAND - 1);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

static void add_time(struct json *j, const char *name, uint64_t ms)
{
	char text[32];
	report_time(ms, text);
	json_text(j, name, ms != 0 ? text : NULL);
}

static int make_line(struct refusals *r, const struct refusal *w,
	struct buf *ret)
{
	struct json j = {0};
	char command[COMMAND] = "";
	if (w->pid > 0)
		command_of(w->pid, command);
	json_object(&j, NULL);
	add_time(&j, "time", r->clock->ops->now_ms(r->clock));
	add_time(&j, "chain", w->chain_ms);
	json_text(&j, "op", w->op);
	json_text_n(&j, "path", BYTES(w->path, strlen(w->path)));
	json_uint(&j, "uid", w->uid);
	json_uint(&j, "pid", w->pid > 0 ? (uint64_t)w->pid : 0);
	json_text(&j, "command", *command != '\0' ? command : NULL);
	json_text(&j, "error", strerrorname_np(-w->error));
	json_close_object(&j);
	int rc = json_end(&j, ret);
	return rc == 0 ? buf_add(ret, "\n", 1) : rc;
}

static int suppressed_line(uint64_t n, struct buf *ret)
{
	return n == 0 ? 0 : text_add(ret, "{\"suppressed\": %" PRIu64 "}\n", n);
}

/* -- the files -- */

static int rotate(struct refusals *r)
{
	if (rename(r->file, r->before) != 0)
		return -errno;
	close(r->fd);
	return open_file(r);
}

static int put(struct refusals *r, struct bytes lines)
{
	int rc = 0;
	if (r->size + lines.n > REFUSALS_BYTES)
		rc = rotate(r);
	if (rc == 0)
		rc = r->fd < 0 ? -EBADF : file_write_all(r->fd, lines);
	if (rc == 0)
		r->size += lines.n;
	return rc;
}

void refusals_add(struct refusals *r, const struct refusal *what)
{
	cleanup(buf) struct buf line = {0}, lines = {0};
	int rc = make_line(r, what, &line);
	locked(&r->lock);
	if (rc == 0)
		rc = suppressed_line(r->suppressed, &lines);
	if (rc == 0)
		rc = buf_add(&lines, line.p, line.n);
	if (rc == 0)
		rc = put(r, BUF_BYTES(&lines));
	r->suppressed = rc == 0 ? 0 : r->suppressed + 1;
}

static int read_one(const char *file, struct buf *ret)
{
	cleanup(buf) struct buf one = {0};
	int rc = file_read(file, 2 * REFUSALS_BYTES, &one);
	if (rc == -ENOENT)
		return 0;
	return rc != 0 ? rc : buf_add(ret, one.p, one.n);
}

int refusals_read(struct refusals *r, struct buf *ret)
{
	locked(&r->lock);
	int rc = read_one(r->before, ret);
	if (rc == 0)
		rc = read_one(r->file, ret);
	return rc == 0 ? suppressed_line(r->suppressed, ret) : rc;
}

/* journal: lines that programs can read, whatever a name or message holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/file.h"
#include "fs/journal.h"
#include "tests/tap/tap.h"

static uint64_t now_ms(struct clock *c)
{
	(void)c;
	return 1000;
}

static const struct clock_ops ops = {.now_ms = now_ms, .mono_ms = now_ms};
#define TIME "time=1970-01-01T00:00:01.000Z "

static void holds(const char *file, const char *want, const char *what)
{
	cleanup(buf) struct buf b = {0};
	is_int(file_read(file, 1 << 16, &b), 0, "%s: it can be read", what);
	is_bytes(BUF_BYTES(&b), BYTES(want, strlen(want)), "%s", what);
	if (truncate(file, 0) != 0)
		bail("truncate");
}

static void lines(const char *file, struct journal *j)
{
	journal_say(j, JOURNAL_MOUNTED, "/mnt/a_b-1", "fine");
	holds(file, TIME "level=info event=mounted dir=/mnt/a_b-1 msg=fine\n",
		"what is plain stands bare");
	journal_say(j, JOURNAL_FILE, "a b\"c\\d\n=e", "%s: %d", "x y", 5);
	holds(file, TIME "level=warn event=file path=\"a b\\\"c\\\\d?=e\" "
		"msg=\"x y: 5\"\n", "what is not stands in quotes, escaped");
	journal_say(j, JOURNAL_ENDED, "", "%s", "");
	holds(file, TIME "level=error event=ended dir=\"\" msg=\"\"\n",
		"nothing is told as nothing");
	journal_numbers(j, JOURNAL_STATUS, "a=1 b=2");
	holds(file, TIME "level=info event=status a=1 b=2\n", "numbers");
}

static void long_ones(const char *file, struct journal *j)
{
	static char name[6000];
	cleanup(buf) struct buf b = {0};
	memset(name, '"', sizeof name - 1);
	journal_say(j, JOURNAL_FILE, name, "%s", name);
	is_int(file_read(file, 1 << 16, &b), 0, "a long line");
	ok(b.n < 9000, "is cut");
	const char end[] = "\\\"...\"\n";
	ok(b.n > sizeof end && memcmp(b.p + b.n - sizeof end + 1, end,
		sizeof end - 1) == 0, "and still whole");
	if (truncate(file, 0) != 0)
		bail("truncate");
}

int main(void)
{
	char file[] = "/tmp/t_journal.XXXXXX";
	cleanup(close) int fd = mkstemp(file);
	struct clock c = {.ops = &ops};
	struct journal *j;
	plan(0);
	if (fd < 0 || journal_open(file, &c, &j) != 0)
		bail("journal_open");
	lines(file, j);
	long_ones(file, j);
	journal_close(j);
	unlink(file);
	return done();
}

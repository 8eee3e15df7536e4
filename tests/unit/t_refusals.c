/* refusals: bounded in lines and bytes, and kept over a restart. */
#include "fs/refusals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/file.h"
#include "tests/tap/tap.h"

static uint64_t ms = 5000;

static uint64_t now(struct clock *c)
{
	(void)c;
	return ms;
}

static const struct clock_ops ops = {now, now};
static struct clock test_clock = {&ops};
static char dir[] = "/tmp/t_refusals.XXXXXX", file[64], before[64];

static struct refusals *reopen(struct refusals *r)
{
	refusals_close(r);
	if (refusals_open(file, &test_clock, &r) != 0)
		bail("cannot open %s", file);
	return r;
}

static size_t lines(struct refusals *r, const char *with)
{
	struct buf all = {0};
	size_t n = 0;
	char *at;

	if (refusals_read(r, &all) != 0 || buf_add(&all, "", 1) != 0)
		bail("cannot read");
	for (at = (char *)all.p; (at = strstr(at, with)) != NULL; at++)
		n++;
	buf_free(&all);
	return n;
}

static size_t try(struct refusals *r, size_t n, const char *path)
{
	struct refusal w = {.op = "unlink", .path = path, .uid = 7,
		.pid = getpid(), .error = -EPERM, .chain_ms = 1000};
	size_t i, due = 0;

	for (i = 0; i < n; i++)
		if (refusals_due(r)) {
			refusals_add(r, &w);
			due++;
		}
	return due;
}

static void rate(struct refusals *r)
{
	is_int((int)try(r, 1000, "a/b\xff"), REFUSALS_BURST,
		"of many at once as many as a burst are written");
	is_int((int)lines(r, "\"op\":\"unlink\""), REFUSALS_BURST,
		"each a line");
	is_int((int)lines(r, "\"command\":\"t_refusals\""), REFUSALS_BURST,
		"with the name of who tried");
	is_int((int)lines(r, "\"chain\":\"1970-01-01T00:00:01.000Z\""),
		REFUSALS_BURST, "and the chain's clock");
	is_int((int)lines(r, "{\"suppressed\": 900}"), 1,
		"the others are counted");
	ms += 1000;
	is_int((int)try(r, 1000, "c"), REFUSALS_RATE,
		"a second later there is room for some");
	is_int((int)lines(r, "{\"suppressed\": 900}\n{\"time\""), 1,
		"after those that were left out");
	ms += 1000000;
	is_int((int)try(r, 1000, "d"), REFUSALS_BURST,
		"and for a burst when it was quiet");
}

static void restart(struct refusals **r)
{
	size_t n = lines(*r, "\"op\"");
	FILE *f;

	*r = reopen(*r);
	is_int((int)lines(*r, "\"op\""), (int)n, "a restart keeps all");
	f = fopen(file, "a");
	if (f == NULL)
		bail("cannot append");
	fputs("{\"time", f);
	fclose(f);
	*r = reopen(*r);
	try(*r, 1, "e");
	is_int((int)lines(*r, "{\"time\n{\"time\":"), 1,
		"a line that was cut short stays alone");
}

static void bounds(struct refusals *r)
{
	static char path[3000];
	struct stat st = {0};
	size_t i, largest = 0;

	memset(path, 'x', sizeof path - 1);
	for (i = 0; i < 20; i++) {
		ms += 1000000;
		try(r, 100, path);
		if (stat(file, &st) == 0 && (size_t)st.st_size > largest)
			largest = (size_t)st.st_size;
	}
	ok(largest <= REFUSALS_BYTES, "a file has its limit");
	ok(stat(before, &st) == 0 && st.st_size <= REFUSALS_BYTES,
		"there is one before it");
	ok(lines(r, "\"op\"") < 2 * REFUSALS_BYTES / 3000,
		"and older ones are forgotten");
	is_int((int)(st.st_mode & 0777), 0600, "nobody else reads them");
}

int main(void)
{
	struct refusals *r = NULL;

	if (mkdtemp(dir) == NULL)
		bail("no folder");
	snprintf(file, sizeof file, "%s/log", dir);
	snprintf(before, sizeof before, "%s/log.1", dir);
	plan(0);
	r = reopen(NULL);
	is_int((int)lines(r, "\n"), 0, "empty at first");
	rate(r);
	restart(&r);
	bounds(r);
	refusals_close(r);
	unlink(file);
	unlink(before);
	rmdir(dir);
	return done();
}

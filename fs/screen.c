#include "fs/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/report.h"
#include "fs/glance.h"
#include "fs/status.h"
#include "fs/text.h"

#define COLUMNS_MAX 512

static void size(unsigned *rows, unsigned *columns)
{
	struct winsize w;
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 &&
		w.ws_row > 2 && w.ws_col > 10;
	*rows = known ? w.ws_row : 24;
	*columns = known ? w.ws_col : 80;
	if (*columns > COLUMNS_MAX)
		*columns = COLUMNS_MAX;
}

/* Names of buckets and errors may hold anything. */
static int add_line(struct buf *b, const char *line, size_t n, unsigned columns)
{
	int err = text_add_path(b, BYTES(line, n < columns ? n : columns));
	return err == 0 ? text_add(b, "\033[K\n") : err;
}

/* Text in lines of at most that many columns, broken at blanks. */
static int add_folded(struct buf *b, const char *text, unsigned columns,
	unsigned *rows)
{
	int err = 0;
	while (*text != '\0' && err == 0 && *rows > 0) {
		size_t n = strlen(text), cut = n;
		if (n > columns)
			for (cut = columns; cut > 0 && text[cut] != ' '; cut--)
				;
		if (cut == 0)
			cut = columns;
		err = add_line(b, text, cut, columns);
		text += cut;
		text += strspn(text, " ");
		--*rows;
	}
	return err;
}

/* The lines of a status, as far as there are rows. */
static int add_status(struct buf *b, struct buf *text, unsigned columns,
	unsigned rows)
{
	int err = buf_add(text, "", 1);
	char *rest = NULL;
	if (err != 0)
		return err;
	for (char *line = strtok_r((char *)text->p, "\n", &rest);
	     line != NULL && err == 0 && rows > 0;
	     line = strtok_r(NULL, "\n", &rest), rows--)
		err = add_line(b, line, strlen(line), columns);
	return err;
}

static int compose(const struct status *s, uint64_t now_ms, struct buf *b)
{
	/* black on green, on yellow; white on red */
	static const char *const bar[] = {
		[GLANCE_OK] = "\033[30;42m   OK    ",
		[GLANCE_WORKING] = "\033[30;43m WORKING ",
		[GLANCE_LOOK] = "\033[97;41m  LOOK   ",
	};
	cleanup(buf) struct buf text = {0};
	struct glance g;
	char time[32];
	unsigned rows, columns;
	size(&rows, &columns);
	rows -= 2; /* the bar, and the row of the cursor below all */
	glance(s, &g);
	report_time(now_ms, time);
	int err = text_add(b, "\033[H%s\033[0m %.*s\033[K\n", bar[g.how],
		(int)columns - 10, time);
	if (err == 0)
		err = add_folded(b, g.text, columns, &rows);
	if (err == 0)
		err = add_folded(b, g.advice, columns, &rows);
	if (err == 0 && rows > 0) {
		err = add_line(b, "", 0, columns);
		rows--;
	}
	if (err == 0)
		err = status_text(s, now_ms, &text);
	if (err == 0)
		err = add_status(b, &text, columns, rows);
	return err == 0 ? text_add(b, "\033[J") : err;
}

int screen_draw(const struct status *s, uint64_t now_ms)
{
	cleanup(buf) struct buf b = {0};
	int err = compose(s, now_ms, &b);
	if (err != 0)
		return err;
	fwrite(b.p, 1, b.n, stdout);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

int screen_line(const struct status *s, uint64_t now_ms)
{
	static struct glance last = {.how = GLANCE_LOOK};
	struct glance g;
	char time[32];
	glance(s, &g);
	if (g.how == last.how && strcmp(g.text, last.text) == 0)
		return 0;
	last = g;
	report_time(now_ms, time);
	cleanup(buf) struct buf b = {0};
	int err = text_add(&b, "%s%s%s", g.text, g.advice[0] ? "; " : "",
		g.advice);
	cleanup(buf) struct buf clean = {0};
	if (err == 0)
		err = text_add_path(&clean, BUF_BYTES(&b));
	if (err != 0)
		return err;
	printf("%s %s %.*s\n", time, glance_word(g.how), (int)clean.n,
		(const char *)clean.p);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

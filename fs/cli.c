#include "fs/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/text.h"
#include "fs/nearest.h"
#include "fs/unmount.h"

static bool progress_shown;

/* One line of text that may have names in it. */
__attribute__((format(printf, 1, 0)))
static int clean_line(const char *fmt, va_list ap, struct buf *ret)
{
	cleanup(free) char *line = NULL;
	struct text t = {0};
	if (vasprintf(&line, fmt, ap) < 0) {
		line = NULL; /* undefined by now */
		return -ENOMEM;
	}
	text_name(&t, BYTES(line, strlen(line)));
	return text_end(&t, ret);
}

/* "notaryfs NAME: ..." without the newline. */
__attribute__((format(printf, 2, 0)))
static void put(const struct cli *c, const char *fmt, va_list ap)
{
	cleanup(buf) struct buf clean = {0};
	if (clean_line(fmt, ap, &clean) == 0)
		fprintf(stderr, "notaryfs %s: %.*s", c->name, (int)clean.n,
			(const char *)clean.p);
}

/* What getopt_long() refused: arg, or the letter optopt in a bundle. */
static int unknown(const struct cli *c, const char *arg,
	const struct option *names)
{
	char word[64];
	const char *meant = NULL;
	unsigned best = NEAREST_NONE;
	size_t n = strcspn(arg, "=");
	if (strncmp(arg, "--", 2) != 0)
		return cli_usage(c, "no such option: -%c", optopt);
	if (optopt != 0)
		return cli_usage(c, "%.*s takes no value", (int)n, arg);
	snprintf(word, sizeof word, "%.*s", (int)n - 2, arg + 2);
	for (; names->name != NULL; names++)
		if (nearest_is(word, names->name, &best))
			meant = names->name;
	return meant == NULL ? cli_usage(c, "no such option: %.*s", (int)n, arg)
		: cli_usage(c, "no such option: %.*s; did you mean --%s?",
			(int)n, arg, meant);
}

int cli_option(struct cli *c, int argc, char **argv, const char *letters,
	const struct option *names)
{
	opterr = 0;
	int o = getopt_long(argc, argv, letters, names, NULL);
	if (o == 'h') {
		fputs(c->help, stdout);
		c->exit = fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
		return '?';
	}
	if (o == ':')
		c->exit = cli_usage(c, "%s needs a value", argv[optind - 1]);
	else if (o == '?')
		c->exit = unknown(c, argv[optind - 1], names);
	return o == ':' ? '?' : o;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(c, fmt, ap);
	va_end(ap);
	const char *nl = strchr(c->help, '\n');
	fprintf(stderr, "\n%.*s\n", (int)(nl - c->help), c->help);
	return CLI_USAGE;
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	cli_progress_end();
	va_start(ap, fmt);
	put(c, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_print(const char *fmt, ...)
{
	cleanup(buf) struct buf clean = {0};
	va_list ap;
	va_start(ap, fmt);
	int err = clean_line(fmt, ap, &clean);
	va_end(ap);
	if (err == 0)
		printf("%.*s\n", (int)clean.n, (const char *)clean.p);
}

void cli_say_lines(const struct cli *c, char *text)
{
	if (text == NULL)
		cli_say(c, "out of memory");
	for (char *at = text, *next; at != NULL; at = next) {
		next = strchr(at, '\n');
		if (next != NULL)
			*next++ = '\0';
		cli_say(c, "%s", at);
	}
	free(text);
}

const char *cli_why(int error)
{
	return mount_gone(error)
		? "the daemon of this mount is gone; notaryfs mount VAULT DIR "
		"goes on where it was" : strerror(error);
}

void cli_progress(const char *fmt, ...)
{
	static uint64_t last_ms;
	struct timespec now;
	if (!isatty(fileno(stderr)))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 +
		(uint64_t)now.tv_nsec / 1000000;
	if (progress_shown && ms - last_ms < 100)
		return;
	last_ms = ms;
	progress_shown = true;
	va_list ap;
	va_start(ap, fmt);
	fputs("\r\033[K", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

void cli_progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

void cli_bytes(uint64_t n, char ret[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t u = 0;
	uint64_t tenths = n;
	if (n < 1000) {
		snprintf(ret, 32, "%" PRIu64 " B", n);
		return;
	}
	for (tenths = n / 100, u = 1; tenths >= 10000 && u < 5; u++)
		tenths /= 1000;
	snprintf(ret, 32, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
		tenths % 10, units[u]);
}

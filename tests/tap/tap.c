#include "tests/tap/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int planned, ran, failed;

void plan(int n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	planned = n;
	if (n > 0)
		printf("1..%d\n", n);
}

int done(void)
{
	if (planned == 0)
		printf("1..%d\n", ran);
	else if (planned != ran)
		printf("# planned %d tests, ran %d\n", planned, ran);
	if (failed > 0)
		printf("# %d of %d failed\n", failed, ran);
	fflush(stdout);
	return failed > 0 || ran == 0 || (planned > 0 && planned != ran);
}

void skip_all(const char *why, ...)
{
	va_list ap;

	printf("1..0 # SKIP ");
	va_start(ap, why);
	vprintf(why, ap);
	va_end(ap);
	printf("\n");
	exit(0);
}

void skip(int n, const char *why, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	for (; n > 0; n--)
		printf("ok %d # SKIP %s\n", ++ran, text);
}

void bail(const char *why, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, why);
	vprintf(why, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	exit(255);
}

void diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static bool report(bool cond, const char *file, int line, const char *fmt,
	va_list ap) __attribute__((format(printf, 4, 0)));
static bool report(bool cond, const char *file, int line, const char *fmt,
	va_list ap)
{
	printf("%sok %d - ", cond ? "" : "not ", ++ran);
	vprintf(fmt, ap);
	printf("\n");
	if (!cond) {
		failed++;
		printf("#   at %s:%d\n", file, line);
	}
	return cond;
}

#define REPORT(cond)                                                           \
	do {                                                                   \
		va_list ap;                                                    \
		va_start(ap, fmt);                                             \
		report((cond), file, line, fmt, ap);                           \
		va_end(ap);                                                    \
	} while (0)

bool tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	REPORT(cond);
	return cond;
}

bool tap_is_int(long long got, long long want, const char *file, int line,
	const char *fmt, ...)
{
	REPORT(got == want);
	if (got != want)
		printf("#   got %lld, want %lld\n", got, want);
	return got == want;
}

bool tap_is_str(const char *got, const char *want, const char *file, int line,
	const char *fmt, ...)
{
	bool same = got != NULL && want != NULL && strcmp(got, want) == 0;

	REPORT(same);
	if (!same)
		printf("#   got  \"%s\"\n#   want \"%s\"\n",
			got ? got : "(null)", want ? want : "(null)");
	return same;
}

static void show(const char *what, struct bytes v)
{
	size_t i;

	printf("#   %s %zu bytes ", what, v.n);
	for (i = 0; i < v.n && i < 64; i++)
		printf("%02x", v.p[i]);
	printf("%s\n", v.n > 64 ? "..." : "");
}

bool tap_is_bytes(struct bytes got, struct bytes want, const char *file,
	int line, const char *fmt, ...)
{
	bool same = bytes_equal(got, want);

	REPORT(same);
	if (!same) {
		show("got ", got);
		show("want", want);
	}
	return same;
}

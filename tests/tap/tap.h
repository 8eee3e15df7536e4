/*
 * tap: what our C tests say, in the Test Anything Protocol, read by prove.
 *
 *	int main(void) { plan(2); ok(...); is_int(...); return done(); }
 *
 * plan(0) when the number is not known before: done() prints it then.
 * skip_all() ends a program whose tests cannot run here, and says why.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>

#include "core/bytes.h"

void plan(int n);
/* Exit code for main: 0 only if all passed and as many ran as planned. */
int done(void);
_Noreturn void skip_all(const char *why, ...)
	__attribute__((format(printf, 1, 2)));
void skip(int n, const char *why, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void bail(const char *why, ...) __attribute__((format(printf, 1, 2)));
void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                 \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__,    \
		__VA_ARGS__)
#define is_str(got, want, ...)                                                 \
	tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_bytes(got, want, ...)                                               \
	tap_is_bytes((got), (want), __FILE__, __LINE__, __VA_ARGS__)

bool tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool tap_is_int(long long got, long long want, const char *file, int line,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool tap_is_str(const char *got, const char *want, const char *file, int line,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool tap_is_bytes(struct bytes got, struct bytes want, const char *file,
	int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif

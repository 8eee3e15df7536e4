#include "tests/lib/allocfail.h"

#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES 128
#define PLACES (1 << 16)	/* a power of two */

static atomic_ulong asked;
static unsigned long fails_at;
static bool fails, on;
static atomic_bool have_failed;
static __thread unsigned paused; /* how often */

void allocfail_arm(unsigned long n, bool all)
{
	asked = 0;
	fails_at = n;
	fails = all;
	have_failed = false;
	on = true;
}

bool allocfail_disarm(void)
{
	on = false;
	return have_failed;
}

void allocfail_pause(bool pause)
{
	paused = pause ? paused + 1 : paused - 1;
}

unsigned long allocfail_asked(void)
{
	return asked;
}

/* -- $ALLOCFAIL_TRACE: who was waiting for what failed, as addresses in the
 * program, appended to that file at its end (tests/unit/allocations.py) */

extern char __executable_start, etext;

static uint32_t place[PLACES];	/* open addressing; 0: free */

static void remember(uint32_t at)
{
	size_t i = at * 2654435761u >> 16;

	while (place[i & (PLACES - 1)] != 0 && place[i & (PLACES - 1)] != at)
		i++;
	place[i & (PLACES - 1)] = at;
}

static void trace(void)
{
	void *frame[FRAMES];
	int i, n = backtrace(frame, FRAMES);

	for (i = 0; i < n; i++)
		if ((char *)frame[i] > &__executable_start &&
			(char *)frame[i] < &etext)
			remember((uint32_t)((char *)frame[i] -
				&__executable_start));
}

__attribute__((destructor)) static void write_trace(void)
{
	const char *path = getenv("ALLOCFAIL_TRACE");
	FILE *f = path == NULL ? NULL : fopen(path, "a");
	size_t i;

	for (i = 0; f != NULL && i < PLACES; i++)
		if (place[i] != 0)
			fprintf(f, "%x\n", place[i]);
	if (f != NULL)
		fclose(f);
}

static bool refuse(void)
{
	unsigned long nth;

	if (!on || paused > 0)
		return false;
	nth = ++asked;
	if (nth != fails_at)
		return nth > fails_at && fails;
	have_failed = true;
	if (getenv("ALLOCFAIL_TRACE") != NULL) {
		paused++; /* backtrace() takes memory at its first time */
		trace();
		paused--;
	}
	return true;
}

/* Only tests that the link step names have these __real_ functions. */
#define WRAP(ret, name, params, args)                                          \
	ret __real_##name params __attribute__((weak));                        \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		return refuse() ? NULL : __real_##name args;                   \
	}

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(void *, aligned_alloc, (size_t align, size_t n), (align, n))
WRAP(char *, strdup, (const char *text), (text))

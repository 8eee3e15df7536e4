#include "tests/lib/allocfail.h"

#include <stddef.h>

static unsigned long asked, left; /* left 0: it has failed */
static bool fails, on, paused, have_failed;

void allocfail_arm(unsigned long n, bool all)
{
	asked = 0;
	left = n;
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
	paused = pause;
}

unsigned long allocfail_asked(void)
{
	return asked;
}

static bool refuse(void)
{
	if (!on || paused)
		return false;
	asked++;
	if (have_failed)
		return fails;
	have_failed = --left == 0;
	return have_failed;
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

/*
 * clock_offset: the programs of tests/faulty live NOTARYFS_CLOCK seconds later
 * (or earlier) than the machine.
 */
#include <stdlib.h>

#include "backends/clock_system.h"

struct clock *__real_clock_system(void);
struct clock *__wrap_clock_system(void);

static struct clock *inner;

static uint64_t now_ms(struct clock *c)
{
	const char *text = getenv("NOTARYFS_CLOCK");
	int64_t offset = text == NULL ? 0 : strtoll(text, NULL, 10) * 1000;

	(void)c;
	return inner->ops->now_ms(inner) + (uint64_t)offset;
}

static uint64_t mono_ms(struct clock *c)
{
	(void)c;
	return inner->ops->mono_ms(inner);
}

struct clock *__wrap_clock_system(void)
{
	static const struct clock_ops ops = {now_ms, mono_ms};
	static struct clock clock = {&ops};

	inner = __real_clock_system();
	return &clock;
}

/*
 * clock: where time and randomness come in, so that tests have their own.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock;
struct clock_ops {
	/* Wall clock, milliseconds since 1970. */
	uint64_t (*now_ms)(struct clock *c);
	/* Never goes back; milliseconds since some start. */
	uint64_t (*mono_ms)(struct clock *c);
};
struct clock {
	const struct clock_ops *ops;
};

struct entropy;
struct entropy_ops {
	/* Fills p with n unpredictable bytes; does not fail. */
	void (*fill)(struct entropy *e, void *p, size_t n);
};
struct entropy {
	const struct entropy_ops *ops;
};

#endif

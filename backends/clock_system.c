#include "backends/clock_system.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t now_ms(struct clock *c)
{
	(void)c;
	return read_ms(CLOCK_REALTIME);
}

static uint64_t mono_ms(struct clock *c)
{
	(void)c;
	return read_ms(CLOCK_MONOTONIC);
}

static void fill(struct entropy *e, void *p, size_t n)
{
	uint8_t *at = p;
	ssize_t got;

	(void)e;
	while (n > 0) {
		got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* a kernel without randomness: no keys */
		at += got;
		n -= (size_t)got;
	}
}

struct clock *clock_system(void)
{
	static const struct clock_ops ops = {now_ms, mono_ms};
	static struct clock clock = {&ops};

	return &clock;
}

struct entropy *entropy_system(void)
{
	static const struct entropy_ops ops = {fill};
	static struct entropy entropy = {&ops};

	return &entropy;
}

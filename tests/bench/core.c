/*
 * core: the kernels and what proofs cost, each beside a peer in the same run.
 *
 *	core [--json] [--quick]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"
#include "tests/tap/tap.h"

#define ROUNDS_MAX 32

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double bench_cpu(void)
{
	return seconds(CLOCK_THREAD_CPUTIME_ID);
}

double bench_process(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_wall(void)
{
	return seconds(CLOCK_MONOTONIC);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double timed(void (*run)(void *), void *ctx)
{
	double t = bench_cpu();

	run(ctx);
	return bench_cpu() - t;
}

struct bench_pair bench_turns(unsigned rounds, void (*ours)(void *),
	void (*peer)(void *), void *ctx)
{
	double a[ROUNDS_MAX], b[ROUNDS_MAX] = {0};
	unsigned i;

	if (rounds == 0 || rounds > ROUNDS_MAX)
		bail("rounds");
	for (i = 0; i < rounds; i++) {
		a[i] = timed(ours, ctx);
		if (peer != NULL)
			b[i] = timed(peer, ctx);
	}
	qsort(a, rounds, sizeof(a[0]), by_value);
	qsort(b, rounds, sizeof(b[0]), by_value);
	return (struct bench_pair){a[rounds / 2], b[rounds / 2]};
}

void bench_line(const struct bench_out *o, const char *what, double ours,
	double peer, const char *unit)
{
	if (o->json)
		printf("{\"what\": \"%s\", \"ours\": %.3f, \"peer\": %.3f,"
		       " \"ratio\": %.3f, \"unit\": \"%s\"}\n",
			what, ours, peer, ours / peer, unit);
	else
		printf("%-56s %10.1f  peer %10.1f  ratio %7.3f  %s\n", what,
			ours, peer, ours / peer, unit);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench_out o = {0};
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			o.json = true;
		else if (strcmp(argv[i], "--quick") == 0)
			o.quick = true;
		else
			bail("usage: core [--json] [--quick]");
	}
	bench_hash(&o);
	bench_proof(&o);
	return 0;
}

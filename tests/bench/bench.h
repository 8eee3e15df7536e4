/*
 * bench: what the benchmarks of core share: a clock and a line of output.
 *
 * Each figure is a median of rounds in which ours and the peer take turns, in
 * CPU time of the thread: other work on the machine moves it little.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_out {
	bool json, quick;	/* quick: a hundredth of the work, to see that
				   it runs */
};

double bench_cpu(void);		/* seconds of this thread */
double bench_process(void);	/* CPU seconds of all threads */
double bench_wall(void);	/* seconds */

/* Median of one run's seconds over rounds, ours and the peer's by turns;
 * peer may be NULL. */
struct bench_pair {
	double ours, peer;
};
struct bench_pair bench_turns(unsigned rounds, void (*ours)(void *),
	void (*peer)(void *), void *ctx);

/* ours and peer in `unit`; higher is better unless unit is a time. */
void bench_line(const struct bench_out *o, const char *what, double ours,
	double peer, const char *unit);

void bench_hash(const struct bench_out *o);	/* core_hash.c */
void bench_proof(const struct bench_out *o);	/* core_proof.c */

#endif

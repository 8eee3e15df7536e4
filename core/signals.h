/*
 * signals: what threads of ours block.
 */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include <signal.h>

/* All that come from outside, which the program's own threads take.  Those of
 * a thread's own faults must reach it: blocked, they end the process past any
 * handler (signal(7); local_shm.h has one). */
static inline sigset_t signals_from_outside(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	return all;
}

#endif

/*
 * allocfail: memory that ends at the n-th allocation.
 *
 * The link step of a test sends the allocations of all that is linked into it
 * here (tests/CMakeLists.txt), and with them libcrypto's, which core/memory.c
 * asks for.  Of all threads; whoever arms it is the only one that does.
 */
#ifndef TESTS_ALLOCFAIL_H
#define TESTS_ALLOCFAIL_H

#include <stdbool.h>

/* The n-th allocation from now on fails, and if `all` each one behind it. */
void allocfail_arm(unsigned long n, bool all);
/* None fails any more; had the n-th been asked for? */
bool allocfail_disarm(void);
/* Allocations since it was armed. */
unsigned long allocfail_asked(void);
/* Those in between are neither counted nor fail, on this thread.  Pauses may
 * stand in one another. */
void allocfail_pause(bool pause);

#endif

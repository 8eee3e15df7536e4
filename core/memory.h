/*
 * memory: did a judgement end for want of memory?
 *
 * libcrypto does not say: a signature that it had no memory to check looks
 * like one that is wrong, and a certificate that it could not read like one
 * that is none.  So whoever judges with it counts the allocations that failed
 * on this thread, libcrypto's and those of bytes.h, and takes no refusal
 * during which that number grew for an answer:
 *
 *	unsigned before = memory_failures();
 *	... v = refused or not ...
 *	return memory_verdict(v, before);
 *
 * What was accepted stays so: nothing is accepted for want of memory.
 *
 * For this a program that is linked with core gives libcrypto its allocator
 * (malloc and free of the C library) before main().  A program that gives it
 * another one afterwards tells of failures by memory_failed().  Any thread.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include "core/verdict.h"

/* How many allocations have failed on this thread; it may wrap. */
unsigned memory_failures(void);
/* One more. */
void memory_failed(void);
/* rc, or -ENOMEM if it is an error and allocations failed since then. */
int memory_error(int rc, unsigned before);
/* v, or V_NO_MEMORY if it refuses and allocations failed since then. */
enum verdict memory_verdict(enum verdict v, unsigned before);

#endif

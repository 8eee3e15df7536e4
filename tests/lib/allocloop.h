/*
 * allocloop: an operation done again and again, while each of its allocations
 * fails once, alone and with all behind it.
 */
#ifndef TESTS_ALLOCLOOP_H
#define TESTS_ALLOCLOOP_H

/* It returns 0 if it did what it should, else its error, which without memory
 * is -ENOMEM; a wrong answer is -EILSEQ.  It can be done any number of times. */
struct alloc_operation {
	const char *name;
	int (*run)(void);
	int also;	/* what it may say instead, like -EIO where libcrypto
			   could not sign; 0: nothing */
};

/* How many of an operation's allocations fail, spread over all; 0: every one. */
extern unsigned long alloc_trials;

/* Two tests (tap.h). */
void alloc_both(const struct alloc_operation *o);

#endif

/*
 * judged: the parts of one file's certificate, to be changed and judged.
 */
#ifndef TESTS_LIB_JUDGED_H
#define TESTS_LIB_JUDGED_H

#include "core/certificate.h"
#include "core/verify.h"
#include "tests/lib/mkchain.h"

#define FILE_I 3

extern struct mkchain c;	/* each test has a fresh one */
extern struct certificate parts;
extern struct content content;	/* of file FILE_I */

void fresh(uint32_t epoch);
void judged_done(void);
/* What the parts, put together, come to. */
enum verdict judge(void);
void is_verdict(enum verdict got, enum verdict want, const char *why);
/* The block sealed again, with the parts pointing at the new bytes. */
void reseal(void);
/* Its number signed again. */
void renumber(void);
/* Block zero made again, of other params. */
void refound(void);

#define EACH(test, epoch)                                                      \
	do {                                                                   \
		diag(#test);                                                   \
		fresh(epoch);                                                  \
		test();                                                        \
	} while (0)

#endif

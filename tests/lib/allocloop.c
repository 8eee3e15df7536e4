#include "tests/lib/allocloop.h"

#include <errno.h>
#include <string.h>

#include "tests/lib/allocfail.h"
#include "tests/tap/tap.h"

#define ROUNDS 100000 /* allocations of one operation */

unsigned long alloc_trials = 100;

static bool answers(const struct alloc_operation *o, bool all)
{
	unsigned long n, step = 1;
	int rc = o->run(); /* also what a process allocates but once */

	if (rc != 0) {
		diag("%s: %s with all memory", o->name, strerrorname_np(-rc));
		return false;
	}
	allocfail_arm(ROUNDS, false);
	rc = o->run();
	if (alloc_trials > 0)
		step += allocfail_asked() / alloc_trials;
	allocfail_disarm();
	for (n = 1; n < ROUNDS; n += step) {
		allocfail_arm(n, all);
		rc = o->run();
		if (!allocfail_disarm())
			break;
		if (rc != 0 && rc != -ENOMEM && rc != o->also) {
			diag("%s: %s at allocation %lu", o->name,
				strerrorname_np(-rc), n);
			return false;
		}
	}
	return n < ROUNDS && rc == 0;
}

void alloc_both(const struct alloc_operation *o)
{
	ok(answers(o, false), "%s: one allocation fails", o->name);
	ok(answers(o, true), "%s: and all behind it", o->name);
}

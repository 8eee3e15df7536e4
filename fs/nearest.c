#include "fs/nearest.h"

#include <string.h>

#define WORD_MAX 32	/* letters; longer ones are like nothing */

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table are enough. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][WORD_MAX + 1];
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3];
		const unsigned *upper = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = min(min(up[j], now[j - 1]) + 1,
				up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = min(now[j], upper[j - 2] + 1);
		}
	}
	return row[na % 3][nb];
}

bool nearest_is(const char *word, const char *candidate, unsigned *best)
{
	size_t n = strlen(word), m = strlen(candidate);
	if (n > WORD_MAX || m > WORD_MAX)
		return false;
	unsigned d = distance(word, n, candidate, m);
	/* a word of which a third is wrong means something else */
	if (d > (n < m ? n : m) / 3 + 1 || d >= n || d >= *best)
		return false;
	*best = d;
	return true;
}

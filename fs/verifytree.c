#include "fs/verifytree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/verifypool.h"
#include "fs/verifywalk.h"

#define CERTS ".certs"

static int open_folder(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int add(void *pool, struct bytes path, const char *why)
{
	return verifypool_add(pool, path, why);
}

static int walk_all(const struct verifytree_options *o, struct verifyplace *p,
	struct verifytree_counts *ret)
{
	struct verifywalk w = {.dir = p->dir, .companions = o->certs == NULL,
		.certs = p->certs, .visit = add};
	struct verifypool *pool;
	uint64_t others = 0;
	int rc = verifypool_new(p, o->threads, o->out, o->progress, &pool);
	int end;

	if (rc != 0)
		return rc;
	w.ctx = pool;
	rc = verifywalk(&w, &others);
	end = verifypool_end(pool, ret);
	ret->others = others;
	return rc != 0 ? rc : end;
}

static void lock(void *mutex)
{
	pthread_mutex_lock(mutex);
}

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

int verifytree(const struct verifytree_options *o,
	struct verifytree_counts *ret, const char **ret_unread)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	cleanup(close) int dir = open_folder(AT_FDCWD, o->dir);
	cleanup(close) int certs = -1;
	struct verifyplace p = {.dir = dir, .anchor = o->anchor,
		.demands = o->demands,
		.json = o->json, .certs_only = o->certs != NULL};
	int rc;

	*ret_unread = o->dir;
	if (dir < 0)
		return dir;
	certs = o->certs != NULL ? open_folder(AT_FDCWD, o->certs)
				 : open_folder(dir, CERTS);
	if (o->certs != NULL && certs < 0) {
		*ret_unread = o->certs;
		return certs;
	}
	p.certs = certs;
	p.cache = verify_cache_new();
	if (p.cache == NULL)
		return -ENOMEM;
	verify_cache_share(p.cache, lock, unlock, &mutex);
	rc = walk_all(o, &p, ret);
	verify_cache_free(p.cache);
	return rc;
}

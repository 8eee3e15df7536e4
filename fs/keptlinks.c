#include "fs/keptlinks.h"

#include <stdlib.h>

#include "core/cleanup.h"

struct file {
	struct hashtab_node node; /* first */
	nlink_t names;
};

void keptlinks_init(struct keptlinks *k)
{
	*k = (struct keptlinks){.files = {0}};
	pthread_mutex_init(&k->lock, NULL);
	atomic_init(&k->any, false);
}

static void drop(struct hashtab_node *node)
{
	free((struct file *)(void *)node);
}

void keptlinks_done(struct keptlinks *k)
{
	hashtab_done(&k->files, drop);
	pthread_mutex_destroy(&k->lock);
}

static struct file *find(const struct keptlinks *k, ino_t ino)
{
	struct hash key = hashtab_key(ino);

	if (k->files.n == 0)
		return NULL;
	return (struct file *)(void *)hashtab_find(&k->files, &key);
}

void keptlinks_add(struct keptlinks *k, ino_t ino)
{
	struct file *f;

	locked(&k->lock);
	f = find(k, ino);
	if (f == NULL) {
		if (hashtab_reserve(&k->files, k->files.n + 1) != 0)
			return;
		f = calloc(1, sizeof(*f));
		if (f == NULL)
			return;
		f->node.key = hashtab_key(ino);
		hashtab_add(&k->files, &f->node);
		atomic_store(&k->any, true);
	}
	f->names++;
}

static void lose(struct keptlinks *k, ino_t ino, bool all)
{
	struct file *f;

	locked(&k->lock);
	f = find(k, ino);
	if (f == NULL || (--f->names > 0 && !all))
		return;
	hashtab_remove(&k->files, &f->node);
	free(f);
}

void keptlinks_drop(struct keptlinks *k, ino_t ino)
{
	lose(k, ino, false);
}

void keptlinks_forget(struct keptlinks *k, ino_t ino)
{
	lose(k, ino, true);
}

void keptlinks_hide(struct keptlinks *k, struct stat *st)
{
	const struct file *f;

	if (S_ISDIR(st->st_mode) || !atomic_load(&k->any))
		return;
	locked(&k->lock);
	f = find(k, st->st_ino);
	if (f != NULL && f->names <= st->st_nlink)
		st->st_nlink -= f->names;
}

/*
 * keptlinks: how many names below versions/ (versions.h) a file has that is in
 * files/ as well, so that st_nlink counts the names that people see and no
 * other.  Tools take a file of several links for one that has hard links.
 *
 * Filled when the mount begins, and told of each name that comes and goes.
 * Nothing that protects bytes relies on it: who must know asks the disk.
 * Thread-safe.  Zeroed is empty.
 */
#ifndef FS_KEPTLINKS_H
#define FS_KEPTLINKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "core/hashtab.h"

struct keptlinks {
	pthread_mutex_t lock;
	struct hashtab files;
	atomic_bool any;
};

void keptlinks_init(struct keptlinks *k);
void keptlinks_done(struct keptlinks *k);
/* One name more.  Without memory for it the file shows a link too many. */
void keptlinks_add(struct keptlinks *k, ino_t ino);
void keptlinks_drop(struct keptlinks *k, ino_t ino); /* one less */
void keptlinks_forget(struct keptlinks *k, ino_t ino); /* it has none */
/* Takes them off st->st_nlink. */
void keptlinks_hide(struct keptlinks *k, struct stat *st);

#endif

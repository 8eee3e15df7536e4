/*
 * folders: descriptors of the folders last worked in.
 *
 * Finding, making, moving or removing a file by its whole path costs an openat2
 * that grows with the depth, so the folder is opened so and then kept for a
 * second, as the kernel keeps the names that lead to it.  An entry is found by
 * inode number, which nothing else can have while the folder is open.
 */
#ifndef FS_FOLDERS_H
#define FS_FOLDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FOLDERS 64		/* descriptors kept, at most */
#define FOLDERS_MS 1000

struct mount;
struct node;

struct folder {
	ino_t ino;
	dev_t dev;
	int fd;			/* O_PATH */
	bool default_acl;	/* it has one */
	uint64_t until_ms;
	unsigned refs;		/* of users, and of the table */
	struct mount *mount;
};

struct folders {
	pthread_mutex_t lock;
	struct folder *slot[FOLDERS];
};

void folders_init(struct folders *f);
void folders_done(struct folders *f);

/* Tree held; not any more for folder_release(). */
int folder_hold(struct mount *m, struct node *n, struct folder **ret);
void folder_release(struct folder *d);
/* It is gone, or has other attributes. */
void folder_drop(struct mount *m, ino_t ino);

static inline void cleanup_folder(struct folder **d)
{
	if (*d != NULL)
		folder_release(*d);
}

#endif

/*
 * sealrecord: the record of one name, made of what lies in files/.
 *
 * S2 of sealer.h: content, size and times are looked at again after hashing,
 * so a record describes one state of the file.
 */
#ifndef FS_SEALRECORD_H
#define FS_SEALRECORD_H

#include <sys/stat.h>

#include "core/record.h"
#include "fs/hashfile.h"

struct mount;
struct node;
struct name;

/* One name that gets a record. */
struct job {
	struct node *node;
	struct name *name;	/* stays: its file is SEALING */
	char *path;
	const struct job *first; /* the file's first name; NULL: this is it */
	bool nothing;		/* a folder that its record describes */
	bool unclean;
	uint64_t span;		/* s that it is kept by default; 0: none */
	struct stat st;
	struct hashed h;
	struct buf d;
	int rc;
};

/* j->d and what belongs to it, unless j->first; j->rc.  buffer has
 * HASHFILE_BUFFER bytes. */
void sealrecord_make(struct mount *m, struct job *j, uint8_t *buffer);
/* The record of another name of first's file, when first's is made. */
int sealrecord_link(struct mount *m, struct job *j);
/* Has the folder's newest record its attributes of now? */
bool sealrecord_folder_same(struct mount *m, const char *path);
/* As record_encode(), with a salt. */
int sealrecord_encode(struct mount *m, struct record *r, struct buf *ret);

#endif

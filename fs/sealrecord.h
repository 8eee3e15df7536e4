/*
 * sealrecord: the record of one name, made of what lies in files/.
 *
 * S2 of sealer.h: content, size and times are looked at again after hashing,
 * so a record describes one state of the file.  What had another content before
 * (class version) or has grown (class append) says so; what is as its newest
 * record has it gets none.
 */
#ifndef FS_SEALRECORD_H
#define FS_SEALRECORD_H

#include <sys/stat.h>

#include "core/record.h"
#include "fs/hashfile.h"
#include "fs/rules.h"

struct mount;
struct node;
struct name;

/* One name that gets a record. */
struct job {
	struct node *node;
	struct name *name;	/* stays: its file is SEALING */
	char *path;
	enum rules_class class;	/* of the name; of a folder: seal */
	const struct job *first; /* the file's first name; NULL: this is it */
	bool nothing;		/* its newest record describes it */
	struct hash newest;	/* H(d) of that, in class version */
	bool unclean;
	bool cached;		/* the kernel may know its attributes */
	bool rewritten;		/* the file is the one that was sealed here */
	uint32_t turn;		/* of the node, when it was taken */
	uint64_t span;		/* s that it is kept by default; 0: none */
	struct stat st;
	struct hashed h;
	struct buf tombstone;	/* of what the path had; n == 0: none */
	struct buf d;
	uint64_t from;		/* where what is stored with it begins */
	struct hash before;	/* root up to there, if that is not 0 */
	int rc;
};

/* d and what belongs to it of n jobs but those with a `first`, and their rc;
 * small files share the lanes of a wide hash kernel.  The buffer is aligned to
 * 64; no more memory is needed, and no more than 64 files are open at a
 * time. */
void sealrecord_make(struct mount *m, struct job *jobs, size_t n,
	struct hashing *hashing);
/* The record of another name of first's file, when first's is made. */
int sealrecord_link(struct mount *m, struct job *j);
/* Has the folder's newest record its attributes of now? */
bool sealrecord_folder_same(struct mount *m, const char *path);
/* A class as records have it; not of temp and scratch. */
enum record_class sealrecord_class(enum rules_class c);
/* As record_encode(), with a salt. */
int sealrecord_encode(struct mount *m, struct record *r, struct buf *ret);

#endif

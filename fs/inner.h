/*
 * inner: what the files of the mount share.
 *
 * Locks, in this order:
 *   tree   names.  Held for reading by all that builds a path and uses it,
 *          for writing by what takes names away or moves them.
 *   retain retention of sealed files (retain.h), and their becoming unsealed
 *          (version.h); SQLite is used under it.
 *   queueing  a group of records is put into the queue and counted, or all
 *          files are counted; SQLite is used under it.
 *   lock   nodes, names and settle.  Short; no system call on files/ but
 *          openat2 of what is already known, no SQLite, no reply under it.
 * parting (version.c) comes after tree; only lock is taken under it.
 * A change of an unsealed file marks it busy (settle.h) under `lock`, makes
 * the system call, and marks it changed; so the sealer, which takes items
 * holding tree for reading, never takes a file in mid-change.
 */
#ifndef FS_INNER_H
#define FS_INNER_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/cleanup.h"
#include "fs/backing.h"
#include "fs/certfile.h"
#include "fs/folders.h"
#include "fs/keptlinks.h"
#include "fs/mount.h"
#include "fs/negotiate.h"
#include "fs/node.h"
#include "fs/node_class.h"
#include "fs/room.h"

#define TIMEOUT_OPEN 1.0	/* seconds that the kernel keeps attributes of
				   what is written, maybe through a mapping */
#define TIMEOUT_CLOSED 3600.0	/* of all else, and names: what changes them
				   goes through this kernel, or tells it */
#define TIMEOUT_NOWHERE 60.0	/* of names that are nowhere: copiers ask several
				   times before they make one */
#define NOTARY_DIR ".notary"	/* at the root, hidden from readdir */

struct handle {
	struct handle *next;	/* of the same node */
	struct node *node;
	int fd;			/* -1: virtual */
	bool writer;
	bool adds;		/* a writer that can only append */
	bool direct;		/* past the kernel's cache */
	bool both;		/* reads and writes, so it can be mapped to write */
	bool passed;		/* the kernel reads by itself (passthru.h) */
	struct buf text;	/* of a virtual file, if it has no fd */
	uint64_t end;		/* of one that has: it ends there */
};

struct sealer;
struct growth;
struct park;
struct refusals;

struct mount {
	struct mount_services s;
	struct fuse_session *se;
	char *mount_point;
	int files;		/* O_RDONLY descriptor of files/ */
	bool as_root;		/* files get the caller's owner */
	bool labels;		/* this kernel has SELinux */
	atomic_bool immutable;	/* chattr +i is wanted and works */
	pthread_rwlock_t tree;
	pthread_mutex_t parting;
	pthread_mutex_t retain;
	pthread_mutex_t lock;
	pthread_cond_t sealed;	/* with lock: nothing is committing any more */
	int versions;		/* descriptor of versions/; -1: none */
	struct keptlinks keptlinks; /* files of files/ that are in it, too */
	atomic_bool past;	/* it has something: names had other files */
	pthread_mutex_t newest;	/* gone.h; nothing is locked under it */
	pthread_mutex_t queueing; /* a group is queued and counted in `early` */
	struct nodes nodes;
	uint64_t trimmed;	/* of their n_freed, when memory was given back */
	struct negotiate negotiate;
	struct folders folders;
	struct sealer *sealer;
	struct growth *growth;
	struct park *park;
	struct gone *gone;
	struct certfile *certs;
	struct refusals *refusals; /* NULL: not kept */
	atomic_bool full;	/* the backlog is above its limit */
	atomic_int mode;	/* enum retention_mode, as it is now */
	struct room room;
	uint64_t suspect_from, suspect_to; /* ctimes, ms: start.c */
	uint64_t started;	/* wall clock, ms */
	uint64_t began_ms;	/* monotonic: files/ had been walked */
	struct notary_health sealing;
	int said;		/* the last failure to seal in the journal */
	uint64_t said_ms;	/* and when */
	uint64_t early;		/* files that are SEALING and have a record */
};

static inline void cleanup_tree(struct mount **m)
{
	if (*m != NULL)
		pthread_rwlock_unlock(&(*m)->tree);
}
static inline struct mount *tree_lock(struct mount *m, bool write)
{
	if (write)
		pthread_rwlock_wrlock(&m->tree);
	else
		pthread_rwlock_rdlock(&m->tree);
	return m;
}
/* Hold the tree until the end of the enclosing block. */
#define TREE(m, write)                                                         \
	cleanup(tree) __attribute__((unused))                                  \
		struct mount *CLEANUP_JOIN(tree_, __LINE__) =                  \
			tree_lock(m, write)

static inline uint64_t mount_now(struct mount *m)
{
	return m->s.clock->ops->mono_ms(m->s.clock);
}
static inline struct mount *mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}
static inline struct node *node_of(struct mount *m, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? m->nodes.root :
		(struct node *)(uintptr_t)ino;
}
static inline fuse_ino_t ino_of(struct mount *m, const struct node *n)
{
	return n == m->nodes.root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)n;
}

/* What is written next must not fail for want of room. */
void mount_make_room(struct mount *m);
/* Around a look at what is queued: no group is half counted meanwhile.  But a
 * commit that takes long (a slow disk, one without room) is not waited for:
 * false, and then that group may be missing or be counted twice. */
bool mount_count_begin(struct mount *m);
void mount_count_end(struct mount *m, bool held);
/* One line for the journal: what, of which path, and why (0 or an errno). */
void mount_say(struct mount *m, const char *what, const char *path, int rc);

/* -- inode.c: steps that operations share.  Tree held for reading. -- */

/* A descriptor of the node for its attributes (O_PATH, but of a file that is
 * open a copy of a handle's), or negative. */
int inode_fd(struct mount *m, struct node *n);
/* Opens it by its name; -ENOENT also when it has none any more. */
int inode_open(struct mount *m, struct node *n, int flags);
int inode_path(struct mount *m, struct node *n, char ret[NODE_PATH]);
/* stat of the node. */
int inode_stat(struct mount *m, struct node *n, struct stat *ret);
/* Asks local whether a file that memory does not know is sealed. */
int inode_resolve(struct mount *m, struct node *n);
/* Finds or makes the node of `text` in folder; counts one lookup if
 * `remember`.  -ENOENT. */
int inode_lookup(struct mount *m, struct node *folder, const char *text,
	bool remember, struct fuse_entry_param *ret);
/* Fills what the kernel is told about n; lock held. */
void inode_entry(struct mount *m, struct node *n, const struct stat *st,
	struct fuse_entry_param *ret);
/* Lock held. */
double inode_timeout(const struct node *n);
void inode_forget(struct mount *m, struct node *n, uint64_t lookups);
/* Lock held: a file that has just come to be is settling. */
void inode_join(struct mount *m, struct node *n, const struct stat *st);
/* The folder's content or attributes changed; takes the lock. */
void inode_folder_changed(struct mount *m, struct node *folder);
/* Lock not held: is there a name below that local has no record of though its
 * file is sealed, or one that is being sealed? */
bool inode_unrecorded_below(struct mount *m, const struct node *folder);
/* Is anything sealed, or being sealed, at or below the folder at that path?
 * 1, 0, or a negative errno. */
int inode_sealed_below(struct mount *m, struct node *n, const char *path);
/* Lock held: everything unsealed at or below n may have another class now, and
 * folders another record. */
void inode_reclass(struct mount *m, struct node *n);
/* Is the text a name that may be made here?  0, -EEXIST, -ENAMETOOLONG. */
int inode_name_ok(struct mount *m, struct node *folder, const char *text);
/* Begins a change of attributes: 0, or 1 when the file is sealed, so that only
 * what changes nothing may succeed. */
enum inode_change {
	CHANGE_KEEPING,		/* what a seal does not fix: it is not undone */
	CHANGE_ATTRIBUTES, CHANGE_SIZE,
};
int inode_change(struct mount *m, struct node *n, enum inode_change what);
void inode_changed(struct mount *m, struct node *n);
/* Or it was refused, of a file: its timer goes on. */
void inode_unchanged(struct mount *m, struct node *n);

/* -- operations, one file each kind -- */

void op_lookup(fuse_req_t, fuse_ino_t, const char *);
void op_forget(fuse_req_t, fuse_ino_t, uint64_t);
void op_forget_multi(fuse_req_t, size_t, struct fuse_forget_data *);
void op_mkdir(fuse_req_t, fuse_ino_t, const char *, mode_t);
void op_mknod(fuse_req_t, fuse_ino_t, const char *, mode_t, dev_t);
void op_symlink(fuse_req_t, const char *, fuse_ino_t, const char *);
void op_readlink(fuse_req_t, fuse_ino_t);
void op_create(fuse_req_t, fuse_ino_t, const char *, mode_t,
	struct fuse_file_info *);

void op_unlink(fuse_req_t, fuse_ino_t, const char *);
void op_rmdir(fuse_req_t, fuse_ino_t, const char *);
void op_rename(fuse_req_t, fuse_ino_t, const char *, fuse_ino_t, const char *,
	unsigned);
void op_link(fuse_req_t, fuse_ino_t, fuse_ino_t, const char *);

void op_open(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_read(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void op_write(fuse_req_t, fuse_ino_t, const char *, size_t, off_t,
	struct fuse_file_info *);
void op_release(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_fsync(fuse_req_t, fuse_ino_t, int, struct fuse_file_info *);
void op_fallocate(fuse_req_t, fuse_ino_t, int, off_t, off_t,
	struct fuse_file_info *);
void op_lseek(fuse_req_t, fuse_ino_t, off_t, int, struct fuse_file_info *);
void op_copy(fuse_req_t, fuse_ino_t, off_t, struct fuse_file_info *,
	fuse_ino_t, off_t, struct fuse_file_info *, size_t, int);

void op_opendir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_readdir(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void op_readdirplus(fuse_req_t, fuse_ino_t, size_t, off_t,
	struct fuse_file_info *);
void op_releasedir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_fsyncdir(fuse_req_t, fuse_ino_t, int, struct fuse_file_info *);

void op_getattr(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_setattr(fuse_req_t, fuse_ino_t, struct stat *, int,
	struct fuse_file_info *);
void op_statfs(fuse_req_t, fuse_ino_t);
void op_ioctl(fuse_req_t, fuse_ino_t, unsigned, void *, struct fuse_file_info *,
	unsigned, const void *, size_t, size_t);

void op_setxattr(fuse_req_t, fuse_ino_t, const char *, const char *, size_t,
	int);
void op_getxattr(fuse_req_t, fuse_ino_t, const char *, size_t);
void op_listxattr(fuse_req_t, fuse_ino_t, size_t);
void op_removexattr(fuse_req_t, fuse_ino_t, const char *);

/* -- refused.c: notes an operation that is refused (-EPERM, -EBUSY) for
 * .notary/audit (-EKEYREJECTED: a deletion of what is held), and gives rc back.  No locks held. -- */
int refused(fuse_req_t req, const char *op, struct node *n, int rc);
int refused_path(fuse_req_t req, const char *op, const char *path, int rc);
int refused_at(fuse_req_t req, const char *op, fuse_ino_t parent,
	const char *text, int rc);

/* Deletes a sealed file by an order: as retain_remove(), and -ENODATA when it
 * is not sealed, -ENOENT. */
struct retain_order;
struct retain_gone;
int unmake_ordered(struct mount *m, const struct retain_order *order,
	struct retain_gone *ret);

/* A handle on n in file->fh; -ENOMEM leaves fd to the caller. */
int handle_new(struct mount *m, struct node *n, int fd, bool writer,
	struct fuse_file_info *file);
/* How the kernel caches what goes through it; lock held. */
void handle_cache(struct mount *m, struct handle *h, bool created,
	struct fuse_file_info *file);
void handle_free(struct mount *m, struct handle *h);
/* The session is over: handles whose release never came are given back. */
void handles_end(struct mount *m);
static inline struct handle *handle_of(const struct fuse_file_info *file)
{
	return (struct handle *)(uintptr_t)file->fh;
}

#endif

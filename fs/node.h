/*
 * node: what the mount knows about files, in memory.
 *
 * There is a node for everything the kernel holds a reference to, for
 * everything that is not at rest (settle.h), and for the folders above these.
 * Sealed files that nobody looks at have none: local knows them by path.
 *
 * N1  A folder has one name; a file may have several.
 * N2  All names of an unsealed file are known.
 * N3  A node without a name (unlinked) is in no table; it lives as long as the
 *     kernel or a handle holds it.
 * N4  All of this is under one lock, mount->lock, held by the caller.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/record.h"
#include "fs/rules.h"
#include "fs/settle.h"

enum node_type {
	NODE_FOLDER, NODE_FILE, NODE_SYMLINK,
	NODE_OTHER,		/* device, FIFO, socket */
	NODE_VIRTUAL,		/* virtual.h */
};

enum virtual_kind {
	VIRTUAL_NONE, VIRTUAL_CERT, VIRTUAL_JSON, VIRTUAL_TOP, VIRTUAL_ANCHOR,
	VIRTUAL_STATUS, VIRTUAL_CERTS, VIRTUAL_WAITS, VIRTUAL_WAIT,
	VIRTUAL_CTL, VIRTUAL_AUDIT, VIRTUAL_HASHING, VIRTUAL_IDLE,
	VIRTUAL_PARTS, VIRTUAL_PART,
	VIRTUAL_LOG,		/* a folder of logtree.h */
	VIRTUAL_LOG_FIXED, VIRTUAL_LOG_LIVE,
	VIRTUAL_HISTORY, VIRTUAL_VERSION, VIRTUAL_VERSION_CERT, /* history.h */
	VIRTUAL_DELETED, VIRTUAL_GONE, VIRTUAL_GONE_CERT,
};

struct node;
struct handle;

struct name {
	struct name *hash_next;
	struct name *node_next;	/* other names of the node */
	struct node *parent, *node;
	unsigned gen;		/* of nodes, when the next three were found */
	unsigned rule;		/* least of those above it and its own, from the
				   folder with a preset on */
	const struct rules *below; /* a folder: the rules below it */
	unsigned below_rule;	/* and the least there so far */
	bool recorded;		/* local has a record of this path */
	bool unsynced;		/* not known to be durable in its folder */
	char text[];
};

struct node {
	struct node *all_next, *all_prev;
	struct node *ino_next;
	struct name *names;
	struct handle *handles;
	ino_t ino;
	uint32_t generation;	/* no other node has had it: to the kernel a node
				   is its address, which another one gets, and
				   file handles (open_by_handle_at, NFS) outlive
				   it */
	uint64_t lookups;	/* references that the kernel holds */
	uint32_t refs;		/* names below it, handles, jobs */
	enum node_type type;
	enum virtual_kind virtual;
	const struct rules *preset; /* bound to this folder, or NULL */
	bool unknown;		/* a file not asked about in local yet */
	bool keeps;		/* sealed, with a name that is not, or several
				   in a class in which it may change */
	bool committing;	/* its record is: sealer.c */
	bool rewritten;		/* what it has sealed last is */
	bool shared;		/* its bytes are those of versions, too */
	bool whole;		/* and these may be of class version, so growing
				   would change them */
	bool stands;		/* class append: its hashing goes on (growth.h)
				   */
	uint64_t floor;		/* class append: what is below never changes */
	uint64_t recorded;	/* of that, what records said at the start */
	bool grows;		/* that was sealed under a name that it has: it
				   stays of class append, whatever others it
				   gets */
	bool special;		/* setuid or setgid bit: writing clears it */
	bool bare;		/* files/ has no extended attributes of it */
	uint32_t changes;	/* of extended attributes */
	uint32_t direct;	/* writers past the kernel's cache */
	bool stale;		/* they may have left old pages in it */
	uint32_t passed;	/* handles that the kernel reads by itself */
	uint32_t backing;	/* its number for the file then (passthru.h) */
	bool escaped;		/* a mapping that no handle knows of may write:
				   P4 there */
	uint64_t end, written;	/* unsealed: as far as it was written, and how
				   much of that was (room.h) */
	uint64_t rested_ms;	/* untouched when it was first seen (idle.h) */
	uint64_t length;	/* unsealed: what it was cut to, if that is more
				   than end */
	struct item item;
};

/* A preset for the folders whose path a glob matches. */
struct bind {
	const char *glob;
	const struct rules *rules;
};

struct nodes {
	const struct rules *rules; /* where no folder has its own */
	const struct bind *bind;   /* the first that matches counts */
	size_t n_binds;
	unsigned gen;		/* another one: names are judged anew */
	unsigned n_presets;	/* folders that node_bind() holds */
	uint32_t generation;	/* of the newest node */
	struct settle settle;
	struct node *root, *all;
	struct node **by_ino;
	struct name **by_name;
	size_t n_nodes, ino_size, n_names, name_size;
	uint64_t n_freed;	/* nodes, ever */
};

/* root_ino: of files/.  Binds may be set afterwards, before the first name. */
int nodes_init(struct nodes *t, const struct rules *rules, ino_t root_ino);
void nodes_done(struct nodes *t);

enum node_type node_type_of(mode_t mode);
/* The node of that inode number and type, or a new one without a name.  NULL:
 * no memory. */
struct node *node_get(struct nodes *t, ino_t ino, enum node_type type);
/* The same for what was just made in files/: a node that has the number is of a
 * file removed there behind our back, and is left to whoever holds it. */
struct node *node_made(struct nodes *t, ino_t ino, enum node_type type);
/* A virtual node: in no table but that of names. */
struct node *node_new_virtual(struct nodes *t, enum virtual_kind kind,
	ino_t ino);
/* Gives the node back unless something still holds it. */
void node_put(struct nodes *t, struct node *n);

struct name *node_find(const struct nodes *t, const struct node *parent,
	const char *text);
/* That name is now this node's: the name, or NULL without memory.  An older
 * meaning of it is dropped. */
struct name *node_name(struct nodes *t, struct node *parent, const char *text,
	struct node *n);
/* The name is gone.  May free the node that it named. */
void node_unname(struct nodes *t, struct name *m);
/* A name for node_move(), made before anything moves on the disk; NULL without
 * memory.  It is free()d if it is not used. */
struct name *node_name_new(struct node *parent, const char *text,
	struct node *n);
/* The node's name m becomes to, which is the tree's then. */
void node_move(struct nodes *t, struct name *m, struct name *to);
/* The two names exchange their nodes. */
void node_exchange(struct nodes *t, struct name *a, struct name *b);

#define NODE_PATH (RECORD_PATH_MAX + 1)
/* The path of a name in its folder: its length, or -ENAMETOOLONG, -ENOENT if
 * a folder above is gone. */
int node_path_at(const struct nodes *t, const struct node *parent,
	const char *text, char ret[NODE_PATH]);
/* The node's first name that has a record, or its first name; NULL: none. */
const struct name *node_first_name(const struct node *n);
/* The file's own record is that of this name: it comes before the others. */
void node_lead(struct name *m);
/* The path of that name. */
int node_path(const struct nodes *t, const struct node *n, char ret[NODE_PATH]);
/* Is n the folder itself or below it? */
bool node_below(const struct node *n, const struct node *folder);
/* The node at that path if it and all above it are in memory. */
struct node *node_at(const struct nodes *t, const char *path);

static inline struct node *node_of_item(struct item *i)
{
	return (struct node *)((char *)i - offsetof(struct node, item));
}

#endif

/*
 * model: random operations on a mount, held against what they must do.
 *
 * Each worker has a subtree of its own and a model of it in memory: names,
 * contents, attributes, descriptors, and for every file whether it is open,
 * settling, frozen or sealed.  A step chooses an operation by (seed, worker,
 * step), says what must come of it by the table of operations and states
 * (contrib/docs/differences.md; EPERM where something is sealed, else what any
 * file system says), does it, and compares.  What the clock decides is left
 * open only as long as it is: a file may have been sealed by its timer when
 * its settle time has passed since the last change, and not a moment before.
 *
 * M1  What the mount said is what the model says, to the errno.
 * M2  Whatever was done, the tree is what the model is: names, types, content,
 *     mode, owner, time, links, attributes, inode numbers.
 * M3  What is sealed stays as it was, for ever, over every remount.
 * M4  Nothing is sealed too early, under a name of class temp or scratch, or
 *     while somebody can write to it; all else is in the end.
 *
 * A worker's tree is touched by that worker alone.  In the shared one
 * (shared.c) weaker rules hold.  The program ends at the first difference,
 * with seed, worker, step and the steps before.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "tests/lib/prng.h"

#define WORKERS_MAX 16
#define SLOTS 6			/* descriptors that a worker keeps */
#define DEPTH 3			/* folders below each other */
#define ATTRS 3			/* user.a, user.b, user.c */
#define SAID 60			/* steps remembered for the report */
#define SAID_MAX 240
#define SIZE_MAX_FILE 400000	/* bytes; most files are far smaller */
#define PATH_ROOM 512

enum class { SEAL, TEMP, SCRATCH };
enum kind { FOLDER, FILE_, SYMLINK, FIFO };

struct name {
	struct name *sibling;	/* in its folder */
	struct name *other;	/* of the same file */
	struct file *folder, *file;
	bool sealed;		/* part of what is recorded */
	char text[16];
};

struct file {
	struct file *next;	/* all of the tree, gone ones too */
	enum kind kind;
	ino_t ino;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool timed;		/* its mtime is known */
	struct timespec mtime;
	uint8_t *data;
	size_t size, room;
	char target[24];
	char attr[ATTRS][12];	/* "": none */
	struct name *names;	/* a folder has one, the root none */
	struct name *children;
	unsigned writers;	/* descriptors and mappings that can write */
	unsigned mapped;
	bool sealed, frozen, freeze_later;
	uint64_t changed_ms;	/* when the last change began */
};

struct slot {
	int fd;
	struct file *file;	/* NULL: free */
	int flags;
	uint8_t *map;		/* shared; may outlive fd (-1) */
	size_t map_n;
	bool map_writes;
};

struct options {
	const char *mnt;
	uint64_t seed;
	unsigned workers, only;	/* only: 0 all, else that one */
	uint64_t steps, round;	/* of all workers; of one in a tree */
	uint64_t settle_ms, empty_ms;	/* 0: nothing is sealed by a timer */
	const char *between;	/* command that mounts anew, or NULL */
	unsigned remounts;
	bool trace;
};
extern struct options opt;

struct worker {
	unsigned number;	/* from 1 */
	uint64_t step;
	struct prng r;
	char top[64];		/* of the tree, below the mount */
	struct file *root, *files;
	struct slot slot[SLOTS];
	char said[SAID][SAID_MAX];
	uint64_t n_said;
};

/* -- main.c -- */

uint64_t now_ms(void);
/* 0 .. n - 1 */
unsigned pick(struct worker *w, unsigned n);
static inline bool chance(struct worker *w, unsigned percent)
{
	return pick(w, 100) < percent;
}
/* Notes what is done, for the report. */
void say(struct worker *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Says what is wrong and ends the program. */
_Noreturn void wrong(struct worker *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *errno_name(int err);
/* M1: got and want are 0 or an errno. */
void agree(struct worker *w, int got, int want);

/* -- tree.c: the model -- */

struct file *tree_new(struct worker *w, enum kind kind, mode_t mode);
struct name *tree_find(const struct file *folder, const char *text);
struct name *tree_add(struct file *folder, const char *text, struct file *f);
void tree_drop(struct name *n);
void tree_rename(struct name *n, struct file *folder, const char *text);
void tree_exchange(struct name *a, struct name *b);
unsigned tree_links(const struct file *f);
/* Below the mount's parent: an absolute path. */
void tree_path(const struct worker *w, const struct name *n,
	char ret[PATH_ROOM]);
void tree_folder_path(const struct worker *w, const struct file *folder,
	char ret[PATH_ROOM]);
bool tree_below(const struct file *f, const struct file *folder);
unsigned tree_depth(const struct file *folder);
enum class class_of_name(const struct worker *w, const struct name *n);
enum class class_at(const struct worker *w, const struct file *folder,
	const char *text);
enum class class_of(const struct worker *w, const struct file *f);
void tree_resize(struct file *f, size_t size);
void tree_write(struct file *f, size_t at, const void *p, size_t n);

/* -- tree.c: states -- */

bool may_write(const struct worker *w, const struct file *f);
/* Something changed that starts the timer again. */
void changed(struct file *f, uint64_t began);
void writer_gone(struct worker *w, struct file *f, uint64_t began);
void mode_set(struct worker *w, struct file *f, mode_t mode);
/* A name came, went or moved: its class may be another. */
void reclass(struct worker *w, struct file *f, enum class was, uint64_t began);
void seal(struct worker *w, struct file *f);
bool sealed_below(const struct worker *w, const struct file *folder);
/* May the timer have sealed it by now? */
bool may_be_sealed(const struct worker *w, const struct file *f);
/* Asks the mount about all files that may be; true if any is.  A symlink
 * cannot be asked about: it counts as sealed if it is one of these two, or in
 * one of these folders. */
bool look_again(struct worker *w, const struct file *a, const struct file *b);
/* M4: waits until no descriptor counts any more that is closed. */
void until_closed(struct worker *w, const struct file *f);
/* After a new mount: what memory alone knew is gone. */
void remounted(struct worker *w, uint64_t began);

/* -- names.c, attrs.c, handles.c: one step each -- */

void do_make(struct worker *w);
void do_rename(struct worker *w);
void do_link(struct worker *w);
void do_unlink(struct worker *w);
void do_rmdir(struct worker *w);

void do_chmod(struct worker *w);
void do_chown(struct worker *w);
void do_utimens(struct worker *w);
void do_setxattr(struct worker *w);
void do_removexattr(struct worker *w);
void do_truncate(struct worker *w);
void do_seal(struct worker *w);
void do_flags(struct worker *w);

void do_open(struct worker *w);
void do_handle(struct worker *w);
void close_all(struct worker *w);

/* A folder that exists, mostly; a name in it that exists, mostly. */
struct spot {
	struct file *folder;
	char text[16];
	struct name *name;	/* NULL: nothing there */
	int err;		/* the way there is none: ENOENT, ENOTDIR */
	char path[PATH_ROOM];
};
struct spot pick_spot(struct worker *w, unsigned percent_there);
/* A file to change, by a name of it or through one of our descriptors. */
struct aim {
	struct file *file;	/* NULL: there is none */
	bool follow;		/* through a descriptor */
	char path[PATH_ROOM];
};
struct aim pick_aim(struct worker *w);

/* -- look.c -- */

/* M2 of one file, at that path. */
void look_file(struct worker *w, struct file *f, const char *path);
void look_fd(struct worker *w, struct file *f, int fd);
void look_state(struct worker *w, struct file *f, const char *path);
void do_look(struct worker *w);
void look_tree(struct worker *w);
/* M4: waits until all that has to be sealed is. */
void look_sealed(struct worker *w);

/* -- shared.c -- */

void do_shared(struct worker *w);
void shared_start(void);
/* Everything that was ever seen sealed is still there as it was. */
void shared_look(struct worker *w);

#endif

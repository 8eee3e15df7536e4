/* Moves names, and exchanges them. */
#include "fs/entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "fs/gone.h"
#include "fs/moving.h"
#include "fs/reach.h"
#include "fs/sealer.h"
#include "fs/start.h"

/* Something sealed keeps a class that protects it as well; what can grow, or
 * has grown under another name, takes nobody's place.  A name that is not
 * recorded, of a file that is sealed under others, may only go; but one of a
 * log that grows will be with the next record, and may move. */
static int may_arrive(struct mount *m, const struct entry *from,
	const struct entry *to, bool recorded)
{
	const struct node *n = from->node;
	enum rules_class was, will;
	bool sealed, spare;

	locked(&m->lock);
	sealed = n->item.state == ST_SEALED;
	if (!recorded && n->floor == 0 && !sealed)
		return 0; /* nothing of it is sealed */
	was = n->floor > 0 ? CLASS_APPEND : n->item.class;
	if (!class_changes(was))
		return 0; /* what the name had, it never was */
	will = name_class_at(&m->nodes, to->folder, to->text,
		n->type == NODE_FOLDER);
	spare = !recorded && n->names->node_next != NULL;
	return will > was || (was == CLASS_APPEND && to->node != NULL) ||
		(spare && (sealed || will < was)) ? -EPERM : 0;
}

static int may_rename(struct mount *m, struct entry *from, struct entry *to,
	unsigned flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	int rc;

	if (from->node == NULL)
		return entry_missing(m, from);
	if (to->node != NULL && (flags & RENAME_NOREPLACE) != 0)
		return -EEXIST;
	if (to->node == NULL && exchange)
		return entry_missing(m, to);
	rc = entry_may_go(m, from, exchange ? RECORD_REPLACED : RECORD_RENAMED);
	if (rc >= 0)
		rc = may_arrive(m, from, to, rc == 1);
	if (rc != 0 || to->node == NULL)
		return rc;
	rc = entry_may_go(m, to, RECORD_REPLACED);
	if (rc < 0)
		return rc;
	return exchange ? may_arrive(m, to, from, rc == 1) : 0;
}

/* ready: the name that from gets, unless they exchange; it is the tree's then. */
static void move_names(struct mount *m, struct entry *from, struct entry *to,
	unsigned flags, struct name **ready)
{
	struct node *a = from->node, *b = to->node;

	locked(&m->lock);
	if ((flags & RENAME_EXCHANGE) != 0) {
		node_exchange(&m->nodes, from->name, to->name);
		from->name->unsynced = to->name->unsynced = true;
		inode_reclass(m, b);
	} else if (a != b) {
		(*ready)->unsynced = true;
		node_move(&m->nodes, from->name, *ready);
		*ready = NULL;
		if (b != NULL)
			entry_fewer_names(m, b);
	}
	inode_reclass(m, a);
	settle_folder(&m->nodes.settle, &from->folder->item, mount_now(m));
	settle_folder(&m->nodes.settle, &to->folder->item, mount_now(m));
}

/* Names below a folder may be of another class now.  It has moved, whatever
 * comes of this: what is missed is sealed after the next start. */
static void look_below(struct mount *m, const struct entry *p,
	const char *path)
{
	int rc = p->node->type == NODE_FOLDER ? start_walk(m, path) : 0;

	if (rc != 0)
		mount_say(m, "moved, but not looked through", path, rc);
}

/* The old names, and with them all below, may have folders' records. */
static void note_gone(struct mount *m, const struct entry *from,
	const struct entry *to, unsigned flags)
{
	if (from->node->type == NODE_FOLDER)
		gone_note(m->gone, from->path);
	if ((flags & RENAME_EXCHANGE) != 0 && to->node->type == NODE_FOLDER)
		gone_note(m->gone, to->path);
}

/* What is sealed under the two names leaves them. */
struct left {
	int from, to;		/* 1: it does */
	struct thawed from_file, to_file;
};

/* What will be recorded says by that what it replaced; of a FIFO or a folder
 * nothing does. */
static bool is_sealable(const struct node *n)
{
	return n->type == NODE_FILE || n->type == NODE_SYMLINK;
}

static int leave_both(struct mount *m, struct entry *from, struct entry *to,
	unsigned flags, struct left *ret)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	const char *there = !exchange || !is_sealable(to->node) ? to->path :
		NULL;
	const char *back = exchange && !is_sealable(from->node) ? from->path :
		NULL;

	*ret = (struct left){.from_file.fd = -1, .to_file.fd = -1};
	if (from->node == to->node)
		return 0; /* nothing is renamed */
	ret->from = entry_leave(m, from, there != NULL ? RECORD_RENAMED :
		RECORD_REPLACED, there, true, &ret->from_file);
	if (ret->from >= 0 && to->node != NULL)
		ret->to = entry_leave(m, to, back != NULL ? RECORD_RENAMED :
			is_sealable(from->node) ? RECORD_REPLACED :
			RECORD_REMOVED, back, exchange, &ret->to_file);
	return ret->from < 0 ? ret->from : ret->to < 0 ? ret->to : 0;
}

/* Who has another name is sealed anew, and who had this one first; who was
 * replaced is a version only. */
static void end_leaving(struct mount *m, struct entry *from, struct entry *to,
	bool replaced, struct left *l)
{
	if (l->from > 0) {
		version_moved(m, from->node);
		l->from_file.flag = false;
		sealer_wake(m->sealer); /* of a log */
	}
	if (l->to > 0 && (!replaced || to->first)) {
		version_moved(m, to->node);
		l->to_file.flag = false;
	}
	retain_freeze(&l->from_file);
	retain_freeze(&l->to_file);
}

static int is_empty(struct mount *m, const char *path)
{
	int fd = backing_open(m->files, path, O_RDONLY | O_DIRECTORY), n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	while (n <= 2 && readdir(d) != NULL)
		n++; /* "." and ".." are two */
	closedir(d);
	return n <= 2;
}

/* What a folder takes the place of: nothing, or an empty folder. */
static int may_replace(struct mount *m, const struct entry *to)
{
	int rc;

	if (to->node == NULL)
		return 0;
	if (to->node->type != NODE_FOLDER)
		return -ENOTDIR;
	rc = is_empty(m, to->path);
	return rc == 1 ? 0 : rc == 0 ? -ENOTEMPTY : rc;
}

/* A folder, and not in exchange for something. */
static int rename_folder(struct mount *m, struct entry *from, struct entry *to,
	unsigned flags)
{
	cleanup(free) struct name *ready = NULL;
	MOVING(mv);
	int rc;

	if ((flags & RENAME_NOREPLACE) != 0 && to->node != NULL)
		return -EEXIST;
	rc = moving_may(m, from->node, from->path, to->path, &mv);
	if (rc == 0 && mv.n > 0)
		rc = may_replace(m, to);
	if (rc == 0 && to->node != NULL)
		rc = entry_may_go(m, to, RECORD_REPLACED);
	if (rc == 0)
		rc = reach_moved(m, from->path, to->path);
	if (rc != 0)
		return rc;
	ready = node_name_new(to->folder, to->text, from->node);
	if (ready == NULL)
		return -ENOMEM;
	rc = moving_leave(m, from->path, to->path, &mv);
	fault_point("moving.leaving");
	if (rc == 0 && renameat2(from->in->fd, from->text, to->in->fd, to->text,
			flags) != 0) /* XFS says EEXIST of a full folder */
		rc = errno == EEXIST && (flags & RENAME_NOREPLACE) == 0 ?
			-ENOTEMPTY : -errno;
	if (rc == 0) {
		note_gone(m, from, to, flags);
		move_names(m, from, to, flags, &ready);
		return moving_end(m, to->path, &mv);
	}
	if (mv.left > 0)
		(void)moving_end(m, from->path, &mv);
	return rc;
}

static int rename_names(struct mount *m, struct entry *from, struct entry *to,
	unsigned flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	cleanup(free) struct name *ready = NULL;
	struct left left;
	int rc;

	if (from->node != NULL && from->node->type == NODE_FOLDER && !exchange)
		return rename_folder(m, from, to, flags);
	rc = may_rename(m, from, to, flags);
	if (rc == 0 && exchange && from->node->type == NODE_FOLDER)
		rc = reach_moved(m, from->path, to->path);
	if (rc == 0 && exchange && to->node->type == NODE_FOLDER)
		rc = reach_moved(m, to->path, from->path);
	if (rc != 0)
		return rc;
	ready = node_name_new(to->folder, to->text, from->node);
	if (ready == NULL)
		return -ENOMEM;
	rc = leave_both(m, from, to, flags, &left);
	if (rc == 0 && renameat2(from->in->fd, from->text, to->in->fd, to->text,
			flags) != 0)
		rc = -errno;
	fault_point("version.renamed");
	if (rc == 0) {
		note_gone(m, from, to, flags);
		move_names(m, from, to, flags, &ready);
	}
	end_leaving(m, from, to, rc == 0 && !exchange, &left);
	if (rc == 0)
		look_below(m, from, to->path);
	if (rc == 0 && exchange)
		look_below(m, to, from->path);
	return rc;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *text,
	fuse_ino_t new_parent, const char *new_text, unsigned flags)
{
	struct mount *m = mount_of(req);
	char path[NODE_PATH] = ""; /* what stands in the way */
	int rc;

	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	{
		ENTRY(from);
		ENTRY(to);
		version_await_name(m, node_of(m, parent), text);
		version_await_name(m, node_of(m, new_parent), new_text);
		TREE(m, true);
		rc = entry_find(m, parent, text, &from);
		if (rc == 0)
			rc = entry_find(m, new_parent, new_text, &to);
		if (rc == 0)
			rc = rename_names(m, &from, &to, flags);
		if (rc == -EPERM)
			strcpy(path, from.node != NULL && to.node != NULL &&
				entry_may_go(m, &from, RECORD_RENAMED) >= 0 ?
				to.path : from.path);
	}
	if (*path != '\0')
		refused_path(req, "rename", path, rc);
	fuse_reply_err(req, -rc);
}

/* Operations that take names away, move them, or give a file one more. */
#include "fs/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "fs/gone.h"
#include "fs/moving.h"
#include "fs/retain.h"
#include "fs/sealer.h"
#include "fs/start.h"
#include "fs/version.h"
#include "fs/virtual.h"

/* A name, and what is known of it, while the tree is held for writing. */
struct place {
	struct mount *m;
	struct node *folder;
	const char *text;
	char path[NODE_PATH];
	struct node *node;	/* NULL: nothing there; held by a lookup */
	struct name *name;
	int at;			/* descriptor of the folder */
};

static void cleanup_place(struct place *p)
{
	if (p->at >= 0)
		close(p->at);
	if (p->node != NULL)
		inode_forget(p->m, p->node, 1);
}
#define PLACE(name) cleanup(place) struct place name = {.at = -1}

/* The virtual file of that name, or an error for a lookup that found none. */
static int no_such(struct mount *m, struct place *p)
{
	struct fuse_entry_param e;

	if (virtual_lookup(m, p->folder, p->text, &e) != 0)
		return -ENOENT;
	inode_forget(m, node_of(m, e.ino), 1);
	return -EPERM;
}

/* 0 with p->node NULL if there is nothing at the name. */
static int find_place(struct mount *m, fuse_ino_t parent, const char *text,
	struct place *p)
{
	struct fuse_entry_param e;
	int rc;

	p->m = m;
	p->folder = node_of(m, parent);
	p->text = text;
	if (p->folder->type == NODE_VIRTUAL)
		return -EPERM;
	rc = inode_name_ok(m, p->folder, text);
	if (rc != 0)
		return rc == -EEXIST ? -EPERM : rc;
	p->at = inode_folder_fd(m, p->folder);
	if (p->at < 0)
		return p->at;
	{
		locked(&m->lock);
		node_path_at(&m->nodes, p->folder, text, p->path);
	}
	rc = inode_lookup(m, p->folder, text, true, &e);
	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	p->node = node_of(m, e.ino);
	rc = inode_resolve(m, p->node);
	locked(&m->lock);
	p->name = node_find(&m->nodes, p->folder, text);
	return rc;
}

static bool may_change_in(enum rules_class c)
{
	return c == CLASS_VERSION || c == CLASS_APPEND;
}

/* May something be sealed there that can change?  *ret says what is to become
 * of it.  What is just being sealed is not any more, or is sealed.  The name
 * may have had another file before this one, which can be of any type and, for
 * another name that it has, of any class. */
static bool changeable(struct mount *m, const struct place *p,
	enum record_change change, const char *target, bool moves,
	struct version_name *ret)
{
	const struct item *i = &p->node->item;
	const struct name *name;

	*ret = (struct version_name){p->path, change, target, 0, moves};
	if (p->node->type == NODE_FOLDER)
		return false;
	locked(&m->lock);
	version_await(m, p->node);
	if (i->state != ST_SEALED && i->class != CLASS_APPEND)
		ret->names = 1; /* all of them are sealed anew */
	else
		for (name = p->node->names; name != NULL; name = name->node_next)
			ret->names++;
	return may_change_in(i->class) ||
		may_change_in(name_class(&m->nodes, p->name));
}

/* May the name be removed, moved or replaced?  -EPERM; 1: what is sealed there
 * has to leave; else 0. */
static int may_go(struct mount *m, const struct place *p,
	enum record_change change)
{
	struct version_name v;
	int rc;

	if (p->node->type == NODE_FOLDER) {
		rc = inode_sealed_below(m, p->node, p->path);
		return rc > 0 ? -EPERM : rc;
	}
	{
		locked(&m->lock);
		if (p->node->floor > 0 && change != RECORD_RENAMED)
			return -EPERM; /* a log, also while it grows */
		rc = p->node->type == NODE_OTHER ||
			may_change_in(p->node->item.class) ? 0 :
			settle_may_change(&p->node->item);
	}
	return rc == 0 && changeable(m, p, change, NULL, false, &v) ?
		version_may_leave(m, &v) : rc;
}

/* It does: 1; 0: nothing had to.  moves: to another name. */
static int leave(struct mount *m, const struct place *p,
	enum record_change change, const char *target, bool moves,
	struct thawed *ret)
{
	struct version_name v;
	int rc;

	*ret = (struct thawed){.fd = -1};
	if (!changeable(m, p, change, target, moves, &v))
		return 0;
	rc = version_may_leave(m, &v);
	if (rc == 1)
		rc = version_leave(m, &v, ret);
	else
		return rc;
	if (rc != 0)
		return rc;
	locked(&m->lock);
	version_shares(p->node);
	return 1;
}

/* A name of a sealed file that was never sealed itself and never will be. */
static bool spare(struct mount *m, const struct place *p)
{
	const struct node *n = p->node;

	locked(&m->lock);
	return ((n->item.state == ST_SEALED && n->keeps) ||
			n->item.state == ST_SEALING || n->floor > 0) &&
		!p->name->recorded && !class_seals(name_class(&m->nodes, p->name));
}

static int unlink_once(struct mount *m, const struct place *p, bool thaw)
{
	int rc = 0;

	cleanup(close) int fd = thaw ?
		backing_open(m->files, p->path, O_RDONLY | O_NONBLOCK) : -1;
	if (thaw)
		rc = fd < 0 ? fd : backing_flag_fd(fd, false);
	if (rc == 0 && unlinkat(p->at, p->text, 0) != 0)
		rc = -errno;
	if (thaw && fd >= 0)
		backing_flag_fd(fd, true);
	return rc;
}

/* Unlinks a name of an immutable file, or of one that becomes so just now. */
static int unlink_spare(struct mount *m, const struct place *p)
{
	struct stat st;
	int rc = backing_stat(m->files, p->path, &st);
	bool thaw;

	if (rc != 0)
		return rc;
	if (st.st_nlink < 2)
		return -EPERM;
	thaw = backing_immutable(m->files, p->path);
	rc = unlink_once(m, p, thaw);
	return rc == -EPERM && !thaw ? unlink_once(m, p, true) : rc;
}

static bool is_sealed(struct mount *m, const struct place *p)
{
	locked(&m->lock);
	return p->node->item.state == ST_SEALED;
}

static int remove_sealed(struct mount *m, const struct place *p,
	const struct retain_order *order, struct retain_gone *ret)
{
	const struct retain_place at = {p->path, p->text, p->at};

	return retain_remove(m, &at, order, ret);
}

/* What was sealed under that name stays as a version. */
static int remove_version(struct mount *m, struct place *p)
{
	struct thawed t;
	int rc = leave(m, p, RECORD_REMOVED, NULL, false, &t);

	if (rc < 0)
		return rc;
	rc = unlinkat(p->at, p->text, 0) != 0 ? -errno : 0;
	fault_point("version.removed");
	if (rc != 0)
		version_moved(m, p->node); /* recorded as gone: sealed anew */
	retain_freeze(&t);
	return rc;
}

static int remove_file(struct mount *m, struct place *p)
{
	struct retain_gone gone;
	int rc = may_go(m, p, RECORD_REMOVED), over;

	if (rc == 0) {
		rc = unlinkat(p->at, p->text, 0) != 0 ? -errno : 0;
		if (rc != -EPERM) /* or it is being sealed by now */
			return rc;
	}
	if (spare(m, p))
		return unlink_spare(m, p);
	if (!is_sealed(m, p))
		return rc == 1 ? remove_version(m, p) : rc;
	over = remove_sealed(m, p, NULL, &gone); /* for good */
	return rc == 1 && (over == -EPERM || over == -EBUSY) ?
		remove_version(m, p) : over;
}

static void forget_name(struct mount *m, struct place *p)
{
	locked(&m->lock);
	node_unname(&m->nodes, p->name);
	p->name = NULL;
	settle_folder(&m->nodes.settle, &p->folder->item, mount_now(m));
}

/* A file lost one of its names; lock held. */
static void fewer_names(struct mount *m, struct node *n)
{
	if (n->names == NULL || n->type == NODE_FOLDER)
		return;
	if (n->names->node_next == NULL && n->names->recorded)
		n->keeps = false; /* one name, and it has a record */
	inode_reclass(m, n); /* the others may be of another class */
}

static int remove_name(struct mount *m, fuse_ino_t parent, const char *text,
	bool folder)
{
	PLACE(p);
	int rc;

	TREE(m, true);
	rc = find_place(m, parent, text, &p);
	if (rc == 0 && p.node == NULL)
		rc = no_such(m, &p);
	if (rc != 0)
		return rc;
	if (!folder && p.node->type != NODE_FOLDER)
		rc = remove_file(m, &p);
	else if (unlinkat(p.at, text, folder ? AT_REMOVEDIR : 0) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	if (p.node->type == NODE_FOLDER) {
		folder_drop(m, p.node->ino);
		gone_note(m->gone, p.path);
	}
	forget_name(m, &p);
	locked(&m->lock);
	fewer_names(m, p.node);
	return 0;
}

/* The place of the order's path; its folder is held by a lookup. */
static int find_ordered(struct mount *m, const struct retain_order *order,
	char path[NODE_PATH], struct node **ret_folder, struct place *p)
{
	char *slash;
	int rc;

	memcpy(path, order->r.path.p, order->r.path.n);
	path[order->r.path.n] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	*ret_folder = start_node(m, slash == NULL ? "" : path);
	if (*ret_folder == NULL)
		return -ENOENT;
	rc = find_place(m, ino_of(m, *ret_folder),
		slash == NULL ? path : slash + 1, p);
	if (rc == 0 && (p->node == NULL || p->node->type == NODE_FOLDER))
		rc = -ENOENT;
	return rc == 0 && !is_sealed(m, p) ? -ENODATA : rc;
}

int unmake_ordered(struct mount *m, const struct retain_order *order,
	struct retain_gone *ret)
{
	char path[NODE_PATH];
	struct node *folder = NULL;
	const char *last;
	int rc;

	{
		PLACE(p);
		TREE(m, true);
		rc = find_ordered(m, order, path, &folder, &p);
		if (rc == 0)
			rc = remove_sealed(m, &p, order, ret);
		if (rc == 0)
			forget_name(m, &p);
		last = p.text;
	}
	if (rc == 0) /* it did not go through the kernel */
		fuse_lowlevel_notify_inval_entry(m->se, ino_of(m, folder),
			last, strlen(last));
	if (folder != NULL)
		inode_forget(m, folder, 1);
	return rc;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *text)
{
	struct mount *m = mount_of(req);
	int rc = remove_name(m, parent, text, false);

	fuse_reply_err(req, -refused_at(req, "unlink", parent, text, rc));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *text)
{
	struct mount *m = mount_of(req);
	int rc = remove_name(m, parent, text, true);

	fuse_reply_err(req, -rc);
}

/* -- rename -- */

/* Something sealed keeps a class that protects it as well; what can grow, or
 * has grown under another name, takes nobody's place.  A name that is not
 * recorded, of a file that is sealed under others, may only go; but one of a
 * log that grows will be with the next record, and may move. */
static int may_arrive(struct mount *m, const struct place *from,
	const struct place *to, bool recorded)
{
	const struct node *n = from->node;
	enum rules_class was, will;
	bool sealed, spare;

	locked(&m->lock);
	sealed = n->item.state == ST_SEALED;
	if (!recorded && n->floor == 0 && !sealed)
		return 0; /* nothing of it is sealed */
	was = n->floor > 0 ? CLASS_APPEND : n->item.class;
	if (!may_change_in(was))
		return 0; /* what the name had, it never was */
	will = name_class_at(&m->nodes, to->folder, to->text);
	spare = !recorded && n->names->node_next != NULL;
	return will > was || (was == CLASS_APPEND && to->node != NULL) ||
		(spare && (sealed || will < was)) ? -EPERM : 0;
}

static int may_rename(struct mount *m, struct place *from, struct place *to,
	unsigned flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	int rc;

	if (from->node == NULL)
		return no_such(m, from);
	if (to->node != NULL && (flags & RENAME_NOREPLACE) != 0)
		return -EEXIST;
	if (to->node == NULL && exchange)
		return -ENOENT;
	rc = may_go(m, from, exchange ? RECORD_REPLACED : RECORD_RENAMED);
	if (rc >= 0)
		rc = may_arrive(m, from, to, rc == 1);
	if (rc != 0 || to->node == NULL)
		return rc;
	rc = may_go(m, to, RECORD_REPLACED);
	if (rc < 0)
		return rc;
	return exchange ? may_arrive(m, to, from, rc == 1) : 0;
}

/* ready: the name that from gets, unless they exchange; it is the tree's then. */
static void move_names(struct mount *m, struct place *from, struct place *to,
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
			fewer_names(m, b);
	}
	inode_reclass(m, a);
	settle_folder(&m->nodes.settle, &from->folder->item, mount_now(m));
	settle_folder(&m->nodes.settle, &to->folder->item, mount_now(m));
}

/* Names below a folder may be of another class now.  It has moved, whatever
 * comes of this: what is missed is sealed after the next start. */
static void look_below(struct mount *m, const struct place *p,
	const char *path)
{
	int rc = p->node->type == NODE_FOLDER ? start_walk(m, path) : 0;

	if (rc != 0)
		mount_say(m, "moved, but not looked through", path, rc);
}

/* The old names, and with them all below, may have folders' records. */
static void note_gone(struct mount *m, const struct place *from,
	const struct place *to, unsigned flags)
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

static int leave_both(struct mount *m, struct place *from, struct place *to,
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
	ret->from = leave(m, from, there != NULL ? RECORD_RENAMED :
		RECORD_REPLACED, there, true, &ret->from_file);
	if (ret->from >= 0 && to->node != NULL)
		ret->to = leave(m, to, back != NULL ? RECORD_RENAMED :
			is_sealable(from->node) ? RECORD_REPLACED :
			RECORD_REMOVED, back, exchange, &ret->to_file);
	return ret->from < 0 ? ret->from : ret->to < 0 ? ret->to : 0;
}

/* Who has another name is sealed anew; who was replaced is a version only. */
static void end_leaving(struct mount *m, struct place *from, struct place *to,
	bool replaced, struct left *l)
{
	if (l->from > 0) {
		version_moved(m, from->node);
		l->from_file.flag = false;
		sealer_wake(m->sealer); /* of a log */
	}
	if (l->to > 0 && !replaced) {
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
static int may_replace(struct mount *m, const struct place *to)
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
static int rename_folder(struct mount *m, struct place *from, struct place *to,
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
		rc = may_go(m, to, RECORD_REPLACED);
	if (rc != 0)
		return rc;
	ready = node_name_new(to->folder, to->text, from->node);
	if (ready == NULL)
		return -ENOMEM;
	rc = moving_leave(m, from->path, to->path, &mv);
	fault_point("moving.leaving");
	if (rc == 0 && renameat2(from->at, from->text, to->at, to->text,
			flags) != 0)
		rc = -errno;
	if (rc == 0) {
		note_gone(m, from, to, flags);
		move_names(m, from, to, flags, &ready);
		return moving_end(m, to->path, &mv);
	}
	if (mv.left > 0)
		(void)moving_end(m, from->path, &mv);
	return rc;
}

static int rename_names(struct mount *m, struct place *from, struct place *to,
	unsigned flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	cleanup(free) struct name *ready = NULL;
	struct left left;
	int rc;

	if (from->node != NULL && from->node->type == NODE_FOLDER && !exchange)
		return rename_folder(m, from, to, flags);
	rc = may_rename(m, from, to, flags);
	if (rc != 0)
		return rc;
	ready = node_name_new(to->folder, to->text, from->node);
	if (ready == NULL)
		return -ENOMEM;
	rc = leave_both(m, from, to, flags, &left);
	if (rc == 0 && renameat2(from->at, from->text, to->at, to->text,
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
		PLACE(from);
		PLACE(to);
		TREE(m, true);
		rc = find_place(m, parent, text, &from);
		if (rc == 0)
			rc = find_place(m, new_parent, new_text, &to);
		if (rc == 0)
			rc = rename_names(m, &from, &to, flags);
		if (rc == -EPERM)
			strcpy(path, from.node != NULL && to.node != NULL &&
				may_go(m, &from, RECORD_RENAMED) >= 0 ?
				to.path : from.path);
	}
	if (*path != '\0')
		refused_path(req, "rename", path, rc);
	fuse_reply_err(req, -rc);
}

/* -- link -- */

static int link_once(struct mount *m, const char *path, const struct place *to,
	bool thaw)
{
	char from[BACKING_NAME];
	int rc;

	cleanup(close) int fd = backing_open(m->files, path, O_PATH);
	if (fd < 0)
		return fd;
	cleanup(close) int flag = thaw ?
		backing_open(m->files, path, O_RDONLY | O_NONBLOCK) : -1;
	if (thaw && flag < 0)
		return flag;
	rc = thaw ? backing_flag_fd(flag, false) : 0;
	if (rc != 0)
		return rc;
	/* The magic link is followed to the file itself, symlinks too. */
	backing_name(fd, from);
	rc = linkat(AT_FDCWD, from, to->at, to->text, AT_SYMLINK_FOLLOW) != 0 ?
		-errno : 0;
	if (thaw)
		backing_flag_fd(flag, true); /* or the next start does */
	return rc;
}

/* The flag of a file that is just being sealed may come at any moment. */
static int link_at(struct mount *m, const char *path, const struct place *to,
	bool guarded)
{
	bool thaw = guarded && backing_immutable(m->files, path);
	int rc = link_once(m, path, to, thaw);

	if (rc == -EPERM && guarded && !thaw)
		rc = link_once(m, path, to, true);
	return rc;
}

static int enter_link(struct mount *m, struct node *n, const struct place *to,
	bool recorded)
{
	struct name *name;

	locked(&m->lock);
	name = node_name(&m->nodes, to->folder, to->text, n);
	if (name == NULL)
		return -ENOMEM;
	name->unsynced = true;
	n->lookups++;
	settle_renamed(&m->nodes.settle, &n->item, node_class(&m->nodes, n),
		mount_now(m));
	settle_folder(&m->nodes.settle, &to->folder->item, mount_now(m));
	name->recorded = recorded;
	/* It was sealed meanwhile, without this name. */
	if (!recorded && n->item.state == ST_SEALED)
		sealer_late(m->sealer, n);
	else if (!recorded && n->floor > 0)
		settle_grow(&m->nodes.settle, &n->item, mount_now(m), false);
	return 0;
}

/* The link's record.  What there is no room for now is recorded with one of the
 * next groups, or by the next start: it is durable in its folder.  1, or 0: it
 * is owed. */
static int record_link(struct mount *m, struct node *n, const char *path,
	const struct place *to)
{
	struct name *name;
	int rc = sealer_link(m->sealer, path, to->path);

	if (rc != -ENOSPC && rc != -EDQUOT)
		return rc != 0 ? rc : 1;
	mount_say(m, "a link is recorded later", to->path, rc);
	locked(&m->lock);
	for (name = n->names; name != NULL; name = name->node_next)
		if (name == node_first_name(n))
			name->recorded = true; /* the one at path */
	return 0;
}

static void undo_link(struct mount *m, const struct place *to, bool guarded)
{
	if (unlink_once(m, to, false) == -EPERM && guarded)
		(void)unlink_once(m, to, true);
}

static int add_link(struct mount *m, struct node *n, struct place *to,
	struct fuse_entry_param *ret)
{
	bool sealed, guarded, other = n->type == NODE_OTHER;
	enum rules_class class;
	char path[NODE_PATH];
	struct stat st;
	int rc = inode_path(m, n, path);

	if (rc < 0)
		return rc;
	rc = other ? 0 : inode_resolve(m, n);
	if (rc != 0)
		return rc;
	{
		locked(&m->lock);
		version_await(m, n);
		sealed = n->item.state == ST_SEALED;
		guarded = sealed || n->item.state == ST_SEALING ||
			n->floor > 0;
		class = name_class_at(&m->nodes, to->folder, to->text);
		if (guarded && (!class_seals(class) || class < n->item.class))
			return -EPERM; /* no way out of protection, nor one for
				which the file would have to be better kept */
	}
	rc = link_at(m, path, to, guarded);
	if (rc != 0)
		return rc;
	rc = backing_stat(m->files, to->path, &st);
	if (rc == 0 && sealed)
		rc = record_link(m, n, path, to);
	if (rc >= 0)
		rc = enter_link(m, n, to, rc == 1);
	if (rc != 0) {
		undo_link(m, to, guarded);
		return rc;
	}
	locked(&m->lock);
	if (sealed)
		n->keeps = n->keeps || n->item.class != CLASS_SEAL;
	inode_entry(m, n, &st, ret);
	return 0;
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
	const char *text)
{
	struct mount *m = mount_of(req);
	struct fuse_entry_param e;
	int rc;

	{
		PLACE(to);
		struct node *n = node_of(m, ino);
		TREE(m, true);
		rc = n->type == NODE_VIRTUAL ? -EPERM :
			find_place(m, new_parent, text, &to);
		if (rc == 0 && to.node != NULL)
			rc = -EEXIST;
		if (rc == 0)
			rc = add_link(m, n, &to, &e);
	}
	if (rc != 0)
		fuse_reply_err(req,
			-refused(req, "link", node_of(m, ino), rc));
	else if (fuse_reply_entry(req, &e) != 0)
		inode_forget(m, node_of(m, e.ino), 1);
}

/* Operations that take names away. */
#include "fs/entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "fs/gone.h"
#include "fs/start.h"

/* Can it be that the name of a sealed file was never sealed itself, and never
 * will be? */
static bool seems_spare(struct mount *m, const struct entry *p)
{
	const struct node *n = p->node;

	locked(&m->lock);
	return ((n->item.state == ST_SEALED && n->keeps) ||
			n->item.state == ST_SEALING || n->floor > 0) &&
		!p->name->recorded && !class_seals(name_class(&m->nodes, p->name));
}

/* Memory may have let go of a name's record, and the rules have changed. */
static bool spare(struct mount *m, const struct entry *p)
{
	struct version_seal seal;
	struct stat st;

	return seems_spare(m, p) && backing_stat(m->files, p->path, &st) == 0 &&
		version_look(m, p->path, &st, &seal) == 0 && !seal.sealed &&
		seal.floor == 0;
}

/* Unlinks a name of an immutable file, or of one that becomes so just now. */
static int unlink_spare(struct mount *m, const struct entry *p)
{
	struct stat st;
	int rc = backing_stat(m->files, p->path, &st);
	bool thaw;

	if (rc != 0)
		return rc;
	if (st.st_nlink < 2)
		return -EPERM;
	thaw = backing_immutable(m->files, p->path);
	rc = entry_unlink(m, p, thaw);
	return rc == -EPERM && !thaw ? entry_unlink(m, p, true) : rc;
}

static bool is_sealed(struct mount *m, const struct entry *p)
{
	locked(&m->lock);
	return p->node->item.state == ST_SEALED;
}

static int remove_sealed(struct mount *m, const struct entry *p,
	const struct retain_order *order, struct retain_gone *ret)
{
	const struct retain_place at = {p->path, p->text, p->in->fd};

	return retain_remove(m, &at, order, ret);
}

/* What was sealed under that name stays as a version. */
static int remove_version(struct mount *m, struct entry *p)
{
	struct thawed t;
	int rc = entry_leave(m, p, RECORD_REMOVED, NULL, false, &t);

	if (rc < 0)
		return rc;
	rc = unlinkat(p->in->fd, p->text, 0) != 0 ? -errno : 0;
	fault_point("version.removed");
	if (rc != 0)
		version_moved(m, p->node); /* recorded as gone: sealed anew */
	t.flag = t.flag && !p->first;
	retain_freeze(&t);
	return rc;
}

static int remove_file(struct mount *m, struct entry *p)
{
	struct retain_gone gone;
	int rc = entry_may_go(m, p, RECORD_REMOVED), over;

	if (rc == 0) {
		rc = unlinkat(p->in->fd, p->text, 0) != 0 ? -errno : 0;
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

static void forget_name(struct mount *m, struct entry *p)
{
	locked(&m->lock);
	node_unname(&m->nodes, p->name);
	p->name = NULL;
	settle_folder(&m->nodes.settle, &p->folder->item, mount_now(m));
}

static int remove_name(struct mount *m, fuse_ino_t parent, const char *text,
	bool folder)
{
	ENTRY(p);
	int rc;

	if (!folder)
		version_await_name(m, node_of(m, parent), text);
	TREE(m, true);
	rc = entry_find(m, parent, text, &p);
	if (rc == 0 && p.node == NULL)
		rc = entry_missing(m, &p);
	if (rc != 0)
		return rc;
	if (!folder && p.node->type != NODE_FOLDER)
		rc = remove_file(m, &p);
	else if (unlinkat(p.in->fd, text, folder ? AT_REMOVEDIR : 0) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	if (p.node->type == NODE_FOLDER) {
		folder_drop(m, p.node->ino);
		gone_note(m->gone, p.path);
	}
	forget_name(m, &p);
	if (p.first)
		version_moved(m, p.node);
	locked(&m->lock);
	entry_fewer_names(m, p.node);
	return 0;
}

/* The entry at the order's path; its folder is held by a lookup. */
static int find_ordered(struct mount *m, const struct retain_order *order,
	char path[NODE_PATH], struct node **ret_folder, struct entry *p)
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
	rc = entry_find(m, ino_of(m, *ret_folder),
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
		ENTRY(p);
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

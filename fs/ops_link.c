/* Gives a file one more name. */
#include "fs/entry.h"

#include <errno.h>
#include <fcntl.h>

#include "fs/sealer.h"

static int link_once(struct mount *m, const char *path, const struct entry *to,
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
	rc = linkat(AT_FDCWD, from, to->in->fd, to->text,
		AT_SYMLINK_FOLLOW) != 0 ? -errno : 0;
	if (thaw)
		backing_flag_fd(flag, true); /* or the next start does */
	return rc;
}

/* The flag of a file that is just being sealed may come at any moment. */
static int link_at(struct mount *m, const char *path, const struct entry *to,
	bool guarded)
{
	bool thaw = guarded && backing_immutable(m->files, path);
	int rc = link_once(m, path, to, thaw);

	if (rc == -EPERM && guarded && !thaw)
		rc = link_once(m, path, to, true);
	return rc;
}

static int enter_link(struct mount *m, struct node *n, const struct entry *to,
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
	const struct entry *to)
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

static void undo_link(struct mount *m, const struct entry *to, bool guarded)
{
	if (entry_unlink(m, to, false) == -EPERM && guarded)
		(void)entry_unlink(m, to, true);
}

static int add_link(struct mount *m, struct node *n, struct entry *to,
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
		class = name_class_at(&m->nodes, to->folder, to->text,
			false);
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
		ENTRY(to);
		struct node *n = node_of(m, ino);
		version_await_asked(m, n, false);
		TREE(m, true);
		rc = n->type == NODE_VIRTUAL ? -EPERM :
			entry_find(m, new_parent, text, &to);
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

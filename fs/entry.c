#include "fs/entry.h"

#include <errno.h>
#include <fcntl.h>

#include "fs/virtual.h"

void cleanup_entry(struct entry *p)
{
	if (p->in != NULL)
		folder_release(p->in);
	if (p->node != NULL)
		inode_forget(p->m, p->node, 1);
}

int entry_missing(struct mount *m, struct entry *p)
{
	struct fuse_entry_param e;

	if (virtual_lookup(m, p->folder, p->text, &e) != 0)
		return -ENOENT;
	inode_forget(m, node_of(m, e.ino), 1);
	return -EPERM;
}

int entry_find(struct mount *m, fuse_ino_t parent, const char *text,
	struct entry *p)
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
	rc = folder_hold(m, p->folder, &p->in);
	if (rc != 0)
		return rc;
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

/* May something be sealed there that can change?  *ret says what is to become
 * of it.  What is just being sealed is not any more, or is sealed.  The name
 * may have had another file before this one, which can be of any type and, for
 * another name that it has, of any class. */
static bool changeable(struct mount *m, const struct entry *p,
	enum record_change change, const char *target, bool moves,
	struct version_name *ret)
{
	const struct item *i = &p->node->item;
	struct name *name;

	*ret = (struct version_name){.path = p->path, .change = change,
		.target = target, .moves = moves};
	if (p->node->type == NODE_FOLDER)
		return false;
	locked(&m->lock);
	version_await(m, p->node);
	if (i->state != ST_SEALED && i->class != CLASS_APPEND)
		ret->names = 1; /* all of them are sealed anew */
	else
		for (name = p->node->names; name != NULL;
			name = name->node_next) {
			ret->names++;
			ret->spare = ret->spare || !class_seals(
				name_class(&m->nodes, name));
		}
	return class_changes(i->class) ||
		class_changes(name_class(&m->nodes, p->name));
}

int entry_may_go(struct mount *m, const struct entry *p,
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
			class_changes(p->node->item.class) ? 0 :
			settle_may_change(&p->node->item);
	}
	return rc == 0 && changeable(m, p, change, NULL, false, &v) ?
		version_may_leave(m, &v) : rc;
}

int entry_leave(struct mount *m, struct entry *p,
	enum record_change change, const char *target, bool moves,
	struct thawed *ret)
{
	struct version_name v;
	int rc;

	*ret = (struct thawed){.fd = -1};
	if (!changeable(m, p, change, target, moves, &v))
		return 0;
	rc = version_may_leave(m, &v);
	if (rc != 1)
		return rc;
	rc = version_leave(m, &v, ret, &p->first);
	if (rc != 0)
		return rc;
	locked(&m->lock);
	version_shares(p->node);
	return 1;
}

int entry_unlink(struct mount *m, const struct entry *p, bool thaw)
{
	int rc = 0;

	cleanup(close) int fd = thaw ?
		backing_open(m->files, p->path, O_RDONLY | O_NONBLOCK) : -1;
	if (thaw)
		rc = fd < 0 ? fd : backing_flag_fd(fd, false);
	if (rc == 0 && unlinkat(p->in->fd, p->text, 0) != 0)
		rc = -errno;
	if (thaw && fd >= 0)
		backing_flag_fd(fd, true);
	return rc;
}

void entry_fewer_names(struct mount *m, struct node *n)
{
	if (n->names == NULL || n->type == NODE_FOLDER)
		return;
	if (n->names->node_next == NULL && n->names->recorded)
		n->keeps = false; /* one name, and it has a record */
	inode_reclass(m, n); /* the others may be of another class */
}

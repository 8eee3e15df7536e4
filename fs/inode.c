#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fs/version.h"
#include "fs/virtual.h"

void mount_make_room(struct mount *m)
{
	if (m->s.make_room != NULL)
		m->s.make_room(m->s.ctx);
}

void mount_say(struct mount *m, const char *what, const char *path, int rc)
{
	if (m->s.say != NULL)
		m->s.say(m->s.ctx, what, *path == '\0' ? "/" : path, rc);
}

int inode_path(struct mount *m, struct node *n, char ret[NODE_PATH])
{
	locked(&m->lock);
	return node_path(&m->nodes, n, ret);
}

/* The folder that the node's path leads through, and its name there. */
static int hold_above(struct mount *m, struct node *n, struct folder **ret,
	char text[NAME_MAX + 1])
{
	struct node *above;
	const struct name *name;
	int rc;

	{
		locked(&m->lock);
		name = node_first_name(n);
		if (name == NULL)
			return -ENOENT;
		strcpy(text, name->text);
		above = name->parent;
		above->refs++;
	}
	rc = folder_hold(m, above, ret);
	locked(&m->lock);
	above->refs--;
	node_put(&m->nodes, above);
	return rc;
}

int inode_open(struct mount *m, struct node *n, int flags)
{
	cleanup(folder) struct folder *d = NULL;
	char text[NAME_MAX + 1];
	int rc;

	if (n == m->nodes.root)
		return backing_open(m->files, "", flags);
	rc = hold_above(m, n, &d, text);
	return rc != 0 ? rc : backing_open(d->fd, text, flags);
}

int inode_fd(struct mount *m, struct node *n)
{
	int fd = -1;

	{
		locked(&m->lock);
		if (n->handles != NULL && n->handles->fd >= 0)
			fd = fcntl(n->handles->fd, F_DUPFD_CLOEXEC, 0);
	}
	return fd >= 0 ? fd : inode_open(m, n, O_PATH);
}

static int stat_folder(struct mount *m, struct node *n, struct stat *ret)
{
	cleanup(folder) struct folder *d = NULL;
	int rc = folder_hold(m, n, &d);

	if (rc != 0)
		return rc;
	return fstat(d->fd, ret) != 0 ? -errno : 0;
}

/* Of a name in a folder: not through symlinks or into another file system, as
 * backing_open() would not. */
static int stat_in(const struct folder *d, const char *text, struct stat *ret)
{
	if (fstatat(d->fd, text, ret,
			AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return -errno;
	return ret->st_dev == d->dev ? 0 : -EXDEV;
}

static int stat_named(struct mount *m, struct node *n, struct stat *ret)
{
	cleanup(folder) struct folder *d = NULL;
	char text[NAME_MAX + 1];
	int rc = hold_above(m, n, &d, text);

	return rc != 0 ? rc : stat_in(d, text, ret);
}

int inode_stat(struct mount *m, struct node *n, struct stat *ret)
{
	int rc = n->type == NODE_FOLDER ? stat_folder(m, n, ret) :
		stat_named(m, n, ret);

	if (rc != -ENOENT)
		return rc;
	cleanup(close) int fd = inode_fd(m, n); /* unlinked, and open */

	if (fd < 0)
		return fd;
	return fstat(fd, ret) != 0 ? -errno : 0;
}

void inode_join(struct mount *m, struct node *n, const struct stat *st)
{
	n->unknown = false;
	n->special = (st->st_mode & (S_ISUID | S_ISGID)) != 0;
	n->item.empty = st->st_size == 0;
	n->end = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	n->written = n->end;
	if ((uint64_t)st->st_blocks * 512 < n->written)
		n->written = (uint64_t)st->st_blocks * 512; /* it has holes */
	n->shared = st->st_nlink > 1;
	settle_join(&m->nodes.settle, &n->item, node_class(&m->nodes, n),
		mount_now(m));
	n->whole = n->shared && !n->grows;
	/* A log that was cut off while it was renamed: X4 of version.h. */
	if (n->shared && n->item.class == CLASS_APPEND &&
		n->floor < (uint64_t)st->st_size)
		n->floor = (uint64_t)st->st_size;
}

/* Its first name has a record, if that is the one at path still; lock held. */
static void first_recorded(struct mount *m, struct node *n, const char *path)
{
	const struct name *first = node_first_name(n);
	char now[NODE_PATH];
	struct name *name;

	if (node_path(&m->nodes, n, now) < 0 || strcmp(now, path) != 0)
		return;
	for (name = n->names; name != NULL; name = name->node_next)
		if (name == first)
			name->recorded = true;
}

int inode_resolve(struct mount *m, struct node *n)
{
	struct version_seal seal;
	char path[NODE_PATH];
	struct stat st;
	int rc;

	{
		locked(&m->lock);
		if (!n->unknown)
			return 0;
		rc = node_path(&m->nodes, n, path);
		if (rc < 0)
			return rc;
	}
	rc = backing_stat(m->files, path, &st);
	if (rc == 0)
		rc = version_look(m, path, &st, &seal);
	if (rc != 0)
		return rc;
	locked(&m->lock);
	if (!n->unknown)
		return 0;
	n->unknown = false;
	n->floor = seal.floor;
	n->grows = seal.floor > 0;
	if (seal.sealed) {
		settle_known(&m->nodes.settle, &n->item, seal.class);
		first_recorded(m, n, path);
	} else {
		inode_join(m, n, &st);
	}
	return 0;
}

double inode_timeout(const struct node *n)
{
	return n->item.writers > 0 || n->escaped ? TIMEOUT_OPEN :
		TIMEOUT_CLOSED;
}

void inode_entry(struct mount *m, struct node *n, const struct stat *st,
	struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){
		.ino = ino_of(m, n),
		.generation = n->generation,
		.attr = *st,
		.attr_timeout = inode_timeout(n),
		.entry_timeout = TIMEOUT_CLOSED,
	};
	keptlinks_hide(&m->keptlinks, &ret->attr);
}

/* The node at (folder, text) for what stat said. */
static int remember_node(struct mount *m, struct node *folder,
	const char *text, const struct stat *st, bool remember,
	struct fuse_entry_param *ret)
{
	enum node_type type = node_type_of(st->st_mode);
	struct node *n;

	locked(&m->lock);
	n = node_get(&m->nodes, st->st_ino, type);
	if (n == NULL)
		return -ENOMEM;
	if (n->names == NULL && n->item.state == ST_NONE)
		n->unknown = type == NODE_FILE || type == NODE_SYMLINK;
	if (node_name(&m->nodes, folder, text, n) == NULL) {
		node_put(&m->nodes, n);
		return -ENOMEM;
	}
	n->lookups += remember;
	inode_entry(m, n, st, ret);
	return 0;
}

static int stat_at(struct mount *m, struct node *folder, const char *text,
	struct stat *ret)
{
	cleanup(folder) struct folder *d = NULL;
	int rc;

	if (*text == '.' && (text[1] == '\0' ||
			(text[1] == '.' && text[2] == '\0')))
		return -ENOENT;
	rc = folder_hold(m, folder, &d);
	return rc != 0 ? rc : stat_in(d, text, ret);
}

int inode_lookup(struct mount *m, struct node *folder, const char *text,
	bool remember, struct fuse_entry_param *ret)
{
	char path[NODE_PATH];
	struct name *stale;
	struct stat st;
	int rc;

	{
		locked(&m->lock);
		rc = node_path_at(&m->nodes, folder, text, path);
	}
	if (rc < 0)
		return rc;
	if (folder == m->nodes.root && strcmp(text, NOTARY_DIR) == 0)
		return -ENOENT;
	rc = stat_at(m, folder, text, &st);
	if (rc == 0)
		return remember_node(m, folder, text, &st, remember, ret);
	if (rc != -ENOENT)
		return rc;
	locked(&m->lock);
	stale = node_find(&m->nodes, folder, text);
	if (stale != NULL && stale->node->type != NODE_VIRTUAL)
		node_unname(&m->nodes, stale); /* gone behind our back */
	return -ENOENT;
}

void inode_forget(struct mount *m, struct node *n, uint64_t lookups)
{
	locked(&m->lock);
	n->lookups -= lookups < n->lookups ? lookups : n->lookups;
	node_put(&m->nodes, n);
}

void inode_folder_changed(struct mount *m, struct node *folder)
{
	locked(&m->lock);
	if (folder == m->nodes.root || folder->names != NULL)
		settle_folder(&m->nodes.settle, &folder->item, mount_now(m));
}

int inode_name_ok(struct mount *m, struct node *folder, const char *text)
{
	char path[NODE_PATH];
	int rc;

	if (folder->type == NODE_VIRTUAL)
		return -EPERM;
	if (folder == m->nodes.root && strcmp(text, NOTARY_DIR) == 0)
		return -EEXIST;
	locked(&m->lock);
	rc = node_path_at(&m->nodes, folder, text, path);
	return rc < 0 ? rc : 0;
}

/* 0: begun; 1: it is sealed; -EAGAIN: it must first be unsealed. */
static int begin_change(struct mount *m, struct node *n,
	enum inode_change what)
{
	locked(&m->lock);
	if (what != CHANGE_KEEPING)
		version_await(m, n);
	if (n->floor > 0 && what != CHANGE_SIZE)
		return 1; /* X4 */
	if (what != CHANGE_KEEPING && version_may_change(n))
		return n->names != NULL ? -EAGAIN : 1;
	if (n->item.state == ST_SEALED || n->item.state == ST_SEALING)
		return 1;
	settle_change(&m->nodes.settle, &n->item);
	return 0;
}

int inode_change(struct mount *m, struct node *n, enum inode_change what)
{
	int rc = inode_resolve(m, n);

	while (rc == 0) {
		rc = begin_change(m, n, what);
		if (rc != -EAGAIN)
			return rc;
		rc = version_unseal(m, n);
	}
	return rc;
}

void inode_changed(struct mount *m, struct node *n)
{
	locked(&m->lock);
	if (n->type == NODE_FOLDER) {
		if (n == m->nodes.root || n->names != NULL)
			settle_folder(&m->nodes.settle, &n->item,
				mount_now(m));
		return;
	}
	settle_changed(&m->nodes.settle, &n->item, mount_now(m));
}

void inode_unchanged(struct mount *m, struct node *n)
{
	locked(&m->lock);
	settle_changed(&m->nodes.settle, &n->item, n->item.last_ms);
}

static int is_sealed(void *ctx, const struct local_record *r)
{
	(void)ctx;
	return record_seals(r->kind);
}

/* Is it sealed, and not under all of its names?  In class version those that
 * are owed a record are sealed anew with the others. */
static bool has_spare(struct mount *m, const struct node *n)
{
	struct name *name;

	if (!n->keeps || n->item.state != ST_SEALED)
		return false;
	if (n->item.class != CLASS_VERSION)
		return true;
	for (name = n->names; name != NULL; name = name->node_next)
		if (!name->recorded &&
			!class_seals(name_class(&m->nodes, name)))
			return true;
	return false;
}

bool inode_unrecorded_below(struct mount *m, const struct node *folder)
{
	const struct node *n;

	locked(&m->lock);
	for (n = m->nodes.all; n != NULL; n = n->all_next)
		if ((n->item.state == ST_SEALING || has_spare(m, n)) &&
			node_below(n, folder))
			return true;
	return false;
}

int inode_sealed_below(struct mount *m, struct node *n, const char *path)
{
	if (inode_unrecorded_below(m, n))
		return 1;
	return m->s.local->ops->below(m->s.local, BYTES(path, strlen(path)),
		false, is_sealed, NULL);
}

void inode_reclass(struct mount *m, struct node *n)
{
	struct settle *s = &m->nodes.settle;
	uint64_t now = mount_now(m);
	struct item *i, *next;

	if (n->type != NODE_FOLDER) {
		settle_renamed(s, &n->item, node_class(&m->nodes, n), now);
		return;
	}
	settle_folder(s, &n->item, now); /* recorded under its new path */
	for (i = s->pending; i != NULL; i = next) {
		next = i->next;
		if (i == &n->item || !node_below(node_of_item(i), n))
			continue;
		if (i->kind == ITEM_FOLDER)
			settle_folder(s, i, now);
		else
			settle_renamed(s, i,
				node_class(&m->nodes, node_of_item(i)), now);
	}
}

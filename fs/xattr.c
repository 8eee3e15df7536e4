/* Extended attributes: those of files/; user.notary.* has a file of its own. */
#include "fs/inner.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fs/caller.h"
#include "fs/ours.h"
#include "fs/version.h"
#include "fs/virtual.h"

#define VALUE_MAX ((size_t)64 << 10) /* bytes; the kernel's own limit */

void xattr_reply(fuse_req_t req, struct bytes v, size_t size)
{
	if (v.n > VALUE_MAX)
		fuse_reply_err(req, E2BIG);
	else if (size == 0)
		fuse_reply_xattr(req, v.n);
	else if (v.n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, (const char *)v.p, v.n);
}

/* What has the attribute of that name.  Virtual files have none, but a folder
 * that mirrors a real one has its access control list. */
static int fd_of_node(struct mount *m, struct node *n, const char *name)
{
	char path[NODE_PATH];
	int rc;

	if (n->type != NODE_VIRTUAL)
		return inode_fd(m, n);
	rc = name != NULL && strcmp(name, "system.posix_acl_access") == 0 ?
		virtual_mirrored(m, n, path) : -ENODATA;
	return rc != 0 ? rc : backing_open(m->files, path, O_PATH);
}

/* Value, list or its size through one of the kernel's calls; name NULL: of no
 * one attribute. */
static int name_of_node(struct mount *m, struct node *n, const char *name,
	int *ret_fd, char ret[BACKING_NAME])
{
	int fd = fd_of_node(m, n, name);

	if (fd < 0)
		return fd;
	backing_name(fd, ret);
	*ret_fd = fd;
	return 0;
}

/* Most files have none at all, and ls and the kernel ask each for several:
 * that there is none is asked once and then known until one is set. */
static bool is_bare(struct mount *m, struct node *n)
{
	char path[BACKING_NAME];
	uint32_t changes;
	int fd = -1;
	bool none;

	{
		locked(&m->lock);
		if (n->bare)
			return true;
		changes = n->changes;
	}
	TREE(m, false);
	if (name_of_node(m, n, NULL, &fd, path) != 0)
		return false;
	none = flistxattr(fd, NULL, 0) == 0 || (errno == EBADF &&
		listxattr(path, NULL, 0) == 0); /* O_PATH has no list */
	close(fd);
	locked(&m->lock);
	n->bare = none && n->changes == changes;
	return none;
}

/* ls -l asks each file for its label, but no more of a file system that once
 * said it has none.  Where SELinux runs, its own answer comes before ours. */
static int none_of(const struct mount *m, const char *name)
{
	return !m->labels && strcmp(name, "security.selinux") == 0 ?
		EOPNOTSUPP : ENODATA;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	char path[BACKING_NAME];
	ssize_t got = -1;
	int fd = -1, rc;

	if (ours_name(name) != NULL && n->type != NODE_VIRTUAL) {
		ours_get(req, n, ours_name(name), size);
		return;
	}
	if (n->type != NODE_VIRTUAL && is_bare(m, n)) {
		fuse_reply_err(req, none_of(m, name));
		return;
	}
	cleanup(free) char *p = size > 0 ? malloc(size) : NULL;
	if (size > 0 && p == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	{
		TREE(m, false);
		rc = name_of_node(m, n, name, &fd, path);
	}
	if (rc == 0) {
		got = getxattr(path, name, p, size);
		rc = got < 0 ? -errno : 0;
		close(fd);
	}
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)got);
	else
		fuse_reply_buf(req, p, (size_t)got);
}

/* Of a list that files/ gave us, who are root: without ours, and without those
 * that only root sees. */
static size_t shown(char *p, size_t n, bool root)
{
	size_t in = 0, out = 0, len;

	while (in < n) {
		len = strlen(p + in) + 1;
		if (ours_name(p + in) == NULL &&
			(root || strncmp(p + in, "trusted.", 8) != 0)) {
			memmove(p + out, p + in, len);
			out += len;
		}
		in += len;
	}
	return out;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct mount *m = mount_of(req);
	cleanup(free) char *p = malloc(VALUE_MAX);
	char path[BACKING_NAME];
	ssize_t got = 0;
	int fd = -1, rc;

	if (p == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	{
		TREE(m, false);
		rc = name_of_node(m, node_of(m, ino), NULL, &fd, path);
	}
	if (rc == 0) {
		got = listxattr(path, p, VALUE_MAX);
		rc = got < 0 ? -errno : 0;
		close(fd);
	}
	if (rc != 0 && rc != -ENODATA && rc != -EOPNOTSUPP)
		fuse_reply_err(req, -rc);
	else
		xattr_reply(req, BYTES(p, rc == 0 ?
			shown(p, (size_t)got, fuse_req_ctx(req)->uid == 0) : 0),
			size);
}

/* Has it that value already (value NULL: has it none)? */
static bool xattr_same(const char *path, const char *name, const char *value,
	size_t size)
{
	cleanup(free) char *p = malloc(VALUE_MAX);
	ssize_t got = p == NULL ? -1 : getxattr(path, name, p, VALUE_MAX);

	return value != NULL && got >= 0 && (size_t)got == size &&
		memcmp(p, value, size) == 0;
}

/* Does this access list of a file that has none say what its mode says?  Such a
 * one is what chacl -B sets; no file system keeps it. */
static bool is_mode(const char *path, const char *name, const char *value,
	size_t size)
{
	const uint16_t tags[] = {ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_OTHER};
	struct posix_acl_xattr_header head;
	struct posix_acl_xattr_entry e[3];
	mode_t mode = 0;
	struct stat st;

	if (strcmp(name, "system.posix_acl_access") != 0 || value == NULL ||
		size != sizeof head + sizeof e || stat(path, &st) != 0)
		return false;
	memcpy(&head, value, sizeof head);
	memcpy(e, value + sizeof head, sizeof e);
	for (size_t i = 0; i < 3; i++) {
		if (le16toh(e[i].e_tag) != tags[i])
			return false;
		mode = mode << 3 | le16toh(e[i].e_perm);
	}
	return le32toh(head.a_version) == POSIX_ACL_XATTR_VERSION &&
		mode == (st.st_mode & 0777);
}

/* What is said where nothing may change: as any file system says what cannot be
 * done anyway, and 0 for what is there already. */
static int unchanged(const char *path, const char *name, const char *value,
	size_t size, int flags)
{
	bool has = getxattr(path, name, NULL, 0) >= 0;

	if (!has && errno == ENODATA &&
		(value == NULL || (flags & XATTR_REPLACE) != 0))
		return -ENODATA;
	if (has && value != NULL && (flags & XATTR_CREATE) != 0)
		return -EEXIST;
	return xattr_same(path, name, value, size) ||
		(!has && is_mode(path, name, value, size)) ? 0 : -EPERM;
}

/* Does what is sealed, though it may change, stay as it is?  1, 0, or the error
 * that this ends with. */
static int stays(struct mount *m, struct node *n, const char *path,
	const char *name, const char *value, size_t size, int flags)
{
	if (n->type == NODE_FOLDER || !version_sealed(m, n))
		return 0;
	if (value == NULL)
		return getxattr(path, name, NULL, 0) < 0 ? -errno : 0;
	return flags == 0 && xattr_same(path, name, value, size);
}

/* Who gives a file of another group an access list takes its setgid bit. */
static int drop_setgid(fuse_req_t req, int fd, const char *path,
	const char *name)
{
	struct stat st;

	if (strcmp(name, "system.posix_acl_access") != 0)
		return 0;
	if (fstat(fd, &st) != 0)
		return -errno;
	if ((st.st_mode & S_ISGID) == 0 || caller_in_group(req, st.st_gid))
		return 0;
	return chmod(path, st.st_mode & 07777 & ~(mode_t)S_ISGID) != 0 ?
		-errno : 0;
}

static int change_xattr(fuse_req_t req, struct node *n, const char *name,
	const char *value, size_t size, int flags)
{
	struct mount *m = mount_of(req);
	char path[BACKING_NAME];
	int fd = -1, rc;

	if (n->type == NODE_VIRTUAL)
		return -EPERM;
	version_await_asked(m, n, false);
	TREE(m, false);
	rc = name_of_node(m, n, NULL, &fd, path);
	if (rc != 0)
		return rc;
	cleanup(close) int close_fd = fd;
	rc = stays(m, n, path, name, value, size, flags);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = n->type == NODE_FOLDER ? 0 : inode_change(m, n, CHANGE_ATTRIBUTES);
	if (rc > 0)
		return unchanged(path, name, value, size, flags);
	if (rc < 0)
		return rc;
	if (value != NULL)
		rc = setxattr(path, name, value, size, flags);
	else
		rc = removexattr(path, name);
	rc = rc != 0 ? -errno : 0;
	if (rc == 0 && value != NULL)
		rc = drop_setgid(req, fd, path, name);
	{
		locked(&m->lock);
		n->bare = false;
		n->changes++;
	}
	if (n->type == NODE_FOLDER)
		folder_drop(m, n->ino); /* its default ACL */
	inode_changed(m, n);
	return rc;
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
	const char *value, size_t size, int flags)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	const char *ours = ours_name(name);

	if (ours != NULL)
		ours_set(req, n, ours, BYTES(value, size));
	else
		fuse_reply_err(req, -refused(req, "setxattr", n,
			change_xattr(req, n, name, value, size, flags)));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct mount *m = mount_of(req);
	const char *ours = ours_name(name);
	struct node *n = node_of(m, ino);

	fuse_reply_err(req, -refused(req, "removexattr", n, ours != NULL ?
		ours_remove(req, n, ours) :
		change_xattr(req, n, name, NULL, 0, 0)));
}

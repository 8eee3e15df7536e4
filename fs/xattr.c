/* Extended attributes: those of files/, and our own user.notary.*. */
#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fs/binding.h"
#include "fs/caller.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/version.h"
#include "fs/virtual.h"

#define OURS "user.notary."
/* What the value begins with where a folder is asked: "link:NAME" and
 * "file:NAME" of user.notary.seal, "file:NAME/CASE" of user.notary.hold. */
#define LINK "link:"
#define FILE_OF "file:"
#define VALUE_MAX ((size_t)64 << 10) /* bytes; the kernel's own limit */

static const char *our_name(const char *name)
{
	size_t n = sizeof OURS - 1;

	return strncmp(name, OURS, n) == 0 ? name + n : NULL;
}

static void reply_value(fuse_req_t req, struct bytes v, size_t size)
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

static void reply_text(fuse_req_t req, const char *text, size_t size)
{
	reply_value(req, BYTES(text, strlen(text)), size);
}

struct record_seen {
	struct buf d;
	bool final;
	int rc;
};

static int see(void *ctx, const struct local_record *r)
{
	struct record_seen *f = ctx;

	f->final = r->final && record_seals(r->kind);
	/* A folder that is there again has no record yet. */
	f->rc = record_gone(r->kind) ? -ENOENT :
		buf_copy(r->d, &f->d);
	return 0;
}

static void reply_record(fuse_req_t req, const char *path, bool state,
	size_t size)
{
	struct local *l = mount_of(req)->s.local;
	struct record_seen f = {0};
	int rc = l->ops->find(l, BYTES(path, strlen(path)), see, &f);

	if (rc == 0)
		rc = f.rc;
	if (rc != 0)
		fuse_reply_err(req, rc == -ENOENT ? ENODATA : -rc);
	else if (state)
		reply_text(req, f.final ? "notarized" : "sealed", size);
	else
		reply_value(req, BUF_BYTES(&f.d), size);
	buf_free(&f.d);
}

static void reply_state(fuse_req_t req, struct node *n, const char *path,
	size_t size)
{
	struct mount *m = mount_of(req);
	const char *name;
	enum seal_state state;

	{
		locked(&m->lock);
		state = n->item.state;
	}
	name = settle_state_name(state);
	if (state == ST_SEALED)
		reply_record(req, path, true, size);
	else if (name != NULL)
		reply_text(req, name, size);
	else
		fuse_reply_err(req, ENODATA);
}

static void reply_cert(fuse_req_t req, const char *path, size_t size)
{
	cleanup(buf) struct buf cert = {0};
	int rc = virtual_cert(mount_of(req), path, &cert);

	if (rc != 0)
		fuse_reply_err(req,
			rc == -ENOENT || rc == -EAGAIN ? ENODATA : -rc);
	else
		reply_value(req, BUF_BYTES(&cert), size);
}

static void reply_until(fuse_req_t req, const struct retention *t, size_t size)
{
	char text[RETENTION_TEXT];

	if (t->until == 0) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	retention_text(t->until, text);
	reply_text(req, text, size);
}

/* One case a line. */
static void reply_holds(fuse_req_t req, const struct retention *t, size_t size)
{
	char text[RETENTION_HOLDS_MAX * (RECORD_CASE_MAX + 1)];
	size_t n = 0, i;

	for (i = 0; i < t->n_holds; i++) {
		if (n > 0)
			text[n++] = '\n';
		memcpy(text + n, t->hold[i].name, t->hold[i].n);
		n += t->hold[i].n;
	}
	if (n == 0)
		fuse_reply_err(req, ENODATA);
	else
		reply_value(req, BYTES(text, n), size);
}

static void reply_keeping(fuse_req_t req, const char *path, bool holds,
	size_t size)
{
	struct retention t;
	int rc = retain_get(mount_of(req), path, &t);

	if (rc != 0)
		fuse_reply_err(req, rc == -ENOENT ? ENODATA : -rc);
	else if (holds)
		reply_holds(req, &t, size);
	else
		reply_until(req, &t, size);
}

/* What a name below the folder would be; of a file, what holds beside it. */
static void reply_binding(fuse_req_t req, struct node *n, bool rules,
	size_t size)
{
	struct mount *m = mount_of(req);
	cleanup(buf) struct buf b = {0};
	int rc;

	{
		TREE(m, false);
		{
			locked(&m->lock);
			if (n->type != NODE_FOLDER)
				n = n->names == NULL ? m->nodes.root :
					n->names->parent;
		}
		rc = rules ? binding_rules(m, n, &b) : binding_name(m, n, &b);
	}
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else
		reply_value(req, BUF_BYTES(&b), size);
}

static void get_ours(fuse_req_t req, struct node *n, const char *name,
	size_t size)
{
	struct mount *m = mount_of(req);
	char path[NODE_PATH];
	enum rules_class class = CLASS_SEAL;
	int rc;

	{
		TREE(m, false);
		rc = inode_path(m, n, path);
		if (rc >= 0)
			rc = inode_resolve(m, n);
		locked(&m->lock);
		if (n->item.state == ST_SEALED)
			class = n->item.class; /* as it was recorded */
		else if (n != m->nodes.root && n->names != NULL)
			class = node_class(&m->nodes, n);
	}
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else if (strcmp(name, "state") == 0)
		reply_state(req, n, path, size);
	else if (strcmp(name, "class") == 0)
		reply_text(req, rules_class_name(class), size);
	else if (strcmp(name, "cert") == 0)
		reply_cert(req, path, size);
	else if (strcmp(name, "record") == 0)
		reply_record(req, path, false, size);
	else if (strcmp(name, "retain_until") == 0)
		reply_keeping(req, path, false, size);
	else if (strcmp(name, "hold") == 0)
		reply_keeping(req, path, true, size);
	else if (strcmp(name, "preset") == 0)
		reply_binding(req, n, false, size);
	else if (strcmp(name, "rules") == 0)
		reply_binding(req, n, true, size);
	else if (strcmp(name, "wait") == 0)
		park_xattr(m->park, req, path, size);
	else if (strcmp(name, "sealed") == 0)
		park_sealed(m->park, req, path, size);
	else
		fuse_reply_err(req, ENODATA);
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

	if (our_name(name) != NULL && n->type != NODE_VIRTUAL) {
		get_ours(req, n, our_name(name), size);
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
		if (our_name(p + in) == NULL &&
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
		reply_value(req, BYTES(p, rc == 0 ?
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
		return xattr_same(path, name, value, size) ? 0 : -EPERM;
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

/* -- what a folder is asked for: a symlink takes no user attributes, and a file
 * whose mode lets nobody write takes none from its owner -- */

static bool is_name(const char *s, size_t n)
{
	return n > 0 && memchr(s, '/', n) == NULL && memchr(s, '\0', n) == NULL &&
		!(n == 1 && *s == '.') && !(n == 2 && memcmp(s, "..", 2) == 0);
}

/* The node of that name, held by a lookup.  A file must be the caller's own:
 * who may write to a folder may not seal others' files in it. */
static int asked_for(fuse_req_t req, struct node *folder, struct bytes name,
	enum node_type type, struct node **ret)
{
	struct mount *m = mount_of(req);
	uid_t caller = fuse_req_ctx(req)->uid;
	cleanup(free) char *text = NULL;
	struct fuse_entry_param e;
	int rc;

	if (!is_name((const char *)name.p, name.n))
		return -EINVAL;
	text = strndup((const char *)name.p, name.n);
	if (text == NULL)
		return -ENOMEM;
	{
		TREE(m, false);
		rc = inode_lookup(m, folder, text, true, &e);
	}
	if (rc != 0)
		return rc;
	*ret = node_of(m, e.ino);
	rc = (*ret)->type != type ? -EINVAL : type == NODE_FILE &&
		caller != 0 && caller != e.attr.st_uid ? -EPERM : 0;
	if (rc != 0)
		inode_forget(m, *ret, 1);
	return rc;
}

/* What stands behind that word; *ret.p NULL if another stands there. */
static struct bytes after(const char *word, struct bytes value)
{
	size_t n = strlen(word);

	return value.n < n || memcmp(value.p, word, n) != 0 ? BYTES(NULL, 0) :
		BYTES(value.p + n, value.n - n);
}

static void seal_in(fuse_req_t req, struct node *folder, struct bytes name,
	enum node_type type)
{
	struct mount *m = mount_of(req);
	struct node *n;
	int rc = asked_for(req, folder, name, type, &n);

	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	park_seal(m->park, req, n, false);
	inode_forget(m, n, 1);
}

static bool is_keeping(const char *ours)
{
	return strcmp(ours, "retain_until") == 0 || strcmp(ours, "hold") == 0;
}

/* A date, or a case of a hold, for a sealed file. */
static int set_keeping(struct mount *m, struct node *n, uid_t caller,
	const char *ours, const char *value, size_t size)
{
	cleanup(free) char *text = strndup(value, size);
	char path[NODE_PATH];
	uint64_t until;
	int rc;

	if (text == NULL)
		return -ENOMEM;
	if (n->type != NODE_FILE)
		return -EINVAL;
	version_await_asked(m, n, true);
	TREE(m, false);
	rc = inode_path(m, n, path);
	if (rc < 0)
		return rc;
	if (strcmp(ours, "hold") == 0)
		return retain_hold(m, path, BYTES(value, size), caller);
	if (strlen(text) != size || retention_time(text, &until) != 0)
		return -EINVAL;
	rc = retain_extend(m, path, until, caller);
	if (rc == 0) /* its access time is another now */
		fuse_lowlevel_notify_inval_inode(m->se, ino_of(m, n), -1, 0);
	return rc;
}

/* Only a folder has a preset of its own: what a copy brings along for a file is
 * nothing to us. */
static int set_preset(struct mount *m, struct node *n, uid_t caller,
	const char *value, size_t size)
{
	cleanup(free) char *name = strndup(value, size);

	if (n->type != NODE_FOLDER)
		return 0;
	if (name == NULL)
		return -ENOMEM;
	return strlen(name) != size ? -EINVAL :
		binding_set(m, n, name, caller);
}

static int keep(fuse_req_t req, struct node *n, const char *ours,
	struct bytes value)
{
	struct mount *m = mount_of(req);
	struct bytes in = n->type == NODE_FOLDER ? after(FILE_OF, value) :
						   BYTES(NULL, 0);
	const uint8_t *slash = in.n == 0 ? NULL : memchr(in.p, '/', in.n);
	uid_t caller = fuse_req_ctx(req)->uid;
	struct node *file;
	size_t name;
	int rc;

	if (slash == NULL)
		return set_keeping(m, n, caller, ours, (const char *)value.p,
			value.n);
	name = (size_t)(slash - in.p);
	rc = asked_for(req, n, BYTES(in.p, name), NODE_FILE, &file);
	if (rc != 0)
		return rc;
	rc = set_keeping(m, file, caller, ours, (const char *)slash + 1,
		in.n - name - 1);
	inode_forget(m, file, 1);
	return rc;
}

static void seal(fuse_req_t req, struct node *n, struct bytes value)
{
	struct bytes link = after(LINK, value), file = after(FILE_OF, value);

	if (n->type == NODE_FOLDER && link.p != NULL)
		seal_in(req, n, link, NODE_SYMLINK);
	else if (n->type == NODE_FOLDER && file.p != NULL)
		seal_in(req, n, file, NODE_FILE);
	else if (n->type != NODE_FILE && n->type != NODE_SYMLINK &&
		n->type != NODE_FOLDER)
		fuse_reply_err(req, 0);
	else if (value.n != 0 && (value.n != 1 || *value.p != '1'))
		fuse_reply_err(req, EINVAL); /* 0 does not mean: seal for ever */
	else
		park_seal(mount_of(req)->park, req, n, false);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
	const char *value, size_t size, int flags)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	const char *ours = our_name(name);

	if (ours == NULL)
		fuse_reply_err(req, -refused(req, "setxattr", n,
			change_xattr(req, n, name, value, size, flags)));
	else if (is_keeping(ours))
		fuse_reply_err(req, -refused(req, strcmp(ours, "hold") == 0 ?
			"hold" : "retain", n, keep(req, n, ours,
			BYTES(value, size))));
	else if (strcmp(ours, "preset") == 0)
		fuse_reply_err(req, -refused(req, "preset", n,
			set_preset(m, n, fuse_req_ctx(req)->uid, value,
				size)));
	else if (strcmp(ours, "seal") == 0)
		seal(req, n, BYTES(value, size));
	else
		fuse_reply_err(req, 0); /* a restored proof is no error */
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct mount *m = mount_of(req);
	const char *ours = our_name(name);
	struct node *n = node_of(m, ino);
	int rc = ours == NULL ? change_xattr(req, n, name, NULL, 0, 0) :
		is_keeping(ours) ? -EPERM : n->type == NODE_FOLDER &&
		strcmp(ours, "preset") == 0 ?
		binding_set(m, n, "", fuse_req_ctx(req)->uid) :
		-ENODATA;

	fuse_reply_err(req, -refused(req, "removexattr", n, rc));
}

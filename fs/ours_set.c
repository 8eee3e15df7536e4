/* What is asked for by user.notary.*. */
#include "fs/ours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/binding.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/version.h"

/* What the value begins with where a folder is asked: "link:NAME" and
 * "file:NAME" of user.notary.seal, "file:NAME/CASE" of user.notary.hold. */
#define LINK "link:"
#define FILE_OF "file:"

/* -- of a folder: a symlink takes no user attributes, and a file whose mode lets
 * nobody write takes none from its owner -- */

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
	const char *ours, struct bytes value)
{
	cleanup(free) char *text = strndup((const char *)value.p, value.n);
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
		return retain_hold(m, path, value, caller);
	if (strlen(text) != value.n || retention_time(text, &until) != 0)
		return -EINVAL;
	rc = retain_extend(m, path, until, caller);
	if (rc == 0) /* its access time is another now */
		fuse_lowlevel_notify_inval_inode(m->se, ino_of(m, n), -1, 0);
	return rc;
}

/* Only a folder has a preset of its own: what a copy brings along for a file is
 * nothing to us. */
static int set_preset(struct mount *m, struct node *n, uid_t caller,
	struct bytes value)
{
	cleanup(free) char *name = strndup((const char *)value.p, value.n);

	if (n->type != NODE_FOLDER)
		return 0;
	if (name == NULL)
		return -ENOMEM;
	return strlen(name) != value.n ? -EINVAL :
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
		return set_keeping(m, n, caller, ours, value);
	name = (size_t)(slash - in.p);
	rc = asked_for(req, n, BYTES(in.p, name), NODE_FILE, &file);
	if (rc != 0)
		return rc;
	rc = set_keeping(m, file, caller, ours,
		BYTES(slash + 1, in.n - name - 1));
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

void ours_set(fuse_req_t req, struct node *n, const char *name,
	struct bytes value)
{
	if (is_keeping(name))
		fuse_reply_err(req, -refused(req, strcmp(name, "hold") == 0 ?
			"hold" : "retain", n, keep(req, n, name, value)));
	else if (strcmp(name, "preset") == 0)
		fuse_reply_err(req, -refused(req, "preset", n,
			set_preset(mount_of(req), n, fuse_req_ctx(req)->uid,
				value)));
	else if (strcmp(name, "seal") == 0)
		seal(req, n, value);
	else
		fuse_reply_err(req, 0); /* a restored proof is no error */
}

int ours_remove(fuse_req_t req, struct node *n, const char *name)
{
	if (is_keeping(name))
		return -EPERM;
	return n->type == NODE_FOLDER && strcmp(name, "preset") == 0 ?
		binding_set(mount_of(req), n, "", fuse_req_ctx(req)->uid) :
		-ENODATA;
}

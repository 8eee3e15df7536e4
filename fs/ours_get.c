/* What user.notary.* tells. */
#include "fs/ours.h"

#include <errno.h>
#include <string.h>

#include "fs/binding.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/virtual.h"

#define OURS "user.notary."

const char *ours_name(const char *name)
{
	size_t n = sizeof OURS - 1;

	return strncmp(name, OURS, n) == 0 ? name + n : NULL;
}

static void reply_text(fuse_req_t req, const char *text, size_t size)
{
	xattr_reply(req, BYTES(text, strlen(text)), size);
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
		xattr_reply(req, BUF_BYTES(&f.d), size);
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
		xattr_reply(req, BUF_BYTES(&cert), size);
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
		xattr_reply(req, BYTES(text, n), size);
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
		xattr_reply(req, BUF_BYTES(&b), size);
}

void ours_get(fuse_req_t req, struct node *n, const char *name, size_t size)
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

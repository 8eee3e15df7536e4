/* Operations that were refused, for .notary/audit. */
#include "fs/inner.h"

#include <errno.h>

#include "fs/refusals.h"

static bool counts(int rc)
{
	return rc == -EPERM || rc == -EBUSY || rc == -EKEYREJECTED;
}

static void note(struct mount *m, const struct fuse_ctx *who, const char *op,
	const char *path, int rc)
{
	struct refusal r = {.op = op, .path = path, .uid = who->uid,
		.pid = who->pid, .error = rc};
	uint64_t ms;

	if (m->s.chain_time != NULL && m->s.chain_time(m->s.ctx, &ms) == 0)
		r.chain_ms = ms;
	refusals_add(m->refusals, &r);
}

int refused_path(fuse_req_t req, const char *op, const char *path, int rc)
{
	struct mount *m = mount_of(req);

	if (counts(rc) && m->refusals != NULL && refusals_due(m->refusals))
		note(m, fuse_req_ctx(req), op, path, rc);
	return rc;
}

int refused(fuse_req_t req, const char *op, struct node *n, int rc)
{
	struct mount *m = mount_of(req);
	char path[NODE_PATH] = "";

	if (!counts(rc) || n->type == NODE_VIRTUAL || m->refusals == NULL ||
		!refusals_due(m->refusals))
		return rc;
	if (inode_path(m, n, path) < 0)
		*path = '\0'; /* unlinked */
	note(m, fuse_req_ctx(req), op, path, rc);
	return rc;
}

int refused_at(fuse_req_t req, const char *op, fuse_ino_t parent,
	const char *text, int rc)
{
	struct mount *m = mount_of(req);
	struct node *folder = node_of(m, parent);
	char path[NODE_PATH] = "";

	if (!counts(rc) || folder->type == NODE_VIRTUAL ||
		m->refusals == NULL || !refusals_due(m->refusals))
		return rc;
	{
		locked(&m->lock);
		if (node_path_at(&m->nodes, folder, text, path) < 0)
			*path = '\0';
	}
	note(m, fuse_req_ctx(req), op, path, rc);
	return rc;
}

#include "fs/moving.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "fs/start.h"
#include "fs/version.h"

void cleanup_moving(struct moving *mv)
{
	while (mv->n > 0)
		free(mv->rest[--mv->n]);
	free(mv->rest);
}

/* -- what is below */

/* What is just being sealed there is sealed afterwards, or not at all. */
static void await_below(struct mount *m, struct node *folder)
{
	struct node *n;

	locked(&m->lock);
	for (n = m->nodes.all; n != NULL;) {
		if (n->item.state == ST_SEALING &&
			n->item.class == CLASS_VERSION && node_below(n, folder)) {
			version_await(m, n);
			n = m->nodes.all; /* it was waited for */
		} else {
			n = n->all_next;
		}
	}
}

struct finding {
	size_t folder;		/* bytes of its path */
	struct moving *mv;
};

static int find_one(void *ctx, const struct local_record *l)
{
	struct finding *f = ctx;
	struct moving *mv = f->mv;
	struct record r;
	char **more;

	if (!record_seals(l->kind))
		return 0;
	if (record_decode(l->d, &r) != 0 || r.class != RECORD_CLASS_VERSION ||
		r.path.n <= f->folder + 1)
		return -EPERM;
	if (mv->n == MOVING_MAX)
		return -EXDEV;
	more = reallocarray(mv->rest, mv->n + 1, sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	mv->rest = more;
	more[mv->n] = strndup((const char *)r.path.p + f->folder + 1,
		r.path.n - f->folder - 1);
	if (more[mv->n] == NULL)
		return -ENOMEM;
	mv->n++;
	return 0;
}

/* What has a weaker class there stays here. */
static int may_arrive(struct mount *m, const char *from, const char *to,
	const struct moving *mv)
{
	size_t i;

	locked(&m->lock);
	for (i = 0; i < mv->n; i++)
		if (node_class_moved(&m->nodes, from, to, mv->rest[i]) >
			CLASS_VERSION)
			return -EPERM;
	return 0;
}

int moving_may(struct mount *m, struct node *folder, const char *from,
	const char *to, struct moving *ret)
{
	struct local *l = m->s.local;
	struct finding f = {strlen(from), ret};
	int rc;

	await_below(m, folder);
	if (inode_unrecorded_below(m, folder))
		return -EPERM;
	rc = l->ops->below(l, BYTES(from, f.folder), false, find_one, &f);
	return rc != 0 || to == NULL ? rc : may_arrive(m, from, to, ret);
}

/* -- it moves */

static int join(const char *folder, const char *rest, char ret[NODE_PATH])
{
	return snprintf(ret, NODE_PATH, "%s/%s", folder, rest) < NODE_PATH ?
		0 : -ENAMETOOLONG;
}

static int leave_one(struct mount *m, const char *from, const char *to,
	const char *rest)
{
	char path[NODE_PATH], target[NODE_PATH];
	struct version_name v = {.path = path, .change = RECORD_RENAMED,
		.target = target, .names = 1, .moves = true};
	struct thawed t;
	bool first;
	int rc = join(from, rest, path);

	if (rc == 0)
		rc = join(to, rest, target);
	if (rc == 0)
		rc = version_leave(m, &v, &t, &first);
	if (rc != 0)
		return rc;
	t.flag = false; /* it is not immutable any more */
	retain_freeze(&t);
	return 0;
}

int moving_leave(struct mount *m, const char *from, const char *to,
	struct moving *mv)
{
	char target[NODE_PATH];
	size_t i;
	int rc = 0;

	for (i = 0; i < mv->n && rc == 0; i++)
		rc = join(to, mv->rest[i], target);
	for (i = 0; i < mv->n && rc == 0; i++) {
		rc = leave_one(m, from, to, mv->rest[i]);
		mv->left += rc == 0;
		fault_point("moving.left");
	}
	return rc;
}

/* Its node, held, if memory has it; else its bytes are not sealed ones any
 * more, and the walk finds it. */
static struct node *hold(struct mount *m, const char *path)
{
	struct stat st;
	struct node *n;

	{
		locked(&m->lock);
		n = node_at(&m->nodes, path);
		if (n != NULL)
			n->lookups++;
	}
	if (n == NULL && backing_stat(m->files, path, &st) == 0 &&
		S_ISREG(st.st_mode))
		room_gone(m, (uint64_t)st.st_size);
	return n;
}

int moving_end(struct mount *m, const char *path, const struct moving *mv)
{
	char name[NODE_PATH];
	struct node *n;
	size_t i;

	for (i = 0; i < mv->left; i++) {
		if (join(path, mv->rest[i], name) != 0)
			continue;
		n = hold(m, name);
		if (n == NULL)
			continue;
		{
			locked(&m->lock);
			version_shares(n);
		}
		version_moved(m, n);
		inode_forget(m, n, 1);
	}
	return start_walk(m, path);
}

#include "fs/binding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fs/presets.h"
#include "fs/retain.h"
#include "fs/rules_text.h"

/* -- the configuration's -- */

int binding_open(struct mount *m, char **ret_why)
{
	const struct config *c = m->s.config;
	struct bind *bind = calloc(c->n_binds + 1, sizeof(*bind));
	size_t i;
	int rc = 0;

	if (bind == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < c->n_binds; i++) {
		bind[i].glob = c->bind[i].glob;
		rc = presets_use(c->presets, c->bind[i].preset,
			&bind[i].rules, ret_why);
	}
	m->nodes.bind = bind;
	m->nodes.n_binds = rc == 0 ? c->n_binds : 0;
	return rc;
}

void binding_close(struct mount *m)
{
	free((void *)(uintptr_t)m->nodes.bind);
}

/* -- a folder's own -- */

int binding_seen(struct mount *m, struct node *folder, const char *path, int fd)
{
	const struct rules *rules;
	char name[BACKING_PRESET];
	int rc = backing_preset(fd, name);

	if (rc <= 0)
		return rc;
	rules = presets_find(m->s.config->presets, name);
	if (rules == NULL) {
		mount_say(m, "its preset is not known any more, so all of it "
			"is sealed", path, 0);
		rules = presets_find(NULL, "seal");
	}
	locked(&m->lock);
	return node_bind(&m->nodes, folder, rules);
}

static int set_attribute(struct mount *m, const char *path, const char *name)
{
	char proc[BACKING_NAME];

	cleanup(close) int fd = backing_open(m->files, path, O_PATH);
	if (fd < 0)
		return fd;
	backing_name(fd, proc);
	if (*name != '\0' && setxattr(proc, BINDING_NAME, name, strlen(name),
			0) != 0)
		return -errno;
	if (*name == '\0' && removexattr(proc, BINDING_NAME) != 0 &&
		errno != ENODATA)
		return -errno;
	return 0;
}

/* Like its mode: who may only write to a folder does not decide what will be
 * kept of the others' files there. */
static int is_owner(struct mount *m, const char *path, uid_t caller)
{
	struct stat st;

	cleanup(close) int fd = backing_open(m->files, path, O_PATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0)
		return -errno;
	return caller == 0 || caller == st.st_uid;
}

int binding_set(struct mount *m, struct node *folder, const char *name,
	uid_t caller)
{
	const struct rules *rules = NULL;
	cleanup(free) char *why = NULL;
	char path[NODE_PATH];
	int rc = *name == '\0' ? 0 :
		presets_use(m->s.config->presets, name, &rules, &why);

	if (rc != 0)
		return rc;
	TREE(m, true);
	rc = inode_path(m, folder, path);
	if (rc < 0)
		return rc;
	{
		locked(&m->lock);
		if (folder->preset == rules)
			return 0;
		if (rules != NULL && folder->preset == NULL &&
			m->nodes.n_presets == NODE_PRESETS_MAX)
			return -ENOSPC;
	}
	rc = is_owner(m, path, caller);
	if (rc <= 0)
		return rc < 0 ? rc : -EPERM;
	rc = inode_sealed_below(m, folder, path);
	if (rc != 0)
		return rc < 0 ? rc : -EPERM;
	rc = set_attribute(m, path, name);
	if (rc != 0)
		return rc;
	locked(&m->lock);
	rc = node_bind(&m->nodes, folder, rules);
	inode_reclass(m, folder);
	return rc;
}

/* -- what holds -- */

int binding_name(struct mount *m, struct node *folder, struct buf *ret)
{
	const struct node *from;
	const char *name;

	locked(&m->lock);
	name = rules_name(node_rules(&m->nodes, folder, &from));
	return buf_add(ret, name, strlen(name));
}

int binding_rules(struct mount *m, struct node *folder, struct buf *ret)
{
	const struct node *from;
	const struct rules *r;
	char path[NODE_PATH];

	locked(&m->lock);
	r = node_rules(&m->nodes, folder, &from);
	if (node_path(&m->nodes, from, path) < 0)
		return -ENOENT;
	struct rules_place where = {.by = from->preset != NULL ? "folder" :
			from != m->nodes.root ? "configuration" : "vault",
		.path = path, .mode = params_mode_name(retain_mode(m)),
		.vault = retain_terms(m)};
	return rules_text(r, &where, ret);
}

#include "fs/node_class.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int node_bind(struct nodes *t, struct node *folder, const struct rules *rules)
{
	if ((folder->preset == NULL) == (rules == NULL)) {
		t->gen += folder->preset != rules;
		folder->preset = rules;
		return 0;
	}
	if (rules != NULL && t->n_presets == NODE_PRESETS_MAX)
		return -ENOSPC;
	t->gen++;
	folder->preset = rules;
	if (rules != NULL) {
		t->n_presets++;
		folder->refs++;
		return 0;
	}
	t->n_presets--;
	folder->refs--;
	node_put(t, folder);
	return 0;
}

static const struct rules *bound_by_path(const struct nodes *t,
	const char *path)
{
	size_t i;

	for (i = 0; i < t->n_binds; i++)
		if (rules_glob_path(t->bind[i].glob, path))
			return t->bind[i].rules;
	return NULL;
}

/* What is bound to that folder itself. */
static const struct rules *bound(const struct nodes *t,
	const struct node *folder)
{
	char path[NODE_PATH];

	if (folder->preset != NULL)
		return folder->preset;
	if (t->n_binds == 0 || node_path(t, folder, path) < 0)
		return NULL;
	return bound_by_path(t, path);
}

static void judge(struct nodes *t, struct name *m);

/* The rules below a folder, and the least of the components so far. */
static const struct rules *below(struct nodes *t, struct node *folder,
	unsigned *ret_least)
{
	struct name *m = folder->names;

	if (folder == t->root || m == NULL) {
		*ret_least = RULES_NONE;
		return t->root->preset != NULL ? t->root->preset : t->rules;
	}
	judge(t, m);
	*ret_least = m->below_rule;
	return m->below;
}

const struct rules *node_rules(struct nodes *t, struct node *folder,
	const struct node **ret_from)
{
	unsigned least;
	const struct node *n = folder;

	while (n != t->root && n->names != NULL && bound(t, n) == NULL)
		n = n->names->parent;
	*ret_from = n;
	return below(t, folder, &least);
}

/* As many components before text as a glob of the rules may look at, and no
 * more than up to the folder that they start from. */
static unsigned component(struct nodes *t, const struct rules *r,
	const struct node *folder, const char *text, bool is_folder)
{
	char path[NODE_PATH], *p = path + sizeof path - 1 - strlen(text);
	size_t depth = rules_depth(r), n;

	if (depth == 1)
		return rules_component(r, text, is_folder);
	strcpy(p, text);
	for (; --depth > 0 && folder != t->root && folder->names != NULL &&
		bound(t, folder) == NULL; folder = folder->names->parent) {
		n = strlen(folder->names->text);
		if (n + 1 > (size_t)(p - path))
			break;
		*--p = '/';
		p -= n;
		memcpy(p, folder->names->text, n);
	}
	return rules_component(r, p, is_folder);
}

static unsigned least_at(struct nodes *t, struct node *parent,
	const char *text, bool is_folder, const struct rules **ret)
{
	unsigned above, own;

	*ret = below(t, parent, &above);
	own = component(t, *ret, parent, text, is_folder);
	return own < above ? own : above;
}

static void judge(struct nodes *t, struct name *m)
{
	const struct rules *r, *own;

	if (m->gen == t->gen)
		return;
	m->rule = least_at(t, m->parent, m->text,
		m->node->type == NODE_FOLDER, &r);
	m->gen = t->gen;
	if (m->node->type != NODE_FOLDER)
		return;
	own = bound(t, m->node);
	m->below = own != NULL ? own : r;
	m->below_rule = own != NULL ? RULES_NONE : m->rule;
}

enum rules_class name_class(struct nodes *t, struct name *m)
{
	unsigned least;

	judge(t, m);
	return rules_class(below(t, m->parent, &least), m->rule);
}

struct terms name_terms(struct nodes *t, struct name *m,
	const struct terms *vault)
{
	unsigned least;

	judge(t, m);
	return rules_terms(below(t, m->parent, &least), m->rule, vault);
}

/* A folder that is going from one path to another. */
struct moved {
	const char *from, *to;	/* NULL: there is none */
};

/* The node that will be at that path, if memory knows it. */
static const struct node *node_then(const struct nodes *t, const char *path,
	const struct moved *k)
{
	size_t n = k->to == NULL ? 0 : strlen(k->to);
	char was[NODE_PATH];

	if (k->to == NULL || strncmp(path, k->to, n) != 0 ||
		(path[n] != '/' && path[n] != '\0'))
		return node_at(t, path);
	return snprintf(was, sizeof was, "%s%s", k->from, path + n) <
		(int)sizeof was ? node_at(t, was) : NULL;
}

/* The rules for a path, and where in it they start. */
static const struct rules *rules_then(const struct nodes *t, const char *path,
	const struct moved *k, const char **ret_from)
{
	const struct rules *r = t->root->preset != NULL ? t->root->preset :
		t->rules, *own;
	const struct node *folder;
	const char *slash;
	char above[NODE_PATH];

	*ret_from = path;
	for (slash = strchr(path, '/'); slash != NULL &&
		(size_t)(slash - path) < sizeof above;
		slash = strchr(slash + 1, '/')) {
		memcpy(above, path, (size_t)(slash - path));
		above[slash - path] = '\0';
		folder = node_then(t, above, k);
		own = folder != NULL && folder->preset != NULL ?
			folder->preset : bound_by_path(t, above);
		if (own == NULL)
			continue;
		r = own;
		*ret_from = slash + 1;
	}
	return r;
}

struct terms node_terms_at(const struct nodes *t, const char *path,
	const struct terms *vault)
{
	const struct moved none = {NULL, NULL};
	const char *from;
	const struct rules *r = rules_then(t, path, &none, &from);

	return rules_terms(r, rules_path(r, from, false, NULL), vault);
}

enum rules_class node_class_moved(const struct nodes *t, const char *from,
	const char *to, const char *rest)
{
	const struct moved k = {from, to};
	char path[NODE_PATH];
	const char *start;
	const struct rules *r;

	if (snprintf(path, sizeof path, "%s/%s", to, rest) >=
		(int)sizeof path)
		return CLASS_SEAL;
	r = rules_then(t, path, &k, &start);
	return rules_class(r, rules_path(r, start, false, NULL));
}

enum rules_class name_class_at(struct nodes *t, struct node *parent,
	const char *text, bool folder)
{
	const struct rules *r;
	unsigned least = least_at(t, parent, text, folder, &r);

	return rules_class(r, least);
}

enum rules_class node_class(struct nodes *t, const struct node *n)
{
	enum rules_class class = CLASS_SCRATCH, c;
	struct name *m;

	if (n->grows)
		return CLASS_APPEND;
	for (m = n->names; m != NULL; m = m->node_next) {
		c = name_class(t, m);
		if (c < class)
			class = c;
	}
	return class;
}

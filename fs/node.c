#include "fs/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MIN 1024	/* slots; doubled when as many entries are in it */

static size_t ino_slot(const struct nodes *t, ino_t ino)
{
	return (size_t)(((uint64_t)ino * UINT64_C(0x9E3779B97F4A7C15)) >> 20) &
		(t->ino_size - 1);
}

static size_t name_slot(const struct nodes *t, const struct node *parent,
	const char *text)
{
	uint64_t h = (uint64_t)(uintptr_t)parent * UINT64_C(0x9E3779B97F4A7C15);

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ (h >> 29)) & (t->name_size - 1);
}

/* Growing is best effort: longer chains are only slower. */
static void grow_inos(struct nodes *t)
{
	struct node **old = t->by_ino, *n, *next;
	size_t size = t->ino_size, i;
	struct node **table;

	if (t->n_nodes < size)
		return;
	table = calloc(2 * size, sizeof(*table));
	if (table == NULL)
		return;
	t->by_ino = table;
	t->ino_size = 2 * size;
	for (i = 0; i < size; i++) {
		for (n = old[i]; n != NULL; n = next) {
			next = n->ino_next;
			n->ino_next = table[ino_slot(t, n->ino)];
			table[ino_slot(t, n->ino)] = n;
		}
	}
	free(old);
}

static void grow_names(struct nodes *t)
{
	struct name **old = t->by_name, *m, *next, **slot;
	size_t size = t->name_size, i;
	struct name **table;

	if (t->n_names < size)
		return;
	table = calloc(2 * size, sizeof(*table));
	if (table == NULL)
		return;
	t->by_name = table;
	t->name_size = 2 * size;
	for (i = 0; i < size; i++) {
		for (m = old[i]; m != NULL; m = next) {
			next = m->hash_next;
			slot = &table[name_slot(t, m->parent, m->text)];
			m->hash_next = *slot;
			*slot = m;
		}
	}
	free(old);
}

static void insert_ino(struct nodes *t, struct node *n)
{
	size_t slot;

	grow_inos(t);
	slot = ino_slot(t, n->ino);
	n->ino_next = t->by_ino[slot];
	t->by_ino[slot] = n;
	t->n_nodes++;
}

static void remove_ino(struct nodes *t, struct node *n)
{
	struct node **p = &t->by_ino[ino_slot(t, n->ino)];

	while (*p != NULL && *p != n)
		p = &(*p)->ino_next;
	if (*p == n) {
		*p = n->ino_next;
		t->n_nodes--;
	}
}

/* Behind the first name, which is the one that paths are made of. */
static void add_name(struct name *m)
{
	struct name **p = &m->node->names;

	if (*p != NULL)
		p = &(*p)->node_next;
	m->node_next = *p;
	*p = m;
}

static void insert_name(struct nodes *t, struct name *m)
{
	struct name **slot;

	grow_names(t);
	slot = &t->by_name[name_slot(t, m->parent, m->text)];
	m->hash_next = *slot;
	*slot = m;
	t->n_names++;
	m->parent->refs++;
	add_name(m);
}

/* Out of both lists; the parent may lose its last holder. */
static void remove_name(struct nodes *t, struct name *m)
{
	struct name **p = &t->by_name[name_slot(t, m->parent, m->text)];

	while (*p != m)
		p = &(*p)->hash_next;
	*p = m->hash_next;
	t->n_names--;
	for (p = &m->node->names; *p != m; p = &(*p)->node_next)
		;
	*p = m->node_next;
	m->parent->refs--;
}

int nodes_init(struct nodes *t, const struct rules *rules, ino_t root_ino)
{
	*t = (struct nodes){
		.rules = rules,
		.gen = 1,
		.ino_size = TABLE_MIN,
		.name_size = TABLE_MIN,
		.by_ino = calloc(TABLE_MIN, sizeof(*t->by_ino)),
		.by_name = calloc(TABLE_MIN, sizeof(*t->by_name)),
	};
	if (t->by_ino == NULL || t->by_name == NULL)
		return -ENOMEM;
	t->root = node_get(t, root_ino, NODE_FOLDER);
	if (t->root == NULL)
		return -ENOMEM;
	t->root->refs = 1;
	return 0;
}

/* Everything at once, whoever held it: the mount is over. */
void nodes_done(struct nodes *t)
{
	struct name *m, *next;
	struct node *n;
	size_t i;

	for (i = 0; t->by_name != NULL && i < t->name_size; i++) {
		for (m = t->by_name[i]; m != NULL; m = next) {
			next = m->hash_next;
			free(m);
		}
	}
	while ((n = t->all) != NULL) {
		t->all = n->all_next;
		free(n);
	}
	free(t->by_name);
	free(t->by_ino);
	settle_done(&t->settle);
	*t = (struct nodes){0};
}

enum node_type node_type_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return NODE_FOLDER;
	if (S_ISREG(mode))
		return NODE_FILE;
	return S_ISLNK(mode) ? NODE_SYMLINK : NODE_OTHER;
}

static struct node *new_node(struct nodes *t, ino_t ino, enum node_type type)
{
	static const enum item_kind kinds[] = {
		[NODE_FOLDER] = ITEM_FOLDER,
		[NODE_FILE] = ITEM_FILE,
		[NODE_SYMLINK] = ITEM_SYMLINK,
		[NODE_OTHER] = ITEM_SYMLINK,
		[NODE_VIRTUAL] = ITEM_SYMLINK,
	};
	struct node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->ino = ino;
	n->generation = ++t->generation;
	n->type = type;
	n->item.kind = kinds[type];
	if (settle_reserve(&t->settle) != 0) {
		free(n);
		return NULL;
	}
	n->all_next = t->all;
	if (n->all_next != NULL)
		n->all_next->all_prev = n;
	t->all = n;
	return n;
}

static void free_node(struct nodes *t, struct node *n)
{
	remove_ino(t, n);
	if (n->all_prev != NULL)
		n->all_prev->all_next = n->all_next;
	else
		t->all = n->all_next;
	if (n->all_next != NULL)
		n->all_next->all_prev = n->all_prev;
	settle_release(&t->settle, &n->item);
	free(n);
	t->n_freed++;
}

static struct node *find_ino(const struct nodes *t, ino_t ino)
{
	struct node *n = t->by_ino[ino_slot(t, ino)];

	while (n != NULL && n->ino != ino)
		n = n->ino_next;
	return n;
}

/* A new node of that number; what had it is gone behind our back. */
static struct node *replace_node(struct nodes *t, struct node *old, ino_t ino,
	enum node_type type)
{
	struct node *n = new_node(t, ino, type);

	if (n == NULL)
		return NULL;
	if (old != NULL)
		remove_ino(t, old);
	insert_ino(t, n);
	return n;
}

struct node *node_get(struct nodes *t, ino_t ino, enum node_type type)
{
	struct node *n = find_ino(t, ino);

	if (n != NULL && n->type == type)
		return n;
	return replace_node(t, n, ino, type);
}

struct node *node_made(struct nodes *t, ino_t ino, enum node_type type)
{
	return replace_node(t, find_ino(t, ino), ino, type);
}

struct node *node_new_virtual(struct nodes *t, enum virtual_kind kind,
	ino_t ino)
{
	struct node *n = new_node(t, ino, NODE_VIRTUAL);

	if (n != NULL)
		n->virtual = kind;
	return n;
}

static bool held(const struct node *n)
{
	return n->lookups > 0 || n->refs > 0 || n->item.listed || n->keeps;
}

void node_put(struct nodes *t, struct node *n)
{
	struct node *parent;
	struct name *m;

	/* A loop instead of recursion: letting go of a node may let go of the
	 * folders above it; only the first of several names leads upward, for
	 * others the folders are put one by one. */
	while (n != NULL && !held(n)) {
		parent = NULL;
		while ((m = n->names) != NULL) {
			if (parent != NULL)
				node_put(t, parent);
			parent = m->parent;
			remove_name(t, m);
			free(m);
		}
		free_node(t, n);
		n = parent;
	}
}

struct name *node_find(const struct nodes *t, const struct node *parent,
	const char *text)
{
	struct name *m = t->by_name[name_slot(t, parent, text)];

	while (m != NULL &&
		(m->parent != parent || strcmp(m->text, text) != 0))
		m = m->hash_next;
	return m;
}

struct name *node_name_new(struct node *parent, const char *text,
	struct node *n)
{
	size_t len = strlen(text);
	struct name *m = calloc(1, sizeof(*m) + len + 1);

	if (m == NULL)
		return NULL;
	memcpy(m->text, text, len);
	m->parent = parent;
	m->node = n;
	return m;
}

struct name *node_name(struct nodes *t, struct node *parent, const char *text,
	struct node *n)
{
	struct name *old = node_find(t, parent, text), *m;

	if (old != NULL && old->node == n)
		return old;
	m = node_name_new(parent, text, n);
	if (m == NULL)
		return NULL;
	n->refs++;
	if (old != NULL)
		node_unname(t, old);
	n->refs--;
	insert_name(t, m);
	return m;
}

void node_unname(struct nodes *t, struct name *m)
{
	struct node *n = m->node, *parent = m->parent;

	parent->refs++; /* putting n may put the folder too */
	remove_name(t, m);
	free(m);
	if (n->names == NULL && n->preset != NULL) {
		n->preset = NULL;
		t->n_presets--;
		n->refs--;
	}
	if (n->names == NULL) {
		if (n->type != NODE_VIRTUAL) {
			settle_gone(&t->settle, &n->item);
			remove_ino(t, n); /* N3 */
		}
		n->keeps = false;
	}
	node_put(t, n);
	parent->refs--;
	node_put(t, parent);
}

void node_move(struct nodes *t, struct name *m, struct name *to)
{
	struct node *from = m->parent, *parent = to->parent, *n = m->node;
	struct name *old;

	n->refs++; /* both nodes stay while names change */
	parent->refs++;
	old = node_find(t, parent, to->text);
	if (old != NULL && old != m)
		node_unname(t, old);
	remove_name(t, m);
	free(m);
	insert_name(t, to);
	t->gen += n->type == NODE_FOLDER;
	n->refs--;
	parent->refs--;
	node_put(t, from);
}

static void take_name(struct name *m)
{
	struct name **p = &m->node->names;

	while (*p != m)
		p = &(*p)->node_next;
	*p = m->node_next;
}

void node_exchange(struct nodes *t, struct name *a, struct name *b)
{
	struct node *n = a->node;

	if (n == b->node)
		return;
	t->gen++;
	take_name(a);
	take_name(b);
	a->node = b->node;
	b->node = n;
	a->recorded = b->recorded = false; /* what was, was another file */
	add_name(a);
	add_name(b);
}

int node_path_at(const struct nodes *t, const struct node *parent,
	const char *text, char ret[NODE_PATH])
{
	char *end = ret + NODE_PATH - 1, *p = end;
	size_t n = strlen(text);

	*p = '\0';
	for (;;) {
		if (n > (size_t)(p - ret))
			return -ENAMETOOLONG;
		p -= n;
		memcpy(p, text, n);
		if (parent == t->root)
			break;
		if (parent->names == NULL)
			return -ENOENT;
		if (p != end) {
			if (p == ret)
				return -ENAMETOOLONG;
			*--p = '/';
		}
		text = parent->names->text;
		n = strlen(text);
		parent = parent->names->parent;
	}
	n = (size_t)(end - p);
	memmove(ret, p, n + 1);
	return (int)n;
}

const struct name *node_first_name(const struct node *n)
{
	const struct name *m;

	for (m = n->names; m != NULL; m = m->node_next)
		if (m->recorded)
			return m;
	return n->names;
}

void node_lead(struct name *m)
{
	struct name **at = &m->node->names;

	while (*at != m)
		at = &(*at)->node_next;
	*at = m->node_next;
	m->node_next = m->node->names;
	m->node->names = m;
}

int node_path(const struct nodes *t, const struct node *n, char ret[NODE_PATH])
{
	const struct name *m = node_first_name(n);

	if (n == t->root) {
		*ret = '\0';
		return 0;
	}
	return m == NULL ? -ENOENT : node_path_at(t, m->parent, m->text, ret);
}

bool node_below(const struct node *n, const struct node *folder)
{
	const struct name *m;

	if (n == folder)
		return true;
	for (m = n->names; m != NULL; m = m->node_next)
		if (node_below(m->parent, folder))
			return true;
	return false;
}

struct node *node_at(const struct nodes *t, const char *path)
{
	struct node *n = t->root;
	char text[256];
	struct name *m;
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (len >= sizeof text)
			return NULL;
		memcpy(text, path, len);
		text[len] = '\0';
		m = node_find(t, n, text);
		if (m == NULL)
			return NULL;
		n = m->node;
	}
	return n;
}

#include <errno.h>
#include <string.h>

#include "fs/node_class.h"
#include "fs/presets.h"
#include "tests/tap/tap.h"

static struct nodes t;

static struct node *folder(ino_t ino, struct node *parent, const char *text)
{
	struct node *n = node_get(&t, ino, NODE_FOLDER);

	node_name(&t, parent, text, n);
	return n;
}

static void paths(void)
{
	static char path[NODE_PATH], long_name[256];
	struct node *a = folder(2, t.root, "a"), *b = folder(3, a, "b"), *n;
	struct name *m, *to;
	int i, rc = 0;

	n = node_get(&t, 4, NODE_FILE);
	n->lookups = 1;
	node_name(&t, b, "f", n);
	is_int(node_path(&t, n, path), 5, "a path has its length");
	is_str(path, "a/b/f", "and its components");
	ok(node_at(&t, "a/b/f") == n, "and leads back");
	ok(node_at(&t, "a/x/f") == NULL, "another does not");
	ok(node_below(n, a) && !node_below(a, n), "below is one way");
	node_name(&t, t.root, "g", n);
	node_find(&t, t.root, "g")->recorded = true;
	node_path(&t, n, path);
	is_str(path, "g", "a recorded name is preferred");
	node_unname(&t, node_find(&t, t.root, "g"));
	m = node_find(&t, t.root, "a");
	to = node_name_new(t.root, "z", m->node);
	node_move(&t, m, to);
	m = to;
	node_path(&t, n, path);
	is_str(path, "z/b/f", "and all below with it");
	node_unname(&t, node_find(&t, b, "f"));
	is_int(node_path(&t, n, path), -ENOENT, "unlinked: no path");
	ok(node_at(&t, "z") == NULL, "folders that nothing holds are gone");
	n->lookups = 0;
	node_put(&t, n);

	memset(long_name, 'x', 255);
	for (n = t.root, i = 0; i < 20 && rc >= 0; i++) {
		n = folder(100 + (ino_t)i, n, long_name);
		rc = node_path(&t, n, path);
	}
	is_int(i, 17, "a path of more than 4095 bytes");
	is_int(rc, -ENAMETOOLONG, "is refused");
}

static void classes(void)
{
	struct node *d = folder(50, t.root, "d"), *n;

	n = node_get(&t, 51, NODE_FILE);
	node_name(&t, d, "x.tmp", n);
	is_int(node_class(&t, n), CLASS_TEMP, "a temp name");
	node_name(&t, d, "x", n);
	is_int(node_class(&t, n), CLASS_SEAL, "any name of class seal decides");
	ok(node_get(&t, 51, NODE_FILE) == n, "one inode, one node");
	ok(node_made(&t, 51, NODE_FILE) != n,
		"but not where a file of that number was just made");
	ok(node_get(&t, 51, NODE_FOLDER) != n,
		"unless its type says that it is another");
}

/* Presets of folders: the nearest one decides, and goes where it goes. */
static void bindings(void)
{
	static const struct terms vault = {1, 2, 3};
	static const struct bind bind[] = {{"bound/*", NULL}};
	struct bind set = bind[0];
	struct node *a = folder(60, t.root, "bound"), *b, *c, *n;
	const struct node *from;
	struct name *m, *to;

	set.rules = presets_find(NULL, "git");
	t.bind = &set;
	t.n_binds = 1;
	b = folder(61, a, "repo");
	c = folder(62, b, "objects");
	c = folder(63, c, "info");
	n = node_get(&t, 64, NODE_FILE);
	n->lookups = 1;
	node_name(&t, c, "packs", n);
	is_int(node_class(&t, n), CLASS_VERSION, "objects/info below a bind");
	ok(node_terms_at(&t, "bound/repo/objects/none/x", &vault).usual == 1,
		"terms of the vault where no rule says others");
	is_int(name_class_at(&t, a, "x.tmp", false), CLASS_TEMP, "not beside it");
	is_int(name_class_at(&t, b, "x.tmp", false), CLASS_SEAL,
		"what holds above does not hold below");
	is_int(name_class_at(&t, b, "info", false), CLASS_VERSION, "info itself");
	ok(node_rules(&t, c, &from) == set.rules && from == b,
		"where they come from is known");
	is_int(node_bind(&t, c, presets_find(NULL, "seal")), 0, "nearer");
	is_int(node_class(&t, n), CLASS_SEAL, "counts");
	is_int(node_bind(&t, c, NULL), 0, "and is taken away");
	is_int(node_class(&t, n), CLASS_VERSION, "again");
	is_int(node_bind(&t, c, presets_find(NULL, "seal")), 0, "once more");
	m = node_find(&t, t.root, "bound");
	to = node_name_new(t.root, "free", m->node);
	node_move(&t, m, to);
	m = to;
	is_int(name_class_at(&t, b, "info", false), CLASS_SEAL,
		"a bind of the configuration is to a path");
	is_int(node_class(&t, n), CLASS_SEAL, "one of a folder goes with it");
	node_unname(&t, node_find(&t, c, "packs"));
	n->lookups = 0;
	node_put(&t, n);
	ok(node_at(&t, "free/repo/objects/info") == c,
		"and keeps it in memory");
	node_unname(&t, node_find(&t, node_at(&t, "free/repo/objects"),
		"info"));
	ok(t.n_presets == 0 && node_at(&t, "free") == NULL,
		"until it is removed");
	t.n_binds = 0;
}

/* Terms by a name that memory has, and by a path that it may not have. */
static void terms(void)
{
	static const struct terms vault = {1, 2, 3};
	struct presets *p = presets_new();
	struct bind set = {"bound/*", NULL};
	struct node *a, *b;
	char *why = NULL;

	if (presets_add(p, "x", "seal,retain=10s", "dir", &why) != 0 ||
		presets_add(p, "y", "seal,retain=20s", "f/g", &why) != 0)
		bail("no rules: %s", why);
	set.rules = presets_find(p, "x");
	t.bind = &set;
	t.n_binds = 1;
	is_int((long long)node_terms_at(&t, "bound/r/dir/f", &vault).usual, 10,
		"by a bind, of folders that memory does not have");
	is_int((long long)node_terms_at(&t, "bound/dir/f", &vault).usual, 1,
		"not of the folder's own name");
	a = folder(70, t.root, "bound");
	a = folder(71, a, "r");
	a = folder(72, a, "dir");
	node_bind(&t, a, presets_find(p, "y"));
	b = node_get(&t, 73, NODE_FILE);
	a = folder(74, a, "f");
	is_int((long long)name_terms(&t, node_name(&t, a, "g", b),
		&vault).usual, 20, "by the preset of a folder");
	is_int((long long)node_terms_at(&t, "bound/r/dir/f/g", &vault).usual,
		20, "also by its path");
	is_int((long long)node_terms_at(&t, "bound/r/dir/dir", &vault).usual,
		1, "below which the bind does not hold");
	node_unname(&t, node_find(&t, a, "g"));
	node_unname(&t, node_find(&t, node_at(&t, "bound/r"), "dir"));
	t.n_binds = 0;
	presets_free(p);
}

int main(void)
{
	const struct rules *r;

	plan(0);
	r = presets_find(NULL, "default");
	is_int(nodes_init(&t, r, 1), 0, "an empty tree");
	paths();
	classes();
	bindings();
	terms();
	nodes_done(&t);
	return done();
}

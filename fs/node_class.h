/*
 * node_class: which rules hold for the names in memory, and so which class and
 * which terms each name has.
 *
 * The nearest folder above a name that has a preset decides: one that is bound
 * to it, or to its path by a glob; else the rules of all nodes.  What was found
 * for a name is kept in it until nodes->gen moves on (a binding, or a folder
 * that moved).  As node.h: under mount->lock, held by the caller.
 */
#ifndef FS_NODE_CLASS_H
#define FS_NODE_CLASS_H

#include "fs/node.h"

#define NODE_PRESETS_MAX 1024	/* folders; each is kept in memory */
/* Binds a preset to a folder, for all names below it; NULL ends that.  A folder
 * that has one stays in memory, so its binding goes where it goes.  -ENOSPC. */
int node_bind(struct nodes *t, struct node *folder, const struct rules *rules);
/* The rules that hold below a folder, and the folder that they start from. */
const struct rules *node_rules(struct nodes *t, struct node *folder,
	const struct node **ret_from);
/* The class of a name that there is. */
enum rules_class name_class(struct nodes *t, struct name *m);
/* How long what is sealed under that name is kept; under a path of which memory
 * may know only some folders, those with a preset being among them. */
struct terms name_terms(struct nodes *t, struct name *m,
	const struct terms *vault);
struct terms node_terms_at(const struct nodes *t, const char *path,
	const struct terms *vault);
/* Class of a name that is not there yet, of a folder or not. */
enum rules_class name_class_at(struct nodes *t, struct node *parent,
	const char *text, bool folder);
/* Class of to/rest, a file, when the folder at `from` is at `to`. */
enum rules_class node_class_moved(const struct nodes *t, const char *from,
	const char *to, const char *rest);
/* The strongest class of all its names; CLASS_SCRATCH without any. */
enum rules_class node_class(struct nodes *t, const struct node *n);

#endif

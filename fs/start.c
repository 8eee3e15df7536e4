#include "fs/start.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "fs/binding.h"
#include "fs/idle.h"
#include "fs/inner.h"
#include "fs/paths.h"
#include "fs/sealer.h"
#include "fs/sealrecord.h"
#include "fs/version.h"

#define VALUE "mount.run"	/* "running|ended START FROM TO", ms */

int start_begin(struct mount *m)
{
	cleanup(buf) struct buf v = {0};
	uint64_t began = 0, from = 0, to = 0;
	uint64_t now = m->s.clock->ops->now_ms(m->s.clock);
	char text[128], word[16] = "ended";
	int rc = m->s.local->ops->value(m->s.local, VALUE, &v), n;

	if (rc != 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && v.n < sizeof text) {
		memcpy(text, v.p, v.n);
		text[v.n] = '\0';
		if (sscanf(text, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64, word,
				&began, &from, &to) != 4)
			return -EBADMSG;
	}
	if (strcmp(word, "running") == 0) {
		/* Cut off again before the last one's files were sealed: the
		 * stretch of doubt goes on. */
		from = to != 0 && to == began ? from : began;
		to = now;
	}
	m->started = now;
	m->suspect_from = from;
	m->suspect_to = to;
	n = snprintf(text, sizeof text,
		"running %" PRIu64 " %" PRIu64 " %" PRIu64, now, from, to);
	rc = m->s.local->ops->set_value(m->s.local, VALUE,
		BYTES(text, (size_t)n));
	fault_point("start.noted");
	return rc;
}

int start_end(struct mount *m)
{
	char text[128];
	int n = snprintf(text, sizeof text,
		"ended %" PRIu64 " %" PRIu64 " %" PRIu64, m->started,
		m->suspect_from, m->suspect_to);

	return m->s.local->ops->set_value(m->s.local, VALUE,
		BYTES(text, (size_t)n));
}

static bool suspect(const struct mount *m, const struct stat *st)
{
	uint64_t ms = (uint64_t)st->st_ctim.tv_sec * 1000 +
		(uint64_t)st->st_ctim.tv_nsec / 1000000;

	return m->suspect_to != 0 && ms >= m->suspect_from &&
		ms <= m->suspect_to;
}

struct node *start_node(struct mount *m, const char *path)
{
	char part[NODE_PATH];
	struct node *n = m->nodes.root;
	struct fuse_entry_param e;
	size_t len;
	int rc;

	{
		locked(&m->lock);
		n->lookups++;
	}
	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		memcpy(part, path, len);
		part[len] = '\0';
		rc = inode_lookup(m, n, part, true, &e);
		inode_forget(m, n, 1);
		if (rc != 0)
			return NULL;
		n = node_of(m, e.ino);
	}
	return n;
}

/* A mapping outlives a daemon that was killed: P4 of passthru.h. */
static bool still_mapped(struct mount *m, const char *path,
	const struct stat *st)
{
	cleanup(close) int fd = !S_ISREG(st->st_mode) || st->st_size == 0 ?
		-1 : backing_open_read(m->files, path);

	return fd >= 0 && backing_written(fd) > 0;
}

/* Is each link of a file a name, and so none that of a version? */
static bool all_names(const struct node *n, const struct stat *st)
{
	const struct name *name;
	nlink_t links = 0;

	for (name = n->names; name != NULL; name = name->node_next)
		links++;
	return links == st->st_nlink;
}

/* first: of all that is seen, nothing was in memory before. */
static int seen_file(struct mount *m, struct node *folder, const char *text,
	const char *path, const struct stat *st, bool first)
{
	struct name *name;
	struct version_seal seal;
	struct node *n;
	bool mapped;
	int rc = version_look(m, path, st, &seal);

	if (rc != 0)
		return rc;
	if (seal.stores)
		room_sealed(m, seal.class == CLASS_APPEND ? seal.floor :
			seal.sealed ? (uint64_t)st->st_size : 0);
	if (seal.sealed && S_ISREG(st->st_mode))
		sealer_protect(m->sealer, path, true);
	if (seal.sealed && st->st_nlink == 1)
		return 0;
	mapped = !seal.sealed && still_mapped(m, path, st);
	locked(&m->lock);
	n = node_get(&m->nodes, st->st_ino, node_type_of(st->st_mode));
	name = n == NULL ? NULL : node_name(&m->nodes, folder, text, n);
	if (name == NULL)
		return -ENOMEM;
	name->recorded = name->recorded || seal.sealed;
	if (seal.stores)
		node_lead(name);
	n->recorded = n->recorded > seal.floor ? n->recorded : seal.floor;
	n->floor = n->floor > seal.floor ? n->floor : seal.floor;
	n->grows = n->grows || seal.floor > 0;
	if (n->item.state == ST_SEALED || seal.sealed) {
		/* One recorded name seals the file under all of them. */
		if (n->item.state != ST_SEALED && n->item.state != ST_NONE)
			settle_gone(&m->nodes.settle, &n->item);
		if (n->item.state == ST_NONE)
			settle_known(&m->nodes.settle, &n->item, seal.class);
		n->unknown = false;
		n->keeps = true;
		return 0;
	}
	if (n->item.state != ST_NONE) { /* one more name, of another class */
		settle_renamed(&m->nodes.settle, &n->item,
			node_class(&m->nodes, n), mount_now(m));
	} else {
		inode_join(m, n, st);
		idle_seen(m, n, st);
		n->escaped = mapped;
		n->written -= seal.floor < n->written ? seal.floor : n->written;
		n->item.unclean = S_ISREG(st->st_mode) && st->st_size > 0 &&
			suspect(m, st);
		if ((st->st_mode & 0222) == 0)
			settle_chmod(&m->nodes.settle, &n->item, false);
	}
	if (first && all_names(n, st)) {
		n->shared = n->whole = false;
		n->floor = n->recorded;
	}
	return 0;
}

int start_folder(struct mount *m, const char *path)
{
	struct node *n;

	if (sealrecord_folder_same(m, path))
		return 0;
	n = start_node(m, path);
	if (n == NULL)
		return -EIO;
	inode_folder_changed(m, n);
	inode_forget(m, n, 1);
	return 0;
}

/* A walk, and the folders that are left of it. */
struct walk {
	struct paths left;
	bool first;		/* of everything, at the start */
	uint64_t looked;	/* names */
};

#define LOOKED_STEP 1024	/* names between two words about it */

static void count(struct mount *m, struct walk *w)
{
	if (++w->looked % LOOKED_STEP == 0 && w->first && m->s.looked != NULL)
		m->s.looked(m->s.ctx, w->looked);
}

static int seen(struct mount *m, struct node *folder, const char *text,
	const char *path, int at, struct walk *w)
{
	struct stat st;

	count(m, w);
	if (fstatat(at, text, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return paths_add(&w->left, BYTES(path, strlen(path)));
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	return seen_file(m, folder, text, path, &st, w->first);
}

static int walk_one(struct mount *m, const char *folder, struct walk *w)
{
	char path[NODE_PATH];
	struct dirent *e;
	struct node *n;
	DIR *d;
	int rc, fd = backing_open(m->files, folder, O_RDONLY | O_DIRECTORY), k;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = start_folder(m, folder);
	n = rc == 0 ? start_node(m, folder) : NULL;
	if (n != NULL)
		rc = binding_seen(m, n, folder, fd);
	d = fdopendir(fd);
	if (d == NULL || n == NULL) {
		if (d != NULL)
			closedir(d);
		else
			close(fd);
		if (n != NULL)
			inode_forget(m, n, 1);
		return rc != 0 ? rc : -EIO;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		k = snprintf(path, sizeof path, "%s%s%s", folder,
			*folder == '\0' ? "" : "/", e->d_name);
		if (k < 0 || (size_t)k >= sizeof path)
			continue; /* no record can name it */
		rc = seen(m, n, e->d_name, path, fd, w);
	}
	closedir(d);
	inode_forget(m, n, 1);
	return rc;
}

/* Files of several names of which all have records need no memory, unless they
 * may be unsealed with all of them; names without one get theirs. */
static void settle_links(struct mount *m)
{
	struct node *n, *next;
	struct name *name;
	bool owes;

	for (n = m->nodes.all; n != NULL; n = next) {
		next = n->all_next;
		if (!n->keeps)
			continue;
		owes = false;
		for (name = n->names; name != NULL; name = name->node_next)
			owes = owes || !name->recorded;
		if (owes)
			sealer_late(m->sealer, n);
		else
			n->keeps = n->item.class != CLASS_SEAL &&
				n->names != NULL && n->names->node_next != NULL;
	}
}

int start_walk(struct mount *m, const char *path)
{
	struct walk w = {.first = *path == '\0'};
	char *folder;
	int rc = paths_add(&w.left, BYTES(path, strlen(path)));

	while (rc == 0 && (folder = paths_take(&w.left)) != NULL) {
		rc = walk_one(m, folder, &w);
		if (rc == -EACCES) { /* we are not root */
			mount_say(m, "not looked through, so nothing in it is "
				"sealed before its mode lets its owner in",
				folder, rc);
			rc = 0;
		}
		free(folder);
	}
	cleanup_paths(&w.left);
	locked(&m->lock);
	settle_links(m);
	return rc;
}

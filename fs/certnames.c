#include "fs/certnames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/certificate.h"

/* Offsets of ext4 are hashes of 31 bits with 32 below them, of which the
 * greatest hash is left out; other file systems count from 0.  The last one of
 * all is the end of a folder. */
#define FIRST INT64_C(0x7fffffff00000001)
#define LAST (FIRST + INT64_C(0x7fffffff))

void certnames_done(struct certnames *c)
{
	while (c->n > 0)
		free(c->name[--c->n]);
	free(c->name);
	*c = (struct certnames){0};
}

bool certnames_wanted(struct mount *m, const struct node *folder)
{
	enum list_certs how = m->s.config->list_certs;

	return how == LIST_CERTS_YES ||
		(how == LIST_CERTS_ROOT && folder == m->nodes.root);
}

bool certnames_offset(off_t off)
{
	return off >= FIRST && off <= LAST;
}

static int look(void *ctx, const struct local_record *r)
{
	*(bool *)ctx = r->final && record_seals(r->kind);
	return 0;
}

/* Is the file final, and its certificate's name free? */
static bool has_cert(struct mount *m, struct node *folder, int at,
	const char *text, const char *name)
{
	struct local *l = m->s.local;
	char path[NODE_PATH];
	bool final = false;
	int rc;

	{
		locked(&m->lock);
		rc = node_path_at(&m->nodes, folder, text, path);
	}
	return rc >= 0 && faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
		l->ops->find(l, BYTES(path, strlen(path)), look, &final) == 0 &&
		final;
}

/* The name of its certificate; false: there is none that a name can have. */
static bool cert_name(const struct mount *m, const char *text,
	char ret[NAME_MAX + 1])
{
	const char *suffix = virtual_suffix(m);
	size_t n = strlen(text), more = strlen(suffix);

	if (n > CERTIFICATE_NAME_LONG) {
		certificate_name(BYTES(text, n), ret);
		n = CERTIFICATE_NAME_CUT;
	} else {
		memcpy(ret, text, n);
	}
	if (n + more > NAME_MAX)
		return false;
	memcpy(ret + n, suffix, more + 1);
	return true;
}

static int add(struct certnames *c, const char *name)
{
	size_t cap = c->cap == 0 ? 64 : 2 * c->cap;
	char **more;

	if (c->n == c->cap) {
		more = reallocarray(c->name, cap, sizeof(char *));
		if (more == NULL)
			return -ENOMEM;
		c->name = more;
		c->cap = cap;
	}
	c->name[c->n] = strdup(name);
	return c->name[c->n] == NULL ? -ENOMEM : (c->n++, 0);
}

static int collect(struct mount *m, struct node *folder, DIR *dir,
	struct certnames *c)
{
	int at = openat(dirfd(dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = at < 0 ? NULL : fdopendir(at);
	char name[NAME_MAX + 1];
	struct dirent *e;
	int rc = 0;

	if (d == NULL) {
		rc = -errno;
		if (at >= 0)
			close(at);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR && cert_name(m, e->d_name, name) &&
			has_cert(m, folder, at, e->d_name, name))
			rc = add(c, name);
	}
	closedir(d);
	c->known = rc == 0;
	return rc;
}

int certnames_list(fuse_req_t req, struct node *folder, DIR *dir,
	struct certnames *c, bool plus, struct page *p, off_t *ret_off)
{
	struct mount *m = mount_of(req);
	size_t i = certnames_offset(*ret_off) ?
		(size_t)(*ret_off - FIRST) + 1 : 0;
	int rc = c->known ? 0 : collect(m, folder, dir, c);
	char path[NODE_PATH];

	for (; rc == 0 && i < c->n; i++) {
		struct stat st = {.st_mode = S_IFREG};
		{
			locked(&m->lock);
			rc = node_path_at(&m->nodes, folder, c->name[i], path);
		}
		if (rc < 0)
			return rc;
		rc = 0;
		st.st_ino = virtual_ino(VIRTUAL_CERT, path);
		if (!virtual_entry(req, plus, p, c->name[i], st,
				FIRST + (off_t)i))
			break;
		*ret_off = FIRST + (off_t)i;
	}
	return rc;
}

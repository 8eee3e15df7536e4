#include "fs/virtual_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "fs/ctl.h"
#include "fs/history.h"
#include "fs/idle.h"
#include "fs/park.h"
#include "fs/refusals.h"
#include "fs/sealer.h"
#include "fs/version.h"

static bool is_folder(enum virtual_kind k)
{
	return k == VIRTUAL_TOP || k == VIRTUAL_CERTS || k == VIRTUAL_WAITS ||
		k == VIRTUAL_PARTS || k == VIRTUAL_LOG ||
		k == VIRTUAL_HISTORY || k == VIRTUAL_DELETED;
}

/* Another at each look. */
static bool is_live(enum virtual_kind k)
{
	return k == VIRTUAL_STATUS || k == VIRTUAL_AUDIT ||
		k == VIRTUAL_HASHING || k == VIRTUAL_IDLE ||
		k == VIRTUAL_LOG_LIVE;
}

int virtual_cert(struct mount *m, const char *path, struct buf *ret)
{
	int rc = version_pending(m, path);

	if (rc != 0)
		return rc < 0 ? rc : -EAGAIN;
	return certfile_make(m->certs, BYTES(path, strlen(path)), ret);
}

/* When the newest timestamp in the certificate was given: over its block, or
 * over the one that shows by when that was final. */
static uint64_t stamped_ms(struct mount *m, struct bytes cert)
{
	struct certificate c;
	struct params p;
	struct timestamp t;
	enum verdict v;

	if (certificate_decode(cert, &c) != 0 ||
		params_decode(m->s.params, &p) != 0)
		return m->started;
	v = c.has_final ? timestamp_validate(&p, c.final.t_type, c.final.t,
				  c.final.b, &t)
			: timestamp_validate(&p, c.t_upper_type, c.t_upper,
				  c.b, &t);
	return v == V_VALID ? t.p_ms : m->started;
}

int virtual_take_apart(struct mount *m, struct bytes cert,
	struct parts_list *ret)
{
	struct report report;
	int rc = verify(cert, &m->s.anchor, NULL, &report);

	ret->n = 0;
	if (rc != 0)
		return rc;
	return report.verdict == V_VALID ? parts_make(&report, ret) : -EIO;
}

/* The part that is named as the node is. */
static int add_part(struct mount *m, struct node *n, struct bytes cert,
	struct buf *ret)
{
	cleanup(free) struct parts_list *list = malloc(sizeof(*list));
	char path[NODE_PATH];
	const struct part *part;
	int rc;

	if (list == NULL)
		return -ENOMEM;
	rc = inode_path(m, n, path);
	if (rc < 0)
		return rc;
	rc = virtual_take_apart(m, cert, list);
	part = rc != 0 ? NULL : parts_find(list, strrchr(path, '/') + 1);
	if (part != NULL)
		rc = buf_add(ret, part->data.p, part->data.n);
	else if (rc == 0)
		rc = -ENOENT;
	parts_done(list);
	return rc;
}

/* Bytes of a virtual file, the time that it has, and whether it may be kept. */
static int content(struct mount *m, struct node *n, struct buf *ret,
	uint64_t *ret_ms, bool *ret_keep)
{
	char path[NODE_PATH], hex[HASH_HEX + 2];
	cleanup(buf) struct buf cert = {0};
	struct mount_hashing hashing;
	struct mount_idle idle;
	struct logtree log;
	struct report report;
	int rc = virtual_subject(m, n, path);

	*ret_ms = m->started;
	*ret_keep = !is_live(n->virtual);
	if (rc != 0)
		return rc;
	switch (n->virtual) {
	case VIRTUAL_ANCHOR:
		hex_encode(HASH_BYTES(&m->s.anchor), hex);
		strcat(hex, "\n");
		return buf_add(ret, hex, strlen(hex));
	case VIRTUAL_STATUS:
		*ret_ms = m->s.clock->ops->now_ms(m->s.clock);
		return m->s.status(m->s.ctx, ret);
	case VIRTUAL_WAIT:
		return buf_add(ret, "notarized\n", 10);
	case VIRTUAL_AUDIT:
		*ret_ms = m->s.clock->ops->now_ms(m->s.clock);
		return m->refusals == NULL ? 0 :
			refusals_read(m->refusals, ret);
	case VIRTUAL_HASHING:
		*ret_ms = m->s.clock->ops->now_ms(m->s.clock);
		return sealer_large(m->sealer, &hashing, ret);
	case VIRTUAL_IDLE:
		*ret_ms = m->s.clock->ops->now_ms(m->s.clock);
		return idle_look(m, &idle, ret);
	case VIRTUAL_CTL:
		return 0; /* each handle has its own */
	case VIRTUAL_LOG_FIXED:
	case VIRTUAL_LOG_LIVE:
		log = virtual_log(m);
		return logtree_read(&log, path, ret);
	default:
		break;
	}
	rc = virtual_cert(m, path, &cert);
	if (rc != 0)
		return rc == -EAGAIN ? -ENOENT : rc;
	*ret_keep = false; /* it may get parts, or be renewed */
	*ret_ms = stamped_ms(m, BUF_BYTES(&cert));
	if (n->virtual == VIRTUAL_CERT) {
		*ret = cert;
		cert = (struct buf){0}; /* *ret has it */
		return 0;
	}
	if (n->virtual == VIRTUAL_PARTS)
		return 0; /* it is there */
	if (n->virtual == VIRTUAL_PART)
		return add_part(m, n, BUF_BYTES(&cert), ret);
	rc = verify(BUF_BYTES(&cert), &m->s.anchor, NULL, &report);
	if (rc == 0)
		rc = report_json(&report, ret);
	return rc == 0 ? buf_add(ret, "\n", 1) : rc;
}

/* Below .notary/cert and .notary/wait nobody gets further than in the folders
 * that they mirror: who may pass those may ask about what is in them. */
static int mirror(struct mount *m, struct node *n, struct stat *ret)
{
	char path[NODE_PATH];
	struct stat real;
	int rc = virtual_subject(m, n, path);

	if (rc == 0)
		rc = backing_stat(m->files, path, &real);
	if (rc != 0)
		return rc;
	ret->st_mode = S_IFDIR | (real.st_mode & 0555);
	ret->st_uid = real.st_uid;
	ret->st_gid = real.st_gid;
	return 0;
}

static bool is_proof(enum virtual_kind k)
{
	return k == VIRTUAL_CERT || k == VIRTUAL_JSON || k == VIRTUAL_PART;
}

/* A certificate has the attributes of its file and a digest of its content: who
 * may not read that may not read this. */
static int proof(struct mount *m, struct node *n, struct stat *ret)
{
	char path[NODE_PATH];
	struct stat real = {.st_uid = ret->st_uid, .st_gid = ret->st_gid};
	int rc = virtual_subject(m, n, path);

	if (rc == 0)
		rc = backing_stat(m->files, path, &real);
	if (rc != 0 && rc != -ENOENT) /* lost behind our back: it proves still */
		return rc;
	ret->st_mode = S_IFREG | S_IRUSR | (real.st_mode & 0444);
	ret->st_uid = real.st_uid;
	ret->st_gid = real.st_gid;
	return 0;
}

int virtual_mirrored(struct mount *m, struct node *n, char ret[NODE_PATH])
{
	return n->virtual == VIRTUAL_CERTS || n->virtual == VIRTUAL_WAITS ||
		is_proof(n->virtual) ? virtual_subject(m, n, ret) : -ENODATA;
}

/* Certificates and folders may become others. */
static int stat_history(struct mount *m, struct node *n, struct stat *ret,
	double *ret_timeout)
{
	char path[NODE_PATH];
	int rc = virtual_subject(m, n, path);

	if (rc == 0)
		rc = history_stat(m, n->virtual, path, ret);
	ret->st_ctim = ret->st_atim = ret->st_mtim;
	*ret_timeout = n->virtual == VIRTUAL_VERSION ? TIMEOUT_OPEN : 0;
	return rc;
}

int virtual_stat(struct mount *m, struct node *n, struct stat *ret,
	double *ret_timeout)
{
	cleanup(buf) struct buf text = {0};
	uint64_t ms = m->started;
	bool keep = true;
	int rc;

	*ret = (struct stat){.st_ino = n->ino, .st_uid = geteuid(),
		.st_gid = getegid(), .st_nlink = 1, .st_blksize = 4096};
	if (virtual_is_history(n->virtual))
		return stat_history(m, n, ret, ret_timeout);
	if (is_folder(n->virtual)) {
		ret->st_mode = S_IFDIR | 0555;
		ret->st_nlink = 2;
		rc = n->virtual == VIRTUAL_PARTS ?
			content(m, n, &text, &ms, &keep) :
			n->virtual == VIRTUAL_CERTS ||
				n->virtual == VIRTUAL_WAITS ?
			mirror(m, n, ret) : 0;
		if (rc != 0)
			return rc;
	} else {
		ret->st_mode = S_IFREG | (n->virtual == VIRTUAL_CTL ? 0600 :
			n->virtual == VIRTUAL_AUDIT ||
			n->virtual == VIRTUAL_HASHING ||
			n->virtual == VIRTUAL_IDLE ? 0400 : 0444);
		rc = content(m, n, &text, &ms, &keep);
		if (rc != 0)
			return rc;
		ret->st_size = (off_t)text.n;
		ret->st_blocks = (blkcnt_t)(text.n + 511) / 512;
	}
	if (is_proof(n->virtual)) {
		rc = proof(m, n, ret);
		if (rc != 0)
			return rc;
	}
	ret->st_mtim.tv_sec = (time_t)(ms / 1000);
	ret->st_mtim.tv_nsec = (long)(ms % 1000) * 1000000;
	ret->st_ctim = ret->st_atim = ret->st_mtim;
	*ret_timeout = !keep ? 0 :
		n->virtual == VIRTUAL_LOG_FIXED ? TIMEOUT_CLOSED : TIMEOUT_OPEN;
	return 0;
}

/* Names the node; its lookup is counted.  -ENAMETOOLONG, -ENOMEM. */
static int name_virtual(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind kind, struct node **ret)
{
	char path[NODE_PATH];
	struct name *name;
	struct node *n;
	int rc;

	locked(&m->lock);
	name = node_find(&m->nodes, folder, text);
	if (name != NULL && name->node->type == NODE_VIRTUAL &&
		name->node->virtual == kind) {
		name->node->lookups++;
		*ret = name->node;
		return 0;
	}
	rc = node_path_at(&m->nodes, folder, text, path);
	if (rc < 0)
		return rc;
	n = node_new_virtual(&m->nodes, kind, virtual_ino(kind, path));
	if (n == NULL)
		return -ENOMEM;
	n->lookups = 1;
	if (node_name(&m->nodes, folder, text, n) == NULL) {
		n->lookups = 0;
		node_put(&m->nodes, n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

int virtual_lookup(struct mount *m, struct node *folder, const char *text,
	struct fuse_entry_param *ret)
{
	enum virtual_kind kind = VIRTUAL_NONE;
	struct node *n;
	struct stat st;
	double timeout = 0;
	int rc = virtual_what(m, folder, text, &kind);

	if (rc != 0)
		return rc;
	rc = name_virtual(m, folder, text, kind, &n);
	if (rc != 0)
		return rc;
	rc = virtual_stat(m, n, &st, &timeout);
	if (rc != 0) {
		inode_forget(m, n, 1);
		return rc;
	}
	locked(&m->lock);
	inode_entry(m, n, &st, ret);
	ret->entry_timeout = ret->attr_timeout = timeout;
	return 0;
}

void virtual_open(struct mount *m, fuse_req_t req, struct node *n,
	struct fuse_file_info *file)
{
	cleanup(buf) struct buf text = {0};
	char path[NODE_PATH];
	uint64_t ms, end = 0;
	bool keep = true;
	int rc = 0, fd = -1;

	if (n->virtual == VIRTUAL_CTL) {
		ctl_open(m, req, n, file);
		return;
	}
	if ((file->flags & O_ACCMODE) != O_RDONLY ||
		(file->flags & O_TRUNC) != 0)
		rc = -EPERM;
	if (rc == 0)
		rc = virtual_subject(m, n, path);
	if (rc == 0 && virtual_is_history(n->virtual))
		rc = history_open(m, n->virtual, path, &text, &fd, &end);
	else if (rc == 0)
		rc = content(m, n, &text, &ms, &keep);
	if (rc == 0) {
		locked(&m->lock);
		rc = handle_new(m, n, fd, false, file);
	}
	if (rc != 0) {
		if (fd >= 0)
			close(fd);
		fuse_reply_err(req, -rc);
		return;
	}
	handle_of(file)->end = end;
	handle_of(file)->text = text;
	text = (struct buf){0}; /* the handle has it */
	/* what may grow is read as far as this handle has it, whatever size
	 * the kernel remembers */
	file->direct_io = !keep;
	if (n->virtual == VIRTUAL_WAIT)
		park_open(m->park, req, path, file);
	else if (fuse_reply_open(req, file) != 0)
		handle_free(m, handle_of(file));
}

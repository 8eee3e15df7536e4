#include "fs/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/renew.h"
#include "fs/retain.h"
#include "fs/sealer.h"
#include "fs/start.h"
#include "fs/text.h"

#define LINE_MAX_BYTES 65536	/* of a request */
#define ANSWERS_MAX 65536	/* bytes not read yet */

/* -- requests: 0, or an errno with the reason added to ret -- */

static int say(struct buf *ret, int rc, const char *why)
{
	int err = text_add(ret, "%s\n", why);

	return err != 0 ? err : rc;
}

static int do_sync(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	(void)req;
	(void)arg;
	if (syncfs(m->files) != 0)
		return say(ret, -errno, "not everything is on the disk");
	return say(ret, 0, "ok");
}

/* The node at a path, held by a lookup. */
static int node_of_path(struct mount *m, const char *path, struct node **ret)
{
	cleanup(free) char *folder = strdup(path);
	struct fuse_entry_param e;
	struct node *above;
	char *slash;
	int rc;

	if (folder == NULL)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	*(slash != NULL ? slash : folder) = '\0';
	TREE(m, false);
	above = start_node(m, folder);
	if (above == NULL)
		return -ENOENT;
	rc = inode_lookup(m, above, path + (slash != NULL ?
		slash + 1 - folder : 0), true, &e);
	inode_forget(m, above, 1);
	if (rc == 0)
		*ret = node_of(m, e.ino);
	return rc;
}

static int ask_seal(struct mount *m, struct node *n)
{
	int rc;

	if (n->type != NODE_FILE && n->type != NODE_SYMLINK)
		return -EINVAL;
	{
		TREE(m, false);
		rc = inode_resolve(m, n);
	}
	if (rc != 0)
		return rc;
	locked(&m->lock);
	return n->item.state == ST_SEALED || n->item.state == ST_SEALING ? 0 :
		settle_ask(&m->nodes.settle, &n->item, mount_now(m));
}

static int do_seal(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	struct node *n;
	(void)req;
	int rc = record_path_ok(BYTES(arg, strlen(arg))) && *arg != '\0' ?
		node_of_path(m, arg, &n) : -ENOENT;

	if (rc != 0)
		return say(ret, rc, "there is no such file");
	rc = ask_seal(m, n);
	inode_forget(m, n, 1);
	if (rc == -EBUSY)
		return say(ret, rc, "it has a writer");
	if (rc != 0)
		return say(ret, rc, "it is never sealed under this name");
	sealer_wake(m->sealer);
	return say(ret, 0, "ok");
}

static int do_record(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	char hex[HASH_HEX + 1];
	struct hash dh;
	int rc = retain_record(m, arg, &dh);

	(void)req;
	if (rc != 0)
		return say(ret, rc, "there is no such sealed file");
	hex_encode(HASH_BYTES(&dh), hex);
	return say(ret, 0, hex);
}

static int do_holds(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	char hex[HASH_HEX + 1];
	struct retention t;
	int rc = retain_get(m, arg, &t);
	size_t i;

	(void)req;
	if (rc != 0)
		return say(ret, rc, "there is no such sealed file");
	for (i = 0; rc == 0 && i < t.n_holds; i++) {
		hex_encode(HASH_BYTES(&t.hold[i].placed), hex);
		rc = text_add(ret, "%s %.*s\n", hex, (int)t.hold[i].n,
			(const char *)t.hold[i].name);
	}
	return rc;
}

static const char *refusal(int rc, enum retention_mode mode)
{
	switch (rc) {
	case -EPERM:
		return mode == RETENTION_GOVERNANCE ? "the order is not by a "
			"governance key of this vault" :
			mode == RETENTION_COMPLIANCE ? "the vault is of mode "
			"compliance: nobody deletes before the date" :
			"this vault was made without --retention: nothing in "
			"it is ever deleted";
	case -EBUSY:
		return "it is not final yet, or a bucket still lacks it: wait "
			"until then";
	case -EKEYREJECTED:
		return "a legal hold is on it: release that first";
	case -EMLINK:
		return "it has other names, which must be deleted first";
	case -ESTALE:
		return "the order is about another record than the newest one";
	case -ENODATA:
		return "what is there now is not sealed, as a log that grows: "
			"wait until nobody writes to it and it is sealed";
	case -ENOENT:
		return "there is no such file";
	default:
		return strerror(-rc);
	}
}

static int delete(struct mount *m, const struct retain_order *o,
	struct buf *ret)
{
	struct retain_gone gone;
	int rc = unmake_ordered(m, o, &gone);

	if (rc != 0)
		return say(ret, rc, refusal(rc, retain_mode(m)));
	return text_add(ret, "deleted %" PRIu64 " %s\n", gone.size,
		gone.large ? "extents" : "packed");
}

static int release(struct mount *m, const struct retain_order *o,
	struct buf *ret)
{
	int rc = retain_release(m, o);

	if (rc == -EPERM)
		return say(ret, rc, "the order is not by a governance key of "
			"this vault");
	if (rc != 0)
		return say(ret, rc, "there is no such hold");
	return say(ret, 0, "released");
}

static int comply(struct mount *m, const struct retain_order *o,
	struct buf *ret)
{
	int rc = retain_comply(m, o);

	if (rc == -EPERM)
		return say(ret, rc, refusal(rc, retain_mode(m)));
	return rc != 0 ? say(ret, rc, strerror(-rc)) :
		say(ret, 0, params_mode_name(RETENTION_COMPLIANCE));
}

static const char *no_renewal(int rc)
{
	switch (rc) {
	case -EBUSY:
		return "it is not final yet: wait until then";
	case -EALREADY:
		return "it is being renewed already";
	case -EOPNOTSUPP:
		return "the vault's parameters name no such hash";
	case -EINVAL:
		return "the hash is weaker than the one that it has";
	case -EMLINK:
		return "it was renewed as often as a certificate can be";
	case -ESTALE:
		return "its certificate is another one by now: ask again";
	case -ENOENT:
		return "there is no such sealed file";
	default:
		return strerror(-rc);
	}
}

static int do_renew(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	struct renew_request r;
	int rc = renew_parse(arg, &r);

	(void)req;
	if (rc != 0)
		return say(ret, rc, "a request is: renew HASH FILE-DIGEST "
			"CERTIFICATE-DIGEST PATH");
	rc = renew_file(m, &r);
	return rc == 0 ? say(ret, 0, "ok") : say(ret, rc, no_renewal(rc));
}

static int do_mode(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	(void)req;
	(void)arg;
	return say(ret, 0, params_mode_name(retain_mode(m)));
}

static int do_order(struct mount *m, fuse_req_t req, const char *arg,
	struct buf *ret)
{
	size_t n = strlen(arg) / 2;
	cleanup(free) uint8_t *raw = malloc(n + 1);
	struct retain_order o;
	char path[NODE_PATH];
	int rc;

	if (raw == NULL)
		return -ENOMEM;
	o.d = BYTES(raw, n);
	if (hex_decode(arg, raw, n) != 0 || record_decode(o.d, &o.r) != 0 ||
		o.r.authority.n == 0)
		return say(ret, -EINVAL, "this is no order");
	rc = o.r.kind == RECORD_DELETION ? delete(m, &o, ret) :
		o.r.kind == RECORD_COMPLIANCE ? comply(m, &o, ret) :
						release(m, &o, ret);
	memcpy(path, o.r.path.p, o.r.path.n);
	path[o.r.path.n] = '\0';
	return refused_path(req, record_kind_name(o.r.kind), path, rc);
}

static int carry_out(struct mount *m, fuse_req_t req, char *line,
	struct buf *ret)
{
	static const struct {
		const char *name;
		int (*run)(struct mount *m, fuse_req_t req, const char *arg,
			struct buf *ret);
	} verbs[] = {
		{"sync", do_sync}, {"seal", do_seal},
		{"record", do_record}, {"holds", do_holds},
		{"mode", do_mode}, {"order", do_order},
		{"renew", do_renew},
	};
	char *arg = strchrnul(line, ' ');
	size_t i;

	if (*arg == ' ')
		*arg++ = '\0';
	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(line, verbs[i].name) == 0)
			return verbs[i].run(m, req, arg, ret);
	return say(ret, -EINVAL, "a request is: sync, seal PATH, record PATH, "
		"holds PATH, mode, renew HASH FILE CERT PATH or order HEX");
}

/* -- the file -- */

void ctl_open(struct mount *m, fuse_req_t req, struct node *n,
	struct fuse_file_info *file)
{
	int rc;

	{
		locked(&m->lock);
		rc = handle_new(m, n, -1, false, file);
	}
	file->direct_io = 1;
	file->nonseekable = 1;
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else if (fuse_reply_open(req, file) != 0)
		handle_free(m, handle_of(file));
}

static int add_answer(struct mount *m, struct handle *h, struct bytes answer)
{
	locked(&m->lock);
	return answer.n > ANSWERS_MAX - h->text.n ? -ENOBUFS :
		buf_add(&h->text, answer.p, answer.n);
}

void ctl_write(struct mount *m, fuse_req_t req, struct handle *h,
	struct bytes line)
{
	cleanup(buf) struct buf answer = {0};
	cleanup(free) char *text = NULL;
	size_t n = line.n;
	int rc, kept;

	if (n > 0 && line.p[n - 1] == '\n')
		n--;
	text = n > LINE_MAX_BYTES ? NULL : malloc(n + 1);
	if (text == NULL || memchr(line.p, '\0', n) != NULL) {
		fuse_reply_err(req, n > LINE_MAX_BYTES || text != NULL ?
			EINVAL : ENOMEM);
		return;
	}
	memcpy(text, line.p, n);
	text[n] = '\0';
	rc = carry_out(m, req, text, &answer);
	kept = add_answer(m, h, BUF_BYTES(&answer));
	if (rc == 0)
		rc = kept;
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_write(req, line.n);
}

void ctl_read(struct mount *m, fuse_req_t req, struct handle *h, size_t size)
{
	char part[4096];
	size_t n;

	{
		locked(&m->lock);
		n = h->text.n < size ? h->text.n : size;
		n = n < sizeof part ? n : sizeof part;
		if (n > 0) {
			memcpy(part, h->text.p, n);
			memmove(h->text.p, h->text.p + n, h->text.n - n);
		}
		h->text.n -= n;
	}
	fuse_reply_buf(req, part, n);
}

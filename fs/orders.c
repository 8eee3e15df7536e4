#include "fs/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/governance.h"
#include "fs/cli.h"
#include "fs/govkey.h"
#include "fs/init.h"
#include "fs/place.h"
#include "fs/status.h"
#include "fs/text.h"

#define ANSWER_MAX 65536	/* bytes */

static int read_answer(int fd, struct buf *ret)
{
	int rc = 0;
	while (rc == 0 && ret->n < ANSWER_MAX) {
		char part[4096];
		ssize_t n = read(fd, part, sizeof part);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		rc = buf_add(ret, part, (size_t)n);
	}
	if (ret->n > 0 && ret->p[ret->n - 1] == '\n')
		ret->n--;
	return rc;
}

int orders_ask(const char *root, const char *line, struct buf *ret_answer)
{
	cleanup(free) char *path = text_of("%s/.notary/ctl", root);
	cleanup(free) char *request = text_of("%s\n", line);
	if (path == NULL || request == NULL)
		return -ENOMEM;
	cleanup(close) int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = write(fd, request, strlen(request)) < 0 ? -errno : 0;
	int err = read_answer(fd, ret_answer);
	return rc != 0 ? rc : err;
}

/* The key beside the anchor, where init leaves it. */
static char *default_key(const char *root)
{
	cleanup(buf) struct buf json = {0};
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	if (s == NULL || place_read(root, "status", &json) != 0 ||
	    status_parse(BUF_BYTES(&json), s) != 0)
		return NULL;
	char *path = text_of("%s/" INIT_GOVERNANCE_KEY, s->vault);
	status_done(s);
	return path;
}

static int read_key(struct orders *o, const char *root)
{
	cleanup(free) char *own = o->key_file == NULL ? default_key(root) : NULL;
	const char *path = own != NULL ? own : o->key_file;
	int err = path == NULL ? -ENOENT : govkey_read(path, &o->key);
	if (err == 0)
		return 0;
	if (err == -ENOENT && o->key_file == NULL)
		cli_say(o->c, "this needs the governance key: name its file "
			"with --key");
	else
		cli_say(o->c, "%s: %s", path, err == -EPERM ? "the key must "
			"belong to you alone (chmod 600)" : err == -EBADMSG ?
			"this is no governance key" : strerror(-err));
	return -EKEYREVOKED;
}

static int make_line(struct orders *o, const char *root, struct record *r,
	char **ret)
{
	cleanup(buf) struct buf order = {0}, d = {0};
	struct hash anchor;
	int err = place_anchor(root, &anchor);
	if (err == 0)
		err = governance_sign(o->key, &anchor, r, &order);
	if (err != 0)
		return err;
	r->authority = BUF_BYTES(&order);
	err = record_encode(r, &d);
	if (err != 0)
		return err;
	cleanup(free) char *hex = malloc(2 * d.n + 1);
	if (hex == NULL)
		return -ENOMEM;
	hex_encode(BUF_BYTES(&d), hex);
	*ret = text_of("order %s", hex);
	return *ret == NULL ? -ENOMEM : 0;
}

int orders_give(struct orders *o, const char *root, enum record_kind kind,
	struct bytes path, const struct hash *about, struct buf *ret_answer)
{
	struct record r = {.kind = kind, .path = path, .has_about = true,
		.about = *about,
		.reason = BYTES(o->reason, strlen(o->reason))};
	cleanup(free) char *line = NULL;
	int err = o->key != NULL ? 0 : read_key(o, root);
	if (err != 0)
		return err;
	o->entropy->ops->fill(o->entropy, r.salt, sizeof r.salt);
	err = make_line(o, root, &r, &line);
	return err != 0 ? err : orders_ask(root, line, ret_answer);
}

void orders_done(struct orders *o)
{
	EVP_PKEY_free(o->key);
	o->key = NULL;
}

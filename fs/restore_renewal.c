#include "fs/restore_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/inside.h"
#include "fs/offline.h"
#include "fs/renewal.h"

static int read_certificate(struct outtree *t, struct bytes name,
	struct buf *ret)
{
	char path[32];
	cleanup(close) int fd = inside_open(t->root, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return offline_certificate(AT_FDCWD, path, ret);
}

/* The certificate with the one of that name in it; -ENOENT: the renewal is not
 * of that. */
static int make(struct restore *r, const struct record *d, size_t index,
	struct bytes written, struct buf *ret)
{
	cleanup(buf) struct buf old = {0};
	struct renewal_layers l;
	int err = renewal_layers(written, &l);
	if (err == 0 && !hash_equal(&l.about, &d->about))
		err = -ENOENT;
	if (err == 0)
		err = renewal_form(d, written, &old);
	return err != 0 ? err : restore_make_certificate(r, index,
		BUF_BYTES(&old), ret);
}

static int replace(struct outtree *t, struct bytes name, struct bytes cert)
{
	const uint8_t *slash = memrchr(name.p, '/', name.n);
	size_t folder = slash == NULL ? 0 : (size_t)(slash - name.p);
	char last[CERTIFICATE_NAME_MAX + 1];
	struct bytes base = {name.p + folder + (slash != NULL),
		name.n - folder - (slash != NULL)};
	memcpy(last, base.p, base.n);
	last[base.n] = '\0';
	cleanup(close) int fd = inside_open(t->root, BYTES(name.p, folder),
		O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	return unlinkat(fd, last, 0) != 0 ? -errno :
		restore_write(t, name, cert);
}

static int renew(struct restore *r, struct outtree *t, const char *prefix,
	struct bytes path, const struct record *d, size_t index)
{
	cleanup(buf) struct buf name = {0}, written = {0}, cert = {0};
	int err = restore_certificate_name(prefix, path, &name);
	if (err == 0 && t == &r->out && restore_taken(r, BUF_BYTES(&name)))
		return 0; /* which was said */
	if (err == 0)
		err = read_certificate(t, BUF_BYTES(&name), &written);
	if (err == 0)
		err = make(r, d, index, BUF_BYTES(&written), &cert);
	if (err == 0)
		err = replace(t, BUF_BYTES(&name), BUF_BYTES(&cert));
	return err == 0 || err == -ENOENT ? 0 :
		restore_failed(r, BUF_BYTES(&name), err);
}

static int renew_past(struct restore *r, const struct record *d, size_t index,
	const struct chronicle_entry *e)
{
	cleanup(buf) struct buf name = {0};
	int err = restore_name_version(d->path, e->number, &name);
	if (err == 0)
		err = renew(r, &r->past, RESTORE_HISTORY, BUF_BYTES(&name), d,
			index);
	if (err == 0 && e->last && !e->grown)
		err = renew(r, &r->past, RESTORE_DELETED ".certs/", d->path, d,
			index);
	return err;
}

int restore_renewal(struct restore *r, const struct record *d, size_t index,
	const struct chronicle_entry *e)
{
	if (e->fate == CHRONICLE_NEWEST && !e->grown)
		return renew(r, &r->out, RESTORE_CERTS, d->path, d, index);
	return r->past.root < 0 || e->fate == CHRONICLE_DELETED ? 0 :
		renew_past(r, d, index, e);
}

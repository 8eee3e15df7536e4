#include "fs/renew.h"

#include <errno.h>
#include <string.h>

#include "core/fault.h"
#include "core/local.h"
#include "fs/inner.h"
#include "fs/renewal.h"
#include "fs/retain_inner.h"
#include "fs/version.h"

/* The next word, up to a blank. */
static struct bytes word(const char **text)
{
	size_t n = strcspn(*text, " ");
	struct bytes w = BYTES(*text, n);

	*text += n + ((*text)[n] == ' ');
	return w;
}

/* Digits of a digest of at most DIGEST_MAX bytes. */
static int digest(struct bytes hex, uint8_t ret[DIGEST_MAX], size_t *ret_n)
{
	char text[2 * DIGEST_MAX + 1];

	if (hex.n == 0 || hex.n > 2 * DIGEST_MAX || hex.n % 2 != 0)
		return -EINVAL;
	memcpy(text, hex.p, hex.n);
	text[hex.n] = '\0';
	*ret_n = hex.n / 2;
	return hex_decode(text, ret, *ret_n);
}

int renew_parse(const char *text, struct renew_request *ret)
{
	size_t n;

	ret->algorithm = word(&text);
	if (!record_digest_name_ok(ret->algorithm) ||
		digest(word(&text), ret->file, &ret->n) != 0 ||
		digest(word(&text), ret->cert, &n) != 0 || n != ret->n ||
		*text == '\0')
		return -EINVAL;
	ret->path = text;
	return 0;
}

struct pending {
	struct hash about;
	bool found;
};

static int look(void *ctx, const struct local_record *l)
{
	struct pending *p = ctx;
	struct record d;

	if (l->kind == RECORD_RENEWAL && !(l->in_block && l->final) &&
		record_decode(l->d, &d) == 0)
		p->found = p->found || hash_equal(&d.about, &p->about);
	return 0;
}

/* A certificate holds one renewal after the other, so they are made so. */
static int none_pending(struct mount *m, const struct found *file)
{
	struct pending p = {.about = file->dh};
	int rc = m->s.local->ops->notes(m->s.local, file->r.path, look, &p);

	return rc == 0 && p.found ? -EALREADY : rc;
}

/* The certificate as the mount gives it, if it is the one that is meant. */
static int is_meant(struct mount *m, const struct renew_request *r)
{
	const struct record want = {.algorithm = r->algorithm,
		.old_certificate = BYTES(r->cert, r->n)};
	cleanup(buf) struct buf cert = {0}, form = {0};
	int rc = certfile_make(m->certs, BYTES(r->path, strlen(r->path)),
		&cert);

	if (rc == 0)
		rc = renewal_may(BUF_BYTES(&cert), r->algorithm);
	if (rc != 0)
		return rc == -EAGAIN ? -EBUSY : rc;
	rc = renewal_form(&want, BUF_BYTES(&cert), &form);
	return rc == -ENOENT ? -ESTALE : rc;
}

static int queue(struct mount *m, const struct found *file,
	const struct renew_request *r)
{
	struct record d = {.kind = RECORD_RENEWAL, .path = file->r.path,
		.has_about = true, .about = file->dh,
		.algorithm = r->algorithm,
		.file_digest = BYTES(r->file, r->n),
		.old_certificate = BYTES(r->cert, r->n)};
	cleanup(buf) struct buf raw = {0};
	int rc = retain_encode(m, &d, &raw);

	if (rc != 0)
		return rc;
	fault_point("renew.begin");
	rc = retain_queue(m, &d, BUF_BYTES(&raw));
	fault_point("renew.queued");
	return rc;
}

int renew_file(struct mount *m, const struct renew_request *r)
{
	FOUND(file);
	int rc;

	locked(&m->retain);
	rc = retain_find(m, BYTES(r->path, strlen(r->path)), &file);
	if (rc == 0)
		rc = version_pending(m, r->path);
	if (rc != 0)
		return rc < 0 ? rc : -EBUSY;
	rc = none_pending(m, &file);
	if (rc == 0)
		rc = is_meant(m, r);
	return rc == 0 ? queue(m, &file, r) : rc;
}

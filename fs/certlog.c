#include "fs/certlog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/note.h"
#include "core/verify.h"
#include "fs/place.h"

#define TRIES 5	/* the log may be signed anew between checkpoint and receipt */
#define NAME 80	/* bytes of a path below .notary */

/* With that key 11, if it is a good certificate then. */
static int replace(const struct certificate *old, struct bytes note,
	struct bytes receipt, struct buf *cert)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	cleanup(free) struct report *r = malloc(sizeof(*r));
	cleanup(buf) struct buf out = {0};
	int rc;

	if (c == NULL || r == NULL)
		return -ENOMEM;
	*c = *old;
	c->log = (struct certificate_log){note, receipt};
	rc = make_certificate(c, &out);
	if (rc == 0)
		rc = verify(BUF_BYTES(&out), NULL, NULL, r);
	if (rc != 0)
		return rc;
	if (r->verdict != V_NO_ANCHOR || r->log_size == 0)
		return -EBADMSG;
	buf_free(cert);
	*cert = out;
	out = (struct buf){0}; /* the caller has it */
	return 0;
}

static int read_both(const char *root, const struct report *r,
	struct buf *note, struct buf *receipt)
{
	char name[NAME];
	int rc;

	snprintf(name, sizeof(name), "log/epoch/%" PRIu32 "/checkpoint", r->epoch);
	rc = place_read(root, name, note);
	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "log/epoch/%" PRIu32 "/receipt/%" PRIu64
		".cose", r->epoch, r->height);
	return place_read(root, name, receipt);
}

static int add(const char *root, const struct report *r, struct buf *cert)
{
	cleanup(buf) struct buf note = {0};
	cleanup(buf) struct buf receipt = {0};
	int rc = read_both(root, r, &note, &receipt);

	return rc != 0 ? rc : replace(&r->cert, BUF_BYTES(&note),
		BUF_BYTES(&receipt), cert);
}

int certlog_add(const char *root, struct buf *cert)
{
	cleanup(free) struct report *r = malloc(sizeof(*r));
	int i, rc;

	if (r == NULL)
		return -ENOMEM;
	rc = verify(BUF_BYTES(cert), NULL, NULL, r);
	if (rc == 0 && r->verdict != V_NO_ANCHOR)
		rc = -EBADMSG;
	if (rc != 0)
		return rc;
	rc = -EBADMSG;
	for (i = 0; i < TRIES && rc == -EBADMSG; i++)
		rc = add(root, r, cert);
	return rc;
}

int certlog_cosign(struct bytes note, struct buf *cert)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));
	cleanup(buf) struct buf all = {0};
	int rc = c == NULL ? -ENOMEM : certificate_decode(BUF_BYTES(cert), c);

	if (rc == 0 && c->log.note.n == 0)
		rc = -ENODATA;
	if (rc == 0)
		rc = note_merge(c->log.note, note, &all);
	return rc != 0 ? rc : replace(c, BUF_BYTES(&all), c->log.receipt, cert);
}

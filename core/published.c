#include "core/published.h"

#include <errno.h>
#include <stdio.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/receipt.h"

#define VALUE "checkpoint" /* its name in local */
#define VERSION 1

int published_encode(const struct published *p, struct buf *ret)
{
	struct cborput w = {0};

	cborput_array(&w, 5);
	cborput_uint(&w, VERSION);
	cborput_uint(&w, p->size);
	cborput_uint(&w, p->epoch);
	cborput_bytes(&w, p->note);
	cborput_bytes(&w, p->signature);
	return cborput_end(&w, ret);
}

int published_decode(struct bytes in, struct published *ret)
{
	struct published p = {.size = 0};
	uint64_t five, version = 0, epoch = 0;
	struct cborr r;

	cborr_init(&r, in);
	cborr_array(&r, 5, 5, &five);
	cborr_uint(&r, &version);
	cborr_uint(&r, &p.size);
	cborr_uint_max(&r, UINT32_MAX, &epoch);
	cborr_bytes(&r, NOTE_MAX, &p.note);
	cborr_bytes(&r, RECEIPT_SIGNATURE, &p.signature);
	if (cborr_end(&r) != 0 || version != VERSION ||
		p.signature.n != RECEIPT_SIGNATURE)
		return -EBADMSG;
	p.epoch = (uint32_t)epoch;
	*ret = p;
	return 0;
}

int published_load(struct local *l, struct buf *keep, struct published *ret)
{
	int rc = l->ops->value(l, VALUE, keep);

	return rc != 0 ? rc : published_decode(BUF_BYTES(keep), ret);
}

static void name_of(uint32_t epoch, char ret[32])
{
	snprintf(ret, 32, VALUE ".%u", (unsigned)epoch);
}

int published_of_epoch(struct local *l, uint32_t epoch, struct buf *keep,
	struct published *ret)
{
	char name[32];
	int rc = published_load(l, keep, ret);

	if (rc == 0 && ret->epoch == epoch)
		return 0;
	buf_free(keep);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	name_of(epoch, name);
	rc = l->ops->value(l, name, keep);
	return rc != 0 ? rc : published_decode(BUF_BYTES(keep), ret);
}

/* What another epoch has published last, before it is replaced. */
static int put_aside(struct local *l, uint32_t epoch)
{
	cleanup(buf) struct buf old = {0};
	struct published p;
	char name[32];
	int rc = published_load(l, &old, &p);

	if (rc == -ENOENT || rc == -EBADMSG || (rc == 0 && p.epoch == epoch))
		return 0;
	if (rc != 0)
		return rc;
	name_of(p.epoch, name);
	return l->ops->set_value(l, name, BUF_BYTES(&old));
}

int published_store(struct local *l, const struct published *p)
{
	cleanup(buf) struct buf value = {0};
	int rc = published_encode(p, &value);

	if (rc == 0)
		rc = put_aside(l, p->epoch);
	return rc != 0 ? rc : l->ops->set_value(l, VALUE, BUF_BYTES(&value));
}

int published_document(
	struct local *l, const struct published *p, struct buf *ret)
{
	char name[32];

	snprintf(name, sizeof(name), "doc.%u", (unsigned)p->epoch);
	return l->ops->value(l, name, ret);
}

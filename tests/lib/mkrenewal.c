#include "tests/lib/mkrenewal.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/digest.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/record.h"
#include "tests/tap/tap.h"

struct mkrenewal mkrenewal(
	const struct mkchain *c, size_t i, struct bytes old, uint64_t height)
{
	struct record r;

	if (record_decode(BUF_BYTES(&c->d[i]), &r) != 0)
		bail("cannot read a record");
	return (struct mkrenewal){.algorithm = "sha-512", .names = old,
		.holds = old, .about = hash_sha3(BUF_BYTES(&c->d[i])),
		.path = r.path, .height = height,
		.content = BUF_BYTES(&c->file[i])};
}

static void make_record(const struct mkrenewal *h, struct buf *ret)
{
	struct bytes algorithm = BYTES(h->algorithm, strlen(h->algorithm));
	uint8_t file[DIGEST_MAX], cert[DIGEST_MAX];
	struct record r = {.kind = RECORD_RENEWAL, .has_about = true,
		.about = h->about, .algorithm = algorithm, .path = h->path};

	if (digest_strength(algorithm) > 0) {
		r.file_digest =
			BYTES(file, digest_of(algorithm, h->content, file));
		r.old_certificate =
			BYTES(cert, digest_of(algorithm, h->names, cert));
	} else {
		r.file_digest = r.old_certificate = BYTES("digest", 6);
	}
	if (record_encode(&r, ret) != 0)
		bail("cannot encode a renewal");
}

void mkrenewal_cert(
	struct mkchain *c, const struct mkrenewal *how, struct buf *ret)
{
	cleanup(buf) struct buf d = {0};
	struct certificate parts;
	struct hash dh;

	make_record(how, &d);
	dh = hash_sha3(BUF_BYTES(&d));
	mkchain_parts(c, 0, &parts);
	if (merkle_fold(&dh, 0, 1, NULL, 0, &c->block.mh) != 0)
		bail("no tree");
	c->seq.height = how->height;
	c->seq.log_size = how->height + 1;
	mkchain_seal(c);
	parts.d = BUF_BYTES(&d);
	parts.index = 0;
	parts.n = 1;
	parts.path_len = 0;
	parts.b = BUF_BYTES(&c->b);
	parts.t_upper = BUF_BYTES(&c->t);
	parts.s = BUF_BYTES(&c->s);
	parts.old = how->holds;
	buf_free(ret);
	if (make_certificate(&parts, ret) != 0)
		bail("cannot make a certificate");
}

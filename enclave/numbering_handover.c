/*
 * The hand-over blob:
 *   ["notaryfs-handover", 1, chain32, epoch, k, head32, tail32, height,
 *    recoveries, log size, log edges (32 bytes each), private key DER,
 *    s_k, [* newest statements about blocks, oldest first]]
 * and behind that its SHA3-256: a damaged file must not become a sequencer that
 * signs what nobody can verify.  epoch is the next one's; k is the hand-over's
 * number.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "enclave/numbering_inner.h"

#define MAGIC "notaryfs-handover"
#define VERSION 1
#define ITEMS 14
#define KEY_DER_MAX 512 /* bytes of a P-256 private key in DER */

static int key_der(EVP_PKEY *key, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(key, &der), rc;

	if (n <= 0 || n > KEY_DER_MAX) {
		OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
		return -EIO;
	}
	rc = buf_copy(BYTES(der, (size_t)n), ret);
	OPENSSL_clear_free(der, (size_t)n);
	return rc;
}

static void wipe(struct buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	buf_free(b);
}

static void put_carried(struct cborput *w, const struct numbering *n)
{
	size_t count = n->n_kept < NUMBERING_CARRIED ? n->n_kept
						     : NUMBERING_CARRIED;
	size_t i;

	cborput_array(w, count);
	for (i = count; i > 0; i--) {
		const struct numbering_kept *k =
			&n->kept[(n->at + NUMBERING_CACHE - i) %
				 NUMBERING_CACHE];

		cborput_bytes(w, BYTES(k->s, k->n));
	}
}

/* n stands behind the hand-over's number already.  room is empty and has
 * NUMBERING_BLOB_MAX bytes, so that nothing can fail here for want of memory, nor
 * a growing buffer leave copies of the key behind. */
static int blob_encode(const struct numbering *n, struct bytes key,
	struct bytes s, struct buf *room, struct buf *ret)
{
	struct cborput w = {.out = *room};
	struct hash sum;

	*room = (struct buf){0}; /* w has it */
	cborput_array(&w, ITEMS);
	cborput_text(&w, MAGIC);
	cborput_uint(&w, VERSION);
	cborput_bytes(&w, HASH_BYTES(&n->chain));
	cborput_uint(&w, (uint64_t)n->epoch + 1);
	cborput_uint(&w, n->next_k - 1);
	cborput_bytes(&w, HASH_BYTES(&n->head));
	cborput_bytes(&w, HASH_BYTES(&n->tail));
	cborput_uint(&w, n->height);
	cborput_uint(&w, n->recoveries);
	cborput_uint(&w, n->log.size);
	cborput_bytes(&w, BYTES(n->log.edge, mlog_edges(&n->log) * HASH_LEN));
	cborput_bytes(&w, key);
	cborput_bytes(&w, s);
	put_carried(&w, n);
	sum = hash_sha3(BUF_BYTES(&w.out));
	cborput_raw(&w, HASH_BYTES(&sum));
	return cborput_end(&w, ret);
}

static int next_key(struct sequence *s, struct buf *ret_der)
{
	unsigned before = memory_failures();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	cleanup(buf) struct buf spki = {0};
	struct hash h;
	int rc = key == NULL ? -EIO : cose_key_spki(key, &spki);

	if (rc == 0)
		rc = key_der(key, ret_der);
	EVP_PKEY_free(key);
	if (rc != 0)
		return memory_error(rc, before);
	h = hash_sha3(BUF_BYTES(&spki));
	sequence_y_other(&h, s->y);
	return 0;
}

int numbering_handover(
	struct numbering *n, struct buf *ret_blob, struct buf *ret_s)
{
	struct sequence s = {.type = SEQUENCE_HANDOVER};
	struct mlog log = n->log;
	struct buf key = {0}, room = {0}, signed_s = {0};
	int rc;

	if (n->state != NUMBERING_ACTIVE)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	if (n->epoch == UINT32_MAX)
		return numbering_refuse(n, -EOVERFLOW, "no epoch is left");
	rc = next_key(&s, &key);
	if (rc != 0)
		return numbering_refuse(n, rc, "no next key could be made");
	rc = buf_reserve(&room, NUMBERING_BLOB_MAX);
	if (rc == 0) {
		n->entropy->ops->fill(n->entropy, s.r, sizeof(s.r));
		rc = numbering_sign(n, &s, &log, &signed_s);
	}
	/* From here on nothing more may be signed, whatever happens. */
	if (rc == 0) {
		n->state = NUMBERING_LEAVING;
		rc = blob_encode(n, BUF_BYTES(&key), BUF_BYTES(&signed_s),
			&room, ret_blob);
	}
	wipe(&key);
	buf_free(&room);
	if (rc == 0)
		*ret_s = signed_s;
	else
		buf_free(&signed_s);
	return rc;
}

void numbering_left(struct numbering *n)
{
	numbering_forget_key(n);
	n->state = NUMBERING_OVER;
}

struct blob {
	struct hash chain, head, tail;
	uint64_t epoch, k, height, recoveries;
	struct mlog log;
	struct bytes key, s;
	size_t n_carried;
	struct bytes carried[NUMBERING_CARRIED];
};

static void read_log(struct cborr *r, struct mlog *ret)
{
	struct bytes edges = {0};

	cborr_uint(r, &ret->size);
	cborr_bytes(r, sizeof(ret->edge), &edges);
	if (r->bad)
		return;
	if (edges.n != mlog_edges(ret) * HASH_LEN)
		cborr_fail(r);
	else if (edges.n > 0)
		memcpy(ret->edge, edges.p, edges.n);
}

static int blob_decode(struct bytes in, struct blob *ret)
{
	struct cborr r;
	uint64_t count = 0, version = 0;
	struct hash sum;
	size_t i;

	if (in.n < HASH_LEN)
		return -EBADMSG;
	in.n -= HASH_LEN;
	sum = hash_sha3(in);
	if (memcmp(sum.b, in.p + in.n, HASH_LEN) != 0)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, ITEMS, ITEMS, &count);
	cborr_text_is(&r, MAGIC);
	cborr_uint(&r, &version);
	cborr_hash(&r, &ret->chain);
	cborr_uint_max(&r, UINT32_MAX, &ret->epoch);
	cborr_uint_max(&r, UINT64_MAX - 1, &ret->k);
	cborr_hash(&r, &ret->head);
	cborr_hash(&r, &ret->tail);
	cborr_uint(&r, &ret->height);
	cborr_uint_max(&r, UINT32_MAX, &ret->recoveries);
	read_log(&r, &ret->log);
	cborr_bytes(&r, KEY_DER_MAX, &ret->key);
	cborr_bytes(&r, SEQUENCE_MAX, &ret->s);
	count = 0;
	cborr_array(&r, 0, NUMBERING_CARRIED, &count);
	for (i = 0; !r.bad && i < count; i++)
		cborr_bytes(&r, SEQUENCE_MAX, &ret->carried[i]);
	ret->n_carried = (size_t)count;
	if (version != VERSION)
		return -EBADMSG;
	return cborr_end(&r);
}

/* Does the hand-over's own statement say what the blob says? */
static bool blob_agrees(const struct blob *b, const struct hash *key)
{
	struct sequence s;
	struct hash head, root = mlog_root(&b->log);
	uint8_t y[SEQUENCE_Y];

	if (sequence_peek(b->s, &s) != 0 || s.type != SEQUENCE_HANDOVER)
		return false;
	head = sequence_head(&s);
	sequence_y_other(key, y);
	return hash_equal(&s.chain, &b->chain) && b->epoch > 0 &&
	       s.epoch == b->epoch - 1 && s.k == b->k &&
	       hash_equal(&head, &b->head) && s.log_size == b->log.size &&
	       hash_equal(&s.log_root, &root) && b->log.size > 0 &&
	       b->height == b->log.size - 1 && memcmp(s.y, y, sizeof(y)) == 0;
}

static int take_key(struct numbering *n, struct bytes der)
{
	const unsigned char *p = der.p;
	unsigned before = memory_failures();

	numbering_forget_key(n);
	n->key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, (long)der.n);
	if (n->key == NULL || p != der.p + der.n ||
		cose_key_spki(n->key, &n->key_spki) != 0)
		return memory_error(-EBADMSG, before);
	return numbering_log_key(n);
}

static void take_carried(struct numbering *n, const struct blob *b)
{
	struct sequence s;
	size_t i;

	n->n_kept = n->at = 0;
	for (i = 0; i < b->n_carried; i++)
		if (sequence_peek(b->carried[i], &s) == 0)
			numbering_keep(n, s.y, b->carried[i]);
}

int numbering_resume(struct numbering *n, struct bytes b0, struct bytes params,
	struct bytes blob, struct buf *ret_s)
{
	struct blob b = {0};
	struct hash key;
	int rc;

	if (n->state != NUMBERING_EMPTY)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	rc = numbering_chain(n, b0, params);
	if (rc != 0)
		return rc;
	if (blob.n > NUMBERING_BLOB_MAX || blob_decode(blob, &b) != 0)
		return numbering_refuse(n, -EBADMSG,
			"the hand-over is malformed");
	if (!hash_equal(&b.chain, &n->chain))
		return numbering_refuse(n, -EKEYREJECTED,
			"the hand-over is of another chain");
	rc = take_key(n, b.key);
	if (rc != 0) {
		numbering_forget_key(n);
		return numbering_refuse(n, rc,
			"the hand-over's key cannot be taken");
	}
	key = hash_sha3(BUF_BYTES(&n->key_spki));
	rc = blob_agrees(&b, &key) ? buf_copy(b.s, ret_s) : -EBADMSG;
	if (rc != 0) {
		numbering_forget_key(n);
		return numbering_refuse(n, rc,
			"the hand-over does not agree with its statement");
	}
	n->epoch = (uint32_t)b.epoch;
	n->recoveries = (uint32_t)b.recoveries;
	n->next_k = b.k + 1;
	n->head = b.head;
	n->tail = b.tail;
	n->height = b.height;
	n->log = b.log;
	take_carried(n, &b);
	n->state = NUMBERING_ARRIVING;
	return 0;
}

int numbering_abandon(struct numbering *n)
{
	if (n->state != NUMBERING_ARRIVING)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	numbering_forget_key(n);
	n->n_kept = n->at = 0;
	n->state = NUMBERING_EMPTY;
	return 0;
}

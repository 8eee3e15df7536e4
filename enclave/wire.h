/*
 * wire: the frames that host, enclave and attestor speak with one another.
 *
 * One frame is one SOCK_SEQPACKET message of at most WIRE_MAX bytes:
 * deterministic CBOR [op, [* uint], [* bstr]].  Each op has fixed counts of
 * both; a frame with others is refused, like all that is not deterministic.
 * A request is answered by one frame of op WIRE_OK or WIRE_NO, in order.
 *
 * Host to enclave:
 *   GENESIS                              -> key, document
 *   FIRST      type | b0 t0 params       -> s
 *   SEQUENCE   type | b t                -> s        NO may carry the tail
 *   CHECKPOINT size                      -> note, signature of the root;
 *                                           ENOENT: not held any more
 *   HANDOVER                             -> s
 *   RESUME     | b0 params               -> s of the hand-over; ENOENT: none
 *   ARRIVE                               -> key, document; may sign now
 *   ABANDON                              -> the hand-over is destroyed unused
 *   RECOVER    | b0 params
 *   EVIDENCE   | s doc record
 *   SETTLE     size | edges              -> s, document, record
 * Enclave to attestor:
 *   HELLO      isolation
 *   DOCUMENT   | policy key user_data    -> document; policy empty or 48 bytes
 *   KEEP       | blob                    durable when answered
 *   TAKE                                 -> blob; ENOENT: none
 *   DROP                                 gone for good when answered
 *   RECORD     | payload                 -> signed by the recovery key
 * Host to attestor:
 *   START      make | installation       -> pid, isolation | root, root key
 */
#ifndef ENCLAVE_WIRE_H
#define ENCLAVE_WIRE_H

#include "core/bytes.h"

#define WIRE_MAX 65536	/* bytes of a frame */
#define WIRE_NUMBERS 2
#define WIRE_ITEMS 3

enum wire_op {
	WIRE_OK,	/* answers carry what the request's op says */
	WIRE_NO,	/* errno | why, tail or empty */
	WIRE_GENESIS,
	WIRE_FIRST,
	WIRE_SEQUENCE,
	WIRE_CHECKPOINT,
	WIRE_HANDOVER,
	WIRE_RESUME,
	WIRE_ARRIVE,
	WIRE_ABANDON,
	WIRE_RECOVER,
	WIRE_EVIDENCE,
	WIRE_SETTLE,
	WIRE_HELLO,
	WIRE_DOCUMENT,
	WIRE_KEEP,
	WIRE_TAKE,
	WIRE_DROP,
	WIRE_RECORD,
	WIRE_START,
	WIRE_OPS
};

struct wire {
	enum wire_op op;
	size_t n_numbers, n_items;
	uint64_t number[WIRE_NUMBERS];
	struct bytes item[WIRE_ITEMS];
};

/* -EMSGSIZE beyond WIRE_MAX, -EINVAL for counts that op does not have. */
int wire_encode(const struct wire *w, struct buf *ret);
/* Points into `in`; -EBADMSG. */
int wire_decode(struct bytes in, struct wire *ret);

/* -EPIPE when the other side is gone. */
int wire_send(int fd, const struct wire *w);
/* Waits at most timeout_ms (-1: for ever).  *ret points into *keep, which is
 * used again by the next call with it.  -ETIMEDOUT; -EPIPE at the end;
 * -EBADMSG, also for a message that is too long. */
int wire_recv(int fd, int timeout_ms, struct buf *keep, struct wire *ret);
/* send, then recv: *ret is what a WIRE_OK carries; a WIRE_NO becomes its
 * negative errno, with *ret filled too; any other op is -EBADMSG.  -ENOMEM that
 * does not come out of a WIRE_NO: nothing was sent. */
int wire_ask(int fd, int timeout_ms, const struct wire *w, struct buf *keep,
	struct wire *ret);

#endif

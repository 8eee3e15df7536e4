/*
 * record: a transaction d, what one event on the mount leaves in the chain.
 *
 * CBOR: [1, kind, salt16, path, size, mode, mtime_ns, root32,
 *        {digest name: bytes}, {extension number: value}]
 *
 * - path is a byte string (Linux names are bytes), relative to the mount,
 *   no leading or trailing slash, no empty, "." or ".." component, no NUL;
 *   1..4095 bytes.  The root folder itself has the empty path (kind mkdir), as
 *   has what is about all of the vault (compliance).
 * - size in bytes; mode holds permission bits only (07777); mtime_ns is
 *   nanoseconds since 1970, negative before; what does not fit 64 bits (years
 *   before 1678 and from 2262 on) is the nearest time that does.
 * - root is the content root (chunktree.h); 32 zero bytes where there is no
 *   content (mkdir, symlink, link keeps the file's).  Where it is zero, size
 *   is 0 too, there are no digests and the record is not unclean.
 * - Only symlink and link have a target: 1..4095 bytes without NUL; that of a
 *   link is a path of a record.
 * - A record may name a class other than seal: its name may be taken off it
 *   later (version), or its content may grow (append).  It may name the record
 *   of its path that came before it.
 * - An append says that a file of class append has grown: its fields are those
 *   of the whole file, `from` is how long it was, tail the content root of
 *   what came behind.  Only that is stored with it.
 * - A tombstone ends what the newest record of its path says.  Of a folder it
 *   has a path and a salt, every other field is zero and both maps are empty.
 *   Of a file of class version it also has what became of the name (change),
 *   the new path if it was renamed (target), and H(d) of the record that it is
 *   about.  After a replacement or a rewriting a newer record follows when the
 *   new content is sealed; until then the old one is the last that is known.
 * - A file or symlink may say until when it is kept at least.
 * - Retention, hold and deletion are about a record of their path, which they
 *   name by H(d); other fields are as in a tombstone.  A retention moves the
 *   date.  A hold has a case; with a reason and an authority (governance.h)
 *   instead it ends the hold that it is about.  A deletion without these two
 *   took place because the date had passed; with them, by privilege.
 * - A compliance makes a chain of mode governance one of mode compliance, for
 *   ever: it has the empty path and an order, and is about the chain, whose
 *   anchor it names; other fields are as in a tombstone.
 * - A renewal is about a record too, and has the digests of its content and of
 *   its whole certificate under another hash (verify_renewal.c).
 * - The salt keeps siblings in somebody else's certificate from being guessed,
 *   and makes d unique where content repeats ([0075]).
 * - A record is journaled before it is batched and is never made again: the
 *   same d is submitted on a retry.
 *
 * A decoder refuses what record_encode() would not write.
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include <time.h>

#include "core/bytes.h"

#define RECORD_VERSION 1
#define RECORD_SALT 16
#define RECORD_PATH_MAX 4095	/* bytes; PATH_MAX without its NUL */
#define RECORD_DIGESTS_MAX 8
#define RECORD_DIGEST_NAME_MAX 32 /* characters, of a-z 0-9 and hyphen */
#define RECORD_DIGEST_MAX 64	/* bytes of one value */
#define RECORD_XATTRS_MAX 64	/* extended attributes carried */
#define RECORD_XATTR_NAME_MAX 255 /* bytes of one name, as Linux has it */
#define RECORD_XATTR_BYTES 65536 /* of names and values together */
#define RECORD_UNTIL_MAX UINT64_C(253402300799) /* s: the end of year 9999 */
#define RECORD_CASE_MAX 64	/* bytes of a hold's case */
#define RECORD_REASON_MAX 1024	/* bytes */
#define RECORD_AUTHORITY_MAX 2048 /* bytes of a signed statement */
#define RECORD_PRESET_MAX 32	/* characters of a preset's name */
#define RECORD_MAX (128 << 10)	/* bytes of an encoded record */

enum record_kind {
	RECORD_PUT = 0,		/* a regular file, sealed */
	RECORD_MKDIR = 1,	/* a folder's attributes; the newest counts */
	RECORD_SYMLINK = 2,	/* extension 1 is its target */
	RECORD_LINK = 3,	/* another name; extension 1 is the first one */
	RECORD_TOMBSTONE = 4,	/* a recorded folder or version is gone */
	RECORD_APPEND = 5,	/* a file has grown */
	RECORD_RETENTION = 7,	/* a file is kept longer */
	RECORD_HOLD = 8,	/* a legal hold is placed, or released */
	RECORD_DELETION = 9,	/* a sealed file is gone */
	RECORD_COMPLIANCE = 10,	/* from here on the vault's mode is that */
	RECORD_RENEWAL = 11,	/* digests under another hash */
};

/* Does a record of this kind seal what is at its path? */
static inline bool record_seals(enum record_kind k)
{
	return k == RECORD_PUT || k == RECORD_SYMLINK || k == RECORD_LINK ||
		k == RECORD_APPEND;
}

/* Has it bytes of its own in the buckets? */
static inline bool record_stores(enum record_kind k)
{
	return k == RECORD_PUT || k == RECORD_APPEND;
}

/* Does it say that nothing is at its path any more? */
static inline bool record_gone(enum record_kind k)
{
	return k == RECORD_TOMBSTONE || k == RECORD_DELETION;
}

/* Does it only add to what an older record of its path says, and so never
 * become the newest of that path? */
static inline bool record_adds(enum record_kind k)
{
	return k == RECORD_RETENTION || k == RECORD_HOLD ||
		k == RECORD_COMPLIANCE || k == RECORD_RENEWAL;
}

/* What may become of a sealed file; ascending by how little that is. */
enum record_class {
	RECORD_CLASS_SEAL = 0,	/* nothing: not written */
	RECORD_CLASS_VERSION = 1, /* its name may go or get other content */
	RECORD_CLASS_APPEND = 2, /* it may grow */
};

/* What became of a name of class version. */
enum record_change {
	RECORD_CHANGE_NONE = 0,	/* not written: a folder's tombstone */
	RECORD_REMOVED = 1,
	RECORD_RENAMED = 2,	/* target is its new path */
	RECORD_REPLACED = 3,	/* by another file */
	RECORD_REWRITTEN = 4,	/* the same file gets other content */
};

/* Extension numbers, ascending in the map. */
enum record_ext {
	RECORD_EXT_TARGET = 1,	/* byte string: target of symlink or link */
	RECORD_EXT_OWNER = 2,	/* [uid, gid] */
	RECORD_EXT_XATTR = 3,	/* {name bytes: value bytes}, keys in order */
	RECORD_EXT_UNCLEAN = 4,	/* true: the writer was cut off by a crash */
	RECORD_EXT_CLASS = 5,	/* enum record_class, not seal */
	RECORD_EXT_PRESET = 6,	/* text: the preset bound to a folder */
	RECORD_EXT_PREVIOUS = 7, /* H(d) of the record before it */
	RECORD_EXT_CHANGE = 8,	/* enum record_change, of a tombstone */
	RECORD_EXT_GROWTH = 9,	/* [from, content root of the rest] */
	RECORD_EXT_ABOUT = 10,	/* H(d) of the record that this is about */
	RECORD_EXT_UNTIL = 11,	/* kept until then: seconds since 1970 */
	RECORD_EXT_CASE = 12,	/* text: of a hold */
	RECORD_EXT_REASON = 13,	/* text */
	RECORD_EXT_AUTHORITY = 14, /* COSE_Sign1: governance.h */
	RECORD_EXT_RENEWAL = 15, /* [algorithm, digest of the file, of its
				    certificate] */
};

struct record_digest {
	struct bytes name;	/* IANA Named Information name: "sha-256" */
	struct bytes value;
};

struct record {
	enum record_kind kind;
	uint8_t salt[RECORD_SALT];
	struct bytes path;
	uint64_t size;
	uint32_t mode;
	int64_t mtime_ns;
	struct hash root;
	size_t n_digests;
	struct record_digest digest[RECORD_DIGESTS_MAX]; /* names ascending as
		CBOR keys: shorter first, then bytewise */
	struct bytes target;		/* n == 0: none */
	bool has_owner;
	uint32_t uid, gid;
	struct bytes xattrs;		/* the encoded map, or n == 0 */
	bool unclean;
	enum record_class class;
	struct bytes preset;		/* n == 0: none */
	bool has_previous;
	struct hash previous;
	enum record_change change;
	uint64_t from;			/* of an append; else 0 */
	struct hash tail;
	bool has_about;
	struct hash about;
	uint64_t until;			/* 0: none */
	struct bytes hold_case, reason;	/* text; n == 0: none */
	struct bytes authority;		/* n == 0: none */
	struct bytes algorithm;		/* of a renewal; n == 0: none */
	struct bytes file_digest, old_certificate; /* under it */
};

/* Points into `in`, which must outlive ret.  -EBADMSG. */
int record_decode(struct bytes in, struct record *ret);
/* -EINVAL for a record that record_decode() would refuse.  (record_write.c) */
int record_encode(const struct record *r, struct buf *ret);
/* Is this a path that a record may carry?  Empty only for kinds mkdir and
 * compliance. */
bool record_path_ok(struct bytes path);
/* The bytes that are stored with it: how many, and their content root; all of
 * a put's, the tail of an append's, else 0. */
uint64_t record_payload(const struct record *r, struct hash *ret_root);
/* Does it leave its path without anything sealed for good?  A name that was
 * replaced or rewritten has its last sealed content until the next. */
bool record_ends(const struct record *r);
/* 1..RECORD_DIGEST_NAME_MAX characters of a-z, 0-9 and hyphen. */
bool record_digest_name_ok(struct bytes name);
/* Text of 1..max bytes without control characters: a case or a reason.  That
 * it is UTF-8 is seen when it is written. */
bool record_text_ok(struct bytes text, size_t max);
/* A file's time as mtime_ns holds it. */
int64_t record_mtime(const struct timespec *t);
/* The digest of that name, or {NULL, 0}. */
struct bytes record_digest(const struct record *r, const char *name);
const char *record_kind_name(enum record_kind k);

/* xattrs: writes the map for n pairs already sorted as CBOR keys, and walks
 * it again.  `*at` starts as {0}; returns 1 while there is a pair, 0 at the
 * end, -EBADMSG. */
struct record_xattr {
	struct bytes name, value;
};
int record_xattrs_encode(const struct record_xattr *x, size_t n,
	struct buf *ret);	/* (record_write.c) sorts them itself; n = 0
				   leaves *ret as it is; -EINVAL */
int record_xattrs_next(struct bytes map, size_t *at, struct record_xattr *ret);

#endif

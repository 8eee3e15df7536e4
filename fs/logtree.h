/*
 * logtree: the main log as the files of a static transparency log.
 *
 * Paths are those of tlog-tiles (C2SP) and some beside them:
 *
 *	checkpoint		the newest, signed by the enclave (note.h)
 *	tile/L/N, tile/L/N.p/W	hashes; N as x001/x234/067
 *	tile/entries/N, .p/W	entries (FORMAT.md section 9)
 *	vkey			the key that signed it, as verifiers take it
 *	attestation.cose	the document that names that key, and
 *	sequencer.der		the one that signed the receipts
 *	block-zero.cbor, params.cbor	by what the document is judged
 *	receipt/I.cose		the receipt of entry I, by name, not listed
 *	epoch/E/...		checkpoint, vkey, attestation.cose, sequencer.der
 *				and receipts as epoch E had them last, not listed
 *
 * Everything is made from local when asked for, and reaches as far as the
 * newest checkpoint: so a reader never meets a hash that no checkpoint covers.
 * Nothing is kept in memory.  Any thread.
 */
#ifndef FS_LOGTREE_H
#define FS_LOGTREE_H

#include "core/local.h"

enum logtree_kind {
	LOGTREE_FOLDER,
	LOGTREE_FIXED,		/* never another content */
	LOGTREE_LIVE,		/* another with each checkpoint */
};

struct logtree {
	struct local *local;
	struct bytes b0, params;
	const struct hash *anchor;
};

/* What is at that path, "" being the folder of it all.  -ENOENT. */
int logtree_look(const struct logtree *t, const char *path,
	enum logtree_kind *ret);
/* The bytes of a file; -EISDIR, -ENOENT. */
int logtree_read(const struct logtree *t, const char *path, struct buf *ret);
/* Name i of a folder, counted from 0; -ENOENT behind the last. */
#define LOGTREE_NAME 24 /* bytes, the NUL included */
int logtree_name(const struct logtree *t, const char *path, uint64_t i,
	char ret[LOGTREE_NAME], bool *ret_folder);

#endif

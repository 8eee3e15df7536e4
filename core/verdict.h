/*
 * verdict: the answer of every check, as a value and in words.
 *
 * A forged, unknown or unfinished proof is an answer, not an error.  Negative
 * errno values are for our own failures (no memory, cannot read).
 */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

enum verdict {
	V_VALID = 0,

	/* incomplete: cannot say (exit code 2) */
	V_NO_ANCHOR,		/* nothing to hold the certificate against */
	V_NOT_FINAL,		/* no certificate yet */
	V_UNSUPPORTED,		/* version or algorithm this program lacks */
	V_PART,			/* of a part of a file; a whole one was given */
	V_NO_MEMORY,		/* it could not be judged (memory.h) */
	V_INCOMPLETE_LAST = V_NO_MEMORY,

	/* invalid: refused (exit code 1) */
	V_MALFORMED,		/* the certificate is not one */
	V_ANCHOR,		/* another chain: H(b0) differs */
	V_PARAMS,		/* block zero does not hold these parameters */
	V_CONTENT,		/* the bytes are not those recorded */
	V_SIZE,			/* the length is not the one recorded */
	V_DIGEST,		/* root agrees, an extra digest does not */
	V_LATE,			/* proved by a later time than asked for */
	V_RANGE,		/* not the range that is proved */
	V_NO_CONTENT,		/* the record is of a folder, symlink or tombstone */
	V_PATH,			/* not a leaf of the block's tree */
	V_TIMESTAMP_MALFORMED,
	V_TIMESTAMP_TYPE,	/* a kind the parameters do not name */
	V_TIMESTAMP_SIGNATURE,	/* not signed by the authority */
	V_TIMESTAMP_BLOCK,	/* stamps another block */
	V_TIMESTAMP_TWICE,	/* several stamps, two by one authority */
	V_TIMESTAMP_QUORUM,	/* fewer authorities than the parameters want */
	V_LINK,			/* lower timestamp is not the block's parent */
	V_SEQUENCE_MALFORMED,
	V_SEQUENCE_SIGNATURE,	/* not by this sequencer */
	V_SEQUENCE_CHAIN,	/* numbers another chain */
	V_SEQUENCE_BLOCK,	/* numbers another block or timestamp */
	V_SEQUENCE_HEIGHT,	/* not on the main chain */
	V_SEQUENCE_EPOCH,	/* epoch or first number do not agree */
	V_ATTESTATION_MALFORMED,
	V_ATTESTATION_EMULATED,	/* an emulator's, signed by nobody */
	V_ATTESTATION_CLASS,	/* local evidence on a hardware chain or back */
	V_ATTESTATION_ROOT,	/* chain does not end in the named root */
	V_ATTESTATION_EXPIRED,	/* outside the certificates' time */
	V_ATTESTATION_SIGNATURE,
	V_ATTESTATION_DEBUG,	/* debug enclave: measurements are zero */
	V_ATTESTATION_IMAGE,	/* code not accepted by the parameters */
	V_ATTESTATION_KEY,	/* speaks for another key */
	V_ATTESTATION_DATA,	/* bound to another chain or epoch */
	V_ATTESTATION_LINK,	/* the block does not commit to it */
	V_FINAL_LOG,		/* the later block names no log with this one */
	V_FINAL_PATH,		/* not an entry of the log that it names */
	V_FINAL_STAMP,		/* the timestamp over it does not hold */
	V_LOG_MALFORMED,	/* receipt or checkpoint are none */
	V_LOG_ENTRY,		/* of another entry, log or size */
	V_LOG_PATH,		/* the block is not below that root */
	V_LOG_SIGNATURE,	/* not signed by the keys of the document */
	V_WITNESS,		/* not the witnesses that were asked for */
	V_RENEWAL_RECORD,	/* not a renewal of the certificate in it */
	V_RENEWAL_ALGORITHM,	/* a hash that the parameters do not name */
	V_RENEWAL_WEAKER,	/* a weaker hash than before */
	V_RENEWAL_CERTIFICATE,	/* names another certificate */
	V_RENEWAL_ORDER,	/* recorded before what it renews */
	V_LAST = V_RENEWAL_ORDER,
};

/* A short stable name for programs: "content", "timestamp-signature". */
const char *verdict_name(enum verdict v);
/* A sentence for a person, without a full stop. */
const char *verdict_text(enum verdict v);
/* 0 valid, 1 refused, 2 incomplete. */
int verdict_exit(enum verdict v);

#endif

#include "core/verdict.h"

#include <stddef.h>

static const struct {
	const char *name, *text;
} words[] = {
	[V_VALID] = {"valid", "valid"},
	[V_NO_ANCHOR] = {"no-anchor",
		"there is no anchor to hold the certificate against, so it only claims this"},
	[V_NOT_FINAL] = {"not-final", "the file is not final yet, so there is no certificate"},
	[V_UNSUPPORTED] = {"unsupported",
		"the certificate is of a version or uses a part that this program does not know"},
	[V_PART] = {"part", "the certificate is of a part of a file, so it says nothing of a whole one; name the part with --range"},
	[V_NO_MEMORY] = {"no-memory", "there was not enough memory to judge this, so it is neither good nor bad; try again"},
	[V_MALFORMED] = {"malformed", "this is not a notaryfs certificate, or it is damaged"},
	[V_ANCHOR] = {"anchor", "the certificate belongs to another chain than the anchor names"},
	[V_PARAMS] = {"params", "block zero does not hold the parameters that the certificate shows"},
	[V_CONTENT] = {"content", "the content of the file is not what was recorded"},
	[V_SIZE] = {"size", "the length of the file is not what was recorded"},
	[V_DIGEST] = {"digest", "a digest in the record disagrees with the content root"},
	[V_LATE] = {"late", "it is proved to have existed by a later time only than the one asked for"},
	[V_RANGE] = {"range", "these are not the bytes that the certificate is of, or the file has no such bytes"},
	[V_NO_CONTENT] = {"no-content", "the certificate is of a folder, a symbolic link or a name that is gone, not of a file's content"},
	[V_PATH] = {"path", "the record is not a leaf of the block's transaction tree"},
	[V_TIMESTAMP_MALFORMED] = {"timestamp-malformed", "a timestamp is damaged"},
	[V_TIMESTAMP_TYPE] = {"timestamp-type", "a timestamp is of a kind that the chain's parameters do not name"},
	[V_TIMESTAMP_SIGNATURE] = {"timestamp-signature", "a timestamp is not signed by the chain's timestamp authority"},
	[V_TIMESTAMP_BLOCK] = {"timestamp-block", "the timestamp was given to another block"},
	[V_TIMESTAMP_TWICE] = {"timestamp-twice", "two of a block's timestamps are by the same authority"},
	[V_TIMESTAMP_QUORUM] = {"timestamp-quorum", "a block is stamped by fewer authorities than the chain asks for"},
	[V_LINK] = {"link", "the lower timestamp is not the one that the block links to"},
	[V_SEQUENCE_MALFORMED] = {"sequence-malformed", "the sequencer's statement is damaged"},
	[V_SEQUENCE_SIGNATURE] = {"sequence-signature", "the number is not signed by the attested sequencer"},
	[V_SEQUENCE_CHAIN] = {"sequence-chain", "the number belongs to another chain"},
	[V_SEQUENCE_BLOCK] = {"sequence-block", "the number was given to another block or timestamp"},
	[V_SEQUENCE_HEIGHT] = {"sequence-height", "the numbered event is not a block of the main chain"},
	[V_SEQUENCE_EPOCH] = {"sequence-epoch", "the number does not belong to the attested sequencer's time in office"},
	[V_ATTESTATION_MALFORMED] = {"attestation-malformed", "the enclave's attestation document is damaged"},
	[V_ATTESTATION_EMULATED] = {"attestation-emulated", "the attestation document is an emulator's, as QEMU makes them: nobody signed it"},
	[V_ATTESTATION_CLASS] = {"attestation-class", "the attestation is of another trust class than the chain's"},
	[V_ATTESTATION_ROOT] = {"attestation-root", "the attestation does not lead to a root that the chain names"},
	[V_ATTESTATION_EXPIRED] = {"attestation-expired", "the attestation lies outside its certificates' time"},
	[V_ATTESTATION_SIGNATURE] = {"attestation-signature", "the attestation's signature does not hold"},
	[V_ATTESTATION_DEBUG] = {"attestation-debug", "the attestation is of a debug enclave, whose memory can be read and changed"},
	[V_ATTESTATION_IMAGE] = {"attestation-image", "the attested code is not what the chain accepts"},
	[V_ATTESTATION_KEY] = {"attestation-key", "the attestation speaks for another key"},
	[V_ATTESTATION_DATA] = {"attestation-data", "the attestation is bound to another chain"},
	[V_ATTESTATION_LINK] = {"attestation-link", "the block does not commit to this attestation"},
	[V_FINAL_LOG] = {"final-log", "the later block, which is to show by when this one was final, names no main log that reaches it"},
	[V_FINAL_PATH] = {"final-path", "this block is not an entry of the main log that the later block names"},
	[V_FINAL_STAMP] = {"final-stamp", "the timestamp over the later block does not hold"},
	[V_LOG_MALFORMED] = {"log-malformed", "the receipt or the checkpoint of the main log is damaged"},
	[V_LOG_ENTRY] = {"log-entry", "receipt and checkpoint are not of this block, or not of one log"},
	[V_LOG_PATH] = {"log-path", "this block is not an entry of the main log that the checkpoint names"},
	[V_LOG_SIGNATURE] = {"log-signature", "receipt and checkpoint are not both signed by the attested sequencer"},
	[V_WITNESS] = {"witness", "fewer of the named witnesses than asked for have signed the checkpoint in it, or a line of theirs is wrong"},
	[V_RENEWAL_RECORD] = {"renewal-record", "the record is not of a renewal of the certificate that this one holds"},
	[V_RENEWAL_ALGORITHM] = {"renewal-algorithm", "a certificate was renewed under a hash that the chain's parameters do not name"},
	[V_RENEWAL_WEAKER] = {"renewal-weaker", "a certificate was renewed under a weaker hash than it had"},
	[V_RENEWAL_CERTIFICATE] = {"renewal-certificate", "the certificate that this one holds is not the one that was renewed"},
	[V_RENEWAL_ORDER] = {"renewal-order", "a renewal stands before what it renews"},
};

const char *verdict_name(enum verdict v)
{
	return words[v].name;
}

const char *verdict_text(enum verdict v)
{
	return words[v].text;
}

int verdict_exit(enum verdict v)
{
	return v == V_VALID ? 0 : v <= V_INCOMPLETE_LAST ? 2 : 1;
}

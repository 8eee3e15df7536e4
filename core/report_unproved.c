#include "core/report_impl.h"

#include <inttypes.h>

#include "core/report.h"
#include "core/text.h"
#include "core/verify.h"

static void say_no_anchor(struct text *t, const struct report *r)
{
	if (r->content_checked)
		text_say(t, "\nThe file is the one that the certificate speaks "
			"of.");
	text_say(t, "\nThe parts of the certificate agree with one another, but "
		"anybody can make a\nchain that does.  Get the anchor (64 hex "
		"digits) from the owner of the chain by\na way that you trust: "
		"`notaryfs anchor VAULT` prints it, and the file `anchor`\nin "
		"the vault holds it.  Then use --anchor.\n");
}

static void say_late(struct text *t, const struct report *r)
{
	char at[REPORT_TIME];

	report_time(r->at_ms, at);
	text_say(t, "\nAsked was whether it is proved to have existed by %s.\n"
		"%s  Nothing else is wrong with it.\n",
		at, r->after_ms > r->at_ms
			? "The block that holds it was made later."
			: "It may have, but no time as early is proved.");
}

static void say_witness(struct text *t, const struct report *r)
{
	text_say(t, "\nAsked for were the lines of at least %zu of the witnesses "
		"named; it has %zu that hold.\n%s", r->witness_quorum,
		r->n_witnesses, r->log_size > 0 ? "" :
		"It has no checkpoint, under which they would stand.\n");
}

/* What a refused certificate says is shown as its claim, and only as far as
 * it helps to find out what happened. */
static void say_claims(struct text *t, const struct report *r)
{
	if (r->cert.d.p == NULL || r->verdict == V_MALFORMED ||
		r->verdict == V_UNSUPPORTED)
		return;
	report_path(t, "claims path: ", r->record.path);
	if (report_has_content(r))
		text_say(t, "claims size: %" PRIu64 " bytes\n", r->record.size);
	if (r->cert.range.to > 0)
		text_say(t, "claims part: bytes %" PRIu64 " to %" PRIu64 " of it, "
			"counted from 0\n", r->cert.range.from,
			r->cert.range.to - 1);
}

/* What there is instead of what was recorded. */
static void say_found(struct text *t, const struct report *r)
{
	struct bytes sha256 = record_digest(&r->record, "sha-256");

	if (r->verdict == V_ANCHOR) {
		report_hash(t, "claims chain: ", &r->cert.chain);
		if (!hash_is_zero(&r->anchor))
			report_hash(t, "anchor given: ", &r->anchor);
	} else if (r->verdict == V_SIZE && r->content_compared) {
		text_say(t, "found size: %" PRIu64 " bytes\n", r->found.size);
	} else if (r->verdict == V_CONTENT && sha256.n > 0 &&
		!hash_is_zero(&r->found.sha256)) {
		text_say(t, "claims sha-256: ");
		text_hex(t, sha256);
		text_say(t, "\n");
		report_hash(t, "found sha-256: ", &r->found.sha256);
	}
}

static const char *advice(enum verdict v)
{
	switch (v) {
	case V_UNSUPPORTED:
		return "A later notary-verify may judge it.";
	case V_PART:
	case V_NO_MEMORY:
		return "Nothing is said about the file, neither good nor bad.";
	case V_MALFORMED:
		return "Nothing is proved.  Get the certificate again: in the "
		       "mount it is FILE.cert, and\n`notaryfs cert FILE` prints "
		       "it.";
	case V_ANCHOR:
		return "Nothing is proved.  Either the certificate is of another "
		       "vault, or this is not the\nanchor that you mean: get it "
		       "from the vault's owner by a way that you trust.";
	case V_SIZE:
	case V_CONTENT:
		return "Nothing is proved about this file.  Either it was changed "
		       "after it was recorded, or\nthe certificate is of another "
		       "file.";
	case V_RANGE:
	case V_NO_CONTENT:
		return "Nothing is proved about this file.";
	default:
		return "Nothing is proved.  The certificate was changed, or put "
		       "together of parts that do not\nbelong together; one that "
		       "notaryfs made is never like that.";
	}
}

static void say_refusal(struct text *t, const struct report *r)
{
	say_claims(t, r);
	say_found(t, r);
	text_say(t, "%s\n", advice(r->verdict));
}

void report_unproved(struct text *t, const struct report *r)
{
	switch (r->verdict) {
	case V_NO_ANCHOR:
		say_no_anchor(t, r);
		break;
	case V_LATE:
		say_late(t, r);
		break;
	case V_WITNESS:
		say_witness(t, r);
		break;
	default:
		say_refusal(t, r);
		break;
	}
}

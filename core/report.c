#include "core/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/report_impl.h"
#include "core/retention.h"
#include "core/text.h"
#include "core/timestamp.h"
#include "core/verify.h"

void report_time(uint64_t ms, char ret[REPORT_TIME])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms > INT64_MAX || gmtime_r(&s, &tm) == NULL ||
		tm.tm_year > 9999 - 1900) { /* four digits of year, as RFC 3339 has */
		snprintf(ret, REPORT_TIME, "beyond the year 9999");
		return;
	}
	strftime(ret, 21, "%Y-%m-%dT%H:%M:%S.", &tm);
	snprintf(ret + 20, REPORT_TIME - 20, "%03uZ", (unsigned)(ms % 1000));
}

void report_seconds(uint64_t s, char ret[REPORT_TIME])
{
	report_time(s > UINT64_MAX / 1000 ? UINT64_MAX : s * 1000, ret);
}

bool report_known(const struct report *r)
{
	return r->verdict == V_VALID || r->verdict == V_NO_ANCHOR ||
	       r->verdict == V_LATE || r->verdict == V_WITNESS;
}

void report_line(struct text *t, const char *label, struct bytes name)
{
	text_say(t, "%s", label);
	text_name(t, name);
	text_say(t, "\n");
}

void report_hash(struct text *t, const char *label, const struct hash *h)
{
	text_say(t, "%s", label);
	text_hex(t, HASH_BYTES(h));
	text_say(t, "\n");
}

void report_path(struct text *t, const char *label, struct bytes path)
{
	report_line(t, label, path.n > 0 ? path : BYTES(". (the root folder)", 19));
}

bool report_has_content(const struct report *r)
{
	return !hash_is_zero(&r->record.root);
}

void report_trust(struct text *t, const struct report *r)
{
	enum vouched v = params_vouched(&r->params);
	struct hash root = attestation_root_hash(r->doc.cabundle[0]);

	text_say(t, "%s (", vouched_text(v));
	if (v != VOUCHED_AWS) {
		text_say(t, "root ");
		text_hex(t, BYTES(root.b, 8));
		text_say(t, "...");
	}
	if (v == VOUCHED_LOCAL) {
		text_say(t, "), image %s", r->params.any_image ? "any" :
			"as the chain names it");
	} else {
		text_say(t, "%sPCR0 ", v == VOUCHED_AWS ? "" : ", ");
		text_hex(t, BYTES(r->doc.pcr[0], 8));
		text_say(t, "...)");
	}
}

static void say_authority(struct text *t, const char *label,
	const struct params_authority *a)
{
	char who[TIMESTAMP_WHO_MAX];
	size_t n = timestamp_who(a, who);

	report_line(t, label, BYTES(who, n));
}

/* Who gave a time, one a line. */
static void say_signers(
	struct text *t, const char *label, const struct report *r, uint8_t who)
{
	size_t i;

	for (i = 0; i < r->params.n_authorities; i++)
		if ((who >> i & 1) != 0)
			say_authority(t, label, &r->params.authority[i]);
}

static void say_times(struct text *t, const struct report *r)
{
	char after[REPORT_TIME], by[REPORT_TIME];
	size_t i;

	report_time(r->after_ms, after);
	report_time(r->by_ms, by);
	text_say(t, "recorded after: %s\nexisted by: %s\n", after, by);
	if (r->final != 0) {
		report_time(r->final_ms, by);
		text_say(t, "final by: %s\n", by);
	}
	for (i = 0; i < r->n_renewals; i++) {
		report_time(r->renewal[i].by_ms, by);
		text_say(t, "renewed by: %s, with digests ", by);
		report_line(t, "", r->renewal[i].algorithm);
	}
	if (r->params.n_authorities > 1) {
		text_say(t, "stamped by: at least %" PRIu64 " of the chain's %zu "
		       "authorities; here\n",
			r->params.quorum, r->params.n_authorities);
		say_signers(t, "  the first time: ", r, r->after);
		say_signers(t, "  the second time: ", r, r->by);
		say_signers(t, "  the third time: ", r, r->final);
	}
	if (r->clock_backwards)
		text_say(t, "note: the clock of the timestamp service went back "
		       "between these times\n");
}

static void say_digest(struct text *t, const struct report *r)
{
	struct bytes sha256 = record_digest(&r->record, "sha-256");

	text_say(t, "size: %" PRIu64 " bytes\n", r->record.size);
	if (r->cert.range.to > 0)
		text_say(t, "part: bytes %" PRIu64 " to %" PRIu64 " of it, counted "
		       "from 0\n",
			r->cert.range.from, r->cert.range.to - 1);
	if (sha256.n > 0) {
		text_say(t, "sha-256: ");
		text_hex(t, sha256);
		text_say(t, "\n");
	}
	report_hash(t, "content root: ", &r->record.root);
}

static void say_record(struct text *t, const struct report *r)
{
	char until[RETENTION_TEXT];

	report_path(t, "path: ", r->record.path);
	if (report_has_content(r))
		say_digest(t, r);
	else
		text_say(t, "kind: %s\n", record_kind_name(r->record.kind));
	if (r->record.unclean)
		text_say(t, "note: its writer was cut off by a crash\n");
	if (r->record.until > 0) {
		retention_text(r->record.until, until);
		text_say(t, "kept at least until: %s\n", until);
	}
	if (r->record.hold_case.n > 0)
		report_line(t, "case: ", r->record.hold_case);
	if (r->record.reason.n > 0)
		report_line(t, "reason: ", r->record.reason);
}

static void say_log(struct text *t, const struct report *r)
{
	char when[REPORT_TIME];
	size_t i;

	if (r->log_size == 0)
		return;
	text_say(t, "main log: receipt and checkpoint of its first %" PRIu64
	       " entries\n", r->log_size);
	for (i = 0; i < r->n_witnesses; i++) {
		const struct report_witness *w = &r->witness[i];

		report_line(t, "  seen by: ",
			BYTES(w->key->name, strlen(w->key->name)));
		report_seconds(w->time_s, when);
		if (w->time_s > 0)
			text_say(t, "    at %s\n", when);
	}
}

static void say_place(struct text *t, const struct report *r)
{
	text_say(t, "place: block %" PRIu64 ", record %" PRIu64 " of %" PRIu64
	       ", number %" PRIu64 "\n",
		r->height, r->cert.index + 1, r->cert.n, r->k);
	say_record(t, r);
	report_hash(t, "chain: ", &r->cert.chain);
	text_say(t, "sequencer: epoch %" PRIu32 ", recoveries after a crash: %" PRIu32
	       "\n",
		r->epoch, r->recoveries);
	say_log(t, r);
}

/* -- what is proved, on whose word, and what is not */

static void say_subject(struct text *t, const struct report *r)
{
	const struct range *range = &r->cert.range;

	if (!report_has_content(r))
		text_say(t, "this %s was recorded", record_kind_name(r->record.kind));
	else if (range->to > 0 && r->content_checked)
		text_say(t, "exactly these were bytes %" PRIu64 " to %" PRIu64
			" of the file that was\n  recorded",
			range->from, range->to - 1);
	else if (range->to > 0)
		text_say(t, "(the content was not compared) bytes %" PRIu64
			" to %" PRIu64 "\n  of a file were recorded",
			range->from, range->to - 1);
	else if (r->content_checked)
		text_say(t, "exactly these bytes were recorded");
	else
		text_say(t, "(the content was not compared) bytes of this digest "
			"were\n  recorded");
}

/* Who gave the time that counts, one a line; true if it is the owner alone. */
static bool say_stampers(struct text *t, const struct report *r)
{
	static const char *const kinds[] = {
		[TIMESTAMP_LOCAL] = "software on the owner's machine",
		[TIMESTAMP_RFC3161] = "an RFC 3161 timestamp authority",
		[TIMESTAMP_JWT] = "a service that signs web tokens",
	};
	bool local = true;
	char label[128];
	struct hash root;
	size_t i;

	for (i = 0; i < r->params.n_authorities; i++) {
		const struct params_authority *a = &r->params.authority[i];

		if ((r->by >> i & 1) == 0 ||
			a->type >= sizeof(kinds) / sizeof(kinds[0]))
			continue;
		snprintf(label, sizeof(label),
			"  that it existed by then: %s, which the chain calls ",
			kinds[a->type]);
		say_authority(t, label, a);
		if (timestamp_root(a, &root))
			report_hash(t, "    by the root whose certificate has "
				"the SHA-256\n    ", &root);
		local = local && a->type == TIMESTAMP_LOCAL;
	}
	return local;
}

static void say_word(struct text *t, const struct report *r)
{
	static const char *const sequencer[] = {
		[VOUCHED_LOCAL] = "in software on the owner's machine",
		[VOUCHED_AWS] = "attested by AWS Nitro hardware",
		[VOUCHED_OTHER] = ("attested by whoever has that root,\n"
			"    which is not the one that AWS publishes"),
	};
	bool local = r->params.trust == TRUST_LOCAL, owner;

	text_say(t, "On whose word:\n");
	owner = say_stampers(t, r) && local;
	text_say(t, "  its place in the order: a sequencer %s\n",
		sequencer[params_vouched(&r->params)]);
	if (local && r->params.any_image)
		text_say(t, "  The chain names no program for it: any could have "
			"been run.\n");
	if (r->n_witnesses > 0)
		text_say(t, "  that this log was shown to others: the witnesses "
			"named above\n");
	if (owner)
		text_say(t, "  So all of it is the word of whoever controlled that "
			"machine.\n");
}

static void say_proof(struct text *t, const struct report *r)
{
	char after[REPORT_TIME], by[REPORT_TIME];

	report_time(r->after_ms, after);
	report_time(r->by_ms, by);
	text_say(t, "\nProved: ");
	say_subject(t, r);
	text_say(t, " under this name, in a block that was made\n  after %s "
		"and existed by %s,\n  at this one place in the order of the "
		"chain.\n", after, by);
	if (r->final != 0) {
		report_time(r->final_ms, by);
		text_say(t, "  It had this place for good by %s: a %s, "
			"stamped\n  then, names it.\n", by, r->cert.has_final ?
			"later block" : "renewal");
	}
	say_word(t, r);
	if (r->cert.sync.n > 0)
		text_say(t, "note: it also holds evidence of a sync group, which "
			"is not judged here\n");
	if (r->final == 0)
		text_say(t, "Not shown: when it got this place; the block may "
			"have been kept back.  A later\n  certificate of this "
			"file says it.\n");
	text_say(t, "Not proved: that the content is not older than the first "
		"time, who wrote it,\n  or that it is true.\n");
}

static void say_facts(struct text *t, const struct report *r)
{
	if (r->verdict == V_NO_ANCHOR)
		text_say(t, "The certificate claims:\n");
	text_say(t, "trust: ");
	report_trust(t, r);
	text_say(t, "\n");
	say_times(t, r);
	say_place(t, r);
}

int report_text(const struct report *r, struct buf *ret)
{
	struct text t = {0};

	if (r->verdict == V_VALID)
		text_say(&t, "valid\n");
	else
		text_say(&t, "%s: %s: %s\n",
			verdict_exit(r->verdict) == 1 ? "refused" : "incomplete",
			verdict_name(r->verdict), verdict_text(r->verdict));
	if (report_known(r))
		say_facts(&t, r);
	if (r->verdict == V_VALID)
		say_proof(&t, r);
	else
		report_unproved(&t, r);
	return text_end(&t, ret);
}

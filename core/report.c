#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/timestamp.h"
#include "core/retention.h"
#include "core/verify.h"

/* Text with a sticky error, like the CBOR and JSON writers. */
struct text {
	struct buf out;
	int err;
};

static void put(struct text *t, struct bytes v)
{
	if (t->err == 0)
		t->err = buf_add(&t->out, v.p, v.n);
}

__attribute__((format(printf, 2, 3))) static void say(
	struct text *t, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		put(t, BYTES(line, (size_t)n < sizeof(line) ? (size_t)n
							    : sizeof(line) - 1));
}

/* A name from a record may hold anything: nothing in it may move a terminal's
 * cursor or pass for a line of ours. */
static void say_name(struct text *t, const char *label, struct bytes path)
{
	size_t i;

	say(t, "%s", label);
	for (i = 0; i < path.n; i++) {
		uint8_t c = path.p[i];
		/* C1 controls come as 0xc2 0x80..0x9f */
		bool c1 = c == 0xc2 && i + 1 < path.n && path.p[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c == '\\' || c1)
			say(t, "\\x%02x", c);
		else
			put(t, BYTES(&path.p[i], 1));
		if (c1)
			say(t, "\\x%02x", path.p[++i]);
	}
	say(t, "\n");
}

static void say_path(struct text *t, const char *label, struct bytes path)
{
	say_name(t, label, path.n > 0 ? path : BYTES(". (the root folder)", 19));
}

void report_time(uint64_t ms, char ret[32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms > INT64_MAX || gmtime_r(&s, &tm) == NULL ||
		tm.tm_year > 9999 - 1900) { /* four digits of year, as RFC 3339 has */
		snprintf(ret, 32, "beyond the year 9999");
		return;
	}
	strftime(ret, 21, "%Y-%m-%dT%H:%M:%S.", &tm);
	snprintf(ret + 20, 12, "%03uZ", (unsigned)(ms % 1000));
}

static bool established(const struct report *r)
{
	return r->verdict == V_VALID || r->verdict == V_NO_ANCHOR ||
	       r->verdict == V_LATE;
}

static bool has_content(const struct report *r)
{
	return !hash_is_zero(&r->record.root);
}

static void say_trust(struct text *t, const struct report *r)
{
	char hex[HASH_HEX + 1];

	if (r->params.trust == TRUST_LOCAL) {
		struct hash root = attestation_root_hash(r->doc.cabundle[0]);

		hex_encode(BYTES(root.b, 8), hex);
		say(t, "trust: local software (root %s...), image %s\n", hex,
			r->params.any_image ? "any" : "as the chain names it");
	} else {
		hex_encode(BYTES(r->doc.pcr[0], 8), hex);
		say(t, "trust: AWS Nitro (PCR0 %s...)\n", hex);
	}
}

/* Who gave a time, one a line. */
static void say_signers(
	struct text *t, const char *label, const struct report *r, uint8_t who)
{
	size_t i;

	for (i = 0; i < r->params.n_authorities; i++)
		if ((who >> i & 1) != 0)
			say_name(t, label, r->params.authority[i].name);
}

static void say_times(struct text *t, const struct report *r)
{
	char after[32], by[32];
	size_t i;

	report_time(r->after_ms, after);
	report_time(r->by_ms, by);
	say(t, "recorded after: %s\nexisted by: %s\n", after, by);
	if (r->final != 0) {
		report_time(r->final_ms, by);
		say(t, "final by: %s\n", by);
	}
	for (i = 0; i < r->n_renewals; i++) {
		report_time(r->renewal[i].by_ms, by);
		say(t, "renewed by: %s, with digests %.*s\n", by,
			(int)r->renewal[i].algorithm.n,
			(const char *)r->renewal[i].algorithm.p);
	}
	if (r->params.n_authorities > 1) {
		say(t, "stamped by: at least %" PRIu64 " of the chain's %zu "
		       "authorities; here\n",
			r->params.quorum, r->params.n_authorities);
		say_signers(t, "  the first time: ", r, r->after);
		say_signers(t, "  the second time: ", r, r->by);
		say_signers(t, "  the third time: ", r, r->final);
	}
	if (r->clock_backwards)
		say(t, "note: the clock of the timestamp service went back "
		       "between these times\n");
}

static void say_digest(struct text *t, const struct report *r)
{
	struct bytes sha256 = record_digest(&r->record, "sha-256");
	char hex[HASH_HEX + 1];

	say(t, "size: %" PRIu64 " bytes\n", r->record.size);
	if (r->cert.range.to > 0)
		say(t, "part: bytes %" PRIu64 " to %" PRIu64 " of it, counted "
		       "from 0\n",
			r->cert.range.from, r->cert.range.to - 1);
	if (sha256.n == HASH_LEN) {
		hex_encode(sha256, hex);
		say(t, "sha-256: %s\n", hex);
	}
	hex_encode(HASH_BYTES(&r->record.root), hex);
	say(t, "content root: %s\n", hex);
}

static void say_record(struct text *t, const struct report *r)
{
	char until[RETENTION_TEXT];

	say_path(t, "path: ", r->record.path);
	if (has_content(r))
		say_digest(t, r);
	else
		say(t, "kind: %s\n", record_kind_name(r->record.kind));
	if (r->record.unclean)
		say(t, "note: its writer was cut off by a crash\n");
	if (r->record.until > 0) {
		retention_text(r->record.until, until);
		say(t, "kept at least until: %s\n", until);
	}
	if (r->record.hold_case.n > 0)
		say_name(t, "case: ", r->record.hold_case);
	if (r->record.reason.n > 0)
		say_name(t, "reason: ", r->record.reason);
}

static void say_place(struct text *t, const struct report *r)
{
	char hex[HASH_HEX + 1];

	hex_encode(HASH_BYTES(&r->cert.chain), hex);
	say(t, "place: block %" PRIu64 ", record %" PRIu64 " of %" PRIu64
	       ", number %" PRIu64 "\n",
		r->height, r->cert.index + 1, r->cert.n, r->k);
	say_record(t, r);
	say(t, "chain: %s\n", hex);
	say(t, "sequencer: epoch %" PRIu32 ", recoveries after a crash: %" PRIu32
	       "\n",
		r->epoch, r->recoveries);
}

static bool is_part(const struct report *r)
{
	return r->cert.range.to > 0;
}

static void say_part(struct text *t, const struct report *r)
{
	say(t, "\nProved: %s bytes %" PRIu64 " to %" PRIu64 " of the file that "
	       "was recorded\nunder this name, in a block that\n",
		r->content_checked ? "exactly these were" :
			"(the content was not compared) bytes stand as",
		r->cert.range.from, r->cert.range.to - 1);
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
	size_t i;

	for (i = 0; i < r->params.n_authorities; i++) {
		const struct params_authority *a = &r->params.authority[i];

		if ((r->by >> i & 1) == 0 ||
			a->type >= sizeof(kinds) / sizeof(kinds[0]))
			continue;
		snprintf(label, sizeof(label),
			"  when it existed: %s, in the chain called ",
			kinds[a->type]);
		say_name(t, label, a->name);
		local = local && a->type == TIMESTAMP_LOCAL;
	}
	return local;
}

static void say_word(struct text *t, const struct report *r)
{
	bool owner = r->params.trust == TRUST_LOCAL;

	say(t, "On whose word:\n");
	owner = say_stampers(t, r) && owner;
	say(t, "  its place in the order: a sequencer %s\n",
		r->params.trust == TRUST_LOCAL
			? "in software on the owner's machine"
			: "attested by AWS Nitro hardware");
	if (r->params.trust == TRUST_LOCAL && r->params.any_image)
		say(t, "  The chain names no program for it: any could have "
		       "been run.\n");
	if (owner)
		say(t, "  So all of it is the word of whoever controlled that "
		       "machine.\n");
}

static void say_proof(struct text *t, const struct report *r)
{
	if (!has_content(r))
		say(t, "\nProved: this %s was recorded under this name, in a "
		       "block that\n",
			record_kind_name(r->record.kind));
	else if (is_part(r))
		say_part(t, r);
	else if (r->content_checked)
		say(t, "\nProved: exactly these bytes were recorded under this "
		       "name, in a block that\n");
	else
		say(t, "\nThe content was not compared.  Proved: bytes of this "
		       "digest were recorded\nunder this name, in a block that\n");
	say(t, "  was made after the first time above and existed by the "
	       "second, at this one\n  place in the order of the chain.\n");
	if (r->final != 0)
		say(t, "  It had this place for good by the third: a later "
		       "block, stamped then, names it.\n");
	say_word(t, r);
	if (r->cert.sync.n > 0)
		say(t, "note: it also holds evidence of a sync group, which "
		       "is not judged here\n");
	if (r->final == 0)
		say(t, "Not shown: when it got this place; the block may have "
		       "been kept back.  A later\n  certificate of this file "
		       "says it.\n");
	say(t, "Not proved: that the content is not older than the first time, "
	       "who wrote it,\n  or that it is true.\n");
}

static void say_no_anchor(struct text *t)
{
	say(t, "\nThe parts of the certificate agree with one another, but "
	       "anybody can make a\nchain that does.  Get the anchor (64 hex "
	       "digits) from the owner of the chain by\na way that you trust: "
	       "`notaryfs anchor VAULT` prints it, and the file `anchor`\nin "
	       "the vault holds it.  Then use --anchor.\n");
}

static void say_late(struct text *t, const struct report *r)
{
	char at[32];

	report_time(r->at_ms, at);
	say(t, "\nAsked was whether it is proved to have existed by %s.\n%s",
		at, r->after_ms > r->at_ms
			? "The block that holds it was made later.\n"
			: "It may have, but no time as early is proved.\n");
}

/* What a refused certificate says is shown as its claim, and only as far as
 * it helps to find out what happened. */
static void say_claims(struct text *t, const struct report *r)
{
	if (r->cert.d.p == NULL || r->verdict == V_MALFORMED ||
		r->verdict == V_UNSUPPORTED)
		return;
	say_path(t, "claims path: ", r->record.path);
	say(t, "claims size: %" PRIu64 " bytes\n", r->record.size);
}

int report_text(const struct report *r, struct buf *ret)
{
	struct text t = {0};

	if (r->verdict == V_VALID)
		say(&t, "valid\n");
	else
		say(&t, "%s: %s: %s\n",
			verdict_exit(r->verdict) == 1 ? "refused" : "incomplete",
			verdict_name(r->verdict), verdict_text(r->verdict));
	if (established(r)) {
		if (r->verdict == V_NO_ANCHOR)
			say(&t, "The certificate claims:\n");
		say_trust(&t, r);
		say_times(&t, r);
		say_place(&t, r);
	}
	if (r->verdict == V_VALID)
		say_proof(&t, r);
	else if (r->verdict == V_NO_ANCHOR)
		say_no_anchor(&t);
	else if (r->verdict == V_LATE)
		say_late(&t, r);
	else
		say_claims(&t, r);
	if (t.err != 0) {
		buf_free(&t.out);
		return t.err;
	}
	*ret = t.out;
	return 0;
}

/* Keys are always there; a refused certificate establishes nothing, so all
 * that it would say is null then. */
static void json_hash(struct json *j, const char *name, struct bytes v)
{
	char hex[HASH_HEX + 1];

	if (v.n == HASH_LEN)
		hex_encode(v, hex);
	json_text(j, name, v.n == HASH_LEN ? hex : NULL);
}

static void json_number(struct json *j, const char *name, bool known, uint64_t v)
{
	if (known)
		json_uint(j, name, v);
	else
		json_text(j, name, NULL);
}

static void json_time(struct json *j, const char *name, bool known, uint64_t ms)
{
	char text[32];

	report_time(ms, text);
	json_text(j, name, known ? text : NULL);
}

/* Names of authorities; [] where nothing is established. */
static void json_signers(struct json *j, const char *name,
	const struct report *r, bool known, uint8_t who)
{
	size_t i;

	json_array(j, name);
	for (i = 0; known && i < r->params.n_authorities; i++)
		if ((who >> i & 1) != 0)
			json_text_n(j, NULL, r->params.authority[i].name);
	json_close_array(j);
}

static void json_record(struct json *j, const struct report *r, bool known)
{
	static const struct bytes none = {0};
	bool content = known && has_content(r);

	if (known)
		json_text_n(j, "path", r->record.path);
	else
		json_text(j, "path", NULL);
	json_number(j, "size", content, r->record.size);
	json_hash(j, "sha256",
		content ? record_digest(&r->record, "sha-256") : none);
	json_hash(j, "root", content ? HASH_BYTES(&r->record.root) : none);
	json_hash(j, "anchor", known ? HASH_BYTES(&r->cert.chain) : none);
}

int report_json(const struct report *r, struct buf *ret)
{
	bool known = established(r);
	struct json j = {0};

	json_object(&j, NULL);
	json_text(&j, "verdict", verdict_name(r->verdict));
	json_bool(&j, "valid", r->verdict == V_VALID);
	json_text(&j, "reason", verdict_text(r->verdict));
	json_text(&j, "trust", !known				   ? NULL
			       : r->params.trust == TRUST_LOCAL ? "local"
								   : "nitro");
	json_time(&j, "recorded_after", known, r->after_ms);
	json_time(&j, "existed_by", known, r->by_ms);
	json_time(&j, "final_by", known && r->final != 0, r->final_ms);
	json_time(&j, "renewed_by", known && r->n_renewals > 0,
		r->n_renewals == 0 ? 0 : r->renewal[r->n_renewals - 1].by_ms);
	json_signers(&j, "recorded_after_by", r, known, r->after);
	json_signers(&j, "existed_by_by", r, known, r->by);
	json_signers(&j, "final_by_by", r, known, r->final);
	json_number(&j, "height", known, r->height);
	json_number(&j, "index", known, r->cert.index);
	json_number(&j, "count", known, r->cert.n);
	json_number(&j, "k", known, r->k);
	json_record(&j, r, known);
	json_number(&j, "epoch", known, r->epoch);
	json_number(&j, "recoveries", known, r->recoveries);
	json_number(&j, "from", known && is_part(r), r->cert.range.from);
	json_number(&j, "to", known && is_part(r), r->cert.range.to);
	json_bool(&j, "clock_backwards", known && r->clock_backwards);
	json_bool(&j, "content_checked", known && r->content_checked);
	json_close_object(&j);
	return json_end(&j, ret);
}

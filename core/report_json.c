#include "core/report.h"

#include "core/json.h"
#include "core/verify.h"

/* Keys are always there; a refused certificate establishes nothing, so all
 * that it would say is null then. */
static void hash_or_null(struct json *j, const char *name, struct bytes v)
{
	char hex[HASH_HEX + 1];

	if (v.n == HASH_LEN)
		hex_encode(v, hex);
	json_text(j, name, v.n == HASH_LEN ? hex : NULL);
}

static void time_or_null(
	struct json *j, const char *name, bool known, uint64_t ms)
{
	char text[REPORT_TIME];

	report_time(ms, text);
	json_text(j, name, known ? text : NULL);
}

/* Names of authorities; [] where nothing is established. */
static void signers(struct json *j, const char *name, const struct report *r,
	bool known, uint8_t who)
{
	size_t i;

	json_array(j, name);
	for (i = 0; known && i < r->params.n_authorities; i++)
		if ((who >> i & 1) != 0)
			json_text_n(j, NULL, r->params.authority[i].name);
	json_close_array(j);
}

static void times(struct json *j, const struct report *r, bool known)
{
	time_or_null(j, "recorded_after", known, r->after_ms);
	time_or_null(j, "existed_by", known, r->by_ms);
	time_or_null(j, "final_by", known && r->final != 0, r->final_ms);
	time_or_null(j, "renewed_by", known && r->n_renewals > 0,
		r->n_renewals == 0 ? 0 : r->renewal[r->n_renewals - 1].by_ms);
	signers(j, "recorded_after_by", r, known, r->after);
	signers(j, "existed_by_by", r, known, r->by);
	signers(j, "final_by_by", r, known, r->final);
}

static void witnesses(struct json *j, const struct report *r, bool known)
{
	char when[REPORT_TIME];
	size_t i;

	json_array(j, "witnesses");
	for (i = 0; known && i < r->n_witnesses; i++) {
		const struct report_witness *w = &r->witness[i];

		report_seconds(w->time_s, when);
		json_object(j, NULL);
		json_text(j, "name", w->key->name);
		json_text(j, "time", w->time_s > 0 ? when : NULL);
		json_close_object(j);
	}
	json_close_array(j);
}

static void place(struct json *j, const struct report *r, bool known)
{
	json_uint_or_null(j, "height", known, r->height);
	json_uint_or_null(j, "index", known, r->cert.index);
	json_uint_or_null(j, "count", known, r->cert.n);
	json_uint_or_null(j, "k", known, r->k);
}

static void record(struct json *j, const struct report *r, bool known)
{
	static const struct bytes none = {0};
	bool content = known && !hash_is_zero(&r->record.root);

	if (known)
		json_text_n(j, "path", r->record.path);
	else
		json_text(j, "path", NULL);
	json_uint_or_null(j, "size", content, r->record.size);
	hash_or_null(j, "sha256",
		content ? record_digest(&r->record, "sha-256") : none);
	hash_or_null(j, "root", content ? HASH_BYTES(&r->record.root) : none);
	hash_or_null(j, "anchor", known ? HASH_BYTES(&r->cert.chain) : none);
}

static int object(const struct report *r, const char *verdict, const char *why,
	struct buf *ret)
{
	bool known = report_known(r), part = known && r->cert.range.to > 0;
	struct json j = {0};

	json_object(&j, NULL);
	json_text(&j, "verdict", verdict);
	json_bool(&j, "valid", r->verdict == V_VALID);
	json_text(&j, "reason", why);
	json_text(&j, "trust", !known ? NULL :
		vouched_name(params_vouched(&r->params)));
	times(&j, r, known);
	place(&j, r, known);
	record(&j, r, known);
	json_uint_or_null(&j, "epoch", known, r->epoch);
	json_uint_or_null(&j, "recoveries", known, r->recoveries);
	json_uint_or_null(&j, "log_size", known && r->log_size > 0, r->log_size);
	witnesses(&j, r, known);
	json_uint_or_null(&j, "from", part, r->cert.range.from);
	json_uint_or_null(&j, "to", part, r->cert.range.to);
	json_bool(&j, "clock_backwards", known && r->clock_backwards);
	json_bool(&j, "content_checked", known && r->content_checked);
	json_close_object(&j);
	return json_end(&j, ret);
}

int report_json(const struct report *r, struct buf *ret)
{
	return object(
		r, verdict_name(r->verdict), verdict_text(r->verdict), ret);
}

int report_json_unread(const char *why, struct buf *ret)
{
	static const struct report nothing = {.verdict = V_MALFORMED};

	return object(&nothing, "unread", why, ret);
}

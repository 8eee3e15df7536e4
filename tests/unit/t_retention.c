/* retention and governance: what their headers say. */
#include "core/retention.h"

#include <errno.h>
#include <openssl/ec.h>
#include <string.h>

#include "core/cose.h"
#include "core/governance.h"
#include "core/params.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)

static void times(void)
{
	static const struct {
		const char *text;
		uint64_t s;
	} good[] = {
		{"1", 1}, {"2000000000", 2000000000},
		{"2033-05-18T03:33:20Z", 2000000000},
		{"2033-05-18t03:33:20z", 2000000000},
		{"2033-05-18 05:33:20+02:00", 2000000000},
		{"2033-05-17T20:03:20-07:30", 2000000000},
		{"2033-05-18T03:33:19.001Z", 2000000000},
		{"2033-05-18T03:33:20.000Z", 2000000000},
		{"2024-02-29", 1709164800}, {"2000-02-29", 951782400},
		{"1970-01-02", 86400},
		{"9999-12-31T23:59:59Z", RECORD_UNTIL_MAX},
	};
	static const char *const bad[] = {"", "0", "-1", "1.5", "soon",
		"2023-02-29", "2100-02-29", "2033-13-01", "2033-00-01",
		"2033-01-00", "1969-12-31", "2033-05-18T", "2033-05-18T03:33Z",
		"2033-05-18T24:00:00Z", "2033-05-18T03:33:20",
		"2033-05-18T03:33:20.Z", "2033-05-18T03:33:20+2",
		"2033-05-18T03:33:20Z ", "253402300800",
		"9999-12-31T23:59:59.5Z", "99999999999999999999999"};
	static const char *const no_span[] = {"", "7", "y", "-1d", "1.5h",
		"7 y", "1w", "9999999999y"};
	char text[RETENTION_TEXT];
	uint64_t s;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		s = 0;
		is_int(retention_time(good[i].text, &s), 0, "a time: %s",
			good[i].text);
		ok(s == good[i].s, "and the right one");
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(retention_time(bad[i], &s), -EINVAL, "no time: '%s'",
			bad[i]);
	retention_text(2000000000, text);
	is_str(text, "2033-05-18T03:33:20Z", "written as RFC 3339");
	retention_text(RECORD_UNTIL_MAX, text);
	is_str(text, "9999-12-31T23:59:59Z", "up to the last second");
	is_int(retention_span("7y", &s), 0, "seven years");
	ok(s == UINT64_C(7) * 366 * 86400, "are not less than the calendar's");
	is_int(retention_span("90m", &s), 0, "ninety minutes");
	ok(s == 5400, "are 5400 s");
	retention_span_text(s, text);
	is_str(text, "90m", "are written so");
	retention_span_text(UINT64_C(7) * 366 * 86400, text);
	is_str(text, "7y", "a year as one");
	retention_span_text(61, text);
	is_str(text, "61s", "seconds when nothing larger fits");
	retention_span_text(0, text);
	is_str(text, "none", "and nothing as that");
	for (i = 0; i < sizeof no_span / sizeof *no_span; i++)
		is_int(retention_span(no_span[i], &s), -EINVAL,
			"no span: '%s'", no_span[i]);
}

static bool until(struct retention *t, uint64_t s)
{
	struct record r = {.kind = RECORD_RETENTION, .until = s};
	struct hash dh = {{9}};

	return retention_add(t, &dh, &r);
}

static bool hold(struct retention *t, uint8_t id, const char *name)
{
	struct record r = {.kind = RECORD_HOLD,
		.hold_case = BYTES(name, strlen(name))};
	struct hash dh = {{id}};

	return retention_add(t, &dh, &r);
}

static bool release(struct retention *t, uint8_t id)
{
	struct record r = {.kind = RECORD_HOLD, .has_about = true,
		.about = {{id}}, .reason = S("over"), .authority = S("x")};
	struct hash dh = {{200}};

	return retention_add(t, &dh, &r);
}

static void states(void)
{
	struct record file = {.kind = RECORD_PUT};
	struct retention t;
	char name[8] = "case-?";
	uint8_t i;

	retention_start(&t, &file);
	ok(!retention_over(&t, UINT64_MAX), "R3: without a date it never goes");
	file.until = 1000;
	retention_start(&t, &file);
	ok(!retention_over(&t, 999999), "not before its date");
	ok(retention_over(&t, 1000000), "from its date on");
	ok(!until(&t, 500) && !until(&t, 1000) && t.until == 1000,
		"R1: an earlier date has no effect");
	ok(until(&t, 2000) && t.until == 2000, "a later one has");
	ok(!retention_over(&t, 1999999) && retention_over(&t, 2000000),
		"and counts");
	ok(hold(&t, 1, "A-1") && hold(&t, 2, "B"), "two holds");
	ok(!hold(&t, 3, "B"), "a case is held once");
	ok(!retention_over(&t, UINT64_MAX), "R2: a hold keeps it beyond");
	ok(!release(&t, 3), "an order about another record does nothing");
	ok(release(&t, 1) && !retention_over(&t, UINT64_MAX),
		"one released, one stays");
	ok(retention_find(&t, S("B")) != NULL &&
			retention_find(&t, S("A-1")) == NULL,
		"cases are found by name");
	ok(release(&t, 2) && retention_over(&t, 2000000),
		"without holds the date counts again");
	for (i = 0; i < RETENTION_HOLDS_MAX; i++) {
		name[5] = (char)('A' + i);
		hold(&t, i, name);
	}
	is_int((int)t.n_holds, RETENTION_HOLDS_MAX, "as many holds as fit");
	ok(!hold(&t, 99, "one more"), "and no more");
}

static void orders(void)
{
	static const char *const curves[] = {"P-256", "P-384"};
	struct hash chain = {{1}}, other = {{2}};
	struct record r = {.kind = RECORD_DELETION, .path = S("a"),
		.has_about = true, .about = {{3}}, .reason = S("by request")};
	struct record d;
	size_t i;

	for (i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i]);
		struct buf spki = {0}, order = {0};
		struct params p = {.n_governance = 2};
		if (key == NULL || cose_key_spki(key, &spki) != 0)
			bail("no key");
		p.governance_key[0] = S("no key at all");
		p.governance_key[1] = BUF_BYTES(&spki);
		is_int(governance_sign(key, &chain, &r, &order), 0,
			"%s: an order is signed", curves[i]);
		r.authority = BUF_BYTES(&order);
		is_int(governance_check(&p, &chain, &r), 0, "and holds");
		is_int(governance_check(&p, &other, &r), -EKEYREJECTED,
			"not for another chain");
		is_int(governance_check(&p, &chain, (d = r, d.about.b[0] = 4,
			&d)), -EKEYREJECTED, "not for another record");
		is_int(governance_check(&p, &chain, (d = r, d.kind =
			RECORD_HOLD, &d)), -EKEYREJECTED, "not for a hold");
		is_int(governance_check(&p, &chain, (d = r, d.reason = S("?"),
			&d)), -EKEYREJECTED, "not with another reason");
		order.p[order.n - 1] ^= 1;
		is_int(governance_check(&p, &chain, &r), -EKEYREJECTED,
			"not with one bit changed");
		buf_free(&order);
		d = r;
		d.kind = RECORD_COMPLIANCE;
		d.path = S("");
		is_int(governance_sign(key, &chain, &d, &order), -EINVAL,
			"of another chain no order makes compliance");
		d.about = chain;
		is_int(governance_sign(key, &chain, &d, &order), 0,
			"of its own one does");
		d.authority = BUF_BYTES(&order);
		is_int(governance_check(&p, &chain, &d), 0, "which holds");
		is_int(governance_check(&p, &chain, (d.kind = RECORD_DELETION,
			&d)), -EKEYREJECTED, "and deletes nothing");
		buf_free(&order);
		is_int(governance_sign(key, &chain, &r, &order), 0, "again");
		r.authority = BUF_BYTES(&order);
		p.n_governance = 1;
		is_int(governance_check(&p, &chain, &r), -EKEYREJECTED,
			"not by a key that the chain does not name");
		r.authority = (struct bytes){0};
		buf_free(&order);
		is_int(governance_sign(key, &chain, (d = r, d.reason.n = 0,
			&d), &order), -EINVAL, "an order has a reason");
		is_int(governance_sign(key, &chain, (d = r, d.kind =
			RECORD_PUT, &d), &order), -EINVAL,
			"and is a hold's or a deletion's");
		buf_free(&spki);
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	plan(0);
	times();
	states();
	orders();
	return done();
}

/* keeping: which deletions of a chain were allowed. */
#include "fs/keeping.h"

#include <errno.h>
#include <openssl/ec.h>

#include "core/cose.h"
#include "core/governance.h"
#include "core/hash.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)

static const struct hash anchor = {{1}};
static EVP_PKEY *key;

/* A record as the chain has it; d stays until the end of the test. */
static struct hash add(struct keeping *k, uint64_t ms, struct record r,
	int want, const char *what)
{
	static uint8_t salt;
	struct buf d = {0};
	struct hash dh;

	r.salt[0] = ++salt;
	if (record_encode(&r, &d) != 0)
		bail("no record: %s", what);
	is_int(keeping_add(k, ms, &r, BUF_BYTES(&d)), want, "%s", what);
	dh = hash_sha3(BUF_BYTES(&d));
	buf_free(&d);
	return dh;
}

static struct record about(enum record_kind kind, const struct hash *dh)
{
	return (struct record){.kind = kind, .path = S("f"),
		.has_about = true, .about = *dh};
}

static struct record until(const struct hash *dh, uint64_t s)
{
	struct record r = about(RECORD_RETENTION, dh);

	r.until = s;
	return r;
}

static struct record hold(const struct hash *dh)
{
	struct record r = about(RECORD_HOLD, dh);

	r.hold_case = S("case");
	return r;
}

/* With an order by that key; *order is freed by the caller. */
static struct record by(EVP_PKEY *by_key, struct record r, struct buf *order)
{
	r.reason = S("because");
	if (governance_sign(by_key, &anchor, &r, order) != 0)
		bail("no order");
	r.authority = BUF_BYTES(order);
	return r;
}

static void dates(const struct params *p)
{
	struct keeping *k = keeping_new(p, &anchor);
	struct record file = {.kind = RECORD_PUT, .path = S("f"),
		.root = {{7}}};
	struct record link = file;
	struct hash a = add(k, 0, file, 0, "a file without a date");
	struct hash b, c;
	struct keeping_counts n;

	add(k, 9999000, about(RECORD_DELETION, &a), -EPERM,
		"goes never by itself");
	add(k, 0, until(&a, 1000), 0, "it gets a date");
	add(k, 0, until(&a, 500), 0, "an earlier one");
	add(k, 999999, about(RECORD_DELETION, &a), -EPERM,
		"has no effect: it stays until the later one");
	file.until = 2000;
	b = add(k, 0, file, 0, "a file with a date of its own");
	add(k, 1999999, about(RECORD_DELETION, &b), -EPERM, "stays until then");
	link.kind = RECORD_LINK;
	link.target = S("g");
	c = add(k, 0, link, 0, "a link");
	keeping_count(k, &n);
	is_int((int)n.dated, 2, "two with dates");
	add(k, 0, about(RECORD_DELETION, &c), 0,
		"whose deletion is its file's affair");
	add(k, 2000000, about(RECORD_DELETION, &b), 0, "one goes at its date");
	add(k, 2000000, about(RECORD_DELETION, &b), -EPERM, "and once");
	keeping_count(k, &n);
	is_int((int)(n.dated * 10 + n.expired), 12, "and is counted");
	keeping_free(k);
}

static void holds(const struct params *p, EVP_PKEY *other)
{
	struct keeping *k = keeping_new(p, &anchor);
	struct record file = {.kind = RECORD_PUT, .path = S("f"),
		.root = {{7}}, .until = 1000};
	struct buf order[4] = {{0}};
	struct hash a = add(k, 0, file, 0, "a file with a date"), h;
	struct keeping_counts n;
	size_t i;

	h = add(k, 0, hold(&a), 0, "that is held");
	add(k, 2000000, about(RECORD_DELETION, &a), -EPERM,
		"stays beyond its date");
	add(k, 2000000, by(key, about(RECORD_DELETION, &a), &order[0]),
		-EPERM, "also against an order");
	add(k, 0, by(other, about(RECORD_HOLD, &h), &order[1]), 0,
		"a release by another key");
	keeping_count(k, &n);
	is_int((int)n.held, 1, "has no effect");
	add(k, 0, by(key, about(RECORD_HOLD, &h), &order[2]), 0,
		"one by the governance key");
	keeping_count(k, &n);
	is_int((int)n.held, 0, "has");
	add(k, 2000000, about(RECORD_DELETION, &a), 0, "then it may go");
	for (i = 0; i < 4; i++)
		buf_free(&order[i]);
	keeping_free(k);
}

static void orders(struct params *p, EVP_PKEY *other)
{
	struct keeping *k = keeping_new(p, &anchor);
	struct record file = {.kind = RECORD_PUT, .path = S("f"),
		.root = {{7}}};
	struct buf order[3] = {{0}};
	struct hash a = add(k, 0, file, 0, "a file that is kept for ever");
	size_t i;

	add(k, 0, by(other, about(RECORD_DELETION, &a), &order[0]), -EPERM,
		"no key of the chain");
	keeping_free(k);
	p->retention_mode = RETENTION_COMPLIANCE;
	k = keeping_new(p, &anchor);
	add(k, 0, by(key, about(RECORD_DELETION, &a), &order[1]), -EPERM,
		"compliance knows no orders");
	keeping_free(k);
	p->retention_mode = RETENTION_GOVERNANCE;
	k = keeping_new(p, &anchor);
	add(k, 0, by(key, about(RECORD_DELETION, &a), &order[2]), 0,
		"governance does");
	for (i = 0; i < 3; i++)
		buf_free(&order[i]);
	keeping_free(k);
	p->retention_mode = RETENTION_NONE;
	k = keeping_new(p, &anchor);
	file.until = 5;
	a = add(k, 0, file, 0, "a file with a date");
	add(k, 9000, about(RECORD_DELETION, &a), -EPERM,
		"without a mode nothing goes");
	p->retention_mode = RETENTION_GOVERNANCE;
	keeping_free(k);
}

/* Governance becomes compliance and stays so. */
static void complies(const struct params *p, EVP_PKEY *other)
{
	struct keeping *k = keeping_new(p, &anchor);
	struct record mode = {.kind = RECORD_COMPLIANCE, .has_about = true,
		.about = anchor}, elsewhere = mode;
	struct record file = {.kind = RECORD_PUT, .path = S("f"),
		.root = {{7}}};
	struct buf order[5] = {{0}};
	struct hash a = add(k, 0, file, 0, "a file"), b, c;
	struct keeping_counts n;
	size_t i;

	b = add(k, 0, file, 0, "another");
	file.until = 1000;
	c = add(k, 0, file, 0, "one with a date");
	add(k, 0, by(other, mode, &order[0]), 0, "compliance by another key");
	keeping_count(k, &n);
	is_int(n.mode, RETENTION_GOVERNANCE, "has no effect");
	add(k, 0, by(key, about(RECORD_DELETION, &a), &order[1]), 0,
		"so orders count");
	add(k, 0, by(key, mode, &order[2]), 0, "by the governance key");
	keeping_count(k, &n);
	is_int(n.mode, RETENTION_COMPLIANCE, "it has");
	add(k, 0, by(key, about(RECORD_DELETION, &b), &order[3]), -EPERM,
		"no order counts any more");
	add(k, 0, by(key, mode, &order[4]), 0, "once more changes nothing");
	add(k, 2000000, about(RECORD_DELETION, &c), 0, "dates do");
	elsewhere.about.b[5] = 1;
	is_int(governance_sign(key, &anchor, &elsewhere, &order[0]), -EINVAL,
		"and no order is about another chain");
	for (i = 0; i < 5; i++)
		buf_free(&order[i]);
	keeping_free(k);
}

int main(void)
{
	struct params p = {.retention_mode = RETENTION_GOVERNANCE,
		.n_governance = 1};
	EVP_PKEY *other = EVP_EC_gen("P-256");
	struct buf spki = {0};

	key = EVP_EC_gen("P-256");
	if (key == NULL || other == NULL || cose_key_spki(key, &spki) != 0)
		bail("no keys");
	p.governance_key[0] = BUF_BYTES(&spki);
	plan(0);
	dates(&p);
	holds(&p, other);
	orders(&p, other);
	complies(&p, other);
	buf_free(&spki);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return done();
}

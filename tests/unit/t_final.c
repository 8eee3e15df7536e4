/* Key 12 of a certificate, "final by", and how large certificates are. */
#include <string.h>

#include "core/cleanup.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/mkfinal.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define FILE_I 3
#define LATER (MKCHAIN_AT + 5000)
#define CERTIFICATE_GOAL 7168 /* bytes, with a document of Nitro's size */
#define NITRO 4748	      /* bytes of a real document */

static struct mkchain c;
static struct mkfinal f;
static struct certificate parts;
static struct report report;

static enum verdict judge(void)
{
	static struct buf cert; /* the report points into it */
	struct content content = mkchain_content(&c, FILE_I);

	buf_free(&cert);
	if (make_certificate(&parts, &cert) != 0)
		return V_MALFORMED;
	if (verify(BUF_BYTES(&cert), &c.anchor, &content, &report) != 0)
		bail("no memory");
	return report.verdict;
}

static void is_verdict(enum verdict want, const char *why)
{
	is_str(verdict_name(judge()), verdict_name(want), "%s", why);
}

/* The chain's block at that height, and a log of that size. */
static void fresh(uint64_t height, uint64_t size)
{
	mkfinal_done(&f);
	c.seq.height = height;
	c.seq.log_size = height + 1;
	c.seq.k = height;
	mkchain_seal(&c);
	mkfinal_init(&f, &c, size, LATER);
	mkchain_parts(&c, FILE_I, &parts);
	parts.has_final = true;
	parts.final = f.f;
}

static void valid_ones(void)
{
	static const struct {
		uint64_t height, size;
	} at[] = {{1, 2}, {1, 3}, {5, 6}, {5, 100}, {63, 64}, {64, 65},
		{999999999, 1000000007}};
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		fresh(at[i].height, at[i].size);
		is_verdict(V_VALID, "a later block names the log");
		ok(report.final == 1 && report.final_ms == LATER &&
				report.by_ms == MKCHAIN_AT + 250,
			"and says by when: height %d of %d",
			(int)at[i].height, (int)at[i].size);
	}
	parts.has_final = false;
	is_verdict(V_VALID, "without it the certificate stays valid");
	ok(report.final == 0, "and says nothing of the kind");
	parts.sync = BYTES("\x82\x01\x63sig", 6);
	is_verdict(V_VALID, "evidence of a sync group is passed over");
	parts.sync = BYTES("\x82\x01", 2);
	is_verdict(V_MALFORMED, "but has to be well-formed");
	fresh(3, 8);
	mkfinal_seal(&f, &c, MKCHAIN_AT + 1);
	parts.final = f.f;
	is_verdict(V_VALID, "a clock that went back");
	ok(report.clock_backwards, "is said");
}

static void wrong_ones(void)
{
	static const uint8_t stranger[32] = {9};
	struct block good;

	fresh(5, 100);
	good = f.block;
	f.block.has_log = false;
	mkfinal_seal(&f, &c, LATER);
	memcpy(&parts.final, &f.f, sizeof(f.f));
	is_verdict(V_FINAL_LOG, "a later block that names no log");
	f.block = good;
	f.block.log_size = 5;
	mkfinal_seal(&f, &c, LATER);
	parts.final = f.f;
	is_verdict(V_FINAL_LOG, "one whose log does not reach this block");
	f.block = good;
	f.block.log_size++;
	mkfinal_seal(&f, &c, LATER);
	parts.final = f.f;
	is_verdict(V_VALID, "the path is the same in a log of 101");
	f.block.log_size = 200;
	mkfinal_seal(&f, &c, LATER);
	parts.final = f.f;
	is_verdict(V_FINAL_PATH, "but not in one of 200");
	f.block = good;
	f.block.log_root.b[0] ^= 1;
	mkfinal_seal(&f, &c, LATER);
	parts.final = f.f;
	is_verdict(V_FINAL_PATH, "another log");
	f.block = good;
	mkfinal_seal(&f, &c, LATER);
	parts.final = f.f;
	is_verdict(V_VALID, "and all as it was");
	parts.final.path_len--;
	is_verdict(V_FINAL_PATH, "a shorter path");
	parts.final.path_len = MLOG_DEPTH + 1;
	is_verdict(V_MALFORMED, "one longer than any");
	parts.final = f.f;
	parts.final.b = BYTES("junk", 4);
	is_verdict(V_MALFORMED, "a later block that is none");
	parts.final = f.f;
	parts.final.t = BUF_BYTES(&c.t);
	is_verdict(V_FINAL_STAMP, "this block's own timestamp");
	parts.final = f.f;
	parts.final.t_type = TIMESTAMP_JWT;
	is_verdict(V_FINAL_STAMP, "a timestamp of another kind");
	buf_free(&f.t);
	mkchain_stamp(stranger, BUF_BYTES(&f.b), LATER, &f.t);
	parts.final = f.f;
	parts.final.t = BUF_BYTES(&f.t);
	is_verdict(V_FINAL_STAMP, "a stranger's");
}

/* Who knows block and stamp, but not what the sequencer drew at its number,
 * cannot have named the log: that is what r is for. */
static void foreseen(void)
{
	fresh(5, 100);
	c.seq.r[3] ^= 1;
	mkchain_seal(&c);
	mkchain_parts(&c, FILE_I, &parts);
	parts.has_final = true;
	parts.final = f.f;
	is_verdict(V_FINAL_PATH, "a log that foresaw the number");
}

static void words(void)
{
	struct buf text = {0}, json = {0};

	fresh(5, 100);
	judge();
	report_text(&report, &text);
	report_json(&report, &json);
	ok(memmem(text.p, text.n, "\nfinal by: 2026-09-21T14:13:25.000Z\n", 36) !=
			NULL && memmem(text.p, text.n, "Not shown", 9) == NULL,
		"the report says by when it was final");
	ok(memmem(json.p, json.n, "\"final_by\":\"2026-09-21T14:13:25.000Z\"",
		   37) != NULL,
		"in JSON too");
	buf_free(&text);
	buf_free(&json);
	parts.has_final = false;
	judge();
	report_text(&report, &text);
	report_json(&report, &json);
	ok(memmem(text.p, text.n, "Not shown: when it got", 22) != NULL,
		"or that this is not shown");
	ok(memmem(json.p, json.n, "\"final_by\":null", 15) != NULL,
		"which is null in JSON");
	buf_free(&text);
	buf_free(&json);
}

/* Whatever is taken says what the good one says, or less. */
static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct verify_cache *cache = ctx;
	struct report r, again;

	verify(in, &c.anchor, NULL, &r);
	verify_cached(cache, in, &c.anchor, NULL, &again);
	if (r.verdict != again.verdict || r.final_ms != again.final_ms)
		return MUTATE_BROKEN;
	if (r.verdict == V_VALID &&
		((r.final != 0 && r.final_ms != LATER) ||
			r.by_ms != MKCHAIN_AT + 250))
		return MUTATE_BROKEN;
	return mutate_certificate(in);
}

static void mutations(void)
{
	struct verify_cache *cache = verify_cache_new();
	cleanup(buf) struct buf cert = {0};

	fresh(5, 100);
	parts.sync = BYTES("\x82\x01\x63sig", 6);
	if (make_certificate(&parts, &cert) != 0)
		bail("no memory");
	mutate("final by", BUF_BYTES(&cert), MUTATIONS, feed, cache);
	verify_cache_free(cache);
}

/* As it would be with a document from AWS in the place of ours. */
static size_t size_of(const struct certificate *p)
{
	struct buf cert = {0};
	size_t n;

	if (make_certificate(p, &cert) != 0)
		bail("no memory");
	n = cert.n - p->doc.n + NITRO;
	buf_free(&cert);
	return n;
}

/* A block of 1024 records; only form counts here. */
static void sizes(void)
{
	static const uint64_t heights[] = {1000, 1000000, 1000000000};
	struct certificate p;
	size_t i, base, with;

	for (i = 0; i < sizeof(heights) / sizeof(heights[0]); i++) {
		fresh(heights[i], heights[i] + 2);
		p = parts;
		p.n = 1024;
		p.path_len = 10;
		p.has_final = false;
		base = size_of(&p);
		p.has_final = true;
		with = size_of(&p);
		ok(base <= CERTIFICATE_GOAL,
			"height %d: %zu bytes, %zu with final by",
			(int)heights[i], base, with);
	}
}

int main(void)
{
	plan(0);
	mkchain_init(&c, 0);
	valid_ones();
	wrong_ones();
	foreseen();
	words();
	mutations();
	sizes();
	mkfinal_done(&f);
	mkchain_done(&c);
	return done();
}

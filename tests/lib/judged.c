#include "tests/lib/judged.h"

#include "core/cleanup.h"
#include "core/report.h"
#include "core/verify.h"
#include "tests/tap/tap.h"

struct mkchain c;
struct certificate parts;
struct content content;

void fresh(uint32_t epoch)
{
	mkchain_done(&c);
	mkchain_init(&c, epoch);
	mkchain_parts(&c, FILE_I, &parts);
	content = mkchain_content(&c, FILE_I);
}

void is_verdict(enum verdict got, enum verdict want, const char *why)
{
	is_str(verdict_name(got), verdict_name(want), "%s", why);
}

enum verdict judge(void)
{
	cleanup(buf) struct buf cert = {0};
	struct report r;

	if (make_certificate(&parts, &cert) != 0)
		return V_MALFORMED;
	if (verify(BUF_BYTES(&cert), &c.anchor, &content, &r) != 0)
		bail("no memory");
	return r.verdict;
}

void reseal(void)
{
	mkchain_seal(&c);
	parts.b = BUF_BYTES(&c.b);
	parts.t_upper = BUF_BYTES(&c.t);
	parts.s = BUF_BYTES(&c.s);
	parts.doc = BUF_BYTES(&c.doc);
}

void renumber(void)
{
	buf_free(&c.s);
	mkchain_sign(&c, &c.seq, c.key, &c.s);
	parts.s = BUF_BYTES(&c.s);
}

void refound(void)
{
	mkchain_refound(&c);
	mkchain_parts(&c, FILE_I, &parts);
}

void judged_done(void)
{
	mkchain_done(&c);
}

#include "fs/findings.h"

#include <inttypes.h>

#include "fs/cli.h"

#define SHOWN_MAX 40		/* lines */

static void finding(void *ctx, enum ledger_finding kind, const char *text)
{
	struct findings *f = ctx;
	if (f->n++ < SHOWN_MAX)
		cli_say(f->c, "%s%s", kind == LEDGER_WRONG ? "wrong: " : "",
			text);
}

static void progress(void *ctx, const char *what, uint64_t done,
	uint64_t total)
{
	(void)ctx;
	cli_progress("%s: %" PRIu64 " of %" PRIu64, what, done, total);
}

struct ledger_events findings_events(struct findings *f)
{
	return (struct ledger_events){.finding = finding, .progress = progress,
		.ctx = f};
}

void findings_end(struct findings *f)
{
	cli_progress_end();
	if (f->n > SHOWN_MAX)
		cli_say(f->c, "... and %" PRIu64 " more", f->n - SHOWN_MAX);
}

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/backlog.h"
#include "fs/glance.h"
#include "fs/metrics.h"
#include "fs/status.h"
#include "tests/tap/tap.h"

static struct status sample(void)
{
	struct status s = {
		.files = {1, 2, 3, 4, 5, 6, 7},
		.hashing = {2, 3000000000, 1000000000},
		.idle_files = 3, .idle_s = 9 * 86400,
		.height = 8, .blocks = 8, .pid = 42,
		.backlog_files = 4, .backlog_bytes = 1500000, .oldest_s = 9,
		.n_services = 1, .n_buckets = 2,
		.service = {{.name = "timestamp", .ok = true,
			.last_ok_ms = 1000}},
		.bucket = {{.name = "/b \"0\"", .ok = true},
			{.name = "/b1", .last_error_ms = 2000,
				.error = "Input/output error"}},
		.trust = "local software", .isolation = "sandboxed: all",
	};
	s.vault = strdup("/v");
	s.mount = strdup("/m");
	s.idle_oldest = strdup("left.part");
	s.anchor.b[0] = 0xab;
	return s;
}

static void round_trip(void)
{
	struct status s = sample(), t;
	cleanup(buf) struct buf json = {0}, again = {0};
	is_int(status_json(&s, &json), 0, "a status is written");
	ok(json.p[json.n - 1] == '\n', "with a newline");
	is_int(status_parse(BUF_BYTES(&json), &t), 0, "and read");
	is_int(status_json(&t, &again), 0, "and written again");
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&json), "to the same bytes");
	status_done(&s);
	status_done(&t);
	for (size_t cut = 0; cut + 1 < json.n; cut += 7)
		if (status_parse(BYTES(json.p, cut), &t) == 0) {
			ok(false, "cut off after %zu bytes it is refused", cut);
			return;
		}
	ok(true, "cut off anywhere it is refused");
}

/* Between an upgrade and the next mount, an older daemon answers newer
 * programs: what it does not know of yet is none. */
static void older(void)
{
	struct status s = sample(), t;
	cleanup(buf) struct buf json = {0};
	is_int(status_json(&s, &json), 0, "a status is written");
	static const char *const name[] = {"\"idle\"", "\"idle_oldest\"",
		"\"isolation\""};
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		uint8_t *p = memmem(json.p, json.n, name[i], strlen(name[i]));
		ok(p != NULL, "it has %s", name[i]);
		if (p != NULL)
			p[1] = 'x';
	}
	is_int(status_parse(BUF_BYTES(&json), &t), 0,
		"without what came later it is read");
	is_int((int)t.idle_files, 0, "as having none of it");
	ok(t.idle_oldest == NULL, "and no name");
	is_str(t.isolation, "", "nor how the sequencer is kept apart");
	is_int((int)t.pid, 42, "and the rest as it is");
	status_done(&s);
	status_done(&t);
}

static void words(void)
{
	struct status s = sample();
	cleanup(buf) struct buf text = {0};
	is_int(status_text(&s, 61000, &text), 0, "in words");
	is_int(buf_add(&text, "", 1), 0, "as a string");
	const char *p = (const char *)text.p;
	static const char *const want[] = {
		"trust      local software (sandboxed: all)\n", "not mounted", "/m, process 42",
		"4 on their way (1.5 MB, the oldest for 9 s)",
		"5 files in 8 blocks, height 8", "last success 60 s ago",
		"hashing    2 large, 1.0 GB of 3.0 GB\n",
		"idle       3 temp for longer than temp_max, the oldest for "
			"9 d: left.part\n",
		"FAILED, last success never, last error 59 s ago: Input/output",
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		ok((strstr(p, want[i]) != NULL) == (i != 1), "%s: %s",
			i == 1 ? "does not say" : "says", want[i]);
	status_done(&s);
}

static void numbers(void)
{
	struct status s = sample();
	cleanup(buf) struct buf fields = {0}, text = {0};
	is_int(status_fields(&s, &fields), 0, "as fields");
	const char want[] = "files_open=1 files_settling=2 files_frozen=3 "
		"files_sealed=4 files_notarized=5 files_temp=6 files_scratch=7 "
		"hashing_files=2 hashing_bytes=3000000000 "
		"hashing_done=1000000000 idle_files=3 idle_oldest_s=777600 "
		"height=8 blocks=8 backlog_files=4 backlog_bytes=1500000 "
		"backlog_oldest_s=9 pid=42 services_failed=0 buckets_failed=1";
	is_bytes(BUF_BYTES(&fields), BYTES(want, sizeof want - 1), "all");
	is_int(metrics_text(&s, &text), 0, "as metrics");
	is_int(buf_add(&text, "", 1), 0, "as a string");
	static const char *const line[] = {
		"notaryfs_files{vault=\"/v\",state=\"frozen\"} 3\n",
		"notaryfs_bucket_ok{vault=\"/v\",bucket=\"/b \\\"0\\\"\"} 1\n",
		"notaryfs_bucket_ok{vault=\"/v\",bucket=\"/b1\"} 0\n",
		"notaryfs_idle_files{vault=\"/v\"} 3\n",
		"notaryfs_idle_oldest_seconds{vault=\"/v\"} 777600\n",
		"notaryfs_service_last_success_timestamp_seconds{vault=\"/v\","
			"service=\"timestamp\"} 1.000\n",
	};
	for (size_t i = 0; i < sizeof line / sizeof *line; i++)
		ok(strstr((char *)text.p, line[i]) != NULL, "%s", line[i]);
	status_done(&s);
}

/* One fault after another: which is told, and as what. */
static void at_a_glance(void)
{
	static struct status s;
	struct glance g;
	s = sample();
	glance(&s, &g);
	is_int(g.how, GLANCE_LOOK, "a bucket failed");
	is_str(g.text, "bucket /b1 failed: Input/output error", "which");
	ok(strstr(g.advice, "writing goes on") != NULL, "it is not urgent");
	snprintf(s.service[0].error, sizeof s.service[0].error, "gone");
	s.service[0].ok = false;
	glance(&s, &g);
	is_str(g.text, "timestamp failed: gone", "a service is worse");
	ok(strstr(g.advice, "check VAULT") != NULL, "with its own advice");
	s.service[0].ok = s.bucket[1].ok = true;
	glance(&s, &g);
	is_int(g.how, GLANCE_LOOK, "temporary names were left alone");
	ok(strncmp(g.text, "3 files have a temporary name that nobody touched "
		"for longer than temp_max, the oldest for 9 d", 90) == 0, "for how long");
	ok(strstr(g.advice, "notaryfs wait /m names") != NULL, "which they are");
	s.idle_files = 0;
	glance(&s, &g);
	is_int(g.how, GLANCE_WORKING, "files are on their way");
	is_str(g.text, "6 files are not sealed yet, 4 (1.5 MB) on their way, "
		"the oldest for 9 s; 5 are final", "how many");
	is_str(g.advice, "", "nobody has to do anything");
	s.oldest_s = 660;
	glance(&s, &g);
	is_int(g.how, GLANCE_LOOK, "for too long");
	s.files = (struct status_files){.notarized = 5, .temp = 3};
	s.backlog_files = s.backlog_bytes = s.oldest_s = 0;
	glance(&s, &g);
	is_int(g.how, GLANCE_OK, "all is well");
	is_str(g.text, "all 5 files are final", "in words");
	free(s.mount);
	s.mount = NULL;
	glance(&s, &g);
	is_int(g.how, GLANCE_OK, "not mounted, and nothing waits");
	s.files.sealed = 2;
	glance(&s, &g);
	is_int(g.how, GLANCE_LOOK, "not mounted, and two files wait");
	ok(strstr(g.advice, "notaryfs mount /v DIR") != NULL, "what to do");
	status_done(&s);
}

static void health(void)
{
	struct status_row r = {0};
	status_row_health(&r, &(struct notary_health){0});
	ok(r.ok, "what was never asked has not failed");
	status_row_health(&r, &(struct notary_health){.ok_ms = 5,
		.error_ms = 9, .error = -EIO});
	ok(!r.ok, "the last answer was an error");
	status_row_health(&r, &(struct notary_health){.ok_ms = 10,
		.error_ms = 9, .error = -EIO});
	ok(r.ok, "it has recovered");
	ok(r.error[0] != '\0', "the last error is still told");
}

static void oldest(void)
{
	static struct backlog b;
	backlog_init(&b);
	is_int(backlog_oldest(&b, 0, 5000), 0, "nothing waits");
	backlog_queued(&b, 10, 1000);
	backlog_queued(&b, 20, 4000);
	is_int(backlog_oldest(&b, 3, 9000), 8, "the oldest of two samples");
	is_int(backlog_oldest(&b, 10, 9000), 5, "the first is final");
	is_int(backlog_oldest(&b, 20, 9000), 0, "all are final");
	for (uint64_t i = 0; i < 2 * BACKLOG_SAMPLES; i++)
		backlog_queued(&b, 30 + i, 10000 + i * 1000);
	is_int(backlog_oldest(&b, 25, 3000 * 1000), 2990,
		"a full ring still knows the oldest");
	is_int(backlog_oldest(&b, 29 + 2 * BACKLOG_SAMPLES, 3000 * 1000), 0,
		"and when all are final");
}

int main(void)
{
	plan(0);
	round_trip();
	older();
	words();
	numbers();
	at_a_glance();
	health();
	oldest();
	return done();
}

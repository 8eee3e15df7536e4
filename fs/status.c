#include "fs/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/report.h"
#include "fs/cli.h"
#include "fs/glance.h"
#include "fs/text.h"

void status_done(struct status *s)
{
	free(s->vault);
	free(s->mount);
	free(s->idle_oldest);
	s->vault = s->mount = s->idle_oldest = NULL;
}

void status_row_health(struct status_row *r, const struct notary_health *h)
{
	r->last_ok_ms = h->ok_ms;
	r->last_error_ms = h->error_ms;
	r->ok = h->error == 0 || h->ok_ms > h->error_ms;
	if (h->error != 0)
		snprintf(r->error, sizeof r->error, "%s", strerror(-h->error));
}

void status_trust(struct status *s, const struct params *p,
	const char *isolation)
{
	const char *class = vouched_text(params_vouched(p));
	char time[80] = "";
	if (params_time_elsewhere(p))
		snprintf(time, sizeof time, ", time by %" PRIu64 " of %zu "
			"timestamp authorities", p->quorum, p->n_authorities);
	snprintf(s->trust, sizeof s->trust, "%s%s", class, time);
	snprintf(s->isolation, sizeof s->isolation, "%s",
		isolation != NULL ? isolation : "");
}

void status_mode(struct status *s, enum retention_mode mode)
{
	snprintf(s->retention, sizeof s->retention, "%s",
		params_mode_name(mode));
}

/* -- JSON: the numbers by name, in one table for both ways */

static const struct {
	const char *object, *name;
	size_t at;
} numbers[] = {
#define AT(field) offsetof(struct status, field)
	{"files", "open", AT(files.open)},
	{"files", "settling", AT(files.settling)},
	{"files", "frozen", AT(files.frozen)},
	{"files", "sealed", AT(files.sealed)},
	{"files", "notarized", AT(files.notarized)},
	{"files", "temp", AT(files.temp)},
	{"files", "scratch", AT(files.scratch)},
	{"hashing", "files", AT(hashing.files)},
	{"hashing", "bytes", AT(hashing.bytes)},
	{"hashing", "done", AT(hashing.done)},
	{"idle", "files", AT(idle_files)},
	{"idle", "oldest_s", AT(idle_s)},
	{NULL, "height", AT(height)},
	{NULL, "blocks", AT(blocks)},
	{"backlog", "files", AT(backlog_files)},
	{"backlog", "bytes", AT(backlog_bytes)},
	{"backlog", "oldest_s", AT(oldest_s)},
	{NULL, "pid", AT(pid)},
#undef AT
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static void write_numbers(struct json *j, const struct status *s)
{
	const char *open = NULL;
	for (size_t i = 0; i < NUMBERS; i++) {
		const char *object = numbers[i].object;
		if (open != NULL && (object == NULL || strcmp(open, object) != 0)) {
			json_close_object(j);
			open = NULL;
		}
		if (object != NULL && open == NULL)
			json_object(j, open = object);
		uint64_t v;
		memcpy(&v, (const char *)s + numbers[i].at, sizeof v);
		json_uint(j, numbers[i].name, v);
	}
}

static void write_time(struct json *j, const char *name, uint64_t ms)
{
	char text[32];
	if (ms != 0)
		report_time(ms, text);
	json_text(j, name, ms != 0 ? text : NULL);
}

static void write_rows(struct json *j, const char *name,
	const struct status_row *row, size_t n)
{
	json_array(j, name);
	for (size_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_text(j, "name", row[i].name);
		json_bool(j, "ok", row[i].ok);
		write_time(j, "last_ok", row[i].last_ok_ms);
		json_uint(j, "last_ok_ms", row[i].last_ok_ms);
		write_time(j, "last_error", row[i].last_error_ms);
		json_uint(j, "last_error_ms", row[i].last_error_ms);
		json_text(j, "error", row[i].error[0] ? row[i].error : NULL);
		json_close_object(j);
	}
	json_close_array(j);
}

int status_json(const struct status *s, struct buf *ret)
{
	struct json j = {0};
	struct glance g;
	char anchor[HASH_HEX + 1];
	hex_encode(HASH_BYTES(&s->anchor), anchor);
	json_object(&j, NULL);
	json_text(&j, "vault", s->vault);
	json_bool(&j, "mounted", s->mount != NULL);
	json_text(&j, "mount", s->mount);
	write_numbers(&j, s);
	json_text(&j, "idle_oldest", s->idle_oldest);
	glance(s, &g);
	json_text(&j, "summary", glance_word(g.how));
	json_text(&j, "summary_text", g.text);
	json_text(&j, "advice", g.advice[0] ? g.advice : NULL);
	write_rows(&j, "services", s->service, s->n_services);
	write_rows(&j, "buckets", s->bucket, s->n_buckets);
	json_text(&j, "trust", s->trust);
	json_text(&j, "isolation", s->isolation[0] ? s->isolation : NULL);
	json_text(&j, "retention", s->retention);
	json_text(&j, "anchor", anchor);
	json_close_object(&j);
	int err = j.err == 0 ? buf_add(&j.out, "\n", 1) : 0;
	if (j.err == 0)
		j.err = err;
	return json_end(&j, ret);
}

/* How many rows are not ok. */
static unsigned failed(const struct status_row *row, size_t n)
{
	unsigned bad = 0;
	for (size_t i = 0; i < n; i++)
		bad += !row[i].ok;
	return bad;
}

int status_fields(const struct status *s, struct buf *ret)
{
	int err = 0;
	for (size_t i = 0; i < NUMBERS && err == 0; i++) {
		const char *object = numbers[i].object;
		uint64_t v;
		memcpy(&v, (const char *)s + numbers[i].at, sizeof v);
		err = text_add(ret, "%s%s%s=%" PRIu64 " ", object ? object : "",
			object ? "_" : "", numbers[i].name, v);
	}
	return err != 0 ? err : text_add(ret,
		"services_failed=%u buckets_failed=%u",
		failed(s->service, s->n_services),
		failed(s->bucket, s->n_buckets));
}

/* Between an upgrade and the next mount an older daemon answers: a number that
 * it does not know of yet stays 0. */
static int parse_numbers(struct bytes json, struct status *s)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		char path[64];
		uint64_t v;
		const char *object = numbers[i].object;
		snprintf(path, sizeof path, "%s%s%s", object ? object : "",
			object ? "." : "", numbers[i].name);
		int err = json_find_uint(json, path, &v);
		if (err == -ENOENT)
			continue;
		if (err != 0)
			return -EBADMSG;
		memcpy((char *)s + numbers[i].at, &v, sizeof v);
	}
	return 0;
}

/* A text into a field of fixed size; null becomes "". */
static int parse_text(struct bytes json, const char *path, char *ret, size_t n)
{
	cleanup(free) char *text = NULL;
	int err = json_find_text(json, path, &text);
	if (err != 0)
		return err == -ENOENT ? err : -EBADMSG;
	snprintf(ret, n, "%s", text != NULL ? text : "");
	return 0;
}

static int parse_rows(struct bytes json, const char *name,
	struct status_row *row, size_t *ret_n)
{
	for (size_t n = 0;; n++) {
		char path[64];
		struct bytes one;
		snprintf(path, sizeof path, "%s.%zu", name, n);
		if (json_find(json, path, &one) != 0 || n == STATUS_ROWS) {
			*ret_n = n;
			return 0;
		}
		struct status_row *r = &row[n];
		if (parse_text(one, "name", r->name, sizeof r->name) != 0 ||
		    parse_text(one, "error", r->error, sizeof r->error) != 0 ||
		    json_find_bool(one, "ok", &r->ok) != 0 ||
		    json_find_uint(one, "last_ok_ms", &r->last_ok_ms) != 0 ||
		    json_find_uint(one, "last_error_ms",
			&r->last_error_ms) != 0)
			return -EBADMSG;
	}
}

int status_parse(struct bytes json, struct status *ret)
{
	struct status s = {0};
	char anchor[HASH_HEX + 2];
	int err;
	/* looking up values does not look at the end */
	if (json.n < 2 || memcmp(json.p + json.n - 2, "}\n", 2) != 0)
		return -EBADMSG;
	if ((err = json_find_text(json, "vault", &s.vault)) != 0 ||
	    (err = json_find_text(json, "mount", &s.mount)) != 0 ||
	    ((err = json_find_text(json, "idle_oldest",
		&s.idle_oldest)) != 0 && err != -ENOENT) ||
	    (err = parse_numbers(json, &s)) != 0 ||
	    (err = parse_rows(json, "services", s.service,
		&s.n_services)) != 0 ||
	    (err = parse_rows(json, "buckets", s.bucket, &s.n_buckets)) != 0 ||
	    (err = parse_text(json, "trust", s.trust, sizeof s.trust)) != 0 ||
	    ((err = parse_text(json, "isolation", s.isolation,
		sizeof s.isolation)) != 0 && err != -ENOENT) ||
	    (err = parse_text(json, "retention", s.retention,
		sizeof s.retention)) != 0 ||
	    (err = parse_text(json, "anchor", anchor, sizeof anchor)) != 0 ||
	    hex_decode(anchor, s.anchor.b, HASH_LEN) != 0) {
		status_done(&s);
		return err == -ENOMEM ? err : -EBADMSG;
	}
	*ret = s;
	return 0;
}

/* -- for people */

void status_age(uint64_t s, char ret[STATUS_AGE])
{
	if (s < 120)
		snprintf(ret, STATUS_AGE, "%" PRIu64 " s", s);
	else if (s < 7200)
		snprintf(ret, STATUS_AGE, "%" PRIu64 " min", s / 60);
	else if (s < 48 * 3600)
		snprintf(ret, STATUS_AGE, "%" PRIu64 " h", s / 3600);
	else
		snprintf(ret, STATUS_AGE, "%" PRIu64 " d", s / 86400);
}

/* "3 s ago" into ret; "never". */
static void ago(uint64_t then_ms, uint64_t now_ms, char ret[32])
{
	char age[STATUS_AGE];
	status_age(now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0, age);
	snprintf(ret, 32, "%s%s", then_ms == 0 ? "never" : age,
		then_ms == 0 ? "" : " ago");
}

static int text_rows(struct buf *b, const char *kind,
	const struct status_row *row, size_t n, uint64_t now_ms)
{
	int err = 0;
	for (size_t i = 0; i < n && err == 0; i++) {
		char ok[32], bad[32];
		ago(row[i].last_ok_ms, now_ms, ok);
		ago(row[i].last_error_ms, now_ms, bad);
		err = text_add(b, "%-10s %-28s %s", kind, row[i].name,
			row[i].ok ? "ok" : "FAILED");
		if (err == 0 && (row[i].last_ok_ms != 0 || !row[i].ok))
			err = text_add(b, ", last success %s", ok);
		if (err == 0 && row[i].error[0] != '\0')
			err = text_add(b, ", last error %s: %s", bad,
				row[i].error);
		if (err == 0)
			err = text_add(b, "\n");
	}
	return err;
}

static int text_hashing(struct buf *b, const struct status_hashing *h)
{
	char bytes[32], done[32];
	if (h->files == 0)
		return 0;
	cli_bytes(h->bytes, bytes);
	cli_bytes(h->done, done);
	return text_add(b, "hashing    %" PRIu64 " large, %s of %s\n",
		h->files, done, bytes);
}

static int text_idle(struct buf *b, const struct status *s)
{
	char age[STATUS_AGE];
	if (s->idle_files == 0)
		return 0;
	status_age(s->idle_s, age);
	int err = text_add(b, "idle       %" PRIu64 " temp for longer than "
		"temp_max, the oldest for %s", s->idle_files, age);
	const char *path = s->idle_oldest;
	if (err == 0 && path != NULL)
		err = text_add(b, ": ");
	if (err == 0 && path != NULL)
		err = text_add_path(b, BYTES(path, strlen(path)));
	return err != 0 ? err : text_add(b, "\n");
}

static int text_head(struct buf *b, const struct status *s)
{
	char anchor[HASH_HEX + 1], bytes[32];
	const struct status_files *f = &s->files;
	hex_encode(HASH_BYTES(&s->anchor), anchor);
	cli_bytes(s->backlog_bytes, bytes);
	bool known = s->isolation[0] != '\0';
	int err = text_add(b, "trust      %s%s%s%s\nanchor     %s\n"
		"vault      %s\nretention  %s\n", s->trust,
		known ? " (" : "", s->isolation, known ? ")" : "", anchor,
		s->vault, s->retention);
	if (err == 0)
		err = s->mount == NULL ? text_add(b, "mount      not mounted\n")
			: text_add(b, "mount      %s, process %" PRIu64 "\n",
				s->mount, s->pid);
	if (err == 0 && s->mount != NULL)
		err = text_add(b, "unsealed   %" PRIu64 " open, %" PRIu64
			" settling, %" PRIu64 " frozen, %" PRIu64 " temp, %"
			PRIu64 " scratch\n", f->open, f->settling, f->frozen,
			f->temp, f->scratch);
	if (err == 0)
		err = text_idle(b, s);
	if (err == 0)
		err = text_hashing(b, &s->hashing);
	if (err == 0)
		err = text_add(b, "sealed     %" PRIu64 " on their way (%s",
			f->sealed, bytes);
	if (err == 0 && s->oldest_s != 0)
		err = text_add(b, ", the oldest for %" PRIu64 " s", s->oldest_s);
	return err != 0 ? err : text_add(b, ")\nnotarized  %" PRIu64
		" files in %" PRIu64 " blocks, height %" PRIu64 "\n",
		f->notarized, s->blocks, s->height);
}

int status_text(const struct status *s, uint64_t now_ms, struct buf *ret)
{
	cleanup(buf) struct buf b = {0};
	struct glance g;
	int err = text_head(&b, s);
	glance(s, &g);
	if (err == 0)
		err = text_add(&b, "now        %s: %s\n", glance_word(g.how),
			g.text);
	if (err == 0 && g.advice[0] != '\0')
		err = text_add(&b, "to do      %s\n", g.advice);
	if (err == 0)
		err = text_rows(&b, "service", s->service, s->n_services,
			now_ms);
	if (err == 0)
		err = text_rows(&b, "bucket", s->bucket, s->n_buckets, now_ms);
	if (err != 0)
		return err;
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

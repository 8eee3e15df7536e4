#include "fs/verifybatch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/report.h"
#include "fs/offline.h"

/* What is known of a file's content before its certificate is read. */
struct found {
	int rc;			/* of opening or reading it */
	int fd;			/* of one not hashed yet, or -1 */
	struct bytes data;	/* of a small one, in the arena */
	struct content content;
};

struct run {
	struct verifybatch *b;
	struct verifyplace *p;
	uint8_t *arena;
	struct found found[BATCH_FILES];
};

void verifytree_count(
	struct verifytree_counts *sum, const struct verifytree_counts *more)
{
	sum->valid += more->valid;
	sum->refused += more->refused;
	sum->incomplete += more->incomplete;
	sum->renamed += more->renamed;
	if (more->valid > 0)
		sum->trust = more->trust;
	if (more->latest_ms > sum->latest_ms)
		sum->latest_ms = more->latest_ms;
}

int verifybatch_add(struct verifybatch *b, struct bytes path, const char *why)
{
	uint32_t at = (uint32_t)b->paths.n;
	int rc = buf_add(&b->paths, path.p, path.n);

	if (rc == 0)
		rc = buf_add(&b->paths, "", 1);
	if (rc != 0)
		return rc;
	b->file[b->n].path = at;
	b->file[b->n++].why = why;
	return 0;
}

bool verifybatch_full(const struct verifybatch *b)
{
	return b->n == BATCH_FILES || b->paths.n >= BATCH_PATHS;
}

void verifybatch_clear(struct verifybatch *b)
{
	b->n = b->paths.n = b->said.out.n = 0;
	b->counts = (struct verifytree_counts){0};
}

void verifybatch_done(struct verifybatch *b)
{
	buf_free(&b->paths);
	buf_free(&b->said.out);
}

static const char *path_of(const struct run *r, size_t i)
{
	return (const char *)r->b->paths.p + r->b->file[i].path;
}

/* -- what is said */

int verifybatch_json(const char *path, const char *verdict, const char *why,
	const struct report *report, struct buf *ret)
{
	bool known = report != NULL && report_known(report);
	char after[REPORT_TIME], by[REPORT_TIME];
	struct json j = {0};

	json_object(&j, NULL);
	json_text_n(&j, "path", BYTES(path, strlen(path)));
	json_text(&j, "verdict", verdict);
	json_text(&j, "reason", why);
	if (known) {
		report_time(report->after_ms, after);
		report_time(report->by_ms, by);
		json_text_n(&j, "recorded_path", report->record.path);
	} else {
		json_text(&j, "recorded_path", NULL);
	}
	json_text(&j, "recorded_after", known ? after : NULL);
	json_text(&j, "existed_by", known ? by : NULL);
	json_uint_or_null(&j, "height", known, known ? report->height : 0);
	json_uint_or_null(&j, "index", known, known ? report->cert.index : 0);
	json_uint_or_null(&j, "size", known, known ? report->record.size : 0);
	json_close_object(&j);
	return json_end(&j, ret);
}

static void say_json(struct run *r, const char *path, const char *verdict,
	const char *why, const struct report *report)
{
	cleanup(buf) struct buf line = {0};

	if (verifybatch_json(path, verdict, why, report, &line) != 0)
		r->b->said.err = -ENOMEM;
	text_put(&r->b->said, BUF_BYTES(&line));
	text_say(&r->b->said, "\n");
}

static void say_line(struct run *r, const char *path, const char *what,
	const char *verdict, const char *why)
{
	text_say(&r->b->said, "%s: ", what);
	text_name(&r->b->said, BYTES(path, strlen(path)));
	text_say(&r->b->said, ": %s: %s\n", verdict, why);
}

static void incomplete(struct run *r, const char *path, const char *why)
{
	r->b->counts.incomplete++;
	if (r->p->json)
		say_json(r, path, "unread", why, NULL);
	else
		say_line(r, path, "incomplete", "unread", why);
}

/* DIR may be any folder of the recorded tree. */
static bool same_name(const char *path, struct bytes recorded)
{
	struct bytes own = BYTES(path, strlen(path)), tail;

	if (recorded.n <= own.n)
		return bytes_equal(recorded, own);
	tail = BYTES(recorded.p + (recorded.n - own.n), own.n);
	return bytes_equal(tail, own) && tail.p[-1] == '/';
}

static void judged(struct run *r, const char *path, const struct report *report)
{
	static const char renamed[] =
		"its certificate records it under another name";
	enum verdict v = report->verdict;
	int exit = verdict_exit(v);
	bool other = exit == 0 && !same_name(path, report->record.path);
	struct verifytree_counts *n = &r->b->counts;

	n->valid += exit == 0;
	n->refused += exit == 1;
	n->incomplete += exit == 2;
	n->renamed += other;
	if (exit == 0) {
		n->trust = params_vouched(&report->params);
		if (report->by_ms > n->latest_ms)
			n->latest_ms = report->by_ms;
	}
	if (r->p->json)
		say_json(r, path, verdict_name(v),
			other ? renamed : verdict_text(v), report);
	else if (other)
		say_line(r, path, "note", "valid", renamed);
	else if (exit != 0 && v != V_NO_ANCHOR) /* said once, at the end */
		say_line(r, path, exit == 1 ? "refused" : "incomplete",
			verdict_name(v), verdict_text(v));
}

/* -- contents */

/* A small file into the arena at `used`, a large one stays open. */
static void find(struct run *r, size_t i, size_t *used)
{
	struct found *f = &r->found[i];
	uint8_t *at = r->arena + *used;
	ssize_t n;

	*f = (struct found){.fd = -1};
	if (r->b->file[i].why != NULL)
		return;
	f->fd = offline_below(r->p->dir, path_of(r, i), O_NONBLOCK | O_NOCTTY);
	f->rc = f->fd < 0 ? f->fd : offline_regular(f->fd, &f->content.size);
	if (f->rc != 0 || f->content.size > BATCH_SMALL)
		return;
	n = offline_all(f->fd, at, (size_t)f->content.size);
	close(f->fd);
	f->fd = -1;
	if (n < 0) {
		f->rc = (int)n;
		return;
	}
	f->data = BYTES(at, (size_t)n);
	f->content.size = (uint64_t)n;
	*used += ((size_t)n + 1 + 63) / 64 * 64;
}

/* The small ones among n, over all lanes. */
static void hash_small(struct found *f, size_t n)
{
	struct bytes data[BATCH_FILES];
	struct hash root[BATCH_FILES];
	size_t i, some = 0;

	for (i = 0; i < n; i++)
		if (f[i].data.p != NULL)
			data[some++] = f[i].data;
	chunktree_roots(data, some, root);
	for (i = some = 0; i < n; i++)
		if (f[i].data.p != NULL) {
			f[i].content.root = root[some++];
			f[i].content.sha256 = hash_sha256(f[i].data);
		}
}

/* -- certificates */

static int certificate_below(int dir, const char *path, struct buf *ret)
{
	const char *slash = strrchr(path, '/');
	size_t folder = slash != NULL ? (size_t)(slash + 1 - path) : 0;
	struct bytes name = BYTES(path + folder, strlen(path + folder));
	char full[PATH_MAX + CERTIFICATE_NAME_MAX + 1];

	if (name.n > CERTIFICATE_NAME_MAX || folder > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(full, path, folder);
	certificate_name(name, full + folder);
	return offline_certificate(dir, full, ret);
}

static bool is_missing(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR || rc == -EISDIR ||
		rc == -ENAMETOOLONG;
}

/* What is beside the file, unless it is none and there is another. */
static int certificate_of(const struct run *r, const char *path, struct buf *ret)
{
	cleanup(buf) struct buf beside = {0};
	int rc = r->p->certs_only ? -ENOENT
				  : certificate_below(r->p->dir, path, &beside);
	int other = -ENOENT;

	if (r->p->certs >= 0 &&
		(rc != 0 || !offline_is_certificate(BUF_BYTES(&beside))))
		other = certificate_below(r->p->certs, path, ret);
	if (other == 0 || is_missing(rc))
		return other == -ENOENT ? rc : other;
	if (rc == 0) {
		*ret = beside;
		beside = (struct buf){0}; /* the caller has it */
	}
	return rc;
}

/* A large file is read only when its bytes can matter; the digests that
 * renewals name are known only now. */
static int content_of(struct run *r, struct found *f, const struct report *report)
{
	if (!report->content_counts || report->cert.range.to > 0 ||
		f->content.size != report->record.size)
		return 0;
	offline_want(report, &f->content);
	if (f->fd < 0)
		return offline_digests(f->data, &f->content);
	return offline_content(f->fd, &r->p->bytes, &f->content);
}

static void check(struct run *r, size_t i)
{
	const char *path = path_of(r, i);
	struct found *f = &r->found[i];
	cleanup(buf) struct buf cert = {0};
	struct report report = {.verdict = V_MALFORMED};
	int rc;

	if (r->b->file[i].why != NULL) {
		incomplete(r, path, r->b->file[i].why);
		return;
	}
	rc = certificate_of(r, path, &cert);
	if (rc == -EFBIG) {
		judged(r, path, &report);
		return;
	}
	if (rc != 0) {
		incomplete(r, path,
			is_missing(rc)
				? "it has no certificate"
				: "its certificate cannot be read");
		return;
	}
	rc = f->rc;
	if (rc == 0)
		rc = verify_begin(r->p->cache, BUF_BYTES(&cert), r->p->anchor,
			&report);
	if (rc == 0)
		rc = content_of(r, f, &report);
	if (rc != 0) {
		incomplete(r, path, strerrordesc_np(-rc));
		return;
	}
	verify_end(&report, &f->content);
	demands_meet(r->p->demands, &report);
	judged(r, path, &report);
}

int verifybatch_run(struct verifybatch *b, struct verifyplace *p, uint8_t *arena)
{
	struct run r = {.b = b, .p = p, .arena = arena};
	size_t i, j, used;

	for (i = 0; i < b->n; i = j) {
		for (j = i, used = 0;
			j < b->n && BATCH_ARENA - used > BATCH_SMALL + 64; j++)
			find(&r, j, &used);
		hash_small(r.found + i, j - i);
		p->bytes += used;
		for (; i < j; i++) {
			check(&r, i);
			if (r.found[i].fd >= 0)
				close(r.found[i].fd);
			p->files++;
			if (b->said.out.n > BATCH_OUT)
				p->spill(p->spill_ctx, b);
		}
	}
	return b->said.err;
}

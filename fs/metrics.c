#include "fs/metrics.h"

#include <inttypes.h>

#include "fs/status.h"
#include "fs/text.h"

/* What is being written; the first error stays. */
struct writer {
	struct buf *b;
	const char *vault;
	int err;
};

/* A label's value: \, " and newline are escaped. */
static void label(struct writer *w, const char *name, const char *value)
{
	if (w->err == 0)
		w->err = text_add(w->b, "%s=\"", name);
	for (; *value != '\0' && w->err == 0; value++)
		w->err = *value == '\n' ? buf_add(w->b, "\\n", 2)
			: text_add(w->b, "%s%c", *value == '"' ||
				*value == '\\' ? "\\" : "", *value);
	if (w->err == 0)
		w->err = buf_add(w->b, "\"", 1);
}

static void head(struct writer *w, const char *name, const char *type,
	const char *help)
{
	if (w->err == 0)
		w->err = text_add(w->b, "# HELP notaryfs_%s %s\n"
			"# TYPE notaryfs_%s %s\n", name, help, name, type);
}

/* One sample; key NULL: no label but vault. */
static void sample(struct writer *w, const char *name, const char *key,
	const char *value)
{
	if (w->err == 0)
		w->err = text_add(w->b, "notaryfs_%s{", name);
	label(w, "vault", w->vault);
	if (key != NULL && w->err == 0)
		w->err = buf_add(w->b, ",", 1);
	if (key != NULL)
		label(w, key, value);
	if (w->err == 0)
		w->err = text_add(w->b, "} ");
}

static void number(struct writer *w, uint64_t v)
{
	if (w->err == 0)
		w->err = text_add(w->b, "%" PRIu64 "\n", v);
}

static void seconds(struct writer *w, uint64_t ms)
{
	if (w->err == 0)
		w->err = text_add(w->b, "%" PRIu64 ".%03u\n", ms / 1000,
			(unsigned)(ms % 1000));
}

static void one(struct writer *w, const char *name, const char *type,
	uint64_t v, const char *help)
{
	head(w, name, type, help);
	sample(w, name, NULL, NULL);
	number(w, v);
}

static void files(struct writer *w, const struct status_files *f)
{
	const struct {
		const char *state;
		uint64_t n;
	} all[] = {
		{"open", f->open}, {"settling", f->settling},
		{"frozen", f->frozen}, {"sealed", f->sealed},
		{"notarized", f->notarized}, {"temp", f->temp},
		{"scratch", f->scratch},
	};
	head(w, "files", "gauge", "Files by state.");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		sample(w, "files", "state", all[i].state);
		number(w, all[i].n);
	}
}

/* Services or buckets: kind is the label and the middle of the names. */
static void rows(struct writer *w, const char *kind, const char *const name[3],
	const struct status_row *row, size_t n)
{
	if (n == 0)
		return;
	head(w, name[0], "gauge", "1 unless it failed when last used.");
	for (size_t i = 0; i < n; i++) {
		sample(w, name[0], kind, row[i].name);
		number(w, row[i].ok);
	}
	head(w, name[1], "gauge", "When it last worked; 0: not yet.");
	for (size_t i = 0; i < n; i++) {
		sample(w, name[1], kind, row[i].name);
		seconds(w, row[i].last_ok_ms);
	}
	head(w, name[2], "gauge", "When it last failed; 0: never.");
	for (size_t i = 0; i < n; i++) {
		sample(w, name[2], kind, row[i].name);
		seconds(w, row[i].last_error_ms);
	}
}

int metrics_text(const struct status *s, struct buf *ret)
{
	static const char *const service[] = {"service_ok",
		"service_last_success_timestamp_seconds",
		"service_last_error_timestamp_seconds"};
	static const char *const bucket[] = {"bucket_ok",
		"bucket_last_success_timestamp_seconds",
		"bucket_last_error_timestamp_seconds"};
	struct writer w = {.b = ret, .vault = s->vault};
	head(&w, "build_info", "gauge", "1; the version is a label.");
	sample(&w, "build_info", "version", NOTARYFS_VERSION);
	number(&w, 1);
	one(&w, "mounted", "gauge", s->mount != NULL,
		"1 while the vault is mounted.");
	files(&w, &s->files);
	one(&w, "chain_height", "gauge", s->height,
		"Number of the newest final block.");
	one(&w, "blocks_total", "counter", s->blocks, "Final blocks.");
	one(&w, "backlog_files", "gauge", s->backlog_files,
		"Files that are sealed and not yet final.");
	one(&w, "backlog_bytes", "gauge", s->backlog_bytes,
		"Bytes that are sealed and not yet final.");
	one(&w, "backlog_oldest_seconds", "gauge", s->oldest_s,
		"For how long the oldest of them has waited.");
	one(&w, "idle_files", "gauge", s->idle_files,
		"Temporary names left alone for longer than temp_max.");
	one(&w, "idle_oldest_seconds", "gauge", s->idle_s,
		"For how long the first of them was.");
	rows(&w, "service", service, s->service, s->n_services);
	rows(&w, "bucket", bucket, s->bucket, s->n_buckets);
	return w.err;
}

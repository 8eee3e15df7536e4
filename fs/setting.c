#include "fs/setting.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/retention.h"
#include "fs/config_value.h"
#include "fs/nearest.h"
#include "fs/presets.h"
#include "fs/timeservice.h"

#define BLANKS " \t"

void reading_complain(struct reading *r, const char *fmt, ...)
{
	char text[512], where[64] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);

	if (r->file != NULL && r->line > 0)
		snprintf(where, sizeof where, ":%u: ", r->line);
	else if (r->file != NULL)
		strcpy(where, ": ");
	const char *parts[] = {r->file != NULL ? r->file : "", where, text};
	if (r->why.n > 0 && buf_add(&r->why, "\n", 1) != 0)
		r->failed = true;
	for (size_t i = 0; i < 3; i++)
		if (buf_add(&r->why, parts[i], strlen(parts[i])) != 0)
			r->failed = true;
}

/* -- each takes its text or complains */

static void set_duration(struct reading *r, const char *name, const char *text,
	uint64_t min, const char *allowed, uint64_t *ret)
{
	uint64_t ms;
	if (config_duration(text, &ms) != 0 || ms < min)
		reading_complain(r,
			"%s = %s: must be a time like %s", name, text,
			allowed);
	else
		*ret = ms;
}

static void set_settle(struct reading *r, const char *text)
{
	set_duration(r, "settle", text, 500, "10s or 2m, at least 0.5s",
		&r->c->settle_ms);
}

static void set_settle_max(struct reading *r, const char *text)
{
	set_duration(r, "settle_max", text, 500, "1h, at least 0.5s",
		&r->c->settle_max_ms);
}

static void set_empty_settle(struct reading *r, const char *text)
{
	set_duration(r, "empty_settle", text, 500, "24h, at least 0.5s",
		&r->c->empty_settle_ms);
}

static void set_temp_max(struct reading *r, const char *text)
{
	uint64_t ms = 0;
	if (strcmp(text, "never") != 0 &&
	    (config_duration(text, &ms) != 0 || ms == 0))
		reading_complain(r,
			"temp_max = %s: must be a time like 7d or 12h, or "
			"never", text);
	else
		r->c->temp_max_ms = ms;
}

static void set_block_interval(struct reading *r, const char *text)
{
	uint64_t ms = 0;
	if (config_duration(text, &ms) != 0 || ms > 3600 * 1000)
		reading_complain(r,
			"block_interval = %s: must be a time like 10ms, "
			"at most 1h", text);
	else
		r->c->block_interval_ms = ms;
}

static void set_span(struct reading *r, const char *name, const char *text,
	uint64_t *ret)
{
	uint64_t s = 0;
	if (strcmp(text, "none") != 0 && retention_span(text, &s) != 0)
		reading_complain(r,
			"%s = %s: must be a time like 7y, 90d or 12h, or "
			"none", name, text);
	else
		*ret = s;
}

static void set_retain_default(struct reading *r, const char *text)
{
	set_span(r, "retain_default", text, &r->c->retain_default_s);
}

static void set_retain_min(struct reading *r, const char *text)
{
	set_span(r, "retain_min", text, &r->c->retain_min_s);
}

static void set_retain_max(struct reading *r, const char *text)
{
	set_span(r, "retain_max", text, &r->c->retain_max_s);
}

static bool only_in_file(struct reading *r, const char *name)
{
	if (r->file == NULL)
		reading_complain(r, "%s can only be set in the file", name);
	return r->file != NULL;
}

static void set_bucket(struct reading *r, const char *text)
{
	if (!only_in_file(r, "bucket"))
		return;
	if (r->c->n_buckets == CONFIG_BUCKETS_MAX) {
		reading_complain(r,
			"bucket = %s: there are %d already, the most "
			"allowed", text, CONFIG_BUCKETS_MAX);
		return;
	}
	char *path;
	int n = text[0] == '/' ? asprintf(&path, "%s", text)
			       : asprintf(&path, "%s/%s", r->base, text);
	if (n < 0) {
		r->failed = true;
		return;
	}
	for (size_t i = 0; i < r->c->n_buckets; i++)
		if (strcmp(r->c->bucket[i], path) == 0)
			reading_complain(r,
				"bucket = %s: named twice; each share "
				"needs a folder of its own", text);
	r->c->bucket[r->c->n_buckets++] = path;
}

static void set_tsa(struct reading *r, const char *text)
{
	if (!only_in_file(r, "tsa"))
		return;
	if (r->c->n_tsa == PARAMS_AUTHORITIES_MAX) {
		reading_complain(r, "tsa = %s: there are %d already, the most "
			"allowed", text, PARAMS_AUTHORITIES_MAX);
		return;
	}
	if (strcmp(text, TIMESERVICE_LOCAL) != 0 && !config_url(text)) {
		reading_complain(r, "tsa = %s: must be a URL, http://... or "
			"https://..., or local", text);
		return;
	}
	char *url = strdup(text);
	if (url == NULL)
		r->failed = true;
	else
		r->c->tsa[r->c->n_tsa++] = url;
}

static void set_immutable(struct reading *r, const char *text)
{
	if (strcmp(text, "auto") == 0)
		r->c->immutable = true;
	else if (strcmp(text, "off") == 0)
		r->c->immutable = false;
	else
		reading_complain(r,
			"immutable = %s: must be auto or off", text);
}

static void set_backlog_files(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (config_size(text, &v) != 0 || v == 0)
		reading_complain(r,
			"backlog_files = %s: must be a number like 100000",
			text);
	else
		r->c->backlog_files = v;
}

static void set_backlog_bytes(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (config_size(text, &v) != 0 || v < UINT64_C(1) << 20)
		reading_complain(r,
			"backlog_bytes = %s: must be a size like 64G, at "
			"least 1M", text);
	else
		r->c->backlog_bytes = v;
}

static void set_quota(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (strcmp(text, "none") != 0 && (config_size(text, &v) != 0 ||
		v < UINT64_C(1) << 20 || v > INT64_MAX))
		reading_complain(r,
			"quota = %s: must be a size like 500G, at least "
			"1M, or none", text);
	else
		r->c->quota = v;
}

/* A copy, or NULL. */
static char *keep(struct reading *r, const char *text, size_t n)
{
	char *copy = strndup(text, n);
	r->failed = r->failed || copy == NULL;
	return copy;
}

/* A dot first, lest "x" make a certificate of every "ax". */
static void set_cert_suffix(struct reading *r, const char *text)
{
	size_t n = strlen(text);
	if (text[0] != '.' || n < 2 || n > CONFIG_SUFFIX_MAX ||
	    strchr(text, '/') != NULL || strcmp(text, "..") == 0) {
		reading_complain(r,
			"cert_suffix = %s: must be a dot and what follows, "
			"like .cert, at most %d bytes", text,
			CONFIG_SUFFIX_MAX);
		return;
	}
	free(r->c->cert_suffix);
	r->c->cert_suffix = keep(r, text, n);
}

static void set_list_certs(struct reading *r, const char *text)
{
	static const char *const words[] = {[LIST_CERTS_NO] = "no",
		[LIST_CERTS_ROOT] = "root", [LIST_CERTS_YES] = "yes"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(text, words[i]) == 0) {
			r->c->list_certs = (enum list_certs)i;
			return;
		}
	reading_complain(r, "list_certs = %s: must be no, root or yes", text);
}

/* glob: of the folder that it is bound to; NULL: the whole mount's. */
static bool preset_ok(struct reading *r, const char *glob, const char *name)
{
	cleanup(free) char *why = NULL;
	const struct rules *rules;
	if (presets_use(r->c->presets, name, &rules, &why) == 0)
		return true;
	reading_complain(r, "%s%s%s%s: %s", glob != NULL ? "bind = /" :
		"preset = ", glob != NULL ? glob : "", glob != NULL ? " " : "",
		name, why != NULL ? why : "out of memory");
	return false;
}

/* In a file, whether there is such a preset is seen when all is read. */
static void set_preset(struct reading *r, const char *text)
{
	if (r->file == NULL && !preset_ok(r, NULL, text))
		return;
	r->preset_line = r->line;
	free(r->c->preset);
	r->c->preset = keep(r, text, strlen(text));
}

static void set_bind(struct reading *r, const char *text)
{
	if (!only_in_file(r, "bind"))
		return;
	struct config_bind *b = &r->c->bind[r->c->n_binds];
	size_t name = strlen(text);
	while (name > 0 && !isblank((unsigned char)text[name - 1]))
		name--;
	size_t n = name;
	while (n > 0 && isblank((unsigned char)text[n - 1]))
		n--;
	size_t start = n > 0 && text[0] == '/', end = n;
	while (end > start && text[end - 1] == '/')
		end--;
	if (start == end) {
		reading_complain(r,
			"bind = %s: must be of the form bind = FOLDER "
			"PRESET, FOLDER seen from the mount, like /backup/*; "
			"preset = is for the whole mount", text);
		return;
	}
	if (r->c->n_binds == CONFIG_BINDS_MAX) {
		reading_complain(r, "bind = %s: there are %d already, the most "
			"allowed", text, CONFIG_BINDS_MAX);
		return;
	}
	*b = (struct config_bind){keep(r, text + start, end - start),
		keep(r, text + name, strlen(text + name)), r->line};
	r->c->n_binds++;
}

static void set_rule(struct reading *r, const char *text)
{
	cleanup(free) char *copy = strdup(text);
	cleanup(free) char *why = NULL;
	char *at = NULL;
	if (!only_in_file(r, "rule"))
		return;
	if (r->c->presets == NULL)
		r->c->presets = presets_new();
	if (copy == NULL || r->c->presets == NULL) {
		r->failed = true;
		return;
	}
	const char *name = strtok_r(copy, BLANKS, &at);
	const char *class = strtok_r(NULL, BLANKS, &at);
	if (at != NULL)
		at += strspn(at, BLANKS);
	if (name == NULL || class == NULL || at == NULL || *at == '\0')
		reading_complain(r,
			"rule = %s: must be of the form rule = PRESET "
			"CLASS GLOB, or rule = PRESET include OTHER", text);
	else if (presets_add(r->c->presets, name, class, at, &why) != 0)
		reading_complain(r, "rule = %s: %s", text,
			why != NULL ? why : "out of memory");
}

void setting_presets(struct reading *r)
{
	if (r->failed)
		return; /* some could not be kept */
	for (size_t i = 0; i < r->c->n_binds; i++) {
		r->line = r->c->bind[i].line;
		preset_ok(r, r->c->bind[i].glob, r->c->bind[i].preset);
	}
	r->line = r->preset_line;
	if (r->c->preset != NULL)
		preset_ok(r, NULL, r->c->preset);
	r->line = 0;
}

/* A collector reads what is called *.prom in its folder. */
static void set_metrics_file(struct reading *r, const char *text)
{
	size_t n = strlen(text);
	if (text[0] != '/' || n < 7 || strcmp(text + n - 5, ".prom") != 0) {
		reading_complain(r,
			"metrics_file = %s: must be an absolute path that "
			"ends in .prom", text);
		return;
	}
	free(r->c->metrics_file);
	r->c->metrics_file = keep(r, text, n);
}

const struct setting settings[SETTINGS] = {
	{"settle", set_settle, false},
	[SETTING_SETTLE_MAX] = {"settle_max", set_settle_max, false},
	{"empty_settle", set_empty_settle, false},
	{"temp_max", set_temp_max, false},
	{"bucket", set_bucket, true},
	{"tsa", set_tsa, true},
	{"immutable", set_immutable, false},
	{"backlog_files", set_backlog_files, false},
	{"backlog_bytes", set_backlog_bytes, false},
	{"quota", set_quota, false},
	{"cert_suffix", set_cert_suffix, false},
	{"list_certs", set_list_certs, false},
	{"preset", set_preset, false},
	{"bind", set_bind, true},
	{"rule", set_rule, true},
	{"block_interval", set_block_interval, false},
	{"retain_default", set_retain_default, false},
	{"retain_min", set_retain_min, false},
	{"retain_max", set_retain_max, false},
	{"metrics_file", set_metrics_file, false},
};

bool setting_known(const char *name, size_t n)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strlen(settings[i].name) == n &&
		    memcmp(settings[i].name, name, n) == 0)
			return true;
	return false;
}

const char *setting_nearest(const char *name, unsigned *best)
{
	const char *meant = NULL;
	for (size_t i = 0; i < SETTINGS; i++)
		if (nearest_is(name, settings[i].name, best))
			meant = settings[i].name;
	return meant;
}

const struct setting *setting_find(struct reading *r, const char *name)
{
	char all[512] = "";
	unsigned best = NEAREST_NONE;
	const char *meant = setting_nearest(name, &best);
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
			i == 0 ? "" : ", ", settings[i].name);
	}
	if (meant != NULL)
		reading_complain(r,
			"%s: no such setting; did you mean %s?", name,
			meant);
	else
		reading_complain(r,
			"%s: no such setting; there are %s", name, all);
	return NULL;
}

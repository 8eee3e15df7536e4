#include "fs/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/nearest.h"
#include "fs/timeservice.h"
#include "fs/rules.h"
#include "core/retention.h"

#define FILE_MAX ((size_t)64 << 10)	/* bytes; a long one has 4 KiB */
#define DURATION_MAX (UINT64_C(36500) * 86400 * 1000) /* a century */

/* What is being read, and every complaint so far. */
struct reading {
	struct config *c;
	const char *base;
	const char *file;	/* NULL: a command line's option */
	unsigned line;		/* 0: the file as a whole */
	struct buf why;
	bool failed;		/* no memory for a complaint or a value */
};

__attribute__((format(printf, 2, 3)))
static void complain(struct reading *r, const char *fmt, ...)
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

/* The digits at *p, with an optional fraction of up to three digits, in
 * thousandths. */
static int thousandths(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (v > UINT64_MAX / 100000)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	v *= 1000;
	if (*s == '.') {
		uint64_t unit = 100;
		if (!isdigit((unsigned char)*++s))
			return -EINVAL;
		for (; isdigit((unsigned char)*s); s++, unit /= 10)
			v += (uint64_t)(*s - '0') * unit;
	}
	*p = s;
	*ret = v;
	return 0;
}

int config_duration(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60 * 1000},
		{"h", 3600 * 1000}, {"d", 86400 * 1000},
	};
	uint64_t v;
	if (thousandths(&text, &v) != 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		if (v / 1000 > DURATION_MAX / units[i].ms)
			return -EINVAL;
		*ret_ms = v * units[i].ms / 1000;
		return 0;
	}
	return -EINVAL;
}

int config_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t v;
	if (thousandths(&text, &v) != 0 || v % 1000 != 0)
		return -EINVAL;
	v /= 1000;
	if (*text != '\0') {
		const char *u = strchr(units, *text);
		if (u == NULL || text[1] != '\0')
			return -EINVAL;
		unsigned shift = 10 * (unsigned)(u - units + 1);
		if (v > UINT64_MAX >> shift)
			return -EINVAL;
		v <<= shift;
	}
	*ret = v;
	return 0;
}

/* -- settings: each takes its text or complains */

static void set_duration(struct reading *r, const char *name, const char *text,
	uint64_t min, const char *allowed, uint64_t *ret)
{
	uint64_t ms;
	if (config_duration(text, &ms) != 0 || ms < min)
		complain(r, "%s = %s: must be a time like %s", name, text,
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

static void set_block_interval(struct reading *r, const char *text)
{
	uint64_t ms = 0;
	if (config_duration(text, &ms) != 0 || ms > 3600 * 1000)
		complain(r, "block_interval = %s: must be a time like 10ms, "
			"at most 1h", text);
	else
		r->c->block_interval_ms = ms;
}

static void set_span(struct reading *r, const char *name, const char *text,
	uint64_t *ret)
{
	uint64_t s = 0;
	if (strcmp(text, "none") != 0 && retention_span(text, &s) != 0)
		complain(r, "%s = %s: must be a time like 7y, 90d or 12h, or "
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
		complain(r, "%s can only be set in the file", name);
	return r->file != NULL;
}

static void set_bucket(struct reading *r, const char *text)
{
	if (!only_in_file(r, "bucket"))
		return;
	if (r->c->n_buckets == CONFIG_BUCKETS_MAX) {
		complain(r, "bucket = %s: there are %d already, the most "
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
			complain(r, "bucket = %s: named twice; each share "
				"needs a folder of its own", text);
	r->c->bucket[r->c->n_buckets++] = path;
}

bool config_url(const char *text)
{
	const char *host = strncmp(text, "http://", 7) == 0 ? text + 7
		: strncmp(text, "https://", 8) == 0 ? text + 8 : "";
	size_t n = 0;
	while (text[n] > ' ' && text[n] <= '~')
		n++;
	return text[n] == '\0' && n <= CONFIG_URL_MAX && *host != '\0' &&
		*host != '/';
}

static void set_tsa(struct reading *r, const char *text)
{
	if (!only_in_file(r, "tsa"))
		return;
	if (r->c->n_tsa == PARAMS_AUTHORITIES_MAX) {
		complain(r, "tsa = %s: there are %d already, the most "
			"allowed", text, PARAMS_AUTHORITIES_MAX);
		return;
	}
	if (strcmp(text, TIMESERVICE_LOCAL) != 0 && !config_url(text)) {
		complain(r, "tsa = %s: must be a URL, http://... or "
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
		complain(r, "immutable = %s: must be auto or off", text);
}

static void set_backlog_files(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (config_size(text, &v) != 0 || v == 0)
		complain(r, "backlog_files = %s: must be a number like 100000",
			text);
	else
		r->c->backlog_files = v;
}

static void set_backlog_bytes(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (config_size(text, &v) != 0 || v < UINT64_C(1) << 20)
		complain(r, "backlog_bytes = %s: must be a size like 64G, at "
			"least 1M", text);
	else
		r->c->backlog_bytes = v;
}

static void set_quota(struct reading *r, const char *text)
{
	uint64_t v = 0;
	if (strcmp(text, "none") != 0 && (config_size(text, &v) != 0 ||
		v < UINT64_C(1) << 20 || v > INT64_MAX))
		complain(r, "quota = %s: must be a size like 500G, at least "
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
		complain(r, "cert_suffix = %s: must be a dot and what follows, "
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
	complain(r, "list_certs = %s: must be no, root or yes", text);
}

static bool preset_ok(struct reading *r, const char *setting, const char *name)
{
	cleanup(free) char *why = NULL;
	const struct rules *rules;
	if (presets_use(r->c->presets, name, &rules, &why) == 0)
		return true;
	complain(r, "%s = %s: %s", setting, name,
		why != NULL ? why : "out of memory");
	return false;
}

/* In a file, whether there is such a preset is seen when all is read. */
static void set_preset(struct reading *r, const char *text)
{
	if (r->file == NULL && !preset_ok(r, "preset", text))
		return;
	free(r->c->preset);
	r->c->preset = keep(r, text, strlen(text));
}

static void set_bind(struct reading *r, const char *text)
{
	if (!only_in_file(r, "bind"))
		return;
	const char *last = strrchr(text, ' ');
	struct config_bind *b = &r->c->bind[r->c->n_binds];
	size_t n = last == NULL ? 0 : (size_t)(last - text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	size_t start = n > 0 && text[0] == '/', end = n;
	while (end > start && text[end - 1] == '/')
		end--;
	if (start == end) {
		complain(r, "bind = %s: must be of the form bind = FOLDER "
			"PRESET, FOLDER seen from the mount, like /backup/*",
			text);
		return;
	}
	if (r->c->n_binds == CONFIG_BINDS_MAX) {
		complain(r, "bind = %s: there are %d already, the most "
			"allowed", text, CONFIG_BINDS_MAX);
		return;
	}
	*b = (struct config_bind){keep(r, text + start, end - start),
		keep(r, last + 1, strlen(last + 1))};
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
	const char *name = strtok_r(copy, " ", &at);
	const char *class = strtok_r(NULL, " ", &at);
	while (at != NULL && *at == ' ')
		at++;
	if (name == NULL || class == NULL || at == NULL || *at == '\0')
		complain(r, "rule = %s: must be of the form rule = PRESET "
			"CLASS GLOB, or rule = PRESET include OTHER", text);
	else if (presets_add(r->c->presets, name, class, at, &why) != 0)
		complain(r, "rule = %s: %s", text,
			why != NULL ? why : "out of memory");
}

static void check_presets(struct reading *r)
{
	for (size_t i = 0; i < r->c->n_binds; i++)
		preset_ok(r, "bind", r->c->bind[i].preset);
	if (r->c->preset != NULL)
		preset_ok(r, "preset", r->c->preset);
}

/* A collector reads what is called *.prom in its folder. */
static void set_metrics_file(struct reading *r, const char *text)
{
	size_t n = strlen(text);
	if (text[0] != '/' || n < 7 || strcmp(text + n - 5, ".prom") != 0) {
		complain(r, "metrics_file = %s: must be an absolute path that "
			"ends in .prom", text);
		return;
	}
	free(r->c->metrics_file);
	r->c->metrics_file = keep(r, text, n);
}

#define SETTLE_MAX 1		/* index of settle_max */
static const struct setting {
	const char *name;
	void (*set)(struct reading *r, const char *text);
	bool many;		/* may stand on several lines */
} settings[] = {
	{"settle", set_settle, false},
	[SETTLE_MAX] = {"settle_max", set_settle_max, false},
	{"empty_settle", set_empty_settle, false},
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
#define SETTINGS (sizeof settings / sizeof *settings)

bool config_known(const char *name, size_t n)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strlen(settings[i].name) == n &&
		    memcmp(settings[i].name, name, n) == 0)
			return true;
	return false;
}

const char *config_nearest(const char *name, unsigned *best)
{
	const char *meant = NULL;
	for (size_t i = 0; i < SETTINGS; i++)
		if (nearest_is(name, settings[i].name, best))
			meant = settings[i].name;
	return meant;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

static const struct setting *setting_find(struct reading *r, const char *name)
{
	char all[512] = "";
	unsigned best = NEAREST_NONE;
	const char *meant = config_nearest(name, &best);
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
			i == 0 ? "" : ", ", settings[i].name);
	}
	if (meant != NULL)
		complain(r, "%s: no such setting; did you mean %s?", name,
			meant);
	else
		complain(r, "%s: no such setting; there are %s", name, all);
	return NULL;
}

/* "name = value" with blanks around it already gone. */
static const struct setting *assign(struct reading *r, char *line,
	unsigned seen[SETTINGS])
{
	char *eq = strchr(line, '=');
	if (eq == NULL) {
		complain(r, "%s: must be of the form name = value", line);
		return NULL;
	}
	*eq = '\0';
	const char *name = trim(line), *value = trim(eq + 1);
	const struct setting *s = setting_find(r, name);
	if (s == NULL)
		return NULL;
	if (*value == '\0') {
		complain(r, "%s: has no value", name);
		return s;
	}
	if (seen != NULL && !s->many) {
		unsigned *first = &seen[s - settings];
		if (*first != 0) {
			complain(r, "%s: set on line %u already", name, *first);
			return s;
		}
		*first = r->line;
	}
	s->set(r, value);
	return s;
}

static void check_whole(struct reading *r)
{
	if (r->c->settle_max_ms < r->c->settle_ms)
		complain(r, "settle_max must not be shorter than settle");
	if (r->file != NULL)
		check_presets(r);
	struct terms vault = {r->c->retain_default_s, r->c->retain_min_s,
		r->c->retain_max_s};
	const char *wrong = terms_contradiction(&vault);
	cleanup(free) char *why = NULL;
	if (wrong != NULL)
		complain(r, "%s", wrong);
	else if (presets_terms(r->c->presets, &vault, &why) != 0)
		complain(r, "%s", why != NULL ? why : "out of memory");
}

static int finish(struct reading *r, char **ret_why)
{
	if (!r->failed && r->why.n > 0 && buf_add(&r->why, "", 1) != 0)
		r->failed = true;
	if (r->failed) {
		buf_free(&r->why);
		return -ENOMEM;
	}
	if (r->why.n == 0)
		return 0;
	*ret_why = (char *)r->why.p; /* the caller has it */
	return -EINVAL;
}

/* One line without its end; cut at '#'. */
static void read_line(struct reading *r, char *line, unsigned seen[SETTINGS])
{
	char *hash = strchr(line, '#');
	if (hash != NULL)
		*hash = '\0';
	line = trim(line);
	if (*line != '\0')
		assign(r, line, seen);
}

static int slurp(const char *file, struct buf *ret)
{
	cleanup(close) int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (buf_reserve(ret, FILE_MAX + 1) != 0)
		return -ENOMEM;
	while (ret->n <= FILE_MAX) {
		ssize_t n = read(fd, ret->p + ret->n, FILE_MAX + 1 - ret->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		ret->n += (size_t)n;
	}
	return -EFBIG;
}

static void read_lines(struct reading *r, struct buf *text,
	unsigned seen[SETTINGS])
{
	char *at = (char *)text->p, *end = at + text->n;
	while (at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));
		char *stop = nl != NULL ? nl : end;
		r->line++;
		if (memchr(at, '\0', (size_t)(stop - at)) != NULL)
			complain(r, "a NUL character");
		*stop = '\0'; /* slurp() left room behind the last line */
		read_line(r, at, seen);
		at = stop + 1;
	}
}

void config_defaults(struct config *c)
{
	*c = (struct config){
		.settle_ms = 10 * 1000,
		.settle_max_ms = 3600 * 1000,
		.empty_settle_ms = 24 * 3600 * 1000,
		.immutable = true,
		.backlog_files = 100000,
		.backlog_bytes = UINT64_C(64) << 30,
		.block_interval_ms = 10,
		.preset = NULL, /* the rules called default */
	};
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < c->n_buckets; i++)
		free(c->bucket[i]);
	for (size_t i = 0; i < c->n_tsa; i++)
		free(c->tsa[i]);
	for (size_t i = 0; i < c->n_binds; i++) {
		free(c->bind[i].glob);
		free(c->bind[i].preset);
	}
	presets_free(c->presets);
	free(c->cert_suffix);
	free(c->preset);
	free(c->metrics_file);
	*c = (struct config){0};
}

int config_read(const char *file, const char *base, struct config *ret,
	char **ret_why)
{
	struct config c;
	config_defaults(&c);
	struct reading r = {.c = &c, .base = base, .file = file};

	cleanup(buf) struct buf text = {0};
	int err = slurp(file, &text);
	if (err == -EFBIG)
		complain(&r, "longer than %zu bytes", FILE_MAX);
	else if (err != 0)
		complain(&r, "%s", strerror(-err));
	else {
		unsigned seen[SETTINGS] = {0};
		read_lines(&r, &text, seen);
		r.line = 0;
		/* a long settle alone moves the default of settle_max */
		if (seen[SETTLE_MAX] == 0 && c.settle_max_ms < c.settle_ms)
			c.settle_max_ms = c.settle_ms;
		check_whole(&r);
		if (c.n_buckets == 0)
			complain(&r, "no bucket: add a line bucket = DIR for "
				"each share");
	}
	err = finish(&r, ret_why);
	if (err == 0)
		*ret = c; /* the caller has it */
	else
		config_done(&c);
	return err;
}

int config_set(struct config *c, const char *assignment, const char *base,
	char **ret_why)
{
	cleanup(free) char *line = strdup(assignment);
	if (line == NULL)
		return -ENOMEM;
	struct reading r = {.c = c, .base = base};
	if (assign(&r, line, NULL) != NULL && r.why.n == 0)
		check_whole(&r);
	return finish(&r, ret_why);
}

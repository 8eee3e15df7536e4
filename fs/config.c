#include "fs/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/presets.h"
#include "fs/setting.h"
#include "fs/terms.h"

#define FILE_MAX ((size_t)64 << 10)	/* bytes; a long one has 4 KiB */

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* "name = value" with blanks around it already gone. */
static const struct setting *assign(struct reading *r, char *line,
	unsigned seen[SETTINGS])
{
	char *eq = strchr(line, '=');
	if (eq == NULL) {
		reading_complain(r,
			"%s: must be of the form name = value", line);
		return NULL;
	}
	*eq = '\0';
	const char *name = trim(line), *value = trim(eq + 1);
	const struct setting *s = setting_find(r, name);
	if (s == NULL)
		return NULL;
	if (*value == '\0') {
		reading_complain(r, "%s: has no value", name);
		return s;
	}
	if (seen != NULL && !s->many) {
		unsigned *first = &seen[s - settings];
		if (*first != 0) {
			reading_complain(r,
				"%s: set on line %u already", name, *first);
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
		reading_complain(r,
			"settle_max must not be shorter than settle");
	if (r->file != NULL)
		setting_presets(r);
	struct terms vault = {r->c->retain_default_s, r->c->retain_min_s,
		r->c->retain_max_s};
	const char *wrong = terms_contradiction(&vault);
	cleanup(free) char *why = NULL;
	if (wrong != NULL)
		reading_complain(r, "%s", wrong);
	else if (presets_terms(r->c->presets, &vault, &why) != 0)
		reading_complain(r, "%s", why != NULL ? why : "out of memory");
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

/* A comment: '#' at the beginning or behind a blank.  In a word it is what it
 * is, as in a path. */
static size_t before_comment(const char *line)
{
	size_t n = 0;
	while (line[n] != '\0' && !(line[n] == '#' &&
		(n == 0 || isspace((unsigned char)line[n - 1]))))
		n++;
	return n;
}

bool config_holds(const char *value)
{
	size_t n = strlen(value);
	return n > 0 && strchr(value, '\n') == NULL && *value != '#' &&
		before_comment(value) == n && !isspace((unsigned char)*value) &&
		!isspace((unsigned char)value[n - 1]);
}

/* One line without its end. */
static void read_line(struct reading *r, char *line, unsigned seen[SETTINGS])
{
	line[before_comment(line)] = '\0';
	line = trim(line);
	if (*line != '\0')
		assign(r, line, seen);
}

static int slurp(const char *file, struct buf *ret)
{
	cleanup(close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
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
			reading_complain(r, "a NUL character");
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
		.temp_max_ms = UINT64_C(7) * 24 * 3600 * 1000,
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
		reading_complain(&r, "longer than %zu bytes", FILE_MAX);
	else if (err == -EINVAL)
		reading_complain(&r, "is not a regular file");
	else if (err == -ENOENT)
		reading_complain(&r, "is gone: put it back, or write one that has a "
			"line bucket = DIR for each bucket, in their order");
	else if (err != 0)
		reading_complain(&r, "%s", strerror(-err));
	else {
		unsigned seen[SETTINGS] = {0};
		read_lines(&r, &text, seen);
		r.line = 0;
		/* a long settle alone moves the default of settle_max */
		if (seen[SETTING_SETTLE_MAX] == 0 &&
		    c.settle_max_ms < c.settle_ms)
			c.settle_max_ms = c.settle_ms;
		check_whole(&r);
		if (c.n_buckets == 0)
			reading_complain(&r,
				"no bucket: add a line bucket = DIR for "
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

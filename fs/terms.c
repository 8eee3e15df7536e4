#include "fs/terms.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/retention.h"
#include "fs/text.h"

static const struct {
	const char *name;
	size_t at;		/* in struct terms */
} parts[] = {
	{"retain", offsetof(struct terms, usual)},
	{"min", offsetof(struct terms, least)},
	{"max", offsetof(struct terms, most)},
};
#define PARTS (sizeof parts / sizeof *parts)

static uint64_t *part_of(struct terms *t, size_t i)
{
	return (uint64_t *)(void *)((char *)t + parts[i].at);
}

/* "min=1y" */
static int parse_part(const char *text, struct terms *t)
{
	const char *eq = strchr(text, '=');
	size_t i = 0, n = eq == NULL ? 0 : (size_t)(eq - text);

	while (i < PARTS && (strlen(parts[i].name) != n ||
			memcmp(parts[i].name, text, n) != 0))
		i++;
	if (i == PARTS || *part_of(t, i) != TERMS_UNSAID)
		return -EINVAL;
	if (strcmp(eq + 1, "none") != 0)
		return retention_span(eq + 1, part_of(t, i));
	*part_of(t, i) = 0;
	return 0;
}

int terms_parse(char *text, struct terms *ret)
{
	struct terms t = TERMS_NOT_SAID;
	char *next;
	int rc = 0;

	for (; rc == 0 && text != NULL; text = next) {
		next = strchr(text, ',');
		if (next != NULL)
			*next++ = '\0';
		rc = parse_part(text, &t);
	}
	if (rc == 0)
		*ret = t;
	return rc;
}

int terms_text(const struct terms *t, struct buf *ret)
{
	struct terms copy = *t;
	char span[RETENTION_SPAN];
	const char *comma = "";
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < PARTS; i++) {
		if (*part_of(&copy, i) == TERMS_UNSAID)
			continue;
		retention_span_text(*part_of(&copy, i), span);
		rc = text_add(ret, "%s%s=%s", comma, parts[i].name, span);
		comma = ",";
	}
	return rc;
}

struct terms terms_over(const struct terms *own, const struct terms *vault)
{
	struct terms t = *own, below = *vault;
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (*part_of(&t, i) == TERMS_UNSAID)
			*part_of(&t, i) = *part_of(&below, i);
	return t;
}

const char *terms_contradiction(const struct terms *t)
{
	if (t->most != 0 && (t->least > t->most || t->usual > t->most))
		return "retain_max must not be shorter than retain_min or "
			"retain_default";
	if (t->usual != 0 && t->usual < t->least)
		return "retain_default must not be shorter than retain_min";
	return NULL;
}

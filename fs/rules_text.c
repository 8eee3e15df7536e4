#include "fs/rules_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/rules_inner.h"
#include "fs/text.h"

static int rule_text(const struct rules *in, const struct rule *u,
	struct buf *ret)
{
	int rc = text_add(ret, "%s %s", in->name, rules_class_name(u->class));

	if (rc == 0 && u->terms != NULL)
		rc = text_add(ret, ",");
	if (rc == 0 && u->terms != NULL)
		rc = terms_text(u->terms, ret);
	if (rc == 0 && u->files)
		rc = text_add(ret, ",files");
	return rc != 0 ? rc : text_add(ret, " %s\n", u->glob);
}

int rules_text(const struct rules *r, const struct rules_place *where,
	struct buf *ret)
{
	const struct rules *in = NULL;
	const struct rule *u;
	unsigned i;
	int rc = text_add(ret, "%s\n%s\n%s\n%s\n", r->name, where->by,
		where->path, where->mode);

	if (rc == 0)
		rc = terms_text(&where->vault, ret);
	if (rc == 0)
		rc = text_add(ret, "\n");
	for (i = 0; rc == 0; i++) {
		u = rules_at(r, i, &in);
		if (u == NULL)
			break;
		rc = rule_text(in, u, ret);
	}
	return rc;
}

static int take_line(char **text, char **ret)
{
	char *end = strchr(*text, '\n');

	if (end == NULL)
		return -EBADMSG;
	*end = '\0';
	*ret = strdup(*text);
	*text = end + 1;
	return *ret == NULL ? -ENOMEM : 0;
}

/* "PRESET CLASS GLOB": the presets one after another, each of which takes in
 * the one before it. */
static int parse_rule(struct rules_bound *b, char *line)
{
	char *class = strchr(line, ' ');
	char *glob = class == NULL ? NULL : strchr(class + 1, ' ');
	struct made *m = NULL;
	struct kind k;
	int rc;

	if (glob == NULL)
		return -EBADMSG;
	*class++ = *glob++ = '\0';
	rc = presets_make(b->presets, line, &m);
	if (rc != 0)
		return rc == -ENOSPC ? -EBADMSG : rc;
	if (presets_kind(class, &k) != 0 || !presets_glob_ok(glob) ||
		m->n == RULES_MAX)
		return -EBADMSG;
	if (b->rules != &m->rules)
		m->rules.include = b->rules;
	b->rules = &m->rules;
	return presets_add_rule(m, &k, glob);
}

static int take_terms(char **text, struct terms *ret)
{
	cleanup(free) char *line = NULL;
	int rc = take_line(text, &line);

	return rc == 0 && terms_parse(line, ret) != 0 ? -EBADMSG : rc;
}

int rules_parse(char *text, struct rules_bound *ret)
{
	struct rules_bound b = {.presets = presets_new()};
	char *line = NULL;
	int rc = b.presets == NULL ? -ENOMEM : take_line(&text, &b.preset);

	if (rc == 0)
		rc = take_line(&text, &b.by);
	if (rc == 0)
		rc = take_line(&text, &b.path);
	if (rc == 0)
		rc = take_line(&text, &b.mode);
	if (rc == 0)
		rc = take_terms(&text, &b.vault);
	while (rc == 0 && *text != '\0') {
		rc = take_line(&text, &line);
		if (rc == 0)
			rc = parse_rule(&b, line);
		free(line);
		line = NULL;
	}
	if (b.rules == NULL)
		b.rules = presets_find(NULL, "seal");
	if (rc == 0)
		*ret = b;
	else
		rules_bound_done(&b);
	return rc;
}

void rules_bound_done(struct rules_bound *b)
{
	presets_free(b->presets);
	free(b->preset);
	free(b->by);
	free(b->path);
	free(b->mode);
}

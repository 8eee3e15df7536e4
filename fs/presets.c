#include "fs/presets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/record.h"
#include "fs/rules_inner.h"

/* -- those built in, from traces of the tools -- */

#define APPEND(glob) {CLASS_APPEND, glob, NULL, false}
#define VERSION(glob) {CLASS_VERSION, glob, NULL, false}
#define TEMP(glob) {CLASS_TEMP, glob, NULL, false}
#define SCRATCH(glob) {CLASS_SCRATCH, glob, NULL, false}
/* A mark that a program leaves beside what it works on: a file. */
#define MARK(glob) {CLASS_SCRATCH, glob, NULL, true}
#define RULES(...) (const struct rule[]){__VA_ARGS__, {0}}

/* rsync, rclone and bup write under another name first; vim, NFS clients,
 * LibreOffice and Emacs leave and remove marks: files, so that a folder which
 * happens to have such a name (a case number 4913) is kept like any other.
 * That .env.sample could be rsync's, too, is told by wait, umount --final and
 * status. */
static const struct rules preset_default = {"default", NULL, RULES(
	TEMP(".*.??????"), TEMP(".~tmp~"), TEMP(".rsync-partial"),
	TEMP("*.partial"), TEMP("*.part"), TEMP("*.tmp"), TEMP("*.filepart"),
	MARK(".*.sw?"), MARK(".*.sw?x"), MARK("4913"), MARK(".nfs*"),
	MARK(".fuse_hidden*"), MARK(".~lock.*#"), MARK(".#*"))};
static const struct rules preset_rsync = {"rsync", NULL, RULES(
	TEMP(".*.??????"), TEMP(".~tmp~"), TEMP(".rsync-partial"),
	TEMP(".rsync-tmp"))};
static const struct rules preset_mirror = {"mirror", &preset_default, RULES(
	VERSION("*"))};
static const struct rules preset_restic = {"restic", NULL, RULES(
	TEMP("*-tmp-*"), SCRATCH("locks"))};
static const struct rules preset_restic_prune = {"restic-prune",
	&preset_restic, RULES(VERSION("*"))};
/* Segments stay; index, hints and integrity can be made again. */
static const struct rules preset_borg_strict = {"borg-strict", NULL, RULES(
	SCRATCH("lock.exclusive"), SCRATCH("lock.exclusive.*"),
	MARK("lock.roster"), MARK("config.old"), TEMP("*.tmp"),
	MARK("hints.*"), MARK("index.*"), MARK("integrity.*"),
	VERSION("config"), VERSION("nonce"), APPEND("transactions"))};
static const struct rules preset_borg = {"borg", &preset_borg_strict, RULES(
	VERSION("data"))};
static const struct rules preset_git = {"git", NULL, RULES(
	TEMP("tmp_objdir-*"), TEMP("tmp_obj_*"), TEMP("tmp_pack_*"),
	TEMP("tmp_idx_*"), TEMP("tmp_rev_*"), TEMP(".tmp-*"),
	MARK("*.lock"), MARK("*.keep"), MARK("gc.pid"),
	VERSION("objects/info"), VERSION("HEAD"), VERSION("config"),
	VERSION("packed-refs"), VERSION("refs"), VERSION("info"),
	VERSION("FETCH_HEAD"))};
static const struct rules preset_git_gc = {"git-gc", &preset_git, RULES(
	VERSION("objects"))};
static const struct rules preset_log = {"log", NULL, RULES(APPEND("*"))};
static const struct rules preset_db = {"db", NULL, RULES(
	MARK("*-journal"), MARK("*-wal"), MARK("*-shm"),
	VERSION("*"))};
/* Nothing is temporary, and nothing goes. */
static const struct rules preset_seal = {"seal", NULL, (const struct rule[]){
	{0}}};
static const struct rules preset_wal = {"wal", NULL, RULES(
	TEMP("*.partial"), TEMP("*.tmp"))};

static const struct rules *const built_in[] = {
	&preset_default, &preset_rsync, &preset_mirror, &preset_restic,
	&preset_restic_prune, &preset_borg_strict, &preset_borg, &preset_git,
	&preset_git_gc, &preset_log, &preset_db, &preset_wal,
	&preset_seal,
};
#define BUILT_IN (sizeof built_in / sizeof *built_in)

/* -- those of a configuration -- */

struct presets *presets_new(void)
{
	return calloc(1, sizeof(struct presets));
}

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void free_made(struct made *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free_text(m->rule[i].glob);
		free((void *)(uintptr_t)m->rule[i].terms);
	}
	free_text(m->rules.name);
	free(m);
}

void presets_free(struct presets *p)
{
	if (p == NULL)
		return;
	while (p->n > 0)
		free_made(p->made[--p->n]);
	free(p);
}

static struct made *made_find(const struct presets *p, const char *name)
{
	size_t i;

	for (i = 0; p != NULL && i < p->n; i++)
		if (strcmp(p->made[i]->rules.name, name) == 0)
			return p->made[i];
	return NULL;
}

const struct rules *presets_find(const struct presets *p, const char *name)
{
	const struct made *m = made_find(p, name);
	size_t i;

	for (i = 0; i < BUILT_IN; i++)
		if (strcmp(built_in[i]->name, name) == 0)
			return built_in[i];
	return m == NULL ? NULL : &m->rules;
}

static int add_name(struct buf *b, const char *name, size_t left)
{
	const char *behind = left > 1 ? ", " : left == 1 ? " and " : "";
	int rc = buf_add(b, name, strlen(name));

	return rc != 0 ? rc : buf_add(b, behind, strlen(behind));
}

int presets_names(const struct presets *p, struct buf *ret)
{
	size_t made = p == NULL ? 0 : p->n, i;
	int rc = 0;

	for (i = 0; rc == 0 && i < BUILT_IN; i++)
		rc = add_name(ret, built_in[i]->name,
			BUILT_IN + made - i - 1);
	for (i = 0; rc == 0 && i < made; i++)
		rc = add_name(ret, p->made[i]->rules.name, made - i - 1);
	return rc;
}

__attribute__((format(printf, 2, 3)))
static int refuse(char **ret_why, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(ret_why, fmt, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : -EINVAL;
}

int presets_use(const struct presets *p, const char *name,
	const struct rules **ret, char **ret_why)
{
	const struct rules *r = presets_find(p, name);
	cleanup(buf) struct buf names = {0};

	if (r == NULL && presets_names(p, &names) != 0)
		return -ENOMEM;
	if (r == NULL)
		return refuse(ret_why, "there is no preset \"%s\"; there are "
			"%.*s", name, (int)names.n, (const char *)names.p);
	*ret = r;
	return 0;
}

bool presets_glob_ok(const char *glob)
{
	size_t n = strlen(glob);

	return n > 0 && n <= RULES_GLOB_MAX && glob[0] != '/' &&
		glob[n - 1] != '/' && strstr(glob, "//") == NULL &&
		rules_parts(glob) <= RULES_PARTS_MAX;
}

static bool name_ok(const char *name)
{
	struct bytes b = BYTES(name, strlen(name));

	return b.n <= RECORD_PRESET_MAX && record_digest_name_ok(b);
}

int presets_make(struct presets *p, const char *name, struct made **ret)
{
	struct made *m = made_find(p, name);

	if (m == NULL && p->n < PRESETS_MAX) {
		m = calloc(1, sizeof(*m));
		if (m == NULL)
			return -ENOMEM;
		m->rules = (struct rules){strdup(name), NULL, m->rule};
		if (m->rules.name == NULL) {
			free(m);
			return -ENOMEM;
		}
		p->made[p->n++] = m;
	}
	*ret = m;
	return m == NULL ? -ENOSPC : 0;
}

static int take_made(struct presets *p, const char *name, struct made **ret,
	char **ret_why)
{
	int rc;

	if (presets_find(NULL, name) != NULL)
		return refuse(ret_why, "preset \"%s\" is built in; give yours "
			"another name", name);
	if (!name_ok(name))
		return refuse(ret_why, "\"%s\" cannot name a preset: at most "
			"%d letters a-z, digits and hyphens", name,
			RECORD_PRESET_MAX);
	rc = presets_make(p, name, ret);
	return rc == -ENOSPC ? refuse(ret_why, "there are %d presets already, "
		"the most allowed", PRESETS_MAX) : rc;
}

static int include(struct presets *p, struct made *m, const char *name,
	char **ret_why)
{
	const struct rules *other = presets_find(p, name);

	if (other == NULL || other == &m->rules)
		return refuse(ret_why, "there is no preset \"%s\" above this "
			"line", name);
	if (m->n > 0 || m->rules.include != NULL)
		return refuse(ret_why, "include comes once, before the rules "
			"of preset \"%s\"", m->rules.name);
	m->rules.include = other;
	return 0;
}

int presets_kind(const char *text, struct kind *ret)
{
	cleanup(free) char *class = strdup(text);
	char *terms = class == NULL ? NULL : strchr(class, ',');

	if (class == NULL)
		return -ENOMEM;
	if (terms != NULL)
		*terms++ = '\0';
	if (rules_class_parse(class, &ret->class) != 0)
		return -EINVAL;
	ret->files = terms != NULL && strcmp(terms, "files") == 0;
	ret->has_terms = terms != NULL && !ret->files;
	if (ret->files)
		return class_seals(ret->class) ? -ERANGE : 0;
	if (terms == NULL)
		return 0;
	if (!class_seals(ret->class))
		return -EDOM;
	return terms_parse(terms, &ret->terms) != 0 ? -ERANGE : 0;
}

int presets_add_rule(struct made *m, const struct kind *k, const char *glob)
{
	cleanup(free) struct terms *terms = NULL;

	if (k->has_terms) {
		terms = malloc(sizeof(*terms));
		if (terms == NULL)
			return -ENOMEM;
		*terms = k->terms;
	}
	m->rule[m->n] = (struct rule){k->class, strdup(glob), terms,
		k->files};
	if (m->rule[m->n].glob == NULL)
		return -ENOMEM;
	m->n++;
	terms = NULL; /* the rule has it */
	return 0;
}

static int refuse_kind(const char *text, int rc, char **ret_why)
{
	switch (rc) {
	case -EINVAL:
		return refuse(ret_why, "\"%s\" is no class; there are seal, "
			"append, version, temp, scratch, and include", text);
	case -ERANGE:
		return refuse(ret_why, "\"%s\": behind the class may stand "
			",retain= ,min= and ,max= with a time like 7y, 90d or "
			"12h, or none", text);
	case -EDOM:
		return refuse(ret_why, "\"%s\": what is never sealed is not "
			"kept until a date; only ,files may stand behind it",
			text);
	default:
		return rc;
	}
}

int presets_add(struct presets *p, const char *preset, const char *class,
	const char *glob, char **ret_why)
{
	struct made *m;
	struct kind k;
	int rc = take_made(p, preset, &m, ret_why);

	if (rc != 0)
		return rc;
	if (strcmp(class, "include") == 0)
		return include(p, m, glob, ret_why);
	rc = presets_kind(class, &k);
	if (rc != 0)
		return refuse_kind(class, rc, ret_why);
	if (!presets_glob_ok(glob))
		return refuse(ret_why, "\"%s\" is no glob for names: at most "
			"%d bytes and %d components, no / at either end", glob,
			RULES_GLOB_MAX, RULES_PARTS_MAX);
	if (m->n == RULES_MAX)
		return refuse(ret_why, "preset \"%s\" has %d rules already, "
			"the most allowed", preset, RULES_MAX);
	return presets_add_rule(m, &k, glob);
}

int presets_terms(const struct presets *p, const struct terms *vault,
	char **ret_why)
{
	const struct rule *u;
	const char *wrong;
	size_t i, j;

	for (i = 0; p != NULL && i < p->n; i++)
		for (j = 0; j < p->made[i]->n; j++) {
			u = &p->made[i]->rule[j];
			struct terms t = u->terms == NULL ? *vault :
				terms_over(u->terms, vault);
			wrong = u->terms == NULL ? NULL :
				terms_contradiction(&t);
			if (wrong != NULL)
				return refuse(ret_why, "rule for %s in preset "
					"%s: with what the vault has, %s",
					u->glob, p->made[i]->rules.name, wrong);
		}
	return 0;
}

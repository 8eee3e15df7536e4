#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/presets.h"
#include "fs/rules.h"
#include "fs/rules_text.h"
#include "tests/tap/tap.h"

static enum rules_class class_of(const struct rules *r, const char *path)
{
	return rules_class(r, rules_path(r, path, false, NULL));
}

static const struct rules *preset(const char *name)
{
	const struct rules *r = presets_find(NULL, name);

	if (r == NULL)
		bail("there is no preset %s", name);
	return r;
}

static void classes(void)
{
	static const struct {
		const char *preset, *path;
		enum rules_class class;
	} t[] = {
		{"default", "a", CLASS_SEAL}, {"default", "a/b.txt", CLASS_SEAL},
		{"default", "", CLASS_SEAL},
		{"default", ".name.Ab12Cd", CLASS_TEMP},
		{"default", "x/.name.Ab12Cd", CLASS_TEMP},
		{"default", ".~tmp~/f", CLASS_TEMP},
		{"default", "a/.rsync-partial/b/c", CLASS_TEMP},
		{"default", "movie.part", CLASS_TEMP},
		{"default", "x.partial", CLASS_TEMP},
		{"default", "x.tmp", CLASS_TEMP},
		{"default", "dir.tmp/inner", CLASS_TEMP},
		{"default", ".f.swp", CLASS_SCRATCH},
		{"default", ".f.swx", CLASS_SCRATCH},
		{"default", "4913", CLASS_SCRATCH},
		{"default", "49130", CLASS_SEAL},
		{"default", "x/4913", CLASS_SCRATCH},
		/* Marks are files: what lies in folders of such names is kept. */
		{"default", "4913/f", CLASS_SEAL},
		{"default", "cases/4913/1/f", CLASS_SEAL},
		{"default", ".#x/f", CLASS_SEAL},
		{"default", "4913/4913", CLASS_SCRATCH},
		{"mirror", "4913/f", CLASS_VERSION},
		{"db", "old-wal/f", CLASS_VERSION},
		{"db", "old-wal", CLASS_SCRATCH},
		{"restic", "locks/f", CLASS_SCRATCH},
		{"default", ".name.aB12cd", CLASS_TEMP},
		{"default", ".env.sample", CLASS_TEMP},
		{"default", ".env.samples", CLASS_SEAL},
		{"default", ".nfs0001", CLASS_SCRATCH},
		{"default", ".#lock", CLASS_SCRATCH},
		{"default", ".~lock.doc#", CLASS_SCRATCH},
		{"default", "tmp", CLASS_SEAL},
		{"default", "f.tmp.old", CLASS_SEAL},
		{"default", ".hidden", CLASS_SEAL},
		/* The first rule of the list decides, not the last folder. */
		{"default", ".#x/y.tmp", CLASS_TEMP},
		{"seal", "x.tmp", CLASS_SEAL},
		{"rsync", ".rsync-tmp/x", CLASS_TEMP},
		{"rsync", "x.tmp", CLASS_SEAL},
		{"mirror", "a/b", CLASS_VERSION},
		{"mirror", "a/b.tmp", CLASS_TEMP},
		{"restic", "locks/0a", CLASS_SCRATCH},
		{"restic", "data/ab-tmp-1", CLASS_TEMP},
		{"restic", "data/ab/abcd", CLASS_SEAL},
		{"restic-prune", "data/ab/abcd", CLASS_VERSION},
		{"restic-prune", "locks/0a", CLASS_SCRATCH},
		{"borg-strict", "data/0/1", CLASS_SEAL},
		{"borg-strict", "config", CLASS_VERSION},
		{"borg-strict", "config.old", CLASS_SCRATCH},
		{"borg-strict", "transactions", CLASS_APPEND},
		{"borg-strict", "lock.exclusive/host.1-0", CLASS_SCRATCH},
		{"borg-strict", "index.5.tmp", CLASS_TEMP},
		{"borg", "data/0/1", CLASS_VERSION},
		{"borg", "nonce", CLASS_VERSION},
		{"git", "objects/ab/cdef", CLASS_SEAL},
		{"git", "objects/info/packs", CLASS_VERSION},
		{"git", "x/objects/info/alternates", CLASS_VERSION},
		{"git", "info/refs", CLASS_VERSION},
		{"git", "refs/heads/main", CLASS_VERSION},
		{"git", "refs/heads/main.lock", CLASS_SCRATCH},
		{"git", "objects/pack/pack-1.keep", CLASS_SCRATCH},
		{"git", "objects/ab/tmp_obj_x", CLASS_TEMP},
		{"git", "description", CLASS_SEAL},
		{"git-gc", "objects/ab/cdef", CLASS_VERSION},
		{"log", "any/thing", CLASS_APPEND},
		{"db", "x.db", CLASS_VERSION},
		{"db", "x.db-wal", CLASS_SCRATCH},
		{"wal", "000000010000000000000001.partial", CLASS_TEMP},
		{"wal", "000000010000000000000001", CLASS_SEAL},
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		is_str(rules_class_name(class_of(preset(t[i].preset),
				t[i].path)),
			rules_class_name(t[i].class), "%s: \"%s\"",
			t[i].preset, t[i].path);
}

static void which(void)
{
	const struct rules *r = preset("git-gc");
	const char *in = "", *path = "x/objects/info/packs";
	size_t n = 0;
	unsigned i = rules_path(r, path, false, &n);

	is_str(rules_glob(r, i, &in), "objects/info", "the rule is known");
	is_str(in, "git", "and the preset that it stands in");
	is_int((long long)n, 14, "and the part of the path that it matches");
	ok(rules_glob(r, RULES_NONE, &in) == NULL, "no rule has no glob");
	is_int((long long)rules_depth(r), 2, "how far globs look back");
	ok(rules_glob_path("a/*/c", "a/b/c"), "a bind matches a whole path");
	ok(!rules_glob_path("a/*", "a/b/c") && !rules_glob_path("*", "a/b"),
		"and no part of one");
}

static void refuse(struct presets *p, const char *preset, const char *class,
	const char *glob, const char *words)
{
	char *why = NULL;

	is_int(presets_add(p, preset, class, glob, &why), -EINVAL,
		"refused: %s %s %s", preset, class, glob);
	ok(why != NULL && strstr(why, words) != NULL, "%s",
		why == NULL ? "no reason" : why);
	free(why);
}

static void own(void)
{
	struct presets *p = presets_new();
	const struct rules *r;
	struct buf names = {0};
	char *why = NULL, glob[300];
	int i, rc = 0;

	is_int(presets_add(p, "mine", "include", "default", &why), 0,
		"a preset of one's own takes in another");
	is_int(presets_add(p, "mine", "version", "*.doc", &why), 0,
		"and has rules");
	is_int(presets_add(p, "mine", "scratch", "a/b/cache", &why), 0,
		"of several components too");
	r = presets_find(p, "mine");
	if (r == NULL)
		bail("no preset of one's own");
	is_int(class_of(r, "x.doc"), CLASS_VERSION, "its rules hold");
	is_int(class_of(r, "x.doc.tmp"), CLASS_TEMP, "after those taken in");
	is_int(class_of(r, "z/a/b/cache/f"), CLASS_SCRATCH, "below too");
	is_int(class_of(r, "b/cache/f"), CLASS_SEAL, "but whole");
	is_int(presets_add(p, "marks", "temp,files", "*.new", &why), 0,
		"a rule may be for files alone");
	r = presets_find(p, "marks");
	is_int(class_of(r, "a/b.new"), CLASS_TEMP, "which match");
	is_int(class_of(r, "a.new/b"), CLASS_SEAL, "where no folder does");
	is_int(rules_class(r, rules_path(r, "b.new", true, NULL)), CLASS_SEAL,
		"nor what is one itself");
	refuse(p, "default", "seal", "x", "built in");
	refuse(p, "A b", "seal", "x", "name a preset");
	refuse(p, "mine", "sealed", "x", "no class");
	refuse(p, "mine", "seal,", "x", "behind the class");
	refuse(p, "mine", "seal,min", "x", "behind the class");
	refuse(p, "mine", "seal,min=1d,min=1d", "x", "behind the class");
	refuse(p, "mine", "seal,least=1d", "x", "behind the class");
	refuse(p, "mine", "seal,min=1", "x", "behind the class");
	refuse(p, "mine", "sealed,min=1d", "x", "no class");
	refuse(p, "mine", "scratch,min=1d", "x", "never sealed");
	refuse(p, "mine", "scratch,file", "x", "only ,files may");
	refuse(p, "mine", "scratch,files,files", "x", "only ,files may");
	refuse(p, "mine", "seal,files", "x", "behind the class");
	refuse(p, "mine", "seal", "/x", "no glob");
	refuse(p, "mine", "seal", "x//y", "no glob");
	refuse(p, "mine", "seal", "1/2/3/4/5/6/7/8/9", "no glob");
	memset(glob, 'x', sizeof glob);
	glob[RULES_GLOB_MAX + 1] = '\0';
	refuse(p, "mine", "seal", glob, "no glob");
	refuse(p, "mine", "include", "git", "comes once");
	refuse(p, "other", "include", "nothing", "no preset");
	is_int(presets_names(p, &names), 0, "all names");
	ok(buf_add(&names, "", 1) == 0 &&
			strstr((char *)names.p, ", mine, marks and other") != NULL &&
			strncmp((char *)names.p, "default, rsync", 14) == 0,
		"are told: %s", (char *)names.p);
	buf_free(&names);
	for (i = 2; rc == 0 && i <= RULES_MAX; i++)
		rc = presets_add(p, "mine", "seal", "x", &why);
	free(why);
	is_int(i, RULES_MAX + 1, "as many rules as can be");
	refuse(p, "mine", "seal", "x", "the most allowed");
	presets_free(p);
}

/* What a mount says of a folder is what a command reads. */
static void text(void)
{
	struct rules_bound b = {0};
	struct buf t = {0};

	const struct rules_place where = {.by = "folder", .path = "a/repo",
		.mode = "compliance", .vault = {.usual = 86400, .least = 60}};

	if (rules_text(preset("git-gc"), &where, &t) != 0 ||
		buf_add(&t, "", 1) != 0)
		bail("no text");
	is_int(rules_parse((char *)t.p, &b), 0, "rules are read again");
	is_str(b.preset, "git-gc", "their preset");
	is_str(b.by, "folder", "who bound them");
	is_str(b.path, "a/repo", "and where");
	is_str(b.mode, "compliance", "the vault's mode");
	ok(b.vault.usual == 86400 && b.vault.least == 60 && b.vault.most == 0,
		"and terms");
	is_int(class_of(b.rules, "objects/ab/c"), CLASS_VERSION, "they hold");
	is_int(class_of(b.rules, "objects/ab/tmp_obj_1"), CLASS_TEMP,
		"in their order");
	ok(class_of(b.rules, "x.lock") == CLASS_SCRATCH &&
			class_of(b.rules, "x.lock/f") == CLASS_SEAL,
		"and those for files are still for files");
	rules_bound_done(&b);
	buf_free(&t);
	char none[] = "seal\nvault\n\nnone\nretain=none,min=none,max=none\n";
	char bad[] = "x\nvault\n\nnone\nmax=1d\nnonsense\n";
	char no_terms[] = "x\nvault\n\nnone\nnonsense\n";
	is_int(rules_parse(none, &b), 0, "no rule at all");
	is_int(class_of(b.rules, "x.tmp"), CLASS_SEAL, "seals all");
	rules_bound_done(&b);
	is_int(rules_parse(bad, &b), -EBADMSG, "anything else is refused");
	is_int(rules_parse(no_terms, &b), -EBADMSG, "there too");
}

/* A rule may say how long files are kept; what it leaves out is the vault's. */
static void terms(void)
{
	static const struct terms vault = {10, 5, 100};
	struct rules_place where = {.by = "vault", .path = "", .mode = "none",
		.vault = vault};
	struct presets *p = presets_new();
	struct rules_bound b = {0};
	const struct rules *r;
	struct buf text = {0};
	struct terms t;
	char *why = NULL;

	if (presets_add(p, "mine", "seal,retain=1m,max=2m", "a", &why) != 0 ||
		presets_add(p, "mine", "version,min=none", "b", &why) != 0)
		bail("no rules: %s", why);
	r = presets_find(p, "mine");
	t = rules_terms(r, rules_path(r, "x/a", false, NULL), &vault);
	ok(t.usual == 60 && t.least == 5 && t.most == 120, "a rule's own");
	t = rules_terms(r, rules_path(r, "b", false, NULL), &vault);
	ok(t.usual == 10 && t.least == 0 && t.most == 100, "none is a word");
	t = rules_terms(r, RULES_NONE, &vault);
	ok(t.usual == 10 && t.least == 5 && t.most == 100, "the vault's");
	is_int(presets_terms(p, &vault, &why), 0, "they can be at once");
	is_int(presets_terms(p, &(struct terms){0, 70, 0}, &why), -EINVAL,
		"with another least they cannot");
	ok(strstr(why, "rule for a in preset mine") != NULL, "%s", why);
	free(why);
	if (rules_text(r, &where, &text) != 0 || buf_add(&text, "", 1) != 0 ||
		rules_parse((char *)text.p, &b) != 0)
		bail("no text");
	t = rules_terms(b.rules, rules_path(b.rules, "a", false, NULL), &b.vault);
	ok(t.usual == 60 && t.least == 5 && t.most == 120, "as text too");
	rules_bound_done(&b);
	buf_free(&text);
	presets_free(p);
}

int main(void)
{
	plan(0);
	classes();
	which();
	own();
	text();
	terms();
	return done();
}

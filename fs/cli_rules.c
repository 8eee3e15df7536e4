#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/params.h"
#include "core/retention.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/place.h"
#include "fs/presets.h"
#include "fs/rules.h"
#include "fs/rules_text.h"
#include "fs/text.h"

#define TEXT_MAX ((size_t)64 << 10)
#define OURS ".notary"

static const char help[] =
"usage: notaryfs rules [--json] PATH...\n"
"Says of which class a name in a mounted vault is, how long it is kept, and which\n"
"rule decides.  The name need not be there yet.\n"
"\n"
"      --json  the same as JSON, one object a line\n"
"  -h, --help  print this\n"
"\n"
"What is sealed keeps the class that its record names, whatever the rules say\n"
"now.  See notaryfs.conf(5) for presets and how they are bound to folders.\n";

/* What is known of one name. */
struct ruled {
	struct rules_bound bound;
	const char *path;	/* in the mount */
	const char *below;	/* of it, below the folder that is bound */
	unsigned rule;
	size_t matched;		/* bytes of below */
	enum rules_class class;	/* of a new file there */
	struct terms terms;	/* and how long it is kept */
	char now[16];		/* class of the file that is there, or "" */
	bool sealed;
	bool folder;		/* is there */
	bool never;		/* a FIFO or the like is there */
};

/* The attribute of what is there, or of the nearest folder above: links, FIFOs
 * and virtual files have none.  whole is cut to what has it. */
static int ask(char *whole, size_t root, char **ret)
{
	cleanup(free) char *text = malloc(TEXT_MAX + 1);
	ssize_t n;
	if (text == NULL)
		return -ENOMEM;
	while ((n = lgetxattr(whole, "user.notary.rules", text,
			TEXT_MAX)) < 0 && strlen(whole) > root &&
	       (errno == ENOENT || errno == ENOTDIR || errno == ENODATA))
		*strrchr(whole, '/') = '\0';
	if (n < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? -ENOTTY
			: -errno;
	text[n] = '\0';
	*ret = text; /* the caller has it */
	text = NULL;
	return 0;
}

static void look(const char *path, struct ruled *r)
{
	char state[16] = "";
	struct stat st;
	if (lstat(path, &st) != 0)
		return;
	r->folder = S_ISDIR(st.st_mode);
	if (r->folder)
		return;
	r->never = !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
	ssize_t n = lgetxattr(path, "user.notary.class", r->now,
		sizeof r->now - 1);
	r->now[n > 0 ? n : 0] = '\0';
	n = lgetxattr(path, "user.notary.state", state, sizeof state - 1);
	state[n > 0 ? n : 0] = '\0';
	r->sealed = strcmp(state, "sealed") == 0 ||
		strcmp(state, "notarized") == 0;
}

static void judge(struct ruled *r)
{
	size_t n = strlen(r->bound.path);
	r->below = r->path;
	if (n > 0 && strncmp(r->path, r->bound.path, n) == 0)
		r->below += n + (r->path[n] == '/');
	r->rule = rules_path(r->bound.rules, r->below, r->folder, &r->matched);
	r->class = rules_class(r->bound.rules, r->rule);
	r->terms = rules_terms(r->bound.rules, r->rule, &r->bound.vault);
}

static const char *by_text(const char *by)
{
	return strcmp(by, "folder") == 0 ? "given to the folder"
		: strcmp(by, "configuration") == 0 ? "bound in notaryfs.conf to"
						   : "of the whole vault";
}

static void print_terms(const struct ruled *r)
{
	char usual[RETENTION_SPAN], least[RETENTION_SPAN], most[RETENTION_SPAN];
	if (!class_seals(r->class))
		return;
	if (strcmp(r->bound.mode, params_mode_name(RETENTION_NONE)) == 0) {
		printf("  kept for ever, as all in this vault\n");
		return;
	}
	retention_span_text(r->terms.usual, usual);
	retention_span_text(r->terms.least, least);
	retention_span_text(r->terms.most, most);
	if (r->terms.usual == 0)
		printf("  kept until it is given a date, and that has passed");
	else
		printf("  kept for %s from its seal on", usual);
	if (r->terms.least != 0 || r->terms.most != 0)
		printf("; dates from now: at least %s, at most %s", least, most);
	printf("\n");
}

static void print(const struct ruled *r)
{
	const char *in = "", *glob = rules_glob(r->bound.rules, r->rule, &in);
	const char *class = rules_class_name(r->class);
	if (r->sealed)
		cli_print("%s: %s: sealed as that; a new file here would be "
			"%s", r->path, r->now, class);
	else
		cli_print("%s: %s", r->path, class);
	cli_print("  preset %s, %s%s%s", r->bound.preset,
		by_text(r->bound.by), *r->bound.path != '\0' ? " /" : "",
		r->bound.path);
	if (glob == NULL)
		printf("  no rule matches\n");
	else
		cli_print("  rule %s%s %s matches %.*s%s%s", class,
			rules_files(r->bound.rules, r->rule) ? ",files" : "",
			glob, (int)r->matched, r->below,
			strcmp(in, r->bound.preset) != 0 ?
			", taken in from preset " : "",
			strcmp(in, r->bound.preset) != 0 ? in : "");
	if (r->never)
		printf("  what is there is neither a file, folder nor link, and "
			"never recorded\n");
	else
		print_terms(r);
}

static void json_span(struct json *j, const char *name, uint64_t s)
{
	char text[RETENTION_SPAN];
	retention_span_text(s, text);
	json_text(j, name, s != 0 ? text : NULL);
}

static int print_json(const struct ruled *r)
{
	const char *in = "", *glob = rules_glob(r->bound.rules, r->rule, &in);
	struct json j = {0};
	cleanup(buf) struct buf out = {0};
	json_object(&j, NULL);
	json_text(&j, "path", r->path);
	json_text(&j, "class", rules_class_name(r->class));
	json_text(&j, "sealed_as", r->sealed ? r->now : NULL);
	json_text(&j, "preset", r->bound.preset);
	json_text(&j, "bound_by", r->bound.by);
	json_text(&j, "bound_to", r->bound.path);
	json_text(&j, "rule", glob);
	json_text(&j, "rule_of", glob == NULL ? NULL : in);
	json_bool(&j, "files_only", rules_files(r->bound.rules, r->rule));
	json_text(&j, "retention", r->bound.mode);
	json_span(&j, "retain_default", r->terms.usual);
	json_span(&j, "retain_min", r->terms.least);
	json_span(&j, "retain_max", r->terms.most);
	json_close_object(&j);
	int err = json_end(&j, &out);
	if (err == 0)
		printf("%.*s\n", (int)out.n, (char *)out.p);
	return err;
}

static bool is_ours(const char *rest)
{
	size_t n = sizeof OURS - 1;
	return strncmp(rest, OURS, n) == 0 &&
		(rest[n] == '\0' || rest[n] == '/');
}

static int one(const char *path, bool as_json)
{
	cleanup(free) char *root = NULL, *rest = NULL, *text = NULL;
	struct ruled r = {0};
	int err = place_future(path, &root, &rest);
	if (err == 0 && is_ours(rest))
		return -EPERM;
	cleanup(free) char *whole = err != 0 ? NULL : text_of("%s%s%s", root,
		*rest != '\0' ? "/" : "", rest);
	if (err == 0 && whole == NULL)
		err = -ENOMEM;
	if (err == 0)
		look(whole, &r);
	if (err == 0)
		err = ask(whole, strlen(root), &text);
	if (err == 0)
		err = rules_parse(text, &r.bound);
	if (err != 0)
		return err == -ENOENT ? -ENOTTY : err;
	r.path = *rest != '\0' ? rest : "/";
	judge(&r);
	if (as_json)
		err = print_json(&r);
	else
		print(&r);
	rules_bound_done(&r.bound);
	return err;
}

int cmd_rules(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "rules", .help = help};
	bool as_json = false;
	int exit = CLI_DONE;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;)
		if (opt == 'j')
			as_json = true;
		else
			return c.exit;
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	for (; optind < argc; optind++) {
		int err = one(argv[optind], as_json);
		if (err == 0)
			continue;
		if (err == -ENOTTY)
			cli_say(&c, "%s is not in a mounted vault",
				argv[optind]);
		else if (err == -EPERM)
			cli_say(&c, "%s: .notary is not a place for files",
				argv[optind]);
		else
			cli_say(&c, "%s: %s", argv[optind], cli_why(-err));
		exit = CLI_REFUSED;
	}
	return fflush(stdout) != 0 ? CLI_REFUSED : exit;
}

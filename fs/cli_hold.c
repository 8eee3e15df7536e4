#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/ask.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/kept.h"
#include "fs/orders.h"
#include "fs/place.h"
#include "fs/text.h"

static const char help[] =
"usage: notaryfs hold [--case ID [--release [--key FILE] [--reason TEXT]]] [-r] [--json] PATH...\n"
"Holds sealed files in a mounted vault for a case: they cannot be deleted,\n"
"whatever their dates, until the hold is released, for which the governance key\n"
"of the vault is needed.  Without a case, prints dates and holds of files.\n"
"\n"
"  --case ID        the case, one line of at most 64 bytes\n"
"  --release        end the hold of that case\n"
"  --key FILE       the governance key (VAULT/governance.key)\n"
"  --reason TEXT    why it is released; it is recorded\n"
"  -r, --recursive  everything below PATH but symbolic links\n"
"  --json           print what is known or was done as JSON\n"
"  -h, --help       print this\n"
"\n"
"Exit code 0: all; 1: some were refused; 2: some are not sealed yet.\n";

struct holding {
	const char *name;	/* the case */
	struct orders o;
};

/* A symbolic link takes no hold: 0, or what its visit ends with. */
static int pass_link(struct kept *k, const struct placed *p)
{
	if (!S_ISLNK(p->st->st_mode))
		return 0;
	if (k->recursive)
		return 1;
	cli_say(k->c, "%s: a symbolic link cannot be held", p->name);
	return -ECANCELED;
}

static int place(struct kept *k, const struct placed *p, const char *root,
	const char *rest)
{
	struct holding *h = k->ctx;
	int link = pass_link(k, p);
	(void)root;
	(void)rest;
	if (link != 0)
		return link;
	if (!kept_sealed(p))
		return -EBUSY;
	return ask(p->path, p->st, "hold", h->name);
}

/* The hash of the record that placed the hold, out of the answer to "holds":
 * lines of "HASH CASE". */
static int find_hold(char *lines, const char *name, struct hash *ret)
{
	for (char *at = lines, *next; at != NULL; at = next) {
		next = strchr(at, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (strlen(at) <= HASH_HEX || at[HASH_HEX] != ' ' ||
		    strcmp(at + HASH_HEX + 1, name) != 0)
			continue;
		at[HASH_HEX] = '\0';
		return hex_decode(at, ret->b, HASH_LEN) == 0 ? 0 : -EBADMSG;
	}
	return -ENOENT;
}

static int release(struct kept *k, const struct placed *p, const char *root,
	const char *rest)
{
	struct holding *h = k->ctx;
	cleanup(free) char *line = text_of("holds %s", rest);
	cleanup(buf) struct buf lines = {0}, answer = {0};
	struct hash placed;
	int link = pass_link(k, p);
	if (link != 0)
		return link;
	if (!kept_sealed(p))
		return -EBUSY;
	int err = line == NULL ? -ENOMEM : orders_ask(root, line, &lines);
	if (err == 0)
		err = buf_add(&lines, "", 1);
	if (err == 0)
		err = find_hold((char *)lines.p, h->name, &placed);
	if (err == -ENOENT) {
		cli_say(k->c, "%s: it is not held for %s", p->name, h->name);
		return 1;
	}
	if (err == 0)
		err = orders_give(&h->o, root, RECORD_HOLD,
			BYTES(rest, strlen(rest)), &placed, &answer);
	if (err != 0 && answer.n > 0)
		cli_say(k->c, "%s: %.*s", p->name, (int)answer.n,
			(const char *)answer.p);
	return err != 0 && (answer.n > 0 || err == -EKEYREVOKED) ?
		-ECANCELED : err;
}

static int run(struct kept *k, char **path, int n, bool recursive,
	bool as_json)
{
	const struct holding *h = k->ctx;
	int r = kept_run(k, path, n, recursive);
	const char *what = k->visit == release ? "released" : "held";
	if (as_json)
		printf("{\"%s\": %llu, \"unsealed\": %llu, \"refused\": %llu}\n",
			what, (unsigned long long)k->done,
			(unsigned long long)k->unsealed,
			(unsigned long long)k->refused);
	else if (k->done > 0)
		printf("%llu files are %s for %s\n",
			(unsigned long long)k->done, what, h->name);
	return fflush(stdout) != 0 ? CLI_REFUSED : r;
}

static int check(const struct cli *c, const struct holding *h, bool releases)
{
	if (h->name == NULL && releases)
		return cli_usage(c, "--release needs the --case");
	if (h->name != NULL && !record_text_ok(BYTES(h->name, strlen(h->name)),
			RECORD_CASE_MAX))
		return cli_usage(c, "--case: must be one line of at most %d "
			"bytes", RECORD_CASE_MAX);
	if (!record_text_ok(BYTES(h->o.reason, strlen(h->o.reason)),
			RECORD_REASON_MAX))
		return cli_usage(c, "--reason: must be one line of at most %d "
			"bytes", RECORD_REASON_MAX);
	return CLI_DONE;
}

int cmd_hold(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"case", required_argument, NULL, 'c'},
		{"release", no_argument, NULL, 'R'},
		{"key", required_argument, NULL, 'k'},
		{"reason", required_argument, NULL, 'w'},
		{"recursive", no_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "hold", .help = help};
	struct holding h = {.o = {.c = &c, .entropy = a->entropy,
		.reason = "released"}};
	struct kept k = {.c = &c, .visit = place, .ctx = &h,
		.refusal = "refused: only its owner can have it held"};
	bool recursive = false, as_json = false, releases = false;
	for (int opt; (opt = cli_option(&c, argc, argv, ":rh", names)) != -1;)
		switch (opt) {
		case 'c':
			h.name = optarg;
			break;
		case 'R':
			releases = true;
			break;
		case 'k':
			h.o.key_file = optarg;
			break;
		case 'w':
			h.o.reason = optarg;
			break;
		case 'r':
			recursive = true;
			break;
		case 'j':
			as_json = true;
			break;
		default:
			return c.exit;
		}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	int r = check(&c, &h, releases);
	if (r != CLI_DONE)
		return r;
	if (releases)
		k.visit = release;
	r = h.name == NULL ? kept_list(&k, &argv[optind], argc - optind,
		recursive, as_json) : run(&k, &argv[optind], argc - optind,
		recursive, as_json);
	orders_done(&h.o);
	return r;
}

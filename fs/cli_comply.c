#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/orders.h"
#include "fs/place.h"
#include "fs/vault.h"

#define TYPED 8			/* digits of the anchor to be typed */

static const char help[] =
"usage: notaryfs comply --reason TEXT [--key FILE] [--yes] VAULT|DIR\n"
"Makes a vault of mode governance one of mode compliance, for ever: from then on\n"
"nobody deletes a sealed file before its date, whoever has the governance key.\n"
"Holds are placed and released as before.  The vault must be mounted.  The\n"
"reason and a signature by the governance key are recorded in the chain.\n"
"\n"
"  --reason TEXT  why; everybody who reads the chain sees it\n"
"  --key FILE     the governance key (VAULT/governance.key)\n"
"  --yes          do not ask twice; needed where there is no terminal\n"
"  -h, --help     print this\n";

struct complying {
	struct orders o;
	const char *path;
	bool yes;
};

/* The root of the mount that PATH or its vault is in. */
static int find_root(const struct complying *k, char **ret)
{
	const struct cli *c = k->o.c;
	cleanup(free) char *rest = NULL;
	struct vault *v;
	char *why = NULL;
	int pid;
	if (!place_is_vault(k->path)) {
		if (place_mount(k->path, ret, &rest) == 0)
			return 0;
		cli_say(c, place_closed(k->path) ? "%s: Permission denied" :
			"%s is neither a mounted vault nor in one", k->path);
		return -ENOENT;
	}
	if (vault_open(k->path, &v, &why) != 0) {
		cli_say_lines(c, why);
		return -EINVAL;
	}
	int err = vault_mounted(v, &pid, ret);
	if (err != 0)
		cli_say(c, "%s is not mounted: mount it first", k->path);
	else if ((err = place_is(*ret, &v->anchor)) == -ESTALE)
		cli_say(c, "%s was mounted at %s, where another vault is now: "
			"unmount that one, then try again", k->path, *ret);
	else if (err != 0)
		cli_say(c, "%s: %s", *ret, err == -ENOENT ? "nothing is "
			"mounted there any more, or not yet: try again" :
			cli_why(-err));
	vault_close(v);
	return err;
}

/* What is typed on the terminal, without its newline. */
static bool answered(const char *question, const char *want)
{
	char line[80];
	printf("%s: ", question);
	if (fflush(stdout) != 0 || fgets(line, sizeof line, stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, want) == 0;
}

/* A slip of the hand is not enough, nor the wrong vault. */
static bool meant(const struct complying *k, const char *root)
{
	char hex[HASH_HEX + 1];
	struct hash anchor;
	if (k->yes)
		return true;
	if (place_anchor(root, &anchor) != 0)
		return false;
	hex_encode(HASH_BYTES(&anchor), hex);
	hex[TYPED] = '\0';
	printf("The vault mounted at %s becomes one of mode compliance.  Nobody "
		"can undo that,\nand nobody, with any key, will be able to "
		"delete a file before its date.\n", root);
	return answered("Type \"compliance\" to go on", "compliance") &&
		answered("Type the first 8 digits of the vault's anchor", hex);
}

static int comply(struct complying *k)
{
	const struct cli *c = k->o.c;
	cleanup(free) char *root = NULL;
	cleanup(buf) struct buf mode = {0}, answer = {0};
	struct hash anchor;
	if (find_root(k, &root) != 0)
		return CLI_REFUSED;
	int err = orders_ask(root, "mode", &mode);
	if (err == 0)
		err = place_anchor(root, &anchor);
	if (err != 0) {
		cli_say(c, "%s: %s", root, strerror(-err));
		return CLI_REFUSED;
	}
	if (bytes_equal(BUF_BYTES(&mode), BYTES("compliance", 10))) {
		printf("%s is of mode compliance already\n", root);
		return fflush(stdout) != 0 ? CLI_REFUSED : CLI_DONE;
	}
	if (bytes_equal(BUF_BYTES(&mode), BYTES("none", 4))) {
		cli_say(c, "%s was made without --retention: nothing in it is "
			"ever deleted, and that never changes", root);
		return CLI_REFUSED;
	}
	if (!meant(k, root)) {
		cli_say(c, "nothing was changed");
		return CLI_REFUSED;
	}
	err = orders_give(&k->o, root, RECORD_COMPLIANCE, BYTES("", 0), &anchor,
		&answer);
	if (err != 0 && err != -EKEYREVOKED)
		cli_say(c, "%s: %s", root, answer.n > 0 &&
			buf_add(&answer, "", 1) == 0 ? (char *)answer.p :
			strerror(-err));
	if (err != 0)
		return CLI_REFUSED;
	printf("%s is of mode compliance from now on\n", root);
	return fflush(stdout) != 0 ? CLI_REFUSED : CLI_DONE;
}

int cmd_comply(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"reason", required_argument, NULL, 'r'},
		{"key", required_argument, NULL, 'k'},
		{"yes", no_argument, NULL, 'y'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "comply", .help = help};
	struct complying k = {.o = {.c = &c, .entropy = a->entropy}};
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;)
		switch (opt) {
		case 'r':
			k.o.reason = optarg;
			break;
		case 'k':
			k.o.key_file = optarg;
			break;
		case 'y':
			k.yes = true;
			break;
		default:
			return c.exit;
		}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one vault or mounted folder");
	if (k.o.reason == NULL || !record_text_ok(BYTES(k.o.reason,
			strlen(k.o.reason)), RECORD_REASON_MAX))
		return cli_usage(&c, "--reason is needed: one line of at most "
			"%d bytes", RECORD_REASON_MAX);
	if (!k.yes && !isatty(STDIN_FILENO))
		return cli_usage(&c, "this cannot be undone: --yes is needed "
			"where nobody can be asked");
	k.path = argv[optind];
	int r = comply(&k);
	orders_done(&k.o);
	return r;
}

#include <stdio.h>
#include <errno.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/place.h"
#include "fs/text.h"
#include "fs/vault.h"

static const char help[] =
"usage: notaryfs anchor VAULT|DIR [--json]\n"
"Prints the anchor of a vault, or of the one mounted at DIR: 64 hex digits.\n"
"\n"
"  --json      print it as JSON\n"
"  -h, --help  print this\n";

static int find(const char *path, struct hash *ret)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	if (place_is_vault(path)) {
		cleanup(free) char *file = text_of("%s/anchor", path);
		return file == NULL ? -ENOMEM : vault_anchor_read(file, ret);
	}
	int err = place_mount(path, &root, &rest);
	return err != 0 ? err : place_anchor(root, ret);
}

int cmd_anchor(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "anchor", .help = help};
	bool as_json = false;
	(void)a;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		as_json = true;
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one vault or mounted folder");
	struct hash anchor;
	char hex[HASH_HEX + 1];
	int err = find(argv[optind], &anchor);
	if (err != 0) {
		if (err == -ENOENT && place_closed(argv[optind]))
			err = -EACCES;
		if (err == -ENOENT && place_is_vault(argv[optind]))
			err = -EBADMSG;
		cli_say(&c, "%s: %s", argv[optind], err == -ENOENT
			? "is neither a vault nor in a mounted one"
			: err == -EBADMSG ? "its anchor is gone or damaged; "
			"notaryfs status says how to put it back"
			: cli_why(-err));
		return CLI_REFUSED;
	}
	hex_encode(HASH_BYTES(&anchor), hex);
	printf(as_json ? "{\"anchor\":\"%s\"}\n" : "%s\n", hex);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_REFUSED;
}

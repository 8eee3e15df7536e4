#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/orders.h"
#include "fs/place.h"
#include "fs/text.h"

static const char help[] =
"usage: notaryfs delete --reason TEXT [--key FILE] [--json] PATH...\n"
"Deletes sealed files before their time, in a mounted vault that was made with\n"
"--retention governance.  Path, reason and a signature by the governance key are\n"
"recorded in the chain; certificates of the file stay valid.  Its plain bytes go\n"
"at once.  In the buckets only files above 16 MiB have objects of their own,\n"
"which are erased when the deletion is final; the bytes of smaller ones stay\n"
"there, and whoever has enough buckets can get at them.\n"
"\n"
"  --reason TEXT  why; everybody who reads the chain sees it\n"
"  --key FILE     the governance key (VAULT/governance.key)\n"
"  --json         print what became of each file as JSON\n"
"  -h, --help     print this\n";

struct deleting {
	struct orders o;
	struct json *json;	/* NULL: text */
};

/* H(d) of the record that seals it; -ENODATA: none does. */
static int record_hash(const char *root, const char *rest, struct hash *ret)
{
	cleanup(free) char *line = text_of("record %s", rest);
	cleanup(buf) struct buf answer = {0};
	if (line == NULL)
		return -ENOMEM;
	int err = orders_ask(root, line, &answer);
	if (err == 0)
		err = buf_add(&answer, "", 1);
	if (err == 0)
		err = hex_decode((char *)answer.p, ret->b, HASH_LEN);
	return err == -ENOENT && answer.n > 0 ? -ENODATA : err;
}

/* The daemon's "deleted SIZE packed|extents". */
static void tell(struct deleting *g, const char *path, struct bytes answer)
{
	uint64_t size = 0;
	char where[16] = "", text[128], human[32];
	snprintf(text, sizeof text, "%.*s", (int)answer.n,
		(const char *)answer.p);
	sscanf(text, "deleted %" SCNu64 " %15s", &size, where);
	bool erased = strcmp(where, "extents") == 0;
	cli_bytes(size, human);
	if (g->json != NULL) {
		json_object(g->json, NULL);
		json_text(g->json, "path", path);
		json_uint(g->json, "bytes", size);
		json_text(g->json, "in_buckets", size == 0 ? NULL :
			erased ? "erased when final" : "stay");
		json_close_object(g->json);
	} else if (size == 0) {
		cli_print("%s: deleted; it had no bytes", path);
	} else if (erased) {
		cli_print("%s: deleted; its %s are erased from the buckets "
			"when that is final, but for pieces of 64 MiB that "
			"another file has too", path, human);
	} else {
		cli_print("%s: deleted; its %s stay in the buckets, in an "
			"object that holds other files and records too", path,
			human);
	}
}

static int one(struct deleting *g, const char *path)
{
	const struct cli *c = g->o.c;
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(buf) struct buf answer = {0};
	struct hash about;
	int err = place_mount(path, &root, &rest);
	if (err == -ENOENT && place_exists(path)) {
		cli_say(c, "%s is not in a mounted vault", path);
		return CLI_REFUSED;
	}
	if (err == 0)
		err = record_hash(root, rest, &about);
	if (err != 0) {
		cli_say(c, "%s: %s", path, err == -ENODATA ? "it is not a "
			"sealed file: what is not sealed can be unlinked" :
			cli_why(-err));
		return CLI_REFUSED;
	}
	err = orders_give(&g->o, root, RECORD_DELETION,
		BYTES(rest, strlen(rest)), &about, &answer);
	if (err == 0)
		tell(g, path, BUF_BYTES(&answer));
	else if (answer.n > 0)
		cli_say(c, "%s: %.*s", path, (int)answer.n,
			(const char *)answer.p);
	else if (err != -EKEYREVOKED)
		cli_say(c, "%s: %s", path, cli_why(-err));
	return err == 0 ? CLI_DONE : err == -EBUSY ? CLI_INCOMPLETE :
		CLI_REFUSED;
}

static int all(struct deleting *g, char **path, int n, bool as_json)
{
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	int r = CLI_DONE;
	g->json = as_json ? &j : NULL;
	json_object(&j, NULL);
	json_array(&j, "deleted");
	for (int i = 0; i < n; i++) {
		int k = one(g, path[i]);
		r = k == CLI_DONE || r == CLI_REFUSED ? r : k;
	}
	json_close_array(&j);
	json_close_object(&j);
	if (json_end(&j, &text) != 0)
		return CLI_REFUSED;
	if (as_json)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return fflush(stdout) != 0 ? CLI_REFUSED : r;
}

int cmd_delete(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"reason", required_argument, NULL, 'r'},
		{"key", required_argument, NULL, 'k'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "delete", .help = help};
	struct deleting g = {.o = {.c = &c, .entropy = a->entropy}};
	bool as_json = false;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;)
		switch (opt) {
		case 'r':
			g.o.reason = optarg;
			break;
		case 'k':
			g.o.key_file = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		default:
			return c.exit;
		}
	if (optind == argc)
		return cli_usage(&c, "name at least one path");
	if (g.o.reason == NULL || !record_text_ok(BYTES(g.o.reason,
			strlen(g.o.reason)), RECORD_REASON_MAX))
		return cli_usage(&c, "--reason is needed: one line of at most "
			"%d bytes", RECORD_REASON_MAX);
	int r = all(&g, &argv[optind], argc - optind, as_json);
	orders_done(&g.o);
	return r;
}

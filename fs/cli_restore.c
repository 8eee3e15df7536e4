#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/apart.h"
#include "fs/assembly.h"
#include "fs/cli_chain.h"
#include "fs/findings.h"
#include "fs/restore.h"

static const char help[] =
"usage: notaryfs restore --anchor HEX|FILE [--history DIR2] DIR BUCKET...\n"
"Restores plain files, their metadata and their certificates (DIR/FILE and\n"
"DIR/.certs/FILE.cert) into a new or empty folder, out of buckets alone: of a\n"
"3/6 vault any three.  The chain is verified first, each file by its content\n"
"root before it gets its name.  Owners are restored by root only.\n"
"\n"
"  --anchor HEX  the chain's anchor, or a file that holds it\n"
"  --history DIR2  also what paths had before, into another new or empty\n"
"                folder: DIR2/history/PATH/N and N.cert, numbered as below\n"
"                .notary/history, but for what DIR has; DIR2/deleted/PATH and\n"
"                .certs/PATH.cert, the last of each name that is gone\n"
"  --json        print the result as JSON\n"
"  -h, --help    print this\n"
"\n"
"Exit code 0: everything; 1: nothing could be restored; 2: what could be, and\n"
"the rest is named.\n";

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	bool any = d == NULL;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		any = any || (strcmp(e->d_name, ".") != 0 &&
			strcmp(e->d_name, "..") != 0);
	if (d != NULL)
		closedir(d);
	else if (copy >= 0)
		close(copy);
	return !any;
}

/* The folder's descriptor, or negative after a complaint. */
static int open_target(const struct cli *c, const char *dir)
{
	if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
		cli_say(c, "%s: %s", dir, strerror(errno));
		return -1;
	}
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cli_say(c, "%s: %s", dir, strerror(errno));
		return -1;
	}
	if (is_empty(fd))
		return fd;
	cli_say(c, "%s is not empty: restore needs a new or empty folder", dir);
	close(fd);
	return -1;
}

/* The second one, beside the first, which is fd. */
static int open_past(const struct cli *c, int fd, const char *dir,
	const char *past)
{
	struct stat st, other;
	int to = open_target(c, past);
	if (to < 0)
		return to;
	if (is_empty(fd) && fstat(fd, &st) == 0 && fstat(to, &other) == 0 &&
	    (st.st_ino != other.st_ino || st.st_dev != other.st_dev))
		return to;
	cli_say(c, "--history %s: name a folder that is not %s, nor in it",
		past, dir);
	close(to);
	return -1;
}

static int print(const struct ledger *l, const struct restore_counts *n,
	bool past, bool as_json)
{
	char size[32];
	cli_bytes(n->bytes, size);
	if (!as_json) {
		printf("restored %" PRIu64 " files (%s), %" PRIu64 " folders, %"
			PRIu64 " symbolic links, %" PRIu64 " hard links, %"
			PRIu64 " certificates\n", n->files, size, n->folders,
			n->symlinks, n->links, n->certificates);
		if (past)
			printf("%" PRIu64 " former versions, %" PRIu64 " of "
				"them the last of a name that is gone\n",
				n->versions, n->deleted);
		if (n->keeping.dated > 0 || n->keeping.held > 0)
			printf("%" PRIu64 " of the files are kept until a date "
				"(their access time), %" PRIu64 " are held\n",
				n->keeping.dated, n->keeping.held);
		return 0;
	}
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	json_object(&j, NULL);
	json_text(&j, "anchor", l->prefix);
	json_uint(&j, "files", n->files);
	json_uint(&j, "bytes", n->bytes);
	json_uint(&j, "folders", n->folders);
	json_uint(&j, "symlinks", n->symlinks);
	json_uint(&j, "links", n->links);
	json_uint(&j, "certificates", n->certificates);
	json_uint(&j, "versions", n->versions);
	json_uint(&j, "deleted", n->deleted);
	json_uint(&j, "failed", n->failed);
	json_uint(&j, "dated", n->keeping.dated);
	json_uint(&j, "held", n->keeping.held);
	json_close_object(&j);
	int err = json_end(&j, &text);
	if (err == 0)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return err;
}

static bool enough(const struct cli *c, struct ledger *l)
{
	if (ledger_enough(l))
		return true;
	for (unsigned i = 0; i < l->n_buckets; i++)
		if (l->bucket[i].foreign)
			cli_say(c, "%s holds nothing of this chain",
				l->bucket[i].path);
		else if (l->bucket[i].worm != NULL)
			cli_say(c, "%s holds share %d", l->bucket[i].path,
				l->bucket[i].share);
	cli_say(c, "contents need %u buckets of this chain's %u, and %u can be "
		"used: nothing is restored", l->params.share_k,
		l->params.share_n, ledger_usable(l));
	return false;
}

static int run(const struct cli *c, struct ledger *l, const char *dir,
	const struct cli_chain *o)
{
	struct restore *r = NULL;
	struct restore_counts n = {0};
	if (!enough(c, l))
		return CLI_REFUSED;
	cleanup(close) int fd = open_target(c, dir);
	if (fd < 0)
		return CLI_REFUSED;
	cleanup(close) int past = o->history == NULL ? -1
		: open_past(c, fd, dir, o->history);
	if (o->history != NULL && past < 0)
		return CLI_REFUSED;
	int err = restore_new(l, fd, past, &r);
	if (err == 0)
		err = ledger_read(l, restore_note, r);
	if (err == 0 && l->n_blocks == 0) {
		cli_say(c, "not even block zero can be verified: nothing is "
			"restored");
		restore_free(r);
		rmdir(dir);
		return CLI_REFUSED;
	}
	ledger_lacks(l, 0);
	if (err == 0)
		err = restore_run(r, &n);
	restore_free(r);
	cli_progress_end();
	if (err != 0) {
		cli_say(c, "%s: %s", dir, strerror(-err));
		return n.files > 0 ? CLI_INCOMPLETE : CLI_REFUSED;
	}
	err = print(l, &n, past >= 0, o->json);
	if (err != 0 || fflush(stdout) != 0)
		return CLI_REFUSED;
	if (!ledger_whole(l))
		cli_say(c, "the chain is verified up to height %zu only: what "
			"follows is not restored", l->n_blocks - 1);
	bool all = n.failed == 0 && l->incomplete == 0 && ledger_whole(l);
	return all ? CLI_DONE : n.files > 0 ? CLI_INCOMPLETE : CLI_REFUSED;
}

int cmd_restore(const struct assembly *a, int argc, char **argv)
{
	struct cli c = {.name = "restore", .help = help};
	struct cli_chain o;
	if (!cli_chain(&c, argc, argv, true, &o))
		return c.exit;
	if (!o.has_anchor)
		return cli_usage(&c, "--anchor is needed: without it nothing "
			"says which chain is the right one");
	if (optind + 2 > argc)
		return cli_usage(&c, "name a folder and the buckets");
	if (!apart(&c, argv[optind]) ||
	    (o.history != NULL && !apart(&c, o.history)))
		return CLI_REFUSED;
	struct findings f = {.c = &c};
	struct ledger_events events = findings_events(&f);
	struct ledger *l;
	char *why;
	if (ledger_open(a, &o.anchor, &argv[optind + 1],
			(unsigned)(argc - optind - 1), &events, &l, &why) != 0) {
		cli_say_lines(&c, why);
		return CLI_REFUSED;
	}
	int r = run(&c, l, argv[optind], &o);
	findings_end(&f);
	ledger_close(l);
	return r;
}

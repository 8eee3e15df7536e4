#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/file.h"
#include "fs/inside.h"
#include "fs/outtree.h"
#include "fs/vault.h"
#include "tests/tap/tap.h"

static char dir[] = "/tmp/t_vault.XXXXXX";

static char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned at;
	char *p = path[at++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

/* Another process: an OFD lock belongs to the open file. */
static int lock_elsewhere(struct vault *v, char **ret_holder)
{
	struct vault other = {.path = v->path, .lock_fd = -1};
	int err = vault_lock(&other, "/elsewhere", ret_holder);
	if (other.lock_fd >= 0)
		close(other.lock_fd);
	return err;
}

static void locks(void)
{
	struct vault v = {.path = dir, .lock_fd = -1};
	cleanup(free) char *holder = NULL, *at = NULL, *none = NULL;
	int pid = 0;
	is_int(mkdir(in_dir("state"), 0700), 0, "a state folder");
	is_int(vault_mounted(&v, &pid, &at), -ENOENT, "not mounted");
	is_int(vault_lock(&v, "/some where", &none), 0, "the lock is taken");
	is_int(vault_mounted(&v, &pid, &at), 0, "now it is mounted");
	is_int(pid, getpid(), "by this process");
	is_str(at, "/some where", "at that place");
	close(v.lock_fd);
	is_int(vault_lock(&v, "", &none), 0, "a repair takes it");
	is_int(lock_elsewhere(&v, &holder), -EBUSY, "nobody else gets it");
	char want[128];
	snprintf(want, sizeof want, "being repaired by process %d",
		(int)getpid());
	is_str(holder, want, "and is told who has it");
	close(v.lock_fd);
	free(at);
	at = NULL;
	is_int(vault_mounted(&v, &pid, &at), -ENOENT,
		"asking did not take it, closing gave it back");
	free(holder);
	holder = NULL;
	is_int(lock_elsewhere(&v, &holder), 0, "it can be taken again");
}

static void anchors(void)
{
	static const struct {
		const char *text;
		int err;
	} t[] = {
		{"ab%062d\n", 0}, {"AB%062d", 0}, {"ab%062d \r\n", 0},
		{"%063d\n", -EBADMSG}, {"%065d\n", -EBADMSG},
		{"xy%062d\n", -EBADMSG}, {"ab%062d\nmore", -EBADMSG},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char text[128];
		struct hash h = {{0}};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(text, sizeof text, t[i].text, 0);
#pragma GCC diagnostic pop
		unlink(in_dir("anchor"));
		if (file_write_new(in_dir("anchor"), 0600,
				BYTES(text, (size_t)n)) != 0)
			bail("no scratch file");
		is_int(vault_anchor_read(in_dir("anchor"), &h), t[i].err,
			"anchor file %zu", i);
		ok(t[i].err != 0 || h.b[0] == 0xab, "its first byte");
	}
}

static void files(void)
{
	cleanup(buf) struct buf b = {0};
	is_int(file_write_new(in_dir("f"), 0640, BYTES("12345", 5)), 0,
		"a new file");
	is_int(file_write_new(in_dir("f"), 0640, BYTES("x", 1)), -EEXIST,
		"is never replaced");
	is_int(file_read(in_dir("f"), 4, &b), -EFBIG, "a limit of 4");
	is_int(file_read(in_dir("f"), 5, &b), 0, "a limit of 5");
	is_bytes(BUF_BYTES(&b), BYTES("12345", 5), "its content");
}

static int keep(struct outtree *t, const char *path)
{
	struct outfile f;
	int err = outtree_begin(t, BYTES(path, strlen(path)), &f);
	return err != 0 ? err : outtree_keep(t, &f, NULL);
}

/* Hostile paths: nothing is made outside the folder. */
static void tree(void)
{
	is_int(mkdir(in_dir("out"), 0700), 0, "a folder to restore into");
	cleanup(close) int root = open(in_dir("out"),
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct outtree t = {root, false};
	is_int(keep(&t, "a/b/c"), 0, "folders on the way are made");
	is_int(keep(&t, "a/b/c"), -EEXIST, "a name is taken once");
	is_int(access(in_dir("out/a/b/.restore-2"), F_OK), -1,
		"the temporary name is gone in either case");
	static const char *const bad[] = {"../x", "/x", "a/../../x", "a//x",
		"a/./x", "", "a/"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(keep(&t, bad[i]), -EINVAL, "refused: '%s'", bad[i]);
	is_int(symlink("..", in_dir("out/up")), 0, "a link that leads out");
	ok(keep(&t, "up/x") < 0, "is not followed");
	ok(access(in_dir("x"), F_OK) != 0, "nothing is outside");
	struct record link = {.kind = RECORD_LINK,
		.path = BYTES("l", 1), .target = BYTES("up/f", 4)};
	ok(outtree_link(&t, &link) < 0, "nor for a hard link's first name");
	link.target = BYTES("../f", 4);
	is_int(outtree_link(&t, &link), -EINVAL, "nor by dots");
	link.target = BYTES("a/b/c", 5);
	is_int(outtree_link(&t, &link), 0, "inside it works");
	ok(inside_open(root, BYTES("up", 2), O_RDONLY, 0) < 0,
		"inside_open follows no link at the end either");
}

int main(void)
{
	plan(0);
	if (mkdtemp(dir) == NULL)
		bail("no scratch folder");
	locks();
	anchors();
	files();
	tree();
	char rm[64];
	snprintf(rm, sizeof rm, "rm -rf %s", dir);
	if (system(rm) != 0)
		diag("%s is left", dir);
	return done();
}

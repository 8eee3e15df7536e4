/* A tree checked by many threads: its order, and that memory stays bounded
 * however much each certificate says. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/verifypool.h"
#include "fs/verifytree.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define FILES 3000
/* KiB; the rest of notary-verify's 64 MiB is for large files and the walk. */
#define MEMORY (40L << 10)

static char *dir;

static void save(const char *name, struct bytes data)
{
	const char *path = scratch_path(dir, name);
	FILE *f = fopen(path, "wxe");

	if (f == NULL || fwrite(data.p, 1, data.n, f) != data.n ||
		fclose(f) != 0)
		bail("cannot write %s", path);
}

/* FILES names of one file whose recorded name takes some 24 KiB in JSON. */
static void make_tree(const struct mkchain *c)
{
	static const uint8_t zeros[100];
	cleanup(buf) struct buf cert = {0};
	char name[32];
	int i;

	mkchain_cert(c, 0, &cert);
	save("0000", BYTES(zeros, sizeof(zeros)));
	save("0000.cert", BUF_BYTES(&cert));
	for (i = 1; i < FILES; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		if (link(scratch_path(dir, "0000"), scratch_path(dir, name)))
			bail("cannot link %s", name);
		snprintf(name, sizeof(name), "%04d.cert", i);
		if (link(scratch_path(dir, "0000.cert"),
			    scratch_path(dir, name)))
			bail("cannot link %s", name);
	}
}

static int check(const struct mkchain *c, unsigned threads, FILE *out)
{
	struct verifytree_options o = {.dir = dir, .anchor = &c->anchor,
		.json = true, .threads = threads, .out = out};
	struct verifytree_counts n;
	const char *unread;

	return verifytree(&o, &n, &unread) == 0 && n.valid == FILES &&
		       n.renamed == FILES ? 0 : 1;
}

/* In a process of its own, and what that took. */
static void memory(const struct mkchain *c)
{
	FILE *null = fopen("/dev/null", "we");
	struct rusage used;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(check(c, VERIFYPOOL_THREADS_MAX, null));
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		bail("cannot run a check");
	fclose(null);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"%d threads judge all %d files", VERIFYPOOL_THREADS_MAX, FILES);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(1, "a sanitizer has memory of its own");
#else
	ok(used.ru_maxrss < MEMORY, "in %ld KiB", used.ru_maxrss);
#endif
}

/* Each line in its place, also where a batch was printed in pieces. */
static void order(const struct mkchain *c)
{
	static const unsigned threads[2] = {1, VERIFYPOOL_THREADS_MAX};
	char *out[2] = {NULL, NULL};
	size_t n[2], i, lines = 0;
	FILE *f;

	for (i = 0; i < 2; i++) {
		f = open_memstream(&out[i], &n[i]);
		if (f == NULL || check(c, threads[i], f) != 0)
			bail("cannot check the tree");
		fclose(f);
	}
	for (i = 0; i < n[0]; i++)
		lines += out[0][i] == '\n';
	is_int(lines, FILES, "each file has a line");
	ok(n[0] == n[1] && memcmp(out[0], out[1], n[0]) == 0,
		"in the same place, whatever the number of threads");
	free(out[0]);
	free(out[1]);
}

int main(void)
{
	struct mkchain c;

	plan(4);
	mkchain_init(&c, 0);
	mkchain_large(&c, 100);
	dir = scratch_new();
	make_tree(&c);
	memory(&c);
	order(&c);
	scratch_remove(dir);
	mkchain_done(&c);
	return done();
}

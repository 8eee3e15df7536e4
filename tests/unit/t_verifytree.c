/* A tree checked by many threads: its order, and that memory stays bounded
 * however much each certificate says. */
#include <fcntl.h>
#include <limits.h>
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

static struct verifytree_counts counts_of(const struct mkchain *c)
{
	FILE *null = fopen("/dev/null", "we");
	struct verifytree_options o = {.dir = dir, .anchor = &c->anchor,
		.out = null};
	struct verifytree_counts n;
	const char *unread;

	if (null == NULL || verifytree(&o, &n, &unread) != 0)
		bail("cannot check the tree");
	fclose(null);
	return n;
}

/* The certificate of a long name has one that was cut, and is no file of its
 * own as long as the other is there. */
static void long_name(void)
{
	static const uint8_t zeros[100];
	cleanup(buf) struct buf cert = {0};
	char path[3 + NAME_MAX] = "d/", *name = path + 2;
	char cut[CERTIFICATE_NAME_MAX + 1];
	struct verifytree_counts n;
	struct mkchain c;

	memset(name, 'L', CERTIFICATE_NAME_LONG + 1);
	name[CERTIFICATE_NAME_LONG + 1] = '\0';
	mkchain_init(&c, 0);
	mkchain_zeros(&c, BYTES(path, strlen(path)), sizeof(zeros));
	mkchain_cert(&c, 0, &cert);
	certificate_name(BYTES(name, strlen(name)), cut);
	dir = scratch_new();
	save(name, BYTES(zeros, sizeof(zeros)));
	save(cut, BUF_BYTES(&cert));
	n = counts_of(&c);
	ok(n.valid == 1 && n.refused == 0 && n.incomplete == 0 &&
			n.renamed == 0,
		"a long name and its certificate are one file");
	if (unlink(scratch_path(dir, name)) != 0)
		bail("cannot unlink");
	n = counts_of(&c);
	ok(n.valid == 0 && n.incomplete == 1, "without it, it is a file");
	scratch_remove(dir);
	mkchain_done(&c);
}

int main(void)
{
	struct mkchain c;

	plan(6);
	mkchain_init(&c, 0);
	mkchain_large(&c, 100);
	dir = scratch_new();
	make_tree(&c);
	memory(&c);
	order(&c);
	scratch_remove(dir);
	mkchain_done(&c);
	long_name();
	return done();
}

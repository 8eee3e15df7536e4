/*
 * minimount: the mount alone, over local state and without the write path:
 * what is sealed stays sealed.
 *
 *	minimount FILES DB MOUNT_POINT [name=value]...
 *
 * Besides the settings of notaryfs.conf there are clock=FILE and chain=FILE,
 * this machine's and the chain's clock, each read from its file (seconds since
 * 1970), mode=governance or mode=compliance, and refused=FILE, where what is
 * refused is noted.  What is sealed is final at
 * once where a chain's clock is given.
 *
 * Ends on SIGTERM, SIGINT or an unmount.  Lines for the journal go to stderr.
 * For tests of what the mount allows; the whole program is build/notaryfs.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/clock_system.h"
#include "backends/local_sqlite.h"
#include "core/cleanup.h"
#include "fs/mount.h"

#define BATCH 256		/* records made final together */

static struct mount *the_mount;
static struct local *the_local;
static const char *clock_file, *chain_file, *refused_log;
static struct params chain;	/* only what the mount looks at */

/* -- clocks out of files -- */

static uint64_t read_ms(const char *file)
{
	FILE *f = fopen(file, "r");
	unsigned long long s = 0;

	if (f == NULL || fscanf(f, "%llu", &s) != 1)
		s = 0;
	if (f != NULL)
		fclose(f);
	return s * 1000;
}

static uint64_t now_ms(struct clock *c)
{
	(void)c;
	return read_ms(clock_file);
}

static uint64_t mono_ms(struct clock *c)
{
	struct clock *real = clock_system();

	(void)c;
	return real->ops->mono_ms(real);
}

static struct clock *test_clock(void)
{
	static const struct clock_ops ops = {now_ms, mono_ms};
	static struct clock c = {&ops};

	return &c;
}

static int chain_time(void *ctx, uint64_t *ret_ms)
{
	(void)ctx;
	*ret_ms = read_ms(chain_file);
	return *ret_ms == 0 ? -ENODATA : 0;
}

/* -- blocks that hold nothing but their records, final at once -- */

struct batch {
	uint64_t id[BATCH];
	size_t n;
};

static int take(void *ctx, const struct local_record *r)
{
	struct batch *b = ctx;

	b->id[b->n++] = r->id;
	return b->n == BATCH;
}

static int make_final(struct local *l, const struct batch *b)
{
	static const struct hash none;
	struct local_block zero = {.state = LOCAL_FINAL, .n = 1};
	uint64_t height = 0;
	int rc = l->ops->tip(l, LOCAL_BATCHED, &height);

	if (rc == -ENOENT)
		rc = l->ops->put_genesis(l, &zero, BYTES("g", 1));
	height++;
	if (rc == 0)
		rc = l->ops->put_block(l, height, BYTES("b", 1), b->id, b->n,
			0);
	if (rc == 0)
		rc = l->ops->put_stamp(l, height, 0, BYTES("t", 1), &none);
	if (rc == 0)
		rc = l->ops->put_sequence(l, height, height, BYTES("s", 1),
			BYTES("n", 1));
	return rc != 0 ? rc : l->ops->set_final(l, height);
}

static void end(int sig)
{
	(void)sig;
	mount_exit(the_mount);
}

static void queued(void *ctx, bool hurry)
{
	/* One thread at a time: a block that another was made behind before
	 * it is final stays as it is for ever. */
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct batch b = {.n = 0};

	(void)ctx;
	(void)hurry;
	if (chain_file == NULL)
		return;
	locked(&one);
	while (the_local->ops->queued(the_local, true, 0, take, &b) >= 0 &&
		b.n > 0 && make_final(the_local, &b) == 0)
		b.n = 0;
}

static int status(void *ctx, struct buf *ret)
{
	(void)ctx;
	return buf_add(ret, "{}\n", 3);
}

static void say(void *ctx, const char *what, const char *path, int err)
{
	(void)ctx;
	fprintf(stderr, "%s: %s%s%s\n", what, path, err != 0 ? ": " : "",
		err != 0 ? strerror(-err) : "");
}

static int fail(const char *what, int rc, const char *why)
{
	fprintf(stderr, "minimount: %s: %s%s%s\n", what, strerror(-rc),
		why != NULL ? ": " : "", why != NULL ? why : "");
	return 1;
}

/* Ours, or a setting of the configuration. */
static int set(struct config *c, const char *arg, char **why)
{
	if (strncmp(arg, "refused=", 8) == 0)
		refused_log = arg + 8;
	else if (strncmp(arg, "clock=", 6) == 0)
		clock_file = arg + 6;
	else if (strncmp(arg, "chain=", 6) == 0)
		chain_file = arg + 6;
	else if (strcmp(arg, "mode=governance") == 0)
		chain.retention_mode = RETENTION_GOVERNANCE;
	else if (strcmp(arg, "mode=compliance") == 0)
		chain.retention_mode = RETENTION_COMPLIANCE;
	else
		return config_set(c, arg, ".", why);
	return 0;
}

int main(int argc, char **argv)
{
	struct config config;
	struct mount_services s = {.queued = queued, .status = status,
		.say = say, .config = &config};
	struct sigaction act = {.sa_handler = end};
	char *why = NULL, *versions;
	int i, rc;

	if (argc < 4)
		return 64;
	config_defaults(&config);
	for (i = 4; i < argc; i++)
		if ((rc = set(&config, argv[i], &why)) != 0)
			return fail(argv[i], rc, why);
	s.files_dir = argv[1];
	s.fsname = argv[1];
	if (asprintf(&versions, "%s.versions", argv[1]) < 0)
		return 1;
	s.versions_dir = versions;
	s.refused_log = refused_log;
	s.clock = clock_file != NULL ? test_clock() : clock_system();
	s.chain_time = chain_file != NULL ? chain_time : NULL;
	s.chain = &chain;
	s.entropy = entropy_system();
	rc = local_sqlite_open(argv[2], true, false, &s.local);
	if (rc != 0)
		return fail(argv[2], rc, NULL);
	the_local = s.local;
	rc = mount_open(&s, argv[3], NULL, &the_mount, &why);
	if (rc != 0)
		return fail(argv[3], rc, why);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	puts("mounted");
	fflush(stdout);
	rc = mount_serve(the_mount);
	mount_close(the_mount);
	s.local->ops->free(s.local);
	config_done(&config);
	free(versions);
	return rc == 0 ? 0 : fail("serving", rc, NULL);
}

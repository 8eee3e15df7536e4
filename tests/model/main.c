/*
 *	model MOUNT [--seed N] [--steps N] [--workers N] [--round N]
 *		[--settle-ms N --empty-ms N] [--between COMMAND --remounts N]
 *		[--only WORKER] [--trace]
 *
 * --round: steps of a worker in one tree; then all of it is looked at, and a
 * new one is begun.  --settle-ms, --empty-ms: as the mount was made; without
 * them nothing may be sealed by itself.  --between mounts anew, so many times.
 * --only: that worker alone, and not the shared tree, to repeat a failure.
 * Exit 0: all as it must be; 1: not; 2: could not be tried.
 */
#include "model.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options opt = {.seed = 1, .workers = 4, .steps = 4000, .round = 250};

#define ROUNDS_MAX 4096
static struct worker *all[ROUNDS_MAX * WORKERS_MAX];
static size_t n_all;
static pthread_mutex_t report = PTHREAD_MUTEX_INITIALIZER;

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

unsigned pick(struct worker *w, unsigned n)
{
	return n == 0 ? 0 : (unsigned)prng_below(&w->r, n);
}

void say(struct worker *w, const char *format, ...)
{
	char *at = w->said[w->n_said++ % SAID];
	va_list args;
	int k = snprintf(at, SAID_MAX, "%llu ", (unsigned long long)w->step);

	va_start(args, format);
	vsnprintf(at + k, (size_t)(SAID_MAX - k), format, args);
	va_end(args);
	if (opt.trace)
		fprintf(stderr, "# %u %s\n", w->number, at);
}

static void tell(const struct worker *w)
{
	uint64_t i = w->n_said > SAID ? w->n_said - SAID : 0;

	for (; i < w->n_said; i++)
		printf("# %s\n", w->said[i % SAID]);
}

void wrong(struct worker *w, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&report); /* and for ever: one is enough */
	tell(w);
	printf("model: seed %llu, worker %u, step %llu, in %s: ",
		(unsigned long long)opt.seed, w->number,
		(unsigned long long)w->step, w->top);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

const char *errno_name(int err)
{
	const char *name = err == 0 ? "success" : strerrorname_np(err);

	return name == NULL ? "an unknown error" : name;
}

void agree(struct worker *w, int got, int want)
{
	char *at = w->said[(w->n_said - 1) % SAID];
	size_t k = strlen(at);

	snprintf(at + k, SAID_MAX - k, " = %s", errno_name(got));
	if (opt.trace)
		fprintf(stderr, "# %u %s\n", w->number, at);
	if (got != want)
		wrong(w, "said %s, should say %s", errno_name(got),
			errno_name(want));
}

/* -- steps -- */

static const struct {
	unsigned weight;
	void (*act)(struct worker *w);
} acts[] = {
	{34, do_handle}, {10, do_open}, {7, do_make}, {9, do_rename},
	{4, do_link}, {4, do_unlink}, {2, do_rmdir}, {3, do_chmod},
	{2, do_chown}, {2, do_utimens}, {3, do_setxattr}, {1, do_removexattr},
	{3, do_truncate}, {9, do_seal}, {2, do_flags}, {5, do_look},
};

#define WEIGHTS 100		/* their sum */

/* What a step does follows from seed, worker and step alone, so that any can
 * be repeated. */
static void step(struct worker *w)
{
	unsigned i = 0, k;

	w->r = (struct prng){opt.seed ^ ((uint64_t)w->number << 56) ^
		w->step * 0x9e3779b97f4a7c15u};
	prng_next(&w->r);
	k = pick(w, 100);
	if (opt.only == 0 && k < 12) {
		do_shared(w);
		return;
	}
	k = pick(w, WEIGHTS);
	while (k >= acts[i].weight)
		k -= acts[i++].weight;
	acts[i].act(w);
}

static void begin(struct worker *w)
{
	char path[PATH_ROOM];
	struct stat st;

	snprintf(w->top, sizeof w->top, "w%u-%llu", w->number,
		(unsigned long long)w->step);
	snprintf(path, sizeof path, "%s/%s", opt.mnt, w->top);
	if (mkdir(path, 0755) != 0 || lstat(path, &st) != 0)
		wrong(w, "%s: %s", path, errno_name(errno));
	w->root = tree_new(w, FOLDER, 0755);
	w->root->ino = st.st_ino;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t end = w->step + opt.round;

	begin(w);
	for (; w->step < end; w->step++)
		step(w);
	close_all(w);
	look_tree(w);
	return NULL;
}

/* -- rounds -- */

static struct worker *worker_new(unsigned number, uint64_t first)
{
	struct worker *w = calloc(1, sizeof *w);
	unsigned i;

	if (w == NULL || n_all == sizeof all / sizeof *all)
		exit(2);
	w->number = number;
	w->step = first;
	for (i = 0; i < SLOTS; i++)
		w->slot[i].fd = -1;
	all[n_all++] = w;
	return w;
}

static void one_round(uint64_t first)
{
	pthread_t thread[WORKERS_MAX];
	unsigned i;

	shared_start();
	for (i = 0; i < opt.workers; i++)
		if (opt.only == 0 || opt.only == i + 1)
			pthread_create(&thread[i], NULL, work,
				worker_new(i + 1, first));
	for (i = 0; i < opt.workers; i++)
		if (opt.only == 0 || opt.only == i + 1)
			pthread_join(thread[i], NULL);
}

static void look_at_all(void)
{
	size_t i;

	for (i = 0; i < n_all; i++)
		look_tree(all[i]);
	if (n_all > 0)
		shared_look(all[n_all - 1]);
}

static void mount_anew(void)
{
	uint64_t began = now_ms();
	size_t i;

	if (system(opt.between) != 0) {
		printf("model: the command between does not succeed\n");
		exit(2);
	}
	for (i = 0; i < n_all; i++)
		remounted(all[i], began);
	look_at_all();
}

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{"seed", 1, NULL, 's'}, {"steps", 1, NULL, 'n'},
		{"workers", 1, NULL, 'w'}, {"round", 1, NULL, 'r'},
		{"settle-ms", 1, NULL, 't'}, {"empty-ms", 1, NULL, 'e'},
		{"between", 1, NULL, 'b'}, {"remounts", 1, NULL, 'm'},
		{"only", 1, NULL, 'o'}, {"trace", 0, NULL, 'v'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		uint64_t n = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
		switch (c) {
		case 's': opt.seed = n; break;
		case 'n': opt.steps = n; break;
		case 'w': opt.workers = (unsigned)n; break;
		case 'r': opt.round = n; break;
		case 't': opt.settle_ms = n; break;
		case 'e': opt.empty_ms = n; break;
		case 'b': opt.between = optarg; break;
		case 'm': opt.remounts = (unsigned)n; break;
		case 'o': opt.only = (unsigned)n; break;
		case 'v': opt.trace = true; break;
		default: exit(64);
		}
	}
	if (optind + 1 != argc || opt.workers == 0 || opt.round == 0 ||
		opt.workers > WORKERS_MAX || opt.only > opt.workers)
		exit(64);
	opt.mnt = argv[optind];
}

int main(int argc, char **argv)
{
	uint64_t rounds, i, sealed = 0;
	struct file *f;
	size_t k;

	options(argc, argv);
	umask(0);
	rounds = (opt.steps / opt.workers + opt.round - 1) / opt.round;
	if (rounds == 0 || rounds > ROUNDS_MAX)
		exit(64);
	for (i = 0; i < rounds; i++) {
		one_round(i * opt.round);
		if (opt.between != NULL && opt.remounts > 0 &&
			(i + 1) * opt.remounts / rounds !=
				i * opt.remounts / rounds)
			mount_anew();
	}
	for (k = 0; k < n_all; k++)
		look_sealed(all[k]);
	look_at_all();
	for (k = 0; k < n_all; k++)
		for (f = all[k]->files; f != NULL; f = f->next)
			sealed += f->sealed;
	printf("model: seed %llu: %llu steps, %llu files sealed, all as it "
		"must be\n", (unsigned long long)opt.seed,
		(unsigned long long)(rounds * opt.round * opt.workers),
		(unsigned long long)sealed);
	return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/assembly.h"
#include "fs/cli.h"
#include "fs/metrics.h"
#include "fs/mode.h"
#include "fs/place.h"
#include "fs/screen.h"
#include "fs/status.h"
#include "fs/text.h"
#include "fs/vault.h"

static const char help[] =
"usage: notaryfs status VAULT|DIR [--json|--metrics] [--watch]\n"
"Says how a vault is doing: files by state, blocks, what is on its way, each\n"
"service and bucket with its last success and error, the trust class.\n"
"\n"
"  --json      print it as JSON\n"
"  --metrics   print its numbers in the text format of Prometheus\n"
"  --watch     every second until interrupted: on a terminal a screen that\n"
"              says first whether somebody has to look; else a line a change,\n"
"              or with --json one object a second\n"
"  -h, --help  print this\n"
"\n"
"A vault that is not mounted is read from its state folder.\n";

struct wanted {
	const struct cli *c;
	const struct assembly *a;
	const char *path;
	bool json, metrics, watch;
};

/* What an orderly end leaves, and a start takes. */
static bool has_handover(const struct vault *v)
{
	cleanup(free) char *path = vault_path(v, "state/sequencer/handover");
	return path == NULL || access(path, F_OK) == 0;
}

/* From local state alone: nothing is open, settling or in trouble. */
static int from_state(const struct wanted *w, const struct vault *v,
	struct status *s)
{
	struct local *local;
	struct local_counts n;
	enum retention_mode mode;
	cleanup(free) char *db = vault_path(v, "state/notary.db");
	if (db == NULL)
		return -ENOMEM;
	int err = w->a->local_open(db, false, true, &local);
	if (err == 0) {
		err = local->ops->counts(local, &n);
		if (err == 0)
			err = mode_read(local, &v->params, &v->anchor, &mode);
		local->ops->free(local);
	}
	if (err != 0) {
		cli_say(w->c, "%s: %s", db, cli_why(-err));
		return err;
	}
	s->files.sealed = s->backlog_files = n.queued_files;
	s->files.notarized = n.final_files;
	s->backlog_bytes = n.queued_bytes;
	s->height = n.height;
	s->blocks = n.blocks;
	s->anchor = v->anchor;
	status_trust(s, &v->params, NULL);
	status_mode(s, mode);
	for (size_t i = 0; i < v->config.n_buckets; i++) {
		struct status_row *r = &s->bucket[s->n_buckets++];
		cleanup(close) int fd = open(v->config.bucket[i],
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r->ok = fd >= 0;
		if (!r->ok)
			snprintf(r->error, sizeof r->error, "%s",
				strerror(errno));
		snprintf(r->name, sizeof r->name, "%s", v->config.bucket[i]);
	}
	s->unclean = !has_handover(v);
	s->vault = strdup(v->path);
	return s->vault == NULL ? -ENOMEM : 0;
}

/* Why the daemon that has the vault tells nothing. */
static void say_silent(const struct cli *c, const struct vault *v,
	const char *mount, int pid, int why)
{
	if (why == -ESTALE)
		cli_say(c, "%s was mounted at %s, where another vault is now; "
			"process %d still has it", v->path, mount, pid);
	else if (why == -ENOENT)
		cli_say(c, "process %d has %s, and nothing is mounted at %s: "
			"it is starting, or puts everything away", pid,
			v->path, mount);
	else
		cli_say(c, "%s is mounted at %s by process %d, which does not "
			"answer here: another user's mount tells its state to "
			"that user only", v->path, mount, pid);
}

static int from_vault(const struct wanted *w, struct status *s)
{
	struct vault *v;
	char *why;
	cleanup(free) char *mount = NULL;
	cleanup(buf) struct buf json = {0};
	int pid;
	if (vault_open(w->path, &v, &why) != 0) {
		cli_say_lines(w->c, why);
		return -EINVAL;
	}
	int err = vault_mounted(v, &pid, &mount);
	int there = err != 0 ? err : place_is(mount, &v->anchor);
	int from = there != 0 ? there : place_read(mount, "status", &json);
	if (from == 0)
		from = status_parse(BUF_BYTES(&json), s);
	if (from != 0)
		from = from_state(w, v, s);
	if (from == 0 && err == 0 && s->mount == NULL) {
		if (!w->watch)
			say_silent(w->c, v, mount, pid, there);
		s->mount = mount;
		s->pid = (uint64_t)pid;
		mount = NULL; /* s has it */
	}
	err = from;
	vault_close(v);
	return err;
}

static int from_mount(const struct wanted *w, struct status *s)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(buf) struct buf json = {0};
	int err = place_mount(w->path, &root, &rest);
	if (err == 0)
		err = place_read(root, "status", &json);
	if (err == 0)
		err = status_parse(BUF_BYTES(&json), s);
	if (err == -ENOENT && place_closed(w->path))
		cli_say(w->c, "%s: %s", w->path, strerror(EACCES));
	else if (err == -ENOENT)
		cli_say(w->c, "%s is neither a vault nor in a mounted one",
			w->path);
	else if (err != 0)
		cli_say(w->c, "%s: %s", w->path, cli_why(-err));
	return err;
}

/* Which one that is, for those who may know. */
static void look_idle(struct status *s)
{
	cleanup(buf) struct buf line = {0};
	if (s->idle_files > 0 && s->mount != NULL &&
	    place_read(s->mount, "idle", &line) == 0 && line.n > 0)
		(void)json_find_text(BUF_BYTES(&line), "path",
			&s->idle_oldest);
}

/* Which files they are, for those who may know. */
static void print_hashing(const char *mount)
{
	cleanup(buf) struct buf all = {0};
	char *line, *rest = NULL, done[32], bytes[32];
	uint64_t n, of;
	if (place_read(mount, "hashing", &all) != 0 ||
	    buf_add(&all, "", 1) != 0)
		return;
	for (line = strtok_r((char *)all.p, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct bytes json = BYTES(line, strlen(line));
		cleanup(buf) struct buf shown = {0};
		cleanup(free) char *path = NULL;
		if (json_find_text(json, "path", &path) != 0 || path == NULL ||
		    json_find_uint(json, "done", &n) != 0 ||
		    json_find_uint(json, "bytes", &of) != 0 ||
		    text_add_path(&shown, BYTES(path, strlen(path))) != 0)
			return;
		cli_bytes(n, done);
		cli_bytes(of, bytes);
		printf("hashing    %s of %s, %.*s\n", done, bytes,
			(int)shown.n, (const char *)shown.p);
	}
}

static int print(const struct wanted *w, const struct status *s)
{
	cleanup(buf) struct buf text = {0};
	uint64_t now = w->a->clock->ops->now_ms(w->a->clock);
	if (w->watch && !w->json && !w->metrics)
		return isatty(STDOUT_FILENO) ? screen_draw(s, now)
					     : screen_line(s, now);
	int err = w->json ? status_json(s, &text)
		: w->metrics ? metrics_text(s, &text)
		: status_text(s, now, &text);
	if (err != 0)
		return err;
	fwrite(text.p, 1, text.n, stdout);
	if (!w->json && !w->metrics && s->hashing.files > 0)
		print_hashing(s->mount);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int show(const struct wanted *w)
{
	cleanup(free) struct status *s = calloc(1, sizeof *s);
	if (s == NULL)
		return CLI_REFUSED;
	int err = place_is_vault(w->path) ? from_vault(w, s)
					  : from_mount(w, s);
	if (err == 0)
		look_idle(s);
	if (err == 0)
		err = print(w, s);
	status_done(s);
	return err == 0 ? CLI_DONE : CLI_REFUSED;
}

int cmd_status(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"metrics", no_argument, NULL, 'm'},
		{"watch", no_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "status", .help = help};
	struct wanted w = {.c = &c, .a = a};
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;)
		switch (opt) {
		case 'j':
			w.json = true;
			break;
		case 'm':
			w.metrics = true;
			break;
		case 'w':
			w.watch = true;
			break;
		default:
			return c.exit;
		}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one vault or mounted folder");
	if (w.json && w.metrics)
		return cli_usage(&c, "one of --json and --metrics");
	w.path = argv[optind];
	int r = show(&w);
	while (w.watch && r == CLI_DONE) {
		sleep(1);
		r = show(&w);
	}
	return r;
}

#include "fs/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/place.h"

#define NAMED_MAX 20		/* lines; then they are only counted */
#define VALUE_MAX_BYTES 4096

bool kept_sealed(const struct placed *p)
{
	char state[32];
	if (S_ISLNK(p->st->st_mode))
		return true; /* it cannot be asked */
	ssize_t n = getxattr(p->path, "user.notary.state", state, sizeof state);
	return (n == 6 && memcmp(state, "sealed", 6) == 0) ||
		(n == 9 && memcmp(state, "notarized", 9) == 0);
}

static const char *reason(const struct kept *k, int rc)
{
	switch (rc) {
	case -EBUSY:
		return k->unready != NULL ? k->unready :
			"it is not sealed yet: wait, or notaryfs seal";
	case -EPERM:
		return k->refusal;
	default:
		return cli_why(-rc);
	}
}

static void count(struct kept *k, const char *name, int rc)
{
	if (rc > 0)
		return;
	if (rc == 0) {
		k->done++;
		cli_progress("%llu files", (unsigned long long)k->done);
		return;
	}
	uint64_t *n = rc == -EBUSY ? &k->unsealed : &k->refused;
	if (++*n <= NAMED_MAX && rc != -ECANCELED)
		cli_say(k->c, "%s: %s", name, reason(k, rc));
}

/* A walk. */
struct below {
	struct kept *k;
	const char *path;	/* where it began */
	const char *root, *rest; /* and where that is in which mount */
};

static int visit(void *ctx, const struct placed *p)
{
	struct below *b = ctx;
	if (p->err == 0 && !S_ISREG(p->st->st_mode) && !S_ISLNK(p->st->st_mode))
		return 0;
	cleanup(free) char *rest = place_below(b->path, b->rest, p->name);
	if (rest == NULL)
		return -ENOMEM;
	count(b->k, p->name, p->err != 0 ? p->err
		: b->k->visit(b->k, p, b->root, rest));
	return 0;
}

static int one(struct kept *k, const char *path, bool recursive)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	struct stat st;
	int rc = place_mount(path, &root, &rest);
	if (rc == -ENOENT && place_exists(path)) {
		cli_say(k->c, "%s is not in a mounted vault", path);
		return -EINVAL;
	}
	if (rc == 0 && lstat(path, &st) != 0)
		rc = -errno;
	if (rc == 0 && place_virtual(path, &st)) {
		cli_say(k->c, "%s: " PLACE_VIRTUAL, path);
		return -EINVAL;
	}
	struct below b = {k, path, root, rest};
	struct placed p = {path, path, &st, 0};
	if (rc == 0 && S_ISDIR(st.st_mode) && !recursive) {
		cli_say(k->c, "%s is a folder: -r takes all below it", path);
		return -EINVAL;
	}
	if (rc == 0)
		rc = recursive ? place_walk(path, visit, &b) : visit(&b, &p);
	if (rc != 0)
		cli_say(k->c, "%s: %s", path, cli_why(-rc));
	return rc;
}

int kept_run(struct kept *k, char **path, int n, bool recursive)
{
	bool failed = false;
	k->recursive = recursive;
	for (int i = 0; i < n; i++)
		failed = one(k, path[i], recursive) != 0 || failed;
	cli_progress_end();
	if (k->refused > NAMED_MAX || k->unsealed > NAMED_MAX)
		cli_say(k->c, "in all %llu were refused and %llu are not "
			"%s", (unsigned long long)k->refused,
			(unsigned long long)k->unsealed, k->unready != NULL ?
			"final" : "sealed");
	return failed || k->refused > 0 ? CLI_REFUSED : k->unsealed > 0 ?
		CLI_INCOMPLETE : CLI_DONE;
}

/* A text attribute, or "". */
static void attribute(const char *path, const char *name,
	char ret[VALUE_MAX_BYTES])
{
	ssize_t n = lgetxattr(path, name, ret, VALUE_MAX_BYTES - 1);
	ret[n > 0 ? n : 0] = '\0';
}

static void show_json(struct json *j, const char *path, const char *until,
	char *holds)
{
	json_object(j, NULL);
	json_text(j, "path", path);
	json_text(j, "until", *until != '\0' ? until : NULL);
	json_array(j, "holds");
	for (char *at = holds; at != NULL && *at != '\0';) {
		char *next = strchr(at, '\n');
		if (next != NULL)
			*next++ = '\0';
		json_text(j, NULL, at);
		at = next;
	}
	json_close_array(j);
	json_close_object(j);
}

static int show(struct kept *k, const struct placed *p, const char *root,
	const char *rest)
{
	char until[VALUE_MAX_BYTES], holds[VALUE_MAX_BYTES];
	(void)root;
	(void)rest;
	if (!kept_sealed(p)) /* it has neither */
		return *(bool *)k->ctx ? 1 : -EBUSY;
	attribute(p->path, "user.notary.retain_until", until);
	attribute(p->path, "user.notary.hold", holds);
	if (k->json != NULL) {
		show_json(k->json, p->name, until, holds);
		return 0;
	}
	for (char *at = holds; *at != '\0'; at++)
		*at = *at == '\n' ? ',' : *at;
	cli_print("%-20s  %s%s%s", *until != '\0' ? until : "-", p->name,
		*holds != '\0' ? "  held: " : "", holds);
	return 0;
}

int kept_list(struct kept *k, char **path, int n, bool recursive,
	bool as_json)
{
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	k->visit = show;
	k->ctx = &recursive;
	k->json = as_json ? &j : NULL;
	json_object(&j, NULL);
	json_array(&j, "files");
	int r = kept_run(k, path, n, recursive);
	json_close_array(&j);
	json_close_object(&j);
	if (json_end(&j, &text) != 0)
		return CLI_REFUSED;
	if (as_json)
		printf("%.*s\n", (int)text.n, (const char *)text.p);
	return fflush(stdout) != 0 ? CLI_REFUSED : r;
}

#include "tests/lib/worm_suite.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "tests/tap/tap.h"

#define THREADS 8
#define KEYS 12

static struct bytes text(const char *s)
{
	return BYTES(s, strlen(s));
}

struct listing {
	char s[4096];
	size_t n;
};

static int add_key(void *ctx, const char *key, uint64_t size)
{
	struct listing *l = ctx;
	int n = snprintf(l->s + l->n, sizeof l->s - l->n, "%s%s=%" PRIu64,
		l->n > 0 ? " " : "", key, size);

	l->n += (size_t)n;
	return 0;
}

const char *worm_listing(struct worm *w, const char *prefix)
{
	static struct listing l;
	int rc;

	l = (struct listing){0};
	rc = w->ops->list(w, prefix, add_key, &l);
	if (rc != 0)
		snprintf(l.s, sizeof l.s, "error %d", rc);
	return l.s;
}

static void is_object(struct worm *w, const char *key, const char *want,
	const char *why)
{
	cleanup(buf) struct buf got = {0};
	int rc = worm_get_all(w, key, 1 << 20, &got);

	if (want == NULL)
		is_int(rc, -ENOENT, "%s", why);
	else if (rc != 0)
		is_int(rc, 0, "%s", why);
	else
		is_bytes(BUF_BYTES(&got), text(want), "%s", why);
}

static void t_whole(struct worm *w)
{
	struct worm_put *p = NULL;
	uint64_t size = 0;

	is_int(w->ops->put(w, "x/part", 10, &p), 0, "put begins");
	is_int(w->ops->write(p, text("hello")), 0, "five of ten bytes");
	is_int(w->ops->size(w, "x/part", &size), -ENOENT,
		"W1: what is being written has no size");
	is_object(w, "x/part", NULL, "W1: nor can it be read");
	is_str(worm_listing(w, ""), "", "W1: nor is it listed");
	is_int(w->ops->write(p, text("")), 0, "an empty piece is nothing");
	is_int(w->ops->write(p, text("world")), 0, "the other five");
	is_int(w->ops->commit(p), 0, "commit");
	is_object(w, "x/part", "helloworld", "W1: then it is there, whole");
	is_int(w->ops->size(w, "x/part", &size), 0, "its size is told");
	is_int(size, 10, "and is right");
}

static void t_get(struct worm *w)
{
	char got[8] = "";

	is_int(worm_put_all(w, "g", text("abcdef")), 0, "six bytes");
	is_int(w->ops->get(w, "g", 2, got, 3), 0, "a piece of the middle");
	is_bytes(BYTES(got, 3), text("cde"), "is what was asked for");
	is_int(w->ops->get(w, "g", 6, got, 0), 0, "nothing at the end");
	is_int(w->ops->get(w, "g", 4, got, 3), -EINVAL, "across the end");
	is_int(w->ops->get(w, "g", 7, got, 0), -EINVAL, "beyond the end");
	is_int(w->ops->get(w, "g", UINT64_MAX, got, 2), -EINVAL,
		"an offset whose sum wraps");
	is_int(w->ops->get(w, "none", 0, got, 1), -ENOENT, "no such key");
}

static void t_all(struct worm *w)
{
	cleanup(buf) struct buf got = {0};

	is_int(worm_put_all(w, "empty", text("")), 0, "an empty object");
	is_object(w, "empty", "", "is an object");
	is_int(worm_put_all(w, "six", text("abcdef")), 0, "another");
	is_int(worm_get_all(w, "six", 5, &got), -EFBIG,
		"more than the caller takes is refused");
	ok(got.p == NULL, "and nothing is returned");
	is_int(worm_get_all(w, "six", 6, &got), 0, "exactly as much is not");
}

static void t_same(struct worm *w)
{
	is_int(worm_put_all(w, "s/k", text("first")), 0, "an object");
	is_int(worm_put_all(w, "s/k", text("first")), 0,
		"W3: the same bytes again are fine");
	is_int(worm_put_all(w, "s/k", text("other")), -EEXIST,
		"W3: other bytes are refused");
	is_int(worm_put_all(w, "s/k", text("first and more")), -EEXIST,
		"W3: longer ones too");
	is_int(worm_put_all(w, "s/k", text("firs")), -EEXIST,
		"W3: shorter ones too");
	is_int(worm_put_all(w, "s/k", text("")), -EEXIST,
		"W3: and none at all");
	is_object(w, "s/k", "first", "W3: the object has not changed");
	is_str(worm_listing(w, ""), "s/k=5", "W5: and no refused put shows");
}

/* Two puts of one key that are open at the same time. */
static void t_together(struct worm *w, const char *a, const char *b)
{
	struct worm_put *p = NULL, *q = NULL;
	bool same = strcmp(a, b) == 0;

	is_int(w->ops->put(w, "t", strlen(a), &p), 0, "one put of a key");
	is_int(w->ops->put(w, "t", strlen(b), &q), 0, "another beside it");
	is_int(w->ops->write(p, text(a)), 0, "bytes for one");
	is_int(w->ops->write(q, text(b)), 0, "and for the other");
	is_int(w->ops->commit(q), 0, "W3: who commits first wins");
	is_int(w->ops->commit(p), same ? 0 : -EEXIST, same
		? "W3: the same bytes win too" : "W3: the other is refused");
	is_object(w, "t", b, "W3: the winner's bytes are there");
}

static void t_equal_together(struct worm *w)
{
	t_together(w, "equal", "equal");
}

static void t_unequal_together(struct worm *w)
{
	t_together(w, "one", "other");
}

static void t_given_up(struct worm *w)
{
	struct worm_put *p = NULL;

	w->ops->abort(NULL);
	ok(true, "abort of nothing is fine");
	is_int(w->ops->put(w, "u", 4, &p), 0, "a put");
	is_int(w->ops->write(p, text("abcd")), 0, "with all its bytes");
	w->ops->abort(p);
	is_object(w, "u", NULL, "W5: given up, it leaves nothing");
	is_int(w->ops->put(w, "u", 4, &p), 0, "a put");
	is_int(w->ops->write(p, text("abc")), 0, "with too few bytes");
	is_int(w->ops->commit(p), -EINVAL, "cannot be committed");
	is_object(w, "u", NULL, "W5: and leaves nothing");
	is_int(w->ops->put(w, "u", 4, &p), 0, "a put");
	is_int(w->ops->write(p, text("abcde")), -EINVAL,
		"takes no more bytes than it was begun with");
	w->ops->abort(p);
	is_str(worm_listing(w, ""), "", "W5: nothing is listed");
	is_int(worm_put_all(w, "u", text("zz")), 0, "the key is still free");
}

static int stop_at_second(void *ctx, const char *key, uint64_t size)
{
	int *seen = ctx;

	(void)key;
	(void)size;
	return ++*seen == 2 ? 7 : 0;
}

static int read_it(void *ctx, const char *key, uint64_t size)
{
	cleanup(buf) struct buf got = {0};

	(void)size;
	return worm_get_all(ctx, key, 100, &got);
}

static void t_list(struct worm *w)
{
	static const char *const keys[] = {"b", "a/b/c", "a0", "a-b", "a/b/a",
		"a.c", "a/a", "a/b-", "a/b.d", "B", "c/d/e/f/g", "a/b/b"};
	size_t i;
	int seen = 0;

	for (i = 0; i < sizeof keys / sizeof *keys; i++)
		is_int(worm_put_all(w, keys[i], text(keys[i])), 0, "put %s",
			keys[i]);
	is_str(worm_listing(w, ""), "B=1 a-b=3 a.c=3 a/a=3 a/b-=4 a/b.d=5 "
		"a/b/a=5 a/b/b=5 a/b/c=5 a0=2 b=1 c/d/e/f/g=9",
		"list is in ascending order of bytes");
	is_str(worm_listing(w, "a/"), "a/a=3 a/b-=4 a/b.d=5 a/b/a=5 a/b/b=5 "
		"a/b/c=5", "a prefix that is a folder");
	is_str(worm_listing(w, "a/b"), "a/b-=4 a/b.d=5 a/b/a=5 a/b/b=5 a/b/c=5",
		"a prefix that is part of a name");
	is_str(worm_listing(w, "a/b/c"), "a/b/c=5", "one that is a key");
	is_str(worm_listing(w, "c/d/e"), "c/d/e/f/g=9", "one above a key");
	is_str(worm_listing(w, "a/b/c/"), "", "one below a key");
	is_str(worm_listing(w, "zzz/y"), "", "one of nothing");
	is_str(worm_listing(w, "../"), "", "one that no key can have");
	is_str(worm_listing(w, "/"), "", "nor this");
	is_int(w->ops->list(w, "", stop_at_second, &seen), 7,
		"what visit returns ends the list and is returned");
	is_int(seen, 2, "at once");
	is_int(w->ops->list(w, "", read_it, w), 0,
		"visit may use the bucket");
}

static void t_keys(struct worm *w)
{
	static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..",
		"a/../b", "a/./b", "a b", "a\nb", "a\\b", "\xc3\xa4", "a:b"};
	struct worm_put *p;
	uint64_t size;
	char c, longest[WORM_KEY_MAX + 2];
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		is_int(w->ops->put(w, bad[i], 0, &p), -EINVAL,
			"put refuses key %zu", i);
		is_int(w->ops->size(w, bad[i], &size), -EINVAL,
			"size refuses key %zu", i);
		is_int(w->ops->get(w, bad[i], 0, &c, 0), -EINVAL,
			"get refuses key %zu", i);
	}
	memset(longest, 'k', sizeof longest);
	longest[WORM_KEY_MAX + 1] = '\0';
	is_int(w->ops->put(w, longest, 0, &p), -EINVAL, "256 characters");
	longest[WORM_KEY_MAX] = '\0';
	is_int(worm_put_all(w, longest, text("x")), 0, "255 are a key");
	is_object(w, longest, "x", "and can be read");
	is_int(worm_put_all(w, "...", text("y")), 0, "so are three dots");
	is_int(worm_put_all(w, "tmp/.a", text("y")), 0, "and tmp/.a");
	is_object(w, "tmp/.a", "y", "which hides nothing");
}

static int replace_all(struct worm *w, const char *key, const char *s)
{
	struct worm_put *p;
	int rc = w->ops->replace(w, key, strlen(s), &p);

	if (rc != 0)
		return rc;
	rc = w->ops->write(p, text(s));
	if (rc == 0)
		return w->ops->commit(p);
	w->ops->abort(p);
	return rc;
}

static void t_replace(struct worm *w)
{
	struct worm_put *p = NULL;

	is_int(worm_put_all(w, "x/bad", text("damaged")), 0, "an object");
	is_int(w->ops->replace(w, "x/bad", 4, &p), 0, "its successor begins");
	is_int(w->ops->write(p, text("good")), 0, "and is written");
	is_object(w, "x/bad", "damaged", "W6: until then the old one is there");
	w->ops->abort(p);
	is_object(w, "x/bad", "damaged", "W5: and stays if it is given up");
	is_int(replace_all(w, "x/bad", "good"), 0, "W6: it is replaced");
	is_object(w, "x/bad", "good", "the new one is there, whole");
	is_int(replace_all(w, "x/bad", "good"), 0, "by the same bytes: nothing");
	is_int(worm_put_all(w, "x/bad", text("damaged")), -EEXIST,
		"W3: put itself replaces nothing");
	is_int(replace_all(w, "x/none", "new"), 0,
		"where there is nothing it is a put");
	is_str(worm_listing(w, ""), "x/bad=4 x/none=3",
		"W6: no key names what was replaced");
}

struct putter {
	struct worm *w;
	int failed;
};

static void *put_keys(void *arg)
{
	struct putter *t = arg;
	char key[32];
	int i;

	for (i = 0; i < KEYS; i++) {
		snprintf(key, sizeof key, "r%d/k%d", i % 3, i);
		t->failed += worm_put_all(t->w, key, text(key)) != 0;
	}
	return NULL;
}

static void t_threads(struct worm *w)
{
	struct putter putter[THREADS];
	pthread_t thread[THREADS];
	int i, failed = 0;

	for (i = 0; i < THREADS; i++) {
		putter[i] = (struct putter){.w = w};
		if (pthread_create(&thread[i], NULL, put_keys, &putter[i]) != 0)
			bail("no thread");
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		failed += putter[i].failed;
	}
	is_int(failed, 0, "W3: %d threads put the same %d objects", THREADS,
		KEYS);
	is_object(w, "r2/k11", "r2/k11", "and they are there");
}

static void t_erase(struct worm *w)
{
	uint64_t size;

	is_int(worm_put_all(w, "e/one", text("1")), 0, "an object");
	is_int(worm_put_all(w, "e/two", text("2")), 0, "and another");
	is_int(w->ops->erase(w, "e/one"), 0, "W4: one is erased");
	is_int(w->ops->size(w, "e/one", &size), -ENOENT, "and gone");
	is_int(w->ops->erase(w, "e/one"), -ENOENT, "once");
	is_int(w->ops->erase(w, "e"), -ENOENT, "a folder of keys is none");
	is_int(w->ops->erase(w, "../e/two"), -EINVAL, "nothing else is");
	is_object(w, "e/two", "2", "the other stays");
	is_int(worm_put_all(w, "e/one", text("3")), 0,
		"the key may be used again");
	is_object(w, "e/one", "3", "for other bytes");
}

void worm_suite(const char *name, struct worm *(*open)(void *ctx), void *ctx)
{
	static void (*const tests[])(struct worm *w) = {t_whole, t_get, t_all,
		t_same, t_equal_together, t_unequal_together, t_given_up,
		t_list, t_keys, t_erase, t_threads, t_replace};
	struct worm *w;
	size_t i;

	for (i = 0; i < sizeof tests / sizeof *tests; i++) {
		diag("%s: part %zu", name, i + 1);
		w = open(ctx);
		if (w == NULL)
			bail("%s: no bucket", name);
		tests[i](w);
		w->ops->free(w);
	}
}

/* chronicle: what paths had, and what became of it. */
#include "fs/chronicle.h"

#include <string.h>

#include "tests/tap/tap.h"

static void add(struct chronicle *c, const char *path, enum record_kind kind,
	uint64_t height, uint32_t index)
{
	const struct record d = {.path = BYTES(path, strlen(path)),
		.kind = kind};

	if (chronicle_add(c, &d, height, index) != 0)
		bail("no memory");
}

static const struct chronicle_entry *at(const struct chronicle *c,
	const char *path, uint64_t height, uint32_t index)
{
	return chronicle_at(c, BYTES(path, strlen(path)), height, index);
}

static void is(const struct chronicle *c, const char *path, uint64_t height,
	uint32_t index, const struct chronicle_entry *want, const char *what)
{
	const struct chronicle_entry *e = at(c, path, height, index);

	ok(e != NULL && e->kind == want->kind && e->number == want->number &&
		e->fate == want->fate && e->grown == want->grown &&
		e->last == want->last, "%s", what);
}
#define IS(c, path, height, index, what, ...) is(c, path, height, index, \
	&(const struct chronicle_entry){__VA_ARGS__}, what)

/* Of one content or another. */
static void add_sized(struct chronicle *c, const char *path,
	enum record_kind kind, uint64_t size, uint64_t height)
{
	const struct record d = {.path = BYTES(path, strlen(path)),
		.kind = kind, .size = size};

	if (chronicle_add(c, &d, height, 0) != 0)
		bail("no memory");
}

/* Where the file is of a link to first at that height; 0: there is none. */
static uint64_t file_at(const struct chronicle *c, uint64_t size,
	uint64_t height)
{
	const struct record d = {.path = BYTES("link", 4), .kind = RECORD_LINK,
		.target = BYTES("first", 5), .size = size};
	const struct chronicle_entry *e = chronicle_file(c, &d, height, 0);

	return e == NULL ? 0 : e->height;
}

static bool is_covered(const struct chronicle *c, const char *path,
	uint64_t height)
{
	return chronicle_covered(c, BYTES(path, strlen(path)), height, 0);
}

static void covered(void)
{
	struct chronicle *c = chronicle_new();

	add(c, "a", RECORD_MKDIR, 1, 0);
	add(c, "a/b", RECORD_MKDIR, 2, 0);
	add(c, "a/b/c", RECORD_MKDIR, 3, 0);
	add(c, "a/b", RECORD_SYMLINK, 4, 0);
	add(c, "f", RECORD_PUT, 1, 0);
	add(c, "f", RECORD_DELETION, 2, 0);
	add(c, "f/in", RECORD_MKDIR, 3, 0);
	add(c, "g", RECORD_PUT, 1, 0);
	add(c, "g", RECORD_TOMBSTONE, 2, 0);
	add(c, "g/in", RECORD_MKDIR, 3, 1);
	add(c, "h/in", RECORD_MKDIR, 3, 0);
	add(c, "h", RECORD_PUT, 3, 1);
	chronicle_settle(c);
	ok(is_covered(c, "a/b/c", 3), "a folder below what is a link now");
	ok(!is_covered(c, "a/b", 2), "the link itself has a newer record");
	ok(!is_covered(c, "a", 1), "what is above stays");
	ok(!is_covered(c, "a/bc", 2), "so does what begins alike");
	ok(!is_covered(c, "a/b/d", 5), "and what came after it");
	ok(!is_covered(c, "f/in", 3), "below a file that was deleted before");
	ok(!is_covered(c, "g/in", 3), "or went");
	ok(is_covered(c, "h/in", 3), "a file of the same block");
	chronicle_free(c);
}

static void links(void)
{
	struct chronicle *c = chronicle_new();

	ok(c != NULL && file_at(c, 1, 9) == 0, "a link of nothing");
	add_sized(c, "first", RECORD_PUT, 1, 2);
	add_sized(c, "first", RECORD_LINK, 3, 5);
	add_sized(c, "first", RECORD_PUT, 2, 6);
	add_sized(c, "first", RECORD_TOMBSTONE, 0, 7);
	add_sized(c, "first", RECORD_PUT, 1, 8);
	add_sized(c, "another", RECORD_PUT, 4, 1);
	chronicle_settle(c);
	ok(file_at(c, 1, 3) == 2, "the file that was there when it was made");
	ok(file_at(c, 1, 1) == 2, "or the first behind it");
	ok(file_at(c, 2, 3) == 6, "of its content");
	ok(file_at(c, 1, 7) == 8, "a tombstone is none");
	ok(file_at(c, 3, 5) == 0, "nor is a link");
	ok(file_at(c, 4, 1) == 0, "nor another path's");
	chronicle_free(c);
}

int main(void)
{
	struct chronicle *c = chronicle_new();
	uint64_t i;

	plan(31);
	ok(c != NULL && at(c, "f", 1, 0) == NULL, "empty");
	/* as a chain has them, and as it has not */
	add(c, "f", RECORD_PUT, 1, 0);
	add(c, "f", RECORD_LINK, 3, 7);
	add(c, "f", RECORD_PUT, 3, 6);
	add(c, "gone", RECORD_PUT, 1, 1);
	add(c, "gone", RECORD_TOMBSTONE, 2, 0);
	add(c, "back", RECORD_PUT, 1, 2);
	add(c, "back", RECORD_TOMBSTONE, 2, 1);
	add(c, "back", RECORD_MKDIR, 2, 2);
	add(c, "log", RECORD_TOMBSTONE, 5, 0);
	add(c, "log", RECORD_APPEND, 4, 0);
	add(c, "log", RECORD_APPEND, 3, 0);
	add(c, "log", RECORD_PUT, 2, 3);
	add(c, "deleted", RECORD_PUT, 1, 3);
	add(c, "deleted", RECORD_APPEND, 2, 5);
	add(c, "deleted", RECORD_DELETION, 6, 0);
	add(c, "deleted", RECORD_PUT, 7, 0);
	for (i = 0; i < 10000; i++)
		add(c, "many", RECORD_PUT, 10 + i, 0);
	chronicle_settle(c);

	IS(c, "f", 1, 0, "the first of three", .kind = RECORD_PUT, .number = 1,
		.fate = CHRONICLE_PAST);
	IS(c, "f", 3, 6, "the second", .kind = RECORD_PUT, .number = 2,
		.fate = CHRONICLE_PAST);
	IS(c, "f", 3, 7, "what is there", .kind = RECORD_LINK, .number = 3);
	IS(c, "f", 3, 5, "between two it is the one before", .kind = RECORD_PUT,
		.number = 1, .fate = CHRONICLE_PAST);
	IS(c, "f", UINT64_MAX, 0, "at the end the newest", .kind = RECORD_LINK,
		.number = 3);
	ok(at(c, "f", 0, 9) == NULL, "before the first there is none");
	ok(at(c, "g", 9, 0) == NULL, "nor of another path");
	IS(c, "gone", 1, 1, "the last of a name that is gone",
		.kind = RECORD_PUT, .number = 1, .fate = CHRONICLE_PAST,
		.last = true);
	IS(c, "back", 1, 2, "not where something is again", .kind = RECORD_PUT,
		.number = 1, .fate = CHRONICLE_PAST);
	IS(c, "back", 2, 2, "a folder has no number of its own",
		.kind = RECORD_MKDIR, .number = 1);
	IS(c, "log", 2, 3, "a log that grew", .kind = RECORD_PUT, .number = 1,
		.fate = CHRONICLE_PAST, .grown = true, .last = true);
	IS(c, "log", 4, 0, "and as it became", .kind = RECORD_APPEND,
		.number = 3, .fate = CHRONICLE_PAST, .last = true);
	IS(c, "deleted", 1, 3, "deleted for good, with what grew from it",
		.kind = RECORD_PUT, .number = 1, .fate = CHRONICLE_DELETED,
		.grown = true);
	IS(c, "deleted", 7, 0, "another file of that name",
		.kind = RECORD_PUT, .number = 3);
	IS(c, "many", 10 + 9998, 0, "one of many", .kind = RECORD_PUT,
		.number = 9999, .fate = CHRONICLE_PAST);
	chronicle_free(c);
	links();
	covered();
	return done();
}

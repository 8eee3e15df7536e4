/* record: what core/record.h says. */
#include "core/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct record_xattr x;
	struct buf out = {0};
	struct record d;
	size_t at = 0;
	int rc = record_decode(in, &d);

	(void)ctx;
	if (rc == 0)
		while ((rc = record_xattrs_next(d.xattrs, &at, &x)) == 1)
			if (x.name.n == 0)
				return MUTATE_BROKEN;
	return mutate_answer(in, rc, rc ? rc : record_encode(&d, &out), &out);
}

static struct record make(struct prng *r, enum record_kind kind)
{
	struct record d = {.kind = kind, .path = S("a/b.txt")};

	prng_fill(r, d.salt, RECORD_SALT);
	if (kind == RECORD_TOMBSTONE)
		return d;
	if (kind >= RECORD_RETENTION) {
		d.has_about = true;
		d.about = prng_hash(r);
		if (kind == RECORD_RETENTION)
			d.until = 1 + prng_below(r, RECORD_UNTIL_MAX);
		if (kind == RECORD_HOLD)
			d.hold_case = S("Smith v. \xc3\x84rger 12/3");
		return d;
	}
	d.mode = 0644;
	d.mtime_ns = -5;
	if (kind == RECORD_PUT || kind == RECORD_LINK) {
		d.root = prng_hash(r);
		d.size = prng_next(r) >> prng_below(r, 64);
	}
	if (kind == RECORD_SYMLINK)
		d.target = S("../c d");
	if (kind == RECORD_LINK)
		d.target = S("first/name");
	return d;
}

static void everything(struct prng *r, struct record *d, struct buf *xattrs)
{
	static const struct record_xattr x[] = {
		{S("user.long"), S("v")}, {S("user.b"), S("")},
		{S("user.a"), S("\0\xff")}};

	*d = make(r, RECORD_PUT);
	d->mtime_ns = INT64_MIN;
	d->mode = 07777;
	d->digest[0] = (struct record_digest){S("sha-256"), S("12345678")};
	d->digest[1] = (struct record_digest){S("sha3-256"), S("9")};
	d->n_digests = 2;
	d->has_owner = true;
	d->uid = UINT32_MAX;
	d->gid = 100;
	d->unclean = true;
	d->until = RECORD_UNTIL_MAX;
	if (record_xattrs_encode(x, 3, xattrs) != 0)
		bail("no attributes");
	d->xattrs = BUF_BYTES(xattrs);
}

static bool same(const struct record *a, const struct record *b)
{
	size_t i;

	for (i = 0; i < a->n_digests; i++)
		if (!bytes_equal(a->digest[i].name, b->digest[i].name) ||
			!bytes_equal(a->digest[i].value, b->digest[i].value))
			return false;
	return a->kind == b->kind &&
		memcmp(a->salt, b->salt, RECORD_SALT) == 0 &&
		bytes_equal(a->path, b->path) && a->size == b->size &&
		a->mode == b->mode && a->mtime_ns == b->mtime_ns &&
		hash_equal(&a->root, &b->root) &&
		a->n_digests == b->n_digests &&
		bytes_equal(a->target, b->target) &&
		a->has_owner == b->has_owner && a->uid == b->uid &&
		a->gid == b->gid && bytes_equal(a->xattrs, b->xattrs) &&
		a->unclean == b->unclean && a->has_about == b->has_about &&
		hash_equal(&a->about, &b->about) && a->until == b->until &&
		bytes_equal(a->hold_case, b->hold_case) &&
		bytes_equal(a->reason, b->reason) &&
		bytes_equal(a->authority, b->authority);
}

static void round_trip(const struct record *d, const char *what)
{
	struct record back;
	struct buf out = {0};

	is_int(record_encode(d, &out), 0, "%s: written", what);
	ok(record_decode(BUF_BYTES(&out), &back) == 0 && same(d, &back),
		"%s: read again with every field", what);
	mutate(what, BUF_BYTES(&out), MUTATIONS, feed, NULL);
	buf_free(&out);
}

static void paths(void)
{
	static const char *const good[] = {"a", "a/b", ".a", "..a", "a..", "...",
		"a b/\xff\xfe", "a/.b/..c", "-"};
	static const char *const bad[] = {"/", "/a", "a/", "a//b", ".", "..",
		"a/.", "./a", "a/../b", "../a", "a/.."};
	static uint8_t longest[RECORD_PATH_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(record_path_ok(BYTES(good[i], strlen(good[i]))),
			"a path: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!record_path_ok(BYTES(bad[i], strlen(bad[i]))),
			"no path: %s", bad[i]);
	ok(!record_path_ok(S("a\0b")), "no NUL in a path");
	ok(record_path_ok(S("")), "the root's path is empty");
	memset(longest, 'x', sizeof(longest));
	ok(record_path_ok(BYTES(longest, RECORD_PATH_MAX)), "4095 bytes");
	ok(!record_path_ok(BYTES(longest, RECORD_PATH_MAX + 1)), "no more");
}

/* One rule broken in an otherwise good record: neither side takes it. */
static void refuse(struct record d, const char *rule)
{
	struct buf out = {0};

	is_int(record_encode(&d, &out), -EINVAL, "refused: %s", rule);
	ok(out.p == NULL, "and nothing is written");
	buf_free(&out);
}

static void rules(struct prng *r)
{
	const struct record put = make(r, RECORD_PUT),
		dir = make(r, RECORD_MKDIR), sym = make(r, RECORD_SYMLINK),
		link = make(r, RECORD_LINK),
		gone = make(r, RECORD_TOMBSTONE);
	struct record d;

	refuse((d = put, d.path = S(""), d), "a file at the root's path");
	refuse((d = put, d.path = S("a/../b"), d), "a path that climbs");
	refuse((d = put, d.mode = 010000, d), "a mode beyond permissions");
	refuse((d = put, d.root = (struct hash){{0}}, d.size = 0, d),
		"a file without a root");
	refuse((d = put, d.target = S("x"), d), "a file with a target");
	refuse((d = dir, d.target = S("x"), d), "a folder with a target");
	refuse((d = dir, d.size = 1, d), "a folder with a size");
	refuse((d = dir, d.unclean = true, d), "a folder cut off");
	refuse((d = dir, d.root.b[3] = 1, d), "a folder with contents");
	refuse((d = sym, d.root.b[3] = 1, d), "a symlink with contents");
	refuse((d = sym, d.target = S(""), d), "a symlink without target");
	refuse((d = sym, d.target = S("a\0b"), d), "a target with a NUL");
	refuse((d = link, d.target = S("/a"), d), "a link out of the mount");
	refuse((d = link, d.target = S(""), d), "a link without target");
	refuse((d = dir, d.n_digests = 1,
		d.digest[0] = (struct record_digest){S("sha-256"), S("x")}, d),
		"a folder's digest");
	refuse((d = gone, d.path = S(""), d), "the root folder gone");
	refuse((d = gone, d.mode = 0755, d), "a tombstone's mode");
	refuse((d = gone, d.mtime_ns = 1, d), "a tombstone's time");
	refuse((d = gone, d.size = 1, d), "a tombstone's size");
	refuse((d = gone, d.root.b[3] = 1, d), "a tombstone with contents");
	refuse((d = gone, d.target = S("x"), d), "a tombstone with a target");
	refuse((d = gone, d.has_owner = true, d), "a tombstone's owner");
	refuse((d = gone, d.xattrs = S("\xa1\x41" "a\x40"), d),
		"a tombstone's attributes");
	refuse((d = gone, d.unclean = true, d), "a tombstone cut off");
	d = put;
	d.n_digests = 1;
	d.digest[0] = (struct record_digest){S("sha-256"), S("")};
	refuse(d, "an empty digest");
	d.digest[0] = (struct record_digest){S("SHA"), S("x")};
	refuse(d, "a digest's name in capitals");
	d.digest[0] = (struct record_digest){S(""), S("x")};
	refuse(d, "a digest without a name");
	d.n_digests = 2;
	d.digest[0] = (struct record_digest){S("sha3-256"), S("x")};
	d.digest[1] = (struct record_digest){S("sha-256"), S("x")};
	refuse(d, "digests out of order");
	d.digest[1] = d.digest[0];
	refuse(d, "a digest doubled");
	d.n_digests = RECORD_DIGESTS_MAX + 1;
	refuse(d, "nine digests");
	refuse((d = put, d.xattrs = S("\xa0"), d), "an empty map of attributes");
	refuse((d = put, d.xattrs = S("\xa2\x41g\x40\x41" "b\x40"), d),
		"attributes out of order");
	refuse((d = put, d.xattrs = S("\xa1\x40\x40"), d),
		"an attribute without a name");
	refuse((d = put, d.xattrs = S("\xa1\x41" "a\x40\x04\xf5"), d),
		"an extension hidden behind the attributes");
}

/* Classes, and what becomes of names of class version. */
static void classes(struct prng *r)
{
	const struct record put = make(r, RECORD_PUT),
		dir = make(r, RECORD_MKDIR), folder = make(r, RECORD_TOMBSTONE);
	struct record d, version = put, gone = folder, grown = put;
	struct hash root = {{0}};

	version.class = RECORD_CLASS_VERSION;
	version.has_previous = true;
	version.previous = prng_hash(r);
	gone.change = RECORD_REMOVED;
	gone.has_about = true;
	gone.about = prng_hash(r);
	grown.kind = RECORD_APPEND;
	grown.class = RECORD_CLASS_APPEND;
	grown.has_previous = true;
	grown.size = 9;
	grown.from = 4;
	grown.tail = prng_hash(r);
	round_trip(&version, "a version");
	round_trip((d = put, d.class = RECORD_CLASS_APPEND, &d), "a log");
	round_trip(&gone, "a version removed");
	round_trip((d = gone, d.change = RECORD_RENAMED, d.target = S("b"), &d),
		"a version renamed");
	round_trip(&grown, "an append");
	round_trip((d = grown, d.until = 5, &d), "an append with a date");
	round_trip((d = dir, d.preset = S("borg-strict"), &d), "a preset");
	refuse((d = put, d.class = (enum record_class)3, d), "a third class");
	refuse((d = dir, d.class = RECORD_CLASS_VERSION, d), "a folder's class");
	refuse((d = dir, d.has_previous = true, d), "a folder's previous");
	refuse((d = dir, d.preset = S("A"), d), "a preset in capitals");
	refuse((d = put, d.preset = S("git"), d), "a preset of a file");
	refuse((d = gone, d.change = (enum record_change)5, d), "a fifth change");
	refuse((d = put, d.change = RECORD_REMOVED, d), "a file removed");
	refuse((d = gone, d.has_about = false, d), "a removal of nothing");
	refuse((d = folder, d.has_about = true, d), "a tombstone about a record");
	refuse((d = gone, d.change = RECORD_RENAMED, d), "a name lost");
	refuse((d = gone, d.target = S("b"), d), "a removal to a name");
	refuse((d = gone, d.class = RECORD_CLASS_VERSION, d),
		"a tombstone's class");
	refuse((d = grown, d.class = RECORD_CLASS_VERSION, d),
		"an append of class version");
	refuse((d = grown, d.has_previous = false, d), "an append to nothing");
	refuse((d = grown, d.from = 0, d), "an append to an empty file");
	refuse((d = grown, d.from = 9, d), "an append of nothing");
	refuse((d = grown, d.tail = root, d), "an append without its root");
	refuse((d = put, d.from = 4, d.tail = grown.tail, d),
		"a put that has grown");
	is_int((long long)record_payload(&grown, &root), 5,
		"the payload of an append is what is new");
	ok(hash_equal(&root, &grown.tail), "with its root");
	is_int((long long)record_payload(&put, &root), (long long)put.size,
		"that of a put is all of it");
	is_int((long long)record_payload(&gone, &root), 0, "else there is none");
	ok(record_ends(&gone) && record_ends(&folder), "what is removed ends");
	d = gone;
	d.change = RECORD_REPLACED;
	ok(!record_ends(&d), "what is replaced does not");
	ok(record_seals(RECORD_APPEND) && record_stores(RECORD_APPEND) &&
			record_stores(RECORD_PUT) &&
			!record_stores(RECORD_LINK),
		"an append seals, and has bytes");
}

/* Which extensions stand with which kind. */
static void keeping(struct prng *r)
{
	static uint8_t big[RECORD_AUTHORITY_MAX + 1];
	const struct record put = make(r, RECORD_PUT),
		link = make(r, RECORD_LINK), dir = make(r, RECORD_MKDIR),
		keep = make(r, RECORD_RETENTION), hold = make(r, RECORD_HOLD),
		gone = make(r, RECORD_DELETION);
	struct record d, order = gone;

	order.reason = S("because");
	order.authority = S("signed");
	round_trip(&keep, "retention");
	round_trip(&hold, "hold");
	round_trip(&gone, "deletion");
	round_trip(&order, "deletion by privilege");
	round_trip((d = order, d.kind = RECORD_HOLD, &d), "release of a hold");
	refuse((d = keep, d.has_about = false, d), "a retention of nothing");
	refuse((d = keep, d.until = 0, d), "a retention without a date");
	refuse((d = keep, d.until = RECORD_UNTIL_MAX + 1, d),
		"a retention beyond the year 9999");
	refuse((d = keep, d.mode = 1, d), "a retention with a mode");
	refuse((d = keep, d.path = S(""), d), "a retention of the root");
	refuse((d = keep, d.hold_case = S("x"), d), "a retention with a case");
	refuse((d = hold, d.until = 5, d), "a hold with a date");
	refuse((d = hold, d.hold_case = S(""), d), "a hold without a case");
	refuse((d = hold, d.hold_case = BYTES(big + 1, 65), d),
		"a case that is too long");
	refuse((d = hold, d.hold_case = S("a\nb"), d), "a case of two lines");
	refuse((d = hold, d.hold_case = S("\xff"), d), "a case not in UTF-8");
	refuse((d = hold, d.reason = S("x"), d.authority = S("y"), d),
		"a hold placed and released");
	refuse((d = order, d.authority = S(""), d), "an order not signed");
	refuse((d = order, d.reason = S(""), d), "an order without a reason");
	refuse((d = order, d.authority = BYTES(big, sizeof big), d),
		"an order that is too long");
	refuse((d = gone, d.has_about = false, d), "a deletion of nothing");
	refuse((d = gone, d.root.b[1] = 1, d), "a deletion with contents");
	refuse((d = gone, d.until = 5, d), "a deletion with a date");
	refuse((d = put, d.has_about = true, d), "a file about a record");
	refuse((d = link, d.until = 5, d), "a link with a date");
	refuse((d = dir, d.until = 5, d), "a folder with a date");
	refuse((d = put, d.kind = (enum record_kind)6, d), "a kind unknown");
	d = order;
	d.kind = RECORD_COMPLIANCE;
	d.path = S("");
	round_trip(&d, "governance becomes compliance");
	refuse((d.path = S("f"), d), "for a file");
	d.path = S("");
	refuse((d.until = 5, d), "until a date");
	d.until = 0;
	refuse((d.has_about = false, d), "of no vault");
	d.has_about = true;
	d.reason = d.authority = S("");
	refuse(d, "without an order");
	ok(record_adds(RECORD_RETENTION) && record_adds(RECORD_HOLD) &&
			!record_adds(RECORD_DELETION) && !record_adds(RECORD_PUT),
		"retentions and holds add to a file's record");
	ok(record_gone(RECORD_DELETION) && record_gone(RECORD_TOMBSTONE) &&
			!record_gone(RECORD_RETENTION),
		"deletions and tombstones end a name");
	ok(!record_seals(RECORD_RETENTION) && !record_seals(RECORD_HOLD) &&
			!record_seals(RECORD_DELETION),
		"none of them seals");
	ok(record_adds(RECORD_COMPLIANCE) && !record_seals(RECORD_COMPLIANCE) &&
			!record_gone(RECORD_COMPLIANCE),
		"what is about the vault is no record of its root");
	is_str(record_kind_name(RECORD_DELETION), "deletion", "they have names");
	is_str(record_kind_name(RECORD_COMPLIANCE), "compliance", "all of them");
}

static void attributes(void)
{
	struct record_xattr x[RECORD_XATTRS_MAX + 1], got;
	static uint8_t big[RECORD_XATTR_BYTES];
	char name[RECORD_XATTRS_MAX + 1][8];
	struct buf out = {0};
	size_t i, at = 0, n = 0;
	bool good = true;

	for (i = 0; i <= RECORD_XATTRS_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "u.%03zu",
			RECORD_XATTRS_MAX - i);
		x[i] = (struct record_xattr){BYTES(name[i], 5), S("v")};
	}
	is_int(record_xattrs_encode(x, RECORD_XATTRS_MAX, &out), 0,
		"64 attributes");
	while (record_xattrs_next(BUF_BYTES(&out), &at, &got) == 1)
		good = good && bytes_equal(got.name,
				x[RECORD_XATTRS_MAX - 1 - n++].name);
	ok(good && n == RECORD_XATTRS_MAX && at == out.n,
		"come back in the order of their names");
	buf_free(&out);
	is_int(record_xattrs_encode(x, RECORD_XATTRS_MAX + 1, &out), -EINVAL,
		"no 65");
	x[1] = x[0];
	is_int(record_xattrs_encode(x, 2, &out), -EINVAL, "no name twice");
	x[0].name = S("");
	is_int(record_xattrs_encode(x, 2, &out), -EINVAL, "no empty name");
	x[0].name = S("a\0");
	is_int(record_xattrs_encode(x, 2, &out), -EINVAL, "no NUL in a name");
	x[0] = (struct record_xattr){S("user.a"), BYTES(big, sizeof(big) - 6)};
	is_int(record_xattrs_encode(x, 1, &out), 0, "64 KiB together");
	buf_free(&out);
	x[0].value.n++;
	is_int(record_xattrs_encode(x, 1, &out), -EINVAL, "and not a byte more");
	is_int(record_xattrs_encode(x, 0, &out), 0, "none at all");
	ok(out.n == 0, "is no map");
	at = 9;
	is_int(record_xattrs_next(S("\xa1\x41g\x40"), &at, &got), -EBADMSG,
		"a place behind the map is refused");
}

/* Some file systems have times that 64 bits of nanoseconds do not reach. */
static void times(void)
{
	static const struct {
		struct timespec t;
		int64_t ns;
		const char *what;
	} row[] = {
		{{0, 5}, 5, "just after 1970"},
		{{-1, 999999999}, -1, "just before"},
		{{9223372036, 854775807}, INT64_MAX, "the last that fits"},
		{{9223372036, 854775808}, INT64_MAX, "one later"},
		{{15032385535, 0}, INT64_MAX, "2446, the last of ext4"},
		{{-9223372036, 0}, INT64_MIN + 854775808, "1677"},
		{{-15032385535, 1}, INT64_MIN, "long before"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		is_int(record_mtime(&row[i].t), row[i].ns, "a time: %s",
			row[i].what);
}

int main(void)
{
	struct prng r = {prng_seed()};
	struct buf xattrs = {0};
	struct bytes none, value;
	struct record d;

	plan(0);
	paths();
	d = make(&r, RECORD_PUT);
	round_trip(&d, "put");
	d = make(&r, RECORD_MKDIR);
	d.path = S("");
	round_trip(&d, "mkdir");
	d = make(&r, RECORD_SYMLINK);
	round_trip(&d, "symlink");
	d = make(&r, RECORD_LINK);
	round_trip(&d, "link");
	d = make(&r, RECORD_TOMBSTONE);
	round_trip(&d, "tombstone");
	everything(&r, &d, &xattrs);
	round_trip(&d, "put with every extension");
	rules(&r);
	classes(&r);
	keeping(&r);
	attributes();
	times();

	value = record_digest(&d, "sha-256");
	is_bytes(value, S("12345678"), "a digest is found by its name");
	none = record_digest(&d, "sha-512");
	ok(none.p == NULL && none.n == 0, "and no other");
	is_str(record_kind_name(RECORD_LINK), "link", "kinds have names");
	is_str(record_kind_name(RECORD_TOMBSTONE), "tombstone", "all of them");
	ok(record_seals(RECORD_PUT) && record_seals(RECORD_SYMLINK) &&
			record_seals(RECORD_LINK),
		"files, symlinks and links are sealed by their records");
	ok(!record_seals(RECORD_MKDIR) && !record_seals(RECORD_TOMBSTONE),
		"folders are not, nor are names that are gone");
	buf_free(&xattrs);
	return done();
}

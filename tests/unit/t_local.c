/* struct local as backends/local_sqlite keeps it: records and blocks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local_sqlite.h"
#include "core/cleanup.h"
#include "tests/lib/said.h"
#include "tests/tap/tap.h"

static char dir[] = "/tmp/t_local.XXXXXX";
static char file[64];

static struct local *reopen(struct local *l)
{
	if (l != NULL)
		l->ops->free(l);
	if (local_sqlite_open(file, false, false, &l) != 0)
		bail("cannot open %s again", file);
	return l;
}

static void t_records(struct local *l)
{
	struct local_record two[2] = {said_put("a/x", 10), said_put("a/y", 20)};
	struct local_record folder = said_put("a", 4096);
	struct local_record big = said_put("a/z", 1), bad;
	uint8_t tops[2 * HASH_LEN] = {0};
	struct said s = {.stop_after = 1};
	uint64_t id = 0;

	is_int(l->ops->queue(l, two, 2, &id), 0, "two records are queued");
	is_int(id, 1, "the first id is 1");
	folder.kind = RECORD_MKDIR;
	big.ready = false;
	big.extents = BYTES(tops, sizeof(tops));
	is_int(l->ops->queue(l, &folder, 1, &id), 0, "a folder");
	is_int(id, 3, "ids ascend");
	is_int(l->ops->queue(l, &big, 1, &id), 0, "a large file");
	is_str(said_queued(l, true, 0), "1:a/x;2:a/y;3:a;",
		"ready ones, in order");
	is_str(said_queued(l, true, 2), "3:a;", "those after an id");
	is_str(said_queued(l, false, 0), "4:a/z waiting;", "and the others");
	is_int(l->ops->queued(l, true, 0, said_see, &s), 7,
		"what visit returns ends the visit and is returned");
	is_int(s.count, 1, "at once");

	bad = said_put("a/x", 1);
	bad.d.n = 0;
	is_int(l->ops->queue(l, &bad, 1, &id), -EINVAL, "no d is no record");
	two[1].extents = BYTES(tops, 31);
	is_int(l->ops->queue(l, two, 2, &id), -EINVAL, "half a hash neither");
	is_int(l->ops->queue(l, two, 0, &id), -EINVAL, "nor nothing");
	is_int(id, 4, "ret_id is untouched");
	is_str(said_queued(l, true, 2), "3:a;",
		"and nothing of them was queued");
	said_counts_are(l,
		"queued 3 files 31 bytes 4 records, final 0 files 0 records,"
		" 0 blocks height 0",
		"folders count as records only");

	is_str(said_find(l, "a/y"), "2:a/y;", "a path is found");
	is_str(said_find(l, "a/"), "none", "another is not");
	is_str(said_find(l, "a/z"), "4:a/z waiting;",
		"waiting for its extents");
	is_int(l->ops->set_ready(l, 4), 0, "its extents are up");
	is_int(l->ops->set_ready(l, 4), 0, "said twice is fine");
	is_int(l->ops->set_ready(l, 99), -ENOENT, "nobody has id 99");
	is_str(said_find(l, "a/z"), "4:a/z;", "now it is ready");
	is_str(said_queued(l, true, 2), "3:a;4:a/z;",
		"and stands in the queue");
	is_int(l->ops->queue(l, &folder, 1, &id), 0, "the folder changes");
	is_str(said_find(l, "a"), "5:a;",
		"the newest record of a path is found");
	memset(&s, 0, sizeof(s));
	is_int(l->ops->record(l, 3, said_see, &s), 0,
		"the older one has its id");
	is_str(s.line, "3:a;", "by which it is found");
	is_int(l->ops->record(l, 99, said_see, &s), -ENOENT, "no such record");
}

static const char *notes(struct local *l, const char *path)
{
	static struct said s;

	memset(&s, 0, sizeof(s));
	if (l->ops->notes(l, said_text(path), said_see, &s) != 0)
		return "error";
	return s.line;
}

static int see_large(void *ctx, const struct local_record *r)
{
	return r->id == *(uint64_t *)ctx && r->extents.n == HASH_LEN ? 7 : 8;
}

static void t_notes(void)
{
	struct local *l;
	struct local_record r[5] = {said_put("n/f", 4), said_put("n/f", 0),
		said_put("n/f", 0), said_put("n/f/x", 0), said_put("n/g", 3)};
	uint64_t id;

	if (local_sqlite_open(":memory:", true, false, &l) != 0)
		bail("no local in memory");
	r[1].kind = RECORD_RETENTION;
	r[2].kind = RECORD_HOLD;
	r[3].kind = RECORD_RETENTION; /* of another path */
	is_int(l->ops->queue(l, r, 5, &id), 0, "a file and what adds to it");
	is_str(said_find(l, "n/f"), "1:n/f;", "its own record is its newest");
	is_str(notes(l, "n/f"), "2:n/f;3:n/f;", "and its notes are found");
	is_str(notes(l, "n/g"), "", "another has none");
	is_str(notes(l, "n"), "", "nor has its folder");
	is_str(said_below(l, "n", false), "1:n/f;2:n/f;3:n/f;4:n/f/x;5:n/g;",
		"a folder's records come with their notes");
	is_int((int)strlen(said_below(l, "n/f", true)), 6 + 6 + 6 + 8,
		"notes are waited for like records");
	is_int(l->ops->large(l, said_see, NULL), 0, "no large file");
	r[0].extents = said_text("0123456789abcdef0123456789abcdef");
	is_int(l->ops->queue(l, r, 1, &id), 0, "a large one");
	is_int(l->ops->large(l, see_large, &id), 7, "is visited");
	r[0].extents.n = 0;
	r[0].kind = RECORD_DELETION;
	is_int(l->ops->queue(l, r, 1, &id), 0, "a deletion");
	is_str(said_find(l, "n/f"), "7:n/f;",
		"is the newest record of its path");
	l->ops->free(l);
}

static void t_below(struct local *l)
{
	struct local_record r[4] = {said_put("a-b", 1), said_put("a0", 1),
		said_put("a/x/deep", 1), said_put("\xff\xff", 1)};
	uint64_t id;
	char all[256];

	is_int(l->ops->queue(l, r, 4, &id), 0, "neighbours of a folder");
	snprintf(all, sizeof(all), "%s", said_below(l, "a", false));
	is_str(all, "5:a;1:a/x;8:a/x/deep;2:a/y;4:a/z;",
		"a folder and what is below, by path");
	is_str(said_below(l, "a", true), all, "all of it open so far");
	is_str(said_below(l, "a/x", false), "1:a/x;8:a/x/deep;",
		"below a path that is in the middle");
	is_str(said_below(l, "nothing", false), "", "nothing is not an error");
	is_str(said_below(l, "", false),
		"5:a;6:a-b;1:a/x;8:a/x/deep;2:a/y;4:a/z;7:a0;9:\xff\xff;",
		"the root has everything");
}

static void t_batch(struct local *l)
{
	const uint64_t one[] = {1, 3, 2}, two[] = {4, 5, 6};
	const uint64_t twice[] = {7, 7}, missing[] = {7, 99};
	uint64_t at = 77;

	is_int(l->ops->tip(l, LOCAL_BATCHED, &at), -ENOENT, "no block yet");
	is_int(said_block(l, 0, one, 3, LOCAL_BATCHED, 0), -EINVAL,
		"block zero is not made so");
	is_int(said_block(l, 1, one, 3, LOCAL_BATCHED, 0), -EINVAL,
		"and is needed first");
	is_int(said_genesis(l), 0, "block zero comes whole");
	is_int(said_genesis(l), -EEXIST, "and once");
	is_int(l->ops->tip(l, LOCAL_FINAL, &at), 0, "it is final");
	is_int(at, 0, "at height 0");
	is_int(l->ops->put_block(l, 2, said_text("b"), one, 3, 9), -EINVAL,
		"no height is left out");
	is_int(l->ops->put_block(l, 1, said_text("b"), one, 0, 9), -EINVAL,
		"no block is empty");
	is_int(l->ops->put_block(l, 1, said_text("b"), twice, 2, 9), -EINVAL,
		"a record is in a block once");
	is_int(l->ops->put_block(l, 1, said_text("b"), missing, 2, 9), -EINVAL,
		"a record that is not there is in none");
	is_int(said_block(l, 1, one, 3, LOCAL_BATCHED, 0), 0, "block 1");
	is_str(said_records(l, 1), "1:a/x 1.0;3:a 1.1;2:a/y 1.2;",
		"has its records by index, in the order given");
	is_str(said_queued(l, true, 0),
		"4:a/z;5:a;6:a-b;7:a0;8:a/x/deep;9:\xff\xff;",
		"which are in the queue no more");
	is_int(l->ops->put_block(l, 1, said_text("b"), two, 3, 9), -EINVAL,
		"a height is taken once");
	is_int(l->ops->put_block(l, 2, said_text("b"), two, 3, 9), -EINVAL,
		"a block links to a stamp that is there");
}

static const struct hash hm = {{4, 5, 6}};

static void t_states(struct local *l)
{
	const uint64_t one[] = {1}, two[] = {4, 5, 6};

	is_int(l->ops->put_sequence(l, 1, 5, said_text("s"), said_text("o")),
		-EINVAL, "no number before the stamp");
	is_int(l->ops->set_final(l, 1), -EINVAL, "and no end");
	is_int(l->ops->put_stamp(l, 1, 1, said_text("t1"), &hm), 0, "stamped");
	is_int(l->ops->put_stamp(l, 1, 1, said_text("t2"), &hm), -EINVAL,
		"a stamp is never replaced");
	is_int(l->ops->put_block(l, 2, said_text("b"), one, 1, 9), -EINVAL,
		"a record in a block is in no second one");
	is_int(said_block(l, 2, two, 3, LOCAL_STAMPED, 0), 0, "block 2");
	is_int(l->ops->put_sequence(l, 2, 5, said_text("s"), said_text("o")),
		-EINVAL, "lowest height first");
	is_int(l->ops->put_sequence(l, 1, 0, said_text("s"), said_text("o")),
		-EEXIST, "0 is taken by another object");
	is_int(l->ops->put_sequence(l, 1, 5, said_text("s1"), said_text("o5")),
		0, "block 1 gets number 5");
}

static void t_read_block(struct local *l)
{
	struct local_block b = {0};
	struct buf object = {0};
	uint64_t at = 77;

	is_int(l->ops->number(l, 5, &object), 0, "the object is kept with it");
	is_bytes(BUF_BYTES(&object), said_text("o5"), "as it was");
	buf_free(&object);
	is_int(l->ops->block(l, 1, &b), 0, "the block is read");
	ok(b.state == LOCAL_SEQUENCED && b.height == 1 && b.t_type == 1 &&
			b.k == 5 && b.n == 3 && b.bytes == 9 &&
			hash_equal(&b.hmeta, &hm),
		"with all its numbers");
	is_bytes(BUF_BYTES(&b.t), said_text("t1"), "its stamp");
	is_bytes(BUF_BYTES(&b.s), said_text("s1"), "its number's statement");
	local_block_done(&b);
	is_int(l->ops->block(l, 3, &b), -ENOENT, "no block 3");
	is_int(l->ops->tip(l, LOCAL_SEQUENCED, &at), 0, "the newest numbered");
	is_int(at, 1, "is block 1");
	is_int(l->ops->tip(l, LOCAL_BATCHED, &at), 0, "the newest of all");
	is_int(at, 2, "is block 2");
}

static void t_final(struct local *l)
{
	const uint64_t late[] = {7};

	is_int(l->ops->set_final(l, 1), 0, "block 1 is final");
	is_int(l->ops->set_final(l, 1), -EINVAL, "once");
	said_counts_are(l,
		"queued 5 files 5 bytes 6 records, final 2 files 3 records,"
		" 1 blocks height 1",
		"the counts follow");
	is_str(said_find(l, "a/y"), "2:a/y 1.2 final;",
		"a final record says so");
	is_str(said_find(l, "a/z"), "4:a/z 2.0;", "one in a block its place");
	is_str(said_below(l, "a", true), "5:a 2.1;8:a/x/deep;4:a/z 2.0;",
		"only what is open, in a block or not");
	is_int(said_block(l, 3, late, 1, LOCAL_BATCHED, 0), 0, "block 3");
}

static void t_requeue(struct local *l)
{
	const uint64_t again[] = {5, 4};

	is_int(l->ops->requeue(l, 1), -EBUSY, "a numbered block stays");
	is_int(l->ops->requeue(l, 0), -EBUSY, "block zero more than any");
	is_int(l->ops->requeue(l, 9), -ENOENT, "no such block");
	is_int(l->ops->requeue(l, 2), 0, "one that lost goes");
	is_str(said_records(l, 3), "", "and all above it");
	is_str(said_queued(l, true, 0),
		"4:a/z;5:a;6:a-b;7:a0;8:a/x/deep;9:\xff\xff;",
		"their records are queued under their old ids");
	said_counts_are(l,
		"queued 5 files 5 bytes 6 records, final 2 files 3 records,"
		" 1 blocks height 1",
		"nothing was lost or counted twice");
	is_int(said_block(l, 2, again, 2, LOCAL_FINAL, 7), 0,
		"they go into another block");
	is_str(said_records(l, 2), "5:a 2.0 final;4:a/z 2.1 final;",
		"and are final");
}

static int see_lag(void *ctx, const char *key, uint32_t buckets,
	uint64_t source)
{
	said_add(ctx, "%s:%x:%llu;", key, buckets, (unsigned long long)source);
	return 0;
}

static const char *lag_list(struct local *l)
{
	static struct said s;

	memset(&s, 0, sizeof(s));
	return l->ops->lags(l, see_lag, &s) == 0 ? s.line : "error";
}

static void t_numbers_and_lags(struct local *l)
{
	struct buf v = {0};
	uint64_t k = 0;

	is_int(l->ops->put_number(l, 8, said_text("hand-over")), 0, "a number");
	is_int(l->ops->put_number(l, 8, said_text("hand-over")), 0, "again");
	is_int(l->ops->put_number(l, 8, said_text("other")), -EEXIST,
		"never another object");
	is_int(l->ops->number(l, 6, &v), -ENOENT, "a number nobody has");
	is_int(l->ops->last_number(l, &k), 0, "the last number");
	is_int(k, 8, "is the highest");

	is_int(l->ops->set_lag(l, "p/one", 0x20, 1), 0, "bucket 5 lags");
	is_int(l->ops->set_lag(l, "a/two", 0x21, 8), 0, "and again");
	is_int(l->ops->set_lag(l, "p/one", 0x10, 1), 0, "a lag changes");
	is_str(lag_list(l), "a/two:21:8;p/one:10:1;", "listed");
	is_int(l->ops->set_lag(l, "a/two", 0, 8), 0, "it is cured");
	is_int(l->ops->set_lag(l, "a/two", 0, 8), 0, "twice");
	is_str(lag_list(l), "p/one:10:1;", "and gone");
}

static void t_values(struct local *l)
{
	struct buf v = {0};
	cleanup(free) uint8_t *large = calloc(1, 65537);

	is_int(l->ops->value(l, "name", &v), -ENOENT, "no such value");
	is_int(l->ops->set_value(l, "name", said_text("first")), 0, "set");
	is_int(l->ops->set_value(l, "name", BYTES(large, 65536)), 0, "64 KiB");
	is_int(l->ops->set_value(l, "name", BYTES(large, 65537)), -E2BIG,
		"not more");
	is_int(l->ops->value(l, "name", &v), 0, "read");
	is_int(v.n, 65536, "the last one set");
	buf_free(&v);
	is_int(l->ops->set_value(l, "none", BYTES(NULL, 0)), 0, "empty");
	is_int(l->ops->value(l, "none", &v), 0, "is a value too");
	is_int(v.n, 0, "of no bytes");
	buf_free(&v);
}

/* Everything as the tests above left it. */
static void t_again(struct local *l, const char *when)
{
	is_str(said_below(l, "", false),
		"5:a 2.0 final;6:a-b;1:a/x 1.0 final;8:a/x/deep;"
		"2:a/y 1.2 final;4:a/z 2.1 final;7:a0;9:\xff\xff;",
		"%s: all records are as they were", when);
	said_counts_are(l,
		"queued 4 files 4 bytes 4 records, final 3 files 5 records,"
		" 2 blocks height 2",
		"and all counts");
	is_str(lag_list(l), "p/one:10:1;", "and the lags");
}

static void t_read_only(struct local *l)
{
	struct local *r = NULL;
	struct local_record more = said_put("later", 3);
	uint64_t id;

	is_int(local_sqlite_open(file, false, true, &r), 0,
		"it opens read-only beside the writer");
	t_again(r, "read-only");
	is_int(r->ops->queue(r, &more, 1, &id), -EROFS, "queueing is refused");
	is_int(r->ops->set_value(r, "x", said_text("y")), -EROFS, "setting is");
	is_int(r->ops->set_final(r, 3), -EROFS, "and so on");
	is_int(l->ops->queue(l, &more, 1, &id), 0, "the writer writes on");
	is_str(said_find(r, "later"), "10:later;", "and the reader sees it");
	r->ops->free(r);
}

static int read_during_visit(void *ctx, const struct local_record *r)
{
	struct local_record more = said_put("meanwhile", 3);
	struct local *other = ctx;
	uint64_t id;

	(void)r;
	return other->ops->queue(other, &more, 1, &id) == 0 ? 7 : -EIO;
}

static void t_side_by_side(struct local *l)
{
	struct local *other = NULL;

	is_int(local_sqlite_open(file, false, false, &other), 0,
		"a second program opens it");
	is_int(l->ops->below(l, said_text(""), false, read_during_visit, other),
		7,
		"it commits while the first one reads");
	is_str(said_find(l, "meanwhile"), "11:meanwhile;",
		"which sees it after");
	other->ops->free(other);
}

int main(void)
{
	struct local *l = NULL;
	char command[64];

	plan(0);
	if (mkdtemp(dir) == NULL)
		bail("mkdtemp");
	snprintf(file, sizeof(file), "%s/notary.db", dir);
	if (local_sqlite_open(file, true, false, &l) != 0)
		bail("cannot make %s", file);
	t_records(l);
	t_below(l);
	t_notes();
	l = reopen(l);
	t_batch(l);
	t_states(l);
	l = reopen(l);
	t_read_block(l);
	t_final(l);
	l = reopen(l);
	t_requeue(l);
	t_numbers_and_lags(l);
	t_values(l);
	t_again(l, "before closing");
	l = reopen(l);
	t_again(l, "after opening again");
	t_read_only(l);
	t_side_by_side(l);
	l->ops->free(l);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? done() : 1;
}

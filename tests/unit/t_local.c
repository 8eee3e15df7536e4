/* struct local as backends/local_sqlite keeps it. */
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/local_sqlite.h"
#include "core/cleanup.h"
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

static struct bytes text(const char *s)
{
	return BYTES(s, strlen(s));
}

static struct local_record put(const char *path, uint64_t size)
{
	return (struct local_record){
		.kind = RECORD_PUT,
		.ready = true,
		.size = size,
		.path = text(path),
		.d = text(path), /* as good as any here */
	};
}

/* What visits gave, as text: "id:path[ height.index][ final][ waiting];" */
struct seen {
	char line[4096];
	size_t n;
	int count, stop_after;	/* visits; 0: never stop */
};

__attribute__((format(printf, 2, 3))) static void say(
	struct seen *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->n += (size_t)vsnprintf(s->line + s->n, sizeof(s->line) - s->n, fmt,
		ap);
	va_end(ap);
}

static int see(void *ctx, const struct local_record *r)
{
	struct seen *s = ctx;

	say(s, "%llu:%.*s", (unsigned long long)r->id, (int)r->path.n,
		(const char *)r->path.p);
	if (r->in_block)
		say(s, " %llu.%u", (unsigned long long)r->height, r->index);
	say(s, "%s%s;", r->final ? " final" : "", r->ready ? "" : " waiting");
	s->count++;
	return s->stop_after != 0 && s->count >= s->stop_after ? 7 : 0;
}

static const char *queued(struct local *l, bool ready, uint64_t after)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	if (l->ops->queued(l, ready, after, see, &s) != 0)
		return "error";
	return s.line;
}

static const char *records(struct local *l, uint64_t height)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	if (l->ops->records(l, height, see, &s) != 0)
		return "error";
	return s.line;
}

static const char *find(struct local *l, const char *path)
{
	static struct seen s;
	int rc;

	memset(&s, 0, sizeof(s));
	rc = l->ops->find(l, text(path), see, &s);
	return rc == -ENOENT && s.n == 0 ? "none" : rc != 0 ? "error" : s.line;
}

static const char *below(struct local *l, const char *folder, bool only_open)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	if (l->ops->below(l, text(folder), only_open, see, &s) != 0)
		return "error";
	return s.line;
}

static void is_counts(struct local *l, const char *want, const char *what)
{
	struct local_counts c;
	char got[256] = "error";

	if (l->ops->counts(l, &c) == 0)
		snprintf(got, sizeof(got),
			"queued %llu files %llu bytes %llu records, final %llu"
			" files %llu records, %llu blocks height %llu",
			(unsigned long long)c.queued_files,
			(unsigned long long)c.queued_bytes,
			(unsigned long long)c.queued_records,
			(unsigned long long)c.final_files,
			(unsigned long long)c.final_records,
			(unsigned long long)c.blocks,
			(unsigned long long)c.height);
	is_str(got, want, "%s", what);
}

static int put_genesis(struct local *l)
{
	struct local_block b0 = {.t_type = 0, .n = 1};
	int rc;

	buf_copy(text("b0"), &b0.b);
	buf_copy(text("t0"), &b0.t);
	buf_copy(text("s0"), &b0.s);
	rc = l->ops->put_genesis(l, &b0, text("object 0"));
	local_block_done(&b0);
	return rc;
}

static const struct hash hm = {{1, 2, 3}};

/* A block of these ids, brought as far as `to`, numbered k. */
static int make_block(struct local *l, uint64_t height, const uint64_t *ids,
	size_t n, enum local_state to, uint64_t k)
{
	char object[32];
	int rc = l->ops->put_block(l, height, text("b"), ids, n, 9);

	snprintf(object, sizeof(object), "object %llu", (unsigned long long)k);
	if (rc == 0 && to >= LOCAL_STAMPED)
		rc = l->ops->put_stamp(l, height, 0, text("t"), &hm);
	if (rc == 0 && to >= LOCAL_SEQUENCED)
		rc = l->ops->put_sequence(l, height, k, text("s"),
			text(object));
	if (rc == 0 && to >= LOCAL_FINAL)
		rc = l->ops->set_final(l, height);
	return rc;
}

static void write_file(const char *path, const char *what)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(what, f) < 0 || fclose(f) != 0)
		bail("cannot write %s", path);
}

static void t_open(void)
{
	struct local *l = NULL, *m = NULL;
	char other[80];
	struct stat st;

	is_int(local_sqlite_open(file, false, false, &l), -ENOENT,
		"a database that is not there is not made");
	is_int(local_sqlite_open(file, false, true, &l), -ENOENT,
		"nor is one that is to be read only");
	is_int(local_sqlite_open(file, true, false, &l), 0, "it is created");
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600,
		"nobody else may read it");
	is_int(local_sqlite_open(file, true, true, &m), -EINVAL,
		"creating and only reading do not go together");
	l->ops->free(l);
	is_int(local_sqlite_open(file, true, false, &l), 0,
		"create opens one that is there");
	l->ops->free(l);

	snprintf(other, sizeof(other), "%s/other", dir);
	write_file(other, "this is no database, and longer than the header of"
			  " one is, which is a hundred bytes and no more\n");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"another file is refused");
	is_int(local_sqlite_open(other, false, true, &l), -EBADMSG,
		"also for reading");
	write_file(other, "");
	is_int(local_sqlite_open(other, false, false, &l), -EBADMSG,
		"an empty file is not ours");
	is_int(local_sqlite_open(other, true, false, &l), 0,
		"create makes it ours (a crash while it was made)");
	l->ops->free(l);
	unlink(other);
	ok(local_sqlite_open(dir, false, false, &l) < 0,
		"a folder is no database");
}

/* Runs SQL on the database at path behind our back. */
static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		bail("cannot run %s", sql);
	sqlite3_close(db);
}

static void t_versions(void)
{
	struct local *l = NULL;
	char other[80];

	snprintf(other, sizeof(other), "%s/later", dir);
	if (local_sqlite_open(other, true, false, &l) != 0)
		bail("cannot make %s", other);
	l->ops->free(l);
	run_sql(other, "PRAGMA user_version = 2");
	is_int(local_sqlite_open(other, false, false, &l), -EBADMSG,
		"a later schema is refused");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"and create does not change that");
	unlink(other);
	run_sql(other, "CREATE TABLE mine (x)");
	is_int(local_sqlite_open(other, true, false, &l), -EBADMSG,
		"the database of another program is refused");
	unlink(other);
}

static void t_records(struct local *l)
{
	struct local_record two[2] = {put("a/x", 10), put("a/y", 20)};
	struct local_record folder = put("a", 4096), bad, big = put("a/z", 1);
	uint8_t tops[2 * HASH_LEN] = {0};
	struct seen s = {.stop_after = 1};
	uint64_t id = 0;

	is_int(l->ops->queue(l, two, 2, &id), 0, "two records are queued");
	is_int(id, 1, "the first id is 1");
	folder.kind = RECORD_MKDIR;
	big.ready = false;
	big.extents = BYTES(tops, sizeof(tops));
	is_int(l->ops->queue(l, &folder, 1, &id), 0, "a folder");
	is_int(id, 3, "ids ascend");
	is_int(l->ops->queue(l, &big, 1, &id), 0, "a large file");
	is_str(queued(l, true, 0), "1:a/x;2:a/y;3:a;", "ready ones, in order");
	is_str(queued(l, true, 2), "3:a;", "those after an id");
	is_str(queued(l, false, 0), "4:a/z waiting;", "and the others");
	is_int(l->ops->queued(l, true, 0, see, &s), 7,
		"what visit returns ends the visit and is returned");
	is_int(s.count, 1, "at once");

	bad = put("a/x", 1);
	bad.d.n = 0;
	is_int(l->ops->queue(l, &bad, 1, &id), -EINVAL, "no d is no record");
	two[1].extents = BYTES(tops, 31);
	is_int(l->ops->queue(l, two, 2, &id), -EINVAL, "half a hash neither");
	is_int(l->ops->queue(l, two, 0, &id), -EINVAL, "nor nothing");
	is_int(id, 4, "ret_id is untouched");
	is_str(queued(l, true, 2), "3:a;", "and nothing of them was queued");
	is_counts(l,
		"queued 3 files 31 bytes 4 records, final 0 files 0 records,"
		" 0 blocks height 0",
		"folders count as records only");

	is_str(find(l, "a/y"), "2:a/y;", "a path is found");
	is_str(find(l, "a/"), "none", "another is not");
	is_str(find(l, "a/z"), "4:a/z waiting;", "waiting for its extents");
	is_int(l->ops->set_ready(l, 4), 0, "its extents are up");
	is_int(l->ops->set_ready(l, 4), 0, "said twice is fine");
	is_int(l->ops->set_ready(l, 99), -ENOENT, "nobody has id 99");
	is_str(find(l, "a/z"), "4:a/z;", "now it is ready");
	is_str(queued(l, true, 2), "3:a;4:a/z;", "and stands in the queue");
	is_int(l->ops->queue(l, &folder, 1, &id), 0, "the folder changes");
	is_str(find(l, "a"), "5:a;", "the newest record of a path is found");
	memset(&s, 0, sizeof(s));
	is_int(l->ops->record(l, 3, see, &s), 0, "the older one has its id");
	is_str(s.line, "3:a;", "by which it is found");
	is_int(l->ops->record(l, 99, see, &s), -ENOENT, "no such record");
}

static const char *notes(struct local *l, const char *path)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	if (l->ops->notes(l, text(path), see, &s) != 0)
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
	struct local_record r[5] = {put("n/f", 4), put("n/f", 0), put("n/f", 0),
		put("n/f/x", 0), put("n/g", 3)};
	uint64_t id;

	if (local_sqlite_open(":memory:", true, false, &l) != 0)
		bail("no local in memory");
	r[1].kind = RECORD_RETENTION;
	r[2].kind = RECORD_HOLD;
	r[3].kind = RECORD_RETENTION; /* of another path */
	is_int(l->ops->queue(l, r, 5, &id), 0, "a file and what adds to it");
	is_str(find(l, "n/f"), "1:n/f;", "its own record is its newest");
	is_str(notes(l, "n/f"), "2:n/f;3:n/f;", "and its notes are found");
	is_str(notes(l, "n/g"), "", "another has none");
	is_str(notes(l, "n"), "", "nor has its folder");
	is_str(below(l, "n", false), "1:n/f;2:n/f;3:n/f;4:n/f/x;5:n/g;",
		"a folder's records come with their notes");
	is_int((int)strlen(below(l, "n/f", true)), 6 + 6 + 6 + 8,
		"notes are waited for like records");
	is_int(l->ops->large(l, see, NULL), 0, "no large file");
	r[0].extents = text("0123456789abcdef0123456789abcdef");
	is_int(l->ops->queue(l, r, 1, &id), 0, "a large one");
	is_int(l->ops->large(l, see_large, &id), 7, "is visited");
	r[0].extents.n = 0;
	r[0].kind = RECORD_DELETION;
	is_int(l->ops->queue(l, r, 1, &id), 0, "a deletion");
	is_str(find(l, "n/f"), "7:n/f;", "is the newest record of its path");
	l->ops->free(l);
}

static void t_below(struct local *l)
{
	struct local_record r[4] = {put("a-b", 1), put("a0", 1),
		put("a/x/deep", 1), put("\xff\xff", 1)};
	uint64_t id;
	char all[256];

	is_int(l->ops->queue(l, r, 4, &id), 0, "neighbours of a folder");
	snprintf(all, sizeof(all), "%s", below(l, "a", false));
	is_str(all, "5:a;1:a/x;8:a/x/deep;2:a/y;4:a/z;",
		"a folder and what is below, by path");
	is_str(below(l, "a", true), all, "all of it open so far");
	is_str(below(l, "a/x", false), "1:a/x;8:a/x/deep;",
		"below a path that is in the middle");
	is_str(below(l, "nothing", false), "", "nothing is not an error");
	is_str(below(l, "", false),
		"5:a;6:a-b;1:a/x;8:a/x/deep;2:a/y;4:a/z;7:a0;9:\xff\xff;",
		"the root has everything");
}

static void t_batch(struct local *l)
{
	const uint64_t one[] = {1, 3, 2}, two[] = {4, 5, 6};
	const uint64_t twice[] = {7, 7}, missing[] = {7, 99};
	uint64_t at = 77;

	is_int(l->ops->tip(l, LOCAL_BATCHED, &at), -ENOENT, "no block yet");
	is_int(make_block(l, 0, one, 3, LOCAL_BATCHED, 0), -EINVAL,
		"block zero is not made so");
	is_int(make_block(l, 1, one, 3, LOCAL_BATCHED, 0), -EINVAL,
		"and is needed first");
	is_int(put_genesis(l), 0, "block zero comes whole");
	is_int(put_genesis(l), -EEXIST, "and once");
	is_int(l->ops->tip(l, LOCAL_FINAL, &at), 0, "it is final");
	is_int(at, 0, "at height 0");
	is_int(l->ops->put_block(l, 2, text("b"), one, 3, 9), -EINVAL,
		"no height is left out");
	is_int(l->ops->put_block(l, 1, text("b"), one, 0, 9), -EINVAL,
		"no block is empty");
	is_int(l->ops->put_block(l, 1, text("b"), twice, 2, 9), -EINVAL,
		"a record is in a block once");
	is_int(l->ops->put_block(l, 1, text("b"), missing, 2, 9), -EINVAL,
		"a record that is not there is in none");
	is_int(make_block(l, 1, one, 3, LOCAL_BATCHED, 0), 0, "block 1");
	is_str(records(l, 1), "1:a/x 1.0;3:a 1.1;2:a/y 1.2;",
		"has its records by index, in the order given");
	is_str(queued(l, true, 0),
		"4:a/z;5:a;6:a-b;7:a0;8:a/x/deep;9:\xff\xff;",
		"which are in the queue no more");
	is_int(l->ops->put_block(l, 1, text("b"), two, 3, 9), -EINVAL,
		"a height is taken once");
	is_int(l->ops->put_block(l, 2, text("b"), two, 3, 9), -EINVAL,
		"a block links to a stamp that is there");
}

static void t_states(struct local *l)
{
	const uint64_t one[] = {1}, two[] = {4, 5, 6};

	is_int(l->ops->put_sequence(l, 1, 5, text("s"), text("o")), -EINVAL,
		"no number before the stamp");
	is_int(l->ops->set_final(l, 1), -EINVAL, "and no end");
	is_int(l->ops->put_stamp(l, 1, 1, text("t1"), &hm), 0, "stamped");
	is_int(l->ops->put_stamp(l, 1, 1, text("t2"), &hm), -EINVAL,
		"a stamp is never replaced");
	is_int(l->ops->put_block(l, 2, text("b"), one, 1, 9), -EINVAL,
		"a record in a block is in no second one");
	is_int(make_block(l, 2, two, 3, LOCAL_STAMPED, 0), 0, "block 2");
	is_int(l->ops->put_sequence(l, 2, 5, text("s"), text("o")), -EINVAL,
		"lowest height first");
	is_int(l->ops->put_sequence(l, 1, 0, text("s"), text("o")), -EEXIST,
		"0 is taken by another object");
	is_int(l->ops->put_sequence(l, 1, 5, text("s1"), text("o5")), 0,
		"block 1 gets number 5");
}

static void t_read_block(struct local *l)
{
	struct local_block b = {0};
	struct buf object = {0};
	uint64_t at = 77;

	is_int(l->ops->number(l, 5, &object), 0, "the object is kept with it");
	is_bytes(BUF_BYTES(&object), text("o5"), "as it was");
	buf_free(&object);
	is_int(l->ops->block(l, 1, &b), 0, "the block is read");
	ok(b.state == LOCAL_SEQUENCED && b.height == 1 && b.t_type == 1 &&
			b.k == 5 && b.n == 3 && b.bytes == 9 &&
			hash_equal(&b.hmeta, &hm),
		"with all its numbers");
	is_bytes(BUF_BYTES(&b.t), text("t1"), "its stamp");
	is_bytes(BUF_BYTES(&b.s), text("s1"), "its number's statement");
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
	is_counts(l,
		"queued 5 files 5 bytes 6 records, final 2 files 3 records,"
		" 1 blocks height 1",
		"the counts follow");
	is_str(find(l, "a/y"), "2:a/y 1.2 final;", "a final record says so");
	is_str(find(l, "a/z"), "4:a/z 2.0;", "one in a block its place");
	is_str(below(l, "a", true), "5:a 2.1;8:a/x/deep;4:a/z 2.0;",
		"only what is open, in a block or not");
	is_int(make_block(l, 3, late, 1, LOCAL_BATCHED, 0), 0, "block 3");
}

static void t_requeue(struct local *l)
{
	const uint64_t again[] = {5, 4};

	is_int(l->ops->requeue(l, 1), -EBUSY, "a numbered block stays");
	is_int(l->ops->requeue(l, 0), -EBUSY, "block zero more than any");
	is_int(l->ops->requeue(l, 9), -ENOENT, "no such block");
	is_int(l->ops->requeue(l, 2), 0, "one that lost goes");
	is_str(records(l, 3), "", "and all above it");
	is_str(queued(l, true, 0),
		"4:a/z;5:a;6:a-b;7:a0;8:a/x/deep;9:\xff\xff;",
		"their records are queued under their old ids");
	is_counts(l,
		"queued 5 files 5 bytes 6 records, final 2 files 3 records,"
		" 1 blocks height 1",
		"nothing was lost or counted twice");
	is_int(make_block(l, 2, again, 2, LOCAL_FINAL, 7), 0,
		"they go into another block");
	is_str(records(l, 2), "5:a 2.0 final;4:a/z 2.1 final;", "and are final");
}

static int see_lag(void *ctx, const char *key, uint32_t buckets,
	uint64_t source)
{
	say(ctx, "%s:%x:%llu;", key, buckets, (unsigned long long)source);
	return 0;
}

static const char *lag_list(struct local *l)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	return l->ops->lags(l, see_lag, &s) == 0 ? s.line : "error";
}

static void t_numbers_and_lags(struct local *l)
{
	struct buf v = {0};
	uint64_t k = 0;

	is_int(l->ops->put_number(l, 8, text("hand-over")), 0, "a number");
	is_int(l->ops->put_number(l, 8, text("hand-over")), 0, "again");
	is_int(l->ops->put_number(l, 8, text("other")), -EEXIST,
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
	is_int(l->ops->set_value(l, "name", text("first")), 0, "set");
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
	is_str(below(l, "", false),
		"5:a 2.0 final;6:a-b;1:a/x 1.0 final;8:a/x/deep;"
		"2:a/y 1.2 final;4:a/z 2.1 final;7:a0;9:\xff\xff;",
		"%s: all records are as they were", when);
	is_counts(l,
		"queued 4 files 4 bytes 4 records, final 3 files 5 records,"
		" 2 blocks height 2",
		"and all counts");
	is_str(lag_list(l), "p/one:10:1;", "and the lags");
}

static void t_read_only(struct local *l)
{
	struct local *r = NULL;
	struct local_record more = put("later", 3);
	uint64_t id;

	is_int(local_sqlite_open(file, false, true, &r), 0,
		"it opens read-only beside the writer");
	t_again(r, "read-only");
	is_int(r->ops->queue(r, &more, 1, &id), -EROFS, "queueing is refused");
	is_int(r->ops->set_value(r, "x", text("y")), -EROFS, "setting is");
	is_int(r->ops->set_final(r, 3), -EROFS, "and so on");
	is_int(l->ops->queue(l, &more, 1, &id), 0, "the writer writes on");
	is_str(find(r, "later"), "10:later;", "and the reader sees it");
	r->ops->free(r);
}

static int read_during_visit(void *ctx, const struct local_record *r)
{
	struct local_record more = put("meanwhile", 3);
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
	is_int(l->ops->below(l, text(""), false, read_during_visit, other), 7,
		"it commits while the first one reads");
	is_str(find(l, "meanwhile"), "11:meanwhile;", "which sees it after");
	other->ops->free(other);
}

/* 50,000 records in blocks of 10,000. */
static void t_many(void)
{
	enum { ALL = 50000, BLOCK = 10000 };
	struct local *l = NULL;
	cleanup(free) struct local_record *r = calloc(ALL, sizeof(*r));
	cleanup(free) char (*path)[24] = calloc(ALL, sizeof(*path));
	cleanup(free) uint64_t *ids = calloc(ALL, sizeof(*ids));
	uint64_t id = 0;
	struct local_counts c;
	struct seen s = {.stop_after = 1};
	size_t i;
	int rc = 0;

	if (r == NULL || path == NULL || ids == NULL)
		bail("no memory");
	unlink(file);
	if (local_sqlite_open(file, true, false, &l) != 0)
		bail("cannot make %s", file);
	for (i = 0; i < ALL; i++) {
		snprintf(path[i], sizeof(path[i]), "d%zu/f%zu", i % 7, i);
		r[i] = put(path[i], 1);
		ids[i] = i + 1;
	}
	is_int(l->ops->queue(l, r, ALL, &id), 0, "50,000 records at once");
	put_genesis(l);
	for (i = 0; rc == 0 && i < ALL / BLOCK - 1; i++)
		rc = make_block(l, i + 1, ids + i * BLOCK, BLOCK, LOCAL_FINAL,
			i + 1);
	is_int(rc, 0, "in four blocks that become final");
	l = reopen(l);
	is_int(l->ops->counts(l, &c), 0, "are counted");
	ok(c.final_files == ALL - BLOCK && c.queued_files == BLOCK &&
			c.queued_bytes == BLOCK,
		"rightly, after opening it again");
	is_str(find(l, "d0/f0"), "1:d0/f0 1.0 final;", "the first");
	is_str(find(l, path[29999]), "30000:d4/f29999 3.9999 final;",
		"the last of a block");
	is_int(l->ops->queued(l, true, 0, see, &s), 7, "the queue's head");
	is_str(s.line, "40001:d2/f40000;", "is the oldest not batched");
	l->ops->free(l);
}

static void t_memory(void)
{
	struct local *l = NULL;
	struct local_record r = put("x", 1);
	const uint64_t ids[] = {1};
	uint64_t id;

	is_int(local_sqlite_open(":memory:", true, false, &l), 0,
		"a database in memory");
	is_int(l->ops->queue(l, &r, 1, &id), 0, "takes records");
	put_genesis(l);
	is_int(make_block(l, 1, ids, 1, LOCAL_FINAL, 1), 0, "and blocks");
	is_str(find(l, "x"), "1:x 1.0 final;", "and finds them");
	is_str(below(l, "", false), "1:x 1.0 final;", "all of them");
	l->ops->free(l);
}

int main(void)
{
	struct local *l = NULL;
	char command[64];

	plan(0);
	if (mkdtemp(dir) == NULL)
		bail("mkdtemp");
	snprintf(file, sizeof(file), "%s/notary.db", dir);
	t_open();
	t_versions();
	l = reopen(NULL);
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
	t_many();
	t_memory();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? done() : 1;
}

#include "backends/local_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backends/local_impl.h"
#include "backends/local_shm.h"
#include "core/cleanup.h"
#include "core/fault.h"

#define USER_VERSION 1		/* of the tables below */
#define APPLICATION_ID 0x6e6f7466 /* "notf" in the file's header */
#define BUSY_MS 10000		/* another program holds the write lock */
/* Pages of WAL before a commit also moves them into the database: larger is
 * fewer fsyncs, 4096 is 16 MiB. */
#define CHECKPOINT_PAGES 4096

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE record (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
	" size INTEGER NOT NULL, path BLOB NOT NULL, d BLOB NOT NULL,"
	" extents BLOB);"
	/* the newest record of a path; of those that add to it, each: under the
	 * path, a NUL, and its id in 8 bytes */
	"CREATE TABLE name (path BLOB PRIMARY KEY, id INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE queue (id INTEGER PRIMARY KEY);"
	"CREATE TABLE waiting (id INTEGER PRIMARY KEY);"
	"CREATE TABLE block (height INTEGER PRIMARY KEY,"
	" state INTEGER NOT NULL, b BLOB NOT NULL, t_type INTEGER, t BLOB,"
	" hmeta BLOB, k INTEGER, s BLOB, n INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, files INTEGER NOT NULL,"
	" sizes INTEGER NOT NULL);"
	"CREATE TABLE span (first INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
	" height INTEGER NOT NULL, idx INTEGER NOT NULL,"
	" UNIQUE (height, idx));"
	"CREATE TABLE number (k INTEGER PRIMARY KEY, object BLOB NOT NULL);"
	"CREATE TABLE lag (key TEXT PRIMARY KEY, buckets INTEGER NOT NULL,"
	" source INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE value (name TEXT PRIMARY KEY, v BLOB NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE tally (one INTEGER PRIMARY KEY CHECK (one = 1),"
	" queued_files INTEGER NOT NULL, queued_bytes INTEGER NOT NULL,"
	" queued_records INTEGER NOT NULL, final_files INTEGER NOT NULL,"
	" final_records INTEGER NOT NULL, height INTEGER NOT NULL);"
	/* height -1: block zero is not there yet */
	"INSERT INTO tally VALUES (1, 0, 0, 0, 0, 0, -1);"
	"PRAGMA application_id = 1852798054;"
	"PRAGMA user_version = 1;"
	"COMMIT;";
_Static_assert(APPLICATION_ID == 1852798054 && USER_VERSION == 1,
	"the pragmas above name the same numbers");

/* Of version 1, too, which may be without it when it is older. */
static const char past[] =
	"CREATE TABLE IF NOT EXISTS past (path BLOB NOT NULL,"
	" id INTEGER NOT NULL, PRIMARY KEY (path, id)) WITHOUT ROWID;";

#define LOCAL_TEXT(name, text) text,
static const char *const texts[SQL_COUNT] = {LOCAL_STATEMENTS(LOCAL_TEXT)};

int local_errno(sqlite3 *db, int code)
{
	int why = (code & 0xff) != SQLITE_IOERR || db == NULL ? 0 :
		sqlite3_system_errno(db);

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY: /* a folder's mode, or its disk's */
		return db != NULL && sqlite3_extended_errcode(db) ==
			SQLITE_READONLY_DIRECTORY ? -EACCES : -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
		return -EINVAL;
	default:
		return why == ENOSPC || why == EDQUOT ? -why : -EIO;
	}
}

static struct conn *conn_lock(struct conn *c)
{
	pthread_mutex_lock(&c->lock);
	return c;
}

struct conn *local_writer(struct local *l)
{
	return conn_lock(&((struct local_sqlite *)l)->writer);
}

struct conn *local_point(struct local *l)
{
	struct local_sqlite *q = (struct local_sqlite *)l;

	return conn_lock(q->memory ? &q->writer : &q->point);
}

/* One that is free, or else wait for the first. */
struct conn *local_scan(struct local *l)
{
	struct local_sqlite *q = (struct local_sqlite *)l;
	int i;

	if (q->memory)
		return conn_lock(&q->writer);
	for (i = 0; i < LOCAL_SCANS; i++)
		if (pthread_mutex_trylock(&q->scan[i].lock) == 0)
			return &q->scan[i];
	return conn_lock(&q->scan[0]);
}

void local_conn_done(struct conn **c)
{
	if (*c != NULL)
		pthread_mutex_unlock(&(*c)->lock);
}

int local_stmt(struct conn *c, enum local_sql which, sqlite3_stmt **ret)
{
	int rc;

	if (c->stmt[which] == NULL) {
		rc = sqlite3_prepare_v3(c->db, texts[which], -1,
			SQLITE_PREPARE_PERSISTENT, &c->stmt[which], NULL);
		if (rc != SQLITE_OK)
			return local_errno(c->db, rc);
	}
	*ret = c->stmt[which];
	return 0;
}

void local_stmt_done(sqlite3_stmt **s)
{
	if (*s == NULL)
		return;
	sqlite3_reset(*s);
	sqlite3_clear_bindings(*s);
}

void local_bind_u64(sqlite3_stmt *s, int i, uint64_t v)
{
	sqlite3_bind_int64(s, i, (sqlite3_int64)v);
}

void local_bind_bytes(sqlite3_stmt *s, int i, struct bytes v)
{
	sqlite3_bind_blob64(s, i, v.n > 0 ? (const void *)v.p : "", v.n,
		SQLITE_STATIC);
}

void local_bind_text(sqlite3_stmt *s, int i, const char *v)
{
	sqlite3_bind_text(s, i, v, -1, SQLITE_STATIC);
}

struct bytes local_column(sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_blob(s, i);

	return BYTES(p, (size_t)sqlite3_column_bytes(s, i));
}

int local_column_copy(sqlite3_stmt *s, int i, struct buf *ret)
{
	return buf_copy(local_column(s, i), ret);
}

uint64_t local_column_u64(sqlite3_stmt *s, int i)
{
	return (uint64_t)sqlite3_column_int64(s, i);
}

int local_step(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	return rc == SQLITE_ROW ? 1 :
		local_errno(sqlite3_db_handle(s), rc);
}

int local_run(sqlite3_stmt *s)
{
	int rc = local_step(s);

	sqlite3_reset(s);
	return rc;
}

int local_run_u64(struct conn *c, enum local_sql which, int n,
	const uint64_t *v)
{
	STMT(s);
	int i, rc = local_stmt(c, which, &s);

	if (rc < 0)
		return rc;
	for (i = 0; i < n; i++)
		local_bind_u64(s, i + 1, v[i]);
	return local_run(s);
}

int local_begin(struct local *l, struct conn *writer, struct txn *ret)
{
	int rc;

	if (((struct local_sqlite *)l)->read_only)
		return -EROFS;
	/* of one that could not be rolled back, for want of memory */
	rc = sqlite3_get_autocommit(writer->db) != 0 ? 0 :
		local_run_u64(writer, SQL_ROLLBACK, 0, NULL);
	if (rc == 0)
		rc = local_run_u64(writer, SQL_BEGIN, 0, NULL);
	if (rc == 0)
		*ret = (struct txn){writer, true};
	return rc;
}

int local_commit(struct txn *t)
{
	int rc;

	fault_point("local.commit");
	rc = local_run_u64(t->conn, SQL_COMMIT, 0, NULL);
	fault_point("local.committed");
	if (rc == 0)
		t->open = false;
	return rc;
}

void local_txn_done(struct txn *t)
{
	/* SQLite may have rolled back by itself (disk full): then this
	 * fails, and that is all right. */
	if (t->open && sqlite3_get_autocommit(t->conn->db) == 0)
		local_run_u64(t->conn, SQL_ROLLBACK, 0, NULL);
}

static int set_lag(struct local *l, const char *key, uint32_t buckets,
	uint64_t source)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(s);
	int rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = local_stmt(c, buckets != 0 ? SQL_SET_LAG : SQL_END_LAG,
			&s);
	if (rc < 0)
		return rc;
	local_bind_text(s, 1, key);
	if (buckets != 0) {
		local_bind_u64(s, 2, buckets);
		local_bind_u64(s, 3, source);
	}
	rc = local_run(s);
	return rc < 0 ? rc : local_commit(&t);
}

static int lags(struct local *l,
	int (*visit)(void *ctx, const char *key, uint32_t buckets,
		uint64_t source),
	void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	int rc = local_stmt(c, SQL_LAGS, &s);

	while (rc == 0) {
		rc = local_step(s);
		if (rc <= 0)
			return rc;
		rc = visit(ctx, (const char *)sqlite3_column_text(s, 0),
			(uint32_t)local_column_u64(s, 1),
			local_column_u64(s, 2));
	}
	return rc;
}

static int set_value(struct local *l, const char *name, struct bytes v)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(s);
	int rc;

	if (v.n > LOCAL_VALUE_MAX)
		return -E2BIG;
	rc = local_begin(l, c, &t);
	if (rc == 0)
		rc = local_stmt(c, SQL_SET_VALUE, &s);
	if (rc < 0)
		return rc;
	local_bind_text(s, 1, name);
	local_bind_bytes(s, 2, v);
	rc = local_run(s);
	return rc < 0 ? rc : local_commit(&t);
}

static int value(struct local *l, const char *name, struct buf *ret)
{
	CONN(c, point, l);
	STMT(s);
	int rc = local_stmt(c, SQL_VALUE, &s);

	if (rc < 0)
		return rc;
	local_bind_text(s, 1, name);
	rc = local_step(s);
	return rc == 1 ? local_column_copy(s, 0, ret) : rc < 0 ? rc : -ENOENT;
}

static void conn_close(struct conn *c)
{
	int i;

	for (i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(c->stmt[i]);
	sqlite3_close(c->db);
	pthread_mutex_destroy(&c->lock);
}

static void local_close(struct local *l)
{
	struct local_sqlite *q = (struct local_sqlite *)l;
	int i;

	if (q == NULL)
		return;
	for (i = 0; i < LOCAL_SCANS; i++)
		conn_close(&q->scan[i]);
	conn_close(&q->point);
	/* Last: it may write, so it moves the WAL into the database. */
	conn_close(&q->writer);
	free(q);
}

static int exec(sqlite3 *db, const char *sql)
{
	return local_errno(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static void cleanup_sqlite(void *p)
{
	sqlite3_free(*(void **)p);
}

static char *uri_of(const char *path, const char *query)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	sqlite3_str_appendall(s, "file:");
	for (; *path != '\0'; path++)
		if (strchr("%?#", *path) != NULL)
			sqlite3_str_appendf(s, "%%%02x", *path);
		else
			sqlite3_str_appendchar(s, 1, *path);
	sqlite3_str_appendf(s, "?%s", query);
	return sqlite3_str_finish(s);
}

/* SQLite wants to write beside a database to read it, which a disk mounted
 * read-only does not take; where all that was written is in the database (an
 * orderly end leaves no WAL), it needs not. */
static bool reads_alone(const char *path)
{
	struct statvfs fs;
	struct stat wal;
	cleanup(sqlite) char *name = sqlite3_mprintf("%s-wal", path);

	return name != NULL && statvfs(path, &fs) == 0 &&
		(fs.f_flag & ST_RDONLY) != 0 &&
		(stat(name, &wal) != 0 || wal.st_size == 0);
}

/* Opens or fails; conn_close() is right in both cases. */
static int conn_open(struct conn *c, const char *path, bool writes)
{
	/* %, ? and # end a path in a URI */
	cleanup(sqlite) char *uri = !writes && reads_alone(path)
		? uri_of(path, "immutable=1") : NULL;
	int rc = sqlite3_open_v2(uri != NULL ? uri : path, &c->db,
		(writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
			(uri != NULL ? SQLITE_OPEN_URI : 0) |
			SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
		local_shm_vfs());

	if (rc != SQLITE_OK)
		return (rc & 0xff) == SQLITE_CANTOPEN ? -ENOENT :
							local_errno(c->db, rc);
	sqlite3_busy_timeout(c->db, BUSY_MS);
	rc = exec(c->db, "PRAGMA cache_size = -8192");
	return rc < 0 || !writes ? rc : exec(c->db, "PRAGMA synchronous = FULL");
}

static int pragma_u64(sqlite3 *db, const char *sql, uint64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = local_column_u64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -EBADMSG :
							   local_errno(db, rc);
}

/* Is it ours, or empty and to be made ours? */
static int check_schema(sqlite3 *db, bool create)
{
	uint64_t version = 0, application = 0, tables = 0;
	int rc = pragma_u64(db, "PRAGMA user_version", &version);

	if (rc == 0)
		rc = pragma_u64(db, "PRAGMA application_id", &application);
	if (rc == 0)
		rc = pragma_u64(db, "SELECT count(*) FROM sqlite_master",
			&tables);
	if (rc < 0)
		return rc;
	if (version == USER_VERSION && application == APPLICATION_ID)
		return 0;
	if (!create || version != 0 || application != 0 || tables != 0)
		return -EBADMSG;
	return exec(db, schema);
}

static int open_writer(struct local_sqlite *q, const char *path, bool create)
{
	char sql[64];
	STMT(rollback);
	int rc = conn_open(&q->writer, path, true);

	if (rc == 0)
		rc = check_schema(q->writer.db, create);
	if (rc == 0)
		rc = exec(q->writer.db, past);
	if (rc == 0)
		rc = exec(q->writer.db, "PRAGMA journal_mode = WAL");
	/* when it is needed there may be no memory to prepare it */
	if (rc == 0)
		rc = local_stmt(&q->writer, SQL_ROLLBACK, &rollback);
	if (rc < 0)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA wal_autocheckpoint = %d",
		CHECKPOINT_PAGES);
	return exec(q->writer.db, sql);
}

/* The file with mode 0600 before SQLite makes it with another. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

static int open_all(struct local_sqlite *q, const char *path, bool create)
{
	int i, rc = 0;

	if (q->memory)
		return open_writer(q, path, true);
	if (create)
		rc = make_file(path);
	if (rc == 0 && access(path, F_OK) != 0)
		rc = -errno;
	if (rc == 0 && !q->read_only)
		rc = open_writer(q, path, create);
	if (rc == 0)
		rc = conn_open(&q->point, path, false);
	if (rc == 0 && q->read_only)
		rc = check_schema(q->point.db, false);
	for (i = 0; rc == 0 && i < LOCAL_SCANS; i++)
		rc = conn_open(&q->scan[i], path, false);
	return rc;
}

static const struct local_ops ops = {
	.queue = local_queue,
	.set_ready = local_set_ready,
	.queued = local_queued,
	.records = local_records,
	.record = local_record_by_id,
	.find = local_find,
	.notes = local_notes,
	.past = local_past,
	.large = local_large,
	.below = local_below,
	.counts = local_counts_now,
	.put_block = local_put_block,
	.put_stamp = local_put_stamp,
	.put_sequence = local_put_sequence,
	.set_final = local_set_final,
	.requeue = local_requeue,
	.block = local_block_at,
	.tip = local_tip,
	.put_genesis = local_put_genesis,
	.put_number = local_put_number,
	.number = local_number,
	.last_number = local_last_number,
	.set_lag = set_lag,
	.lags = lags,
	.set_value = set_value,
	.value = value,
	.free = local_close,
};

int local_sqlite_open(const char *path, bool create, bool read_only,
	struct local **ret)
{
	struct local_sqlite *q = calloc(1, sizeof(*q));
	int i, rc;

	if (q == NULL)
		return -ENOMEM;
	q->base.ops = &ops;
	q->memory = strcmp(path, ":memory:") == 0;
	q->read_only = read_only;
	pthread_mutex_init(&q->writer.lock, NULL);
	pthread_mutex_init(&q->point.lock, NULL);
	for (i = 0; i < LOCAL_SCANS; i++)
		pthread_mutex_init(&q->scan[i].lock, NULL);
	rc = create && read_only ? -EINVAL : open_all(q, path, create);
	if (rc < 0) {
		local_close(&q->base);
		return rc;
	}
	*ret = &q->base;
	return 0;
}

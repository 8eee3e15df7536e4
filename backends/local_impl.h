/*
 * local_impl: what the parts of local_sqlite share.
 *
 * Connections: one writes; one answers the short reads (find, block, value),
 * which are on the path of file system lookups; a few scan.  Each has a mutex
 * and its own prepared statements.  A database in memory has one connection
 * for everything, since no other could see it.
 *
 * Tables (local_sqlite.c has them as SQL):
 *   record   what was queued; a row never changes
 *   name     newest record of each path
 *   past     those that were, and sealed something
 *   queue    ids of ready records in no block
 *   waiting  ids of records whose extents are still to be uploaded
 *   span     runs of consecutive ids at consecutive indexes of one block, so
 *            that a block of 16,384 records costs one row and not as many
 *   block, number, lag, value
 *   tally    one row of counters, kept in the same commits
 */
#ifndef BACKENDS_LOCAL_IMPL_H
#define BACKENDS_LOCAL_IMPL_H

#include <pthread.h>
#include <sqlite3.h>

#include "core/local.h"

#define LOCAL_SCANS 3		/* connections for long reads */
#define LOCAL_VALUE_MAX 65536	/* bytes */

/* Every statement that is kept prepared: name and text. */
#define LOCAL_RECORD_IS                                                        \
	"r.id, r.kind, r.size, r.path, r.d, r.extents"
#define LOCAL_PLACE_IS                                                         \
	LOCAL_RECORD_IS ", s.height, s.idx + r.id - s.first,"                  \
	" s.height <= (SELECT height FROM tally),"                             \
	" NOT EXISTS (SELECT 1 FROM waiting w WHERE w.id = r.id)"
#define LOCAL_SPAN_OF                                                          \
	" LEFT JOIN span s ON s.first ="                                       \
	" (SELECT max(first) FROM span WHERE first <= r.id)"                   \
	" AND r.id < s.first + s.n"
#define LOCAL_STATEMENTS(X)                                                    \
	X(BEGIN, "BEGIN IMMEDIATE")                                            \
	X(COMMIT, "COMMIT")                                                    \
	X(ROLLBACK, "ROLLBACK")                                                \
	X(ADD_RECORD,                                                          \
		"INSERT INTO record (kind, size, path, d, extents)"            \
		" VALUES (?1, ?2, ?3, ?4, ?5)")                                \
	X(ADD_NAME, "INSERT OR REPLACE INTO name (path, id) VALUES (?1, ?2)")  \
	X(ADD_PAST,                                                            \
		"INSERT INTO past (path, id) SELECT m.path, m.id"              \
		" FROM name m CROSS JOIN record r ON r.id = m.id"              \
		" WHERE m.path = ?1 AND"                                       \
		" r.kind IN (0, 2, 3, 5)") /* record_seals() */                \
	X(PAST,                                                                \
		"SELECT " LOCAL_PLACE_IS                                       \
		" FROM past m CROSS JOIN record r ON r.id = m.id"              \
		LOCAL_SPAN_OF " WHERE m.path = ?1 ORDER BY m.id")              \
	X(ADD_QUEUE, "INSERT INTO queue (id) VALUES (?1)")                     \
	X(ADD_WAITING, "INSERT INTO waiting (id) VALUES (?1)")                 \
	X(END_WAITING, "DELETE FROM waiting WHERE id = ?1")                    \
	X(IS_RECORD, "SELECT 1 FROM record WHERE id = ?1")                     \
	X(TALLY_QUEUED,                                                        \
		"UPDATE tally SET queued_records = queued_records + ?1,"       \
		" queued_files = queued_files + ?2,"                           \
		" queued_bytes = queued_bytes + ?3")                           \
	X(QUEUED,                                                              \
		"SELECT " LOCAL_RECORD_IS ", NULL, NULL, 0, 1"                 \
		" FROM queue q CROSS JOIN record r ON r.id = q.id"             \
		" WHERE q.id > ?1 ORDER BY q.id")                              \
	X(WAITING,                                                             \
		"SELECT " LOCAL_RECORD_IS ", NULL, NULL, 0, 0"                 \
		" FROM waiting q CROSS JOIN record r ON r.id = q.id"           \
		" WHERE q.id > ?1 ORDER BY q.id")                              \
	X(RECORDS,                                                             \
		"SELECT " LOCAL_RECORD_IS                                      \
		", s.height, s.idx + r.id - s.first,"                          \
		" s.height <= (SELECT height FROM tally), 1"                   \
		" FROM span s CROSS JOIN record r"                             \
		" ON r.id BETWEEN s.first AND s.first + s.n - 1"               \
		" WHERE s.height = ?1 ORDER BY s.idx, r.id")                   \
	X(RECORD,                                                              \
		"SELECT " LOCAL_PLACE_IS " FROM record r" LOCAL_SPAN_OF        \
		" WHERE r.id = ?1")                                            \
	X(FIND,                                                                \
		"SELECT " LOCAL_PLACE_IS                                       \
		" FROM name m CROSS JOIN record r ON r.id = m.id"              \
		LOCAL_SPAN_OF " WHERE m.path = ?1")                            \
	X(NOTES,                                                               \
		"SELECT " LOCAL_PLACE_IS                                       \
		" FROM name m CROSS JOIN record r ON r.id = m.id"              \
		LOCAL_SPAN_OF                                                  \
		" WHERE m.path > ?1 AND m.path < ?2 ORDER BY m.path")          \
	X(LARGE,                                                               \
		"SELECT " LOCAL_PLACE_IS " FROM record r" LOCAL_SPAN_OF        \
		" WHERE r.extents IS NOT NULL ORDER BY r.id")                  \
	X(BELOW,                                                               \
		"SELECT " LOCAL_PLACE_IS                                       \
		" FROM name m CROSS JOIN record r ON r.id = m.id"              \
		LOCAL_SPAN_OF                                                  \
		" WHERE m.path > ?1 AND m.path < ?2 ORDER BY m.path")          \
	X(OPEN_BELOW,                                                          \
		"SELECT " LOCAL_PLACE_IS " FROM ("                             \
		"SELECT id FROM queue UNION ALL SELECT id FROM waiting"        \
		" UNION ALL SELECT i.id FROM block b"                          \
		" CROSS JOIN span p ON p.height = b.height"                    \
		" CROSS JOIN record i"                                         \
		" ON i.id BETWEEN p.first AND p.first + p.n - 1"               \
		" WHERE b.height > (SELECT height FROM tally)"                 \
		") o CROSS JOIN record r ON r.id = o.id" LOCAL_SPAN_OF         \
		" WHERE (r.path = ?3 OR (r.path > ?1 AND r.path < ?2))"        \
		" AND (r.kind IN (7, 8, 10) OR" /* record_adds() */                \
		" (SELECT id FROM name WHERE path = r.path) = r.id)"           \
		" ORDER BY r.path")                                            \
	X(COUNTS,                                                              \
		"SELECT queued_files, queued_bytes, queued_records,"           \
		" final_files, final_records, height FROM tally")              \
	X(TIP,                                                                 \
		"SELECT height FROM block WHERE state >= ?1"                   \
		" ORDER BY height DESC LIMIT 1")                               \
	X(ADD_BLOCK,                                                           \
		"INSERT INTO block (height, state, b, n, bytes, files, sizes)" \
		" VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)")                         \
	X(ADD_SPAN,                                                            \
		"INSERT INTO span (first, n, height, idx)"                     \
		" VALUES (?1, ?2, ?3, ?4)")                                    \
	X(END_QUEUE, "DELETE FROM queue WHERE id BETWEEN ?1 AND ?2")           \
	X(SPAN_SUM,                                                            \
		"SELECT ifnull(sum(kind = 0), 0),"                             \
		" ifnull(sum(CASE WHEN kind IN (0, 5) THEN size END), 0)"      \
		" FROM record WHERE id BETWEEN ?1 AND ?2")                     \
	X(STATE, "SELECT state FROM block WHERE height = ?1")                  \
	X(STAMP,                                                               \
		"UPDATE block SET state = 1, t_type = ?2, t = ?3, hmeta = ?4"  \
		" WHERE height = ?1")                                          \
	X(SEQUENCE,                                                            \
		"UPDATE block SET state = 2, k = ?2, s = ?3"                   \
		" WHERE height = ?1")                                          \
	X(FINAL, "UPDATE block SET state = 3 WHERE height = ?1")               \
	X(TALLY_FINAL,                                                         \
		"UPDATE tally SET height = b.height,"                          \
		" queued_records = queued_records - b.n,"                      \
		" queued_files = queued_files - b.files,"                      \
		" queued_bytes = queued_bytes - b.sizes,"                      \
		" final_records = final_records + b.n,"                        \
		" final_files = final_files + b.files"                         \
		" FROM block b WHERE b.height = ?1")                           \
	X(REQUEUE,                                                             \
		"INSERT INTO queue (id) SELECT r.id FROM span s"               \
		" CROSS JOIN record r"                                         \
		" ON r.id BETWEEN s.first AND s.first + s.n - 1"               \
		" WHERE s.height >= ?1")                                       \
	X(DROP_SPANS, "DELETE FROM span WHERE height >= ?1")                   \
	X(DROP_BLOCKS, "DELETE FROM block WHERE height >= ?1")                 \
	X(BLOCK,                                                               \
		"SELECT state, b, t_type, t, hmeta, k, s, n, bytes"            \
		" FROM block WHERE height = ?1")                               \
	X(GENESIS,                                                             \
		"INSERT INTO block (height, state, b, t_type, t, hmeta, k, s," \
		" n, bytes, files, sizes)"                                     \
		" VALUES (0, 3, ?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, 0, 0)")         \
	X(TALLY_GENESIS, "UPDATE tally SET height = 0")                        \
	X(ADD_NUMBER, "INSERT INTO number (k, object) VALUES (?1, ?2)")        \
	X(NUMBER, "SELECT object FROM number WHERE k = ?1")                    \
	X(LAST_NUMBER, "SELECT k FROM number ORDER BY k DESC LIMIT 1")         \
	X(SET_LAG,                                                             \
		"INSERT OR REPLACE INTO lag (key, buckets, source)"            \
		" VALUES (?1, ?2, ?3)")                                        \
	X(END_LAG, "DELETE FROM lag WHERE key = ?1")                           \
	X(LAGS, "SELECT key, buckets, source FROM lag ORDER BY key")           \
	X(SET_VALUE,                                                           \
		"INSERT OR REPLACE INTO value (name, v) VALUES (?1, ?2)")      \
	X(VALUE, "SELECT v FROM value WHERE name = ?1")

#define LOCAL_ENUM(name, text) SQL_##name,
enum local_sql { LOCAL_STATEMENTS(LOCAL_ENUM) SQL_COUNT };

struct conn {
	sqlite3 *db;
	pthread_mutex_t lock;
	sqlite3_stmt *stmt[SQL_COUNT];	/* NULL until first used */
};

struct local_sqlite {
	struct local base;
	bool memory, read_only;
	struct conn writer, point, scan[LOCAL_SCANS];
};

/* Each holds the connection until local_conn_done(). */
struct conn *local_writer(struct local *l);
struct conn *local_point(struct local *l);
struct conn *local_scan(struct local *l);
void local_conn_done(struct conn **c);
#define CONN(name, which, l)                                                   \
	struct conn *name __attribute__((__cleanup__(local_conn_done))) =          \
		local_##which(l)

/* A statement ready to be bound; reset when it leaves its scope, which also
 * ends the read transaction. */
int local_stmt(struct conn *c, enum local_sql which, sqlite3_stmt **ret);
void local_stmt_done(sqlite3_stmt **s);
#define STMT(name)                                                             \
	sqlite3_stmt *name __attribute__((__cleanup__(local_stmt_done))) = NULL

/* Numbers above 2^63 - 1 cannot be stored: sizes and numbers stay below. */
void local_bind_u64(sqlite3_stmt *s, int i, uint64_t v);
void local_bind_bytes(sqlite3_stmt *s, int i, struct bytes v);
void local_bind_text(sqlite3_stmt *s, int i, const char *v);
/* Points into the row; an empty or null column has n == 0. */
struct bytes local_column(sqlite3_stmt *s, int i);
int local_column_copy(sqlite3_stmt *s, int i, struct buf *ret);
uint64_t local_column_u64(sqlite3_stmt *s, int i);

/* 1 a row, 0 no more, or a negative errno. */
int local_step(sqlite3_stmt *s);
/* Runs a statement that gives no rows. */
int local_run(sqlite3_stmt *s);
/* The same for one that has at most three numbers to bind. */
int local_run_u64(struct conn *c, enum local_sql which, int n,
	const uint64_t *v);
/* db: says why it could not read or write.  NULL: nobody does. */
int local_errno(sqlite3 *db, int sqlite_code);

/* -EROFS when it may not write; else a transaction that is rolled back at the
 * end of its scope unless local_commit() was called. */
struct txn {
	struct conn *conn;
	bool open;
};
int local_begin(struct local *l, struct conn *writer, struct txn *ret);
int local_commit(struct txn *t);
void local_txn_done(struct txn *t);
#define TXN(name) struct txn name __attribute__((__cleanup__(local_txn_done))) = {0}

/* local_records.c */
int local_queue(struct local *l, const struct local_record *r, size_t n,
	uint64_t *ret_id);
int local_set_ready(struct local *l, uint64_t id);
int local_queued(struct local *l, bool ready, uint64_t after,
	local_visit *visit, void *ctx);
int local_records(struct local *l, uint64_t height, local_visit *visit,
	void *ctx);
int local_record_by_id(struct local *l, uint64_t id, local_visit *visit,
	void *ctx);
int local_find(struct local *l, struct bytes path, local_visit *visit,
	void *ctx);
int local_past(struct local *l, struct bytes path, local_visit *visit,
	void *ctx);
int local_large(struct local *l, local_visit *visit, void *ctx);
int local_notes(struct local *l, struct bytes path, local_visit *visit,
	void *ctx);
int local_below(struct local *l, struct bytes folder, bool only_open,
	local_visit *visit, void *ctx);
int local_counts_now(struct local *l, struct local_counts *ret);

/* local_blocks.c */
int local_put_block(struct local *l, uint64_t height, struct bytes b,
	const uint64_t *ids, size_t n, uint64_t bytes);
int local_put_stamp(struct local *l, uint64_t height, uint64_t t_type,
	struct bytes t, const struct hash *hmeta);
int local_put_sequence(struct local *l, uint64_t height, uint64_t k,
	struct bytes s, struct bytes object);
int local_set_final(struct local *l, uint64_t height);
int local_requeue(struct local *l, uint64_t height);
int local_block_at(struct local *l, uint64_t height, struct local_block *ret);
int local_tip(struct local *l, enum local_state state, uint64_t *ret);
int local_put_genesis(struct local *l, const struct local_block *b0,
	struct bytes object);
int local_put_number(struct local *l, uint64_t k, struct bytes object);
int local_number(struct local *l, uint64_t k, struct buf *ret_object);
int local_last_number(struct local *l, uint64_t *ret);

#endif

/* The calls of local_sqlite that are about records. */
#include <errno.h>
#include <string.h>

#include "backends/local_impl.h"

/* The row as LOCAL_RECORD_IS and the four columns after it give it. */
static int visit_row(sqlite3_stmt *s, local_visit *visit, void *ctx)
{
	struct local_record r = {
		.id = local_column_u64(s, 0),
		.kind = (enum record_kind)sqlite3_column_int(s, 1),
		.size = local_column_u64(s, 2),
		.path = local_column(s, 3),
		.d = local_column(s, 4),
		.extents = local_column(s, 5),
		.in_block = sqlite3_column_type(s, 6) != SQLITE_NULL,
		.final = sqlite3_column_int(s, 8) != 0,
		.ready = sqlite3_column_int(s, 9) != 0,
	};

	if (r.in_block) {
		r.height = local_column_u64(s, 6);
		r.index = (uint32_t)local_column_u64(s, 7);
	}
	return visit(ctx, &r);
}

static int visit_rows(sqlite3_stmt *s, local_visit *visit, void *ctx)
{
	int rc;

	do {
		rc = local_step(s);
		if (rc <= 0)
			return rc;
		rc = visit_row(s, visit, ctx);
	} while (rc == 0);
	return rc;
}

/* At most one row; -ENOENT when there is none. */
static int visit_one(sqlite3_stmt *s, local_visit *visit, void *ctx)
{
	int rc = local_step(s);

	return rc == 1 ? visit_row(s, visit, ctx) : rc < 0 ? rc : -ENOENT;
}

static bool record_ok(const struct local_record *r)
{
	return r->path.n <= RECORD_PATH_MAX && r->d.n > 0 &&
		r->d.n <= RECORD_MAX && r->extents.n % HASH_LEN == 0 &&
		r->size <= INT64_MAX;
}

/* What stands behind the NUL that ends a path in a name of a note. */
#define NOTE_TAIL 9	/* bytes, with the NUL */
struct note_name {
	uint8_t b[RECORD_PATH_MAX + NOTE_TAIL];
	size_t n;
};

static void note_name(struct bytes path, uint64_t id, struct note_name *ret)
{
	int i;

	memcpy(ret->b, path.p, path.n);
	ret->b[path.n] = '\0';
	for (i = 0; i < 8; i++)
		ret->b[path.n + 1 + (size_t)i] = (uint8_t)(id >> (56 - 8 * i));
	ret->n = path.n + NOTE_TAIL;
}

struct queue_stmts {
	sqlite3_stmt *record, *past, *name, *queue, *waiting;
};

static int queue_one(sqlite3 *db, const struct queue_stmts *s,
	const struct local_record *r, uint64_t *ret_id)
{
	sqlite3_stmt *to = r->ready ? s->queue : s->waiting;
	struct bytes name = r->path;
	struct note_name note;
	uint64_t id;
	int rc;

	local_bind_u64(s->record, 1, (uint64_t)r->kind);
	local_bind_u64(s->record, 2, r->size);
	local_bind_bytes(s->record, 3, r->path);
	local_bind_bytes(s->record, 4, r->d);
	if (r->extents.n > 0)
		local_bind_bytes(s->record, 5, r->extents);
	else
		sqlite3_bind_null(s->record, 5);
	rc = local_run(s->record);
	if (rc < 0)
		return rc;
	id = (uint64_t)sqlite3_last_insert_rowid(db);
	if (record_adds(r->kind)) {
		note_name(r->path, id, &note);
		name = BYTES(note.b, note.n);
	} else {
		local_bind_bytes(s->past, 1, r->path);
		rc = local_run(s->past);
		if (rc < 0)
			return rc;
	}
	local_bind_bytes(s->name, 1, name);
	local_bind_u64(s->name, 2, id);
	rc = local_run(s->name);
	if (rc == 0) {
		local_bind_u64(to, 1, id);
		rc = local_run(to);
	}
	if (rc == 0)
		*ret_id = id;
	return rc;
}

static int queue_all(struct conn *c, const struct local_record *r, size_t n,
	uint64_t *ret_first)
{
	STMT(record);
	STMT(past);
	STMT(name);
	STMT(queue);
	STMT(waiting);
	uint64_t tally[3] = {n, 0, 0}, id = 0;
	size_t i;
	int rc = local_stmt(c, SQL_ADD_RECORD, &record);

	if (rc == 0)
		rc = local_stmt(c, SQL_ADD_PAST, &past);
	if (rc == 0)
		rc = local_stmt(c, SQL_ADD_NAME, &name);
	if (rc == 0)
		rc = local_stmt(c, SQL_ADD_QUEUE, &queue);
	if (rc == 0)
		rc = local_stmt(c, SQL_ADD_WAITING, &waiting);
	for (i = 0; rc == 0 && i < n; i++) {
		rc = queue_one(c->db,
			&(struct queue_stmts){record, past, name, queue,
				waiting},
			&r[i], &id);
		tally[1] += r[i].kind == RECORD_PUT;
		if (record_stores(r[i].kind))
			tally[2] += r[i].size;
	}
	if (rc == 0)
		rc = local_run_u64(c, SQL_TALLY_QUEUED, 3, tally);
	if (rc == 0)
		*ret_first = id - n + 1;
	return rc;
}

int local_queue(struct local *l, const struct local_record *r, size_t n,
	uint64_t *ret_id)
{
	CONN(c, writer, l);
	TXN(t);
	uint64_t first = 0;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		if (!record_ok(&r[i]))
			return -EINVAL;
	if (n == 0)
		return -EINVAL;
	rc = local_begin(l, c, &t);
	if (rc == 0)
		rc = queue_all(c, r, n, &first);
	if (rc == 0)
		rc = local_commit(&t);
	if (rc == 0)
		*ret_id = first;
	return rc;
}

int local_set_ready(struct local *l, uint64_t id)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(s);
	int rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = local_run_u64(c, SQL_END_WAITING, 1, &id);
	if (rc < 0)
		return rc;
	if (sqlite3_changes(c->db) > 0) {
		rc = local_run_u64(c, SQL_ADD_QUEUE, 1, &id);
		return rc < 0 ? rc : local_commit(&t);
	}
	rc = local_stmt(c, SQL_IS_RECORD, &s);
	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, id);
	rc = local_step(s);
	return rc == 1 ? 0 : rc < 0 ? rc : -ENOENT;
}

int local_queued(struct local *l, bool ready, uint64_t after,
	local_visit *visit, void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	int rc = local_stmt(c, ready ? SQL_QUEUED : SQL_WAITING, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, after);
	return visit_rows(s, visit, ctx);
}

int local_records(struct local *l, uint64_t height, local_visit *visit,
	void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	int rc = local_stmt(c, SQL_RECORDS, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, height);
	return visit_rows(s, visit, ctx);
}

int local_record_by_id(struct local *l, uint64_t id, local_visit *visit,
	void *ctx)
{
	CONN(c, point, l);
	STMT(s);
	int rc = local_stmt(c, SQL_RECORD, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, id);
	return visit_one(s, visit, ctx);
}

static int find_on(struct conn *c, struct bytes path, local_visit *visit,
	void *ctx)
{
	STMT(s);
	int rc = local_stmt(c, SQL_FIND, &s);

	if (rc < 0)
		return rc;
	local_bind_bytes(s, 1, path);
	return visit_one(s, visit, ctx);
}

int local_find(struct local *l, struct bytes path, local_visit *visit,
	void *ctx)
{
	CONN(c, point, l);

	return find_on(c, path, visit, ctx);
}

int local_past(struct local *l, struct bytes path, local_visit *visit,
	void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	int rc = local_stmt(c, SQL_PAST, &s);

	if (rc < 0)
		return rc;
	local_bind_bytes(s, 1, path);
	return visit_rows(s, visit, ctx);
}

int local_large(struct local *l, local_visit *visit, void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	int rc = local_stmt(c, SQL_LARGE, &s);

	return rc < 0 ? rc : visit_rows(s, visit, ctx);
}

int local_notes(struct local *l, struct bytes path, local_visit *visit,
	void *ctx)
{
	CONN(c, point, l);
	STMT(s);
	struct note_name low, high;
	int rc = local_stmt(c, SQL_NOTES, &s);

	if (path.n > RECORD_PATH_MAX)
		return -EINVAL;
	if (rc < 0)
		return rc;
	note_name(path, 0, &low);
	note_name(path, UINT64_MAX, &high);
	local_bind_bytes(s, 1, BYTES(low.b, low.n));
	local_bind_bytes(s, 2, BYTES(high.b, high.n));
	return visit_rows(s, visit, ctx);
}

/* Everything below a folder lies between "folder/" and "folder0", '0' being
 * the character after '/'; below the root, between nothing and a path longer
 * than any. */
struct range {
	size_t low_n, high_n;
	uint8_t low[RECORD_PATH_MAX + 1], high[RECORD_PATH_MAX + 1];
};

static void range_below(struct bytes folder, struct range *ret)
{
	if (folder.n == 0) {
		ret->low_n = 0;
		ret->high_n = sizeof(ret->high);
		memset(ret->high, 0xff, sizeof(ret->high));
		return;
	}
	memcpy(ret->low, folder.p, folder.n);
	memcpy(ret->high, folder.p, folder.n);
	ret->low[folder.n] = '/';
	ret->high[folder.n] = '/' + 1;
	ret->low_n = ret->high_n = folder.n + 1;
}

int local_below(struct local *l, struct bytes folder, bool only_open,
	local_visit *visit, void *ctx)
{
	CONN(c, scan, l);
	STMT(s);
	struct range range;
	int rc;

	if (folder.n > RECORD_PATH_MAX)
		return -EINVAL;
	range_below(folder, &range);
	if (!only_open) {
		rc = find_on(c, folder, visit, ctx);
		if (rc != 0 && rc != -ENOENT)
			return rc;
	}
	rc = local_stmt(c, only_open ? SQL_OPEN_BELOW : SQL_BELOW, &s);
	if (rc < 0)
		return rc;
	local_bind_bytes(s, 1, BYTES(range.low, range.low_n));
	local_bind_bytes(s, 2, BYTES(range.high, range.high_n));
	if (only_open)
		local_bind_bytes(s, 3, folder);
	return visit_rows(s, visit, ctx);
}

int local_counts_now(struct local *l, struct local_counts *ret)
{
	CONN(c, point, l);
	STMT(s);
	sqlite3_int64 height;
	int rc = local_stmt(c, SQL_COUNTS, &s);

	if (rc == 0)
		rc = local_step(s);
	if (rc <= 0)
		return rc < 0 ? rc : -EBADMSG;
	height = sqlite3_column_int64(s, 5);
	*ret = (struct local_counts){
		.queued_files = local_column_u64(s, 0),
		.queued_bytes = local_column_u64(s, 1),
		.queued_records = local_column_u64(s, 2),
		.final_files = local_column_u64(s, 3),
		.final_records = local_column_u64(s, 4),
		.blocks = height > 0 ? (uint64_t)height : 0,
		.height = height > 0 ? (uint64_t)height : 0,
	};
	return 0;
}

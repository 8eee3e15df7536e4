/* The calls of local_sqlite that are about blocks and numbers. */
#include <errno.h>
#include <string.h>

#include "backends/local_impl.h"

#define NO_BLOCK (-1)	/* state of a height that has none */

/* State of the block at that height, NO_BLOCK, or a negative errno below. */
static int state_of(struct conn *c, uint64_t height, int *ret)
{
	STMT(s);
	int rc = local_stmt(c, SQL_STATE, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, height);
	rc = local_step(s);
	if (rc < 0)
		return rc;
	*ret = rc == 1 ? sqlite3_column_int(s, 0) : NO_BLOCK;
	return 0;
}

/* May the block at this height go to state `to`?  Only from the state before,
 * and only when the block below it has gone there. */
static int check_move(struct conn *c, uint64_t height, enum local_state to)
{
	int here = NO_BLOCK, below = NO_BLOCK, rc;

	if (height == 0)
		return -EINVAL; /* block zero comes whole */
	rc = state_of(c, height, &here);
	if (rc == 0)
		rc = state_of(c, height - 1, &below);
	if (rc < 0)
		return rc;
	return here == (int)to - 1 && below >= (int)to ? 0 : -EINVAL;
}

/* Sums of the put records among ids first..last, added to v[0] and v[1]. */
static int span_sum(struct conn *c, uint64_t first, uint64_t last, uint64_t *v)
{
	STMT(s);
	int rc = local_stmt(c, SQL_SPAN_SUM, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, first);
	local_bind_u64(s, 2, last);
	rc = local_step(s);
	if (rc <= 0)
		return rc < 0 ? rc : -EBADMSG;
	v[0] += local_column_u64(s, 0);
	v[1] += local_column_u64(s, 1);
	return 0;
}

/* Takes n consecutive ids out of the queue and into the block. */
static int add_span(struct conn *c, uint64_t height, uint64_t first, size_t n,
	size_t index, uint64_t sums[2])
{
	uint64_t range[2] = {first, first + n - 1};
	uint64_t span[4] = {first, n, height, index};
	int rc = local_run_u64(c, SQL_END_QUEUE, 2, range);

	if (rc < 0)
		return rc;
	if ((uint64_t)sqlite3_changes(c->db) != n)
		return -EINVAL; /* one of them is not in the queue */
	rc = local_run_u64(c, SQL_ADD_SPAN, 4, span);
	return rc < 0 ? rc : span_sum(c, range[0], range[1], sums);
}

static int add_spans(struct conn *c, uint64_t height, const uint64_t *ids,
	size_t n, uint64_t sums[2])
{
	size_t i, from = 0;
	int rc = 0;

	for (i = 1; rc == 0 && i <= n; i++) {
		if (i < n && ids[i] == ids[i - 1] + 1)
			continue;
		rc = add_span(c, height, ids[from], i - from, from, sums);
		from = i;
	}
	return rc;
}

int local_put_block(struct local *l, uint64_t height, struct bytes b,
	const uint64_t *ids, size_t n, uint64_t bytes)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(s);
	uint64_t sums[2] = {0, 0};
	int here = NO_BLOCK, below = NO_BLOCK, rc;

	if (height == 0 || n == 0)
		return -EINVAL;
	rc = local_begin(l, c, &t);
	if (rc == 0)
		rc = state_of(c, height, &here);
	if (rc == 0)
		rc = state_of(c, height - 1, &below);
	if (rc == 0 && (here != NO_BLOCK || below < LOCAL_STAMPED))
		rc = -EINVAL; /* b links to the stamp below it */
	if (rc == 0)
		rc = add_spans(c, height, ids, n, sums);
	if (rc == 0)
		rc = local_stmt(c, SQL_ADD_BLOCK, &s);
	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, height);
	local_bind_bytes(s, 2, b);
	local_bind_u64(s, 3, n);
	local_bind_u64(s, 4, bytes);
	local_bind_u64(s, 5, sums[0]);
	local_bind_u64(s, 6, sums[1]);
	rc = local_run(s);
	return rc < 0 ? rc : local_commit(&t);
}

int local_put_stamp(struct local *l, uint64_t height, uint64_t t_type,
	struct bytes t, const struct hash *hmeta)
{
	CONN(c, writer, l);
	TXN(x);
	STMT(s);
	int rc = local_begin(l, c, &x);

	if (rc == 0)
		rc = check_move(c, height, LOCAL_STAMPED);
	if (rc == 0)
		rc = local_stmt(c, SQL_STAMP, &s);
	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, height);
	local_bind_u64(s, 2, t_type);
	local_bind_bytes(s, 3, t);
	local_bind_bytes(s, 4, HASH_BYTES(hmeta));
	rc = local_run(s);
	return rc < 0 ? rc : local_commit(&x);
}

/* 1 when that object is there already, 0 when none is, -EEXIST for another. */
static int has_number(struct conn *c, uint64_t k, struct bytes object)
{
	STMT(s);
	int rc = local_stmt(c, SQL_NUMBER, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, k);
	rc = local_step(s);
	if (rc <= 0)
		return rc;
	return bytes_equal(local_column(s, 0), object) ? 1 : -EEXIST;
}

static int add_number(struct conn *c, uint64_t k, struct bytes object)
{
	STMT(s);
	int rc = has_number(c, k, object);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = local_stmt(c, SQL_ADD_NUMBER, &s);
	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, k);
	local_bind_bytes(s, 2, object);
	return local_run(s);
}

int local_put_sequence(struct local *l, uint64_t height, uint64_t k,
	struct bytes s, struct bytes object)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(q);
	int rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = check_move(c, height, LOCAL_SEQUENCED);
	if (rc == 0)
		rc = add_number(c, k, object);
	if (rc == 0)
		rc = local_stmt(c, SQL_SEQUENCE, &q);
	if (rc < 0)
		return rc;
	local_bind_u64(q, 1, height);
	local_bind_u64(q, 2, k);
	local_bind_bytes(q, 3, s);
	rc = local_run(q);
	return rc < 0 ? rc : local_commit(&t);
}

int local_set_final(struct local *l, uint64_t height)
{
	CONN(c, writer, l);
	TXN(t);
	int rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = check_move(c, height, LOCAL_FINAL);
	if (rc == 0)
		rc = local_run_u64(c, SQL_FINAL, 1, &height);
	if (rc == 0)
		rc = local_run_u64(c, SQL_TALLY_FINAL, 1, &height);
	return rc < 0 ? rc : local_commit(&t);
}

static int tip_on(struct conn *c, enum local_state state, uint64_t *ret)
{
	STMT(s);
	int rc = local_stmt(c, SQL_TIP, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, (uint64_t)state);
	rc = local_step(s);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = local_column_u64(s, 0);
	return 0;
}

int local_tip(struct local *l, enum local_state state, uint64_t *ret)
{
	CONN(c, point, l);

	return tip_on(c, state, ret);
}

int local_requeue(struct local *l, uint64_t height)
{
	CONN(c, writer, l);
	TXN(t);
	uint64_t numbered = 0;
	int here = NO_BLOCK, rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = state_of(c, height, &here);
	if (rc == 0 && here == NO_BLOCK)
		rc = -ENOENT;
	if (rc < 0)
		return rc;
	/* States do not rise with the height, so this block tells for all. */
	rc = tip_on(c, LOCAL_SEQUENCED, &numbered);
	if (rc == 0 && numbered >= height)
		return -EBUSY;
	if (rc < 0 && rc != -ENOENT)
		return rc;
	rc = local_run_u64(c, SQL_REQUEUE, 1, &height);
	if (rc == 0)
		rc = local_run_u64(c, SQL_DROP_SPANS, 1, &height);
	if (rc == 0)
		rc = local_run_u64(c, SQL_DROP_BLOCKS, 1, &height);
	return rc < 0 ? rc : local_commit(&t);
}

static int read_block(sqlite3_stmt *s, struct local_block *ret)
{
	struct bytes hmeta = local_column(s, 4);
	int rc = local_column_copy(s, 1, &ret->b);

	if (rc == 0)
		rc = local_column_copy(s, 3, &ret->t);
	if (rc == 0)
		rc = local_column_copy(s, 6, &ret->s);
	if (rc == 0 && hmeta.n != 0 && hmeta.n != HASH_LEN)
		rc = -EBADMSG;
	if (rc < 0) {
		local_block_done(ret);
		return rc;
	}
	ret->state = (enum local_state)sqlite3_column_int(s, 0);
	ret->t_type = local_column_u64(s, 2);
	if (hmeta.n == HASH_LEN)
		memcpy(ret->hmeta.b, hmeta.p, HASH_LEN);
	ret->k = local_column_u64(s, 5);
	ret->n = (uint32_t)local_column_u64(s, 7);
	ret->bytes = local_column_u64(s, 8);
	return 0;
}

int local_block_at(struct local *l, uint64_t height, struct local_block *ret)
{
	CONN(c, point, l);
	STMT(s);
	struct local_block b = {.height = height};
	int rc = local_stmt(c, SQL_BLOCK, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, height);
	rc = local_step(s);
	if (rc == 1)
		rc = read_block(s, &b);
	else
		rc = rc < 0 ? rc : -ENOENT;
	if (rc == 0)
		*ret = b;
	return rc;
}

int local_put_genesis(struct local *l, const struct local_block *b0,
	struct bytes object)
{
	CONN(c, writer, l);
	TXN(t);
	STMT(s);
	int here = NO_BLOCK, rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = state_of(c, 0, &here);
	if (rc == 0 && here != NO_BLOCK)
		rc = -EEXIST;
	if (rc == 0)
		rc = add_number(c, 0, object);
	if (rc == 0)
		rc = local_run_u64(c, SQL_TALLY_GENESIS, 0, NULL);
	if (rc == 0)
		rc = local_stmt(c, SQL_GENESIS, &s);
	if (rc < 0)
		return rc;
	local_bind_bytes(s, 1, BUF_BYTES(&b0->b));
	local_bind_u64(s, 2, b0->t_type);
	local_bind_bytes(s, 3, BUF_BYTES(&b0->t));
	local_bind_bytes(s, 4, HASH_BYTES(&b0->hmeta));
	local_bind_bytes(s, 5, BUF_BYTES(&b0->s));
	local_bind_u64(s, 6, b0->n);
	local_bind_u64(s, 7, b0->bytes);
	rc = local_run(s);
	return rc < 0 ? rc : local_commit(&t);
}

int local_put_number(struct local *l, uint64_t k, struct bytes object)
{
	CONN(c, writer, l);
	TXN(t);
	int rc = local_begin(l, c, &t);

	if (rc == 0)
		rc = add_number(c, k, object);
	return rc < 0 ? rc : local_commit(&t);
}

int local_number(struct local *l, uint64_t k, struct buf *ret_object)
{
	CONN(c, point, l);
	STMT(s);
	int rc = local_stmt(c, SQL_NUMBER, &s);

	if (rc < 0)
		return rc;
	local_bind_u64(s, 1, k);
	rc = local_step(s);
	return rc == 1 ? local_column_copy(s, 0, ret_object) :
		rc < 0 ? rc : -ENOENT;
}

int local_last_number(struct local *l, uint64_t *ret)
{
	CONN(c, point, l);
	STMT(s);
	int rc = local_stmt(c, SQL_LAST_NUMBER, &s);

	if (rc == 0)
		rc = local_step(s);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = local_column_u64(s, 0);
	return 0;
}

/*
 * coded_put: an object into its shares, a few stripes at a time.
 *
 *	caller    read stripes, code them into a free slot, give it to all
 *	worker i  begin its share; check-sum and write its cells of each slot;
 *	          write the check-sums, commit
 *
 * Each bucket has a lane: what its worker does, in order.  A lane that fails
 * does no more, and the others go on.  With two slots one is being coded while
 * the other is being written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/coded.h"
#include "backends/rlnc.h"
#include "backends/share.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"

#define SLOTS 2
#define SLOT_STRIPES 4	/* so that a turn is worth waking a thread for */
#define ALIGN 64

struct put;

struct lane {
	struct put *put;
	unsigned i;		/* which bucket, which share */
	struct worm_put *p;
	uint8_t *crc;		/* one of each cell so far, big endian */
	size_t n_crc;		/* bytes of it */
	int error;
	struct job begin, end;
};

struct cell_job {
	struct job job;
	struct slot *slot;
	struct lane *lane;
};

struct slot {
	struct batch batch;	/* its cell jobs */
	struct cell_job job[REPLICA_MAX];
	uint8_t *memory;	/* of each stripe its n cells, data first */
	unsigned n;		/* stripes in it */
	size_t cell[SLOT_STRIPES]; /* bytes of a cell of each */
};

struct put {
	struct coded *c;
	char key[WORM_KEY_MAX + 1];
	struct bytes meta;
	struct hash hmeta;
	uint64_t length;
	const struct source *payload;
	struct rlnc_rows rows;
	struct lane lane[REPLICA_MAX];
	struct slot slot[SLOTS];
	size_t stride;		/* memory of a stripe in a slot */
	struct batch batch;	/* the lanes' begin and end */
	bool give_up;
};

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static size_t stripe_bytes(const struct put *p)
{
	return (size_t)p->rows.k * RLNC_CELL;
}

static uint64_t stripes(const struct put *p)
{
	return (p->length + stripe_bytes(p) - 1) / stripe_bytes(p);
}

static void lane_failed(struct lane *l, int error)
{
	l->put->c->bucket[l->i]->ops->abort(l->p);
	l->p = NULL;
	l->error = error;
}

static void lane_write(struct lane *l, struct bytes data)
{
	int rc;

	if (l->error != 0)
		return;
	rc = l->put->c->bucket[l->i]->ops->write(l->p, data);
	if (rc != 0)
		lane_failed(l, rc);
}

static void lane_begin(struct job *j)
{
	struct lane *l = (struct lane *)((char *)j -
		offsetof(struct lane, begin));
	const struct put *p = l->put;
	struct worm *w = p->c->bucket[l->i];
	struct share_header h = {
		.k = (uint8_t)p->rows.k,
		.n = (uint8_t)p->rows.n,
		.index = (uint16_t)l->i,
		.cell = RLNC_CELL,
		.length = p->length,
		.meta_length = p->meta.n,
		.payload_length = rlnc_share_length(p->length, p->rows.k,
			RLNC_CELL),
		.hy = p->hmeta,
	};
	uint8_t raw[SHARE_HEADER];

	memcpy(h.row, p->rows.row[l->i], sizeof h.row);
	share_header_encode(&h, raw);
	l->error = w->ops->put(w, p->key, share_size(&h), &l->p);
	lane_write(l, BYTES(raw, sizeof raw));
	lane_write(l, p->meta);
}

static void lane_cells(struct job *j)
{
	struct cell_job *cj = (struct cell_job *)j; /* its first member */
	struct lane *l = cj->lane;
	const struct slot *s = cj->slot;
	struct bytes cell;
	uint32_t crc;
	unsigned i;

	for (i = 0; i < s->n && l->error == 0; i++) {
		cell = BYTES(s->memory + i * l->put->stride +
			l->i * s->cell[i], s->cell[i]);
		crc = htobe32(share_crc32c(0, cell));
		memcpy(l->crc + l->n_crc, &crc, sizeof crc);
		l->n_crc += sizeof crc;
		lane_write(l, cell);
	}
}

static void lane_end(struct job *j)
{
	struct lane *l = (struct lane *)((char *)j -
		offsetof(struct lane, end));

	if (l->put->give_up && l->error == 0)
		lane_failed(l, -ECANCELED);
	lane_write(l, BYTES(l->crc, l->n_crc));
	if (l->error == 0)
		l->error = l->put->c->bucket[l->i]->ops->commit(l->p);
	l->p = NULL; /* commit has taken it */
}

/* Reads stripe number `at` into the slot's next place and codes it. */
static int fill_stripe(struct put *p, struct slot *s, uint64_t at)
{
	uint64_t off = at * stripe_bytes(p);
	size_t want = (size_t)min64(p->length - off, stripe_bytes(p));
	size_t cell = (size_t)rlnc_share_length(want, p->rows.k, RLNC_CELL);
	uint8_t *memory = s->memory + s->n * p->stride;
	const uint8_t *in[RLNC_K_MAX];
	uint8_t *out[RLNC_N_MAX];
	unsigned i, k = p->rows.k;
	int rc = p->payload->read(p->payload->ctx, off, memory, want);

	if (rc != 0)
		return rc;
	memset(memory + want, 0, k * cell - want);
	for (i = 0; i < k; i++)
		in[i] = memory + i * cell;
	for (; i < p->rows.n; i++)
		out[i - k] = memory + i * cell;
	rlnc_encode(k, p->rows.n - k,
		(const uint8_t (*)[RLNC_K_MAX])p->rows.row + k, in,
		out, cell);
	s->cell[s->n++] = cell;
	return 0;
}

static void give_slot(struct put *p, struct slot *s)
{
	unsigned i;

	for (i = 0; i < p->rows.n; i++) {
		if (p->c->bucket[i] == NULL)
			continue;
		s->job[i] = (struct cell_job){{.run = lane_cells}, s,
			&p->lane[i]};
		worker_give(p->c->worker[i], &s->job[i].job, &s->batch);
	}
}

/* All stripes, through the slots in turn. */
static int stream(struct put *p)
{
	uint64_t at = 0, n = stripes(p);
	struct slot *s;
	unsigned turn;
	int rc;

	for (turn = 0; at < n; turn++) {
		s = &p->slot[turn % SLOTS];
		batch_wait(&s->batch);
		for (s->n = 0; s->n < SLOT_STRIPES && at < n; at++) {
			rc = fill_stripe(p, s, at);
			if (rc != 0)
				return rc;
		}
		give_slot(p, s);
	}
	return 0;
}

static void give_lanes(struct put *p, bool begin)
{
	struct lane *l;
	unsigned i;

	for (i = 0; i < p->rows.n; i++) {
		l = &p->lane[i];
		if (p->c->bucket[i] != NULL)
			worker_give(p->c->worker[i], begin ? &l->begin
				: &l->end, &p->batch);
	}
}

/* Memory for what the object needs, and no more. */
static int put_memory(struct put *p)
{
	uint64_t n = stripes(p);
	size_t cell = (size_t)rlnc_share_length(
		min64(p->length, stripe_bytes(p)), p->rows.k, RLNC_CELL);
	unsigned i;

	p->stride = p->rows.n * cell;
	for (i = 0; i < SLOTS && i * SLOT_STRIPES < n; i++) {
		p->slot[i].memory = aligned_alloc(ALIGN, p->stride *
			(size_t)min64(n - i * SLOT_STRIPES, SLOT_STRIPES));
		if (p->slot[i].memory == NULL)
			return -ENOMEM;
	}
	for (i = 0; i < p->rows.n; i++) {
		p->lane[i].crc = malloc((size_t)n * 4 + 1);
		if (p->lane[i].crc == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int run(struct put *p)
{
	unsigned i;
	int rc;

	give_lanes(p, true);
	rc = stream(p);
	for (i = 0; i < SLOTS; i++)
		batch_wait(&p->slot[i].batch);
	p->give_up = rc != 0; /* read by end jobs only, which are given now */
	give_lanes(p, false);
	batch_wait(&p->batch);
	return rc;
}

static struct put *put_new(struct coded *c)
{
	struct put *p = calloc(1, sizeof *p);
	unsigned i;

	if (p == NULL)
		return NULL;
	p->c = c;
	batch_init(&p->batch);
	for (i = 0; i < SLOTS; i++)
		batch_init(&p->slot[i].batch);
	for (i = 0; i < REPLICA_MAX; i++)
		p->lane[i] = (struct lane){
			.put = p,
			.i = i,
			.error = -ENODEV,
			.begin.run = lane_begin,
			.end.run = lane_end,
		};
	return p;
}

static void put_free(struct put *p)
{
	unsigned i;

	batch_done(&p->batch);
	for (i = 0; i < SLOTS; i++) {
		batch_done(&p->slot[i].batch);
		free(p->slot[i].memory);
	}
	for (i = 0; i < REPLICA_MAX; i++)
		free(p->lane[i].crc);
	free(p);
}

static int put_shares(struct put *p, struct replica_report *report)
{
	int error[REPLICA_MAX], rc;
	unsigned i;

	rc = rlnc_draw(&p->hmeta, p->c->base.k, p->c->base.n, true, &p->rows,
		NULL);
	if (rc == 0)
		rc = put_memory(p);
	if (rc == 0)
		rc = run(p);
	if (rc != 0)
		return rc;
	for (i = 0; i < p->c->base.n; i++)
		error[i] = p->lane[i].error;
	return coded_quorum(p->c, error, report);
}

int coded_put(struct replica *r, const char *key, struct bytes meta,
	uint64_t length, const struct source *payload,
	struct replica_report *report)
{
	char full[WORM_KEY_MAX + 1];
	struct put *p;
	int rc = coded_key(coded_of(r), key, full);

	if (rc != 0)
		return rc;
	if (length > REPLICA_PAYLOAD_MAX || meta.n > META_MAX)
		return -EFBIG;
	p = put_new(coded_of(r));
	if (p == NULL)
		return -ENOMEM;
	if (report != NULL)
		*report = (struct replica_report){0};
	strcpy(p->key, full);
	p->meta = meta;
	p->hmeta = hash_sha3(meta);
	p->length = length;
	p->payload = payload;
	rc = put_shares(p, report);
	put_free(p);
	return rc;
}

#include "fs/settle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define BIT(s) (1u << (s))
#define UNSEALED (BIT(ST_OPEN) | BIT(ST_SETTLING) | BIT(ST_FROZEN) |           \
	BIT(ST_TEMP) | BIT(ST_SCRATCH))

/* The table of the header: what may follow what. */
static const unsigned moves[ST_STATES] = {
	[ST_NONE] = UNSEALED | BIT(ST_SEALED),
	[ST_OPEN] = UNSEALED | BIT(ST_SEALING) | BIT(ST_NONE),
	[ST_SETTLING] = UNSEALED | BIT(ST_SEALING) | BIT(ST_NONE),
	[ST_FROZEN] = UNSEALED | BIT(ST_SEALING) | BIT(ST_NONE),
	[ST_SEALING] = BIT(ST_SEALED) | BIT(ST_SETTLING) | BIT(ST_FROZEN) |
		BIT(ST_OPEN) | BIT(ST_NONE),
	[ST_SEALED] = BIT(ST_OPEN) | BIT(ST_SETTLING),
	[ST_TEMP] = UNSEALED | BIT(ST_NONE),
	[ST_SCRATCH] = UNSEALED | BIT(ST_NONE),
};

/* -- the heap of what has a due time, least first -- */

static void place(struct settle *s, size_t at, struct item *i)
{
	s->heap[at] = i;
	i->heap = at + 1;
}

static void sift_up(struct settle *s, size_t at, struct item *i)
{
	while (at > 0 && s->heap[(at - 1) / 2]->due_ms > i->due_ms) {
		place(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(s, at, i);
}

static void sift_down(struct settle *s, size_t at, struct item *i)
{
	size_t kid;

	while ((kid = 2 * at + 1) < s->n) {
		if (kid + 1 < s->n &&
			s->heap[kid + 1]->due_ms < s->heap[kid]->due_ms)
			kid++;
		if (s->heap[kid]->due_ms >= i->due_ms)
			break;
		place(s, at, s->heap[kid]);
		at = kid;
	}
	place(s, at, i);
}

static void heap_remove(struct settle *s, struct item *i)
{
	struct item *last;
	size_t at;

	if (i->heap == 0)
		return;
	at = i->heap - 1;
	i->heap = 0;
	last = s->heap[--s->n];
	if (last == i)
		return;
	if (at > 0 && s->heap[(at - 1) / 2]->due_ms > last->due_ms)
		sift_up(s, at, last);
	else
		sift_down(s, at, last);
}

static void heap_insert(struct settle *s, struct item *i, uint64_t due)
{
	heap_remove(s, i);
	i->due_ms = due;
	assert(s->n < s->cap);
	sift_up(s, s->n++, i);
}

/* -- the list of what is pending -- */

int settle_reserve(struct settle *s)
{
	struct item **heap;
	size_t cap;

	if (s->n_items == s->cap) {
		cap = s->cap == 0 ? 64 : 2 * s->cap;
		heap = reallocarray(s->heap, cap, sizeof(struct item *));
		if (heap == NULL)
			return -ENOMEM;
		s->heap = heap;
		s->cap = cap;
	}
	s->n_items++;
	return 0;
}

static void list(struct settle *s, struct item *i)
{
	if (i->listed)
		return;
	i->listed = true;
	i->prev = NULL;
	i->next = s->pending;
	if (i->next != NULL)
		i->next->prev = i;
	s->pending = i;
}

static void unlist(struct settle *s, struct item *i)
{
	heap_remove(s, i);
	if (!i->listed)
		return;
	if (i->prev != NULL)
		i->prev->next = i->next;
	else
		s->pending = i->next;
	if (i->next != NULL)
		i->next->prev = i->prev;
	i->listed = false;
}

void settle_release(struct settle *s, struct item *i)
{
	unlist(s, i);
	s->n_items--;
}

void settle_done(struct settle *s)
{
	free(s->heap);
	*s = (struct settle){0};
}

/* -- states -- */

static void move(struct settle *s, struct item *i, enum seal_state to)
{
	if (to == i->state)
		return;
	assert(moves[i->state] & BIT(to));
	if (i->kind == ITEM_FILE) {
		s->count[i->state]--;
		s->count[to]++;
	}
	i->state = to;
}

static uint64_t due(const struct settle *s, const struct item *i)
{
	uint64_t soon = i->last_ms + s->settle_ms;
	uint64_t late = i->first_ms + s->settle_max_ms;

	if (i->empty && i->kind == ITEM_FILE)
		return i->last_ms + s->empty_ms;
	return soon < late ? soon : late;
}

/* Nobody can change what is there, though there are writers. */
static bool only_grows(const struct item *i)
{
	return i->class == CLASS_APPEND && i->grown && i->writers == i->adders;
}

/* Is it only open in case that more comes? */
static bool all_sealed(const struct item *i)
{
	return i->state == ST_OPEN && i->part && !i->grown;
}

/* Puts an unsealed item into the state that its fields say, and its timer. */
static void rest(struct settle *s, struct item *i)
{
	enum seal_state to = i->frozen ? ST_FROZEN : ST_SETTLING;

	if (!class_seals(i->class))
		to = i->class == CLASS_TEMP ? ST_TEMP : ST_SCRATCH;
	else if (i->writers > 0)
		to = ST_OPEN;
	move(s, i, to);
	if (i->busy == 0 && (to == ST_SETTLING || to == ST_FROZEN ||
			(to == ST_OPEN && only_grows(i))))
		heap_insert(s, i, due(s, i));
	else
		heap_remove(s, i);
}

static bool unsealed(const struct item *i)
{
	return (UNSEALED & BIT(i->state)) != 0;
}

void settle_join(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now)
{
	assert(i->state == ST_NONE && i->kind != ITEM_FOLDER);
	i->class = class;
	i->first_ms = i->last_ms = now;
	list(s, i);
	rest(s, i);
}

void settle_known(struct settle *s, struct item *i, enum rules_class class)
{
	i->class = class;
	i->part = class == CLASS_APPEND;
	move(s, i, ST_SEALED);
}

void settle_unseal(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now)
{
	assert(i->state == ST_SEALED && i->class != CLASS_SEAL);
	i->class = class;
	i->frozen = i->freeze_at_close = i->unclean = false;
	i->first_ms = i->last_ms = now;
	list(s, i);
	rest(s, i);
}

/* Nothing may change any more. */
static void begin(struct settle *s, struct item *i)
{
	i->as_version = i->class == CLASS_APPEND && i->empty &&
		i->writers == 0 && i->kind == ITEM_FILE;
	if (i->as_version)
		i->class = CLASS_VERSION;
	move(s, i, ST_SEALING);
}

/* It is not sealed, so it is of the class that it was. */
static void take_back(struct settle *s, struct item *i)
{
	if (i->as_version)
		i->class = CLASS_APPEND;
	i->as_version = false;
	rest(s, i);
}

void settle_cancel(struct settle *s, struct item *i)
{
	assert(i->state == ST_SEALING && i->class != CLASS_SEAL);
	i->turn++;
	take_back(s, i);
}

void settle_grow(struct settle *s, struct item *i, uint64_t now, bool much)
{
	if (!i->grown)
		i->first_ms = now;
	i->grown = true;
	i->empty = false;
	i->last_ms = now;
	if (!unsealed(i))
		return; /* seen when it is sealed */
	rest(s, i);
	if (much && i->heap != 0)
		heap_insert(s, i, now);
}

int settle_may_write(const struct item *i)
{
	if (i->class != CLASS_SEAL && unsealed(i))
		return 0;
	return i->state == ST_OPEN || i->state == ST_SETTLING ? 0 : -EPERM;
}

int settle_may_change(const struct item *i)
{
	return unsealed(i) ? 0 : -EPERM;
}

void settle_open(struct settle *s, struct item *i, bool adds)
{
	i->writers++;
	i->asked = false;
	i->adders += adds;
	if (unsealed(i))
		rest(s, i);
}

void settle_close(struct settle *s, struct item *i, bool adds, uint64_t now)
{
	assert(i->writers > 0);
	i->writers--;
	i->adders -= adds;
	if (!unsealed(i))
		return;
	if (i->writers > 0) {
		rest(s, i);
		return;
	}
	if (class_seals(i->class)) { /* else when it is renamed */
		i->frozen = i->frozen || (i->freeze_at_close && !i->empty &&
			i->class == CLASS_SEAL);
		i->freeze_at_close = false;
	}
	i->last_ms = now;
	if (i->first_ms == 0)
		i->first_ms = now;
	rest(s, i);
}

void settle_change(struct settle *s, struct item *i)
{
	if (!unsealed(i))
		return;
	i->busy++;
	heap_remove(s, i);
}

void settle_changed(struct settle *s, struct item *i, uint64_t now)
{
	if (!unsealed(i))
		return;
	assert(i->busy > 0);
	i->busy--;
	i->last_ms = now;
	rest(s, i);
}

void settle_chmod(struct settle *s, struct item *i, bool writable)
{
	if (!unsealed(i) || i->kind != ITEM_FILE)
		return;
	if (writable) {
		i->freeze_at_close = false; /* frozen stays: no way back */
		return;
	}
	if (i->writers > 0 || !class_seals(i->class))
		i->freeze_at_close = true;
	else if (!i->empty && i->class == CLASS_SEAL)
		i->frozen = true;
	rest(s, i);
}

void settle_renamed(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now)
{
	if (!unsealed(i))
		return;
	i->asked = i->asked && class_seals(class);
	if (!class_seals(i->class) && class_seals(class)) {
		i->first_ms = now;
		if (class == CLASS_SEAL && i->freeze_at_close &&
			i->writers == 0 && !i->empty)
			i->frozen = true;
	}
	i->class = class;
	i->last_ms = now;
	rest(s, i);
}

void settle_folder(struct settle *s, struct item *i, uint64_t now)
{
	assert(i->kind == ITEM_FOLDER);
	if (!i->dirty)
		i->first_ms = now;
	i->dirty = true;
	i->last_ms = now;
	list(s, i);
	heap_insert(s, i, due(s, i));
}

void settle_gone(struct settle *s, struct item *i)
{
	if (i->state != ST_SEALED)
		move(s, i, ST_NONE);
	i->dirty = i->asked = false;
	unlist(s, i);
}

int settle_ask(struct settle *s, struct item *i, uint64_t now)
{
	if (i->kind == ITEM_FOLDER) {
		i->asked = i->dirty || i->taken;
		if (i->dirty)
			heap_insert(s, i, now);
		return 0;
	}
	if (i->state == ST_SEALED || all_sealed(i))
		return 0;
	i->asked = i->asked || i->state == ST_SEALING;
	if (i->state == ST_SEALING)
		return 0;
	if (!class_seals(i->class) || i->state == ST_NONE)
		return -EINVAL;
	if ((i->writers > 0 && !only_grows(i)) || i->busy > 0)
		return -EBUSY;
	begin(s, i);
	i->asked = true;
	heap_insert(s, i, now);
	return 0;
}

size_t settle_take(struct settle *s, uint64_t now, struct item **ret,
	size_t max)
{
	struct item *i;
	size_t n = 0;

	while (n < max && s->n > 0 && s->heap[0]->due_ms <= now) {
		i = s->heap[0];
		heap_remove(s, i);
		if (i->kind == ITEM_FOLDER) {
			i->dirty = false;
			i->taken = true;
		} else {
			if (i->state != ST_SEALING)
				begin(s, i);
			i->grown = false;
		}
		ret[n++] = i;
	}
	return n;
}

uint64_t settle_next(const struct settle *s, uint64_t now)
{
	if (s->n == 0)
		return UINT64_MAX;
	return s->heap[0]->due_ms <= now ? 0 : s->heap[0]->due_ms - now;
}

void settle_sealed(struct settle *s, struct item *i)
{
	i->taken = false;
	i->asked = false;
	i->as_version = false;
	i->part = i->class == CLASS_APPEND;
	if (i->part && (i->writers > 0 || i->grown)) {
		rest(s, i);
		return;
	}
	if (i->kind != ITEM_FOLDER)
		move(s, i, ST_SEALED);
	if (!i->dirty)
		unlist(s, i);
}

void settle_failed(struct settle *s, struct item *i, uint64_t now,
	uint64_t wait_ms)
{
	if (i->kind == ITEM_FOLDER) {
		i->taken = false;
		settle_folder(s, i, now);
	} else {
		i->last_ms = now;
		i->grown = i->class == CLASS_APPEND;
		take_back(s, i);
	}
	heap_insert(s, i, now + wait_ms);
}

bool settle_owed(const struct item *i)
{
	if (i->kind == ITEM_FOLDER)
		return i->dirty || i->taken;
	return i->state >= ST_OPEN && i->state <= ST_SEALING && !all_sealed(i);
}

const char *settle_state_name(enum seal_state s)
{
	static const char *const names[ST_STATES] = {
		[ST_OPEN] = "open",
		[ST_SETTLING] = "settling",
		[ST_FROZEN] = "frozen",
		[ST_SEALING] = "frozen", /* nothing can change any more */
		[ST_SEALED] = "sealed",
		[ST_TEMP] = "temp",
		[ST_SCRATCH] = "scratch",
	};

	return names[s];
}

#include "core/retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY UINT64_C(86400)	/* seconds */

void retention_start(struct retention *t, const struct record *file)
{
	*t = (struct retention){.until = file->until};
}

static bool place(struct retention *t, const struct hash *dh,
	struct bytes name)
{
	struct retention_hold *h;

	if (t->n_holds == RETENTION_HOLDS_MAX || name.n > sizeof h->name ||
		retention_find(t, name) != NULL)
		return false;
	h = &t->hold[t->n_holds++];
	h->placed = *dh;
	memcpy(h->name, name.p, name.n);
	h->n = name.n;
	return true;
}

static bool release(struct retention *t, const struct hash *placed)
{
	size_t i;

	for (i = 0; i < t->n_holds; i++)
		if (hash_equal(&t->hold[i].placed, placed)) {
			memmove(&t->hold[i], &t->hold[i + 1],
				(--t->n_holds - i) * sizeof(*t->hold));
			return true;
		}
	return false;
}

bool retention_add(struct retention *t, const struct hash *dh,
	const struct record *r)
{
	if (r->kind == RECORD_HOLD)
		return r->hold_case.n > 0 ? place(t, dh, r->hold_case) :
					    release(t, &r->about);
	if (r->kind != RECORD_RETENTION || r->until <= t->until)
		return false;
	t->until = r->until;
	return true;
}

const struct retention_hold *retention_find(const struct retention *t,
	struct bytes name)
{
	size_t i;

	for (i = 0; i < t->n_holds; i++)
		if (bytes_equal(BYTES(t->hold[i].name, t->hold[i].n), name))
			return &t->hold[i];
	return NULL;
}

bool retention_over(const struct retention *t, uint64_t chain_ms)
{
	return t->until > 0 && t->n_holds == 0 && chain_ms / 1000 >= t->until;
}

/* -- times as text -- */

/* n digits, and then the character `end` unless it is 0. */
static bool digits(const char **s, unsigned n, char end, unsigned *ret)
{
	unsigned v = 0;

	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (unsigned)(**s - '0');
	}
	*ret = v;
	if (end == '\0')
		return true;
	return *(*s)++ == end;
}

static bool is_leap(unsigned y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Seconds since 1970 of a day's beginning. */
static bool day_of(unsigned y, unsigned m, unsigned d, int64_t *ret)
{
	static const uint8_t longest[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = (int64_t)d - 1;
	unsigned i;

	if (y < 1970 || m < 1 || m > 12 || d < 1 ||
		d > longest[m - 1] + (m == 2 && is_leap(y) ? 1U : 0U))
		return false;
	for (i = 1970; i < y; i++)
		days += is_leap(i) ? 366 : 365;
	for (i = 1; i < m; i++)
		days += longest[i - 1] + (i == 2 && is_leap(y) ? 1 : 0);
	*ret = days * (int64_t)DAY;
	return true;
}

/* "Z" or "+hh:mm" to the end of the text: seconds east of UTC. */
static bool zone(const char *s, int64_t *ret)
{
	unsigned h, m;
	char sign = *s;

	*ret = 0;
	if (*s == 'Z' || *s == 'z')
		return s[1] == '\0';
	if (sign != '+' && sign != '-')
		return false;
	s++;
	if (!digits(&s, 2, ':', &h) || !digits(&s, 2, '\0', &m) ||
		*s != '\0' || h > 23 || m > 59)
		return false;
	*ret = (sign == '-' ? -1 : 1) * ((int64_t)h * 3600 + m * 60);
	return true;
}

/* ".25": one second more if it is not all zeros. */
static bool fraction(const char **s, int64_t *ret_more)
{
	*ret_more = 0;
	if (**s != '.')
		return true;
	if (*++*s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s)
		if (**s != '0')
			*ret_more = 1;
	return true;
}

static bool rfc3339(const char *s, int64_t *ret)
{
	unsigned y, mo, d, h, m, sec;
	int64_t day, more, east;

	if (!digits(&s, 4, '-', &y) || !digits(&s, 2, '-', &mo) ||
		!digits(&s, 2, '\0', &d) || !day_of(y, mo, d, &day))
		return false;
	*ret = day;
	if (*s == '\0')
		return true;
	if (*s != 'T' && *s != 't' && *s != ' ')
		return false;
	s++;
	if (!digits(&s, 2, ':', &h) || !digits(&s, 2, ':', &m) ||
		!digits(&s, 2, '\0', &sec) || h > 23 || m > 59 || sec > 60 ||
		!fraction(&s, &more) || !zone(s, &east))
		return false;
	*ret = day + (int64_t)h * 3600 + m * 60 + sec + more - east;
	return true;
}

/* Digits alone, up to max. */
static bool number(const char *s, size_t n, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0)
		return false;
	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

int retention_time(const char *text, uint64_t *ret_s)
{
	uint64_t v = 0;
	int64_t t;

	if (!number(text, strlen(text), RECORD_UNTIL_MAX, &v)) {
		if (!rfc3339(text, &t) || t < 0)
			return -EINVAL;
		v = (uint64_t)t;
	}
	if (v == 0 || v > RECORD_UNTIL_MAX)
		return -EINVAL;
	*ret_s = v;
	return 0;
}

void retention_text(uint64_t s, char ret[RETENTION_TEXT])
{
	time_t t = (time_t)(s <= RECORD_UNTIL_MAX ? s : RECORD_UNTIL_MAX);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, RETENTION_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static const struct {
	char unit;
	uint64_t s;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY}, {'y', 366 * DAY}};
#define UNITS (sizeof units / sizeof *units)

int retention_span(const char *text, uint64_t *ret_s)
{
	size_t n = strlen(text), i;
	uint64_t v;

	if (n < 2)
		return -EINVAL;
	for (i = 0; i < UNITS; i++)
		if (units[i].unit == text[n - 1] &&
			number(text, n - 1, RECORD_UNTIL_MAX / units[i].s,
				&v)) {
			*ret_s = v * units[i].s;
			return 0;
		}
	return -EINVAL;
}

void retention_span_text(uint64_t s, char ret[RETENTION_SPAN])
{
	size_t i = UNITS - 1;

	while (s % units[i].s != 0)
		i--;
	if (s == 0)
		snprintf(ret, RETENTION_SPAN, "none");
	else
		snprintf(ret, RETENTION_SPAN, "%" PRIu64 "%c", s / units[i].s,
			units[i].unit);
}

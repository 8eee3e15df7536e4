#include "backends/tsa_quorum.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/timestamp.h"

#define WHY 512	/* bytes of one reason */

struct tsa_quorum {
	struct timestamper base;
	uint64_t quorum;
	size_t n;
	struct timestamper *member[PARAMS_AUTHORITIES_MAX];
};

/* One question, asked by a thread of its own. */
struct question {
	struct timestamper *to;
	struct bytes b;
	bool asked;
	pthread_t thread;
	int rc;
	uint64_t type;
	struct buf t;
};

static struct tsa_quorum *quorum_of(struct timestamper *t)
{
	return (struct tsa_quorum *)t; /* base is its first member */
}

static void *ask(void *arg)
{
	struct question *q = arg;

	q->rc = q->to->ops->stamp(q->to, q->b, &q->type, &q->t);
	return NULL;
}

static void ask_all(const struct tsa_quorum *t, struct bytes b,
	struct question *q)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		q[i] = (struct question){.to = t->member[i], .b = b};
		q[i].asked = pthread_create(&q[i].thread, NULL, ask, &q[i]) == 0;
	}
	for (i = 0; i < t->n; i++)
		if (q[i].asked)
			pthread_join(q[i].thread, NULL);
		else
			ask(&q[i]);
}

/* Those that answered, as one stamp. */
static int put_together(const struct tsa_quorum *t, const struct question *q,
	uint64_t *ret_type, struct buf *ret)
{
	struct timestamp_one one[PARAMS_AUTHORITIES_MAX];
	size_t n = 0, i;

	for (i = 0; i < t->n; i++)
		if (q[i].rc == 0)
			one[n++] = (struct timestamp_one){
				i, q[i].type, BUF_BYTES(&q[i].t)};
	if (n == 0 || n < t->quorum)
		return -EAGAIN;
	*ret_type = n == 1 ? one[0].type : TIMESTAMP_SET;
	return n == 1 ? buf_copy(one[0].t, ret)
		      : timestamp_set_encode(one, n, ret);
}

static int stamp(struct timestamper *base, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct tsa_quorum *t = quorum_of(base);
	struct question q[PARAMS_AUTHORITIES_MAX];
	size_t i;
	int rc;

	ask_all(t, b, q);
	rc = put_together(t, q, ret_type, ret);
	for (i = 0; i < t->n; i++)
		buf_free(&q[i].t);
	return rc;
}

/* What those say that failed; as much of it as there is room for. */
static void why(struct timestamper *base, char *ret, size_t size)
{
	struct tsa_quorum *t = quorum_of(base);
	char one[WHY];
	size_t at = 0, i;

	ret[0] = '\0';
	for (i = 0; i < t->n && at < size; i++) {
		one[0] = '\0';
		if (t->member[i]->ops->why != NULL)
			t->member[i]->ops->why(t->member[i], one, sizeof(one));
		if (one[0] != '\0')
			at += (size_t)snprintf(ret + at, size - at, "%s%s",
				at > 0 ? "; " : "", one);
	}
}

static void quorum_free(struct timestamper *base)
{
	struct tsa_quorum *t = quorum_of(base);
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->n; i++)
		t->member[i]->ops->free(t->member[i]);
	free(t);
}

int tsa_quorum_open(struct timestamper *const *member, size_t n,
	uint64_t quorum, struct timestamper **ret)
{
	static const struct timestamper_ops ops = {
		.stamp = stamp, .why = why, .free = quorum_free};
	struct tsa_quorum *t;

	if (n > PARAMS_AUTHORITIES_MAX || quorum == 0 || quorum > n)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->base = (struct timestamper){&ops, "timestamp services"};
	t->quorum = quorum;
	t->n = n;
	memcpy(t->member, member, n * sizeof(*member));
	*ret = &t->base;
	return 0;
}

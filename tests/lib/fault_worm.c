#include "tests/lib/fault_worm.h"

#include <errno.h>
#include <stdlib.h>

struct fault_worm {
	struct worm base;
	struct worm *inner;
	struct fault_plan *plan;
};

struct worm_put {
	struct fault_worm *f;
	struct worm_put *inner;
};

static struct fault_worm *fault_of(struct worm *w)
{
	return (struct fault_worm *)w; /* base is its first member */
}

void fault_arm(struct fault_plan *p, int n, int error, bool after)
{
	p->error = error;
	p->after = after;
	atomic_store(&p->left, n);
}

bool fault_disarm(struct fault_plan *p)
{
	return atomic_exchange(&p->left, -1) < 0;
}

/* The error this call reports, and whether it is to be done nonetheless. */
static int fault(struct fault_plan *p, bool *ret_do)
{
	int left = atomic_load(&p->left);

	atomic_fetch_add(&p->calls, 1);
	*ret_do = true;
	if (atomic_load(&p->unreachable)) {
		*ret_do = false;
		return -EHOSTUNREACH;
	}
	while (left >= 0 && !atomic_compare_exchange_weak(&p->left, &left,
			left - 1))
		;
	if (left != 0)
		return 0;
	*ret_do = p->after;
	return p->error;
}

/* Does `call` if the plan says so; the outcome of the two. */
#define FAULTY(plan, call)                                                     \
	({                                                                     \
		bool go_;                                                      \
		int fault_ = fault((plan), &go_), rc_ = go_ ? (call) : 0;      \
		fault_ != 0 ? fault_ : rc_;                                    \
	})

typedef int begin(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret);

static int begin_put(struct worm *w, begin *inner, const char *key,
	uint64_t size, struct worm_put **ret)
{
	struct fault_worm *f = fault_of(w);
	struct worm_put *p = calloc(1, sizeof *p);
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->f = f;
	rc = FAULTY(f->plan, inner(f->inner, key, size, &p->inner));
	if (rc == 0 && atomic_load(&f->plan->read_only))
		rc = -EROFS;
	if (rc != 0) {
		f->inner->ops->abort(p->inner);
		free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

static int fault_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	return begin_put(w, fault_of(w)->inner->ops->put, key, size, ret);
}

static int fault_replace(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	return begin_put(w, fault_of(w)->inner->ops->replace, key, size, ret);
}

static int fault_write(struct worm_put *p, struct bytes data)
{
	return FAULTY(p->f->plan, p->f->inner->ops->write(p->inner, data));
}

static void fault_abort(struct worm_put *p)
{
	if (p == NULL)
		return;
	p->f->inner->ops->abort(p->inner);
	free(p);
}

static int commit_inner(struct worm_put *p)
{
	struct worm_put *inner = p->inner;

	p->inner = NULL; /* commit takes it, however it ends */
	return p->f->inner->ops->commit(inner);
}

static int fault_commit(struct worm_put *p)
{
	int rc = FAULTY(p->f->plan, commit_inner(p));

	fault_abort(p);
	return rc;
}

static int fault_size(struct worm *w, const char *key, uint64_t *ret)
{
	struct fault_worm *f = fault_of(w);
	uint64_t size = 0;
	int rc = FAULTY(f->plan, f->inner->ops->size(f->inner, key, &size));

	if (rc == 0)
		*ret = size;
	return rc;
}

static int fault_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	struct fault_worm *f = fault_of(w);

	return FAULTY(f->plan, f->inner->ops->get(f->inner, key, off, ret, n));
}

static int fault_list(struct worm *w, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	struct fault_worm *f = fault_of(w);

	return FAULTY(f->plan, f->inner->ops->list(f->inner, prefix, visit,
		ctx));
}

static int fault_erase(struct worm *w, const char *key)
{
	struct fault_worm *f = fault_of(w);

	return FAULTY(f->plan, f->inner->ops->erase(f->inner, key));
}

static void fault_free(struct worm *w)
{
	struct fault_worm *f = fault_of(w);

	if (f == NULL)
		return;
	f->inner->ops->free(f->inner);
	free(f);
}

struct worm *fault_worm_new(struct worm *inner, struct fault_plan *plan)
{
	static const struct worm_ops ops = {
		.put = fault_put,
		.write = fault_write,
		.commit = fault_commit,
		.abort = fault_abort,
		.size = fault_size,
		.get = fault_get,
		.list = fault_list,
		.replace = fault_replace,
		.erase = fault_erase,
		.free = fault_free,
	};
	struct fault_worm *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->base = (struct worm){&ops, inner->name};
	f->inner = inner;
	f->plan = plan;
	return &f->base;
}

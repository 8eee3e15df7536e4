#include "tests/lib/said.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/tap/tap.h"

struct bytes said_text(const char *s)
{
	return BYTES(s, strlen(s));
}

struct local_record said_put(const char *path, uint64_t size)
{
	return (struct local_record){
		.kind = RECORD_PUT,
		.ready = true,
		.size = size,
		.path = said_text(path),
		.d = said_text(path), /* as good as any here */
	};
}

void said_add(struct said *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->n += (size_t)vsnprintf(s->line + s->n, sizeof(s->line) - s->n, fmt,
		ap);
	va_end(ap);
}

int said_see(void *ctx, const struct local_record *r)
{
	struct said *s = ctx;

	said_add(s, "%llu:%.*s", (unsigned long long)r->id, (int)r->path.n,
		(const char *)r->path.p);
	if (r->in_block)
		said_add(s, " %llu.%u", (unsigned long long)r->height,
			r->index);
	said_add(s, "%s%s;", r->final ? " final" : "",
		r->ready ? "" : " waiting");
	s->count++;
	return s->stop_after != 0 && s->count >= s->stop_after ? 7 : 0;
}

const char *said_queued(struct local *l, bool ready, uint64_t after)
{
	static struct said s;

	memset(&s, 0, sizeof(s));
	if (l->ops->queued(l, ready, after, said_see, &s) != 0)
		return "error";
	return s.line;
}

const char *said_records(struct local *l, uint64_t height)
{
	static struct said s;

	memset(&s, 0, sizeof(s));
	if (l->ops->records(l, height, said_see, &s) != 0)
		return "error";
	return s.line;
}

const char *said_find(struct local *l, const char *path)
{
	static struct said s;
	int rc;

	memset(&s, 0, sizeof(s));
	rc = l->ops->find(l, said_text(path), said_see, &s);
	return rc == -ENOENT && s.n == 0 ? "none" : rc != 0 ? "error" : s.line;
}

const char *said_below(struct local *l, const char *folder, bool only_open)
{
	static struct said s;

	memset(&s, 0, sizeof(s));
	if (l->ops->below(l, said_text(folder), only_open, said_see, &s) != 0)
		return "error";
	return s.line;
}

void said_counts_are(struct local *l, const char *want, const char *what)
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

int said_genesis(struct local *l)
{
	struct local_block b0 = {.t_type = 0, .n = 1};
	int rc;

	buf_copy(said_text("b0"), &b0.b);
	buf_copy(said_text("t0"), &b0.t);
	buf_copy(said_text("s0"), &b0.s);
	rc = l->ops->put_genesis(l, &b0, said_text("object 0"));
	local_block_done(&b0);
	return rc;
}

static const struct hash hm = {{1, 2, 3}};

int said_block(struct local *l, uint64_t height, const uint64_t *ids,
	size_t n, enum local_state to, uint64_t k)
{
	char object[32];
	int rc = l->ops->put_block(l, height, said_text("b"), ids, n, 9);

	snprintf(object, sizeof(object), "object %llu", (unsigned long long)k);
	if (rc == 0 && to >= LOCAL_STAMPED)
		rc = l->ops->put_stamp(l, height, 0, said_text("t"), &hm);
	if (rc == 0 && to >= LOCAL_SEQUENCED)
		rc = l->ops->put_sequence(l, height, k, said_text("s"),
			said_text(object));
	if (rc == 0 && to >= LOCAL_FINAL)
		rc = l->ops->set_final(l, height);
	return rc;
}

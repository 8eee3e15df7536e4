#include "core/worm.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"

static bool key_char_ok(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool component_ok(const char *p, size_t n)
{
	size_t i;

	if (n == 0 || (n == 1 && p[0] == '.') ||
			(n == 2 && p[0] == '.' && p[1] == '.'))
		return false;
	for (i = 0; i < n; i++)
		if (!key_char_ok(p[i]))
			return false;
	return true;
}

bool worm_key_ok(const char *key)
{
	size_t n;

	if (strnlen(key, WORM_KEY_MAX + 1) > WORM_KEY_MAX)
		return false;
	for (;; key += n + 1) {
		n = strcspn(key, "/");
		if (!component_ok(key, n))
			return false;
		if (key[n] == '\0')
			return true;
	}
}

int worm_put_all(struct worm *w, const char *key, struct bytes data)
{
	struct worm_put *p;
	int rc = w->ops->put(w, key, data.n, &p);

	if (rc != 0)
		return rc;
	rc = w->ops->write(p, data);
	if (rc != 0) {
		w->ops->abort(p);
		return rc;
	}
	return w->ops->commit(p);
}

int worm_get_all(struct worm *w, const char *key, size_t max, struct buf *ret)
{
	cleanup(buf) struct buf b = {0};
	uint64_t size;
	int rc = w->ops->size(w, key, &size);

	if (rc != 0)
		return rc;
	if (size > max)
		return -EFBIG;
	rc = buf_reserve(&b, (size_t)size);
	if (rc != 0)
		return rc;
	rc = w->ops->get(w, key, 0, b.p, (size_t)size);
	if (rc != 0)
		return rc;
	b.n = (size_t)size;
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

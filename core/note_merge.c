#include <errno.h>

#include "core/cleanup.h"
#include "core/note.h"

/* Its lines, as they stand behind the text. */
static struct bytes signatures(struct bytes in, const struct note *n)
{
	return BYTES(in.p + n->text.n + 1, in.n - n->text.n - 1);
}

/* The next line with its newline, off *s. */
static struct bytes next_line(struct bytes *s)
{
	struct bytes ret = BYTES(s->p, 0);

	while (ret.n < s->n && s->p[ret.n++] != '\n')
		;
	*s = BYTES(s->p + ret.n, s->n - ret.n);
	return ret;
}

static bool has_line(struct bytes lines, struct bytes line)
{
	while (lines.n > 0)
		if (bytes_equal(next_line(&lines), line))
			return true;
	return false;
}

static int add_lines(struct buf *b, struct bytes has, struct bytes more)
{
	int rc = 0;

	while (rc == 0 && more.n > 0) {
		struct bytes line = next_line(&more);
		if (!has_line(has, line))
			rc = buf_add(b, line.p, line.n);
	}
	return rc;
}

int note_merge(struct bytes a, struct bytes b, struct buf *ret)
{
	cleanup(buf) struct buf out = {0};
	struct note to, from, all;
	int rc;

	if (note_decode(a, &to) != 0 || note_decode(b, &from) != 0)
		return -EBADMSG;
	if (!bytes_equal(to.text, from.text))
		return -EINVAL;
	rc = buf_add(&out, a.p, a.n);
	if (rc == 0)
		rc = add_lines(&out, signatures(a, &to), signatures(b, &from));
	if (rc != 0)
		return rc;
	/* both are notes, so only a limit can be in the way */
	if (note_decode(BUF_BYTES(&out), &all) != 0)
		return -EFBIG;
	*ret = out;
	out = (struct buf){0}; /* the caller has it */
	return 0;
}

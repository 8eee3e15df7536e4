#include "fs/idle.h"

#include <errno.h>

#include "core/json.h"
#include "fs/inner.h"

void idle_seen(struct mount *m, struct node *n, const struct stat *st)
{
	uint64_t now = m->s.clock->ops->now_ms(m->s.clock);
	uint64_t then = st->st_ctim.tv_sec < 0 ? 0 :
		(uint64_t)st->st_ctim.tv_sec * 1000 +
		(uint64_t)st->st_ctim.tv_nsec / 1000000;

	n->rested_ms = now > then ? now - then : 0;
}

void idle_begin(struct mount *m)
{
	m->began_ms = mount_now(m);
}

/* Timers begin anew with a mount; what was not touched since then has rested
 * before, too. */
static uint64_t idle_ms(const struct mount *m, struct item *i, uint64_t now)
{
	uint64_t here = now > i->last_ms ? now - i->last_ms : 0;

	return i->last_ms > m->began_ms ? here :
		here + node_of_item(i)->rested_ms;
}

static int add_line(const char *path, uint64_t ms, struct buf *ret)
{
	cleanup(buf) struct buf line = {0};
	struct json j = {0};
	int rc;

	json_object(&j, NULL);
	json_text(&j, "path", path);
	json_uint(&j, "idle_s", ms / 1000);
	json_close_object(&j);
	rc = json_end(&j, &line);
	if (rc == 0)
		rc = buf_add(&line, "\n", 1);
	return rc == 0 ? buf_add(ret, line.p, line.n) : rc;
}

int idle_look(struct mount *m, struct mount_idle *ret, struct buf *oldest)
{
	uint64_t most = config_now(&m->s.config->temp_max_ms), ms, now;
	struct mount_idle v = {0};
	const struct node *n = NULL;
	struct item *i = NULL;
	char path[NODE_PATH];
	int rc = -ENOENT;

	{
		locked(&m->lock);
		now = mount_now(m);
		if (most > 0 && m->nodes.settle.count[ST_TEMP] > 0)
			i = m->nodes.settle.pending;
		for (; i != NULL; i = i->next) {
			if (i->state != ST_TEMP || i->kind != ITEM_FILE ||
				i->writers > 0)
				continue;
			ms = idle_ms(m, i, now);
			if (ms < most)
				continue;
			v.files++;
			if (ms < v.oldest_ms)
				continue;
			v.oldest_ms = ms;
			n = node_of_item(i);
		}
		if (oldest != NULL && n != NULL)
			rc = node_path(&m->nodes, n, path);
	}
	*ret = v;
	return rc < 0 ? 0 : add_line(path, v.oldest_ms, oldest);
}

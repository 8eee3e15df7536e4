#include "fs/passthru.h"

#include <errno.h>
#include <sys/ioctl.h>

/* Of linux/fuse.h since 6.9; Debian 12 has an older one. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
struct open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)
#define OPEN_PASSTHROUGH (1u << 7)

bool passthru_wanted(struct mount *m, uint64_t size)
{
	return size >= PASSTHRU_MIN &&
		atomic_load_explicit(&m->negotiate.passthru,
			memory_order_relaxed);
}

/* Refused once, it is not asked for again: neither rights nor the place of
 * files/ change. */
static bool lend(struct mount *m, struct node *n, int fd)
{
	struct backing_map map = {.fd = fd};
	int id = ioctl(fuse_session_fd(m->se), BACKING_OPEN, &map);

	if (id > 0) {
		n->backing = (uint32_t)id;
		return true;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM)
		atomic_store(&m->negotiate.passthru, false);
	return false;
}

void passthru_open(struct mount *m, struct handle *h)
{
	struct node *n = h->node;
	const struct handle *other;

	if (n->item.state != ST_SEALED || n->item.class != CLASS_SEAL)
		return;
	for (other = n->handles; other != NULL; other = other->next)
		if (other != h && !other->passed)
			return;
	if (n->passed == 0 && !lend(m, n, h->fd))
		return;
	n->passed++;
	h->passed = true;
}

void passthru_close(struct mount *m, struct handle *h)
{
	struct node *n = h->node;

	if (!h->passed || --n->passed > 0)
		return;
	(void)ioctl(fuse_session_fd(m->se), BACKING_CLOSE, &n->backing);
	n->backing = 0;
}

int passthru_reply(fuse_req_t req, const struct fuse_file_info *file)
{
	const struct handle *h = handle_of(file);
	struct open_out out = {.fh = file->fh,
		.open_flags = OPEN_PASSTHROUGH,
		.backing_id = (int32_t)h->node->backing};

	return fuse_reply_buf(req, (const char *)&out, sizeof out);
}

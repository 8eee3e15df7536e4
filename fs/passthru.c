#include "fs/passthru.h"

#include <errno.h>
#include <fcntl.h>
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
#define OPEN_DIRECT (1u << 0)
#define OPEN_PASSTHROUGH (1u << 7)

bool passthru_wanted(struct mount *m, uint64_t size)
{
	return size >= PASSTHRU_MIN &&
		atomic_load_explicit(&m->negotiate.passthru,
			memory_order_relaxed);
}

/* Lock held. */
static bool must(const struct mount *m, const struct node *n)
{
	return n->passed > 0 ||
		(n->escaped && atomic_load(&m->negotiate.passthru));
}

bool passthru_must(struct mount *m, struct node *n)
{
	locked(&m->lock);
	return must(m, n);
}

/* P1, and P4: would it be known who can write to the file? */
static bool may_read(const struct node *n, int fd)
{
	if (n->item.state == ST_SEALED)
		return n->item.class == CLASS_SEAL;
	return n->item.state != ST_NONE && !n->shared &&
		n->item.class != CLASS_VERSION &&
		n->item.class != CLASS_APPEND && backing_written(fd) >= 0;
}

/* P2.  What creates a file goes past the cache, and if it only writes it cannot
 * be mapped. */
static bool may_begin(struct mount *m, const struct handle *h, uint64_t size)
{
	const struct handle *o;

	if (h->writer || !passthru_wanted(m, size))
		return false;
	for (o = h->node->handles; o != NULL; o = o->next)
		if (o != h && !o->passed && (!o->direct || o->both))
			return false;
	return may_read(h->node, h->fd);
}

/* Gives the kernel the file that fd stands for.  Refused once, it is not asked
 * for again: neither rights nor the place of files/ change. */
static int lend(struct mount *m, struct node *n, int fd)
{
	struct backing_map map = {.fd = fd};
	int id = ioctl(fuse_session_fd(m->se), BACKING_OPEN, &map);

	if (id > 0) {
		n->backing = (uint32_t)id;
		return 0;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return -errno;
	atomic_store(&m->negotiate.passthru, false);
	return -EIO;
}

/* The kernel keeps what it is given open, so that is not a writer's. */
static int lend_to_read(struct mount *m, const struct handle *h)
{
	char name[BACKING_NAME];

	if (!h->writer)
		return lend(m, h->node, h->fd);
	backing_name(h->fd, name);
	cleanup(close) int fd = open(name, O_RDONLY | O_NOATIME | O_CLOEXEC);
	return fd < 0 ? -errno : lend(m, h->node, fd);
}

int passthru_open(struct mount *m, struct handle *h, uint64_t size)
{
	struct node *n = h->node;
	bool forced = must(m, n);
	int rc;

	if (!forced && !may_begin(m, h, size))
		return 0;
	if (h->both && (n->shared || n->item.class == CLASS_APPEND))
		return -ETXTBSY; /* P4 */
	rc = n->passed > 0 ? 0 : lend_to_read(m, h);
	if (rc != 0)
		return forced ? rc : 0;
	n->passed++;
	h->passed = true;
	n->escaped = n->escaped || h->both;
	if (h->writer) {
		h->direct = true;
		n->direct++;
		n->stale = true;
	}
	return 0;
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
		.open_flags = OPEN_PASSTHROUGH | (h->direct ? OPEN_DIRECT : 0),
		.backing_id = (int32_t)h->node->backing};

	return fuse_reply_buf(req, (const char *)&out, sizeof out);
}

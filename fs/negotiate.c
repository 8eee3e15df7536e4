#include "fs/dispatch.h"
#include "fs/inner.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define KILLPRIV_V2 (UINT64_C(1) << 28)
#define INIT_FLAGS2 (UINT64_C(1) << 30)	/* there are 32 more flags */
#define ALLOW_MMAP (UINT64_C(1) << 36)	/* since Linux 6.6 */
#define PASSTHROUGH (UINT64_C(1) << 37)	/* since Linux 6.9 */

/* Offsets in INIT and its answer, behind their headers. */
#define IN_FLAGS 12
#define IN_FLAGS2 16
#define OUT_FLAGS 12
#define OUT_FLAGS2 32
#define OUT_STACK 36	/* file systems that files/ may itself be stacked on */
#define OUT_SIZE 64

static uint64_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static void or32(uint8_t *p, uint64_t bits)
{
	uint32_t v = (uint32_t)(get32(p) | bits);

	memcpy(p, &v, sizeof v);
}

static void note_offer(struct negotiate *g, const uint8_t *p, size_t n)
{
	struct fuse_in_header h;

	if (n < sizeof h + IN_FLAGS + 4)
		return;
	memcpy(&h, p, sizeof h);
	if (h.opcode != FUSE_INIT)
		return;
	p += sizeof h;
	g->offered = get32(p + IN_FLAGS);
	if ((g->offered & INIT_FLAGS2) != 0 &&
		n >= sizeof h + IN_FLAGS2 + 4)
		g->offered |= get32(p + IN_FLAGS2) << 32;
}

static ssize_t receive(int fd, void *buf, size_t n, void *userdata)
{
	struct negotiate *g = &((struct mount *)userdata)->negotiate;
	ssize_t got = read(fd, buf,
		n < DISPATCH_REQUEST ? n : DISPATCH_REQUEST);

	if (got > 0 && !atomic_load_explicit(&g->answered,
			memory_order_relaxed))
		note_offer(g, buf, (size_t)got);
	return got;
}

/* The answer's arguments lie behind its header, in a second piece. */
static void amend(struct negotiate *g, const struct iovec *iov, int count)
{
	uint64_t want = g->offered & (KILLPRIV_V2 | ALLOW_MMAP | PASSTHROUGH);
	struct fuse_out_header h;
	uint8_t *p;

	if (count != 2 || iov[0].iov_len != sizeof h ||
		iov[1].iov_len != OUT_SIZE)
		return;
	memcpy(&h, iov[0].iov_base, sizeof h);
	if (h.error != 0)
		return;
	p = iov[1].iov_base;
	if (want >> 32 != 0)
		want |= INIT_FLAGS2;
	if ((want & PASSTHROUGH) != 0)
		or32(p + OUT_STACK, 1);
	or32(p + OUT_FLAGS, want & UINT32_MAX);
	or32(p + OUT_FLAGS2, want >> 32);
	atomic_store(&g->direct, (want & ALLOW_MMAP) != 0);
	atomic_store(&g->passthru, (want & PASSTHROUGH) != 0);
}

static ssize_t answer(int fd, struct iovec *iov, int count, void *userdata)
{
	struct negotiate *g = &((struct mount *)userdata)->negotiate;

	if (!atomic_load_explicit(&g->answered, memory_order_acquire)) {
		if (g->offered != 0)
			amend(g, iov, count);
		atomic_store(&g->answered, g->offered != 0);
	}
	return writev(fd, iov, count);
}

int negotiate_start(struct fuse_session *se)
{
	static const struct fuse_custom_io io = {
		.writev = answer, .read = receive};

	return fuse_session_custom_io(se, &io, fuse_session_fd(se));
}

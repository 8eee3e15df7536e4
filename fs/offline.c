#include "fs/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "fs/holes.h"

#define READ_SIZE ((size_t)256 << 10)
#define TWO_THREADS ((uint64_t)4 << 20) /* bytes from which a thread pays */
#define ZEROS ((uint64_t)64 << 20) /* of a hole, for one sign of progress */
#define ALIGN 64 /* of the lanes that hash chunks */

/* Non-blocking, so that a pipe with nobody at its other end does not hold us;
 * for regular files it means nothing. */
int offline_open(int dir, const char *path, int *ret_fd, uint64_t *ret_size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0)
		return -errno;
	rc = offline_regular(fd, ret_size);
	if (rc != 0)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int offline_below(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(dir, path, (int)how.flags);
	return fd < 0 ? -errno : fd;
}

int offline_regular(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

ssize_t offline_some(int fd, uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = read(fd, p + at, n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

ssize_t offline_all(int fd, uint8_t *p, size_t size)
{
	ssize_t n, more;

	do
		n = read(fd, p, size + 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0 || (size_t)n >= size)
		return n;
	more = offline_some(fd, p + n, size + 1 - (size_t)n);
	return more < 0 ? more : n + more;
}

/* The digests of a content beside its root. */
struct plain {
	struct hasher *sha256;
	size_t n;
	struct digester *other[VERIFY_RENEWALS];
};

/* The second thread of a large file: the digests of one piece while the first
 * reads the next one and makes the tree. */
struct aside {
	struct plain *plain;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	struct bytes piece;	/* n > 0: to be hashed; p NULL: zeros */
	bool ending;
};

static void hash_piece(struct plain *p, struct bytes piece)
{
	size_t i;

	if (piece.p != NULL)
		hasher_add(p->sha256, piece);
	else
		hasher_add_zeros(p->sha256, piece.n);
	for (i = 0; i < p->n; i++)
		if (piece.p != NULL)
			digester_add(p->other[i], piece);
		else
			digester_add_zeros(p->other[i], piece.n);
}

static void *aside_run(void *arg)
{
	struct aside *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (a->piece.n == 0 && !a->ending)
			pthread_cond_wait(&a->turn, &a->lock);
		if (a->piece.n == 0)
			break;
		pthread_mutex_unlock(&a->lock);
		hash_piece(a->plain, a->piece);
		pthread_mutex_lock(&a->lock);
		a->piece.n = 0;
		pthread_cond_signal(&a->turn);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Waits until the last piece is done, and gives the next, or the end. */
static void aside_give(struct aside *a, struct bytes piece)
{
	pthread_mutex_lock(&a->lock);
	while (a->piece.n > 0)
		pthread_cond_wait(&a->turn, &a->lock);
	a->piece = piece;
	a->ending = piece.n == 0;
	pthread_cond_signal(&a->turn);
	pthread_mutex_unlock(&a->lock);
}

/* What a file of that size has not been read of yet. */
struct rest {
	int fd;
	uint64_t at, size;
	struct run run;		/* from `at` on */
};

/* The next piece of a hole; 0: data is next, at the position of fd. */
static uint64_t next_zeros(struct rest *r)
{
	uint64_t n;

	if (r->at >= r->size)
		return 0;
	if (r->run.n == 0) {
		r->run = holes_run(r->fd, r->at, r->size);
		n = r->run.hole ? r->run.n : 0;
		(void)lseek(r->fd, (off_t)(r->at + n), SEEK_SET);
	}
	if (!r->run.hole)
		return 0;
	return r->run.n < ZEROS ? r->run.n : ZEROS;
}

/* The next piece of it, NULL for zeros, none at its end. */
static int next_piece(struct rest *r, uint8_t *buffer, struct bytes *ret)
{
	uint64_t zeros = next_zeros(r);
	size_t want = READ_SIZE;
	ssize_t n;

	if (zeros > 0) {
		*ret = BYTES(NULL, (size_t)zeros);
	} else {
		if (r->run.n > 0 && r->run.n < want)
			want = (size_t)r->run.n;
		n = offline_some(r->fd, buffer, want);
		if (n < 0)
			return (int)n;
		*ret = BYTES(buffer, (size_t)n);
	}
	r->at += ret->n;
	r->run.n -= ret->n < r->run.n ? ret->n : r->run.n;
	return 0;
}

/* Two buffers, so that one is read while the other is hashed. */
static int pump(struct rest *r, uint8_t *two, struct chunktree *tree,
	struct aside *a, bool alone, _Atomic uint64_t *done)
{
	uint8_t *p = two;
	struct bytes piece;
	int rc;

	while ((rc = next_piece(r, p, &piece)) == 0 && piece.n > 0) {
		if (alone)
			hash_piece(a->plain, piece);
		else
			aside_give(a, piece);
		if (piece.p != NULL)
			chunktree_add(tree, piece);
		else
			chunktree_add_zeros(tree, piece.n);
		if (done != NULL)
			*done += piece.n;
		p = p == two ? two + READ_SIZE : two;
	}
	return rc;
}

/* Of what is not regular, or small, holes are not looked for. */
static int still_so_long(const struct rest *r)
{
	off_t end;

	if (r->size == 0)
		return 0;
	end = lseek(r->fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	return (uint64_t)end < r->size ? -EAGAIN : 0;
}

static int both(int fd, uint8_t *two, struct chunktree *tree,
	struct plain *plain, _Atomic uint64_t *done)
{
	struct aside a = {.plain = plain, .lock = PTHREAD_MUTEX_INITIALIZER,
		.turn = PTHREAD_COND_INITIALIZER};
	struct rest rest = {.fd = fd};
	pthread_t thread;
	bool alone;
	int rc;

	if (offline_regular(fd, &rest.size) != 0 || rest.size < TWO_THREADS)
		rest.size = 0; /* read as it comes */
	alone = rest.size == 0 ||
		pthread_create(&thread, NULL, aside_run, &a) != 0;
	rc = pump(&rest, two, tree, &a, alone, done);
	if (rc == 0)
		rc = still_so_long(&rest);
	if (!alone) {
		aside_give(&a, BYTES(NULL, 0));
		pthread_join(thread, NULL);
	}
	return rc;
}

static void plain_free(struct plain *p)
{
	uint8_t unused[DIGEST_MAX];

	hasher_free(p->sha256);
	while (p->n > 0)
		digester_end(p->other[--p->n], unused);
}

static int plain_begin(struct plain *p, const struct content *want)
{
	p->sha256 = hasher_new(HASH_SHA256);
	for (; p->n < want->n_other; p->n++) {
		p->other[p->n] = digester_new(want->other[p->n].name);
		if (p->other[p->n] == NULL)
			return -ENOMEM;
	}
	return p->sha256 == NULL ? -ENOMEM : 0;
}

static int plain_end(struct plain *p, struct content *ret)
{
	int rc = 0;

	ret->sha256 = hasher_end(p->sha256);
	while (p->n > 0) {
		struct content_digest *d = &ret->other[--p->n];

		d->n = digester_end(p->other[p->n], d->value);
		if (d->n == 0)
			rc = -ENOMEM;
	}
	return rc;
}

int offline_content(int fd, _Atomic uint64_t *done, struct content *ret)
{
	cleanup(free) uint8_t *two = aligned_alloc(ALIGN, 2 * READ_SIZE);
	struct chunktree *tree = chunktree_new();
	struct plain plain = {0};
	int rc = plain_begin(&plain, ret);

	if (rc == 0)
		rc = two == NULL || tree == NULL
			? -ENOMEM : both(fd, two, tree, &plain, done);
	if (rc == 0) {
		ret->size = chunktree_length(tree);
		ret->root = chunktree_root(tree);
		rc = plain_end(&plain, ret);
	}
	chunktree_free(tree);
	plain_free(&plain);
	return rc;
}

static bool is_wanted(const struct content *c, struct bytes name)
{
	size_t i;

	for (i = 0; i < c->n_other; i++)
		if (bytes_equal(c->other[i].name, name))
			return true;
	return false;
}

void offline_want(const struct report *r, struct content *ret)
{
	size_t i;

	for (i = 0; i < r->n_renewals; i++)
		if (!is_wanted(ret, r->renewal[i].algorithm))
			ret->other[ret->n_other++].name =
				r->renewal[i].algorithm;
}

int offline_digests(struct bytes data, struct content *ret)
{
	struct content_digest *d;

	for (d = ret->other; d < ret->other + ret->n_other; d++) {
		d->n = digest_of(d->name, data, d->value);
		if (d->n == 0)
			return -ENOMEM;
	}
	return 0;
}

int offline_read(void *fd, uint64_t off, uint8_t *ret, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(*(int *)fd, ret + at, n - at,
			(off_t)(off + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		at += (size_t)got;
	}
	return 0;
}

int offline_piece(int fd, uint64_t size, const struct range *range,
	uint64_t file_size, struct content *ret)
{
	struct range_source src = {offline_read, &fd};
	struct content c = {
		.size = size, .from = range->from, .to = range->to};
	int rc = 0;

	if (size == range->to - range->from)
		rc = range_root(range, file_size, &src, &c.root);
	if (rc == 0)
		*ret = c;
	return rc;
}

static bool decimal(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*ret = v;
	return true;
}

int offline_range(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from, to;

	if (!decimal(&text, &from) || *text++ != '-' || !decimal(&text, &to) ||
		*text != '\0' || from >= to || to > INT64_MAX)
		return -EINVAL;
	*ret_from = from;
	*ret_to = to;
	return 0;
}

/* Does text begin like shape, where 0 is any digit?  strptime() takes more:
 * blanks, signs, fewer digits. */
static bool shaped(const char *text, const char *shape)
{
	for (; *shape != '\0'; shape++, text++)
		if (*shape == '0' ? *text < '0' || *text > '9'
				  : *text != *shape)
			return false;
	return true;
}

int offline_time(const char *text, uint64_t *ret_ms)
{
	struct tm tm = {0}, back;
	const char *p, *end = "";
	uint64_t v, ms = 0;
	time_t s;

	if (*text == '@') {
		text++;
		if (!decimal(&text, &v) || *text != '\0' ||
			__builtin_mul_overflow(v, 1000, ret_ms))
			return -EINVAL;
		return 0;
	}
	p = shaped(text, "0000-00-00") ? strptime(text, "%Y-%m-%d", &tm) : NULL;
	if (p != NULL && shaped(p, "T00:00:00")) {
		p = strptime(p, "T%H:%M:%S", &tm);
		end = "Z";
	}
	if (p != NULL && shaped(p, ".000Z")) {
		p++;
		if (!decimal(&p, &ms))
			return -EINVAL;
	}
	if (p == NULL || strcmp(p, end) != 0)
		return -EINVAL;
	back = tm;
	s = timegm(&back);
	/* a day that its month does not have comes back as another */
	if (s < 0 || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
		back.tm_sec != tm.tm_sec)
		return -EINVAL;
	*ret_ms = (uint64_t)s * 1000 + ms;
	return 0;
}

int offline_small(int dir, const char *path, size_t max, struct buf *ret)
{
	cleanup(close) int fd = -1;
	cleanup(buf) struct buf b = {0};
	uint64_t size = 0;
	size_t room;
	ssize_t n;
	int rc = offline_open(dir, path, &fd, &size);

	if (rc != 0)
		return rc;
	/* its size is a hint: where it says too little, all is tried */
	for (room = size < max ? (size_t)size : max;; room = max) {
		rc = buf_reserve(&b, room + 1 - b.n);
		if (rc != 0)
			return rc;
		n = offline_all(fd, b.p + b.n, room - b.n);
		if (n < 0)
			return (int)n;
		b.n += (size_t)n;
		if (b.n <= room)
			break;
		if (room == max)
			return -EFBIG;
	}
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

int offline_certificate(int dir, const char *path, struct buf *ret)
{
	return offline_small(dir, path, CERTIFICATE_MAX, ret);
}

bool offline_is_certificate(struct bytes raw)
{
	cleanup(free) struct certificate *c = malloc(sizeof(*c));

	return c == NULL || certificate_decode(raw, c) != -EBADMSG;
}

int offline_anchor(const char *text, struct hash *ret)
{
	cleanup(buf) struct buf b = {0};
	char hex[HASH_HEX + 1];
	int rc;

	if (strlen(text) == HASH_HEX && hex_decode(text, ret->b, HASH_LEN) == 0)
		return 0;
	rc = offline_small(AT_FDCWD, text, HASH_HEX + 2, &b);
	if (rc == -EFBIG)
		return -EINVAL;
	if (rc != 0)
		return rc;
	while (b.n > 0 && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r'))
		b.n--;
	if (b.n != HASH_HEX)
		return -EINVAL;
	memcpy(hex, b.p, HASH_HEX);
	hex[HASH_HEX] = '\0';
	return hex_decode(hex, ret->b, HASH_LEN);
}

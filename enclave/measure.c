#include "enclave/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/memory.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int memory_file(void)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("notaryfs-enclave", flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* kernels before 6.3 */
		fd = memfd_create("notaryfs-enclave", flags);
	return fd < 0 ? -errno : fd;
}

static int copy_all(int from, int to)
{
	static uint8_t piece[1 << 16];
	ssize_t n;
	size_t sum = 0;

	while ((n = read(from, piece, sizeof(piece))) > 0) {
		sum += (size_t)n;
		if (sum > MEASURE_MAX)
			return -EFBIG;
		if (write(to, piece, (size_t)n) != n)
			return errno != 0 ? -errno : -EIO;
	}
	return n < 0 ? -errno : 0;
}

static int hash_sealed(int fd, uint8_t ret[48])
{
	unsigned before = memory_failures();
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (st.st_size == 0)
		return -ENOEXEC;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	rc = EVP_Digest(p, (size_t)st.st_size, ret, NULL, EVP_sha384(),
		     NULL) == 1
		? 0
		: -EIO;
	munmap(p, (size_t)st.st_size);
	return memory_error(rc, before);
}

int measure(const char *program, struct image *ret)
{
	cleanup(close) int from = open(program, O_RDONLY | O_CLOEXEC);
	cleanup(close) int fd = -1;
	struct image image = {.fd = -1};
	int rc;

	if (from < 0)
		return -errno;
	fd = memory_file();
	if (fd < 0)
		return fd;
	rc = copy_all(from, fd);
	if (rc != 0)
		return rc;
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
		0)
		return -errno;
	image.sealed = true;
	rc = hash_sealed(fd, image.sha384);
	if (rc != 0)
		return rc;
	image.fd = fd;
	fd = -1; /* the image has it */
	*ret = image;
	return 0;
}

int measure_exec(const struct image *i, char *const argv[])
{
	char *const none[] = {NULL};

	fexecve(i->fd, argv, none);
	return -errno;
}

void measure_done(struct image *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

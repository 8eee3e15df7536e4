#include "fs/govkey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "fs/file.h"

#define KEY_FILE_MAX 8192	/* bytes */

static int write_pem(const char *path, EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_secmem());
	char *p = NULL;
	int rc = -EIO;

	if (b != NULL && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0,
			NULL, NULL) == 1) {
		long n = BIO_get_mem_data(b, &p);
		rc = n > 0 ? file_write_new(path, 0600, BYTES(p, (size_t)n)) :
			     -EIO;
	}
	BIO_free(b);
	return rc;
}

int govkey_create(const char *path, struct buf *ret_spki)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	cleanup(buf) struct buf spki = {0};
	int rc = key == NULL ? -EIO : cose_key_spki(key, &spki);

	if (rc == 0)
		rc = write_pem(path, key);
	EVP_PKEY_free(key);
	if (rc != 0)
		return rc;
	*ret_spki = spki;
	spki = (struct buf){0}; /* the caller has it */
	return 0;
}

/* An encrypted key is not asked about on a terminal. */
static int no_password(char *buf, int size, int rw, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)ctx;
	return -1;
}

int govkey_read(const char *path, EVP_PKEY **ret)
{
	cleanup(close) int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC |
		O_NONBLOCK);
	uint8_t text[KEY_FILE_MAX];
	struct stat st;
	EVP_PKEY *key = NULL;
	BIO *b;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if ((st.st_mode & 077) != 0 ||
		(st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	ssize_t n = S_ISREG(st.st_mode) ? read(fd, text, sizeof text) : 0;
	if (n < 0)
		return -errno;
	b = BIO_new_mem_buf(text, (int)n);
	if (b != NULL)
		key = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	BIO_free(b);
	explicit_bzero(text, sizeof text);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
		EVP_PKEY_free(key);
		return -EBADMSG;
	}
	*ret = key;
	return 0;
}

#include "fs/home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"

#define VALUE "vault.inode"	/* "INODE BIRTH", the latter in ns; 0: none */
#define TEXT 64

static int read_home(const char *db, char ret[TEXT])
{
	struct statx st;
	if (statx(AT_FDCWD, db, 0, STATX_INO | STATX_BTIME, &st) != 0)
		return -errno;
	uint64_t birth = (st.stx_mask & STATX_BTIME) == 0 ? 0
		: (uint64_t)st.stx_btime.tv_sec * 1000000000 +
			st.stx_btime.tv_nsec;
	snprintf(ret, TEXT, "%" PRIu64 " %" PRIu64, (uint64_t)st.stx_ino,
		birth);
	return 0;
}

int home_check(struct local *l, const char *db)
{
	cleanup(buf) struct buf was = {0};
	char is[TEXT];
	int err = read_home(db, is);
	if (err != 0)
		return err;
	err = l->ops->value(l, VALUE, &was);
	if (err != 0)
		return err == -ENOENT ? home_keep(l, db) : err;
	return bytes_equal(BUF_BYTES(&was), BYTES(is, strlen(is))) ? 0 : 1;
}

int home_keep(struct local *l, const char *db)
{
	char is[TEXT];
	int err = read_home(db, is);
	return err != 0 ? err : l->ops->set_value(l, VALUE,
		BYTES(is, strlen(is)));
}

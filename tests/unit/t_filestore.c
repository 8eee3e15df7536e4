/* filestore: what its owner may read after a chmod, the store reads too. */
#include "fs/filestore.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define NOBODY 65534
#define S(text) BYTES(text, sizeof(text) - 1)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t n = strlen(text);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || close(fd) != 0)
		bail("cannot write %s", path);
}

static int read_text(struct content_store *c, struct bytes path, char ret[5])
{
	memset(ret, 0, 5);
	return c->ops->read(c, &(struct content_name){.path = path}, 0, ret, 4);
}

int main(void)
{
	char *dir = scratch_new(), text[5], why[256] = "";
	struct content_store *c;
	struct stat st;

	plan(0);
	write_file(scratch_path(dir, "shut"), "shut");
	write_file(scratch_path(dir, "open"), "open");
	chmod(scratch_path(dir, "shut"), 0);
	/* Root may read all: be somebody who may not. */
	if (geteuid() == 0 && (chown(dir, NOBODY, NOBODY) != 0 ||
			chown(scratch_path(dir, "shut"), NOBODY, 0) != 0 ||
			chown(scratch_path(dir, "open"), NOBODY, 0) != 0 ||
			seteuid(NOBODY) != 0))
		bail("cannot become another user");
	if (filestore_open(dir, scratch_path(dir, "versions"), &c) != 0)
		bail("no store");
	is_int(read_text(c, S("open"), text), 0, "a file is read");
	is_str(text, "open", "its bytes");
	unlink(scratch_path(dir, "open"));
	write_file(scratch_path(dir, "open"), "next");
	is_int(read_text(c, S("open"), text), 0,
		"another file of the name read last is read");
	is_str(text, "next", "and not the one that was deleted");
	is_int(read_text(c, S("shut"), text), 0,
		"one of mode 000 is read: it must not stop the chain");
	is_str(text, "shut", "its bytes");
	ok(stat(scratch_path(dir, "shut"), &st) == 0 &&
		(st.st_mode & 07777) == 0, "and keeps its mode");
	filestore_failed(c, why, sizeof why);
	is_str(why, "", "nothing failed");
	ok(read_text(c, S("gone"), text) != 0, "one that is gone is not read");
	filestore_failed(c, why, sizeof why);
	ok(strstr(why, "gone: No such file") != NULL, "it is named: %s", why);
	write_file(scratch_path(dir, "gone"), "back");
	is_int(read_text(c, S("gone"), text), 0, "back, it is read");
	why[0] = '\0';
	filestore_failed(c, why, sizeof why);
	is_str(why, "", "and named no longer");
	filestore_free(c);
	if (getuid() == 0 && seteuid(0) != 0)
		bail("cannot become root again");
	scratch_remove(dir);
	return done();
}

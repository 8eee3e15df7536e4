#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/seq_local.h"
#include "core/cleanup.h"

/* The folder of the program that runs, without its last slash. */
static int own_folder(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (slash == NULL)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static char *program(const char *folder, const char *below, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", folder, below, name) < 0)
		return NULL;
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

int seq_local_programs(char **ret_attestor, char **ret_enclave)
{
	static const char *const below[] = {"", "../libexec/notaryfs/"};
	char folder[PATH_MAX];
	size_t i;
	int rc = own_folder(folder);

	for (i = 0; rc == 0 && i < sizeof(below) / sizeof(below[0]); i++) {
		cleanup(free) char *a =
			program(folder, below[i], "notaryfs-attestor");
		char *e = program(folder, below[i], "notaryfs-enclave");

		if (a != NULL && e != NULL) {
			*ret_attestor = a;
			*ret_enclave = e;
			a = NULL; /* the caller has it */
			return 0;
		}
		free(e);
	}
	return rc == 0 ? -ENOENT : rc;
}

#include "fs/apart.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "fs/cli.h"
#include "fs/place.h"

bool apart(const struct cli *c, const char *path)
{
	cleanup(free) char *root = NULL, *rest = NULL;
	cleanup(free) char *around = place_around(path);
	if (place_future(path, &root, &rest) == 0)
		cli_say(c, "%s lies in the vault that is mounted at %s, and "
			"would be sealed: name a folder outside of it", path,
			root);
	else if (around != NULL)
		cli_say(c, "%s lies in the vault %s: name a folder outside of "
			"it", path, around);
	else
		return true;
	return false;
}

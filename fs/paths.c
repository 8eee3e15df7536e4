#include "fs/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int paths_add(struct paths *p, struct bytes path)
{
	size_t cap = p->cap == 0 ? 64 : 2 * p->cap;
	char **more;

	if (p->n == p->cap) {
		more = reallocarray(p->path, cap, sizeof(char *));
		if (more == NULL)
			return -ENOMEM;
		p->path = more;
		p->cap = cap;
	}
	p->path[p->n] = strndup((const char *)path.p, path.n);
	if (p->path[p->n] == NULL)
		return -ENOMEM;
	p->n++;
	return 0;
}

char *paths_take(struct paths *p)
{
	return p->n == 0 ? NULL : p->path[--p->n];
}

void cleanup_paths(struct paths *p)
{
	while (p->n > 0)
		free(p->path[--p->n]);
	free(p->path);
	*p = (struct paths){0};
}

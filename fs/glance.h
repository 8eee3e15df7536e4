/*
 * glance: a status in one word, one sentence, and what to do about it.
 */
#ifndef FS_GLANCE_H
#define FS_GLANCE_H

struct status;

enum glance_how {
	GLANCE_OK,		/* nothing to do, for anybody */
	GLANCE_WORKING,		/* files are on their way; wait */
	GLANCE_LOOK,		/* somebody has to do something */
};

struct glance {
	enum glance_how how;
	char text[640];		/* what is so */
	char advice[640];	/* what to do; "" unless GLANCE_LOOK */
};

/* "ok", "working", "look". */
const char *glance_word(enum glance_how how);
/* The worst thing first; the others show in the status itself. */
void glance(const struct status *s, struct glance *ret);

#endif

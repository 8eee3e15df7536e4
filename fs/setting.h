/*
 * setting: the names of notaryfs.conf (config.h), and what each of them takes.
 *
 * A setting reads its text into the configuration that is being read, or
 * complains; complaints are gathered, so that all mistakes of a file are told
 * at once.
 */
#ifndef FS_SETTING_H
#define FS_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "fs/config.h"

/* What is being read, and every complaint so far. */
struct reading {
	struct config *c;
	const char *base;	/* folder that relative paths start from */
	const char *file;	/* NULL: a command line's option */
	unsigned line;		/* 0: the file as a whole */
	unsigned preset_line;	/* where preset was set */
	struct buf why;		/* one complaint a line, without the last end */
	bool failed;		/* no memory for a complaint or a value */
};

/* One more complaint, behind "FILE:LINE: " as far as there are such. */
void reading_complain(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct setting {
	const char *name;
	/* The text is not empty and has no blanks around it. */
	void (*set)(struct reading *r, const char *text);
	bool many;		/* may stand on several lines */
};
#define SETTINGS 20		/* there are */
#define SETTING_SETTLE_MAX 1	/* the index of settle_max */
extern const struct setting settings[SETTINGS];

/* The setting of that name; NULL, with a complaint: there is none. */
const struct setting *setting_find(struct reading *r, const char *name);
/* Is there a setting of that name, of n bytes? */
bool setting_known(const char *name, size_t n);
/* The setting whose name is nearest to that one (fs/nearest.h), or NULL. */
const char *setting_nearest(const char *name, unsigned *best);
/* Of a whole file: complains about presets that are bound and do not exist. */
void setting_presets(struct reading *r);

#endif

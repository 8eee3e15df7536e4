/*
 * screen: a status on a terminal that is drawn again and again, and as one
 * line a change elsewhere.  Standard output; one thread.
 */
#ifndef FS_SCREEN_H
#define FS_SCREEN_H

#include <stdint.h>

struct status;

/* Draws it over what was drawn before, cut to the terminal's size. */
int screen_draw(const struct status *s, uint64_t now_ms);
/* "TIME WORD SENTENCE" if word or sentence are not as they were last time. */
int screen_line(const struct status *s, uint64_t now_ms);

#endif

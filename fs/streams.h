/*
 * streams: the three descriptors that a program is given.
 */
#ifndef FS_STREAMS_H
#define FS_STREAMS_H

/* Fills those of 0, 1 and 2 that are closed with /dev/null, before any file is
 * opened that would get their number, and what is said there.  Writing to 1
 * fails as before, so nobody takes it for written.  In main(), first. */
void streams_open(void);

#endif

/*
 * drive: the threads that call the notary's steps until there is nothing to
 * do, with back-off when a service fails, and wake up when something changes.
 */
#ifndef FS_DRIVE_H
#define FS_DRIVE_H

#include "core/notary.h"

struct drive;

/* storers: threads for storeit_step, 1..8. */
int drive_start(struct notary *n, unsigned storers, struct drive **ret);
/* New records were queued, or somebody waits for finality. */
void drive_wake(struct drive *d, bool hurry);
/* wake is called after every change, from a worker's thread, one call at a
 * time; NULL: nobody any more, and no call is under way. */
void drive_on_change(struct drive *d, void (*wake)(void *ctx), void *ctx);
/* Ends after the steps in progress; what is left goes on at the next start. */
void drive_stop(struct drive *d);
/* Blocks until everything queued is final, or until timeout_ms (then
 * -ETIMEDOUT). */
int drive_drain(struct drive *d, struct local *local, uint64_t timeout_ms);

#endif

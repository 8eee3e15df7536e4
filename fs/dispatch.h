/*
 * dispatch: who reads requests from the kernel, and who answers them.
 *
 * One thread at a time has the lead: it alone reads.  What is answered from
 * memory or by one short call on files/ it answers itself and reads on, so a
 * run of such requests costs no switch between threads and stays in one
 * processor's cache.  Before a request that takes long by its nature (fsync,
 * reserving or copying space, a large read or write while others ask too) it
 * hands the lead to the next thread, and joins the others when it is done.
 *
 *   D1  At most one thread leads; whoever reads, leads.
 *   D2  No request waits behind another for long: a watcher takes the lead
 *       from a thread that has been at one request for DISPATCH_LATE_MS, as
 *       can happen when the disk throttles even a short call.
 *   D3  The watcher sleeps while nothing is asked.
 *   D4  Without memory a request is refused, but reading goes on; and what the
 *       kernel says once and asks no answer for (release, forget) is taken
 *       again until it has reached its operation: a file whose last writer
 *       nobody saw go would not be sealed.
 */
#ifndef FS_DISPATCH_H
#define FS_DISPATCH_H

struct fuse_session;
struct dispatch;

#define DISPATCH_THREADS 32	/* at most; those that wait for the disk hold one */
#define DISPATCH_LATE_MS 10	/* D2 */
#define DISPATCH_REQUEST ((1 << 20) + 4096) /* bytes of the largest that is
				   read: a write of 1 MiB with its headers */
#define DISPATCH_LARGE 65536	/* bytes of a read or write that others need
				   not wait for */

/* NULL: no memory.  The session must be mounted, and outlive it. */
struct dispatch *dispatch_new(struct fuse_session *se);
/* Answers requests until the file system is unmounted or dispatch_stop(), in
 * threads that take no signals but the one that stops them.  0, or negative
 * errno of /dev/fuse or of starting the first thread.  Once. */
int dispatch_run(struct dispatch *d);
/* Ends dispatch_run(), also before it began; safe in a signal handler. */
void dispatch_stop(struct dispatch *d);
void dispatch_free(struct dispatch *d);
/* To be called by the operations that D4 speaks of, in the request's thread. */
void dispatch_reached(void);

#endif

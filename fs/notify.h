/*
 * notify: tells the service manager how a service is doing, by the protocol of
 * sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

/* state: lines like "READY=1\nSTATUS=...".  Nothing happens where no manager
 * wants to know, or it cannot be told. */
void notify_manager(const char *state);

#endif

#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

/*
 * What a service manager wants to know (sd_notify(3)): datagrams to the Unix
 * socket that $NOTIFY_SOCKET names. Without it all of this does nothing.
 */

/* A socket connected to it. 0, -ENOENT (there is none) or another negative
 * errno. The caller closes it. */
int notify_open(int *fd);

/* "READY=1" and the like, a line each. 0, or as notify_open(). */
int notify_say(const char *lines);

#endif

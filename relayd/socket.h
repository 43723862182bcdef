#ifndef RELAYD_SOCKET_H
#define RELAYD_SOCKET_H

#include <stdint.h>

struct addr;

/*
 * A non-blocking UDP socket for media, bound to the IP of `address` and to
 * `port` (host order), its packets marked with `dscp` (0-63). 0 or a negative
 * errno; the caller closes *fdp.
 */
int socket_open(int *fdp, const struct addr *address, uint16_t port, int dscp);

/* Take the error (ICMP) off a socket that reports one. */
void socket_clear_error(int fd);

#endif

#ifndef COMMON_DOCTOR_SOCKETS_H
#define COMMON_DOCTOR_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Which sockets of this host are bound in a range of ports, and whose they are,
 * as /proc tells: UDP, or listening TCP. Others' processes are seen by root
 * alone; without that an owner stays unknown.
 */
enum { DOCTOR_OWNER_LEN = 16 };

struct doctor_bound {
	struct addr at;
	unsigned long inode;
	int pid;                      /* 0: not known */
	char owner[DOCTOR_OWNER_LEN]; /* "relayd" */
};

/* How many there are, and the list, which the caller free()s; NULL where none.
 * -ENOMEM, -errno where /proc cannot be read. */
int doctor_sockets(struct doctor_bound **list, bool udp, uint16_t lo,
		   uint16_t hi);

/* One line of /proc/net/udp, udp6, tcp or tcp6. False: it is none, or, where
 * `listening` is asked for, not such a socket. Pure. */
bool doctor_sockets_line(struct doctor_bound *b, const char *line,
			 bool listening);

#endif

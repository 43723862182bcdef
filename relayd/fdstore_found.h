#ifndef RELAYD_FDSTORE_FOUND_H
#define RELAYD_FDSTORE_FOUND_H

#include "common/fdbag.h"
#include "relayd/fdstore.h"

/*
 * The descriptors that the service manager gives back ($LISTEN_FDS,
 * sd_listen_fds(3)). Names are short, as all of them together are one variable
 * of the environment, which the kernel bounds at 128 KiB: a session's is its
 * slot in hexadecimal.
 */
#define FDSTORE_TABLE   "table"
#define FDSTORE_CONTROL "control"
enum { FDSTORE_NAME = 16 };

struct fdstore_found {
	int table; /* -1: none */
	struct fdbag slot[FDSTORE_SLOTS + 1];
};

/* The control sockets go into `doors`; what has another name is closed. */
void fdstore_find(struct fdstore_found *found, struct fdbag *doors);
void fdstore_found_close(struct fdstore_found *found);

#endif

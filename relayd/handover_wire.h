#ifndef RELAYD_HANDOVER_WIRE_H
#define RELAYD_HANDOVER_WIRE_H

#include <jansson.h>
#include <stddef.h>

#include "common/fdbag.h"

/* The messages of handover.h. */

/* Takes the reference (NULL: -ENOMEM). 0 or a negative errno. */
int handover_send(int peer, json_t *message, const int *fds, size_t nfds);

/* The next one: a new reference, and the descriptors with it are added to
 * `fds`. 0, -EPROTO (no such message) or another negative errno. */
int handover_recv(json_t **message, int peer, struct fdbag *fds);

/* Receive one that is this. 0, -EPROTO or another negative errno. */
int handover_expect(int peer, const char *is);

/* What a message is; "" where it does not say. */
const char *handover_is(const json_t *message);

#endif

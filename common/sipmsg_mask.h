#ifndef COMMON_SIPMSG_MASK_H
#define COMMON_SIPMSG_MASK_H

#include <stddef.h>

#include "common/sipmsg.h"

/*
 * Sofia-SIP refuses many a method that it does not know: one that is the
 * beginning of one it knows or begins like it ("PING"), and any with a token
 * character it did not expect ("A+B"). A proxy sends on what it does not know
 * (RFC 3261 16.3). So such a name is masked for the parser and put back after.
 */
enum { SIPMSG_METHOD_MAX = 64 };

struct sipmsg_mask {
	char request[SIPMSG_METHOD_MAX]; /* of the Request-Line; "": as it is */
	char cseq[SIPMSG_METHOD_MAX];    /* of CSeq */
};

/* The bytes with such names masked, malloc'ed, and the names; NULL where there
 * is nothing to mask, or no memory to do it. */
char *sipmsg_mask(struct sipmsg_mask *m, const char *data, size_t len);

/* Put the names back. 0 or -ENOMEM. */
int sipmsg_unmask(msg_t *msg, const struct sipmsg_mask *m);

#endif

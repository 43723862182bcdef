#ifndef PROTO_FLOW_TOKEN_H
#define PROTO_FLOW_TOKEN_H

#include "common/channel.h"

/* Hexadecimal: transport, end, connection, address, hash. */
enum { FLOW_TOKEN_LEN = 2 * (1 + 1 + 8 + 1 + 2 + 16 + 16) + 1 };

/*
 * The flow token of RFC 5626 5.2: the user part that a proxy gives its URI in a
 * Path, by which it finds the flow again. It holds the channel, the connection
 * of a stream included, under a keyed hash: nobody sends anything through a
 * flow by guessing. Returns buf.
 */
const char *flow_token_print(char buf[FLOW_TOKEN_LEN],
			     const struct channel *flow, const char *secret);

/* 0; -ENOENT where the text does not look like one, -EBADMSG where it is not
 * ours (RFC 5626 5.3: answered 403). */
int flow_token_parse(struct channel *flow, const char *text,
		     const char *secret);

#endif

#ifndef COMMON_CHANNEL_H
#define COMMON_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

/* Every transport, once: name in the code, transport parameter of a URI (RFC
 * 3261 19.1.1, 7118 5), transport of a Via, default port. */
#define TRANSPORTS(X)                                                          \
	X(UDP, "udp", "UDP", 5060)                                             \
	X(TCP, "tcp", "TCP", 5060)                                             \
	X(TLS, "tls", "TLS", 5061)                                             \
	X(WS, "ws", "WS", 80)                                                  \
	X(WSS, "wss", "WSS", 443)

enum transport {
#define TRANSPORT_ENUM(name, param, via, port) TRANSPORT_##name,
	TRANSPORTS(TRANSPORT_ENUM) TRANSPORT_COUNT
#undef TRANSPORT_ENUM
};

/* "tcp" */
const char *transport_name(enum transport t);
/* "TCP" */
const char *transport_via(enum transport t);
uint16_t transport_port(enum transport t);
/* By either name, of `len` bytes, in any case. 0 or -EINVAL. */
int transport_parse(enum transport *t, const char *name, size_t len);
/* Connected, in order and without loss: every one but UDP. */
bool transport_is_stream(enum transport t);
bool transport_has_tls(enum transport t);
bool transport_is_ws(enum transport t); /* WebSocket, over TLS or not */

/*
 * A signalling channel: the way a message came, or is to go. `conn` is the
 * connection of a stream; 0: whichever leads to `addr`, which may have to be
 * opened. `local` is our end of it, numbered from 1 in the order of the
 * configuration; 0: whichever of this transport and address family.
 */
struct channel {
	struct addr addr; /* the far end */
	enum transport transport;
	unsigned local;
	uint64_t conn;
};

/* Any way to `addr` over UDP. */
struct channel channel_udp(const struct addr *addr);

/* Same transport and far end. */
bool channel_eq(const struct channel *a, const struct channel *b);
bool channel_is_none(const struct channel *c);

/* Transport and far end as a key of a table: every byte is set. */
struct channel_key {
	uint8_t ip[16];
	uint32_t scope;
	uint16_t port;
	uint8_t family, transport;
};
struct channel_key channel_key(const struct channel *c);

/* "192.0.2.1:5060" over UDP, "tcp:192.0.2.1:5060", "-" for none. Returns buf.
 */
enum { CHANNEL_STRLEN = ADDR_STRLEN + 8 };
const char *channel_str(char buf[CHANNEL_STRLEN], const struct channel *c);

/* Read one back; `local` and `conn` are 0. 0 or -EINVAL. */
int channel_parse(struct channel *c, const char *text);

#endif

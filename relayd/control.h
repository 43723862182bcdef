#ifndef RELAYD_CONTROL_H
#define RELAYD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct engine_door;
struct gone;
struct journal;
struct load;
struct netset;
struct ports;
struct relayd_counters;
struct sessions;
struct strbuf;

/*
 * The session set up module (003 Fig. 9, 58; Fig. 10): what proxies ask, in
 * SIP. No transaction state: every request is idempotent for its Call-ID, so
 * a retransmission gets the same answer. No socket either: a datagram goes
 * in, an answer comes out.
 */
struct control;

struct control_config {
	struct sessions *sessions;
	struct ports *ports;
	const struct load *load; /* told to who asks for health */
	struct journal *journal;
	struct gone *gone; /* NULL: none */
	struct relayd_counters *counters;
	const struct netset *trusted; /* who may ask */
	/* Hosts whose doctors may ask too (probed.h): this one, and those of
	 * the directory. */
	const struct addr *site;
	size_t nsite;
};

/* The parts of `cfg` outlive it. 0 or -ENOMEM. */
int control_alloc(struct control **cp, const struct control_config *cfg);
void control_free(struct control *c);
void control_trust(struct control *c, const struct netset *trusted);

/* A datagram as it came. */
struct control_input {
	const char *data;
	size_t len;
	const struct addr *src;
	const struct addr *self; /* the control socket, as advertised */
	const struct engine_door *door;
	uint64_t now;
	uint64_t wall_ms; /* since 1970, for doctors */
};

/* Handle one; true when `out` (empty, room for SIPMSG_MAX) is to be sent to
 * *dst. Never fails: what is no SIP message is counted and dropped. */
bool control_handle(struct control *c, struct strbuf *out, struct addr *dst,
		    const struct control_input *in);

#endif

#ifndef RELAYD_GONE_H
#define RELAYD_GONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"

struct deadlines;
struct engine_door;
struct gone_call;

/*
 * The media-gone notices under way (proto/README.md): a BYE to the proxy that
 * holds a session, repeated like Timer E of RFC 3261 until it is answered or
 * 64 * T1 are over. No socket: bytes leave through a handler.
 */
struct gone;

/* The answer's status; 0: none came. The notice is no more. */
typedef void gone_answered_h(const char *call_id, int status, void *arg);
typedef void gone_send_h(const struct gone_call *call, const char *data,
			 size_t len, void *arg);

struct gone_config {
	struct deadlines *deadlines; /* run by the owner, outlives it */
	size_t max;                  /* notices at a time */
	gone_send_h *send;
	gone_answered_h *answered;
	void *arg;
};

/* The session as its proxy knows it. Everything is copied but the door. */
struct gone_call {
	const char *call_id;
	const char *from, *to; /* header values of the relay request */
	const char *dialog;    /* the proxy's record of it, or NULL */
	uint32_t cseq;
	const struct addr *proxy;
	const struct addr *self;        /* the control socket, as advertised */
	const struct engine_door *door; /* it; handed to `send` */
};

int gone_alloc(struct gone **gp, const struct gone_config *cfg);
void gone_free(struct gone *g); /* NULL is fine */

/* Send one, with `why` as the text of its Reason. 0, -EALREADY (one is under
 * way for this call), -ENOSPC, -EINVAL, -EMSGSIZE, -ENOMEM. */
int gone_tell(struct gone *g, const struct gone_call *call, const char *why,
	      uint64_t now);

/* The session has ended otherwise: no more of its notice. */
void gone_cancel(struct gone *g, const char *call_id);

/* A response that came in; true where it belongs to a notice. */
bool gone_response(struct gone *g, const sip_t *sip, const struct addr *src);

size_t gone_count(const struct gone *g);

#endif

#ifndef PROTO_RELAY_H
#define PROTO_RELAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sdp.h"
#include "common/sipmsg.h"
#include "proto/relay_options.h"

struct strbuf;

/* What a request of ours says of itself: sent-by, branch and where it goes. */
struct proto_hop {
	const struct addr *self; /* as advertised: the Via's sent-by */
	const char *branch;
	const struct addr *to; /* host:port of the Request-URI */
};

/*
 * The relay request (Fig. 8a; steps 60, 146, 144b) and the recording of the
 * second channel (seed 004 steps 48, 146). Without a To-tag the body is the
 * offer of the party in From; with one it is the answer of the party in To.
 * Strings are borrowed: when building from the caller, when parsing from the
 * message. Without a body and To-tag it asks for the resource that a session
 * has: the answer has SDP_MEDIA_MAX lines.
 */
struct relay_request {
	const char *call_id;
	const char *from; /* header values, tags included */
	const char *to;
	const char *from_tag;
	const char *to_tag; /* NULL: an offer */
	uint32_t cseq;
	struct addr observed; /* the Contact as rewritten; none if unknown */
	struct relay_options options; /* of the request alone */
	const char *sdp;
	size_t sdp_len;
	const char *dialog; /* the record of the dialog (record.h); NULL */
};

/* Print one. `from`/`to` are taken as they are. 0, -EMSGSIZE, -EINVAL where a
 * text has control characters or is missing, or an option cannot be. */
int relay_request_print(struct strbuf *out, const struct proto_hop *hop,
			const struct relay_request *r);

/* Read one, request or 200 OK, of any method; `from`/`to` are not filled in,
 * from_tag is "" where there is none, sdp NULL where there is no SDP body. 0,
 * -EBADMSG where the body is said to be SDP and is empty, -EINVAL where an
 * option is not one. */
int relay_request_parse(struct relay_request *r, const sip_t *sip);

/* The 302 with the resource (Fig. 8b; steps 66, 68): the session's Call-ID,
 * Contact = the relay itself, SDP body, with the address for the party that the
 * description goes to. `near`: that for the party it came from, NULL where it
 * can be no other, both being of one address family. 0 or -EMSGSIZE. */
int relay_answer_print(struct strbuf *out, const sip_t *req,
		       const struct addr *self, const struct sdp *resource,
		       const struct addr *near);

/* Read a 302 (step 148b): every line of the resource has an address or port
 * 0. 0, -EBADMSG (also where it is no 302). */
int relay_answer_parse(struct sdp *resource, const sip_t *sip);

/* Its `near`; false where there is none. */
bool relay_answer_near(struct addr *near, const sip_t *sip);

/* The release: BYE with the Call-ID. Same fields as the request, body none. */
int relay_release_print(struct strbuf *out, const struct proto_hop *hop,
			const struct relay_request *r);

/* Media gone: the BYE that relayd sends to the proxy that holds the session,
 * with `text` in its Reason (RFC 3326). As above, -EINVAL. */
int relay_gone_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *text);

/* The record of the dialog in a message, as it came; NULL: none, or longer than
 * one can be. */
const char *relay_dialog(const sip_t *sip);

/* Whether a request is that: BYE sip:relay@... outside a dialog with a Reason.
 * Who sent it is for the caller to judge. */
bool relay_is_gone(const sip_t *sip);

/* Health: the OPTIONS that a proxy sends to a relayd. */
int relay_health_print(struct strbuf *out, const struct proto_hop *hop,
		       const struct relay_request *r);

/* Joining the pool: the REGISTER of sip:relay@CLUSTER that relayd sends to
 * redirectd; its Contact is hop->self. `q` 0-1000; `expires` in seconds, 0
 * leaves the pool. From and To of `r` are not used, its from_tag is. */
int relay_join_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *cluster,
		     unsigned q, unsigned expires);

/* 200 to a release or to an OPTIONS, with a JSON body. 0, -EMSGSIZE, -ENOMEM.
 */
int relay_json_answer_print(struct strbuf *out, const sip_t *req,
			    const json_t *body);

/* The JSON body of such an answer as it came: `len` bytes within the message,
 * not terminated; NULL where there is none. */
const char *relay_json_answer_text(size_t *len, const sip_t *sip);

/* The JSON body of such an answer; new reference, NULL where there is none. */
json_t *relay_json_answer_parse(const sip_t *sip);

#endif

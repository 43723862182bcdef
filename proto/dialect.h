#ifndef PROTO_DIALECT_H
#define PROTO_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sipmsg.h"

/*
 * Every word of the dialect, once: name in the code, spelling on the wire,
 * what it means. The table feeds the code (the macros below), the stripping of
 * these words from outside messages, the tests and proto/README.md.
 */
#define PROTO_URI_PARAMS(X)                                                    \
	X(OWN, "ph-own", "the phone's own host:port, as it wrote its Contact") \
	X(CHANNEL, "ph-channel",                                               \
	  "the transport of the connection that host:port is the far end of")  \
	X(PUBLIC, "ph-public",                                                 \
	  "behind no NAT, reached over the connection it opened all the same") \
	X(DOMAIN, "ph-domain", "the domain of the client id in this URI")      \
	X(RELAY, "ph-relay", "the relay that holds the session, host:port")    \
	X(SIDE, "ph-side",                                                     \
	  "which sides are behind a NAT: any of a (caller), "                  \
	  "b (callee); 0: none")                                               \
	X(FORK, "ph-fork",                                                     \
	  "which branch of a forked request this is, a number in hex; "        \
	  "absent: the first")                                                 \
	X(MAC, "ph-mac",                                                       \
	  "keyed hash over Call-ID, caller's tag and the above")               \
	X(RESEQUENCE, "ph-resequence",                                         \
	  "how many ms RTP may wait to be put in order, 0 to 200; 0: not")     \
	X(LEARN, "ph-learn",                                                   \
	  "how media sources are learned: strict, signalled or open")          \
	X(TOWARD, "ph-toward",                                                 \
	  "where the other party is, that it is named an address it can "      \
	  "reach")                                                             \
	X(TENTATIVE, "ph-tentative",                                           \
	  "an offer that may still be refused: ports alone")                   \
	X(BEGINS, "ph-begins",                                                 \
	  "a call is to begin: not for a session that has been answered")      \
	X(NEAR, "ph-near",                                                     \
	  "the relay's address for the party that asked, where it has "        \
	  "several")                                                           \
	X(SERVED, "ph-served",                                                 \
	  "another proxy has asked before and knows of the rest: only what "   \
	  "the asking one serves")                                             \
	X(ELSE, "ph-else",                                                     \
	  "where the same phone has another flow, tried when this one is "     \
	  "gone")                                                              \
	X(RECALL, "ph-recall",                                                 \
	  "asks for the bindings that the asking proxy serves, behind this "   \
	  "client")                                                            \
	X(VOUCHED, "ph-vouched",                                               \
	  "the proxy knows who has sent this: no credentials are asked for")   \
	X(ABROAD, "ph-abroad",                                                 \
	  "asks for the sender of a request to this id of another domain")     \
	X(ROUTE, "ph-route",                                                   \
	  "a static route, not a client: the next one is tried only where "    \
	  "this one fails to serve")

enum proto_uri_param {
#define PROTO_ENUM(name, wire, about) PROTO_##name,
	PROTO_URI_PARAMS(PROTO_ENUM) PROTO_URI_PARAM_COUNT
#undef PROTO_ENUM
};

/* The spelling and the meaning. */
const char *proto_uri_param_name(enum proto_uri_param p);
const char *proto_uri_param_about(enum proto_uri_param p);

/* The one header of the dialect: a record of the dialog (record.h). */
#define PROTO_DIALOG_HEADER "Pinhole-Dialog"

/* The user part every relayd answers to: sip:relay@HOST. */
#define PROTO_RELAY_USER "relay"

/*
 * The To-tag of an answer to `req`: a function of its Call-ID and From-tag, so
 * that redirectd and relayd, which keep no transactions, answer a
 * retransmission alike. Returns buf.
 */
enum { PROTO_TAG_LEN = 17 };
const char *proto_reply_tag(char buf[PROTO_TAG_LEN], const sip_t *req);

/* A number for a session: 64 bits of the Call-ID, the same everywhere. */
uint64_t proto_session_number(const char *call_id);

/* Whether a text can stand in a header or a URI: no control characters, and
 * none of `barred`. */
bool proto_text_ok(const char *text, const char *barred);

#endif

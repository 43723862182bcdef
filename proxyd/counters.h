#ifndef PROXYD_COUNTERS_H
#define PROXYD_COUNTERS_H

#include "common/metrics.h"

/* Every counter of proxyd, once: name, help. */
#define PROXYD_COUNTERS(X)                                                     \
	X(requests, "Requests received, retransmissions not counted")          \
	X(malformed, "Datagrams that are not a well-formed SIP message")       \
	X(keepalives, "Keepalive datagrams received")                          \
	X(keepalives_out, "Keepalives sent to clients behind a NAT")           \
	X(keepalives_answered, "OPTIONS and pings of ours that were answered") \
	X(pinholes_marked, "Pinholes found shut or silent")                    \
	X(pinholes_heard, "Marked pinholes that were heard from again")        \
	X(pinholes_moved, "Clients reached on another channel than before")    \
	X(calls_waiting, "INVITEs that waited for a marked client")            \
	X(calls_delivered, "Of these, delivered when the client was heard")    \
	X(flows_failed, "Flows found gone, the phone's other one tried")       \
	X(bindings_recalled, "Bindings read from the directory at the start")  \
	X(recall_failed, "Questions for our bindings without an answer")       \
	X(calls, "Initial INVITEs received")                                   \
	X(calls_answered, "Initial INVITEs answered with 2xx")                 \
	X(calls_failed, "Initial INVITEs answered with 300 or above")          \
	X(forked, "Requests that went to more than one contact")               \
	X(calls_cancelled, "Initial INVITEs cancelled by the caller")          \
	X(registrations, "REGISTER requests forwarded to redirectd")           \
	X(nat_detected, "Requests from a client found to be behind a NAT")     \
	X(nat_none, "Requests from a client found to have no NAT")             \
	X(relay_requests, "Relay resources asked for")                         \
	X(relay_refused, "Relay requests refused or unanswered")               \
	X(relay_releases, "Relay resources released")                          \
	X(pool_failed, "Questions for the pool of relays without an answer")   \
	X(calls_gone, "Calls ended because their media was gone")              \
	X(calls_expired, "Calls ended because their session timer ran out")    \
	X(calls_vanished, "Calls ended because a party was no longer there")   \
	X(probes, "OPTIONS sent to parties of calls that are up")              \
	X(timers_refused, "Requests refused for too short a session timer")    \
	X(gone_refused, "Media-gone notices refused: not of the call's relay") \
	X(redirect_queries, "Redirect queries sent")                           \
	X(redirect_failed, "Redirect queries refused or unanswered")           \
	X(redirect_failovers, "Questions that went on to another redirectd")   \
	X(credentials_kept,                                                    \
	  "Credentials for the directory not sent any further")                \
	X(foreign, "Requests sent on to domains that are not served here")     \
	X(foreign_refused, "Such requests of senders not registered here")     \
	X(routes_failed, "Static routes that failed, the next one tried")      \
	X(redirections, "3xx of other domains' servers that were followed")    \
	X(failovers, "Requests sent to a further server of a name")            \
	X(rejected_route, "In-dialog requests without a valid Route of ours")  \
	X(rejected_call_id, "INVITEs with the Call-ID of a call that is up")   \
	X(rejected_target, "Requests to an address never to be contacted")     \
	X(rejected_scheme, "Requests for a URI that is no SIP URI")            \
	X(rejected_hops, "Requests with Max-Forwards 0 or a loop")             \
	X(late_offers, "Offers in responses that a relay was asked for")       \
	X(hung_up, "Calls answered that could not be passed on, and ended")    \
	X(rejected_identity,                                                   \
	  "Requests within a call from where its party is not")                \
	X(limited, "Messages beyond the rate of their source")                 \
	X(auth_failures, "Authentications of phones that failed")              \
	X(banned, "Requests of sources with too many of those")                \
	X(overload,                                                            \
	  "Requests refused because a table is full or the daemon ends")

struct proxyd_counters {
	PROXYD_COUNTERS(METRICS_FIELD)
};

#endif

#ifndef REDIRECTD_COUNTERS_H
#define REDIRECTD_COUNTERS_H

#include "common/metrics.h"

/* Every counter of redirectd, once: name, help. */
#define REDIRECTD_COUNTERS(X)                                                  \
	X(requests, "Requests received from trusted proxies")                  \
	X(malformed, "Datagrams that are not a well-formed SIP message")       \
	X(untrusted, "Requests from sources outside trusted, answered 403")    \
	X(ignored, "ACKs and stray responses, dropped")                        \
	X(load_queries, "OPTIONS about redirectd itself")                      \
	X(registers, "REGISTER requests received")                             \
	X(registers_ok, "REGISTER requests answered 200")                      \
	X(registers_rejected, "REGISTER requests answered 4xx")                \
	X(registers_stale, "REGISTER requests out of order, answered 500")     \
	X(registers_failed, "REGISTER requests the store could not take, 503") \
	X(bindings_added, "Bindings made")                                     \
	X(bindings_refreshed, "Bindings refreshed or moved")                   \
	X(bindings_removed, "Bindings removed by their client")                \
	X(bindings_expired, "Bindings that ran out")                           \
	X(queries, "Redirect queries received")                                \
	X(queries_redirected, "Redirect queries answered 302")                 \
	X(queries_unknown, "Redirect queries answered 404")                    \
	X(queries_unregistered, "Redirect queries answered 480")               \
	X(queries_routed, "Redirect queries answered with a static route")     \
	X(queries_stale, "Redirect queries answered from the local copy, "     \
			 "the store being away")                               \
	X(queries_failed, "Redirect queries answered 503, the store being "    \
			  "away")                                              \
	X(joins, "Registrations of relays answered 200")                       \
	X(joins_refused, "Registrations as relay refused")                     \
	X(pool_queries, "Questions for the pool of relays")                    \
	X(recalls, "Questions of a proxy for the bindings that it serves")     \
	X(awaited, "Requests that had to wait for the store")                  \
	X(congested, "Requests refused because too many wait, 503")            \
	X(auth_challenges, "Requests answered by asking for credentials")      \
	X(auth_ok, "Credentials found right")                                  \
	X(auth_failed, "Credentials found wrong")                              \
	X(auth_malformed, "Credentials unreadable or of another request, 400") \
	X(auth_stale, "Credentials whose nonce was too old or not ours")       \
	X(auth_replayed, "Credentials that had been used already")             \
	X(auth_limited, "Credentials refused unseen after failures, 403")      \
	X(auth_unavailable, "Requests whose user could not be looked up, 503") \
	X(open_refused, "Requests of public addresses to an open directory")   \
	X(answers_lost, "Answers that could not be printed or sent")

struct redirectd_counters {
	REDIRECTD_COUNTERS(METRICS_FIELD)
};

#endif

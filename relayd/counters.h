#ifndef RELAYD_COUNTERS_H
#define RELAYD_COUNTERS_H

#include "common/metrics.h"
#include "relayd/learn.h"

/* The causes and kinds of learn.h, as counters. */
#define RELAYD_RELEARNED(X, name, field, text)                                 \
	X(relearned_##field, "Of these: " text)
#define RELAYD_STRANGER(X, name, field, text)                                  \
	X(stranger_packets_##field, "Of these: " text)

/* Everything relayd counts, once: fields, names and help lines. */
#define RELAYD_COUNTERS(X)                                                     \
	X(requests_invite, "Relay requests and answers received")              \
	X(requests_bye, "Releases received")                                   \
	X(requests_options, "Health questions received")                       \
	X(requests_other, "Requests of a method not served, answered 405")     \
	X(responses_in, "200 OK with SDP recorded as a second channel")        \
	X(malformed, "Control datagrams that are no SIP message, dropped")     \
	X(overrun, "Control datagrams dropped, too many waiting for a worker") \
	X(answer_errors, "Answers that the kernel did not send")               \
	X(untrusted, "Control messages from outside trusted, refused")         \
	X(foreign_tag, "Requests with a tag of neither party, refused")        \
	X(call_id_in_use, "Calls that would begin in the session of another")  \
	X(broken, "Relay requests answered 400")                               \
	X(bad_option, "Relay requests answered 400 for one of their options")  \
	X(unusable_sdp, "Relay requests answered 488")                         \
	X(no_ports, "Relay requests answered 486 for want of ports")           \
	X(draining, "Relay requests answered 503 while draining")              \
	X(full, "Relay requests answered 503, session.max reached")            \
	X(rate_exceeded, "Relay requests answered 503, session.rate reached")  \
	X(bandwidth_exceeded, "Relay requests answered 503, media.bandwidth")  \
	X(overload, "Relay requests answered 503, memory or descriptors out")  \
	X(unknown_session, "Requests for a session not known, answered 481")   \
	X(release_repeats, "Releases of a session already released")           \
	X(sessions_opened, "Sessions begun")                                   \
	X(sessions_released, "Sessions ended by a release")                    \
	X(sessions_expired, "Sessions ended for silence")                      \
	X(media_gone, "Sessions reported to their proxy as silent")            \
	X(sessions_restored, "Sessions taken over from another process")       \
	X(sessions_lost, "Sessions of a crashed relayd that were broken")      \
	X(keep_failures, "Times that a session could not be kept for a crash") \
	X(port_busy, "Port pairs found taken by someone else")                 \
	X(family_unserved, "Parties whose address family media.address lacks") \
	X(packets, "Media packets forwarded")                                  \
	X(bytes, "Media payload bytes forwarded")                              \
	X(fast_packets, "Of these packets, forwarded by the kernel fast path") \
	X(fast_bytes, "Of these bytes, forwarded by the kernel fast path")     \
	X(fast_entered, "Directions of streams that entered the fast path")    \
	X(linked, "Sockets connected to a proven side of a stream")            \
	X(learned, "Channels learned")                                         \
	X(relearned, "Channels learned anew")                                  \
	LEARN_CAUSES(RELAYD_RELEARNED, X)                                      \
	X(stranger_packets, "Media packets from strangers, dropped")           \
	LEARN_STRANGERS(RELAYD_STRANGER, X)                                    \
	X(early_packets, "Media packets before their side was signalled")      \
	X(probation_packets, "Media packets from sources not yet proven")      \
	X(nowhere_packets, "Media packets with nowhere to go yet, dropped")    \
	X(rtp_expected, "RTP packets that should have come, of ended streams") \
	X(rtp_lost, "RTP packets lost on their way here, of ended streams")    \
	X(rtp_duplicates, "RTP packets that came twice, of ended streams")     \
	X(rtp_reordered, "RTP packets behind a later one, of ended streams")   \
	X(rtp_restarts, "RTP sequences begun anew, of ended streams")          \
	X(mos_streams, "Directions of ended streams whose MOS is estimated")   \
	X(mos_centi, "Sum of these MOS, times 100")                            \
	X(mos_below_3_6, "Directions of ended streams with a MOS below 3.6")   \
	X(resequence_held, "RTP packets held until the ones before came")      \
	X(resequence_given_up, "RTP packets that these waited for in vain")    \
	X(resequence_late, "RTP packets behind their turn, dropped")           \
	X(resequence_duplicates, "RTP packets that came twice, dropped")       \
	X(receive_errors, "Errors on receiving media, ICMP included")          \
	X(send_errors, "Errors on sending media, packet dropped")

struct relayd_counters {
	RELAYD_COUNTERS(METRICS_FIELD)
};

/* Of a side that moved, and of a packet dropped, by why. */
static inline void counters_relearned(struct relayd_counters *c,
				      enum learn_cause cause)
{
#define COUNTER_OF_CAUSE(X, name, field, text) &c->relearned_##field,
	uint64_t *const counters[] = {LEARN_CAUSES(COUNTER_OF_CAUSE, )};
#undef COUNTER_OF_CAUSE

	c->relearned++;
	++*counters[cause];
}

static inline void counters_stranger(struct relayd_counters *c,
				     enum learn_stranger who)
{
#define COUNTER_OF_STRANGER(X, name, field, text) &c->stranger_packets_##field,
	uint64_t *const counters[] = {LEARN_STRANGERS(COUNTER_OF_STRANGER, )};
#undef COUNTER_OF_STRANGER

	c->stranger_packets++;
	++*counters[who];
}

/* Each worker counts for itself; this sums up. */
static inline void counters_add(struct relayd_counters *sum,
				const struct relayd_counters *c)
{
#define COUNTER_ADD(name, help) sum->name += c->name;
	RELAYD_COUNTERS(COUNTER_ADD)
#undef COUNTER_ADD
}

#endif

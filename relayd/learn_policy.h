#ifndef RELAYD_LEARN_POLICY_H
#define RELAYD_LEARN_POLICY_H

/*
 * Which sources a side's media may come from. Once a source is known, no
 * policy lets another one in beside it; they differ in who may be the first,
 * and in what may move a side later.
 *
 * strict: for networks whose phones do what their SDP says. The very address of
 * the SDP; for a side that is known to be behind a NAT (its SDP names no
 * address that could be sent to) the IP its signalling came from, any port. A
 * side moves by new signalling alone. A public phone that sends from another
 * port than it listens on is not heard.
 *
 * signalled: what SDP and signalling make plausible, and nothing else. The
 * SDP's IP and the IP the signalling came from, any port, whatever the SDP;
 * RTCP also from the IP that RTP comes from. Another IP only where signalling
 * gave none at all to hold it against (SDP of no use, nothing observed). A
 * source that fell silent is followed within its network (a NAT whose mapping
 * changed) by SSRC and sequence.
 *
 * open: for networks where media comes from other addresses than signalling
 * (VPNs, NATs with several addresses, media gateways that name another). Any
 * source that proves itself, those of `signalled` first and in place of such a
 * one; a silent one is followed anywhere by SSRC and sequence. Whoever speaks
 * to the port before the phone does may be taken for it.
 *
 * Name in the code, word in configuration and JSON, help.
 */
#define LEARN_POLICIES(X)                                                      \
	X(SIGNALLED, "signalled", "the IP of SDP or signalling, any port")     \
	X(STRICT, "strict", "the SDP's address; behind a NAT signalling's IP") \
	X(OPEN, "open", "anywhere, after proof")

enum learn_policy {
#define LEARN_POLICY_ENUM(name, word, help) LEARN_##name,
	LEARN_POLICIES(LEARN_POLICY_ENUM)
#undef LEARN_POLICY_ENUM
};

/* 0 or -EINVAL. */
int learn_policy_parse(enum learn_policy *out, const char *word);
const char *learn_policy_name(enum learn_policy policy);

#endif

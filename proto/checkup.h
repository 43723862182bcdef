#ifndef PROTO_CHECKUP_H
#define PROTO_CHECKUP_H

#include "common/conf.h"
#include "common/doctor_ask.h"
#include "common/findings.h"
#include "proto/probe.h"

/*
 * A doctor's look at the peers of a daemon: each is sent a probe, and what
 * comes back becomes findings. Judging is pure; the sockets are those of
 * doctor_ask.h.
 */
enum {
	CHECKUP_PEERS_MAX = 64,
	/*
	 * Nothing between a proxy and the others hangs on the clocks, so that
	 * one that is off breaks no call by itself; but the traces and logs of
	 * a call no longer fit together.
	 */
	CHECKUP_CLOCK_WARN_MS = 2000,
	/*
	 * What several redirectd share does: an expiry is kept as a time of
	 * day, 60 s at the shortest, and a challenge that seems to be from more
	 * than 60 s ahead is refused. Half of that is too much.
	 */
	CHECKUP_CLOCK_FAIL_MS = 30000,
};

/* What the peers of one kind are. */
struct checkup_kind {
	const char *check;  /* "redirect": the findings' name */
	const char *daemon; /* "redirectd": who has to answer */
	/* Silence: of all of them it is a failure unless `optional`; of some
	 * it is a warning, as the others are asked. */
	bool optional;
	/* How grave it is where one does not trust us, and where another
	 * address answers than was asked. */
	enum finding_level distrusted, elsewhere;
	const char *trust; /* advice where it does not */
	/* Why one of a family that we have no end of cannot be reached: a
	 * failure unless `optional`, whoever else answers. */
	const char *no_end;
};

/* One peer, and what became of it. */
struct checkup_peer {
	struct doctor_question q;
	int status; /* of the answer, 0: not SIP */
	bool well;  /* it answered as a daemon does that trusts us */
	bool back;  /* the answer was changed on its way back */
	struct probe_answer answer; /* where well */
};

struct checkup {
	size_t n;
	struct checkup_peer v[CHECKUP_PEERS_MAX];
};

/* 0 or -ENOMEM. */
int checkup_alloc(struct checkup **cp);
void checkup_free(struct checkup *c);

/* Add a peer, asked from a socket of doctor_open(); beyond CHECKUP_PEERS_MAX it
 * is left out, as is one that is there already. */
void checkup_add(struct checkup *c, const struct doctor_ends *ends,
		 const struct addr *to);

/* Add the single hosts of a list of networks (the proxies of a key `trusted`)
 * at this port, but for this host itself, as what `self` has it known (NULL: as
 * nothing else) too, and for families without an end: nobody comes from
 * there. */
enum { CHECKUP_SIP_PORT = 5060 };
void checkup_add_hosts(struct checkup *c, const struct doctor_ends *ends,
		       const struct doctor_ends *self,
		       const struct conf_strings *networks, uint16_t port);

/* All about those at the port of SIP: added, asked and judged. */
void checkup_hosts(struct findings *f, const struct checkup_kind *kind,
		   const struct doctor_ends *ends,
		   const struct conf_strings *networks);

/* Ask all of them, and read their answers. */
void checkup_ask(struct checkup *c);

/* Read the answer of one: pure. */
void checkup_read(struct checkup_peer *p);

/* What is wrong with them: pure. `advertise`: as what we may be seen, beside
 * the socket's own address; NULL: as nothing else. */
void checkup_judge(struct findings *f, const struct checkup_kind *kind,
		   const struct checkup *c,
		   const struct doctor_ends *advertise);

/* How far the peer's clock is from ours, ms, at the least; positive: ahead. */
int64_t checkup_offset(const struct checkup_peer *p);

/* Whether two of them, which share a directory, are too far apart. */
void checkup_apart(struct findings *f, const struct checkup *c);

#endif

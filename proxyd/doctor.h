#ifndef PROXYD_DOCTOR_H
#define PROXYD_DOCTOR_H

#include "common/doctor_ask.h"
#include "common/doctor_host.h"
#include "proto/checkup.h"
#include "proxyd/conf.h"

/* What `proxyd doctor` goes by. */
struct doctor {
	const struct proxyd_conf *conf;
	struct doctor_host host;
	struct findings *f;
	/* The UDP ends over which daemons speak, and the same as others see
	 * them, one for one. */
	struct doctor_ends bound, self;
};

/* doctor_self.c: the ends, the advertised address, the certificate. 0, or
 * -EADDRNOTAVAIL: nothing is known of this host's address. */
int doctor_self(struct doctor *d);

/* doctor_peers.c: redirectd, relays and the other proxies. */
void doctor_peers(const struct doctor *d);

/* doctor_relay.c: a call through a relay that is well, from here to here. It
 * leaves nothing behind. */
void doctor_relay(const struct doctor *d, const struct checkup_peer *relay);

/* doctor_domains.c: whether the names of the domains lead to this site. */
void doctor_domains(const struct doctor *d);

#endif

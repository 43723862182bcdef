#ifndef REDIRECTD_JOINING_H
#define REDIRECTD_JOINING_H

#include <stdbool.h>

#include "common/conf.h"
#include "common/sipmsg.h"
#include "redirectd/binding.h"
#include "redirectd/counters.h"

struct relays;
struct strbuf;

/*
 * What redirectd does for the pool of relays: their registrations as
 * sip:relay@CLUSTER, and the question for that name. These names are the
 * relays' alone: no phone registers one or is sent to one.
 */
struct joining {
	struct relays *relays;
	const struct conf_strings *clusters;
	struct redirectd_counters *n;
};

/* Whether a REGISTER is for such a name (its To), or any other request asks for
 * one (its Request-URI). */
bool joining_is_about(const struct joining *j, const sip_t *sip);

/*
 * The answer to a relay's REGISTER that came from `src`, a source allowed to
 * join. The Contact has to be the very address and port it came from, or
 * whoever can make a relay send a packet could offer another as a relay.
 * Returns the status: 200; 400 not to be understood; 403 through a proxy, or
 * the Contact is not the source; 500 older than what is known; 503 full; or
 * -EMSGSIZE.
 */
int joining_answer(struct strbuf *out, const struct joining *j,
		   const sip_t *sip, const struct addr *src, dir_time now);

/* The answer to a question for the pool: 302 with the relays; 480 none there;
 * 404 asked by a phone through its proxy; or -EMSGSIZE. */
int joining_query(struct strbuf *out, const struct joining *j, const sip_t *sip,
		  dir_time now);

#endif

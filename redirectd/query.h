#ifndef REDIRECTD_QUERY_H
#define REDIRECTD_QUERY_H

#include "common/sipmsg.h"
#include "redirectd/binding.h"
#include "redirectd/counters.h"

struct store;
struct strbuf;
struct table;

struct directory {
	struct store *store;
	const struct table *expected; /* ids that are known unregistered */
	struct redirectd_counters *n;
};

/*
 * A redirect query of a trusted proxy (Fig. 7a, steps 150a-150b): any request
 * whose Request-URI names a client id. The proxy that serves a binding (its
 * address is the top Via's sent-by) is sent to the client's signalling channel,
 * any other to the serving proxy. The answer (Fig. 7b) is printed into `out`.
 * Returns its status: 302; 404 never registered; 480 not registered now;
 * or -EMSGSIZE where the answer did not fit.
 */
int query_answer(struct strbuf *out, const struct directory *dir,
		 const sip_t *sip, dir_time now);

#endif

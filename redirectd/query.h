#ifndef REDIRECTD_QUERY_H
#define REDIRECTD_QUERY_H

#include "common/sipmsg.h"
#include "redirectd/asking.h"
#include "redirectd/counters.h"

struct routes;
struct store;
struct strbuf;
struct table;

struct directory {
	struct store *store;
	const struct table *expected; /* ids that are known unregistered */
	const struct routes *routes;  /* for ids that are nobody's; or NULL */
	struct redirectd_counters *n;
};

/*
 * A redirect query of a trusted proxy (Fig. 7a, steps 150a-150b): any request
 * whose Request-URI names a client id. The proxy that serves a binding (its
 * address is the top Via's sent-by) is sent to the client's signalling channel,
 * any other to the serving proxy. The answer (Fig. 7b) is printed into `out`.
 * Returns its status, or what asking.h says: 302; 404 never registered; 480 not
 * registered now; 503 the store is out of reach.
 */
int query_answer(struct strbuf *out, const struct directory *dir,
		 struct asking *a);

#endif

#ifndef PROXYD_LOCATING_H
#define PROXYD_LOCATING_H

#include "common/conf.h"
#include "common/resolve.h"
#include "proxyd/branch.h"

struct locating;
struct location;
struct proxy;

/*
 * Where a name leads (RFC 3263): a branch whose target or next hop is a name
 * gets the addresses behind it, and goes on to the next one when one fails.
 * Only those that may be contacted (proxy_may_contact) are ever used.
 */
int locating_open(struct locating **lp, struct proxy *p, char err[CONF_ERRLEN]);
void locating_close(struct locating *l);

/* SIGHUP: the name servers of the configuration, or resolv.conf, anew. */
void locating_reload(struct locating *l);

/* Step: the target of an initial request, if it is a name, or a server that may
 * have to be left alone. */
enum step_result locating_target(struct branch *b);

/* Whether all the places that a URL is known to lead to are left alone, as they
 * have failed. */
bool locating_failed(struct proxy *p, const url_t *url, const char *call_id);

/* Set b->dest from a URL, which may name a host. STEP_NEXT, _WAIT, _END. */
enum step_result locating_start(struct branch *b, const url_t *url);

/* Whether b->dest is one that was located. */
bool locating_has(const struct branch *b);

/* Have a connection to b->dest, where it was located and is one of a stream: to
 * a server whose certificate is for the name looked for (RFC 5922). 0 or a
 * negative errno. */
int locating_connect(struct branch *b);

/* For txn_request(): while there is another place to go to nobody waits long
 * for this one; 0: the standard timers. */
uint32_t locating_patience(const struct branch *b);

/*
 * A response of the place that b->dest is (msg NULL: none came) means that the
 * next one is tried (RFC 3263 4.3): the request has been sent there, or the
 * branch has failed, and nothing more is to be done about the response.
 */
bool locating_goes_on(struct branch *b, int status, const msg_t *msg);

void location_free(struct location *loc);

/*
 * The same for a message that belongs to no branch, an ACK: `fn` gets it with
 * its destination, at once or later, and owns it; where there is none the
 * message is dropped.
 */
typedef void locating_found_h(struct proxy *p, msg_t *msg, struct channel *dst);
void locating_ack(struct proxy *p, msg_t *msg, const url_t *url,
		  locating_found_h *fn);

/* For the metrics. */
const struct resolve_counts *locating_counts(const struct locating *l);
size_t locating_known(const struct locating *l);
size_t locating_avoided(const struct locating *l);

#endif

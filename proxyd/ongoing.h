#ifndef PROXYD_ONGOING_H
#define PROXYD_ONGOING_H

struct paging;
struct proxy;

/*
 * The calls of this proxy for people: those that begin (INVITEs without a final
 * response), and the answered ones that it follows (calls.h). A call without
 * relay and timer is nobody's once it is answered, as with any proxy, and one
 * that another proxy of the site relays is in the list of that one.
 *
 * {"call_id", "session", "from", "to", "state", "age_ms", "relay",
 * "caller_natted", "callee_natted", "expires_ms"}; what is not known is null.
 * The state: "calling", "ringing", "up", "in doubt" (a party has left a
 * question unanswered) or "ending".
 */
void ongoing_page(struct paging *page, const struct proxy *p);

#endif

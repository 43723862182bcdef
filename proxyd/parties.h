#ifndef PROXYD_PARTIES_H
#define PROXYD_PARTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/sipmsg.h"

struct record;
struct strbuf;

/*
 * What a proxy keeps of a call's dialog so that it can end it on both sides in
 * the other's name (RFC 3261 12.2.1.1): its Call-ID, and of each party its From
 * or To with the tag, where its requests go (remote target and route set, as
 * seen from this proxy) and the highest CSeq it has used.
 */
struct parties;
enum party { PARTY_CALLER, PARTY_CALLEE, PARTIES };

/*
 * From the initial INVITE as this proxy sent it on and the first 2xx as it
 * went back, Contacts rewritten; `ours` tells this proxy's own Record-Routes.
 * 0, -ENOMEM, -EBADMSG where the answer has no tag.
 */
typedef bool parties_ours_h(const url_t *url, const void *arg);
int parties_alloc(struct parties **pp, const sip_t *invite, const sip_t *answer,
		  parties_ours_h *ours, const void *arg);

/* How a party is reached: the value of a Route header and where that leads;
 * "" where no other proxy stands between. */
struct parties_way {
	const char *route;
	struct channel dst;
};

/*
 * For a call whose beginning this process has not seen: from a request of
 * `from` within the dialog, its Route that of what follows this proxy, and its
 * 2xx. `back` leads to `from`, NULL where that is not known; the CSeq of the
 * other party is not.
 */
int parties_alloc_within(struct parties **pp, enum party from,
			 const struct parties_way *back, const sip_t *req,
			 const sip_t *answer);
void parties_free(struct parties *p); /* NULL is fine */

/* Where a party has been reached, or has come from: that is where a next hop
 * leads which is a name. */
void parties_reached(struct parties *p, enum party whose,
		     const struct channel *ch);

/* A request of this party within the dialog has this CSeq. */
void parties_heard(struct parties *p, enum party from, uint32_t cseq);

/* Its remote target is another now (RFC 3261 12.2.1.2). Without memory the one
 * before stays. */
void parties_moved(struct parties *p, enum party whose, const url_t *contact);

/* The tag in the party's From or To; "" where it gave none. */
bool parties_has_tag(const struct parties *p, enum party whose,
		     const char *tag);

const char *parties_call_id(const struct parties *p);

/* Its From or To, and the highest CSeq it has used. */
const char *parties_name(const struct parties *p, enum party whose);
uint32_t parties_cseq(const struct parties *p, enum party whose);

struct parties_bye {
	const struct channel *self; /* our end towards it, for the Via */
	const char *branch;
	const char *reason; /* the value of a Reason header */
};

/* Where what is sent to a party goes. 0; -ENOENT where that is not known. */
int parties_way(struct channel *dst, const struct parties *p, enum party to);

/* Print the ACK that `to` gets for its 2xx to the INVITE of this CSeq; its way
 * is parties_way(). Reason is not used. 0, -ENOENT, -EMSGSIZE. */
int parties_ack(struct strbuf *out, const struct parties *p, enum party to,
		const struct parties_bye *bye, uint32_t cseq);

/*
 * Print the BYE that `to` gets in the other's name. 0; -ENOENT where the way
 * there is not known, -EMSGSIZE. Uses up a CSeq.
 */
int parties_bye(struct strbuf *out, struct parties *p, enum party to,
		const struct parties_bye *bye);

/*
 * An OPTIONS that asks `to` whether it still has the dialog (RFC 3261 12.2.2).
 * It has the number of the last request that the other has sent: whoever finds
 * it too low says 500, which is an answer, and the next one of the other party
 * is not too low for it.
 */
int parties_options(struct strbuf *out, const struct parties *p, enum party to,
		    const struct parties_bye *by);

/* As a record of the dialog, whose strings are those of `p`; the relay and the
 * branch are the caller's to write. -ENOENT where a party is not known. */
int parties_record(struct record *out, const struct parties *p);

/* From such a record, taken long ago: the numbers used since are not known, so
 * ours are far above. 0, -EBADMSG, -ENOMEM. */
int parties_restore(struct parties **pp, const struct record *r);

#endif

#ifndef REDIRECTD_CONTACT_H
#define REDIRECTD_CONTACT_H

#include "common/sipmsg.h"
#include "redirectd/binding.h"

struct strbuf;

/*
 * Read one Contact of a REGISTER: `url[REDIRECT_URL_MAX]` is filled, b->url,
 * b->instance (borrowed from the message), b->q and b->reg_id are set. 0, or
 * -EINVAL with *why set (not a SIP URI, too long, bytes that do not belong, a
 * parameter that is malformed or comes twice).
 */
int contact_read(struct binding *b, char url[REDIRECT_URL_MAX],
		 const sip_contact_t *m, const char **why);

/* The seconds a Contact asks for: its own expires, the Expires header, or
 * `otherwise`; one that is not a number counts as absent (RFC 3261 10.2.1.1,
 * 20.19). Beyond 2^32-1 it is that. */
uint32_t contact_expires(const sip_contact_t *m, const sip_expires_t *ex,
			 uint32_t otherwise);

/* "Contact: <...>;q=0.7;expires=3600;+sip.instance=...\r\n" */
void contact_print(struct strbuf *out, const struct binding *b, dir_time now);

#endif

#ifndef COMMON_SIPMSG_CHECK_H
#define COMMON_SIPMSG_CHECK_H

#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>

struct sipmsg_bad;

/*
 * What a message must satisfy after Sofia-SIP has read it, which bears more
 * than it should. True, or false and *bad.
 */
bool sipmsg_check(struct sipmsg_bad *bad, const msg_t *msg, const sip_t *sip);

#endif

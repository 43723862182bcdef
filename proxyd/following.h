#ifndef PROXYD_FOLLOWING_H
#define PROXYD_FOLLOWING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/sipmsg.h"
#include "proxyd/branch.h"
#include "proxyd/parties.h"

struct proxy;
struct request;

/*
 * Following the dialogs of calls from the messages that pass, so that a call
 * can be ended when nobody else does it: what its parties are called, where
 * they are, which numbers they have used, how long their session timer runs.
 */

/* A step of flows, RFC 4028 8.1: the session timer of an INVITE or UPDATE. */
enum step_result following_timer(struct branch *b);

/* Which party has sent a request. */
enum party following_sender(const struct request *r);

/* Who speaks in the dialog that this answer makes, or is in: what was sent on,
 * and what goes back, its Contacts as they will be. 0, -EBADMSG, -ENOMEM. */
int following_parties(struct parties **pp, const struct branch *b,
		      const sip_t *answer);

/* A request within a dialog, with a valid route of ours, has come. */
void following_request(const struct branch *b);

/* Its 2xx cannot go back after all: no call comes about. */
void following_refused(const struct branch *b);

/* A 2xx to its request is on its way back, its Contacts as they will be and its
 * SDP as it came (RFC 4028 8.2: its session timer may be written). */
void following_answer(struct branch *b, int status, msg_t *msg);

/* Its request has failed with this final status, 408 where nobody answered. */
void following_failed(const struct branch *b, int status);

/* A BYE through us has been answered, or never will be: the dialog is no more.
 * False where it was of another dialog of this call than ours, which stays
 * (the caller has ended a second 2xx). */
bool following_ended(const struct branch *b);

/* The record of its dialog for the relay to keep (proto/record.h), good until
 * the next one; NULL where there is none. */
const char *following_record(struct proxy *p, const char *session);

#endif

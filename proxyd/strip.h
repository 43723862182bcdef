#ifndef PROXYD_STRIP_H
#define PROXYD_STRIP_H

#include <stdbool.h>

#include "common/sipmsg.h"

/*
 * What nobody outside the site may say: the words of our dialect, wherever a
 * URI stands that anybody here or behind us reads, and whose identity has been
 * asserted (RFC 3325); and what nobody outside is told: credentials for us.
 * Pure.
 */

/* Take the words of our dialect out of a URL; its strings live in `home`.
 * Whether there were any. */
bool strip_url(su_home_t *home, url_t *url);

/* A request of a phone: Contact, From, To, Path, Refer-To, Referred-By, the
 * Request-URI of one outside a dialog (within one it is a Contact that we have
 * written), and every Record-Route with such a word. Route stays: what counts
 * there is the hash. A `foreign` proxy may speak the dialect of its own site in
 * Contact and Record-Route. */
void strip_request(msg_t *msg, bool initial, bool foreign);

/* A response of a phone: its Contacts. */
void strip_response(msg_t *msg);

/* The realm of a challenge or of credentials, without its quotes. 0; -ENOENT
 * where there is none, -EMSGSIZE. */
enum { STRIP_REALM_MAX = 256 };
int strip_realm(char realm[STRIP_REALM_MAX], const msg_auth_t *auth);

/* Proxy-Authorization and Authorization of the realms (shorter than
 * STRIP_REALM_MAX) that `ours` says yes to. How many there were. */
typedef bool strip_ours_h(const char *realm, const void *arg);
unsigned strip_credentials(msg_t *msg, strip_ours_h *ours, const void *arg);

/* P-Asserted-Identity and P-Preferred-Identity: a proxy that has authenticated
 * nobody passes neither on (RFC 3325 5, 9.1, 9.2). */
void strip_identity(msg_t *msg);

#endif

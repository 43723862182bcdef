#ifndef REDIRECTD_REDIS_RESOLVE_H
#define REDIRECTD_REDIS_RESOLVE_H

#include <netdb.h>
#include <uv.h>

/* One look-up of a host's addresses, outside the loop's thread. */
struct redis_resolve;

/* The list is valid until this returns; empty with `err` (negative, as
 * uv_strerror() knows it) where there is none. */
typedef void redis_resolve_h(const struct addrinfo *list, int err, void *arg);

/* `fn` is called once, from the loop, unless cancelled. 0 or -ENOMEM, -errno.
 */
int redis_resolve_begin(struct redis_resolve **rp, uv_loop_t *loop,
			const char *host, redis_resolve_h *fn, void *arg);
void redis_resolve_cancel(struct redis_resolve *r); /* NULL is fine */

#endif

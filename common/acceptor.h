#ifndef COMMON_ACCEPTOR_H
#define COMMON_ACCEPTOR_H

#include <uv.h>

struct addr;

/* A TCP socket that connections are accepted from. */
struct acceptor;

/* One is there: uv_accept() takes it. `status` negative: the system has run
 * out of something. */
typedef void acceptor_h(uv_stream_t *from, int status, void *arg);

/* Listen on `bind` (IPv6 alone where it is IPv6; port 0: any), which *bound
 * tells. 0 or a negative errno. */
int acceptor_open(struct acceptor **ap, uv_loop_t *loop,
		  const struct addr *bind, struct addr *bound,
		  acceptor_h *accepth, void *arg);

void acceptor_close(struct acceptor *a);

#endif

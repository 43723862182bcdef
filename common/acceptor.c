#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/acceptor.h"
#include "common/addr.h"

enum { BACKLOG = 1024 };

struct acceptor {
	uv_tcp_t tcp;
	acceptor_h *accepth;
	void *arg;
};

static void on_connection(uv_stream_t *listener, int status)
{
	const struct acceptor *a = listener->data;

	a->accepth(listener, status, a->arg);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* libuv sets SO_REUSEADDR. */
static int start(struct acceptor *a, const struct addr *bind,
		 struct addr *bound)
{
	bool six = addr_family(bind) == AF_INET6;
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	int err = uv_tcp_bind(&a->tcp, &bind->u.sa,
			      six ? (unsigned)UV_TCP_IPV6ONLY : 0);

	if (!err)
		err = uv_listen((uv_stream_t *)&a->tcp, BACKLOG, on_connection);
	if (!err)
		err = uv_tcp_getsockname(&a->tcp, (struct sockaddr *)&ss, &len);
	return err ? err : addr_from_sa(bound, (struct sockaddr *)&ss);
}

int acceptor_open(struct acceptor **ap, uv_loop_t *loop,
		  const struct addr *bind, struct addr *bound,
		  acceptor_h *accepth, void *arg)
{
	struct acceptor *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	err = uv_tcp_init(loop, &a->tcp);
	if (err) {
		free(a);
		return err;
	}
	a->tcp.data = a;
	a->accepth = accepth;
	a->arg = arg;
	err = start(a, bind, bound);
	if (err)
		acceptor_close(a);
	else
		*ap = a;
	return err;
}

void acceptor_close(struct acceptor *a)
{
	if (a)
		uv_close((uv_handle_t *)&a->tcp, on_closed);
}

#include <errno.h>
#include <stdlib.h>

#include "redirectd/redis_resolve.h"

struct redis_resolve {
	uv_getaddrinfo_t req;
	redis_resolve_h *fn; /* NULL: cancelled */
	void *arg;
};

static void on_resolved(uv_getaddrinfo_t *req, int status,
			struct addrinfo *list)
{
	struct redis_resolve *r = req->data;

	if (r->fn)
		r->fn(list, status, r->arg);
	uv_freeaddrinfo(list);
	free(r);
}

int redis_resolve_begin(struct redis_resolve **rp, uv_loop_t *loop,
			const char *host, redis_resolve_h *fn, void *arg)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct redis_resolve *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->arg = arg;
	r->req.data = r;
	err = uv_getaddrinfo(loop, &r->req, on_resolved, host, NULL, &hints);
	if (err)
		free(r);
	else
		*rp = r;
	return err;
}

/* One that is being worked on cannot be stopped: it ends unheard. */
void redis_resolve_cancel(struct redis_resolve *r)
{
	if (!r)
		return;
	r->fn = NULL;
	(void)uv_cancel((uv_req_t *)&r->req);
}

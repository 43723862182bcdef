#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "redirectd/redis_poll.h"

struct redis_poll {
	redisAsyncContext *ac; /* NULL once it is gone */
	uv_poll_t poll;
	uv_prepare_t flush;
	int events;
	bool writing;
	unsigned handles; /* not closed yet */
	void (*wrote)(void *arg);
	void *arg;
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct redis_poll *p, int events)
{
	if (events == p->events)
		return;
	p->events = events;
	if (events)
		(void)uv_poll_start(&p->poll, events, on_poll);
	else
		(void)uv_poll_stop(&p->poll);
}

static void write_now(struct redis_poll *p)
{
	p->writing = true;
	redisAsyncHandleWrite(p->ac);
	p->writing = false;
	if (p->ac)
		p->wrote(p->arg);
}

/* libuv has stopped watching where status is an error; hiredis then finds the
 * reason by trying. */
static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct redis_poll *p = handle->data;

	if (status < 0) {
		p->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (p->ac && (events & UV_READABLE))
		redisAsyncHandleRead(p->ac);
	if (p->ac && (events & UV_WRITABLE))
		write_now(p);
}

static void on_flush(uv_prepare_t *handle)
{
	struct redis_poll *p = handle->data;

	(void)uv_prepare_stop(handle);
	if (p->ac)
		write_now(p);
}

static void add_read(void *data)
{
	struct redis_poll *p = data;

	watch(p, p->events | UV_READABLE);
}

static void del_read(void *data)
{
	struct redis_poll *p = data;

	watch(p, p->events & ~UV_READABLE);
}

/* Called for each command, and for what is left after a write. */
static void add_write(void *data)
{
	struct redis_poll *p = data;

	if ((p->ac->c.flags & REDIS_CONNECTED) && !p->writing)
		(void)uv_prepare_start(&p->flush, on_flush);
	else
		watch(p, p->events | UV_WRITABLE);
}

static void del_write(void *data)
{
	struct redis_poll *p = data;

	(void)uv_prepare_stop(&p->flush);
	watch(p, p->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct redis_poll *p = handle->data;

	if (!--p->handles)
		free(p);
}

static void cleanup(void *data)
{
	struct redis_poll *p = data;

	p->ac = NULL;
	uv_close((uv_handle_t *)&p->poll, on_closed);
	uv_close((uv_handle_t *)&p->flush, on_closed);
}

int redis_poll_attach(redisAsyncContext *ac, uv_loop_t *loop,
		      void (*wrote)(void *arg), void *arg)
{
	struct redis_poll *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	err = uv_poll_init(loop, &p->poll, ac->c.fd);
	if (err) {
		free(p);
		return err;
	}
	(void)uv_prepare_init(loop, &p->flush);
	p->ac = ac;
	p->poll.data = p->flush.data = p;
	p->handles = 2;
	p->wrote = wrote;
	p->arg = arg;
	ac->ev.data = p;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}

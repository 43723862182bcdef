#ifndef REDIRECTD_REDIS_POLL_H
#define REDIRECTD_REDIS_POLL_H

#include <hiredis/async.h>
#include <uv.h>

/*
 * hiredis on the loop. Unlike its own adapter: an error of the socket is an
 * error of the connection, and the commands of one turn of the loop leave in
 * one write, before it sleeps. `wrote` is called after each write. All of it is
 * released with the context. 0, -ENOMEM, -errno.
 */
int redis_poll_attach(redisAsyncContext *ac, uv_loop_t *loop,
		      void (*wrote)(void *arg), void *arg);

#endif

#ifndef REDIRECTD_REDIS_CONN_H
#define REDIRECTD_REDIS_CONN_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "redirectd/redis_args.h"
#include "redirectd/redis_script.h"
#include "redirectd/redis_url.h"

/*
 * The connection to the server: made, kept and made again without anybody
 * waiting for it. Its name is looked up each time. A command that is not
 * answered within REDIS_ANSWER_MS means that the server is away: all that was
 * asked is then answered with nothing, and from there on refused until it is
 * back.
 */
struct redis_conn;

enum { REDIS_ANSWER_MS = 700 };

/* A reply, valid until this returns; NULL: the connection was lost before it
 * came. */
typedef void redis_reply_h(const redisReply *reply, void *arg);

struct redis_conn_config {
	uv_loop_t *loop;
	struct redis_url url;
	/* It is up; it is not: at once where the first attempt fails. */
	void (*changed)(bool up, void *arg);
	void *arg;
};

/* 0 or -ENOMEM; the first attempt is begun. */
int redis_conn_open(struct redis_conn **cp,
		    const struct redis_conn_config *cfg);

/* What was asked is answered with NULL (maybe after this has returned), then
 * `closed` is called, from the loop. */
void redis_conn_close(struct redis_conn *c, void (*closed)(void *arg),
		      void *arg);

bool redis_conn_is_up(const struct redis_conn *c);

/* Whether the first attempt is still under way. */
bool redis_conn_is_begun(const struct redis_conn *c);

/* Which turn of sending this is: what is asked with the same number or a later
 * one leaves only after now. */
uint64_t redis_conn_turn(const struct redis_conn *c);

/* Ask. 0; -ENOTCONN, -ENOBUFS (too much unanswered), -ENOMEM, -EMSGSIZE: `fn`
 * is not called. */
int redis_conn_ask(struct redis_conn *c, const struct redis_args *a,
		   redis_reply_h *fn, void *arg);

/* The same with the bytes of a command (copied). */
int redis_conn_ask_bytes(struct redis_conn *c, const char *cmd, size_t len,
			 redis_reply_h *fn, void *arg);

/* It cannot be worked with, and the reason, for the log: begin anew later. */
void redis_conn_refuse(struct redis_conn *c, const char *why);

/* For the greeting: it can be worked with from now on. */
void redis_conn_greeted(struct redis_conn *c);
const struct redis_url *redis_conn_url(const struct redis_conn *c);
struct redis_scripts *redis_conn_scripts(struct redis_conn *c);

#endif

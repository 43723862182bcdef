#ifndef REDIRECTD_REDIS_GREETING_H
#define REDIRECTD_REDIS_GREETING_H

struct redis_conn;

/*
 * What is said first on a connection: who we are, which database; whether the
 * server is one that may be written to, and holds what we understand; and the
 * scripts. It ends with redis_conn_greeted() or redis_conn_refuse(). 0 or
 * -ENOMEM.
 */
int redis_greeting_begin(struct redis_conn *c);

#endif

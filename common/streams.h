#ifndef COMMON_STREAMS_H
#define COMMON_STREAMS_H

#include "common/transports.h"

/*
 * The connections of all stream transports, and the sockets they are accepted
 * from. Part of transports.c, which documents what the calls here have in
 * common with its own.
 */
struct streams;
struct tls_context;

/* `n`: where to count; outlives it. */
int streams_alloc(struct streams **sp, uv_loop_t *loop,
		  const struct transports_config *cfg,
		  struct transports_counts *n);

/* Closes everything without telling; safe inside a handler. */
void streams_free(struct streams *s);

/* Of connections from now on; taken over. */
void streams_set_tls(struct streams *s, struct tls_context *tls);

/* Listen as the end `local`; *bound tells where. */
int streams_listen(struct streams *s, enum transport transport, unsigned local,
		   const struct addr *bind, struct addr *bound);

/* A connection that a message can be sent on at once, or is being opened. */
bool streams_find(struct streams *s, struct channel *ch);

/* As transports_connect(); ch->local is given and `from` is its address. */
int streams_connect(struct streams *s, struct channel *ch,
		    const struct addr *from, const char *name);

/* On the connection ch->conn. */
int streams_send(struct streams *s, uint64_t conn, const void *data,
		 size_t len);
int streams_ping(struct streams *s, uint64_t conn);
void streams_close(struct streams *s, uint64_t conn);

/* The end that a connection is at; 0: there is no such connection. */
unsigned streams_local(const struct streams *s, uint64_t conn);

void streams_flush(struct streams *s);
size_t streams_count(const struct streams *s);

#endif

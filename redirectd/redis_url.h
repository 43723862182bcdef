#ifndef REDIRECTD_REDIS_URL_H
#define REDIRECTD_REDIS_URL_H

#include <stdint.h>

/*
 * Where a Redis or Valkey server is, behind the scheme of its URL:
 *
 *   redis:      //[USER:PASSWORD@]HOST[:PORT][/DB]
 *   redis+unix: //[USER:PASSWORD@]/PATH[?db=DB]
 *
 * USER and PASSWORD may hold %XX; an empty USER is the server's default one.
 */
struct redis_url {
	char user[128];     /* "": none */
	char password[256]; /* "": none */
	char host[256];     /* a name or an address; "": a Unix socket */
	uint16_t port;
	char path[108]; /* of the Unix socket */
	unsigned db;
	char name[400]; /* for logs: without who or password */
};

enum { REDIS_PORT = 6379, REDIS_DB_MAX = 65535 };

/* 0 or -EINVAL. */
int redis_url_tcp(struct redis_url *u, const char *text);
int redis_url_unix(struct redis_url *u, const char *text);

#endif

#ifndef COMMON_ADMIN_LISTEN_H
#define COMMON_ADMIN_LISTEN_H

struct addr;

/* A listening socket of the admin HTTP server's own, as libmicrohttpd's would
 * not say why it failed, and the address as bound. 0 or a negative errno. */
int admin_listen(int *fdp, struct addr *local, const struct addr *listen_at);

/* The address of one that there is. 0 or a negative errno. */
int admin_listen_bound(struct addr *local, int fd);

#endif

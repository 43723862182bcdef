#ifndef COMMON_NETSET_H
#define COMMON_NETSET_H

#include <stdbool.h>
#include <stddef.h>

struct addr;
struct netset;

/* A set of networks in CIDR form. Free with netset_free(). 0 or -ENOMEM. */
int netset_alloc(struct netset **setp);
void netset_free(struct netset *set);

/* "203.0.113.0/24", "2001:db8::/32" or one address. 0, -EINVAL, -ENOMEM. */
int netset_add(struct netset *set, const char *cidr);

/* Whether the address (its port is ignored) lies in one of the networks. */
bool netset_has(const struct netset *set, const struct addr *a);
size_t netset_count(const struct netset *set);

#endif

#ifndef PROXYD_MEASURES_H
#define PROXYD_MEASURES_H

struct proxy;

/* Make p->metrics: every counter and gauge of the proxy and of what it uses.
 * 0 or -ENOMEM; freed by the caller in both cases. */
int measures_open(struct proxy *p);

#endif

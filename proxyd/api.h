#ifndef PROXYD_API_H
#define PROXYD_API_H

struct proxy;

/* The paths under /api/ of the admin server. 0 or a negative errno. */
int api_routes(struct proxy *p);

#endif

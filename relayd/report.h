#ifndef RELAYD_REPORT_H
#define RELAYD_REPORT_H

#include <jansson.h>
#include <stdint.h>

struct load;
struct ports;
struct session;

/* A session in JSON: per stream, component and side what was forwarded and
 * what was learned. The body of a release's answer and of /api/sessions?call=.
 * New reference, NULL when out of memory. */
json_t *report_session(const struct session *s, uint64_t now);

/* One line of the list of sessions. */
json_t *report_session_brief(const struct session *s, uint64_t now);

/* {"sessions", "streams", "ports_free", "ports_total", "draining"}: the body of
 * the answer to OPTIONS. */
json_t *report_load(const struct load *load, struct ports *ports, uint64_t now);

#endif

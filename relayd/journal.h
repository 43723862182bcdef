#ifndef RELAYD_JOURNAL_H
#define RELAYD_JOURNAL_H

#include <stdint.h>

#include "common/sipmsg.h"
#include "common/trace.h"

struct session;
struct stream_event;

/* What an operator can read afterwards: log lines and notes in the call trace,
 * one function for each thing that happens. */
struct journal;

/* `trace` outlives it. 0 or -ENOMEM. */
int journal_alloc(struct journal **jp, struct trace *trace);
void journal_free(struct journal *j);

/* A control message of a call, as it came or went. */
void journal_message(struct journal *j, const char *call_id, enum trace_dir dir,
		     const struct addr *local, const struct addr *peer,
		     const char *text, size_t len);

/* A trusted proxy was refused; anybody else was (now and then one is logged, as
 * anybody can send these). */
void journal_refused(struct journal *j, const sip_t *sip,
		     const struct addr *src, int status, const char *phrase);
void journal_outsider(struct journal *j, const sip_t *sip,
		      const struct addr *src, uint64_t now);

void journal_opened(struct journal *j, const struct session *s);
void journal_answered(struct journal *j, const struct session *s);
/* A channel learned, learned anew, or a stranger. */
void journal_stream(struct journal *j, const struct session *s,
		    const struct stream_event *ev);
/* Its proxy is told that the media is gone (err 0), or could not be. */
void journal_gone(struct journal *j, const struct session *s, const char *why,
		  int err);
void journal_gone_answered(const char *call_id, int status);
void journal_released(struct journal *j, const struct session *s, uint64_t now);
void journal_expired(struct journal *j, const struct session *s, uint64_t now);

#endif

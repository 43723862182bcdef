#ifndef COMMON_TRACE_H
#define COMMON_TRACE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct trace;

/*
 * The messages of recent calls, kept in memory for the operator: what came and
 * went, in order, with notes (verdicts, rewrites, first packets). Bounded in
 * calls and bytes; the call that was silent longest goes first. No call gets
 * more than an eighth of the bytes, then its own oldest messages go, so that
 * one noisy call does not push out the others. Any thread may use it.
 */
enum trace_dir { TRACE_IN, TRACE_OUT, TRACE_NOTE };

int trace_alloc(struct trace **tp, size_t max_calls, size_t max_bytes);
void trace_free(struct trace *t);

/*
 * Remember one message (or note) of a call. `us` is wall-clock microseconds.
 * The text is copied, up to 4 KiB of it. Out of memory drops the entry.
 */
void trace_add(struct trace *t, const char *call_id, uint64_t us,
	       enum trace_dir dir, const struct addr *local,
	       const struct addr *peer, const char *text, size_t len);

/* [{"time_us":…, "dir":"in|out|note", "local":"…", "peer":"…", "text":"…"}] of
 * one call, oldest first; NULL where it is not known. New reference. Text that
 * is not UTF-8 has its bytes replaced. */
json_t *trace_json(struct trace *t, const char *call_id);

/* ["call-id", …], newest first. New reference. */
json_t *trace_calls_json(struct trace *t);

#endif

#ifndef COMMON_SIPMSG_FAULT_H
#define COMMON_SIPMSG_FAULT_H

#include <stdint.h>

#include "common/metrics.h"

/*
 * What can be wrong with a message, once: name, status that a request with it
 * is refused with, reason phrase, which is also the help of its counter.
 */
#define SIPMSG_FAULTS(X)                                                       \
	X(memory, 500, "Out Of Memory")                                        \
	X(too_long, 513, "Message Too Large")                                  \
	X(too_many_lines, 513, "Too Many Header Lines")                        \
	X(too_many_items, 513, "Too Many Items In One Header")                 \
	X(line_end, 400, "Header Without CRLF Or Empty Line At Its End")       \
	X(control, 400, "Control Character In Header")                         \
	X(colon, 400, "Header Line Without Colon")                             \
	X(start_line, 400, "Malformed Start Line")                             \
	X(version, 505, "SIP Version Not Supported")                           \
	X(status, 400, "No Such Status Code")                                  \
	X(header, 400, "Malformed Header")                                     \
	X(twice, 400, "Header That May Come Once Came Twice")                  \
	X(no_via, 400, "Via Missing")                                          \
	X(no_from, 400, "From Missing")                                        \
	X(no_to, 400, "To Missing")                                            \
	X(no_call_id, 400, "Call-ID Missing")                                  \
	X(no_cseq, 400, "CSeq Missing")                                        \
	X(call_id, 400, "Call-ID Too Long Or Of Several Words")                \
	X(cseq, 400, "CSeq Out Of Range")                                      \
	X(cseq_method, 400, "CSeq Method Is Not The Method")                   \
	X(max_forwards, 400, "Max-Forwards Out Of Range")                      \
	X(escape, 400, "Broken Escape In URI")                                 \
	X(bracket, 400, "Bracket, Quote Or Space In URI")                      \
	X(quote, 400, "Quoted String Without End")                             \
	X(uri, 400, "Malformed URI")                                           \
	X(uri_headers, 400, "Headers In URI Without Brackets")                 \
	X(route, 400, "Route That Is No SIP URI")                              \
	X(body, 400, "Body Shorter Than Content-Length")

enum sipmsg_fault {
	SIPMSG_FAULT_NONE,
#define SIPMSG_FAULT_ENUM(name, status, phrase) SIPMSG_FAULT_##name,
	SIPMSG_FAULTS(SIPMSG_FAULT_ENUM)
#undef SIPMSG_FAULT_ENUM
		SIPMSG_FAULT_COUNT
};

/* How often each was met, by enum sipmsg_fault; the first is not used. */
struct sipmsg_faults {
	uint64_t v[SIPMSG_FAULT_COUNT];
};

/* Name and help of each counter but the first: "malformed_line_end". */
enum { SIPMSG_FAULT_DEFS = SIPMSG_FAULT_COUNT - 1 };
extern const struct metric_def sipmsg_fault_defs[SIPMSG_FAULT_DEFS];

/* "line_end"; "none" */
const char *sipmsg_fault_name(enum sipmsg_fault fault);

/* "Header Without CRLF Or Empty Line At Its End"; NULL for none. */
const char *sipmsg_fault_phrase(enum sipmsg_fault fault);

/* 400, 500, 505 or 513; 0 for none. */
int sipmsg_fault_status(enum sipmsg_fault fault);

#endif

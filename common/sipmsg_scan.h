#ifndef COMMON_SIPMSG_SCAN_H
#define COMMON_SIPMSG_SCAN_H

#include <stddef.h>

#include "common/sipmsg_fault.h"

/*
 * What the start line and header lines must satisfy before Sofia-SIP sees
 * them, so that every reader of the message, here and further on, cuts it into
 * the same lines, and nothing reaches Sofia that it handles badly: lines end
 * with CRLF and the block with an empty line, no control characters, a bounded
 * number of lines, of list items and of parameters in each header (Sofia reads
 * lists recursively), single spaces in a Request-Line of SIP/2.0, every "%" of
 * a URI followed by two hex digits, no bracket, quote or space within a URI and
 * no quoted name that does not end, "?" only where brackets are around the URI,
 * no comma outside quotes in From and To.
 */
enum sipmsg_fault sipmsg_scan(const char *data, size_t len);

#endif

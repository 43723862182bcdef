#ifndef COMMON_SIPMSG_SCAN_H
#define COMMON_SIPMSG_SCAN_H

#include <stddef.h>

/*
 * What the start line and header lines must satisfy before Sofia-SIP sees
 * them, so that every reader of the message, here and further on, cuts it into
 * the same lines, and nothing reaches Sofia that it handles badly: lines end
 * with CRLF and the block with an empty line, no control characters, a bounded
 * number of lines, of list items and of parameters in each header (Sofia reads
 * lists recursively), every "%" of a URI followed by two hex digits, no angle
 * bracket or quote within a URI. 0, or -EBADMSG and *why.
 */
int sipmsg_scan(const char *data, size_t len, const char **why);

#endif

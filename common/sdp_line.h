#ifndef COMMON_SDP_LINE_H
#define COMMON_SDP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct strbuf;

/*
 * The lines of a session description, for sdp_parse and sdp_replace, which
 * must read every line alike. Pieces are borrowed from the text.
 */
struct sdp_span {
	const char *p;
	size_t len;
};

struct sdp_line {
	char type; /* 'm' of "m=…"; 0: not of that form */
	struct sdp_span value;
	struct sdp_span raw;  /* the whole line */
	struct sdp_span tail; /* trailing blanks and line ending */
};

/* The next line; `rest` shrinks. False at the end. */
bool sdp_line_next(struct sdp_line *l, struct sdp_span *rest);

/* The next blank-separated word of a value; `rest` shrinks. False: none. */
bool sdp_word(struct sdp_span *word, struct sdp_span *rest);

bool sdp_span_is(const struct sdp_span *s, const char *text);

/* Whether there are no control characters but tabs. A NUL or a lone CR within
 * a line would have others cut the text into other lines than we do. */
bool sdp_span_printable(const struct sdp_span *s);

/* A whole number of 0-65535; false where it is anything else. */
bool sdp_span_port(uint16_t *port, const struct sdp_span *s);

/* Whether `l` is "a=NAME" or "a=NAME:VALUE"; the value, maybe empty. */
bool sdp_attribute(struct sdp_span *value, const struct sdp_line *l,
		   const char *name);

/* The address of "IN IP4 224.2.1.1/127", port 0; none where it is a name or
 * anything else. */
void sdp_connection_parse(struct addr *ip, struct sdp_span text);

/* Print it again: "IN IP4 203.0.113.4". */
void sdp_network_print(struct strbuf *out, const struct addr *a);

/* An m= line's fields; `count` is the "/2" of "4000/2" or empty. */
struct sdp_mline {
	struct sdp_span type, port, count, proto, fmt;
	uint16_t number; /* the port's */
};

/* 0 or -EBADMSG. */
int sdp_mline_parse(struct sdp_mline *m, const struct sdp_line *l);

#endif

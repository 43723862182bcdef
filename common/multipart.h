#ifndef COMMON_MULTIPART_H
#define COMMON_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/*
 * The part of one type within a multipart body (RFC 2046 5.1, RFC 5621), which
 * may be within another multipart: found, and replaced with all else left to
 * the byte. Pure; what is found is borrowed from the body.
 */
enum {
	MULTIPART_DEPTH_MAX = 2, /* a multipart, and one within it */
	MULTIPART_PARTS_MAX = 32,
	MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 5.1.1 */
};

struct multipart_span {
	const char *p;
	size_t len;
};

struct multipart_part {
	struct multipart_span content;
	/* What says how long it is, and how long what it is within is: digits
	 * of the Content-Length of a part, innermost first. */
	struct {
		struct multipart_span digits; /* len 0: it does not say */
		size_t length;                /* of the content, truly */
	} level[MULTIPART_DEPTH_MAX];
};

/*
 * Find the part of this type ("application/sdp") in a body whose Content-Type
 * is multipart/`subtype` with this boundary, quotes removed. Of several the
 * first, but the last in multipart/alternative (RFC 2046 5.1.4). Parts that are
 * encoded, and those of another session (Content-Disposition: early-session,
 * RFC 3959), are passed over. False where there is none, or where the body is
 * not of that form.
 */
bool multipart_find(struct multipart_part *out, const char *body, size_t len,
		    const char *subtype, const char *boundary,
		    const char *type);

/* Copy the body with the part's content replaced, and with the Content-Length
 * of what it is in set anew. 0 or -EMSGSIZE. */
int multipart_replace(struct strbuf *out, const char *body, size_t len,
		      const struct multipart_part *part, const char *content,
		      size_t content_len);

/* The value of a boundary parameter, quotes and escapes removed, as a string.
 * False where there is none, or it is too long. */
bool multipart_boundary(char out[MULTIPART_BOUNDARY_MAX + 1], const char *value,
			size_t len);

#endif

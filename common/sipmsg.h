#ifndef COMMON_SIPMSG_H
#define COMMON_SIPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_util.h>

#include "common/sipmsg_fault.h"

struct addr;
struct channel;
struct strbuf;

enum { SIPMSG_MAX = 65535, SIPMSG_CALLID_MAX = 256, SIPMSG_HEADERS_MAX = 256 };

/*
 * The one door to Sofia-SIP's parser and printer. A message is a msg_t (freed
 * with msg_destroy); headers are read through sip_object(msg).
 */

/*
 * Parse one datagram (RFC 3261 7, 18.3). The bytes are copied. 0 and *msgp;
 * -EBADMSG where it is not a SIP message with From, To, Call-ID, CSeq, Via
 * all present once and well-formed, CSeq method equal to the method,
 * Content-Length not beyond the datagram (a longer datagram is cut),
 * Call-ID shorter than SIPMSG_CALLID_MAX, at most SIPMSG_HEADERS_MAX header
 * lines, each ending with CRLF; -ENOMEM. *why (may be NULL) then says what
 * was wrong (common/sipmsg_fault.h). Headers that nobody here reads may be
 * malformed and are passed on as they came, but none that may come once (RFC
 * 3261 7.3.1) comes twice. Several values on one line ("Via: a, b") are printed
 * one a line, so that any one header may be changed and msg_fragment_clear()ed.
 */
int sipmsg_parse(msg_t **msgp, const char *data, size_t len, const char **why);

/* The same, with what was wrong for sipmsg_refuse(); `header` (static, or
 * NULL) is the one that could not be read. */
struct sipmsg_bad {
	enum sipmsg_fault fault;
	const char *header;
};
int sipmsg_admit(msg_t **msgp, const char *data, size_t len,
		 struct sipmsg_bad *bad);

/* The Call-ID of a datagram that is not parsed yet (and NUL-terminated behind
 * `size`), of *len bytes; NULL where there is none to be seen. For choosing
 * who is to parse it. */
const char *sipmsg_peek_call_id(size_t *len, const char *data, size_t size);

/*
 * A copy to be changed and sent on; either may be destroyed first. It prints
 * the bytes that came until a header is changed. Header structs and parameter
 * lists are its own; strings are shared, so put a new string in place of one,
 * never write into it. NULL: out of memory.
 */
msg_t *sipmsg_copy(msg_t *msg);

/* Print as it goes on the wire. 0, -EMSGSIZE, -ENOMEM. Content-Length is set
 * to the body's length. */
int sipmsg_print(struct strbuf *out, msg_t *msg);

/* The value of one header of a message (any sip_..._t), without its name, as
 * text in `home`. Sofia-SIP's own sip_header_as_string() loses the parameters
 * of a value that is longer than 126 bytes. NULL: out of memory. */
char *sipmsg_header_text(su_home_t *home, const void *header);

/*
 * Print the local response to a request (RFC 3261 8.2.6): Via, From, To (with
 * `to_tag` unless it has one, or the status is 100), Call-ID, CSeq,
 * Record-Route for 101-299, all as they came; then `extra` ("Contact:
 * <...>\r\n", or NULL), and the body with its Content-Type (NULL: none).
 * `phrase` NULL: the standard one. 0 or -EMSGSIZE.
 */
struct sipmsg_reply {
	int status;
	const char *phrase;
	const char *to_tag;
	const char *extra;
	const char *ctype;
	const char *body;
	size_t body_len;
};
int sipmsg_reply(struct strbuf *out, const sip_t *req,
		 const struct sipmsg_reply *r);

/* Where a response to `sip` goes from the top Via (RFC 3261 18.2.2, 3581):
 * received or sent-by, rport or sent-by port. 0, or -EINVAL where the host is
 * a name without received. */
int sipmsg_via_dest(struct addr *dst, const sip_via_t *via);

/* Note the source in a request's top Via: received where the sent-by is another
 * address or a name (RFC 3261 18.2.1) and always beside rport, rport where
 * asked for or `force` (RFC 3581 section 4). What stood there is replaced, the
 * sent-by stays. 0 or -ENOMEM. */
int sipmsg_via_received(msg_t *msg, const struct addr *src, bool force);

/* The sent-by host and port of a Via as address (port 5060 if absent): 0, or
 * -EINVAL where the host is a name. */
int sipmsg_via_addr(struct addr *a, const sip_via_t *via);

/* The host and port of a SIP URI as address (default port 5060, 5061 for
 * sips): 0, or -EINVAL where the host is a name or the scheme is not SIP. */
int sipmsg_url_addr(struct addr *a, const url_t *url);

/* Where a SIP URI leads without any look-up (RFC 3261 19.1.2): its transport
 * parameter (udp; tls for sips), host, and port or that transport's own. 0, or
 * -EINVAL where the host is a name, the transport not known, or the scheme not
 * SIP. */
int sipmsg_url_channel(struct channel *c, const url_t *url);

/* Replace a URL's host and port; the strings live in `home`. 0 or -ENOMEM. */
int sipmsg_url_set_addr(su_home_t *home, url_t *url, const struct addr *a);

/* The value of a URI parameter into buf (NUL-terminated), printable characters
 * unescaped. Length, or -ENOENT, -EMSGSIZE. */
int sipmsg_url_param(char *buf, size_t cap, const url_t *url, const char *name);

/* Append ";name=value", escaping what may not stand in a URI parameter (RFC
 * 3261 25.1; brackets too, which Sofia-SIP bears by accident only); ";name"
 * where the value is empty. */
void sipmsg_param_add(struct strbuf *out, const char *name, const char *value);

/* Remove, then (value not NULL) add a URI parameter, escaped as above; a new
 * string in `home`. 0 or -ENOMEM. */
int sipmsg_url_param_set(su_home_t *home, url_t *url, const char *name,
			 const char *value);

/* "method" of a request or of a response's CSeq, as text. */
const char *sipmsg_method(const sip_t *sip);

/* Body bytes, or len 0; *sdp tells whether Content-Type is application/sdp. Of
 * a multipart body that has a session description it is that part. */
const char *sipmsg_body(size_t *len, bool *sdp, const sip_t *sip);

/* Replace what sipmsg_body() gives (copied), or remove the whole body where len
 * is 0; the Content-Type stays. 0 or -ENOMEM. */
int sipmsg_set_body(msg_t *msg, const char *data, size_t len);

/* A random token of n-1 characters and NUL, from the kernel's generator. */
void sipmsg_token(char *buf, size_t n);

#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/multipart.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"

static const char type_sdp[] = "application/sdp";
static const char type_multipart[] = "multipart/";

/* The part of a multipart body that is a session description (RFC 5621). */
static bool find_sdp(struct multipart_part *part, const sip_t *sip)
{
	const sip_payload_t *pl = sip->sip_payload;
	const sip_content_type_t *ct = sip->sip_content_type;
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	const size_t n = strlen(type_multipart);
	const char *value;

	if (!pl || !ct || !ct->c_type ||
	    strncasecmp(ct->c_type, type_multipart, n) != 0)
		return false;
	value = msg_params_find(ct->c_params, "boundary=");
	return value && multipart_boundary(boundary, value, strlen(value)) &&
	       multipart_find(part, pl->pl_data, pl->pl_len, ct->c_type + n,
			      boundary, type_sdp);
}

const char *sipmsg_body(size_t *len, bool *sdp, const sip_t *sip)
{
	const sip_payload_t *pl = sip->sip_payload;
	const sip_content_type_t *ct = sip->sip_content_type;
	struct multipart_part part;

	if (find_sdp(&part, sip)) {
		if (sdp)
			*sdp = true;
		*len = part.content.len;
		return part.content.p;
	}
	if (sdp)
		*sdp = ct && ct->c_type &&
		       strcasecmp(ct->c_type, type_sdp) == 0;
	*len = pl ? pl->pl_len : 0;
	return pl ? pl->pl_data : "";
}

static int put_body(msg_t *msg, const char *data, size_t len)
{
	sip_t *sip = sip_object(msg);
	msg_header_t *old = (msg_header_t *)sip->sip_payload;
	sip_payload_t *pl = sip_payload_create(msg_home(msg), data, len);
	int err;

	if (!pl)
		return -ENOMEM;
	if (old)
		err = msg_header_replace(msg, (msg_pub_t *)sip, old,
					 (msg_header_t *)pl);
	else
		err = msg_header_insert(msg, (msg_pub_t *)sip,
					(msg_header_t *)pl);
	return err < 0 ? -ENOMEM : 0;
}

static int put_part(msg_t *msg, const struct multipart_part *part,
		    const char *data, size_t len)
{
	/* the lengths may grow by a few digits */
	enum { DIGITS = 32 * MULTIPART_DEPTH_MAX };
	const sip_payload_t *pl = sip_object(msg)->sip_payload;
	size_t cap = pl->pl_len + len + DIGITS;
	char *text = malloc(cap);
	struct strbuf sb;
	int err;

	if (!text)
		return -ENOMEM;
	strbuf_init(&sb, text, cap);
	err = multipart_replace(&sb, pl->pl_data, pl->pl_len, part, data, len);
	if (!err)
		err = put_body(msg, text, sb.len);
	free(text);
	return err;
}

int sipmsg_set_body(msg_t *msg, const char *data, size_t len)
{
	sip_t *sip = sip_object(msg);
	msg_header_t *old = (msg_header_t *)sip->sip_payload;
	struct multipart_part part;

	if (len == 0) {
		if (old)
			msg_header_remove_all(msg, (msg_pub_t *)sip, old);
		return 0;
	}
	if (find_sdp(&part, sip))
		return put_part(msg, &part, data, len);
	return put_body(msg, data, len);
}

#include "common/admin_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char type_json[] = "application/json";
const char admin_type_html[] = "text/html; charset=utf-8";
const char admin_type_metrics[] = "text/plain; version=0.0.4; charset=utf-8";

static struct MHD_Response *make(const char *type, char *text)
{
	struct MHD_Response *r = NULL;

	if (text)
		r = MHD_create_response_from_buffer(strlen(text), text,
						    MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (type == admin_type_html)
		MHD_add_response_header(r, "Content-Security-Policy",
					"default-src 'none'; "
					"style-src 'unsafe-inline'");
	return r;
}

/* NULL: out of memory. */
static enum MHD_Result queue(struct MHD_Connection *conn, int status,
			     struct MHD_Response *r)
{
	enum MHD_Result ret;

	if (!r) {
		r = MHD_create_response_from_buffer(0, NULL,
						    MHD_RESPMEM_PERSISTENT);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	if (!r)
		return MHD_NO;
	ret = MHD_queue_response(conn, (unsigned int)status, r);
	MHD_destroy_response(r);
	return ret;
}

enum MHD_Result admin_reply(struct MHD_Connection *conn, int status,
			    const char *type, char *text)
{
	return queue(conn, status, make(type, text));
}

static char *print(json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY |
						     JSON_REAL_PRECISION(6))
			  : NULL;

	json_decref(body);
	return text;
}

enum MHD_Result admin_reply_json(struct MHD_Connection *conn, int status,
				 json_t *body)
{
	return admin_reply(conn, status, type_json, print(body));
}

enum MHD_Result admin_reply_error(struct MHD_Connection *conn, int status,
				  const char *what)
{
	return admin_reply_json(conn, status, json_pack("{ss}", "error", what));
}

enum MHD_Result admin_reply_methods(struct MHD_Connection *conn,
				    const char *allow)
{
	char what[64];
	struct MHD_Response *r;

	(void)snprintf(what, sizeof(what), "%s only", allow);
	r = make(type_json, print(json_pack("{ss}", "error", what)));
	if (r)
		MHD_add_response_header(r, "Allow", allow);
	return queue(conn, MHD_HTTP_METHOD_NOT_ALLOWED, r);
}

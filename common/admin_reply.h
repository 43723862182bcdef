#ifndef COMMON_ADMIN_REPLY_H
#define COMMON_ADMIN_REPLY_H

#include <jansson.h>
#include <microhttpd.h>

/* How the admin HTTP server answers. */
extern const char admin_type_html[];
extern const char admin_type_metrics[];

/* `text` is malloc'ed and taken over; NULL answers 500. */
enum MHD_Result admin_reply(struct MHD_Connection *conn, int status,
			    const char *type, char *text);

/* Takes the reference; NULL as above. */
enum MHD_Result admin_reply_json(struct MHD_Connection *conn, int status,
				 json_t *body);

/* {"error": "…"}. */
enum MHD_Result admin_reply_error(struct MHD_Connection *conn, int status,
				  const char *what);

/* 405: `allow` are the methods there are. */
enum MHD_Result admin_reply_methods(struct MHD_Connection *conn,
				    const char *allow);

#endif

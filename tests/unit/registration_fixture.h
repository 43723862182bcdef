#ifndef TESTS_UNIT_REGISTRATION_FIXTURE_H
#define TESTS_UNIT_REGISTRATION_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "redirectd/registration.h"
#include "redirectd/store.h"

enum { CONTACTS_MAX = 3, KNOWN_MAX = 2 };

static const dir_time t0 = 1700000000000; /* Tue, 14 Nov 2023 22:13:20 GMT */

/* Two phones' marked Contacts: the NAT's side, and their own. */
#define OWN         ";ph-own=10.0.0.16:5060"
#define NAT_A       "sip:alice@198.51.100.28:40001" OWN
#define NAT_A_MOVED "sip:alice@198.51.100.28:40002" OWN
#define NAT_B       "sip:alice@198.51.100.30:40001" OWN

static struct {
	struct registrar reg;
	struct redirectd_counters n;
	dir_time now;
	const char *call_id;
	const char *path;
	unsigned cseq;
	char answer[16384];
	struct strbuf out;
} scene;

static inline void setup(void)
{
	const struct store_config cfg = {.max = KNOWN_MAX, .now = t0};
	char err[CONF_ERRLEN] = "";

	memset(&scene, 0, sizeof(scene));
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	ck_assert_msg(!store_open(&scene.reg.store, "memory", &cfg, err), "%s",
		      err);
	scene.reg.n = &scene.n;
	scene.reg.limits =
		(struct registration_limits){3600, 60, 7200, CONTACTS_MAX};
	scene.now = t0;
	scene.call_id = "reg1@10.0.0.16";
	scene.path = "Path: <sip:203.0.113.1:5060;lr>\r\n";
}

static inline void teardown(void)
{
	store_close(scene.reg.store);
}

/* Send a REGISTER with these header lines, the next CSeq; returns the status
 * and leaves the answer in the scene. */
static inline int send_as(const char *to, const char *headers)
{
	char text[16384];
	const char *why = "";
	msg_t *msg;
	int status, n;

	n = snprintf(text, sizeof(text),
		     "REGISTER sip:example.com SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK%u\r\n"
		     "From: <%s>;tag=f\r\nTo: <%s>\r\nCall-ID: %s\r\n"
		     "CSeq: %u REGISTER\r\n%s%sContent-Length: 0\r\n\r\n",
		     scene.cseq, to, to, scene.call_id, scene.cseq, scene.path,
		     headers);
	ck_assert_int_lt(n, (int)sizeof(text));
	ck_assert_msg(!sipmsg_parse(&msg, text, (size_t)n, &why), "%s", why);
	strbuf_init(&scene.out, scene.answer, sizeof(scene.answer));
	status = registration_answer(
		&scene.out, &scene.reg,
		&(struct asking){.sip = sip_object(msg),
				 .view = {.now = scene.now}});
	msg_destroy(msg);
	return status;
}

static inline int send_again(const char *headers)
{
	return send_as("sip:alice@Example.COM", headers);
}

static inline int send_new(const char *headers)
{
	scene.cseq++;
	return send_again(headers);
}

static inline int send_contact(const char *contact)
{
	char line[8300];
	int n = snprintf(line, sizeof(line), "Contact: %s\r\n", contact);

	ck_assert_int_lt(n, (int)sizeof(line));
	return send_new(line);
}

static inline size_t bindings(void)
{
	const struct store_view w = {.now = scene.now};
	struct client c;

	return store_get(&c, scene.reg.store, "alice@example.com", &w) ? 0
								       : c.n;
}

static inline const struct binding *binding(size_t i)
{
	const struct store_view w = {.now = scene.now};
	struct client c;

	ck_assert_int_eq(
		store_get(&c, scene.reg.store, "alice@example.com", &w), 0);
	ck_assert_uint_lt(i, c.n);
	return &c.v[i];
}

static inline void check_said(const char *text)
{
	ck_assert_msg(strstr(scene.answer, text) != NULL, "no \"%s\" in\n%s",
		      text, scene.answer);
}

static inline unsigned said_contacts(void)
{
	const char *p = scene.answer;
	unsigned n = 0;

	while ((p = strstr(p, "\r\nContact: ")) != NULL) {
		n++;
		p++;
	}
	return n;
}

#endif

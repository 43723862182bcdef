#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/relay.h"

#include "proto/probe.h"

enum {
	BODY_MAX = 512,
	BASE64_CAP = (PROBE_MAX + 2) / 3 * 4 + 1,
	STATUS_OK = 200,
};

/*
 * As a phone describes itself. What lies on the way looks for the address that
 * it translates, which is that of the socket: so it stands wherever phones have
 * theirs. The port is a guess, nothing is sent there.
 */
static int print_body(char body[BODY_MAX], const struct addr *self)
{
	const char *family = addr_family(self) == AF_INET6 ? "IP6" : "IP4";
	char ip[ADDR_STRLEN];
	struct strbuf sb;

	(void)addr_ip_str(ip, self);
	strbuf_init(&sb, body, BODY_MAX);
	strbuf_printf(&sb,
		      "v=0\r\n"
		      "o=doctor 1 1 IN %s %s\r\n"
		      "s=-\r\n"
		      "c=IN %s %s\r\n"
		      "t=0 0\r\n"
		      "m=audio 16384 RTP/AVP 0\r\n",
		      family, ip, family, ip);
	return strbuf_err(&sb);
}

int probe_print(struct strbuf *out, const struct addr *self,
		const struct addr *to, const char *token)
{
	char here[ADDR_STRLEN], host[ADDR_STRLEN], there[ADDR_STRLEN];
	char body[BODY_MAX];
	int err = print_body(body, self);

	if (err)
		return err;
	(void)addr_str(here, self);
	(void)addr_host_str(host, self);
	(void)addr_str(there, to);
	strbuf_printf(out,
		      "OPTIONS sip:" PROTO_DOCTOR_USER "@%s SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\n"
		      "Max-Forwards: 70\r\n"
		      "From: <sip:doctor@%s>;tag=%s\r\n"
		      "To: <sip:" PROTO_DOCTOR_USER "@%s>\r\n"
		      "Call-ID: %s@%s\r\n"
		      "CSeq: 1 OPTIONS\r\n"
		      "Contact: <sip:doctor@%s>\r\n"
		      "Content-Type: application/sdp\r\n"
		      "Content-Length: %zu\r\n\r\n%s",
		      there, here, token, host, token, there, token, host, here,
		      strlen(body), body);
	return strbuf_err(out);
}

bool probe_is(const sip_t *sip)
{
	const sip_request_t *rq = sip->sip_request;

	return rq && rq->rq_method == sip_method_options && sip->sip_via &&
	       !sip->sip_via->v_next && rq->rq_url->url_user &&
	       !strcmp(rq->rq_url->url_user, PROTO_DOCTOR_USER);
}

int probe_answer_print(struct strbuf *out, const sip_t *req,
		       const struct probe_report *r)
{
	unsigned char text[BASE64_CAP];
	char from[ADDR_STRLEN];
	json_t *body;
	int err;

	if (r->arrived_len > PROBE_MAX)
		return -EMSGSIZE;
	(void)EVP_EncodeBlock(text, (const unsigned char *)r->arrived,
			      (int)r->arrived_len);
	body = json_pack("{s:s, s:I, s:s, s:s}", "daemon", r->daemon,
			 "clock_ms", (json_int_t)r->clock_ms, "from",
			 addr_str(from, &r->from), "arrived", text);
	err = body ? relay_json_answer_print(out, req, body) : -ENOMEM;
	json_decref(body);
	return err;
}

/* Padding is decoded as zero bytes, which the copy of a text does not have. */
static int read_arrived(struct probe_answer *a, const char *text)
{
	size_t len = strlen(text);
	int n;

	if (len >= BASE64_CAP || len % 4)
		return -EBADMSG;
	n = EVP_DecodeBlock((unsigned char *)a->arrived,
			    (const unsigned char *)text, (int)len);
	if (n < 0)
		return -EBADMSG;
	a->arrived_len = (size_t)n;
	for (; len > 0 && text[len - 1] == '=' && a->arrived_len > 0; len--)
		a->arrived_len--;
	return 0;
}

static int read_report(struct probe_answer *a, const json_t *body)
{
	const char *daemon = NULL, *from = NULL, *arrived = NULL;
	json_int_t clock_ms = 0;

	if (json_unpack((json_t *)(uintptr_t)body, "{s:s, s:I, s:s, s:s}",
			"daemon", &daemon, "clock_ms", &clock_ms, "from", &from,
			"arrived", &arrived) ||
	    clock_ms < 0 || strlen(daemon) >= sizeof(a->daemon) ||
	    addr_parse(&a->from, from, 0))
		return -EBADMSG;
	memcpy(a->daemon, daemon, strlen(daemon) + 1);
	a->clock_ms = (uint64_t)clock_ms;
	return read_arrived(a, arrived);
}

int probe_answer_parse(struct probe_answer *a, const sip_t *sip)
{
	json_t *body;
	int err;

	memset(a, 0, sizeof(*a));
	if (!sip->sip_status || sip->sip_status->st_status != STATUS_OK)
		return -EBADMSG;
	body = relay_json_answer_parse(sip);
	err = body ? read_report(a, body) : -EBADMSG;
	json_decref(body);
	return err;
}

/* The line that begins at data[*at], without its end; *at moves behind it. */
static size_t next_line(const char **line, const char *data, size_t len,
			size_t *at)
{
	const char *eol = memchr(data + *at, '\n', len - *at);
	size_t n = eol ? (size_t)(eol - data) - *at : len - *at;

	*line = data + *at;
	*at += n + (eol != NULL);
	return n > 0 && (*line)[n - 1] == '\r' ? n - 1 : n;
}

static void keep(char out[PROBE_LINE_LEN], const char *line, size_t n)
{
	n = n < PROBE_LINE_LEN ? n : PROBE_LINE_LEN - 1;
	memcpy(out, line, n);
	out[n] = '\0';
}

bool probe_changed(struct probe_change *c, const char *sent, size_t sent_len,
		   const char *arrived, size_t arrived_len)
{
	size_t i = 0, k = 0, n, m;
	const char *a = "", *b = "";

	if (sent_len == arrived_len && !memcmp(sent, arrived, sent_len))
		return false;
	do {
		n = next_line(&a, sent, sent_len, &i);
		m = next_line(&b, arrived, arrived_len, &k);
	} while (n == m && !memcmp(a, b, n) &&
		 (i < sent_len || k < arrived_len));
	keep(c->sent, a, n);
	keep(c->arrived, b, m);
	return true;
}

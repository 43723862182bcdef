#include "common/ask.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"

enum {
	ANSWER_MAX = 64 << 20,
	CONNECT_MS = 2000,
	TIMEOUT_MS = 15000,
	URL_MAX = 2048,
	HTTP_OK = 200,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_NOW = 503,
	PAGE_LEN = 64,
};

/* One question on its way. */
struct exchange {
	CURL *curl;
	const struct ask *q;
	char url[URL_MAX];
	char *body; /* NUL-terminated once there is any */
	size_t len;
	long status;
};

static int fail(char err[CONF_ERRLEN], const struct exchange *x, int e,
		const char *why)
{
	(void)snprintf(err, CONF_ERRLEN, "http: %s: %.300s", x->q->http, why);
	return e;
}

/* A daemon that listens everywhere does so on loopback too. */
static int where(char buf[ADDR_STRLEN], const char *http)
{
	struct addr a;
	int e = addr_parse(&a, http, 0);

	if (!e && addr_class(&a) == ADDR_ANY)
		e = addr_set(
			&a, addr_family(&a) == AF_INET6 ? "::1" : "127.0.0.1",
			addr_family(&a) == AF_INET6 ? 3 : 9, addr_port(&a));
	addr_str(buf, &a);
	return e;
}

static int spell_url(struct exchange *x)
{
	const struct ask *q = x->q;
	char host[ADDR_STRLEN], page[PAGE_LEN] = "";
	char *value = NULL;
	int n, e = where(host, q->http);

	if (e)
		return e;
	if (q->arg)
		value = curl_easy_escape(x->curl, q->value, 0);
	if (q->arg && !value)
		return -ENOMEM;
	if (q->limit)
		(void)snprintf(page, sizeof(page), "%coffset=%u&limit=%u",
			       q->arg ? '&' : '?', q->offset, q->limit);
	n = snprintf(x->url, sizeof(x->url), "http://%s%s%s%s%s%s%s", host,
		     q->path, q->arg ? "?" : "", q->arg ? q->arg : "",
		     q->arg ? "=" : "", q->arg ? value : "", page);
	curl_free(value);
	return n > 0 && (size_t)n < sizeof(x->url) ? 0 : -EMSGSIZE;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;
	char *body;

	if (x->len + len > ANSWER_MAX)
		return 0;
	body = realloc(x->body, x->len + len + 1);
	if (!body)
		return 0;
	memcpy(body + x->len, data, len);
	x->body = body;
	x->len += len;
	body[x->len] = '\0';
	return len;
}

/* Whatever the environment says of proxies: it is this host that is asked. */
static void set_up(struct exchange *x)
{
	curl_easy_setopt(x->curl, CURLOPT_URL, x->url);
	curl_easy_setopt(x->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(x->curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
	if (x->q->post)
		curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, "");
}

static int perform(struct exchange *x, char err[CONF_ERRLEN])
{
	struct curl_slist *headers = NULL;
	CURLcode code;

	set_up(x);
	if (x->q->post)
		headers = curl_slist_append(NULL,
					    "Content-Type: application/json");
	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(x->curl);
	curl_slist_free_all(headers);
	if (code == CURLE_COULDNT_CONNECT)
		return fail(err, x, -ECONNREFUSED,
			    "nobody answers, is the daemon running with this "
			    "configuration?");
	if (code != CURLE_OK)
		return fail(err, x, -EIO, curl_easy_strerror(code));
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &x->status);
	return 0;
}

static int begin(struct exchange *x, const struct ask *q, char err[CONF_ERRLEN])
{
	int e;

	*x = (struct exchange){.q = q, .curl = curl_easy_init()};
	e = x->curl ? spell_url(x) : -ENOMEM;
	return e ? fail(err, x, e, strerror(-e)) : perform(x, err);
}

static void end(struct exchange *x)
{
	free(x->body);
	curl_easy_cleanup(x->curl);
}

/* What the daemon says is wrong. */
static int refused(char err[CONF_ERRLEN], const struct exchange *x,
		   const json_t *answer)
{
	const char *why = json_string_value(json_object_get(answer, "error"));
	char text[64];

	(void)snprintf(text, sizeof(text), "status %ld", x->status);
	(void)snprintf(err, CONF_ERRLEN, "%.300s", why ? why : text);
	if (x->status == HTTP_NOT_NOW)
		return -EAGAIN;
	return x->status == HTTP_NOT_FOUND ? -ENOENT : -EPROTO;
}

int ask(json_t **out, const struct ask *q, char err[CONF_ERRLEN])
{
	struct exchange x;
	json_t *answer = NULL;
	int e = begin(&x, q, err);

	if (e)
		goto out;
	answer = json_loadb(x.body ? x.body : "", x.len, 0, NULL);
	if (x.status != HTTP_OK)
		e = refused(err, &x, answer);
	else if (!answer)
		e = fail(err, &x, -EPROTO, "what answers there is no JSON");
out:
	if (!e) {
		*out = answer;
		answer = NULL;
	}
	json_decref(answer);
	end(&x);
	return e;
}

/* Why it is not ready, as /readyz says. */
static int not_ready(char err[CONF_ERRLEN], const struct exchange *x,
		     const json_t *answer)
{
	const char *why = json_string_value(json_object_get(answer, "reason"));
	char text[CONF_ERRLEN];

	if (x->status == HTTP_OK && answer)
		return 0;
	if (!why)
		return fail(err, x, -EPROTO, "what answers there is no daemon");
	(void)snprintf(text, sizeof(text), "not ready: %.250s", why);
	return fail(err, x, -EAGAIN, text);
}

int ask_ready(const char *http, char err[CONF_ERRLEN])
{
	const struct ask q = {.http = http, .path = "/readyz"};
	struct exchange x;
	json_t *answer = NULL;
	int e = begin(&x, &q, err);

	if (!e) {
		answer = json_loadb(x.body ? x.body : "", x.len, 0, NULL);
		e = not_ready(err, &x, answer);
	}
	json_decref(answer);
	end(&x);
	return e;
}

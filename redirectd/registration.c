#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "redirectd/answer.h"
#include "redirectd/changeset.h"
#include "redirectd/contact.h"
#include "redirectd/receipt.h"
#include "redirectd/store.h"

#include "redirectd/registration.h"

enum {
	EXTRA_MAX = 16384,
	PATH_MAX_LEN = 1024,
	RETRY_AFTER = 10, /* seconds */
	DATE_MAX = 40,
};

/* One REGISTER on its way through the steps. What is large stands last, and is
 * not cleared: it is written before it is read. */
struct registration {
	struct registrar *reg;
	struct asking *asking;
	const sip_t *sip;
	dir_time now;
	struct addr serving;
	struct binding *old; /* a copy: the store's own go with its change */
	size_t nurls;
	bool outbound;      /* its flow is kept (RFC 5626) */
	bool in_progress;   /* the store is at it */
	const char *phrase; /* where a step stops; NULL: the standard one */
	struct strbuf *out;
	struct strbuf extra;
	char id[REDIRECT_ID_MAX];
	char path[BINDING_PATH_MAX]; /* behind the serving proxy's */
	struct changeset cs;
	char urls[CHANGESET_MAX][REDIRECT_URL_MAX]; /* of its contacts */
	char extra_text[EXTRA_MAX];
};

/* 0: go on; otherwise the status to answer. */
typedef int step_h(struct registration *r);

static int stop(struct registration *r, int status, const char *phrase)
{
	r->phrase = phrase;
	return status;
}

static int step_extensions(struct registration *r)
{
	const sip_require_t *q;
	size_t i, n = 0;

	for (q = r->sip->sip_require; q; q = q->k_next)
		for (i = 0; q->k_items && q->k_items[i]; i++)
			if (strcasecmp(q->k_items[i], "path") &&
			    strcasecmp(q->k_items[i], "outbound"))
				strbuf_printf(&r->extra, "%s%s",
					      n++ ? ", " : "Unsupported: ",
					      q->k_items[i]);
	if (!n)
		return 0;
	strbuf_str(&r->extra, "\r\n");
	return 420;
}

static int out_of_reach(struct registration *r, const char *phrase)
{
	strbuf_printf(&r->extra, "Retry-After: %d\r\n", RETRY_AFTER);
	return stop(r, 503, phrase);
}

/* Who is asked for by an alias is registered under its own id. */
static int take_client(struct registration *r, const struct client *c)
{
	if (c->stale)
		return out_of_reach(r, "Directory Out Of Reach");
	if (c->id != r->id)
		(void)snprintf(r->id, sizeof(r->id), "%s", c->id);
	if (!c->n)
		return 0;
	r->old = binding_copy(c->v, c->n);
	if (!r->old)
		return out_of_reach(r, "Out Of Memory");
	changeset_init(&r->cs, r->old, c->n);
	return 0;
}

static int step_client(struct registration *r)
{
	struct client c = {.id = r->id};

	changeset_init(&r->cs, NULL, 0);
	if (redirect_client_id(r->id, r->sip->sip_to->a_url))
		return stop(r, 400, "No Client Id In To");
	r->asking->view.change = true;
	switch (store_get(&c, r->reg->store, r->id, &r->asking->view)) {
	case -EAGAIN:
		return asking_await(r->asking, r->id);
	case -EIO:
		return out_of_reach(r, "Directory Out Of Reach");
	default:
		return take_client(r, &c);
	}
}

static bool is_wildcard(const sip_contact_t *m)
{
	return m->m_url->url_type == url_any;
}

/* What stands in Path behind the serving proxy, as one line. */
static int keep_path(struct registration *r)
{
	struct strbuf sb;

	strbuf_init(&sb, r->path, sizeof(r->path));
	for (const sip_path_t *p = r->sip->sip_path->r_next; p; p = p->r_next) {
		char value[BINDING_PATH_MAX];
		issize_t n = sip_header_field_e(value, sizeof(value),
						(const sip_header_t *)p, 0);

		if (n < 0 || (size_t)n + 2 > sizeof(value))
			return -EMSGSIZE;
		strbuf_str(&sb, sb.len ? ", " : "");
		strbuf_add(&sb, value, (size_t)n);
	}
	return strbuf_err(&sb);
}

static int step_serving(struct registration *r)
{
	const sip_contact_t *m = r->sip->sip_contact;

	if (!m || is_wildcard(m))
		return 0;
	if (registration_serving(&r->serving, r->sip))
		return stop(r, 400, "No Serving Proxy In Path");
	return keep_path(r) ? stop(r, 400, "Path Too Long") : 0;
}

static bool supports(const sip_t *sip, const char *word)
{
	const sip_supported_t *s;

	for (s = sip->sip_supported; s; s = s->k_next)
		for (size_t i = 0; s->k_items && s->k_items[i]; i++)
			if (!strcasecmp(s->k_items[i], word))
				return true;
	return false;
}

/* Flows are kept where the phone asks for it, and its first proxy can. */
static int step_outbound(struct registration *r)
{
	const sip_contact_t *m = r->sip->sip_contact;

	if (!supports(r->sip, "outbound") || !m ||
	    !msg_params_find(m->m_params, "reg-id=") ||
	    !msg_params_find(m->m_params, "+sip.instance="))
		return 0;
	if (!registration_keeps_flow(r->sip))
		return stop(r, 439, "First Hop Lacks Outbound Support");
	r->outbound = true;
	return 0;
}

static int step_wildcard(struct registration *r)
{
	const sip_contact_t *m;
	bool any = false;

	for (m = r->sip->sip_contact; m; m = m->m_next)
		any = any || is_wildcard(m);
	if (!any)
		return 0;
	m = r->sip->sip_contact;
	if (m->m_next || m->m_params ||
	    contact_expires(m, r->sip->sip_expires, 1))
		return stop(r, 400, "Contact * Needs Expires 0 And No Other");
	if (changeset_remove_all(&r->cs, r->sip->sip_call_id->i_id,
				 r->sip->sip_cseq->cs_seq))
		return stop(r, 500, "Out Of Order");
	return 0;
}

/* The expiry granted, in seconds; 423 where too little is asked for. */
static int grant_expiry(uint32_t *s, struct registration *r,
			const sip_contact_t *m)
{
	const struct registration_limits *lim = &r->reg->limits;

	*s = contact_expires(m, r->sip->sip_expires, lim->expires_default);
	if (*s > lim->expires_max)
		*s = lim->expires_max;
	if (!*s || *s >= lim->expires_min)
		return 0;
	strbuf_printf(&r->extra, "Min-Expires: %u\r\n", lim->expires_min);
	return 423;
}

static int apply_contact(struct registration *r, const sip_contact_t *m)
{
	struct binding b = {
		.call_id = r->sip->sip_call_id->i_id,
		.path = r->path,
		.cseq = r->sip->sip_cseq->cs_seq,
		.serving = r->serving,
		.registered = r->now,
	};
	const char *why = NULL;
	uint32_t granted;
	int status;

	if (r->nurls == CHANGESET_MAX)
		return stop(r, 403, "Too Many Contacts");
	if (contact_read(&b, r->urls[r->nurls++], m, &why))
		return stop(r, 400, why);
	status = grant_expiry(&granted, r, m);
	if (status)
		return status;
	b.expires = r->now + (dir_time)granted * 1000;
	switch (changeset_apply(&r->cs, &b)) {
	case -ESTALE:
		return stop(r, 500, "Out Of Order");
	case -ENOSPC:
		return stop(r, 403, "Too Many Contacts");
	}
	return 0;
}

static int step_contacts(struct registration *r)
{
	const sip_contact_t *m;
	int status = 0;

	for (m = r->sip->sip_contact; m && !status; m = m->m_next)
		if (!is_wildcard(m))
			status = apply_contact(r, m);
	return status;
}

/* A limit that was lowered does not hinder those who are above it. */
static int step_limit(struct registration *r)
{
	struct binding v[CHANGESET_MAX];
	size_t n = changeset_result(v, &r->cs);

	if (r->cs.changed && n > r->reg->limits.contacts_max &&
	    n > r->cs.before)
		return stop(r, 403, "Too Many Contacts");
	return 0;
}

static int step_list(struct registration *r)
{
	struct binding v[CHANGESET_MAX];
	size_t i, n = changeset_result(v, &r->cs);

	for (i = 0; i < n; i++)
		contact_print(&r->extra, &v[i], r->now);
	return 0;
}

static int step_path(struct registration *r)
{
	const sip_path_t *p;
	char line[PATH_MAX_LEN];
	issize_t len;

	for (p = r->sip->sip_path; p; p = p->r_next) {
		len = msg_header_e(line, sizeof(line), (const msg_header_t *)p,
				   0);
		if (len > 0 && len < (issize_t)sizeof(line))
			strbuf_add(&r->extra, line, (size_t)len);
	}
	return 0;
}

static int step_require(struct registration *r)
{
	if (r->outbound)
		strbuf_str(&r->extra, "Require: outbound\r\n");
	return 0;
}

static int step_date(struct registration *r)
{
	const time_t t = (time_t)(r->now / 1000);
	char date[DATE_MAX];
	struct tm tm;

	if (gmtime_r(&t, &tm) &&
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		strbuf_printf(&r->extra, "Date: %s\r\n", date);
	return 0;
}

static int step_print(struct registration *r)
{
	if (strbuf_err(&r->extra))
		return -EMSGSIZE;
	return answer_print(r->out, r->sip, 200, NULL, r->extra.data) < 0
		       ? -EMSGSIZE
		       : 0;
}

static const char *failure(int err)
{
	return err == -ENOSPC ? "Directory Full" : "Directory Not Writable";
}

static int put(struct registration *r)
{
	struct binding v[CHANGESET_MAX];
	size_t n = changeset_result(v, &r->cs);
	const struct asking *a = r->asking;

	return store_put(r->reg->store, r->id, v, n, r->now, a->done, a->arg);
}

/* The answer is there, and waits until it is true. */
static int step_store(struct registration *r)
{
	struct receipt *receipt;
	int err;

	if (!r->cs.changed)
		return 0;
	err = receipt_alloc(&receipt, &r->cs, r->sip->sip_call_id->i_id, r->id,
			    r->now);
	if (!err)
		err = put(r);
	else
		receipt = NULL;
	r->in_progress = err == -EINPROGRESS;
	if (r->in_progress) {
		r->asking->receipt = receipt;
		return 0;
	}
	if (!err)
		receipt_tell(receipt, r->reg->n);
	receipt_free(receipt);
	if (err == -EAGAIN)
		return asking_await(r->asking, r->id);
	strbuf_init(&r->extra, r->extra_text, EXTRA_MAX);
	return err ? out_of_reach(r, failure(err)) : 0;
}

/* What step 118 of Fig. 3a sends, at its other end: in the order of RFC 3261
 * 10.3, with the serving proxy of RFC 3327 5.3. */
static const struct {
	const char *name;
	step_h *run;
} steps[] = {
	{"extensions (10.3 step 2)", step_extensions},
	{"client id (Fig. 3b, 124; 10.3 step 5)", step_client},
	{"serving proxy (RFC 3327 5.3)", step_serving},
	{"flow (RFC 5626 6)", step_outbound},
	{"all to be removed (10.3 step 6)", step_wildcard},
	{"contacts (Fig. 3b, 176-182; 10.3 step 7)", step_contacts},
	{"not too many (contacts.max)", step_limit},
	{"answer: bindings (10.3 step 8)", step_list},
	{"answer: Path (RFC 3327 5.3)", step_path},
	{"answer: flow (RFC 5626 6)", step_require},
	{"answer: Date (10.3 step 8)", step_date},
	{"answer", step_print},
	{"client table (Fig. 1, 104-110)", step_store},
};

static void count_status(struct redirectd_counters *n, int status)
{
	n->registers++;
	n->registers_ok += status == 200;
	n->registers_rejected += status >= 400 && status < 500;
	n->registers_stale += status == 500;
	n->registers_failed += status == 503;
}

static int refuse(struct registration *r, int status, const char *at)
{
	log_info("registration refused",
		 LOG_S("call_id", r->sip->sip_call_id->i_id),
		 LOG_S("client", r->id), LOG_I("status", status),
		 LOG_S("reason", r->phrase), LOG_S("at", at));
	count_status(r->reg->n, status);
	if (strbuf_err(&r->extra))
		return -EMSGSIZE;
	strbuf_init(r->out, r->out->data, r->out->cap);
	return answer_print(r->out, r->sip, status, r->phrase, r->extra.data);
}

int registration_answer(struct strbuf *out, struct registrar *reg,
			struct asking *a)
{
	struct registration r;
	const char *at = "";
	size_t i;
	int status = 0;

	memset(&r, 0, offsetof(struct registration, cs));
	r.reg = reg;
	r.asking = a;
	r.sip = a->sip;
	r.now = a->view.now;
	r.out = out;
	strbuf_init(&r.extra, r.extra_text, sizeof(r.extra_text));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && !status; i++) {
		at = steps[i].name;
		status = steps[i].run(&r);
	}
	free(r.old);
	if (status)
		return status < 0 ? status : refuse(&r, status, at);
	if (r.in_progress)
		return -EINPROGRESS;
	count_status(reg->n, 200);
	return 200;
}

int registration_done(struct strbuf *out, struct registrar *reg,
		      struct asking *a, int err)
{
	char extra[64];

	if (!err) {
		receipt_tell(a->receipt, reg->n);
		count_status(reg->n, 200);
		return 200;
	}
	log_info("registration refused",
		 LOG_S("call_id", a->sip->sip_call_id->i_id),
		 LOG_I("status", 503), LOG_S("reason", failure(err)));
	count_status(reg->n, 503);
	(void)snprintf(extra, sizeof(extra), "Retry-After: %d\r\n",
		       RETRY_AFTER);
	return answer_print(out, a->sip, 503, failure(err), extra);
}

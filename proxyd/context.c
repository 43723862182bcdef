#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proxyd/flow.h"
#include "proxyd/forking.h"
#include "proxyd/hunting.h"
#include "proxyd/proxy.h"

#include "proxyd/context.h"

enum { CHALLENGES_MAX = 4096 };

/* 6xx before all; otherwise the lowest class, within 4xx what tells the caller
 * how to try again. */
static int rank(int status)
{
	static const int preferred[] = {401, 407, 415, 420, 484};

	if (status >= 600)
		return 0;
	for (size_t i = 0; i < sizeof(preferred) / sizeof(preferred[0]); i++)
		if (status == preferred[i])
			return 400;
	/* nobody's word: a branch that was cancelled or heard nothing */
	if (status == 487 || status == 408)
		return 499;
	return status / 100 * 100 + 1;
}

bool context_better(int status, int than)
{
	return !than || rank(status) < rank(than);
}

void context_clear(struct context *c)
{
	msg_destroy(c->msg);
	free(c->phrase);
	free(c->extra);
	free(c->challenges);
	memset(c, 0, sizeof(*c));
}

static void print_challenges(struct strbuf *sb, const msg_auth_t *auth)
{
	for (; auth; auth = auth->au_next) {
		char line[2048];
		issize_t n = msg_header_e(line, sizeof(line),
					  (const msg_header_t *)auth, 0);

		if (n > 0 && (size_t)n < sizeof(line))
			strbuf_add(sb, line, (size_t)n);
	}
}

/* 16.7 step 7: the caller gets the challenges of all. */
static void add_challenges(struct context *c, const sip_t *sip)
{
	char text[CHALLENGES_MAX] = "";
	struct strbuf sb;
	char *copy;

	strbuf_init(&sb, text, sizeof(text));
	if (c->challenges)
		strbuf_str(&sb, c->challenges);
	print_challenges(&sb, sip->sip_www_authenticate);
	print_challenges(&sb, sip->sip_proxy_authenticate);
	copy = strbuf_err(&sb) || !sb.len ? NULL : strdup(text);
	if (!copy)
		return;
	free(c->challenges);
	c->challenges = copy;
}

static bool is_challenge(int status)
{
	return status == 401 || status == 407;
}

static char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void keep(struct context *c, int status, msg_t *msg, const char *phrase,
		 const char *extra)
{
	char *challenges;

	if (c->msg && is_challenge(c->status))
		add_challenges(c, sip_object(c->msg));
	challenges = c->challenges;
	c->challenges = NULL;
	context_clear(c);
	c->challenges = challenges;
	c->status = status;
	c->msg = msg ? sipmsg_copy(msg) : NULL;
	c->phrase = copy_text(phrase);
	c->extra = copy_text(extra);
}

static void append_challenges(msg_t *msg, const char *lines)
{
	char *text = su_strdup(msg_home(msg), lines);

	for (char *line = text, *end; line && *line; line = end) {
		end = strstr(line, "\r\n");
		if (!end)
			return;
		*end = '\0';
		end += 2;
		(void)sip_add_make(msg, sip_object(msg),
				   strncasecmp(line, "WWW", 3)
					   ? sip_proxy_authenticate_class
					   : sip_www_authenticate_class,
				   strchr(line, ':') + 1);
	}
}

/* 16.7 step 6: the failure of one server is not the site's. */
static void soften(const struct branch *b, msg_t *msg, int *status)
{
	sip_status_t *st = msg ? sip_object(msg)->sip_status : NULL;

	if (!st || *status != 503 || proxy_trusts(b->r->p, &b->dest))
		return;
	*status = st->st_status = 500;
	st->st_phrase = sip_status_phrase(*status);
	msg_fragment_clear(st->st_common);
}

static void send_back(struct request *r, int status, msg_t *msg,
		      const char *phrase, const char *extra)
{
	if (!msg) {
		request_answer(r, status, phrase, extra);
		return;
	}
	response_forward(r, status, msg);
	if (r->initial && r->method == sip_method_invite)
		r->p->n.calls_failed++;
	r->ended = true;
}

static void answer(struct request *r)
{
	struct context *c = &r->best;

	if (c->msg && is_challenge(c->status) && c->challenges)
		append_challenges(c->msg, c->challenges);
	send_back(r, c->status, c->msg, c->phrase, c->extra);
}

static void consider(struct request *r, int status, msg_t *msg,
		     const char *phrase, const char *extra)
{
	struct context *c = &r->best;

	if (context_better(status, c->status))
		keep(c, status, msg, phrase, extra);
	else if (msg && is_challenge(status))
		add_challenges(c, sip_object(msg));
}

void context_final(struct branch *b, int status, msg_t *msg, const char *phrase,
		   const char *extra)
{
	struct request *r = b->r;
	bool replaced;

	if (r->ended)
		return;
	if (b->overdue && status == 487) {
		status = 408;
		msg = NULL;
	}
	replaced = hunting_failed(b, status, msg);
	soften(b, msg, &status);
	if (r->nbranches == 1) {
		send_back(r, status, msg, phrase, extra);
		return;
	}
	r->held++;
	forking_lost(b);
	if (!replaced)
		consider(r, status, msg, phrase, extra);
	if (status >= 600) {
		forking_stop(r);
		request_cancel_branches(r, b); /* 16.7 step 5 */
	}
	if (!forking_has_open(r) && !forking_next(r) && !r->ended)
		answer(r);
	r->held--;
}

void context_gone(struct branch *b)
{
	struct request *r = b->r;

	if (r->ended)
		return;
	r->held++;
	forking_lost(b);
	if (!forking_has_open(r) && !forking_next(r) && !r->ended)
		answer(r);
	r->held--;
}

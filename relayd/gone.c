#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "common/strbuf.h"
#include "common/table.h"
#include "proto/relay.h"

#include "relayd/gone.h"

enum {
	T1_MS = 500,
	T2_MS = 4000,
	GIVE_UP_MS = 64 * T1_MS, /* Timer F */
	TOKEN_LEN = 17,
	BRANCH_LEN = 32,
	NOTICE_MAX = 4096,
};

struct notice {
	struct gone *owner;
	char *call_id;
	struct addr proxy, self;
	const struct engine_door *door;
	char branch[BRANCH_LEN];
	deadline_id deadline;
	uint64_t due; /* of the deadline */
	uint64_t give_up;
	uint32_t interval;
	size_t len;
	char text[];
};

struct gone {
	struct gone_config cfg;
	struct table *table; /* Call-ID -> notice */
};

int gone_alloc(struct gone **gp, const struct gone_config *cfg)
{
	struct gone *g = calloc(1, sizeof(*g));

	if (!g || table_alloc(&g->table, cfg->max)) {
		free(g);
		return -ENOMEM;
	}
	g->cfg = *cfg;
	*gp = g;
	return 0;
}

static void notice_free(void *value)
{
	struct notice *n = value;

	deadlines_cancel(n->owner->cfg.deadlines, n->deadline);
	free(n->call_id);
	free(n);
}

void gone_free(struct gone *g)
{
	if (!g)
		return;
	table_free_values(g->table, notice_free);
	free(g);
}

static void forget(struct notice *n)
{
	(void)table_del(n->owner->table, n->call_id, strlen(n->call_id));
	notice_free(n);
}

static void finish(struct notice *n, int status)
{
	struct gone *g = n->owner;
	char *call_id = n->call_id;

	n->call_id = NULL;
	(void)table_del(g->table, call_id, strlen(call_id));
	notice_free(n);
	g->cfg.answered(call_id, status, g->cfg.arg);
	free(call_id);
}

static void on_deadline(void *arg);

static int transmit(struct notice *n, uint64_t now)
{
	struct gone *g = n->owner;

	const struct gone_call call = {
		.call_id = n->call_id,
		.proxy = &n->proxy,
		.self = &n->self,
		.door = n->door,
	};

	g->cfg.send(&call, n->text, n->len, g->cfg.arg);
	n->due =
		now + n->interval < n->give_up ? now + n->interval : n->give_up;
	n->interval = n->interval * 2 < T2_MS ? n->interval * 2 : T2_MS;
	return deadlines_add(&n->deadline, g->cfg.deadlines, n->due,
			     on_deadline, n);
}

static void on_deadline(void *arg)
{
	struct notice *n = arg;

	n->deadline = 0;
	if (n->due >= n->give_up || transmit(n, n->due))
		finish(n, 0);
}

static int print(struct strbuf *out, const struct gone_call *c,
		 const char *branch, const char *why)
{
	const struct proto_hop hop = {c->self, branch, c->proxy};
	const struct relay_request r = {
		.call_id = c->call_id,
		.from = c->from,
		.to = c->to,
		.cseq = c->cseq,
		.dialog = c->dialog,
	};

	return relay_gone_print(out, &hop, &r, why);
}

static int notice_alloc(struct notice **np, struct gone *g,
			const struct gone_call *c, const char *why)
{
	char text[NOTICE_MAX], token[TOKEN_LEN], branch[BRANCH_LEN];
	struct notice *n;
	struct strbuf sb;
	int err;

	sipmsg_token(token, sizeof(token));
	snprintf(branch, sizeof(branch), "z9hG4bK%s", token);
	strbuf_init(&sb, text, sizeof(text));
	err = print(&sb, c, branch, why);
	if (err)
		return err;
	n = calloc(1, sizeof(*n) + sb.len);
	if (!n)
		return -ENOMEM;
	n->owner = g;
	n->proxy = *c->proxy;
	n->self = *c->self;
	n->door = c->door;
	n->interval = T1_MS;
	n->len = sb.len;
	memcpy(n->branch, branch, sizeof(branch));
	memcpy(n->text, text, sb.len);
	n->call_id = strdup(c->call_id);
	*np = n;
	if (n->call_id)
		return 0;
	free(n);
	return -ENOMEM;
}

int gone_tell(struct gone *g, const struct gone_call *call, const char *why,
	      uint64_t now)
{
	struct notice *n = NULL;
	int err = notice_alloc(&n, g, call, why);

	if (err)
		return err;
	err = table_put(g->table, n->call_id, strlen(n->call_id), n);
	if (err) {
		notice_free(n);
		return err == -EEXIST ? -EALREADY : err;
	}
	n->give_up = now + GIVE_UP_MS;
	err = transmit(n, now);
	if (err)
		forget(n);
	return err;
}

void gone_cancel(struct gone *g, const char *call_id)
{
	struct notice *n = table_get(g->table, call_id, strlen(call_id));

	if (n)
		forget(n);
}

bool gone_response(struct gone *g, const sip_t *sip, const struct addr *src)
{
	const char *id = sip->sip_call_id->i_id;
	const char *branch = sip->sip_via->v_branch;
	struct notice *n = table_get(g->table, id, strlen(id));

	if (!n || !branch || strcmp(n->branch, branch) ||
	    !addr_eq(&n->proxy, src) ||
	    sip->sip_cseq->cs_method != sip_method_bye)
		return false;
	if (sip->sip_status->st_status >= 200)
		finish(n, sip->sip_status->st_status);
	return true;
}

size_t gone_count(const struct gone *g)
{
	return table_count(g->table);
}

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/recall.h"
#include "proto/registration.h"
#include "redirectd/answer.h"
#include "redirectd/store.h"

#include "redirectd/recall.h"

bool recall_is_about(const sip_t *sip)
{
	char after[REDIRECT_ID_MAX];

	return recall_query_after(after, sip) != -ENOENT;
}

static bool is_marked(const char *text)
{
	char copy[REDIRECT_URL_MAX];
	size_t len = strlen(text);
	url_t url;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len + 1);
	return !url_d(&url, copy) && registration_marked(&url);
}

/* A page that is being filled. */
struct filling {
	struct recall_page *page;
	const struct addr *asker;
	dir_time now;
	char last[REDIRECT_ID_MAX]; /* the client looked at last */
};

static int add_client(struct recall_page *page, const struct client *c,
		      const struct addr *asker, dir_time now)
{
	int err = 0;

	for (size_t i = 0; i < c->n && !err; i++) {
		const struct binding *b = &c->v[i];
		const struct recall_binding told = {
			.id = c->id,
			.url = b->url,
			.instance = b->instance,
			.reg_id = b->reg_id,
			.expires = binding_left(b, now),
		};

		if (told.expires && addr_eq(&b->serving, asker) &&
		    is_marked(b->url))
			err = recall_page_add(page, &told);
	}
	return err;
}

static int look_at(const struct client *c, void *arg)
{
	struct filling *f = arg;
	int err = add_client(f->page, c, f->asker, f->now);

	(void)snprintf(f->last, sizeof(f->last), "%s", c->id);
	return err ? err : f->page->len >= RECALL_PAGE_LEN;
}

/* Clients behind `after` until the page is full, the last one is reached, or
 * many have been looked at. */
static int fill(struct recall_page *page, const struct directory *dir,
		const char *after, struct asking *a)
{
	struct filling f = {page, &a->asker, a->view.now, ""};
	const struct store_served q = {&a->asker, after, look_at, &f};
	int err;

	(void)snprintf(f.last, sizeof(f.last), "%s", after);
	err = store_served(dir->store, &q, &a->view);
	return err == 1 ? recall_page_more(page, f.last) : err;
}

static int refuse(struct strbuf *out, const sip_t *sip, int status,
		  const char *phrase)
{
	log_info("question for bindings refused",
		 LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_I("status", status), LOG_S("reason", phrase));
	return answer_print(out, sip, status, phrase, NULL);
}

static int wait_for(struct asking *a, const char *after)
{
	(void)asking_await(a, after);
	a->await_served = true;
	return -EAGAIN;
}

static int print(struct strbuf *out, const struct directory *dir,
		 const char *after, struct asking *a)
{
	struct recall_page page;
	int err = recall_page_init(&page);

	if (err)
		return err;
	err = fill(&page, dir, after, a);
	if (!err)
		err = recall_answer_print(out, a->sip, &page);
	recall_page_free(&page);
	return err;
}

int recall_answer(struct strbuf *out, const struct directory *dir,
		  struct asking *a)
{
	char after[REDIRECT_ID_MAX];
	int err;

	if (recall_query_after(after, a->sip) ||
	    sipmsg_via_addr(&a->asker, a->sip->sip_via))
		return refuse(out, a->sip, 400, "Question Not Understood");
	err = print(out, dir, after, a);
	if (err == -EAGAIN)
		return wait_for(a, after);
	dir->n->recalls++;
	if (err == -ESTALE)
		return refuse(out, a->sip, 404,
			      "No Such Client To Go On Behind");
	if (err == -EIO)
		return refuse(out, a->sip, 503, "Directory Out Of Reach");
	return err ? err : 200;
}

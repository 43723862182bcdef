#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/recall.h"
#include "proto/registration.h"
#include "redirectd/answer.h"
#include "redirectd/store.h"

#include "redirectd/recall.h"

enum { CLIENTS_PER_PAGE = 2000 }; /* looked at */

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

/* Clients behind `after` until the page is full, the last one is reached, or
 * many have been looked at. */
static int fill(struct recall_page *page, const struct directory *dir,
		const char *after, const struct addr *asker, dir_time now)
{
	struct client c = {.id = *after ? after : NULL};
	int err = 0;

	for (size_t i = 0; !err; i++) {
		if (i == CLIENTS_PER_PAGE || page->len >= RECALL_PAGE_LEN)
			return recall_page_more(page, c.id);
		err = store_after(&c, dir->store, c.id);
		if (err == -ENOENT)
			return 0;
		if (!err)
			err = add_client(page, &c, asker, now);
	}
	return err;
}

static int refuse(struct strbuf *out, const sip_t *sip, int status,
		  const char *phrase)
{
	log_info("question for bindings refused",
		 LOG_S("call_id", sip->sip_call_id->i_id),
		 LOG_I("status", status), LOG_S("reason", phrase));
	return answer_print(out, sip, status, phrase, NULL);
}

int recall_answer(struct strbuf *out, const struct directory *dir,
		  const sip_t *sip, dir_time now)
{
	char after[REDIRECT_ID_MAX];
	struct recall_page page;
	struct addr asker;
	int err;

	if (recall_query_after(after, sip) ||
	    sipmsg_via_addr(&asker, sip->sip_via))
		return refuse(out, sip, 400, "Question Not Understood");
	err = recall_page_init(&page);
	if (err)
		return err;
	err = fill(&page, dir, after, &asker, now);
	if (!err)
		err = recall_answer_print(out, sip, &page);
	recall_page_free(&page);
	dir->n->recalls++;
	if (err == -ESTALE)
		return refuse(out, sip, 404, "No Such Client To Go On Behind");
	return err ? err : 200;
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/sipmsg.h"
#include "common/sipmsg_check.h"
#include "common/sipmsg_mask.h"
#include "common/sipmsg_scan.h"
#include "common/strbuf.h"

enum { TOKEN_POOL = 256, HEADER_LEN = 256 };

/* Base32: every random byte gives one character without bias. */
static const char token_chars[] = "abcdefghijklmnopqrstuvwxyz234567";

/*
 * Where one line held several values ("Via: a, b") the first fragment has the
 * text of all: changing one would lose the others. They are printed anew, one
 * line each; everything else goes out as it came.
 */
static void split_shared_lines(msg_t *msg)
{
	msg_header_t *owner = NULL;

	for (msg_header_t *h = *msg_chain_head(msg); h; h = h->sh_succ) {
		if (h->sh_len > 0 || !owner || !h->sh_data) {
			owner = h;
			continue;
		}
		msg_fragment_clear(owner->sh_common);
		msg_fragment_clear(h->sh_common);
	}
}

static msg_t *make(const char *data, size_t len)
{
	struct sipmsg_mask mask;
	char *masked = sipmsg_mask(&mask, data, len);
	msg_t *msg = msg_make(sip_default_mclass(), MSG_FLG_EXTRACT_COPY,
			      masked ? masked : data, (ssize_t)len);

	if (msg && masked && sip_object(msg) && sipmsg_unmask(msg, &mask)) {
		msg_destroy(msg);
		msg = NULL;
	}
	free(masked);
	return msg;
}

int sipmsg_admit(msg_t **msgp, const char *data, size_t len,
		 struct sipmsg_bad *bad)
{
	msg_t *msg = NULL;

	*bad = (struct sipmsg_bad){SIPMSG_FAULT_NONE, NULL};
	/* CRLFs in front are keepalives of streams (RFC 3261 7.5). */
	while (len >= 2 && data[0] == '\r' && data[1] == '\n') {
		data += 2;
		len -= 2;
	}
	bad->fault = len > SIPMSG_MAX ? SIPMSG_FAULT_too_long
				      : sipmsg_scan(data, len);
	if (bad->fault)
		return -EBADMSG;
	msg = make(data, len);
	if (!msg || !sip_object(msg)) {
		bad->fault = SIPMSG_FAULT_memory;
		msg_destroy(msg);
		return -ENOMEM;
	}
	if (!sipmsg_check(bad, msg, sip_object(msg))) {
		msg_destroy(msg);
		return -EBADMSG;
	}
	split_shared_lines(msg);
	*msgp = msg;
	return 0;
}

int sipmsg_parse(msg_t **msgp, const char *data, size_t len, const char **why)
{
	struct sipmsg_bad bad;
	int err = sipmsg_admit(msgp, data, len, &bad);

	if (why)
		*why = sipmsg_fault_phrase(bad.fault);
	return err;
}

msg_t *sipmsg_copy(msg_t *msg)
{
	return msg_copy(msg);
}

int sipmsg_print(struct strbuf *out, msg_t *msg)
{
	if (sip_complete_message(msg) < 0 || msg_serialize(msg, NULL) < 0 ||
	    msg_prepare(msg) < 0)
		return -ENOMEM;
	for (msg_header_t *h = *msg_chain_head(msg); h; h = h->sh_succ)
		strbuf_add(out, h->sh_data, h->sh_len);
	return strbuf_err(out);
}

char *sipmsg_header_text(su_home_t *home, const void *header)
{
	size_t cap = HEADER_LEN;

	for (;;) {
		char *text = su_alloc(home, (isize_t)cap);
		issize_t n =
			text ? sip_header_field_e(text, (isize_t)cap, header, 0)
			     : -1;

		if (n < 0)
			return NULL;
		/* One byte more than said: with less, parameters are lost. */
		if ((size_t)n + 2 <= cap)
			return text;
		su_free(home, text);
		cap = (size_t)n * 2;
	}
}

const char *sipmsg_method(const sip_t *sip)
{
	if (sip->sip_request)
		return sip->sip_request->rq_method_name;
	return sip->sip_cseq->cs_method_name;
}

void sipmsg_token(char *buf, size_t n)
{
	static _Thread_local unsigned char pool[TOKEN_POOL];
	static _Thread_local size_t left;

	if (n == 0)
		return;
	for (size_t i = 0; i + 1 < n; i++) {
		while (left == 0) {
			ssize_t got = getrandom(pool, sizeof(pool), 0);

			if (got < 0 && errno != EINTR)
				abort();
			left = got > 0 ? (size_t)got : 0;
		}
		buf[i] = token_chars[pool[--left] & 31];
	}
	buf[n - 1] = '\0';
}

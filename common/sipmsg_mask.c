#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/sipmsg_mask.h"

#define SP " \t"

/* RFC 3261 25.1: token. */
static size_t token_len(const char *p, size_t left)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-.!%*_+`'~";
	size_t n = 0;

	while (n < left && p[n] && strchr(chars, p[n]))
		n++;
	return n;
}

static bool is_known(const char *name)
{
	sip_method_t code = sip_method_code(name);

	return code > sip_method_unknown &&
	       !strcmp(sip_method_name(code, ""), name);
}

/* A method of a message, by where it stands. */
struct span {
	size_t at, len;
};

/* Note the name where Sofia-SIP does not know it. */
static void note(char name[SIPMSG_METHOD_MAX], struct span *span,
		 const char *data, const char *from, size_t left)
{
	size_t n = token_len(from, left);

	if (!n || n >= SIPMSG_METHOD_MAX)
		return;
	memcpy(name, from, n);
	name[n] = '\0';
	*span = (struct span){(size_t)(from - data), n};
	if (is_known(name))
		name[0] = '\0';
}

/* Behind "CSeq", the colon and the number; NULL where the line is another. */
static const char *cseq_method(const char *line, const char *end)
{
	const char *p = line + strlen("CSeq");

	if (end - line < 8 || strncasecmp(line, "CSeq", strlen("CSeq")) != 0)
		return NULL;
	while (p < end && strchr(SP, *p))
		p++;
	if (p == end || *p++ != ':')
		return NULL;
	while (p < end && strchr(SP "0123456789", *p))
		p++;
	return p;
}

static void note_cseq(struct sipmsg_mask *m, struct span *span,
		      const char *data, size_t len)
{
	const char *end = data + len;

	for (const char *line = data, *eol; line < end; line = eol + 1) {
		const char *method;

		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol || eol - line < 2)
			return;
		method = cseq_method(line, eol);
		if (!method)
			continue;
		note(m->cseq, span, data, method, (size_t)(eol - method));
		return;
	}
}

static bool is_response(const char *data, size_t len)
{
	return len > 4 && memcmp(data, "SIP/", 4) == 0;
}

char *sipmsg_mask(struct sipmsg_mask *m, const char *data, size_t len)
{
	struct span request = {0}, cseq = {0};
	char *copy;

	m->request[0] = m->cseq[0] = '\0';
	if (!is_response(data, len)) {
		note(m->request, &request, data, data, len);
		if (!m->request[0])
			return NULL;
	}
	note_cseq(m, &cseq, data, len);
	if (!m->request[0] && !m->cseq[0])
		return NULL;
	copy = malloc(len);
	if (!copy)
		return NULL;
	memcpy(copy, data, len);
	if (m->request[0])
		memset(copy + request.at, 'X', request.len);
	if (m->cseq[0])
		memset(copy + cseq.at, 'X', cseq.len);
	return copy;
}

static int put_back(su_home_t *home, char const **where, const char *name)
{
	if (!name[0])
		return 0;
	*where = su_strdup(home, name);
	return *where ? 0 : -ENOMEM;
}

int sipmsg_unmask(msg_t *msg, const struct sipmsg_mask *m)
{
	sip_t *sip = sip_object(msg);
	su_home_t *home = msg_home(msg);
	int err = 0;

	if (sip->sip_request && m->request[0]) {
		err = put_back(home, &sip->sip_request->rq_method_name,
			       m->request);
		msg_fragment_clear(sip->sip_request->rq_common);
	}
	if (!err && sip->sip_cseq && m->cseq[0]) {
		err = put_back(home, &sip->sip_cseq->cs_method_name, m->cseq);
		msg_fragment_clear(sip->sip_cseq->cs_common);
	}
	return err;
}

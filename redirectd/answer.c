#include "proto/dialect.h"

#include "redirectd/answer.h"

int answer_print(struct strbuf *out, const sip_t *req, int status,
		 const char *phrase, const char *extra)
{
	char tag[PROTO_TAG_LEN];
	const struct sipmsg_reply r = {
		.status = status,
		.phrase = phrase,
		.to_tag = proto_reply_tag(tag, req),
		.extra = extra,
	};
	int err = sipmsg_reply(out, req, &r);

	return err ? err : status;
}

#include "common/log.h"
#include "common/strbuf.h"
#include "common/trace.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"

#include "proxyd/refusing.h"

enum { SECOND_MS = 1000 };

static char out[SIPMSG_MAX];

bool refusing_admit(struct refusing *r, uint64_t now, int64_t max)
{
	if (now - r->since >= SECOND_MS) {
		r->since = now;
		r->answered = 0;
	}
	if (r->answered >= max)
		return false;
	r->answered++;
	return true;
}

static void count(struct refusing *r, enum sipmsg_silence silence)
{
	switch (silence) {
	case SIPMSG_ANSWERED:
		r->n.answered++;
		break;
#define COUNT(name, help)                                                      \
	case SIPMSG_SILENCE_##name:                                            \
		r->n.name++;                                                   \
		break;
		SIPMSG_SILENCES(COUNT)
#undef COUNT
	case SIPMSG_SILENCE_COUNT:
		break;
	}
}

/* For who looks for the call in its trace: what came, and what is wrong. */
static void trace(struct proxy *p, const char *call_id, const char *data,
		  size_t len, const struct channel *src,
		  const struct sipmsg_bad *bad)
{
	if (!p->trace)
		return;
	trace_add(p->trace, call_id, proxy_wall_us(), TRACE_IN,
		  edge_self_for(p, &src->addr), &src->addr, data, len);
	proxy_note(p, call_id, "malformed request: %s%s%s",
		   sipmsg_fault_phrase(bad->fault), bad->header ? " in " : "",
		   bad->header ? bad->header : "");
}

static void note(struct proxy *p, const char *data, size_t len,
		 const struct channel *src, const struct sipmsg_bad *bad)
{
	char call_id[SIPMSG_CALLID_MAX + 1] = "";

	if (!request_call_id(call_id, data, len))
		trace(p, call_id, data, len, src, bad);
	log_info("malformed request refused", LOG_S("call_id", call_id),
		 LOG_A("src", &src->addr),
		 LOG_I("status", sipmsg_fault_status(bad->fault)),
		 LOG_S("reason", sipmsg_fault_phrase(bad->fault)),
		 LOG_S("header", bad->header));
}

static enum sipmsg_silence answer(struct strbuf *sb, const struct proxy *p,
				  const char *data, size_t len,
				  const struct channel *src,
				  const struct sipmsg_bad *bad)
{
	strbuf_init(sb, out, sizeof(out));
	if (edge_is_self(p, &src->addr))
		return SIPMSG_SILENCE_source;
	return sipmsg_refuse(sb, data, len, &src->addr, bad);
}

void refusing_received(struct proxy *p, const char *data, size_t len,
		       const struct channel *src, const struct sipmsg_bad *bad)
{
	struct refusing *r = &p->refusing;
	enum sipmsg_silence silence;
	struct channel back;
	struct strbuf sb;

	p->n.malformed++;
	r->faults.v[bad->fault]++;
	silence = answer(&sb, p, data, len, src, bad);
	if (silence == SIPMSG_ANSWERED &&
	    !refusing_admit(r, proxy_now(p), p->conf->refusals)) {
		r->n.limited++;
		return;
	}
	count(r, silence);
	if (silence != SIPMSG_ANSWERED) {
		log_debug("malformed message dropped", LOG_A("src", &src->addr),
			  LOG_S("reason", sipmsg_fault_phrase(bad->fault)),
			  LOG_S("header", bad->header));
		return;
	}
	note(p, data, len, src, bad);
	back = *src;
	(void)edge_send(&back, sb.data, sb.len, p);
	edge_flush(p);
}

#include <errno.h>

#include "common/addr.h"
#include "proxyd/breadth.h"

#include "proxyd/conduct.h"

enum { MAX_FORWARDS = 70 };

static unsigned count_vias(const sip_via_t *via)
{
	unsigned n = 0;

	for (; via; via = via->v_next)
		n++;
	return n;
}

static unsigned count_routes(const sip_route_t *r)
{
	unsigned n = 0;

	for (; r; r = r->r_next)
		n++;
	return n;
}

static void refuse(struct conduct *c, int status, const char *phrase)
{
	if (!c->status) {
		c->status = status;
		c->phrase = phrase;
	}
}

/* More hops than Max-Forwards ever allows, or than any way has. */
static void check_length(struct conduct *c, const sip_t *req)
{
	if (count_vias(req->sip_via) > CONDUCT_VIAS_MAX)
		refuse(c, 400, "Too Many Vias");
	if (count_routes(req->sip_route) > CONDUCT_ROUTES_MAX ||
	    count_routes(req->sip_record_route) > CONDUCT_ROUTES_MAX)
		refuse(c, 400, "Too Many Routes");
}

/* 16.3 step 3 */
static void check_hops(struct conduct *c, const sip_t *req)
{
	const sip_max_forwards_t *mf = req->sip_max_forwards;

	if (!mf || mf->mf_count)
		return;
	if (req->sip_request->rq_method == sip_method_options)
		refuse(c, 200, NULL);
	else
		refuse(c, 483, NULL);
}

/* What comes from ourselves has come straight back. A phone behind a NAT may
 * well call itself by an address that is ours here, but is seen elsewhere. */
static bool is_our_own(const sip_via_t *top, loops_ours_h *ours,
		       const void *arg)
{
	struct addr named, seen;

	if (sipmsg_via_addr(&named, top) || !ours(&named, arg))
		return false;
	if (!top->v_received || addr_parse(&seen, top->v_received, 0))
		return true;
	addr_set_port(&seen, addr_port(&named));
	return ours(&seen, arg);
}

/* 16.3 step 4. */
static void check_loop(struct conduct *c, const sip_t *req, loops_ours_h *ours,
		       const void *arg)
{
	enum loops_verdict v = loops_judge(req, c->print, ours, arg);

	if (v == LOOPS_AGAIN || is_our_own(req->sip_via, ours, arg))
		refuse(c, 482, NULL);
	c->spiral = v == LOOPS_SPIRAL;
}

/* RFC 5393 5.3.3 */
static void check_breadth(struct conduct *c, const sip_t *req)
{
	int n = breadth_read(req);

	if (n < 0)
		refuse(c, 400, "Malformed Max-Breadth");
	else if (!n)
		refuse(c, 440, "Max-Breadth Exceeded");
	else
		c->breadth = (unsigned)n;
}

void conduct_judge(struct conduct *c, const sip_t *req, loops_ours_h *ours,
		   const void *arg)
{
	*c = (struct conduct){.print = loops_print_of(req)};
	check_length(c, req);
	check_hops(c, req);
	check_loop(c, req, ours, arg);
	check_breadth(c, req);
}

int conduct_count_hop(msg_t *msg)
{
	sip_t *sip = sip_object(msg);
	sip_max_forwards_t *mf = sip->sip_max_forwards;

	if (!mf)
		return sip_add_make(msg, sip, sip_max_forwards_class, "70") < 0
			       ? -ENOMEM
			       : 0;
	mf->mf_count =
		mf->mf_count > MAX_FORWARDS ? MAX_FORWARDS : mf->mf_count - 1;
	msg_fragment_clear(mf->mf_common);
	return 0;
}

#include "proxyd/doctor_call.h"

static const char check[] = "media";
static const char ports_advice[] =
	"let UDP to media.ports of the relay through its firewall (and through "
	"the one of this host, for this test alone)";

/* The relay names the address of a router (1:1 NAT) that both it and we are
 * behind: media of ours comes back in only where the router leads it so. */
static bool is_inside(const struct doctor_call *c)
{
	return addr_class(&c->named) == ADDR_PUBLIC &&
	       addr_class(&c->self) != ADDR_PUBLIC &&
	       addr_class(&c->relay) != ADDR_PUBLIC;
}

static void judge_inside(struct findings *f, const struct doctor_call *c,
			 const char *at)
{
	char named[ADDR_STRLEN];

	findings_add(f, FINDING_WARN, check,
		     "try it with phones outside, or with the doctor of a "
		     "proxy there",
		     "relay %s names %s for media, which cannot be tried from "
		     "inside: many NATs do not lead back what comes from there",
		     at, addr_str(named, &c->named));
}

/* The side that was not heard, by what the relay says it got of the other. */
static void judge_silence(struct findings *f, const struct doctor_call *c,
			  const char *at)
{
	char named[ADDR_STRLEN];

	(void)addr_str(named, &c->named);
	if (c->arrived[0] > 0 && c->arrived[1] > 0)
		findings_add(f, FINDING_FAIL, check, ports_advice,
			     "relay %s gets media at %s, but what it sends on "
			     "does not arrive here",
			     at, named);
	else if (c->arrived[0] == 0 || c->arrived[1] == 0)
		findings_add(f, FINDING_FAIL, check, ports_advice,
			     "media does not reach relay %s at %s, where it "
			     "has phones send it",
			     at, named);
	else
		findings_add(f, FINDING_FAIL, check, ports_advice,
			     "no media comes back from relay %s at %s", at,
			     named);
}

static void judge_elsewhere(struct findings *f, const struct doctor_call *c,
			    const char *at, const struct addr *source)
{
	char from[ADDR_STRLEN], named[ADDR_STRLEN];

	findings_add(f, FINDING_FAIL, check,
		     "the relay has to send from the address that it names: no "
		     "source translation for it, and media.advertise where "
		     "there is a 1:1 NAT",
		     "relay %s names %s for media, but sends from %s: phones "
		     "and their firewalls drop that",
		     at, addr_str(named, &c->named), addr_str(from, source));
}

/* What came from another address than the one named; NULL: nothing. */
static const struct addr *find_elsewhere(const struct doctor_call *c)
{
	for (int i = 0; i < DOCTOR_SIDES; i++)
		if (!addr_eq(&c->from[i], &c->named))
			return &c->from[i];
	return NULL;
}

void doctor_call_judge(struct findings *f, const struct doctor_call *c)
{
	bool silent = !c->heard[0] || !c->heard[1];
	const struct addr *source = find_elsewhere(c);
	char at[ADDR_STRLEN], named[ADDR_STRLEN];

	(void)addr_str(at, &c->relay);
	if ((silent || source) && is_inside(c))
		judge_inside(f, c, at);
	else if (silent)
		judge_silence(f, c, at);
	else if (source)
		judge_elsewhere(f, c, at, source);
	else
		findings_add(f, FINDING_OK, check, NULL,
			     "media went through relay %s at %s both ways", at,
			     addr_str(named, &c->named));
}

void doctor_call_judge_name(struct findings *f, const struct addr *relay,
			    const struct addr *named, const struct addr *self)
{
	char at[ADDR_STRLEN], ip[ADDR_STRLEN];

	if (addr_class(self) != ADDR_PUBLIC ||
	    addr_family(self) != addr_family(named) ||
	    addr_class(named) == ADDR_PUBLIC)
		return;
	findings_add(f, FINDING_FAIL, check,
		     "media.advertise of that relay: the public address that "
		     "leads to it",
		     "relay %s tells phones on the internet to send media to "
		     "%s, which is %s",
		     addr_str(at, relay), addr_ip_str(ip, named),
		     addr_class_name(addr_class(named)));
}

#include <errno.h>
#include <string.h>

#include "proto/checkup.h"

static const char silent_advice[] =
	"is it up, and do the firewalls of both let UDP through?";
static const char no_end_advice[] =
	"listen at an address of that family, or name the one that it has of "
	"the other family";
static const char alg_advice[] =
	"switch off the SIP ALG (SIP helper, SIP inspection) of the router or "
	"firewall between the two";
static const char elsewhere_advice[] =
	"configure the address that it answers from, or take the address "
	"translation out of the way";
static const char nat_advice[] =
	"trust the address that is seen there, and see that the translation "
	"is a fixed one";
static const char version_advice[] =
	"is it the right address, and the same version?";
static const char clock_advice[] =
	"run an NTP client on both (chrony, systemd-timesyncd)";

/* Of an answer the top Via's sent-by is ours to the byte, but for who rewrote
 * it. */
static bool is_changed_back(const struct checkup_peer *p, const sip_t *sip)
{
	struct addr by;

	return sipmsg_via_addr(&by, sip->sip_via) || !addr_eq(&by, &p->q.self);
}

void checkup_read(struct checkup_peer *p)
{
	msg_t *msg = NULL;
	const sip_t *sip;

	if (p->q.err || sipmsg_parse(&msg, p->q.answer, p->q.answer_len, NULL))
		return;
	sip = sip_object(msg);
	if (sip->sip_status) {
		p->status = sip->sip_status->st_status;
		p->well = !probe_answer_parse(&p->answer, sip);
		p->back = is_changed_back(p, sip);
	}
	msg_destroy(msg);
}

/* What a judgement is made with. */
struct judging {
	struct findings *f;
	const struct checkup_kind *kind;
	const struct checkup_peer *p;
	char at[ADDR_STRLEN]; /* the peer, as asked */
	enum finding_level silent;
};

/* The daemon reaches it no more than its doctor. */
static void judge_no_end(const struct judging *j)
{
	findings_add(j->f, j->kind->optional ? FINDING_WARN : FINDING_FAIL,
		     j->kind->check, no_end_advice,
		     "%s %s cannot be reached: %s", j->kind->daemon, j->at,
		     j->kind->no_end);
}

static void judge_silence(const struct judging *j)
{
	const char *check = j->kind->check, *who = j->kind->daemon;
	int err = j->p->q.err;

	if (err == -EAFNOSUPPORT && j->kind->no_end)
		judge_no_end(j);
	else if (err == -ETIMEDOUT)
		findings_add(j->f, j->silent, check, silent_advice,
			     "%s %s is silent: nothing came back in %d s", who,
			     j->at, DOCTOR_PATIENCE_MS / 1000);
	else if (err == -ECONNREFUSED)
		findings_add(j->f, j->silent, check, silent_advice,
			     "nobody listens at %s, where %s should be", j->at,
			     who);
	else
		findings_add(j->f, j->silent, check, silent_advice,
			     "%s %s cannot be reached: %s", who, j->at,
			     strerror(-err));
}

/* It answered, but not as one who trusts us. A proxy takes us for a phone then,
 * whatever it says to that. */
static void judge_refusal(const struct judging *j)
{
	const struct checkup_peer *p = j->p;
	const char *check = j->kind->check, *who = j->kind->daemon;
	char self[ADDR_STRLEN];

	(void)addr_ip_str(self, &p->q.self);
	if (p->status == 503)
		findings_add(j->f, FINDING_WARN, check,
			     "look at its own doctor, and its log",
			     "%s %s is overloaded or drains: it answers 503",
			     who, j->at);
	else if (p->status == 403 || !strcmp(who, "proxyd"))
		findings_add(j->f, j->kind->distrusted, check, j->kind->trust,
			     "%s %s does not trust us, who come from %s: it "
			     "answers %d",
			     who, j->at, self, p->status);
	else
		findings_add(j->f, FINDING_FAIL, check, version_advice,
			     "%s answers %d, as no %s does", j->at, p->status,
			     who);
}

static void judge_way(const struct judging *j)
{
	const struct checkup_peer *p = j->p;
	const char *check = j->kind->check;
	struct probe_change c;
	char from[ADDR_STRLEN];

	if (!addr_eq(&p->q.from, &p->q.to))
		findings_add(j->f, j->kind->elsewhere, check, elsewhere_advice,
			     "%s %s answers from another address, %s",
			     j->kind->daemon, j->at,
			     addr_str(from, &p->q.from));
	if (probe_changed(&c, p->q.text, p->q.len, p->answer.arrived,
			  p->answer.arrived_len))
		findings_add(j->f, FINDING_FAIL, check, alg_advice,
			     "what we send to %s %s is rewritten on the way: "
			     "\"%s\" arrives as \"%s\"",
			     j->kind->daemon, j->at, c.sent, c.arrived);
	else if (p->back)
		findings_add(j->f, FINDING_FAIL, check, alg_advice,
			     "what %s %s answers is rewritten on the way back",
			     j->kind->daemon, j->at);
}

static void judge_source(const struct judging *j,
			 const struct doctor_ends *advertise)
{
	const struct checkup_peer *p = j->p;
	const struct addr *seen = &p->answer.from;
	char from[ADDR_STRLEN], self[ADDR_STRLEN];

	if (addr_ip_eq(seen, &p->q.self) ||
	    (advertise && doctor_ends_have(advertise, seen)))
		return;
	findings_add(j->f, FINDING_WARN, j->kind->check, nat_advice,
		     "%s %s sees us at %s, not at %s: addresses are "
		     "translated in between",
		     j->kind->daemon, j->at, addr_ip_str(from, seen),
		     addr_ip_str(self, &p->q.self));
}

int64_t checkup_offset(const struct checkup_peer *p)
{
	if (p->answer.clock_ms > p->q.answered_ms)
		return (int64_t)(p->answer.clock_ms - p->q.answered_ms);
	if (p->answer.clock_ms < p->q.asked_ms)
		return -(int64_t)(p->q.asked_ms - p->answer.clock_ms);
	return 0;
}

static void judge_clock(const struct judging *j)
{
	int64_t off = checkup_offset(j->p);

	if (off <= CHECKUP_CLOCK_WARN_MS && off >= -CHECKUP_CLOCK_WARN_MS)
		return;
	findings_add(j->f, FINDING_WARN, "clock", clock_advice,
		     "the clock of %s %s is %.1f s %s ours", j->kind->daemon,
		     j->at, (double)(off > 0 ? off : -off) / 1000.0,
		     off > 0 ? "ahead of" : "behind");
}

static size_t count_bad(const struct findings *f)
{
	return findings_count(f, FINDING_WARN) +
	       findings_count(f, FINDING_FAIL);
}

static void judge_answer(const struct judging *j,
			 const struct doctor_ends *advertise)
{
	const struct checkup_kind *k = j->kind;
	size_t before = count_bad(j->f);

	if (strcmp(j->p->answer.daemon, k->daemon) != 0) {
		findings_add(j->f, FINDING_FAIL, k->check, version_advice,
			     "%s is a %s, where a %s should be", j->at,
			     j->p->answer.daemon, k->daemon);
		return;
	}
	judge_way(j);
	judge_source(j, advertise);
	judge_clock(j);
	if (count_bad(j->f) == before)
		findings_add(j->f, FINDING_OK, k->check, NULL,
			     "%s %s answers and trusts us", k->daemon, j->at);
}

void checkup_judge(struct findings *f, const struct checkup_kind *kind,
		   const struct checkup *c, const struct doctor_ends *advertise)
{
	struct judging j = {.f = f, .kind = kind, .silent = FINDING_FAIL};

	for (size_t i = 0; i < c->n; i++)
		if (kind->optional || !c->v[i].q.err)
			j.silent = FINDING_WARN;
	for (size_t i = 0; i < c->n; i++) {
		j.p = &c->v[i];
		(void)addr_str(j.at, &j.p->q.to);
		if (j.p->q.err)
			judge_silence(&j);
		else if (!j.p->well)
			judge_refusal(&j);
		else
			judge_answer(&j, advertise);
	}
}

void checkup_apart(struct findings *f, const struct checkup *c)
{
	const struct checkup_peer *low = NULL, *high = NULL;
	char a[ADDR_STRLEN], b[ADDR_STRLEN];
	int64_t apart;

	for (size_t i = 0; i < c->n; i++) {
		const struct checkup_peer *p = &c->v[i];

		if (!p->well)
			continue;
		if (!low || checkup_offset(p) < checkup_offset(low))
			low = p;
		if (!high || checkup_offset(p) > checkup_offset(high))
			high = p;
	}
	apart = low ? checkup_offset(high) - checkup_offset(low) : 0;
	if (apart <= CHECKUP_CLOCK_FAIL_MS)
		return;
	findings_add(f, FINDING_FAIL, "clock", clock_advice,
		     "the clocks of %s and %s are %.1f s apart: they take each "
		     "other's registrations for expired, and refuse each "
		     "other's challenges",
		     addr_str(a, &low->q.to), addr_str(b, &high->q.to),
		     (double)apart / 1000.0);
}

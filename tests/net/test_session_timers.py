"""Session timers (RFC 4028) as a proxy sees them: one that runs out ends the
call on both sides, one that is refreshed does not."""

import pytest

from calls import Deployment, Site, Talk, offer_of, site  # noqa: F401
from support.net import Net

INTERVAL = 2  # s; far below what phones may use, so the least is set to that
TIMER = ("Supported", "timer")
FOLLOWED = [("proxy1", "calls_followed"), ("proxy2", "calls_followed")]
SHAPES = [pytest.param("first", "second", id="relayed"),
          pytest.param("third", "third", id="direct")]


class Timed(Deployment):
    expires = 0

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net, proxyd={
                "session": {"min": INTERVAL, "expires": self.expires}})
        return self.site


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Timed()
    yield deployment
    deployment.discard()


@pytest.fixture(scope="module")
def asking(can_net):
    """Proxies that ask for a timer themselves."""
    deployment = Timed()
    deployment.expires = 300
    yield deployment
    deployment.discard()


def timer(seconds=INTERVAL, refresher=None):
    value = str(seconds) + (f";refresher={refresher}" if refresher else "")
    return [TIMER, ("Session-Expires", value)]


def call_up(site, caller="first", callee="second", offered=timer(),
            answered=timer(refresher="uac")):
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    call = alice.invite(bob.aor, offer_of(alice), headers=offered)
    leg = bob.incoming()
    leg.respond(200, sdp=offer_of(bob), headers=answered)
    talk = Talk(call, leg, call.wait_status(200))
    call.ack()
    leg.wait_ack()
    return talk


def check_end(talk):
    """In the other's name, with a number above the last, and a reason."""
    for leg, other in ((talk.call, talk.leg), (talk.leg, talk.call)):
        bye = leg.wait_request("BYE", timeout=15)
        assert (bye.from_tag, bye.to_tag) == (leg.remote_tag, leg.local_tag)
        assert bye.uri == leg.ua.contact_uri
        assert bye.cseq > max([0] + [m.cseq for m in leg.messages
                                     if m.is_request and m is not bye
                                     and m.method != "BYE"])
        reason = ",".join(bye.all("Reason"))
        assert "SIP;cause=408" in reason and "Q.850;cause=102" in reason


def gauges(site):
    return site.gauges(FOLLOWED)


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_a_timer_that_runs_out_ends_the_call(site, caller, callee):
    ended = [p.metric("calls_expired") for p in (site.proxy1, site.proxy2)]
    talk = call_up(site, caller, callee)
    assert any(gauges(site).values())
    check_end(talk)
    site.settled()
    assert not any(gauges(site).values())
    assert sum(p.metric("calls_expired")
               for p in (site.proxy1, site.proxy2)) > sum(ended)


@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refreshed_timer_does_not(site, method, who):
    """Another call without refreshes, begun later, is dead before."""
    talk = call_up(site)
    one, other = (talk.call, talk.leg) if who == "caller" \
        else (talk.leg, talk.call)
    other.answers["UPDATE"] = (200, timer(600, "uac"))
    if method == "UPDATE":
        sent = one.request("UPDATE", headers=timer(600, "uac"))
        assert one.ua.final(sent).status == 200
    else:
        one.reinvite(offer_of(one.ua), timer(600, "uac"))
        other.wait_reinvite()
        other.respond(200, sdp=offer_of(other.ua), headers=timer(600, "uac"))
        one.wait_status(200)
        one.ack()
        other.wait_ack()
    check_end(call_up(site))
    assert not talk.call.requests("BYE") and not talk.leg.requests("BYE")
    talk.hang_up()


def test_a_2xx_without_a_timer_ends_it(site):
    """RFC 4028 8.2: the session has none from there on."""
    talk = call_up(site)
    talk.call.reinvite(offer_of(talk.call.ua), [TIMER])
    talk.leg.wait_reinvite()
    talk.leg.answer(offer_of(talk.leg.ua))
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()
    check_end(call_up(site))
    assert not talk.call.requests("BYE") and not talk.leg.requests("BYE")
    talk.hang_up()


def test_hanging_up_in_time(site):
    talk = call_up(site)
    talk.hang_up()
    assert not any(gauges(site).values())


def test_below_the_minimum(site):
    """422 with what is the least, for a caller that knows what that is."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    refused = alice.invite(bob.aor, offer_of(alice),
                           headers=timer(INTERVAL - 1)).wait_final()
    assert refused.status == 422 and refused.get("Min-SE") == str(INTERVAL)
    call = alice.invite(bob.aor, offer_of(alice),
                        headers=[("Session-Expires", str(INTERVAL - 1))])
    leg = bob.incoming()
    leg.reject()
    assert call.wait_final().status == 486


def test_422_of_the_callee_passes(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice), headers=timer(90))
    bob.incoming().respond(422, headers=[("Min-SE", "1800")])
    assert call.wait_final().status == 422
    assert call.wait_final().get("Min-SE") == "1800"


def test_nothing_is_written_where_nobody_asks(site):
    talk = call_up(site, offered=[TIMER], answered=[])
    assert talk.leg.invite_of_dialog.get("Session-Expires") is None
    assert talk.ok.get("Session-Expires") is None
    talk.hang_up()


class TestAsking:
    @pytest.fixture
    def site(self, asking):
        here = asking.get()
        yield here
        here.settled()
        here.leave()

    def test_for_a_caller_that_knows_timers(self, site):
        talk = call_up(site, offered=[TIMER], answered=timer(300, "uas"))
        assert talk.leg.invite_of_dialog.get("Session-Expires") == "300"
        assert talk.ok.all("Session-Expires") == ["300;refresher=uas"]
        talk.hang_up()

    def test_never_below_its_minimum(self, site):
        talk = call_up(site, offered=[TIMER, ("Min-SE", "1200")], answered=[])
        assert talk.leg.invite_of_dialog.get("Session-Expires") == "1200"
        talk.hang_up()

    def test_a_callee_that_knows_none(self, site):
        """The caller is told to refresh, once for both proxies."""
        talk = call_up(site, offered=[TIMER], answered=[])
        assert talk.ok.all("Session-Expires") == ["300;refresher=uac"]
        assert talk.ok.all("Require") == ["timer"]
        talk.hang_up()

    def test_not_for_a_caller_that_knows_none(self, site):
        talk = call_up(site, offered=[], answered=[])
        assert talk.leg.invite_of_dialog.get("Session-Expires") is None
        talk.hang_up()

"""Calls of which one party is no longer there, or whose answer nobody can use:
the proxy ends them on both sides, in the other's name."""

import pytest

from calls import Deployment, Site, establish, offer_of, site  # noqa: F401
from support.net import Net, wait_until
from support.sipmsg import param

PROBE = 1
FOLLOWED = [("proxy1", "calls_followed"), ("proxy2", "calls_followed")]
GONE = (481, ())


class Probing(Deployment):
    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net, proxyd={"session": {"probe": PROBE}})
        return self.site


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Deployment()
    yield deployment
    deployment.discard()


@pytest.fixture(scope="module")
def probing(can_net):
    deployment = Probing()
    yield deployment
    deployment.discard()


def call_up(site, caller="first", callee="second"):
    return establish(site.phone(caller, "alice"), site.phone(callee, "bob"))


def check_bye(leg, cause, timeout=15):
    bye = leg.wait_request("BYE", timeout)
    assert (bye.from_tag, bye.to_tag) == (leg.remote_tag, leg.local_tag)
    assert bye.uri == leg.ua.contact_uri and bye.source == leg.ua.proxy
    assert bye.cseq > max([0] + [m.cseq for m in leg.messages if m.is_request
                                 and m.method not in ("BYE", "OPTIONS")])
    assert param(bye.get("Reason"), "cause") == str(cause)
    return bye


def ended(site, talk, cause, timeout=15):
    check_bye(talk.call, cause, timeout)
    check_bye(talk.leg, cause, timeout)
    site.settled()
    assert not any(site.gauges(FOLLOWED).values())


def sides(talk, who):
    return (talk.call, talk.leg) if who == "caller" else (talk.leg, talk.call)


WHO = pytest.mark.parametrize("who", ["caller", "callee"])


@WHO
@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO"])
def test_a_party_that_has_no_such_call(site, method, who):
    """It was restarted, say: whoever learns that does not hang up, and is
    asked to (RFC 3261 12.2.1.2)."""
    talk = call_up(site)
    one, other = sides(talk, who)
    other.answers.update({"UPDATE": GONE, "INFO": GONE, "OPTIONS": GONE,
                          "BYE": GONE})
    if method == "INVITE":
        one.reinvite(offer_of(one.ua))
        other.wait_reinvite()
        other.reject(481)
        assert one.wait_final().status == 481
    else:
        assert one.ua.final(one.request(method)).status == 481
    ended(site, talk, 481)


def test_481_that_is_of_no_call(site):
    """Of a subscription within it, or of a party that is there all the same:
    an OPTIONS tells."""
    talk = call_up(site)
    talk.leg.answers["INFO"] = GONE
    assert talk.call.ua.final(talk.call.request("INFO")).status == 481
    asked = talk.leg.wait_request("OPTIONS", timeout=15)
    assert asked.cseq <= talk.call.invite.cseq + 1
    assert asked.from_tag == talk.leg.remote_tag
    assert talk.call.ua.final(talk.call.request("UPDATE")).status == 200
    assert not talk.leg.requests("BYE") and not talk.call.requests("BYE")
    talk.hang_up()


def test_who_hangs_up_itself_is_not_helped(site):
    """After a 481 the caller sends its BYE, as it should."""
    talk = call_up(site)
    talk.leg.answers.update({"INFO": GONE, "BYE": GONE})
    assert talk.call.ua.final(talk.call.request("INFO")).status == 481
    assert talk.call.bye().status == 481
    site.settled()
    assert not any(site.gauges(FOLLOWED).values())
    assert not talk.call.requests("BYE")
    assert len(talk.leg.requests("BYE")) == 1


def test_a_new_answer_that_cannot_be_used(site):
    """The offerer gets a 502, and both a BYE: what they have agreed upon is
    not known."""
    talk = call_up(site)
    talk.call.reinvite(offer_of(talk.call.ua))
    talk.leg.wait_reinvite()
    talk.leg.answer("v=0\r\nm=audio nowhere\r\n")
    assert talk.call.wait_final().status == 502
    talk.leg.wait_ack()
    ended(site, talk, 488)


class TestProbing:
    @pytest.fixture
    def site(self, probing):
        here = probing.get()
        yield here
        here.settled()
        here.leave()

    @pytest.mark.parametrize("status", [200, 405, 500])
    def test_any_answer_says_that_a_party_is_there(self, site, status):
        """Asked again and again, with no number of the other party's used
        up: their own requests are in sequence."""
        talk = call_up(site)
        for leg in (talk.call, talk.leg):
            leg.answers["OPTIONS"] = (status, ())
        for leg in (talk.call, talk.leg):
            leg.wait_for(lambda c: len(c.requests("OPTIONS")) >= 3, 15)
        last = max(m.cseq for m in talk.leg.requests("OPTIONS"))
        assert last <= talk.call.invite.cseq
        info = talk.call.request("INFO")
        assert talk.call.ua.final(info).status == 200 and info.cseq > last
        assert not talk.leg.requests("BYE") and not talk.call.requests("BYE")
        talk.hang_up()

    @WHO
    @pytest.mark.parametrize("caller, callee", [
        pytest.param("first", "second", id="relayed"),
        pytest.param("third", "third", id="direct")])
    def test_one_that_has_no_such_call(self, site, caller, callee, who):
        talk = call_up(site, caller, callee)
        sides(talk, who)[1].answers.update({"OPTIONS": GONE, "BYE": GONE})
        ended(site, talk, 481)

    def test_one_that_answers_nothing(self, site):
        talk = call_up(site)
        vanished = site.proxy2.metric("calls_vanished")
        talk.leg.answers.update({"OPTIONS": (0, ()), "BYE": (0, ())})
        check_bye(talk.call, 408, timeout=40)
        wait_until(lambda: not any(site.gauges(FOLLOWED).values()), 40,
                   "the call is forgotten")
        assert site.proxy2.metric("calls_vanished") == vanished + 1

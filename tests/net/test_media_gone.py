"""Calls that are dead: no media comes any more, and nobody has hung up. The
relay tells the proxy, which ends them on both sides."""

import pytest

from calls import Deployment, Site, establish, hear_each_other, offer_of, \
    site  # noqa: F401
from support.net import PROXY1, RELAY, Net, wait_until
from support.sipmsg import Message, param, sdp, token

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]
SILENCE = 1


class Silent(Deployment):
    """Relays that wait a second for media, and are told to judge either side
    where a test asks for it."""

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net, relayd={"media": media_conf()})
        return self.site


def media_conf(**changes):
    return {"address": RELAY, "ports": [30000, 30999], "silence": SILENCE,
            **changes}


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Silent()
    yield deployment
    deployment.discard()


def silent_call(site, caller, callee, **kw):
    """A call in which both were heard, and are no more."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out, **kw),
                     offer_of(bob, back, **kw))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    return talk, out, back


def wait_bye(leg):
    return leg.wait_request("BYE", timeout=15)


def check_bye(bye, leg, cseq):
    """As the other party would have sent it, through our proxy."""
    other_tag = leg.remote_tag
    assert bye.call_id == leg.call_id
    assert bye.from_tag == other_tag and bye.to_tag == leg.local_tag
    assert bye.uri == leg.ua.contact_uri
    assert bye.source == leg.ua.proxy and bye.all("Route") == []
    assert bye.get("CSeq") == f"{cseq} BYE"
    reason = bye.get("Reason")
    assert reason.startswith("SIP") and param(reason, "cause") == "408"
    return param(reason, "text")


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_after_a_late_offer(site, caller, callee):
    """The relay knows the callee as the one who offered first."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor)
    leg = bob.incoming()
    leg.answer(offer_of(bob, back))
    ok = call.wait_status(200)
    call.ack(offer_of(alice, out))
    ack = leg.wait_ack()
    hear_each_other(out, ok.media[0][1:], back, ack.media[0][1:])
    check_bye(wait_bye(call), call, 1)
    check_bye(wait_bye(leg), leg, call.invite.cseq + 1)


def is_up(site, call_id):
    return call_id in {s["call_id"] for s in site.relay.api("sessions")
                       ["sessions"]}


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_both_get_a_bye_when_both_are_silent(site, caller, callee):
    talk, _, _ = silent_call(site, caller, callee)
    text = check_bye(wait_bye(talk.call), talk.call, 1)
    assert text == f"no media for {SILENCE} s"
    assert check_bye(wait_bye(talk.leg), talk.leg,
                     talk.call.invite.cseq + 1) == text
    # given back before any phone has answered
    site.settled()
    assert site.relay.metric("sessions_released") > 0


def test_phones_that_have_vanished(site):
    """Nobody answers the BYE; nothing is held for them."""
    talk, _, _ = silent_call(site, "first", "second")
    talk.call.ua.close()
    talk.leg.ua.close()
    before = site.proxy1.metric("calls_gone")
    site.proxy1.wait_metric("calls_gone", lambda n: n > before, 15)
    site.settled()


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_cseq_and_target_follow_the_dialog(site, caller, callee):
    """Both have sent requests since, and the callee has moved its media: the
    BYE to either has the next number of the other."""
    talk, out, back = silent_call(site, caller, callee)
    info = talk.call.ua.final(talk.call.request("INFO"))
    assert info.status == 200
    sent = talk.leg.reinvite(offer_of(talk.leg.ua, back))
    talk.call.wait_reinvite()
    talk.call.answer(offer_of(talk.call.ua, out))
    talk.leg.wait_status(200)
    talk.leg.ack()
    talk.call.wait_ack()
    check_bye(wait_bye(talk.call), talk.call, sent.cseq + 1)
    check_bye(wait_bye(talk.leg), talk.leg, info.cseq + 1)


def hold(talk, out, back, how):
    alice, bob = talk.call.ua, talk.leg.ua
    if how == "zeros":
        offer, answer = sdp("0.0.0.0", ("audio", out.port)), \
            offer_of(bob, back)
    else:
        answered = {"sendonly": "recvonly", "inactive": "inactive"}[how]
        offer = offer_of(alice, out, attributes=[how])
        answer = offer_of(bob, back, attributes=[answered])
    talk.call.reinvite(offer)
    talk.leg.wait_reinvite()
    talk.leg.answer(answer)
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()


def outlast(site):
    """Wait longer than silence lasts: until another call, begun later, has
    been ended for it."""
    talk, _, _ = silent_call(site, "first", "third")
    wait_bye(talk.call)
    wait_bye(talk.leg)


@pytest.mark.parametrize("how", ["sendonly", "inactive", "zeros"])
def test_hold_is_not_death(site, how):
    talk, out, back = silent_call(site, "first", "second")
    hold(talk, out, back, how)
    outlast(site)
    assert is_up(site, talk.call_id)
    assert not talk.call.requests("BYE") and not talk.leg.requests("BYE")
    # resumed, silence counts again
    talk.call.reinvite(offer_of(talk.call.ua, out))
    talk.leg.wait_reinvite()
    talk.leg.answer(offer_of(talk.leg.ua, back))
    talk.call.wait_status(200)
    talk.call.ack()
    wait_bye(talk.call)
    wait_bye(talk.leg)


def test_comfort_noise_is_not_death(site):
    """Both may fall silent for long (RFC 3389)."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    cn = [s.replace("RTP/AVP 0 8", "RTP/AVP 0 13")
          for s in (offer_of(alice), offer_of(bob))]
    talk = establish(alice, bob, *cn)
    outlast(site)
    assert is_up(site, talk.call_id)
    talk.hang_up()


def test_a_ringing_call_is_left_alone(site):
    """Early media was agreed upon, and there is none."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring(183, offer_of(bob))
    call.wait_status(183)
    outlast(site)
    assert is_up(site, call.call_id) and not leg.requests("BYE")
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    wait_bye(call)
    wait_bye(leg)


def test_media_of_one_side_is_enough(site):
    talk, out, _ = silent_call(site, "first", "second")
    out.start(talk.near[0])
    outlast(site)
    assert is_up(site, talk.call_id)
    talk.hang_up()


@pytest.mark.parametrize("silent, named", [("caller", "from the caller"),
                                           ("callee", "from the callee")])
def test_one_side_silent_where_that_counts(site, silent, named):
    site.relay.configure({**site.relay.conf,
                          "media": media_conf(silence_side=SILENCE)})
    site.relay.reload()
    site.relay.wait_log("reloaded")
    try:
        talk, out, back = silent_call(site, "first", "second")
        if silent == "caller":
            back.start(talk.far[0])
        else:
            out.start(talk.near[0])
        text = check_bye(wait_bye(talk.call), talk.call, 1)
        wait_bye(talk.leg)
        assert text == f"no media {named} for {SILENCE} s"
    finally:
        site.relay.configure({**site.relay.conf, "media": media_conf()})
        site.relay.reload()


def test_a_proxy_that_was_restarted(site):
    """The relay has kept who speaks in the call: it is ended all the same."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    out.start(talk.near[0])
    back.start(talk.far[0])
    site.proxy1.restart(kill=True)
    assert is_up(site, talk.call_id)
    out.stop()
    back.stop()
    wait_bye(talk.call)
    wait_bye(talk.leg)
    site.settled()


@pytest.mark.parametrize("caller, callee, side", [
    ("first", "third", "caller"), ("first", "third", "callee"),
    ("first", "second", "caller")])
def test_a_restarted_proxy_that_saw_a_reinvite(site, caller, callee, side):
    """It has learned the call from that, and ends it."""
    talk, out, back = silent_call(site, caller, callee)
    out.start(talk.near[0])
    site.proxy1.restart(kill=True)
    one, other = (talk.call, talk.leg) if side == "caller" \
        else (talk.leg, talk.call)
    one.reinvite(offer_of(one.ua, out if side == "caller" else back))
    other.wait_reinvite()
    other.answer(offer_of(other.ua, back if side == "caller" else out))
    one.wait_status(200)
    one.ack()
    other.wait_ack()
    out.stop()
    for leg in (one, other):
        bye = wait_bye(leg)
        assert bye.from_tag == leg.remote_tag
        assert bye.to_tag == leg.local_tag
        assert bye.cseq > max([0] + [m.cseq for m in leg.messages
                                     if m.is_request and m is not bye])


def notice(site, talk, branch):
    head = [("Via", f"SIP/2.0/UDP {RELAY}:5060;branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", talk.call.invite.get("From")),
            ("To", talk.call.invite.get("To")),
            ("Call-ID", talk.call_id),
            ("CSeq", f"{talk.call.invite.cseq} BYE"),
            ("Reason", 'SIP;cause=408;text="no media for 60 s"')]
    return Message.build(f"BYE sip:relay@{PROXY1}:5060 SIP/2.0", head)


@pytest.mark.parametrize("who", ["stranger", "first", "third"])
def test_only_its_relay_is_believed(site, who):
    """Whoever else says that the media is gone, and knows everything about
    the call, gets a 403; it goes on."""
    talk, out, back = silent_call(site, "first", "second")
    out.start(talk.near[0])
    mallory = site.phone(who, "mallory", register=False, proxy=PROXY1)
    before = site.proxy1.metric("gone_refused")
    m = mallory.send(notice(site, talk, token("z9hG4bK")), (PROXY1, 5060))
    wait_until(lambda: site.proxy1.metric("gone_refused") > before, 10,
               "refused")
    answers = mallory.messages(lambda r: r.status is not None
                               and r.branch == m.branch)
    assert all(r.status == 403 for r in answers)
    assert is_up(site, talk.call_id)
    assert not talk.call.requests("BYE") and not talk.leg.requests("BYE")
    out.start(talk.near[0])
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()

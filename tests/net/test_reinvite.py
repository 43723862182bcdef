"""What happens within a call: hold and resume, a phone that moves its media,
a line more, requests that are declined or withdrawn."""

import pytest

from calls import deployed, hear_each_other, is_relay, offer_of, \
    site  # noqa: F401
from parties import both_hear, check_ports_kept, parties, reinvite
from support.net import PROXY1, PROXY2, RELAY
from support.sipmsg import host_port, sdp

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]
SIDES = pytest.mark.parametrize("side", ["caller", "callee"])


@SIDES
@pytest.mark.parametrize("caller, callee", SHAPES)
@pytest.mark.parametrize("held, answered", [("sendonly", "recvonly"),
                                            ("inactive", "inactive")])
def test_hold_and_resume(site, caller, callee, side, held, answered):
    one, other = parties(site, caller, callee, side)
    asked, ok = reinvite(one, other, one.offer(held), other.offer(answered))
    check_ports_kept(site, one, other, asked, ok)
    assert f"a={held}\r\n".encode() in asked.body
    assert f"a={answered}\r\n".encode() in ok.body
    asked, ok = reinvite(one, other, one.offer("sendrecv"),
                         other.offer("sendrecv"))
    check_ports_kept(site, one, other, asked, ok)
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
def test_hold_of_the_old_kind(site, side):
    """c=0.0.0.0 (RFC 3264 8.4) stays one, and resuming works."""
    one, other = parties(site, "first", "third", side)
    asked, ok = reinvite(one, other,
                         sdp("0.0.0.0", ("audio", one.media.port)),
                         other.offer())
    assert [m[1] for m in asked.media] == ["0.0.0.0"]
    assert [m[1:] for m in ok.media] == [one.told]
    asked, ok = reinvite(one, other, one.offer(), other.offer())
    check_ports_kept(site, one, other, asked, ok)
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
@pytest.mark.parametrize("caller, callee", SHAPES)
def test_a_phone_moves_its_media(site, caller, callee, side):
    """Another port of its own, and behind a NAT another of the NAT; told by
    re-INVITE. The relay's ports stay."""
    one, other = parties(site, caller, callee, side)
    old, one.media = one.media, site.media(one.leg.ua)
    asked, ok = reinvite(one, other, one.offer(), other.offer())
    check_ports_kept(site, one, other, asked, ok)
    # Behind a NAT it has to speak before the relay can know where it is.
    one.media.start(one.told)
    other.media.wait_packets(1, one.media.ssrc)
    one.media.stop()
    heard = len(old.received)
    both_hear(one, other)
    assert len(old.received) == heard
    assert other.leg.bye().status == 200


@pytest.mark.parametrize("caller, callee, side", [
    ("first", "third", "callee"), ("third", "first", "caller")])
def test_a_public_phone_moves_its_media_and_only_listens(site, caller, callee,
                                                         side):
    """Nothing comes from the new address that could be learned: it is the
    signalled one that counts."""
    one, other = parties(site, caller, callee, side)
    one.media = site.media(one.leg.ua)
    reinvite(one, other, one.offer(), other.offer())
    other.media.start(other.told)
    got = one.media.wait_packets(10, other.media.ssrc)
    assert {p.source for p in got} == {one.told}
    assert one.leg.bye().status == 200


@SIDES
@pytest.mark.parametrize("caller, callee", SHAPES)
def test_video_is_added(site, caller, callee, side):
    one, other = parties(site, caller, callee, side)
    seen, shown = site.media(one.leg.ua), site.media(other.leg.ua)
    asked, ok = reinvite(one, other, offer_of(one.leg.ua, one.media, seen),
                         offer_of(other.leg.ua, other.media, shown))
    assert asked.media[0][1:] == other.told and ok.media[0][1:] == one.told
    told_one, told_other = ok.media[1][1:], asked.media[1][1:]
    assert is_relay(told_one) and told_one != one.told
    assert is_relay(told_other) and told_other != other.told
    assert site.relay.metric("streams") == 2
    hear_each_other(seen, told_one, shown, told_other)
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
@pytest.mark.parametrize("status", [488, 491])
def test_declined_the_call_goes_on(site, side, status):
    one, other = parties(site, "first", "second", side)
    one.leg.reinvite(one.offer("sendonly"))
    other.leg.wait_reinvite()
    other.leg.respond(status)
    assert one.leg.wait_final().status == status
    other.leg.wait_ack()
    assert site.relay.metric("sessions") == 1
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
def test_withdrawn_the_call_goes_on(site, side):
    """CANCEL of a re-INVITE ends that, not the call."""
    one, other = parties(site, "first", "second", side)
    sent = one.leg.reinvite(one.offer())
    other.leg.wait_reinvite()
    other.leg.ring()
    one.leg.wait_status(180)
    one.leg.cancel()
    other.leg.wait_request("CANCEL")
    if other.leg.outgoing:
        other.leg.respond(487)
    assert one.leg.ua.final(sent).status == 487
    assert site.relay.metric("sessions") == 1
    both_hear(one, other)
    assert one.leg.bye().status == 200


def test_both_take_turns(site):
    one, other = parties(site, "first", "second", "caller")
    for who, whom in ((one, other), (other, one)) * 3:
        asked, ok = reinvite(who, whom, who.offer(), whom.offer())
        check_ports_kept(site, who, whom, asked, ok)
    both_hear(one, other)
    assert other.leg.bye().status == 200


@SIDES
def test_session_refresh_without_an_offer(site, side):
    """A re-INVITE with a late offer: the offer in the 200 and the answer in
    the ACK are both replaced."""
    one, other = parties(site, "first", "second", side)
    one.leg.reinvite(None)
    other.leg.wait_reinvite()
    other.leg.answer(other.offer())
    ok = one.leg.wait_status(200)
    assert [m[1:] for m in ok.media] == [one.told]
    one.leg.ack(one.offer())
    assert [m[1:] for m in other.leg.wait_ack().media] == [other.told]
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
def test_the_contact_stays_that_of_the_world(site, side):
    """A re-INVITE of a client behind a NAT is rewritten like the first."""
    one, other = parties(site, "first", "second", side)
    at = {"caller": (PROXY1, "203.0.113.28"), "callee": (PROXY2,
                                                         "203.0.113.30")}
    asked, _ = reinvite(one, other, one.offer(), other.offer())
    assert host_port(asked.contact)[0] == at[side][1]
    assert one.leg.ua.proxy[0] == at[side][0]
    assert RELAY in asked.body.decode()
    assert one.leg.ua.ip not in asked.body.decode()
    assert one.leg.bye().status == 200


@SIDES
@pytest.mark.parametrize("method", ["INFO", "UPDATE", "OPTIONS", "MESSAGE"])
def test_other_requests_within_the_call(site, method, side):
    one, other = parties(site, "first", "second", side)
    answer = one.leg.ua.final(one.leg.request(method))
    assert answer.status == 200
    got = other.leg.ua.wait_message(lambda m: m.method == method
                                    and m.is_request)
    assert got.uri == other.leg.ua.contact_uri
    both_hear(one, other)
    assert one.leg.bye().status == 200

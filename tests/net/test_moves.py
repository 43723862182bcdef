"""A client that moves to another network during a call (RFC 3261 12.2, RFC
5245 9): it registers there and offers anew; media and requests follow."""

import pytest

from calls import deployed, establish, is_relay, offer_of, \
    site  # noqa: F401
from parties import Party, both_hear, parties, reinvite
from support.net import wait_until
from support.sipmsg import host_port

SIDES = pytest.mark.parametrize("side", ["caller", "callee"])


def move(site, party, host):
    """The phone of `party` is on another host from now on, with new media;
    the user, the dialog and the outbound proxy stay."""
    old = party.leg.ua
    ua = site.phone(host, "moved", proxy=old.proxy[0], register=False)
    ua.user = old.user
    party.leg.hand_over(ua)
    party.media = site.media(ua)
    assert ua.register().status == 200
    return ua


@SIDES
@pytest.mark.parametrize("from_host, to_host, peer", [
    pytest.param("first", "second", "third", id="NAT to NAT"),
    pytest.param("first", "first17", "second", id="within one NAT"),
    pytest.param("first", "stranger", "second", id="NAT to public"),
    pytest.param("stranger", "first", "second", id="public to NAT")])
def test_moved(site, side, from_host, to_host, peer):
    """By INVITE: the relay's ports stay, its other party notices nothing but
    the new Contact; the old address gets nothing any more."""
    hosts = (from_host, peer) if side == "caller" else (peer, from_host)
    one, other = parties(site, *hosts, side)
    old = one.media
    ua = move(site, one, to_host)
    asked, ok = reinvite(one, other, one.offer(), other.offer())
    assert [m[1:] for m in asked.media] == [other.told]
    assert [m[1:] for m in ok.media] == [one.told]
    assert host_port(asked.contact)[0] == site.address_outside(ua)
    one.media.start(one.told)
    other.media.wait_packets(1, one.media.ssrc)
    one.media.stop()
    heard = len(old.received)
    both_hear(one, other)
    assert len(old.received) == heard
    # requests of the other side find it, too
    assert other.leg.bye().status == 200
    assert one.leg.wait_request("BYE").source == ua.proxy


@SIDES
def test_moved_by_update(site, side):
    one, other = parties(site, "first", "third", side)
    ua = move(site, one, "second")
    other.leg.auto = {"BYE"}
    sent = one.leg.request("UPDATE", one.offer())
    got = other.leg.wait_request("UPDATE")
    other.leg.remote = got.contact
    other.leg.ua.respond(got, 200, sdp=other.offer(), headers=[
        ("Contact", f"<{other.leg.ua.contact_uri}>")])
    assert ua.final(sent).status == 200
    one.media.start(one.told)
    other.media.wait_packets(1, one.media.ssrc)
    one.media.stop()
    both_hear(one, other)
    assert other.leg.bye().status == 200
    assert one.leg.wait_request("BYE").source == ua.proxy


def test_keepalives_follow(site):
    """To where it has registered now, and nowhere else."""
    one, _ = parties(site, "first", "third", "caller")
    aor = f"{one.leg.ua.user}@example.com"

    def channel():
        return next((c["channel"] for c in site.proxy1.api("clients")
                     if c["id"] == aor), None)
    before = channel()
    ua = move(site, one, "second")
    after = wait_until(lambda: channel() != before and channel(), 10,
                       "the new channel")
    assert host_port(after)[0] == site.address_outside(ua)
    assert one.leg.bye().status == 200


@pytest.mark.parametrize("proxies", ["one", "two"])
@SIDES
def test_a_call_without_a_relay_gets_one(site, side, proxies):
    """Two public phones; one of them moves behind a NAT. Its new offer needs
    the relay, which the route of the dialog does not name."""
    alice = site.phone("third", "alice")
    bob = site.phone("stranger", "bob", proxy=alice.proxy[0]
                     if proxies == "one" else None)
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    assert site.relay.metric("sessions") == 0
    one, other = Party(talk.call, out, None), Party(talk.leg, back, None)
    if side == "callee":
        one, other = other, one
    move(site, one, "first")
    one.leg.reinvite(one.offer())
    asked = other.leg.wait_reinvite()
    other.leg.answer(other.offer())
    ok = one.leg.wait_status(200)
    one.leg.ack()
    other.leg.wait_ack()
    one.told, other.told = ok.media[0][1:], asked.media[0][1:]
    assert is_relay(one.told) and is_relay(other.told)
    assert site.relay.metric("sessions") == 1
    both_hear(one, other)
    # a further offer, of the other side, finds the same resource
    asked, ok = reinvite(other, one, other.offer(), one.offer())
    assert (asked.media[0][1:], ok.media[0][1:]) == (one.told, other.told)
    both_hear(one, other)
    assert one.leg.bye().status == 200

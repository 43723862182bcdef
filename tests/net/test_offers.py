"""Offers that come late, and answers wherever they may travel (RFC 3261 13,
RFC 3262, RFC 3311, RFC 6337): through two NATs, with the media heard."""

import signal

import pytest

from calls import deployed, hear_each_other, is_relay, offer_of, \
    site  # noqa: F401
from parties import both_hear, parties
from support.net import wait_until
from support.sipmsg import sdp

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]
SIDES = pytest.mark.parametrize("side", ["caller", "callee"])


class Sides:
    """Caller and callee with a media line each, no call between them yet."""

    def __init__(self, site, caller="first", callee="second"):
        self.site = site
        self.alice = site.phone(caller, "alice")
        self.bob = site.phone(callee, "bob")
        self.out, self.back = site.media(self.alice), site.media(self.bob)

    @property
    def hers(self):
        return offer_of(self.alice, self.out)

    @property
    def his(self):
        return offer_of(self.bob, self.back)

    def invite(self, body=None):
        call = self.alice.invite(self.bob.aor, body, headers=[
            ("Supported", "100rel")])
        return call, self.bob.incoming()

    def hear(self, near, far):
        """Told by these messages where to send."""
        near, far = near.media[0][1:], far.media[0][1:]
        assert is_relay(near) and is_relay(far)
        hear_each_other(self.out, near, self.back, far)

    def end(self, call, leg):
        assert call.bye().status == 200
        leg.wait_request("BYE")


def accept(leg, update, body):
    """200 to an UPDATE or PRACK, with an answer."""
    leg.ua.respond(update, 200, sdp=body, headers=[
        ("Contact", f"<{leg.ua.contact_uri}>")])


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_late_offer(site, caller, callee):
    """Offer in the 200, answer in the ACK. The relay is asked when the offer
    comes, and before it goes on."""
    s = Sides(site, caller, callee)
    asked = site.relay.metric("sessions_opened")
    call, leg = s.invite()
    leg.ring()
    call.wait_status(180)
    assert site.relay.metric("sessions_opened") == asked
    leg.answer(s.his)
    ok = call.wait_status(200)
    call.ack(s.hers)
    s.hear(ok, leg.wait_ack())
    assert site.relay.metric("sessions_opened") == asked + 1
    s.end(call, leg)


@SIDES
def test_late_offer_then_hold(site, side):
    """Either side may offer next: the relay knows both by their tags."""
    s = Sides(site)
    call, leg = s.invite()
    leg.answer(s.his)
    ok = call.wait_status(200)
    call.ack(s.hers)
    ack = leg.wait_ack()
    s.hear(ok, ack)
    one, other, mine, yours = (call, leg, s.hers, s.his) \
        if side == "caller" else (leg, call, s.his, s.hers)
    one.reinvite(mine)
    asked = other.wait_reinvite()
    other.answer(yours)
    again = one.wait_status(200)
    one.ack()
    other.wait_ack()
    told = {"caller": (again, asked), "callee": (asked, again)}[side]
    assert (told[0].media, told[1].media) == (ok.media, ack.media)
    s.hear(*told)
    s.end(call, leg)


def test_late_offer_of_two_lines(site):
    s = Sides(site)
    seen, shown = site.media(s.alice), site.media(s.bob)
    call, leg = s.invite()
    leg.answer(offer_of(s.bob, s.back, shown))
    ok = call.wait_status(200)
    call.ack(offer_of(s.alice, s.out, seen))
    ack = leg.wait_ack()
    s.hear(ok, ack)
    hear_each_other(seen, ok.media[1][1:], shown, ack.media[1][1:])
    s.end(call, leg)


def test_late_offer_the_caller_hangs_up_at_once(site):
    """No answer in the ACK; the resource is given back all the same."""
    s = Sides(site)
    call, leg = s.invite()
    leg.answer(s.his)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    s.end(call, leg)


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_late_offer_declined(site, caller, callee):
    """Nothing was taken of the relay."""
    s = Sides(site, caller, callee)
    asked = site.relay.metric("sessions_opened")
    call, leg = s.invite()
    leg.reject(486)
    assert call.wait_final().status == 486
    assert site.relay.metric("sessions_opened") == asked


def test_late_offer_and_the_relay_has_gone_silent(site):
    """The caller gets 503; the callee, who has answered, its ACK and a BYE."""
    s = Sides(site)
    call, leg = s.invite()
    site.relay.signal(signal.SIGSTOP)
    try:
        leg.answer(s.his)
        assert call.wait_final().status == 503
        assert leg.wait_ack().body == b""
        assert leg.wait_request("BYE").uri == s.bob.contact_uri
    finally:
        site.relay.signal(signal.SIGCONT)


@SIDES
def test_late_offer_of_a_line_more_and_the_relay_has_gone_silent(site, side):
    """The 200 to a re-INVITE cannot be taken back: that is the call's end, and
    both sides are told."""
    one, other = parties(site, "first", "second", side)
    more = site.media(other.leg.ua)
    one.leg.reinvite(None)
    other.leg.wait_reinvite()
    site.relay.signal(signal.SIGSTOP)
    try:
        other.leg.answer(offer_of(other.leg.ua, other.media, more))
        assert one.leg.wait_final().status == 503
        other.leg.wait_ack()
        for leg in (one.leg, other.leg):
            assert leg.wait_request("BYE").uri == leg.ua.contact_uri
    finally:
        site.relay.signal(signal.SIGCONT)


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_late_offer_in_a_reliable_provisional_response(site, caller, callee):
    """Offer in the 183, answer in its PRACK; the 200 has none."""
    s = Sides(site, caller, callee)
    call, leg = s.invite()
    leg.ring_reliably(s.his)
    early = call.wait_status(183)
    assert is_relay(early.media[0][1:])
    sent = call.prack(early, s.hers)
    prack = leg.wait_request("PRACK")
    s.bob.respond(prack, 200)
    assert s.alice.final(sent).status == 200
    s.hear(early, prack)
    leg.respond(200)
    ok = call.wait_status(200)
    assert ok.body == b""
    call.ack()
    leg.wait_ack()
    s.hear(early, prack)
    s.end(call, leg)


def test_late_offer_repeated_until_its_prack(site):
    """A reliable response comes again and again, and the relay is asked once;
    the 200 may say the same once more."""
    s = Sides(site)
    asked = sum(p.metric("late_offers") for p in (site.proxy1, site.proxy2))
    call, leg = s.invite()
    offer = s.his
    for n in (1, 2, 3):
        leg.ring_reliably(offer)
        s.alice.wait_for(lambda: len([m for m in s.alice.received
                                      if m.status == 183]) == n,
                         what=f"{n} of them")
    early = call.wait_status(183)
    prack = call.prack(early, s.hers)
    s.bob.respond(leg.wait_request("PRACK"), 200)
    s.alice.final(prack)
    leg.answer(offer)
    assert call.wait_status(200).media == early.media
    call.ack()
    leg.wait_ack()
    assert sum(p.metric("late_offers")
               for p in (site.proxy1, site.proxy2)) == asked + 1
    s.end(call, leg)


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_answer_in_a_reliable_provisional_response(site, caller, callee):
    s = Sides(site, caller, callee)
    call, leg = s.invite(s.hers)
    leg.ring_reliably(s.his)
    early = call.wait_status(183)
    sent = call.prack(early)
    s.bob.respond(leg.wait_request("PRACK"), 200)
    assert s.alice.final(sent).status == 200
    s.hear(early, leg.invite)
    leg.respond(200)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    s.end(call, leg)


def test_offer_in_a_prack(site):
    """A second exchange while it rings: offer in the PRACK, answer in its
    200; it adds a line."""
    s = Sides(site)
    seen, shown = site.media(s.alice), site.media(s.bob)
    call, leg = s.invite(s.hers)
    leg.ring_reliably(s.his)
    early = call.wait_status(183)
    sent = call.prack(early, offer_of(s.alice, s.out, seen))
    prack = leg.wait_request("PRACK")
    s.bob.respond(prack, 200, sdp=offer_of(s.bob, s.back, shown))
    ok = s.alice.final(sent)
    assert ok.media[0] == early.media[0]
    assert prack.media[0] == leg.invite.media[0]
    hear_each_other(seen, ok.media[1][1:], shown, prack.media[1][1:])
    s.hear(ok, prack)
    leg.respond(200)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    s.end(call, leg)


@SIDES
def test_update_while_it_rings(site, side):
    """RFC 3311 5: either side moves its media before the call is answered."""
    s = Sides(site)
    call, leg = s.invite(s.hers)
    leg.ring_reliably(s.his)
    early = call.wait_status(183)
    sent = call.prack(early)
    s.bob.respond(leg.wait_request("PRACK"), 200)
    s.alice.final(sent)
    one, other = (call, leg) if side == "caller" else (leg, call)
    other.auto = {"BYE"}
    if side == "caller":
        s.out = site.media(s.alice)
    else:
        s.back = site.media(s.bob)
    sent = one.request("UPDATE", s.hers if side == "caller" else s.his)
    got = other.wait_request("UPDATE")
    accept(other, got, s.his if side == "caller" else s.hers)
    ok = one.ua.final(sent)
    told = {"caller": (ok, got), "callee": (got, ok)}[side]
    assert [m.media for m in told] == [early.media, leg.invite.media]
    s.hear(*told)
    leg.respond(200)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    s.hear(*told)
    s.end(call, leg)


@SIDES
def test_update_within_the_call(site, side):
    one, other = parties(site, "first", "second", side)
    other.leg.auto = {"BYE"}
    one.media = site.media(one.leg.ua)
    sent = one.leg.request("UPDATE", one.offer())
    got = other.leg.wait_request("UPDATE")
    assert [m[1:] for m in got.media] == [other.told]
    accept(other.leg, got, other.offer())
    assert [m[1:] for m in one.leg.ua.final(sent).media] == [one.told]
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
def test_update_without_an_offer(site, side):
    """RFC 4028: a session refresh, which says nothing of media."""
    one, other = parties(site, "first", "second", side)
    assert one.leg.ua.final(one.leg.request("UPDATE")).status == 200
    both_hear(one, other)
    assert one.leg.bye().status == 200


@SIDES
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("status", [488, 491, 504])
def test_refused_the_old_addresses_stay(site, side, method, status):
    """The refused offer named another port, at a public address that the
    relay would go by; a refusal may even have a description of its own (RFC
    3261 21.4.26). The media stays where it was."""
    one, other = parties(site, *(("third", "first") if side == "caller"
                                 else ("first", "third")), side)
    other.leg.auto = {"BYE"}
    elsewhere = site.media(one.leg.ua)
    offer = offer_of(one.leg.ua, elsewhere)
    wrong = sdp("203.0.113.99", ("audio", 9999))
    if method == "INVITE":
        one.leg.reinvite(offer)
        other.leg.wait_reinvite()
        other.leg.respond(status, sdp=wrong)
        final = one.leg.wait_final()
        other.leg.wait_ack()
    else:
        sent = one.leg.request("UPDATE", offer)
        other.leg.ua.respond(other.leg.wait_request("UPDATE"), status,
                             sdp=wrong)
        final = one.leg.ua.final(sent)
    assert final.status == status and final.body == wrong.encode()
    other.media.start(other.told)
    one.media.wait_packets(10, other.media.ssrc, after=len(one.media.received))
    other.media.stop()
    both_hear(one, other)
    assert elsewhere.received == []
    assert one.leg.bye().status == 200


@SIDES
def test_refused_line_more(site, side):
    """Its ports stay with the session, unused, and the old line goes on."""
    one, other = parties(site, "first", "second", side)
    seen = site.media(one.leg.ua)
    one.leg.reinvite(offer_of(one.leg.ua, one.media, seen))
    other.leg.wait_reinvite()
    other.leg.respond(488)
    assert one.leg.wait_final().status == 488
    other.leg.wait_ack()
    both_hear(one, other)
    assert one.leg.bye().status == 200


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_an_answer_that_nobody_can_use(site, caller, callee):
    """502 to the caller; the callee, who takes the call for answered, gets
    its ACK and a BYE (and the repeated 200 another ACK, but no other BYE)."""
    s = Sides(site, caller, callee)
    ended = sum(p.metric("hung_up") for p in (site.proxy1, site.proxy2))
    call, leg = s.invite(s.hers)
    leg.answer("v=0\r\nm=audio nowhere\r\n")
    assert call.wait_final().status == 502
    assert leg.wait_ack().cseq == leg.invite.cseq
    bye = leg.wait_request("BYE")
    assert bye.uri == s.bob.contact_uri and bye.source == s.bob.proxy
    assert bye.to_tag == leg.local_tag
    wait_until(lambda: site.relay.metric("sessions") == 0, 10, "release")
    leg.answer("v=0\r\nm=audio nowhere\r\n")
    s.bob.wait_for(lambda: len(leg.acks) >= 2, what="the ACK once more")
    assert len(leg.requests("BYE")) == 1
    assert sum(p.metric("hung_up")
               for p in (site.proxy1, site.proxy2)) == ended + 1


def test_late_offer_that_nobody_can_use(site):
    s = Sides(site)
    call, leg = s.invite()
    leg.answer("v=0\r\nm=audio nowhere\r\n")
    assert call.wait_final().status in (488, 502, 503)
    leg.wait_ack()
    leg.wait_request("BYE")


@pytest.mark.parametrize("body", [
    pytest.param("v=0\r\no=- 1 1 IN IP4 10.0.0.16\r\ns=-\r\n"
                 "c=IN IP4 10.0.0.16\r\nt=0 0\r\n", id="no line"),
    pytest.param("v=0\r\no=- 1 1 IN IP4 10.0.0.16\r\ns=-\r\n"
                 "c=IN IP4 10.0.0.16\r\nt=0 0\r\n"
                 "m=message 2855 TCP/MSRP *\r\n"
                 "a=path:msrp://10.0.0.16:2855/s1;tcp\r\n", id="MSRP")])
def test_media_comes_later(site, body):
    """Nothing for the relay in the first offer (RFC 3264 5), which passes to
    the byte; a re-INVITE brings a line, and then there is a resource."""
    s = Sides(site)
    asked = site.relay.metric("sessions_opened")
    call, leg = s.invite(body)
    leg.answer(body)
    assert leg.invite.body == body.encode()
    assert call.wait_status(200).body == body.encode()
    call.ack()
    leg.wait_ack()
    assert site.relay.metric("sessions_opened") == asked
    line = body.count("m=")
    call.reinvite(with_line(body, s.out))
    got = leg.wait_reinvite()
    leg.answer(with_line(body, s.back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    near, far = ok.media[line][1:], got.media[line][1:]
    assert is_relay(near) and is_relay(far)
    if line:
        assert ok.media[0] == ("message", "10.0.0.16", 2855)
    hear_each_other(s.out, near, s.back, far)
    s.end(call, leg)


def with_line(body, media):
    return body + f"m=audio {media.port} RTP/AVP 0\r\n"

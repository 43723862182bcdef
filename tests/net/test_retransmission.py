"""UDP loses and doubles messages: neither makes a second call, loses one, or
takes or gives a resource twice."""

import pytest

from calls import Phone, deployed, establish, hear_each_other, \
    offer_of, site, traced  # noqa: F401
from support.net import PROXY1, RELAY, wait_until


def last_sent(ua, start):
    return next((raw, to) for _, to, raw in reversed(ua.sent)
                if raw.startswith(start.encode()))


def repeat(ua, start, times=3):
    """What the phone sent last that begins so, again."""
    raw, to = last_sent(ua, start)
    for _ in range(times):
        ua.send_raw(raw, to)


def copies(ua, what):
    """How often messages came that `what` likes, doubles included."""
    return len(ua.messages(what, duplicates=True))


def relay_methods(site, call_id):
    return [m.method for m in traced(site.relay, call_id, "in")
            if m.is_request and m.method != "ACK"]


@pytest.mark.parametrize("callee", ["second", "third"])
def test_invite_repeated_while_ringing(site, callee):
    alice, bob = site.phone("first", "alice"), site.phone(callee, "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    ringing = copies(alice, lambda m: m.status == 180)
    absorbed = site.proxy1.metric("txn_retransmits_in_total")
    received = site.proxy1.metric("transport_rx_total")
    repeat(alice, "INVITE")
    wait_until(lambda: copies(alice, lambda m: m.status == 180)
               >= ringing + 3, 10, "the 180 again for each")
    assert site.proxy1.metric("txn_retransmits_in_total") - absorbed >= 3
    assert site.proxy1.metric("transport_rx_total") - received >= 3
    assert copies(bob, lambda m: m.method == "INVITE") == 1
    assert relay_methods(site, call.call_id) == ["INVITE"]
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_invite_repeated_after_the_answer(site):
    """A late double is absorbed; the call is still one call."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    talk = establish(alice, bob)
    repeat(alice, "INVITE")
    answer = alice.transact("OPTIONS", bob.aor)
    assert answer.status == 200
    assert copies(bob, lambda m: m.method == "INVITE") == 1
    assert site.relay.metric("sessions") == 1
    talk.hang_up()


def test_200_repeated(site):
    """Each 200 of the callee gets to the caller, and its ACK back; they all
    say the same."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    acks = copies(bob, lambda m: m.method == "ACK")
    oks = [m for m in alice.messages(duplicates=True)
           if m.status == 200 and m.cseq_method == "INVITE"]
    repeat(bob, "SIP/2.0 200")
    bob.wait_for(lambda: copies(bob, lambda m: m.method == "ACK")
                 >= acks + 3, what="the ACK again")
    again = [m for m in alice.messages(duplicates=True)
             if m.status == 200 and m.cseq_method == "INVITE"][len(oks):]
    assert len(again) == 3
    assert {m.raw for m in again} == {talk.ok.raw}
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_bye_repeated(site, side):
    talk = establish(site.phone("first", "alice"), site.phone("second", "bob"))
    one, other = (talk.call, talk.leg) if side == "caller" \
        else (talk.leg, talk.call)
    ok = one.bye()
    assert ok.status == 200
    other.wait_request("BYE")
    site.settled()
    released = site.relay.metric("sessions_released")

    def answers():
        return one.ua.messages(lambda m: m.cseq_method == "BYE"
                               and m.status == 200, duplicates=True)
    before = len(answers())
    repeat(one.ua, "BYE")
    one.ua.wait_for(lambda: len(answers()) >= before + 3,
                    what="the same answer for each")
    assert {m.raw for m in answers()} == {ok.raw}
    assert copies(other.ua, lambda m: m.method == "BYE") == 1
    assert site.relay.metric("sessions_released") == released
    assert relay_methods(site, talk.call_id).count("BYE") == 1


def test_ack_repeated(site):
    """An ACK to a 2xx is the callee's to absorb; it is passed on each
    time."""
    talk = establish(site.phone("first", "alice"), site.phone("second", "bob"))
    repeat(talk.call.ua, "ACK")
    bob = talk.leg.ua
    bob.wait_for(lambda: copies(bob, lambda m: m.method == "ACK") >= 4,
                 what="the ACKs")
    assert len({m.branch for m in bob.received if m.method == "ACK"}) == 1
    talk.hang_up()


def test_486_repeated(site):
    """Acknowledged hop by hop, passed on once."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    leg.wait_ack()
    acks = copies(bob, lambda m: m.method == "ACK")
    repeat(bob, "SIP/2.0 486")
    bob.wait_for(lambda: copies(bob, lambda m: m.method == "ACK")
                 >= acks + 3, what="the ACK again")
    assert copies(alice, lambda m: m.status == 486) == 1


def test_cancel_repeated(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    sent = call.cancel()
    assert alice.final(sent).status == 200
    repeat(alice, "CANCEL")
    assert call.wait_final().status == 487
    alice.wait_for(lambda: copies(
        alice, lambda m: m.cseq_method == "CANCEL") >= 4,
        what="an answer for each")
    assert copies(bob, lambda m: m.method == "CANCEL") == 1


class Deaf(Phone):
    """A phone that the first copy of every message does not reach, and whose
    own first copies are lost."""

    def __init__(self, *args, **kw):
        self._once_in, self._once_out = set(), set()
        super().__init__(*args, **kw)

    def _transmit(self, raw, to):
        if raw in self._once_out:
            super()._transmit(raw, to)
        self._once_out.add(raw)

    def _datagram(self, raw, source):
        if raw in self._once_in:
            super()._datagram(raw, source)
        self._once_in.add(raw)


@pytest.mark.parametrize("deaf", ["caller", "callee", "both"])
def test_every_message_is_lost_once(site, deaf, monkeypatch):
    """Between the phones and their proxies, either way. Everything gets
    through by repetition, and the call is made and ended once."""
    def phone(host, name, side):
        if deaf in (side, "both"):
            monkeypatch.setattr("calls.Phone", Deaf)
        ua = site.phone(host, name)
        monkeypatch.setattr("calls.Phone", Phone)
        return ua

    alice = phone("first", "alice", "caller")
    bob = phone("second", "bob", "callee")
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming(30)
    leg.answer(offer_of(bob, back))
    ok = call.wait_status(200, 30)
    call.ack()
    leg.wait_ack(30)
    hear_each_other(out, ok.media[0][1:], back, leg.invite.media[0][1:])
    assert call.bye(30).status == 200
    leg.wait_request("BYE", 30)
    site.settled()
    methods = relay_methods(site, call.call_id)
    assert methods[0] == "INVITE" and methods.count("BYE") == 1


def test_the_same_packet_twice_from_the_network(site):
    """The NAT side doubles every datagram of a call's signalling."""
    class Doubled(Phone):
        def _transmit(self, raw, to):
            super()._transmit(raw, to)
            super()._transmit(raw, to)

    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    alice.__class__ = bob.__class__ = Doubled
    for _ in range(5):
        talk = establish(alice, bob)
        assert site.relay.metric("sessions") == 1
        talk.hang_up()
        site.settled()
        call_id = talk.call_id
        assert len([m for m in bob.messages(
            lambda m: m.method in ("INVITE", "BYE")
            and m.call_id == call_id, duplicates=True)]) == 2
        assert {m.peer[0] for m in traced(site.relay, call_id, "in")} \
            == {PROXY1}
        assert RELAY in talk.ok.text

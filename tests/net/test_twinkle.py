"""Twinkle behind one NAT and baresip, or another Twinkle, behind the other: two
makers' phones and the plain shapes of their calls."""

import pytest

from calls import Phone, wait_flow
from support.net import PROXY1, PROXY2, wait_until
from support.phones import Baresip
from support.twinkle import Twinkle


@pytest.fixture(autouse=True)
def released(pinhole):
    """Nothing of any call is left."""
    yield
    wait_until(lambda: pinhole.relay.metric("sessions") == 0
               and pinhole.proxy1.metric("sessions") == 0
               and pinhole.proxy2.metric("sessions") == 0, 10, "the release")


@pytest.fixture
def alice(pinhole):
    alice = Twinkle(pinhole.relay.net, "first", "alice", PROXY1)
    alice.wait_registered()
    return alice


def baresip(pinhole, **kw):
    bob = Baresip(pinhole.relay.net, "second", "bob", PROXY2, **kw)
    bob.wait_registered()
    return bob


def test_calls_and_hangs_up(pinhole, alice):
    bob = baresip(pinhole)
    alice.do("call bob")
    alice.wait("far end answered call")
    bob.wait_event("CALL_ESTABLISHED")
    wait_flow(pinhole)
    bob.wait_heard(1)
    alice.do("bye")
    bob.wait_event("CALL_CLOSED")


def test_called_and_hung_up_by_the_caller(pinhole, alice):
    bob = baresip(pinhole)
    bob.dial("sip:alice@example.com")
    alice.wait("incoming call")
    bob.wait_event("CALL_RINGING")
    alice.do("answer")
    bob.wait_event("CALL_ESTABLISHED")
    wait_flow(pinhole)
    bob.hangup()
    alice.wait("far end ended call")
    bob.wait_event("CALL_CLOSED")


def test_held_and_resumed_by_either(pinhole, alice):
    bob = baresip(pinhole)
    alice.do("call bob")
    bob.wait_event("CALL_ESTABLISHED")
    alice.wait("far end answered call")
    wait_flow(pinhole)
    alice.do("hold")
    alice.wait("re-INVITE successful")
    alice.do("retrieve")
    alice.wait("re-INVITE successful", 2)
    wait_flow(pinhole)
    for count, change in enumerate((bob.hold, bob.resume), 1):
        change()
        wait_until(lambda: bob.log().count("got SDP answer") >= count, 10,
                   "the answer to bob's re-INVITE")
    wait_flow(pinhole)
    bob.hangup()
    alice.wait("far end ended call")


def test_cancelled_while_it_rings(pinhole, alice):
    bob = baresip(pinhole, answer="manual")
    alice.do("call bob")
    bob.wait_event("CALL_INCOMING")
    alice.wait("180 Ringing")
    alice.do("bye")
    bob.wait_event("CALL_CLOSED")
    alice.wait("call ended")


def test_two_makers_phones_of_one_user(pinhole, alice):
    """Both ring; one is answered, the other is told that it is over."""
    bob = baresip(pinhole, answer="manual")
    other = Twinkle(pinhole.relay.net, "second17", "bob", PROXY2)
    other.wait_registered()
    alice.do("call bob")
    bob.wait_event("CALL_INCOMING")
    other.wait("incoming call")
    bob.accept()
    alice.wait("far end answered call")
    other.wait("cancelled")
    wait_flow(pinhole)
    alice.do("bye")
    bob.wait_event("CALL_CLOSED")


def test_busy(pinhole, alice):
    bob = baresip(pinhole, answer="manual")
    alice.do("call bob")
    bob.wait_event("CALL_INCOMING")
    bob.hangup()
    alice.wait("call failed")


def test_rejected(pinhole, alice):
    bob = baresip(pinhole, answer="manual")
    bob.dial("sip:alice@example.com")
    alice.wait("incoming call")
    alice.do("reject")
    assert "486" in bob.wait_event("CALL_CLOSED")["param"]


def test_transfer(pinhole, alice):
    """REFER to baresip, which calls whom it is told and says so (NOTIFY)."""
    net = pinhole.relay.net
    bob = baresip(pinhole)
    carol = Baresip(net, "third", "carol", PROXY2)
    carol.wait_registered()
    alice.do("call bob")
    bob.wait_event("CALL_ESTABLISHED")
    alice.do("transfer carol")
    carol.wait_event("CALL_ESTABLISHED")
    alice.wait("call ended")
    carol.hangup()
    bob.wait_event("CALL_CLOSED", 2)


def test_message_and_options(pinhole, alice):
    """Both ways, with a phone that shows what it gets."""
    bob = Phone(pinhole.relay.net, "second", "bob", proxy=PROXY2)
    assert bob.register().status == 200
    alice.do("message bob hello")
    got = bob.wait_message(lambda m: m.method == "MESSAGE" and m.is_request)
    assert got.body == b"hello"
    alice.do("options bob")
    alice.wait("OPTIONS response received: 200 OK")
    answer = bob.transact("MESSAGE", "sip:alice@example.com",
                          headers=[("Content-Type", "text/plain")], body="hi")
    assert answer.status == 200
    answer = bob.transact("OPTIONS", "sip:alice@example.com")
    assert answer.status == 200 and "Twinkle" in answer.get("Server")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_reliable_provisionals(pinhole, transport):
    """180 of Twinkle with RSeq, PRACK of Twinkle, 200 of the PRACK."""
    net = pinhole.relay.net
    if transport == "tcp":
        pinhole.proxy1.restart({**pinhole.proxy1.conf, "listen": [
            f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"]})
    alice = Twinkle(net, "first", "alice", PROXY1, rel="required",
                    transport=transport)
    bob = Twinkle(net, "second", "bob", PROXY2)
    alice.wait_registered()
    bob.wait_registered()
    alice.do("call bob")
    bob.wait("incoming call")
    alice.wait("180 Ringing")
    call_id, = {e["call_id"] for e in pinhole.relay.api("sessions")["sessions"]}
    wait_until(lambda: any(e["text"].startswith("PRACK ")
                           for e in pinhole.proxy2.trace(call_id)), 10,
               "the PRACK")
    bob.do("answer")
    alice.wait("far end answered call")
    wait_flow(pinhole)
    bob.do("bye")
    alice.wait("far end ended call")


def test_it_refreshes_its_registration(pinhole):
    pinhole.redirect.restart({**pinhole.redirect.conf, "expires": {
        "min": 1, "default": 3600, "max": 7200}})
    alice = Twinkle(pinhole.relay.net, "first", "alice", PROXY1, expires=10)
    alice.wait_registered()
    wait_until(lambda: pinhole.redirect.metric("bindings_refreshed") >= 1, 30,
               "a refresh")
    bob = baresip(pinhole)
    bob.dial("sip:alice@example.com")
    alice.wait("incoming call")
    alice.do("reject")
    bob.wait_event("CALL_CLOSED")

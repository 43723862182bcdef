"""SIPp in calls with baresip and Twinkle, each behind a NAT of its own: the
plain shapes that those do not begin by themselves. Each scenario checks that
the relay stands in the SDP it gets."""

import pytest

from support.net import PROXY1, PROXY2, wait_until
from support.phones import Baresip
from support.sipp import Sipp
from support.twinkle import Twinkle


@pytest.fixture(autouse=True)
def released(pinhole):
    """Nothing of any call is left."""
    yield
    wait_until(lambda: pinhole.relay.metric("sessions") == 0
               and pinhole.proxy1.metric("sessions") == 0
               and pinhole.proxy2.metric("sessions") == 0, 10, "the release")


def registered(net, host, user, proxy, **kw):
    Sipp(net, host, "register", user, proxy=proxy, **kw).wait()


def wait_passed(pinhole, count, side):
    """Until the relay has had so many packets of this side."""
    def passed():
        sessions = pinhole.relay.api("sessions")["sessions"]
        return sessions and sessions[0][f"packets_{side}"] >= count
    wait_until(passed, 15, f"{count} packets of the {side}")


@pytest.fixture(params=[Baresip, Twinkle], ids=["baresip", "twinkle"])
def bob(net, pinhole, request):
    bob = request.param(net, "second", "bob", PROXY2)
    bob.wait_registered()
    return bob


def pracked(proxy):
    """Whether a 200 to a PRACK has passed a proxy."""
    return any(e["text"].startswith("SIP/2.0 200 ") and " PRACK\r\n"
               in e["text"] for call in proxy.api("calls")
               for e in proxy.trace(call))


def answer(bob):
    if isinstance(bob, Twinkle):
        bob.wait("incoming call")
        bob.do("answer")


def test_late_offer(net, pinhole, bob):
    """INVITE without SDP, as controllers of third-party calls do."""
    registered(net, "first", "alice", PROXY1)
    alice = Sipp(net, "first", "uac_late", "alice", to="bob", proxy=PROXY1)
    answer(bob)
    wait_passed(pinhole, 10, "first")
    alice.wait()
    if isinstance(bob, Twinkle):
        bob.wait("far end ended call")
    else:
        bob.wait_event("CALL_CLOSED")


def test_reliable_provisional_and_another_codec(net, pinhole):
    """PRACK for the 180; the key that the recording presses is heard."""
    registered(net, "first", "alice", PROXY1)
    bob = Twinkle(net, "second", "bob", PROXY2, codecs="g711u,g711a")
    bob.wait_registered()
    alice = Sipp(net, "first", "uac_reliable", "alice", to="bob",
                 proxy=PROXY1)
    bob.wait("incoming call")
    # SIPp wants the two 200s in the order in which it asked
    wait_until(lambda: pracked(pinhole.proxy2), 15, "the PRACK's 200")
    answer(bob)
    bob.wait("DTMF detected: 1")
    bob.do("bye")
    alice.wait()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_early_media(net, pinhole, speech, heard, transport):
    """What alice says comes back to her from bob while it rings."""
    if transport == "tcp":
        pinhole.proxy1.restart({**pinhole.proxy1.conf, "listen": [
            f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"]})
    registered(net, "second", "bob", PROXY2)
    alice = Baresip(net, "first", "alice",
                    f"{PROXY1}:5060;transport={transport}",
                    says=speech / "alice.wav")
    alice.wait_registered()
    bob = Sipp(net, "second", "uas_early", "bob", proxy=PROXY2)
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_PROGRESS")
    alice.wait_heard(1)
    assert alice.event("CALL_ESTABLISHED") is None
    alice.wait_event("CALL_ESTABLISHED")
    alice.wait_heard(6)
    alice.hangup()
    bob.wait()
    assert heard(speech / "alice.wav", alice.heard())[0] > 0.8

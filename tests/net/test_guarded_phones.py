"""Three makers' phones with passwords, behind two NATs: they register, call and
hear each other, and nobody notices that they were challenged."""

import pytest

from calls import wait_flow
from guarded import guard, password_of, users_file  # noqa: F401
from support.net import PROXY1, PROXY2, wait_until
from support.phones import Baresip
from support.sipp import Sipp
from support.twinkle import Twinkle

SERVED_BY = {"first": PROXY1, "first17": PROXY1, "second": PROXY2}


@pytest.fixture
def site(guard):
    """Phones that know MD5, which is what is offered; all challenges are
    answered at the first attempt."""
    s = guard(auth={"required": "always"})
    yield s
    s.settled()
    assert s.redirect.metric("auth_ok") >= 3
    assert s.redirect.metric("auth_failed") == 0
    assert s.redirect.metric("auth_malformed") == 0
    assert s.redirect.metric("auth_replayed") == 0


def baresip(s, host, user, **kw):
    phone = Baresip(s.net, host, user, SERVED_BY[host],
                    password=password_of(user), **kw)
    phone.wait_registered()
    return phone


def twinkle(s, host, user, **kw):
    phone = Twinkle(s.net, host, user, SERVED_BY[host],
                    password=password_of(user), **kw)
    phone.wait_registered()
    return phone


def sipp(s, host, scenario, user, **kw):
    return Sipp(s.net, host, scenario, user, proxy=SERVED_BY[host],
                password=password_of(user), **kw)


@pytest.mark.parametrize("host", ["second", "first17"])
def test_two_baresip_hear_each_other(site, speech, heard, host):
    alice = baresip(site, "first", "alice", says=speech / "alice.wav")
    bob = baresip(site, host, "bob", says=speech / "bob.wav")
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    alice.wait_heard(6)
    bob.wait_heard(6)
    alice.hangup()
    alice.wait_event("CALL_CLOSED")
    bob.wait_event("CALL_CLOSED")
    assert heard(speech / "alice.wav", bob.heard())[0] > 0.8
    assert heard(speech / "bob.wav", alice.heard())[0] > 0.8


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_twinkle_calls_baresip_and_is_called(site, transport):
    if transport == "tcp":
        site.proxy1.restart({**site.proxy1.conf, "listen": [
            f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"]})
    alice = twinkle(site, "first", "alice", transport=transport)
    bob = baresip(site, "second", "bob")
    alice.do("call bob")
    alice.wait("far end answered call")
    bob.wait_event("CALL_ESTABLISHED")
    wait_flow(site)
    alice.do("hold")
    alice.wait("re-INVITE successful")
    alice.do("retrieve")
    alice.wait("re-INVITE successful", 2)
    wait_flow(site)
    alice.do("bye")
    bob.wait_event("CALL_CLOSED")
    site.settled()

    bob.dial("sip:alice@example.com")
    alice.wait("incoming call")
    alice.do("answer")
    wait_until(lambda: site.relay.metric("sessions") == 1, 10, "the call")
    bob.wait_event("CALL_ESTABLISHED", 2)
    wait_flow(site)
    bob.hangup()
    alice.wait("far end ended call")


def test_cancelled_while_it_rings(site):
    """The CANCEL is of the INVITE with credentials, and is not asked."""
    alice = twinkle(site, "first", "alice")
    bob = baresip(site, "second", "bob", answer="manual")
    alice.do("call bob")
    bob.wait_event("CALL_INCOMING")
    alice.wait("180 Ringing")
    alice.do("bye")
    bob.wait_event("CALL_CLOSED")
    alice.wait("call ended")


def test_transfer(site):
    """REFER within the call; the call that it makes is challenged as any."""
    alice = twinkle(site, "first", "alice")
    bob = baresip(site, "second", "bob")
    carol = baresip(site, "first17", "carol")
    alice.do("call bob")
    bob.wait_event("CALL_ESTABLISHED")
    alice.do("transfer carol")
    carol.wait_event("CALL_ESTABLISHED")
    alice.wait("call ended")
    carol.hangup()
    bob.wait_event("CALL_CLOSED", 2)


def test_message(site):
    alice, bob = twinkle(site, "first", "alice"), \
        twinkle(site, "second", "bob")
    alice.do("message bob hello")
    bob.wait("hello")
    alice.do("options bob")
    alice.wait("OPTIONS response received: 200 OK")


@pytest.mark.parametrize("callee", ["baresip", "twinkle"])
def test_sipp_calls(site, callee):
    if callee == "baresip":
        bob = baresip(site, "second", "bob")
    else:
        bob = twinkle(site, "second", "bob")
    sipp(site, "first", "register_asked", "alice").wait()
    alice = sipp(site, "first", "uac_asked", "alice", to="bob")
    if callee == "twinkle":
        bob.wait("incoming call")
        bob.do("answer")
    wait_until(lambda: site.relay.metric("sessions") == 1, 10, "the call")
    alice.wait()
    if callee == "twinkle":
        bob.wait("far end ended call")
    else:
        bob.wait_event("CALL_CLOSED")


def test_wrong_password(site):
    """The phone is told, and gives up; one with the right password does not
    notice."""
    alice = Baresip(site.net, "first", "alice", PROXY1, password="no")
    wait_until(lambda: "401 Unauthorized" in alice.log(), 15, "the refusal")
    alice.kill()
    assert site.redirect.metric("auth_failed") >= 1
    assert site.contacts("alice") == []
    site.redirect.restart()
    for user, host in (("alice", "first"), ("bob", "second"),
                       ("carol", "first17")):
        twinkle(site, host, user)


@pytest.mark.parametrize("offered", [
    ["SHA-256", "MD5"], ["SHA-512-256", "SHA-256", "MD5"]], ids=" ".join)
def test_twinkle_among_other_algorithms(guard, offered):
    """It finds MD5, which is offered last (RFC 8760 2.4). baresip 1.0 does
    not, and gives up."""
    s = guard(auth={"algorithms": offered})
    alice, bob = twinkle(s, "first", "alice"), twinkle(s, "second", "bob")
    alice.do("call bob")
    bob.wait("incoming call")
    bob.do("answer")
    alice.wait("far end answered call")
    wait_flow(s)
    bob.do("bye")
    alice.wait("far end ended call")
    carol = Baresip(s.net, "first17", "carol", PROXY1,
                    password=password_of("carol"))
    wait_until(lambda: "Function not implemented" in carol.log(), 15,
               "the end of its attempt")
    assert s.contacts("carol") == []

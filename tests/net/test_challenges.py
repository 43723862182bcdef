"""Calls through a directory that asks for credentials: the phone is challenged
by it and comes again, and its credentials go no further than there. And what
becomes of requests where a directory is silent or busy."""

import contextlib
import re

import pytest

from calls import establish, hear_each_other, is_relay, offer_of, traced
from directory import DirectedSite, PASSWORD
from support.dns import NameServer
from support.net import RELAY, THIRD, wait_until
from support.sip import UA
from support.sipmsg import sdp

CARRIER = ('Digest username="a", realm="carrier.example", nonce="n", '
           'uri="sip:x", response="0"')


@pytest.fixture
def site(net):
    """DirectedSite(…); whatever it was, nothing is left of its calls."""
    made = []

    def make(**changes):
        made.append(DirectedSite(net, **changes))
        return made[0]
    yield make
    for s in made:
        s.settled()
        s.healthy()


def challenged(caller, uri, offer, headers=()):
    """A call whose first INVITE is refused 407, and the second sent."""
    call = caller.invite(uri, offer, headers=headers)
    refused = call.wait_status(407)
    call.authenticate(refused)
    return call, refused


def talk(caller, callee, out, back):
    call, _ = challenged(caller, callee.aor, offer_of(caller, out))
    leg = callee.incoming()
    leg.ring()
    call.wait_status(180)
    leg.answer(offer_of(callee, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    return call, leg, ok.media[0][1:], leg.invite.media[0][1:]


def test_call_that_is_challenged(site):
    """Both behind NATs and registered: the relay was asked beside the first
    INVITE, whose resource is given back; the second has its own."""
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    out, back = s.media(alice), s.media(bob)

    call, leg, near, far = talk(alice, bob, out, back)
    assert is_relay(near) and is_relay(far)
    hear_each_other(out, near, back, far)
    refused = call.responses()[0] if call.responses()[0].status == 407 \
        else call.responses()[1]
    assert refused.reason == "Who Are You"
    assert len(refused.all("Proxy-Authenticate")) == 2
    assert refused.to_tag == "tag" + call.local_tag
    assert len(refused.all("Via")) == 1
    queries = s.directory.queries(call.call_id)
    assert [m.cseq for m in queries] == [1, 2]
    assert queries[0].get("Proxy-Authorization") is None
    assert PASSWORD not in leg.invite.text
    assert leg.invite.get("Proxy-Authorization") is None
    assert s.proxy1.metric("relay_requests") == 2
    assert s.proxy1.metric("credentials_kept") == 1
    assert s.proxy1.metric("auth_failures") == 0

    call.reinvite(offer_of(alice, out))
    leg.wait_reinvite()
    leg.answer(offer_of(bob, back))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert leg.bye().status == 200
    call.wait_request("BYE")
    s.settled()


@contextlib.contextmanager
def deaf(net, host):
    """Whatever is sent to the host is lost on the way."""
    net.exec(host, "nft", "add table ip deaf; add chain ip deaf in "
             "{ type filter hook input priority 0; policy drop; }")
    yield
    net.exec(host, "nft", "delete table ip deaf")


def test_relay_that_answers_after_the_second_invite(site, net):
    """Asked beside the first INVITE, it hears of that later than of the second:
    the resource is the second's, and the late answer does not take it away."""
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    out, back = s.media(alice), s.media(bob)
    with deaf(net, "relay"):
        call = alice.invite(bob.aor, offer_of(alice, out))
        refused = call.wait_status(407)
    call.authenticate(refused)
    leg = bob.incoming()
    wait_until(lambda: len(traced(s.proxy1, call.call_id, "in", RELAY,
                                  "SIP/2.0 302")) == 2,
               what="both answers of the relay")
    leg.answer(offer_of(bob, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    hear_each_other(out, ok.media[0][1:], back, leg.invite.media[0][1:])
    assert s.proxy1.metric("sessions") == 1
    assert call.bye().status == 200
    leg.wait_request("BYE")


def test_relay_is_asked_once_where_a_challenge_is_to_come(site):
    """Once the directory is known to ask for credentials, an INVITE without
    them takes no relay ports."""
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    for _ in range(2):
        before = s.proxy1.metric("relay_requests")
        call, leg, _, _ = talk(alice, bob, s.media(alice), s.media(bob))
        assert call.bye().status == 200
        leg.wait_request("BYE")
    assert s.proxy1.metric("relay_requests") == before + 1


def test_challenges_that_lead_nowhere(site):
    """The caller gives up after the 407, or has the wrong idea of it."""
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    for _ in range(3):
        call = alice.invite(bob.aor, offer_of(alice))
        call.wait_status(407)
        s.settled()
    assert not bob.messages(lambda m: m.method == "INVITE")


def test_request_outside_a_call(site):
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("third", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    got = bob.wait_message(lambda m: m.method == "MESSAGE")
    assert got.get("Proxy-Authorization") is None
    statuses = [m.status for m in alice.messages(
        lambda m: m.cseq_method == "MESSAGE" and m.status)]
    assert statuses == [407, 200]


def shows(realm):
    """A phone that shows credentials in whatever it sends."""
    def transform(raw):
        head, _, rest = raw.partition(b"\r\n")
        if head.startswith(b"SIP/2.0") or head.startswith(b"REGISTER"):
            return raw
        lines = []
        for name in ("Proxy-Authorization", "Authorization"):
            for of in (realm, "carrier.example"):
                lines.append(f"{name}: {CARRIER}".replace(
                    "carrier.example", of).encode())
        return b"\r\n".join([head, *lines, rest])
    return transform


@pytest.mark.parametrize("domains, realm", [
    pytest.param(["example.com"], "example.com", id="our domain"),
    pytest.param(["example.com"], "EXAMPLE.com", id="in capitals"),
    pytest.param(["example.com"], "The Realm", id="learned"),
    pytest.param([], "example.com", id="no domains"),
    pytest.param([], "The Realm", id="no domains, learned")])
def test_credentials_go_no_further(site, domains, realm):
    """In no request of a call, the ACK included; those for others do."""
    s = site(domains=domains)
    s.directory.realm = "The Realm" if "Realm" in realm else None
    assert s.phone("third", "carol").user  # the proxy hears of the realm
    s.directory.realm = None
    alice = s.phone("first", "alice", transform=shows(realm))
    bob = s.phone("third", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring_reliably(offer_of(bob))
    early = call.wait_status(183)
    call.prack(early)
    leg.respond(200, sdp=offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    call.reinvite(offer_of(alice))
    leg.wait_reinvite()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    got = bob.messages(lambda m: m.is_request and m.method != "OPTIONS")
    assert {m.method for m in got} == {"INVITE", "PRACK", "ACK", "BYE"}
    for m in got:
        assert m.all("Proxy-Authorization") == [CARRIER], m.text
        assert m.all("Authorization") == [CARRIER], m.text
    asked = s.directory.queries(call.call_id)
    assert len(asked) == 1 and len(asked[0].all("Proxy-Authorization")) == 2


def test_realm_that_a_phone_makes_up(site):
    """A directory that asks for the sender's own domain does not make other
    people's credentials ours."""
    s = site()
    s.directory.realm = "carrier.example"
    mallory = s.phone("third", "mallory", domain="carrier.example",
                      register=False)
    answer = mallory.final(mallory.request("MESSAGE", "sip:x@example.com"))
    assert answer.status == 407
    s.directory.realm = None
    alice = s.phone("first", "alice", transform=shows("example.com"))
    bob = s.phone("third", "bob")
    assert alice.final(alice.request("MESSAGE", bob.aor)).status == 200
    got = bob.wait_message(lambda m: m.method == "MESSAGE")
    assert got.all("Proxy-Authorization") == [CARRIER]


def test_foreign_domain_after_a_challenge(site, net):
    """Who it is that calls abroad is asked of the directory, too."""
    names = NameServer(net, "stranger", f"foreign.example A {THIRD}")
    s = site(realm="example.com", allow_foreign=True,
             resolver=[names.address])
    alice = s.phone("third", "alice")
    bob = UA(net, "third", "bob", domain="foreign.example")
    call, _ = challenged(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    assert leg.invite.get("Proxy-Authorization") is None
    leg.reject(486)
    assert call.wait_final().status == 486


@pytest.mark.parametrize("status", [403, 404, 480, 500, 503])
def test_when_to_ask_again_is_passed_on(site, status):
    s = site()
    alice = s.phone("first", "alice")
    s.directory.refusals["nobody"] = (status, [("Retry-After", "17")])
    call = alice.invite("sip:nobody@example.com", offer_of(alice))
    final = call.wait_final()
    assert final.status == (503 if status >= 500 else status)
    assert final.get("Retry-After") == "17"


def test_silent_directory_is_asked_last(site):
    """The first question that it does not answer goes on to the other one; the
    next, of whatever kind, goes there at once."""
    s = site(directories=2)
    first, second = s.directories
    alice, bob = s.phone("first", "alice"), s.phone("third", "bob")
    second.bindings = first.bindings
    first.silent = True
    assert alice.final(alice.request("MESSAGE", bob.aor)).status == 200
    assert s.proxy1.metric("redirect_failovers") == 1
    assert s.proxy1.metric("redirect_avoided") == 1
    heard = len(first.received)
    assert alice.refresh().status == 200
    assert alice.final(alice.request("MESSAGE", bob.aor)).status == 200
    assert len(first.received) == heard
    assert s.proxy1.metric("redirect_failovers") == 1


def test_registration_goes_on_to_the_other_directory(site):
    s = site(directories=2)
    first, second = s.directories
    first.close()
    assert s.phone("first", "alice").user
    assert s.proxy1.metric("redirect_failovers") == 1
    assert [m.method for m in second.asked] == ["REGISTER"]


def test_directory_that_cannot_tell_now(site):
    """503 with Retry-After: the other one is asked at once; where all say so
    the phone is told when to come again, which is when the first is back."""
    s = site(directories=2)
    first, second = s.directories
    alice, bob = s.phone("first", "alice"), s.phone("third", "bob")
    second.bindings = first.bindings
    first.busy = 9
    assert alice.final(alice.request("MESSAGE", bob.aor)).status == 200
    second.busy = 7
    for method in ("MESSAGE", "REGISTER"):
        answer = alice.refresh() if method == "REGISTER" else \
            alice.final(alice.request(method, bob.aor))
        assert answer.status == 503, answer.text
        assert answer.get("Retry-After") == "7"
    call = alice.invite(bob.aor, offer_of(alice))
    assert call.wait_final().get("Retry-After") == "7"


def test_nonce_that_is_stale(site):
    """Shown at once, refused, and shown again: the relay was asked beside."""
    s = site(realm="example.com")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, _ = challenged(alice, bob.aor, offer_of(alice))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486
    old = next(h for h in call.invite.headers
               if h[0] == "Proxy-Authorization")
    s.directory._nonces.clear()
    out, back = s.media(alice), s.media(bob)
    call, _ = challenged(alice, bob.aor, offer_of(alice, out), headers=[
        (old[0], re.sub('nonce="[^"]*"', 'nonce="old"', old[1]))])
    leg = bob.incoming()
    leg.answer(sdp(bob.ip, ("audio", back.port)))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    hear_each_other(out, ok.media[0][1:], back, leg.invite.media[0][1:])
    assert call.bye().status == 200
    wait_until(lambda: leg.requests("BYE"), what="BYE")


def test_call_without_a_challenge(site):
    """The directory asks nobody: as ever."""
    s = site()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    establish(alice, bob).hang_up()
    assert s.proxy1.metric("relay_requests") == 1

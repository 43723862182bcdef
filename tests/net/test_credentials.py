"""Credentials for the directory, whichever request of a phone bears them: they
are in nothing that arrives anywhere else. Those for others do arrive."""

import pytest

from calls import offer_of, traced
from guarded import DOMAIN, bare, dial, guard, password_of, \
    users_file  # noqa: F401
from support.digest import answer, challenges, fields
from support.dns import NameServer
from support.net import REDIRECT, STRANGER, THIRD
from support.sip import UA

NUMBER = "+4930123"
THEIRS = {"header": "Proxy-Authenticate", "realm": "carrier.example",
          "nonce": "of another", "algorithm": "MD5"}


def shows(phone):
    """From now on the phone shows its credentials in all that it sends, as some
    do, and those for somebody else."""
    def transform(raw):
        head, _, rest = raw.partition(b"\r\n")
        if head.startswith(b"SIP/2.0"):
            return raw
        method, uri = head.decode().split(" ")[:2]
        lines = [head]
        for value in (phone.prove(method, uri)[1],
                      answer(THEIRS, method, uri, "x", "y")[1]):
            for name in ("Proxy-Authorization", "Authorization"):
                lines.append(f"{name}: {value}".encode())
        return b"\r\n".join([*lines, rest])
    phone.transform = transform


def realms(m):
    """Those of all credentials in a message."""
    return {fields(v)["realm"] for name in ("Proxy-Authorization",
                                            "Authorization")
            for v in m.all(name)}


def requests(phone):
    return phone.messages(lambda m: m.is_request and m.method != "OPTIONS")


def whole_call(caller, call, leg, callee):
    """With every kind of request; its end."""
    leg.auto.add("PRACK")
    leg.ring_reliably(offer_of(callee))
    assert caller.final(call.prack(call.wait_status(183))).status == 200
    leg.respond(200)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert caller.final(call.request("UPDATE")).status == 200
    call.reinvite(offer_of(caller))
    leg.wait_reinvite()
    leg.answer(offer_of(callee))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def check(got, call, *proxies):
    """What the callee got, and all that these proxies and the relay did."""
    assert {m.method for m in got} >= {"INVITE", "PRACK", "ACK", "UPDATE",
                                       "BYE"}
    seen = [m for p in proxies for m in traced(p, call.call_id, "in")]
    assert seen
    for m in [*got, *seen]:
        assert DOMAIN not in realms(m), m.text
        assert "alice" not in [fields(v).get("username")
                               for v in m.all("Proxy-Authorization")]


@pytest.mark.parametrize("host", ["second", "third", "first17"])
def test_to_a_callee(guard, host):
    """On this proxy, or on the other one, which does not get them either."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone(host, "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    refused = call.wait_status(407)
    alice.credentials(refused, "INVITE", bob.aor)
    shows(alice)
    call._invite(call._offer)
    leg = bob.incoming()
    whole_call(alice, call, leg, bob)
    others = [s.relay] if host == "first17" else [s.relay, s.proxy2]
    check(requests(bob), call, *others)
    assert {"carrier.example"} == set.union(*map(realms, requests(bob)))
    asked = [m for m in traced(s.proxy1, call.call_id, "out", REDIRECT)
             if m.method == "INVITE" and m.cseq == 2]
    assert DOMAIN in realms(asked[0])


@pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "PUBLISH"])
def test_outside_a_call(guard, method):
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    bob.auto_options, bob.manual = False, [method]
    alice.credentials(bare(alice, method, bob.aor), method, bob.aor)
    shows(alice)
    sent = alice.request(method, bob.aor)
    got = bob.wait_message(lambda m: m.method == method and m.is_request)
    bob.respond(got, 200, tag="t")
    assert alice.final(sent).status == 200
    assert realms(got) == {"carrier.example"}


def test_to_a_gateway(guard):
    s = guard(redirectd={"routes": [f"+* sip:{THIRD}:5070 sip:{THIRD}:5072"]})
    alice = s.phone("first", "alice")
    first, second = (UA(s.net, "third", NUMBER, port=p) for p in (5070, 5072))
    uri = f"sip:{NUMBER}@{DOMAIN}"
    call = alice.invite(uri, offer_of(alice))
    alice.credentials(call.wait_status(407), "INVITE", uri)
    shows(alice)
    call._invite(call._offer)
    failed = first.incoming()
    failed.reject(503)
    leg = second.incoming()
    whole_call(alice, call, leg, second)
    check(requests(second), call, s.relay)
    for m in requests(first):
        assert DOMAIN not in realms(m)


def test_to_a_callee_of_another_name_of_the_realm(guard):
    """auth.realm is no domain of the proxies: they learn it."""
    s = guard(users=False, auth={"realm": "The Switchboard",
                                 "required": "always"})
    for user in ("alice", "bob"):
        s.add_user(user)
    s.redirect.restart()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, refused = dial(alice, bob.aor, offer_of(alice))
    assert challenges(refused)[0]["realm"] == "The Switchboard"
    leg = bob.incoming()
    shows(alice)
    whole_call(alice, call, leg, bob)
    for m in [*requests(bob), *traced(s.proxy2, call.call_id, "in")]:
        assert "The Switchboard" not in realms(m), m.text


@pytest.fixture
def abroad(guard):
    """A site that lets its clients call foreign.example, where bob is."""
    s = guard(proxyd={"allow_foreign": True,
                      "resolver": [f"{STRANGER}:53"]})
    NameServer(s.net, "stranger", f"foreign.example A {THIRD}")
    s.bob = UA(s.net, "third", "bob", domain="foreign.example")
    return s


ASK = 'Digest realm="foreign.example", nonce="theirs", qop="auth", ' \
      'algorithm=MD5'


@pytest.mark.parametrize("host", ["first", "stranger"])
def test_to_a_foreign_server(abroad, host):
    """Its own challenge comes to the phone, and the credentials for it come to
    the server: and none of ours. Behind a NAT the proxy knows the caller by its
    channel; who is public is asked for a password first."""
    s, bob = abroad, abroad.bob
    alice = s.phone(host, "alice")
    alice.credentials(bare(alice, "MESSAGE", "sip:dave@example.com"),
                      "MESSAGE", "sip:dave@example.com")
    call = alice.invite(bob.aor, offer_of(alice))
    if host == "stranger":
        call.authenticate(call.wait_status(407))
    leg = bob.incoming()
    assert realms(leg.invite) == set()
    bob.respond(leg.invite, 407, tag="f",
                headers=[("Proxy-Authenticate", ASK)])
    theirs = challenges(call.wait_status(407))
    assert [a["realm"] for a in theirs] == ["foreign.example"]
    del bob.calls[call.call_id]
    call._invite(call._offer, [
        alice.prove("INVITE", bob.aor),
        answer(theirs[0], "INVITE", bob.aor, "alice at theirs", "x")])
    leg = bob.incoming()
    assert realms(leg.invite) == {"foreign.example"}
    assert fields(leg.invite.get("Proxy-Authorization"))["username"] \
        == "alice at theirs"
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


@pytest.mark.parametrize("host", ["first17", "third", "stranger"])
def test_nobody_calls_abroad_in_anothers_name(abroad, host):
    """From another place than where that client is registered; without its
    password, and with it."""
    s, bob = abroad, abroad.bob
    assert s.phone("first", "alice").user
    mallory = s.phone(host, "alice", register=False, password="a guess")
    assert bare(mallory, "INVITE", bob.aor).status == 407
    assert mallory.transact("MESSAGE", bob.aor).status == 407
    mallory.password = password_of("alice")
    assert mallory.transact("MESSAGE", bob.aor).status == 403
    assert not bob.messages()


def test_registered_elsewhere(abroad):
    """Without a NAT it may send from another port than it listens on."""
    s, bob = abroad, abroad.bob
    assert s.phone("stranger", "alice").user
    other = s.phone("stranger", "alice", register=False)
    assert other.transact("MESSAGE", bob.aor).status == 481
    got = bob.wait_message(lambda m: m.method == "MESSAGE")
    assert realms(got) == set()
    assert other.transact("OPTIONS", "sip:foreign.example").status == 200


def test_nothing_of_a_password_is_kept_or_logged(guard):
    """Nor is what could be tried on off line: the answer in credentials."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, _ = dial(alice, bob.aor, offer_of(alice))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486
    proof = fields(call.invite.get("Proxy-Authorization"))["response"]
    for daemon in s.pinhole.all.values():
        assert password_of("alice") not in daemon.log()
        assert proof not in daemon.log()

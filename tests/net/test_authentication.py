"""Phones that prove who they are to a directory with users: which requests are
challenged, which are not, and what becomes of a call that was."""

import pytest

from calls import hear_each_other, is_relay, offer_of
from guarded import DOMAIN, bare, dial, guard, invites, \
    users_file  # noqa: F401
from robust import paused
from support.dialog import Dialog
from support.digest import ALGORITHMS, challenges
from support.net import PROXY1

ALL = list(ALGORITHMS)
OUTSIDE = ["MESSAGE", "SUBSCRIBE", "OPTIONS", "REFER", "PUBLISH"]
HEADERS = {"SUBSCRIBE": [("Event", "presence")],
           "PUBLISH": [("Event", "presence")],
           "REFER": [("Refer-To", "<sip:carol@example.com>")]}


def answer_all(leg, callee, out):
    leg.ring()
    leg.answer(offer_of(callee, out))


@pytest.mark.parametrize("algorithm", ALL)
def test_register_with_each_algorithm(guard, algorithm):
    """Offered in the order of the configuration, all with one nonce; the
    phone takes the one that it knows."""
    s = guard(auth={"algorithms": ALL})
    alice = s.phone("first", "alice", register=False)
    alice.algorithms = [algorithm]
    assert alice.register().status == 200
    refused = alice.messages(lambda m: m.status == 401)[0]
    asked = challenges(refused)
    assert [a["algorithm"] for a in asked] == ALL
    assert {a["header"] for a in asked} == {"WWW-Authenticate"}
    assert {a["realm"] for a in asked} == {DOMAIN}
    assert len({a["nonce"] for a in asked}) == 1
    assert not any("stale" in a for a in asked)
    assert len(s.contacts("alice")) == 1
    assert alice.unregister().status == 200
    assert s.contacts("alice") == []


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("host", ["second", "third", "first17"])
def test_call(guard, algorithm, host):
    """Over two proxies, the second of which asks nobody, and over one. One
    Call-ID, challenged once, rings once; both are heard."""
    s = guard(auth={"algorithms": ALL})
    alice = s.phone("first", "alice")
    bob = s.phone(host, "bob", proxy=PROXY1 if host == "third" else None)
    alice.algorithms = [algorithm]
    out, back = s.media(alice), s.media(bob)
    challenged = s.redirect.metric("auth_challenges")
    call, refused = dial(alice, bob.aor, offer_of(alice, out))
    assert challenges(refused)[0]["header"] == "Proxy-Authenticate"
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    leg.answer(offer_of(bob, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert s.relay.metric("sessions") == 1
    near, far = ok.media[0][1:], leg.invite.media[0][1:]
    assert is_relay(near) and is_relay(far)
    hear_each_other(out, near, back, far)
    assert call.bye().status == 200
    leg.wait_request("BYE")
    s.settled()
    assert len(invites(bob)) == 1
    assert s.redirect.metric("auth_challenges") == challenged + 1
    assert s.redirect.metric("auth_failed") == 0
    assert s.proxy1.metric("auth_failures") == 0


def test_calls_one_after_the_other(guard):
    """Relay ports: one resource a call, whether the INVITE that is refused had
    taken one or not; none is left and none is missing."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    for count in range(1, 4):
        call, _ = dial(alice, bob.aor, offer_of(alice))
        leg = bob.incoming()
        answer_all(leg, bob, s.media(bob))
        ok = call.wait_status(200)
        call.ack()
        leg.wait_ack()
        assert is_relay(ok.media[0][1:]) and is_relay(leg.invite.media[0][1:])
        assert s.relay.metric("sessions") == 1
        assert leg.bye().status == 200
        call.wait_request("BYE")
        s.settled()
        assert len(invites(bob)) == count


def test_within_a_call_nobody_is_asked(guard):
    """PRACK, UPDATE, re-INVITE, ACK and BYE, of either side."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, _ = dial(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    asked = s.redirect.metric("auth_challenges")
    leg.auto.add("PRACK")
    leg.ring_reliably(offer_of(bob))
    early = call.wait_status(183)
    assert alice.final(call.prack(early)).status == 200
    leg.respond(200)
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    for one, other in ((call, leg), (leg, call)):
        update = one.request("UPDATE")
        assert one.ua.final(update).status == 200
        one.reinvite(offer_of(one.ua))
        other.wait_reinvite()
        other.answer(offer_of(other.ua))
        one.wait_status(200)
        one.ack()
        other.wait_ack()
        assert one.ua.final(one.request("INFO")).status == 200
    assert leg.bye().status == 200
    call.wait_request("BYE")
    assert s.redirect.metric("auth_challenges") == asked
    for phone in (alice, bob):
        assert len(phone.messages(lambda m: m.status == 407)) \
            == (phone is alice)


@pytest.mark.parametrize("method", OUTSIDE)
@pytest.mark.parametrize("host", ["second", "first17"])
def test_outside_a_dialog(guard, method, host):
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone(host, "bob")
    headers = [*HEADERS.get(method, ()), ("Contact", f"<{alice.contact_uri}>")]
    assert bare(alice, method, bob.aor, headers=headers).status == 407
    assert not bob.messages(lambda m: m.is_request and m.method == method)
    bob.auto_options = False
    bob.manual = OUTSIDE
    asked = alice.request(method, bob.aor, headers=headers)
    refused = alice.final(asked)
    sent = alice.request(
        method, bob.aor, call_id=asked.call_id, tag=asked.from_tag, cseq=2,
        headers=[*headers, alice.credentials(refused, method, bob.aor)])
    got = bob.wait_message(lambda m: m.is_request and m.method == method)
    bob.respond(got, 200, tag="t")
    assert alice.final(sent).status == 200
    assert len(bob.messages(
        lambda m: m.is_request and m.method == method)) == 1


def test_within_a_subscription_nobody_is_asked(guard):
    """A dialog that no INVITE has made: NOTIFY, and the refresh."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    for phone in (alice, bob):
        phone.manual = ["SUBSCRIBE", "NOTIFY"]
    headers = [("Event", "presence"), ("Contact", f"<{alice.contact_uri}>")]
    first = alice.request("SUBSCRIBE", bob.aor, headers=headers)
    refused = alice.final(first)
    sent = alice.request(
        "SUBSCRIBE", bob.aor, call_id=first.call_id, tag=first.from_tag,
        cseq=2, headers=[*headers,
                         alice.credentials(refused, "SUBSCRIBE", bob.aor)])
    got = bob.wait_message(lambda m: m.is_request and m.method == "SUBSCRIBE")
    theirs = Dialog.taken(bob, got)
    bob.respond(got, 200, tag=theirs.tag,
                headers=[("Contact", f"<{bob.contact_uri}>")])
    ours = Dialog.asked(alice, sent, alice.final(sent))
    asked = s.redirect.metric("auth_challenges")
    for one, other, dialog, method in (
            (bob, alice, theirs, "NOTIFY"), (alice, bob, ours, "SUBSCRIBE")):
        request = dialog.send(method, headers=[
            ("Event", "presence"), ("Subscription-State", "active")])
        came = other.wait_message(
            lambda m: m.is_request and m.method == method and m.to_tag)
        other.respond(came, 200)
        assert one.final(request).status == 200
    assert s.redirect.metric("auth_challenges") == asked


def test_cancel_of_a_call_that_rings(guard):
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, _ = dial(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    assert alice.final(call.cancel()).status == 200
    assert call.wait_final().status == 487
    assert leg.wait_request("CANCEL")


def test_cancel_before_the_challenge(guard):
    """The directory is slow: the caller hangs up before it has asked; its 487
    or 407 is the end of it, and nobody rings."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    with paused(s.redirect):
        call = alice.invite(bob.aor, offer_of(alice))
        call.wait_status(100)
        assert alice.final(call.cancel()).status == 200
    assert call.wait_final().status in (407, 487)
    s.settled()
    assert not invites(bob)


def test_cancel_after_the_challenge(guard):
    """There is nothing any more that it could cancel; the next INVITE of the
    same Call-ID is not cancelled by it."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    refused = call.wait_status(407)
    assert alice.final(call.cancel()).status in (200, 481)
    call.authenticate(refused)
    leg = bob.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    assert not leg.requests("CANCEL")


def test_cancel_while_credentials_are_looked_at(guard):
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    refused = call.wait_status(407)
    with paused(s.redirect):
        call.authenticate(refused)
        call.wait_status(100)
        assert alice.final(call.cancel()).status == 200
    assert call.wait_final().status == 487
    s.settled()
    assert not invites(bob)


@pytest.mark.parametrize("hosts", [("second", "second17"), ("second", "third"),
                                   ("first17", "third")], ids="-".join)
def test_forked_call(guard, hosts):
    """Every phone of the callee rings once; one answers."""
    s = guard()
    alice = s.phone("first", "alice")
    phones = [s.phone(host, "bob") for host in hosts]
    call, _ = dial(alice, phones[0].aor, offer_of(alice))
    legs = [p.incoming() for p in phones]
    for leg in legs:
        leg.ring()
    legs[1].answer(offer_of(phones[1]))
    call.wait_status(200)
    call.ack()
    legs[1].wait_ack()
    legs[0].wait_request("CANCEL")
    assert call.bye().status == 200
    legs[1].wait_request("BYE")
    s.settled()
    assert [len(invites(p)) for p in phones] == [1, 1]


def test_callers_that_are_public(guard):
    """Nobody needs a relay; they are challenged all the same."""
    s = guard()
    alice, bob = s.phone("stranger", "alice"), s.phone("third", "bob")
    call, _ = dial(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    assert leg.invite.body == call.invite.body
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_anonymous_caller(guard):
    """RFC 3323 4.1.1.3: who it is, the credentials say."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    alice.auth_name, alice.user = "alice", "anonymous"
    alice.domain = "anonymous.invalid"
    call, refused = dial(alice, bob.aor, offer_of(alice))
    assert challenges(refused)[0]["realm"] == DOMAIN
    leg = bob.incoming()
    assert "alice" not in leg.invite.text
    leg.reject(486)
    assert call.wait_final().status == 486

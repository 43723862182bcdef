"""Who speaks within a call: its parties, from where they are known to be. A
stranger may know every identifier of it, the Route with its hash included."""

import pytest

from calls import offer_of
from elsewhere import ELSEWHERE, forged, phone_elsewhere, \
    spread  # noqa: F401
from robust import deploy, hang_up, talking  # noqa: F401
from support.net import PROXY1, THIRD, wait_until
from support.sipmsg import uri_of
from test_limits import fail2ban_finds

SIDES = pytest.mark.parametrize("side", ["caller", "callee"])


def sides(talk, side):
    """Whose name is taken, and who hears of it."""
    return talk if side == "caller" else tuple(reversed(talk))


@SIDES
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO",
                                    "REFER"])
def test_a_stranger_who_knows_everything(spread, side, method, skip):
    """By the way of that side, or past its own proxy: 403, and the other side
    hears nothing."""
    site = spread()
    name, other = sides(talking(*site.pair()), side)
    seen = len(other.ua.messages())
    mallory = phone_elsewhere(site, "mallory")
    body = offer_of(mallory) if method in ("INVITE", "UPDATE") else None
    asked = forged(mallory, name, method, body, skip)
    assert mallory.final(asked).status == 403
    assert len(other.ua.messages()) == seen
    assert site.relay.metric("sessions") == 1
    rejected = [p for p in (site.proxy1, site.proxy2)
                if p.metric("rejected_identity") == 1]
    assert len(rejected) == 1
    assert fail2ban_finds(rejected[0].log()) == {ELSEWHERE}
    hang_up(name, other)
    site.settled()


@SIDES
def test_a_strangers_ack(spread, side):
    """It would carry the answer of a late offer: dropped."""
    site = spread()
    name, other = sides(talking(*site.pair()), side)
    acks = len(other.ua.messages(lambda m: m.method == "ACK"))
    mallory = phone_elsewhere(site, "mallory")
    forged(mallory, name, "ACK", offer_of(mallory))
    wait_until(lambda: site.proxy1.metric("rejected_identity")
               + site.proxy2.metric("rejected_identity") == 1, 10, "a refusal")
    hang_up(name, other)
    assert len(other.ua.messages(lambda m: m.method == "ACK")) == acks


@SIDES
def test_a_stranger_while_it_rings(spread, side):
    site = spread()
    alice, bob = site.pair()
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    ringing = call.wait_status(180)
    call.routes = list(reversed(ringing.all("Record-Route")))
    call.remote_tag, call.remote = ringing.to_tag, ringing.contact
    mallory = phone_elsewhere(site, "mallory")
    name = call if side == "caller" else leg
    assert mallory.final(forged(mallory, name, "UPDATE",
                                offer_of(mallory))).status == 403
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    hang_up(call, leg)


def test_a_registered_stranger(spread):
    """That it is somebody here makes it no party of this call, whatever it
    writes into From."""
    site = spread()
    call, leg = talking(*site.pair())
    mallory = phone_elsewhere(site, "mallory")
    assert mallory.register().status == 200
    asked = forged(mallory, call, "BYE")
    assert mallory.final(asked).status == 403
    from_ = call.invite.get("From").replace(call.ua.user, "mallory")
    mallory.transform = lambda raw: raw.replace(
        call.invite.get("From").encode(), from_.encode())
    asked = forged(mallory, call, "BYE")
    assert mallory.final(asked).status == 403
    hang_up(call, leg)


def test_another_call_with_the_same_identifiers(spread):
    """An INVITE that says it begins the same call adds no place to it."""
    site = spread()
    call, leg = talking(*site.pair())
    mallory = phone_elsewhere(site, "mallory")
    mallory.final(mallory.request(
        "INVITE", leg.ua.aor, call_id=call.call_id, tag=call.local_tag,
        cseq=90, headers=[("Contact", f"<{mallory.contact_uri}>"),
                          ("Content-Type", "application/sdp")],
        body=offer_of(mallory)), timeout=10)
    assert mallory.final(forged(mallory, call, "BYE")).status == 403
    hang_up(call, leg)


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_phone_that_has_moved(spread, method):
    """Registered from its new network it is who it was; before, nobody can
    tell."""
    site = spread()
    alice, bob = site.pair()
    call, leg = talking(alice, bob)
    moved = phone_elsewhere(site, alice.user)
    body = offer_of(moved) if method == "INVITE" else None
    assert moved.final(forged(moved, call, method, body)).status == 403
    assert moved.register().status == 200
    asked = forged(moved, call, method, body)
    if method == "BYE":
        assert moved.final(asked).status == 200
        leg.wait_request("BYE")
        return
    reoffered = leg.wait_reinvite()
    assert uri_of(reoffered.get("Contact")).split("@")[1].startswith(ELSEWHERE)
    leg.answer(offer_of(bob))
    assert moved.final(asked).status == 200
    assert "has moved" in site.proxy1.log()


def test_whoever_knows_the_route_where_nobody_asks(spread):
    """dialogs.verify off: as with any other proxy."""
    site = spread(proxyd={"dialogs": {"verify": False}})
    call, leg = talking(*site.pair())
    mallory = phone_elsewhere(site, "mallory")
    assert mallory.final(forged(mallory, call, "BYE")).status == 200
    leg.wait_request("BYE")


def test_of_a_call_before_the_restart_nothing_is_known(spread):
    """Its parties go on; the hash is all there is to ask for."""
    site = spread()
    call, leg = talking(*site.pair())
    site.proxy1.restart(kill=True)
    site.proxy2.restart(kill=True)
    hang_up(leg, call)
    site.settled()


def test_a_public_callee_that_answers_from_elsewhere(spread):
    """Its Contact is on another host than the one that was called: a call of
    a carrier, whose BYE comes from there."""
    site = spread()
    alice = site.phone("first", "alice")
    carrier = site.phone("third", "carrier", proxy=PROXY1)
    other = phone_elsewhere(site, carrier.user)
    own = carrier.contact_uri
    carrier.transform = lambda raw: raw.replace(
        f"<{own}>".encode(), f"<{other.contact_uri}>".encode()) \
        if raw.startswith(b"SIP/2.0 200") else raw
    talk = establish_without_ack(alice, carrier)
    assert other.final(forged(other, talk[1], "BYE")).status == 200
    talk[0].wait_request("BYE")


def establish_without_ack(alice, callee):
    """The ACK goes elsewhere."""
    call = alice.invite(callee.aor, offer_of(alice))
    leg = callee.incoming()
    leg.answer(offer_of(callee))
    call.wait_status(200)
    call.ack()
    return call, leg


# What a phone says of who it is.

ASSERTED = [("P-Asserted-Identity", "<sip:boss@example.com>"),
            ("P-Preferred-Identity", "<sip:boss@example.com>"),
            ("X-Other", "kept")]


def test_an_identity_that_a_phone_asserts(deploy):
    """RFC 3325: neither in a request nor in an answer."""
    site = deploy()
    alice, bob = site.pair()
    call = alice.invite(bob.aor, offer_of(alice), headers=ASSERTED)
    leg = bob.incoming()
    assert leg.invite.get("X-Other") == "kept"
    assert not leg.invite.get("P-Asserted-Identity")
    assert not leg.invite.get("P-Preferred-Identity")
    leg.respond(200, sdp=offer_of(bob), headers=ASSERTED)
    ok = call.wait_status(200)
    call.ack()
    assert ok.get("X-Other") == "kept"
    assert not ok.get("P-Asserted-Identity")
    hang_up(call, leg)


def test_an_identity_that_a_gateway_asserts(deploy):
    """It goes through, over both proxies, to the phone."""
    site = deploy(proxyd={"gateways": [f"{THIRD}/32"]})
    gateway = site.phone("third", "gateway", proxy=PROXY1)
    bob = site.phone("second", "bob")
    call = gateway.invite(bob.aor, offer_of(gateway), headers=ASSERTED)
    leg = bob.incoming()
    assert leg.invite.get("P-Asserted-Identity") == "<sip:boss@example.com>"
    leg.reject(486)
    call.wait_final()


@pytest.mark.parametrize("name", ["From", "To", "Refer-To", "Referred-By"])
def test_words_of_the_dialect_anywhere(deploy, name):
    """A phone's own: taken out of every header that anybody reads."""
    site = deploy()
    alice, bob = site.pair()
    lie = "ph-domain=example.org;ph-own=10.0.0.99:5060"

    def transform(raw):
        head, end, body = raw.partition(b"\r\n\r\n")
        lines = [line.replace(b">", f";{lie}>".encode(), 1)
                 if line.startswith(f"{name}:".encode()) else line
                 for line in head.split(b"\r\n")]
        return b"\r\n".join(lines) + end + body

    alice.transform = transform
    call = alice.invite(bob.aor, offer_of(alice), headers=[
        ("Refer-To", "<sip:x@example.com>"),
        ("Referred-By", "<sip:y@example.com>")])
    leg = bob.incoming()
    assert "ph-domain" in call.invite.get(name)
    assert "ph-" not in leg.invite.get(name)
    assert leg.invite.get(name).startswith(
        call.invite.get(name).split(";ph-")[0])
    leg.reject(486)
    call.wait_final()

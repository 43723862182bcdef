"""Every method, within a dialog and without one, through two NATs: it arrives
at the phone from its own proxy, and the answer comes back."""

import pytest

from calls import deployed, establish, offer_of, site  # noqa: F401
from parties import both_hear, parties
from support.dialog import Dialog
from support.sipmsg import token

OTHERS = ("REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "INFO", "OPTIONS",
          "PUBLISH")
HEADERS = {
    "REFER": [("Refer-To", "<sip:carol@example.com>")],
    "NOTIFY": [("Event", "presence"), ("Subscription-State", "active")],
    "SUBSCRIBE": [("Event", "presence"), ("Expires", "600")],
    "PUBLISH": [("Event", "presence"), ("Expires", "600")],
}
SDP_LIKE = b"v=0\r\no=- 1 1 IN IP4 10.0.0.16\r\ns=-\r\nc=IN IP4 10.0.0.16\r\n" \
           b"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=candidate:1 1 UDP 1 10.0.0.16" \
           b" 4000 typ host\r\n"


def phones(site, *pairs):
    """Phones that leave everything to the test."""
    made = [site.phone(host, name) for host, name in pairs]
    for phone in made:
        phone.manual = OTHERS
        phone.auto_options = False
    return made


def got(phone, method, after=0):
    """The next request of this method that came to a phone."""
    def look():
        return next((m for m in phone.received[after:]
                     if not m.is_keepalive and m.is_request
                     and m.method == method and not m.duplicate), None)
    m = phone.wait_for(look, what=method)
    assert m.source == phone.proxy
    return m


@pytest.mark.parametrize("caller, callee", [
    ("first", "second"), ("third", "first"), ("first", "third")])
@pytest.mark.parametrize("method", OTHERS)
def test_outside_a_dialog(site, method, caller, callee):
    """With a body that only looks like one of a call's."""
    alice, bob = phones(site, (caller, "alice"), (callee, "bob"))
    headers = [*HEADERS.get(method, ()),
               ("Contact", f"<{alice.contact_uri}>"),
               ("Content-Type", "application/sdp")]
    sent = alice.request(method, bob.aor, headers=headers, body=SDP_LIKE)
    m = got(bob, method)
    # Fig. 5g: behind a NAT it is named by the NAT's address
    assert m.uri.startswith(f"sip:{bob.user}@{site.address_outside(bob)}:")
    assert m.body == SDP_LIKE
    bob.respond(m, 202 if method == "REFER" else 200, tag=token("t"),
                sdp=SDP_LIKE, headers=[("Contact", f"<{bob.contact_uri}>")])
    answer = alice.final(sent)
    assert answer.status in (200, 202) and answer.body == SDP_LIKE
    assert len(answer.all("Via")) == 1


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("method", OTHERS)
def test_within_a_call(site, method, side):
    """The call's media and its descriptions stay what they were."""
    one, other = parties(site, "first", "second", side)
    for party in (one, other):
        party.leg.auto = {"BYE"}
        party.leg.ua.manual = OTHERS
    sent = one.leg.request(method, SDP_LIKE, headers=[
        *HEADERS.get(method, ()),
        ("Contact", f"<{one.leg.ua.contact_uri}>")])
    m = got(other.leg.ua, method)
    assert m.uri == other.leg.ua.contact_uri and m.all("Route") == []
    assert m.body == SDP_LIKE
    other.leg.ua.respond(m, 200, sdp=SDP_LIKE)
    answer = one.leg.ua.final(sent)
    assert answer.status == 200 and answer.body == SDP_LIKE
    both_hear(one, other)
    assert one.leg.bye().status == 200


@pytest.mark.parametrize("first", ["200", "NOTIFY"])
@pytest.mark.parametrize("caller, callee", [
    ("first", "second"), ("third", "first"), ("first", "third")])
def test_subscription(site, caller, callee, first):
    """SUBSCRIBE makes a dialog (RFC 6665); its first NOTIFY may be faster than
    the 200. Then it is notified, refreshed and ended, each by the route that
    was recorded, to the phones where they are."""
    alice, bob = phones(site, (caller, "alice"), (callee, "bob"))
    tag = token("t")
    sent = alice.request("SUBSCRIBE", bob.aor, tag=tag, headers=[
        *HEADERS["SUBSCRIBE"], ("Contact", f"<{alice.contact_uri}>")])
    m = got(bob, "SUBSCRIBE")
    theirs = Dialog.taken(bob, m)
    assert theirs.routes

    def ok():
        bob.respond(m, 200, tag=theirs.tag, headers=[
            ("Contact", f"<{bob.contact_uri}>"), ("Expires", "600")])
        return alice.final(sent)

    def notify(state):
        seen = len(alice.received)
        note = theirs.send("NOTIFY", [
            ("Event", "presence"), ("Subscription-State", state),
            ("Content-Type", "application/pidf+xml")], b"<presence/>")
        at = got(alice, "NOTIFY", seen)
        assert at.uri == alice.contact_uri and at.all("Route") == []
        assert at.body == b"<presence/>"
        alice.respond(at, 200)
        assert bob.final(note).status == 200
        return at

    answer = ok() if first == "200" else None
    early = notify("active;expires=600")
    answer = answer or ok()
    assert answer.status == 200
    ours = Dialog.asked(alice, sent, answer)
    assert ours.routes and early.from_tag == answer.to_tag
    seen = len(bob.received)
    refresh = ours.send("SUBSCRIBE", HEADERS["SUBSCRIBE"])
    again = got(bob, "SUBSCRIBE", seen)
    assert again.uri == bob.contact_uri and again.all("Route") == []
    bob.respond(again, 200, headers=[("Expires", "0")])
    assert alice.final(refresh).status == 200
    notify("terminated;reason=timeout")


def test_transfer(site):
    """REFER within a call, to a third party (RFC 3515, RFC 5589): the
    transferee says how it goes by NOTIFY, calls the third party and is heard
    there; the first call ends."""
    alice, bob, carol = phones(site, ("first", "alice"), ("second", "bob"),
                               ("second17", "carol"))
    talk = establish(alice, bob)
    sent = talk.call.request("REFER", headers=[
        ("Refer-To", f"<{carol.aor}>"), ("Referred-By", f"<{alice.aor}>"),
        ("Contact", f"<{alice.contact_uri}>")])
    refer = got(bob, "REFER")
    assert refer.get("Refer-To") == f"<{carol.aor}>"
    bob.respond(refer, 202, headers=[("Contact", f"<{bob.contact_uri}>")])
    assert alice.final(sent).status == 202
    for words, state in (("SIP/2.0 100 Trying", "active;expires=60"),
                         ("SIP/2.0 200 OK", "terminated;reason=noresource")):
        if words.endswith("OK"):
            new = establish(bob, carol, offer_of(bob), offer_of(carol))
        seen = len(alice.received)
        note = talk.leg.request("NOTIFY", words.encode(), headers=[
            ("Event", "refer"), ("Subscription-State", state),
            ("Contact", f"<{bob.contact_uri}>")])
        at = got(alice, "NOTIFY", seen)
        assert at.body == words.encode()
        alice.respond(at, 200)
        assert bob.final(note).status == 200
    talk.hang_up()
    new.hang_up()


def test_transfer_outside_the_call(site):
    """A REFER with a dialog of its own, and NOTIFYs within that."""
    alice, bob = phones(site, ("first", "alice"), ("second", "bob"))
    sent = alice.request("REFER", bob.aor, headers=[
        *HEADERS["REFER"], ("Contact", f"<{alice.contact_uri}>")])
    m = got(bob, "REFER")
    theirs = Dialog.taken(bob, m)
    bob.respond(m, 202, tag=theirs.tag, headers=[
        ("Contact", f"<{bob.contact_uri}>")])
    assert alice.final(sent).status == 202
    note = theirs.send("NOTIFY", [
        ("Event", "refer"), ("Subscription-State", "terminated"),
        ("Content-Type", "message/sipfrag")], b"SIP/2.0 200 OK")
    at = got(alice, "NOTIFY")
    assert at.uri == alice.contact_uri
    alice.respond(at, 200)
    assert bob.final(note).status == 200

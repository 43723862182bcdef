"""What a stranger who knows a call's identifiers, but has no valid route of
ours, can do to it: nothing. And what a phone says in our own dialect is worth:
nothing."""

import pytest

from calls import PROOF, deployed, establish, hear_each_other, is_relay, \
    offer_of, record_routes, seen_from, site, traced  # noqa: F401
from support.net import NAT2, PROXY1, PROXY2, REDIRECT, RELAY, STRANGER, \
    wait_until
from support.rtp import build
from support.sipmsg import Message, host_port, sdp, token, uri_of, uri_param

PROXIES = [pytest.param(PROXY1, id="proxy1"), pytest.param(PROXY2,
                                                           id="proxy2")]


@pytest.fixture
def talk(site):
    """A call of Fig. 2c in which both were heard, and which both can still
    hear each other in and end after the test."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    talk.out, talk.back = out, back
    hear_each_other(out, talk.near[0], back, talk.far[0])
    seen = [len(ua.messages()) for ua in (alice, bob)]
    yield talk
    assert [len(ua.messages()) for ua in (alice, bob)] == seen
    assert site.relay.metric("sessions") == 1
    assert site.proxy1.metric("sessions") == 1
    hear_each_other(out, talk.near[0], back, talk.far[0])
    assert out.sources() == {talk.near[0]}
    assert back.sources() == {talk.far[0]}
    talk.hang_up()


@pytest.fixture
def mallory(site):
    return site.phone("stranger", "mallory", register=False)


def forged(by, talk, method, to, routes=(), body=None, target=None):
    """A request within the call, as the caller would send it but for the
    route, from another host."""
    call = talk.call
    m = Message.build(f"{method} {target or call.remote} SIP/2.0", [
        ("Via", by.via()), ("Max-Forwards", "70"),
        *[("Route", r) for r in routes],
        ("From", call.invite.get("From")),
        ("To", f"{call.invite.get('To')};tag={call.remote_tag}"),
        ("Call-ID", call.call_id), ("CSeq", f"77 {method}"),
        ("Contact", f"<{by.contact_uri}>"),
        ("Content-Type", "application/sdp" if body else None)], body or b"")
    return by.send(m, (to, 5060))


def spoilt(route):
    """A route of ours with one digit of its hash changed."""
    mac = uri_param(uri_of(route), "ph-mac")
    return route.replace(mac, mac[:-1] + ("0" if mac[-1] != "0" else "1"))


@pytest.mark.parametrize("to", PROXIES)
@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO"])
def test_without_a_route(site, talk, mallory, method, to):
    body = offer_of(mallory) if method in ("INVITE", "UPDATE") else None
    asked = forged(mallory, talk, method, to, body=body)
    assert mallory.final(asked).status == 481


@pytest.mark.parametrize("to", PROXIES)
def test_aimed_at_the_proxy_itself(site, talk, mallory, to):
    asked = forged(mallory, talk, "BYE", to, target=f"sip:{to}:5060")
    assert mallory.final(asked).status == 481


@pytest.mark.parametrize("method", ["BYE", "INVITE"])
@pytest.mark.parametrize("route", ["bare", "spoilt", "of another call"])
def test_with_a_forged_route(site, talk, mallory, route, method):
    routes = talk.call.routes
    if route == "bare":
        routes = [f"<sip:{PROXY1}:5060;lr>", f"<sip:{PROXY2}:5060;lr>"]
    elif route == "spoilt":
        routes = [spoilt(r) for r in routes]
    else:
        other = establish(site.phone("first17", "carol"),
                          site.phone("third", "dave"))
        routes = other.call.routes
        other.hang_up()
    asked = forged(mallory, talk, method, PROXY1, routes,
                   offer_of(mallory) if method == "INVITE" else None)
    assert mallory.final(asked).status == 481


def test_a_route_with_another_relay(site, talk, mallory):
    """The hash covers the relay that the route names."""
    routes = [r.replace(f"ph-relay={RELAY}", f"ph-relay={STRANGER}")
              for r in talk.call.routes]
    assert routes != talk.call.routes
    asked = forged(mallory, talk, "INVITE", PROXY1, routes,
                   offer_of(mallory))
    assert mallory.final(asked).status == 481
    assert not mallory.messages(lambda m: m.is_request)


@pytest.mark.parametrize("to", PROXIES)
def test_ack_and_cancel(site, talk, mallory, to):
    """An ACK without a route goes nowhere; a CANCEL finds nothing."""
    forged(mallory, talk, "ACK", to)
    asked = forged(mallory, talk, "CANCEL", to)
    assert mallory.final(asked).status == 481


def test_cancel_while_ringing(site, mallory):
    """Knowing the Call-ID is not knowing the transaction."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    for proxy in (PROXY1, PROXY2):
        m = Message.build(f"CANCEL {call.invite.uri} SIP/2.0", [
            ("Via", mallory.via()), ("From", call.invite.get("From")),
            ("To", call.invite.get("To")), ("Call-ID", call.call_id),
            ("CSeq", f"{call.invite.cseq} CANCEL")])
        assert mallory.final(mallory.send(m, (proxy, 5060))).status == 481
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_responses_of_a_stranger(site, mallory):
    """A final response to a request that was never sent to him."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    for proxy, status in ((PROXY1, "486 Busy"), (PROXY2, "200 OK")):
        m = Message.build(f"SIP/2.0 {status}", [
            ("Via", f"SIP/2.0/UDP {proxy}:5060;branch={token('z9hG4bK')}"),
            ("Via", call.invite.get("Via")),
            ("From", call.invite.get("From")),
            ("To", f"{call.invite.get('To')};tag=mine"),
            ("Call-ID", call.call_id), ("CSeq", call.invite.get("CSeq")),
            ("Contact", f"<{mallory.contact_uri}>"),
            ("Content-Type", "application/sdp")], offer_of(mallory))
        mallory.send_raw(m.raw, (proxy, 5060))
    # What comes after them tells that they have been dealt with.
    leg.answer(offer_of(bob))
    ok = call.wait_status(200)
    assert ok.to_tag == leg.local_tag
    assert all(is_relay(m[1:]) for m in ok.media)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


@pytest.mark.parametrize("to", PROXIES)
def test_a_new_call_with_the_same_call_id(site, talk, mallory, to):
    """An initial INVITE under the Call-ID of a call that is up gets no say
    over its resource."""
    bob = talk.leg.ua
    mallory.proxy = (to, 5060)
    call = mallory.invite(bob.aor, offer_of(mallory), call_id=talk.call_id)
    assert call.wait_final().status >= 400


@pytest.mark.parametrize("to", PROXIES)
def test_a_new_call_with_the_callers_tag_too(site, talk, mallory, to):
    """Nor does one that also knows how the caller signs."""
    bob = talk.leg.ua
    mallory.proxy = (to, 5060)
    asked = mallory.request(
        "INVITE", bob.aor, call_id=talk.call_id, tag=talk.call.local_tag,
        headers=[("Contact", f"<{mallory.contact_uri}>"),
                 ("Content-Type", "application/sdp")],
        body=offer_of(mallory))
    assert mallory.final(asked).status >= 400


@pytest.mark.parametrize("to", PROXIES)
def test_a_new_call_with_the_same_call_id_while_ringing(site, mallory, to):
    """The second channel is not known yet: it is not the stranger's."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    mallory.proxy = (to, 5060)
    second = mallory.invite(bob.aor, offer_of(mallory),
                            call_id=call.call_id)
    assert second.wait_final().status >= 400
    assert site.relay.metric("sessions") == 1
    leg.answer(offer_of(bob, back))
    (_, *near), = call.wait_status(200).media
    (_, *far), = leg.invite.media
    call.ack()
    leg.wait_ack()
    hear_each_other(out, tuple(near), back, tuple(far))
    assert call.bye().status == 200


def test_relayd_obeys_the_proxies_alone(site, talk, mallory):
    refused = site.relay.metric("untrusted")
    for method, body in (("BYE", None), ("INVITE", offer_of(mallory)),
                         ("OPTIONS", None)):
        asked = forged(mallory, talk, method, RELAY, body=body,
                       target=f"sip:relay@{RELAY}")
        assert mallory.final(asked).status == 403
    assert site.relay.metric("untrusted") == refused + 3


def test_redirectd_answers_the_proxies_alone(site, talk, mallory):
    bob = talk.leg.ua
    answer = mallory.transact(
        "INVITE", f"sip:{bob.user}@{REDIRECT};ph-domain=example.com",
        to=(REDIRECT, 5060))
    assert answer.status == 403
    assert answer.get("Contact") is None


@pytest.mark.parametrize("rtcp", [0, 1])
def test_media_of_a_stranger(site, talk, mallory, rtcp):
    """Neither forwarded nor answered, on any of the ports, with an SSRC of
    his own or the caller's and its sequence."""
    spray = site.media(mallory)
    dropped = site.relay.metric("stranger_packets")
    heard = len(talk.out.received), len(talk.back.received)
    ports = {(ip, port + rtcp) for ip, port in talk.near + talk.far}
    for address in ports:
        for i in range(20):
            spray.send(address)
            spray.send_raw(build(talk.out.ssrc, talk.out.seq + i), address)
    wait_until(lambda: site.relay.metric("stranger_packets")
               >= dropped + 40 * len(ports), 10, "all of them dropped")
    assert spray.received == []
    assert (len(talk.out.received), len(talk.back.received)) == heard


def test_media_of_a_stranger_among_the_phones_own(site, talk, mallory):
    spray = site.media(mallory)
    spray.start(talk.near[0], interval=0.002)
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0], count=50)
    spray.stop()
    assert spray.sent > 50 and spray.received == []
    for media in (talk.out, talk.back):
        assert spray.ssrc not in {p.ssrc for p in media.packets()}


@pytest.mark.parametrize("shape", [("first", "third"), ("third", "first"),
                                   ("first", "second")])
def test_a_stranger_who_was_there_first(site, mallory, shape):
    """Somebody sprays the ports before anybody has spoken. The phones find
    each other all the same, and he hears and injects nothing."""
    alice, bob = (site.phone(h, u) for h, u in zip(shape, ("alice", "bob")))
    out, back = site.media(alice), site.media(bob)
    spray = site.media(mallory)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    for _ in range(30):
        spray.send(talk.near[0])
    wait_until(lambda: sum(site.relay.metric(m) for m in (
        "stranger_packets", "probation_packets", "learned")) > 0, 10,
        "the relay has seen him")
    hear_each_other(out, talk.near[0], back, talk.far[0])
    for _ in range(30):
        spray.send(talk.near[0])
    hear_each_other(out, talk.near[0], back, talk.far[0])
    assert spray.received == []
    for media in (out, back):
        assert spray.ssrc not in {p.ssrc for p in media.received}
    talk.hang_up()


def test_a_relay_that_a_phone_says_is_there(site):
    """152b is about what a proxy says; a phone's own Record-Route is dropped,
    and the relay is asked for."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    lie = f"<sip:{PROXY1}:5060;lr;ph-relay={RELAY}:5060;ph-side=a;ph-mac=00>"
    talk = establish(alice, bob, headers=[("Record-Route", lie)])
    assert all(map(is_relay, talk.near + talk.far))
    assert record_routes(talk.leg.invite) == [(PROXY2, 5060), (PROXY1, 5060)]
    assert lie not in talk.leg.invite.all("Record-Route")
    talk.hang_up()


@pytest.mark.parametrize("word", [
    "ph-own=10.0.0.99:5060", "ph-domain=example.org", "ph-side=ab",
    "ph-relay=203.0.113.66:5060", "ph-mac=00112233445566778899aabbccddeeff",
    "ph-resequence=200", "ph-learn=open", "ph-toward=203.0.113.66"])
def test_words_of_the_dialect_in_a_phones_invite(site, word):
    """In Request-URI and Contact: taken out, whoever the phone is."""
    for host in ("first", "third"):
        alice, bob = site.phone(host, "alice"), site.phone("second", "bob")
        told = f"<{alice.contact_uri};{word}>"
        alice.transform = lambda raw: raw.replace(
            f"<{alice.contact_uri}>".encode(), told.encode()) \
            if b"INVITE" in raw else raw
        call = alice.invite(f"{bob.aor};{word}", offer_of(alice))
        leg = bob.incoming()
        assert call.invite.get("Contact") == told
        contact = uri_of(leg.invite.get("Contact"))
        if host == "third":
            assert contact == alice.contact_uri
        else:
            at = seen_from(site.proxy1, call.call_id, alice)
            assert contact == (f"sip:{alice.user}@{at[0]}:{at[1]};"
                               f"ph-own={alice.ip}:{alice.port}")
        assert word not in leg.invite.uri
        asked = traced(site.relay, call.call_id, "in", start="INVITE")
        assert asked and not any(word in m.uri for m in asked)
        leg.reject(486)
        assert call.wait_final().status == 486
        site.settled()


@pytest.mark.parametrize("host", ["second", "third"])
def test_words_of_the_dialect_in_a_phones_answer(site, host):
    """A Contact in a 200 that pretends to be behind a NAT, or behind another,
    is what it is: a phone where it was reached."""
    alice, bob = site.phone("first", "alice"), site.phone(host, "bob")
    own = bob.contact_uri
    bob.transform = lambda raw: raw.replace(
        f"<{own}>".encode(), f"<{own};ph-own=10.0.0.99:5060>".encode()) \
        if raw.startswith(b"SIP/2.0 200") else raw
    talk = establish(alice, bob)
    if host == "third":
        assert talk.ok.contact == own
    else:
        assert host_port(talk.ok.contact)[0] == NAT2
        assert uri_param(talk.ok.contact, "ph-own") == \
            f"{bob.ip}:{bob.port}"
    assert talk.leg.wait_ack().uri == own
    talk.hang_up()


def test_words_of_the_dialect_in_a_reinvite(site):
    """A public phone that pretends to be behind a NAT, within the call."""
    alice, bob = site.phone("third", "alice"), site.phone("second", "bob")
    talk = establish(alice, bob)
    alice.transform = lambda raw: raw.replace(
        f"<{alice.contact_uri}>".encode(),
        f"<{alice.contact_uri};ph-own=10.0.0.99:5060>".encode())
    talk.call.reinvite(offer_of(alice))
    asked = talk.leg.wait_reinvite()
    assert "ph-own" in talk.call.invite.get("Contact")
    assert asked.contact == alice.contact_uri
    talk.leg.answer(offer_of(bob))
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()
    talk.hang_up()


def test_a_forged_received(site):
    """Where the answer goes is where the request came from."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    alice.transform = lambda raw: raw.replace(
        b";rport;branch", f";received={STRANGER};rport=5060;branch".encode())
    assert alice.transact("OPTIONS", bob.aor).status == 200


def test_a_preloaded_route_elsewhere(site, mallory):
    """A phone's route may name its proxy, and nobody else through it."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice), headers=[
        ("Route", f"<sip:{PROXY1}:5060;lr>"),
        ("Route", f"<sip:{STRANGER}:{mallory.port};lr>")])
    assert call.wait_final().status == 403
    assert mallory.messages() == []


def test_private_media_is_no_way_in(site, mallory):
    """An offer that names an address only the relay could reach (its own
    control port, a proxy) is not served there."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out = site.media(alice)
    talk = establish(alice, bob, offer_of(alice, out),
                     sdp(PROXY2, ("audio", 5060)))
    malformed = site.proxy2.metric("malformed")
    dropped = site.relay.metric("nowhere_packets")
    for _ in range(10 + PROOF - 1):
        out.send(talk.near[0])
    wait_until(lambda: site.relay.metric("nowhere_packets") >= dropped + 10,
               10, "nothing sent to the proxy")
    assert site.proxy2.metric("malformed") == malformed
    assert not traced(site.proxy2, talk.call_id, "in", RELAY)
    talk.hang_up()

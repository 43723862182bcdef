"""Numbers that are no clients: the directory answers with static routes, to
gateways and to redirect servers of other domains. The directory is scripted
(directory.py), the gateways are phones without a NAT."""

import pytest

from calls import is_relay, offer_of, record_routes, relayed, traced
from directory import DirectedSite
from support.dns import NameServer
from support.net import PROXY1, STRANGER, THIRD, wait_until
from support.sip import UA
from support.sipmsg import host_port, uri_of

NUMBER = "+4930123"
URI = f"sip:{NUMBER}@example.com"
DEAD = "203.0.113.99"  # nobody has this address


@pytest.fixture
def site(net):
    """site(routed=…): a site, and so many gateways that its number is routed
    to. Nothing is left of its calls."""
    made = []

    def make(routed=2, **changes):
        s = DirectedSite(net, **changes)
        s.gateways = [UA(net, "third", NUMBER, port=5070 + 2 * i)
                      for i in range(routed)]
        s.directory.routes[NUMBER] = [route(g) for g in s.gateways]
        made.append(s)
        return s
    yield make
    for s in made:
        s.settled()
        s.healthy()


def route(ua, asks=False):
    return f"sip:{ua.user}@{ua.ip}:{ua.port};ph-route" + ("=ask" * asks)


def dial(s, caller):
    return caller.invite(URI, offer_of(caller))


def test_call_over_a_gateway(site):
    """As to any public callee: through the relay, as the caller is behind a
    NAT; the word of the dialect stays here."""
    s = site()
    alice, gateway = s.phone("first", "alice"), s.gateways[0]
    gateway.host = "third"
    out, back = s.media(alice), s.media(gateway)
    call = alice.invite(URI, offer_of(alice, out))
    leg = gateway.incoming()
    assert leg.invite.uri == f"sip:{NUMBER}@{THIRD}:5070"
    assert record_routes(leg.invite) == [(PROXY1, 5060)]
    assert "ph-route" not in leg.invite.text
    assert leg.invite.get("Max-Forwards") == "69"
    leg.ring()
    call.wait_status(180)
    relayed(call, leg, gateway, out, back)
    assert leg.bye().status == 200
    call.wait_request("BYE")
    assert s.proxy1.metric("forked") == 0


def test_call_of_a_public_phone_over_a_gateway(site):
    """Nobody needs a relay."""
    s = site()
    alice = s.phone("stranger", "alice")
    call = dial(s, alice)
    leg = s.gateways[0].incoming()
    assert leg.invite.media[0][1] == STRANGER
    leg.reject(486)
    assert call.wait_final().status == 486


@pytest.mark.parametrize("status", [430, 500, 502, 503, 504])
def test_gateway_that_cannot_serve(site, status):
    """The next one is tried; its relay resource is one of its own."""
    s = site()
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    s.gateways[0].incoming().reject(status)
    leg = s.gateways[1].incoming()
    assert leg.invite.uri == f"sip:{NUMBER}@{THIRD}:5072"
    assert is_relay(leg.invite.media[0][1:])
    leg.answer(offer_of(s.gateways[1]))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert s.proxy1.metric("routes_failed") == 1


@pytest.mark.parametrize("status", [302, 404, 407, 408, 480, 484, 486, 487,
                                    501, 505, 513, 603])
def test_answers_that_are_final(site, status):
    """The callee is not rung again over the other gateway."""
    s = site()
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    leg = s.gateways[0].incoming()
    leg.ring()
    call.wait_status(180)
    leg.reject(status)
    assert call.wait_final().status == status
    s.settled()
    assert not s.gateways[1].messages()
    assert s.proxy1.metric("routes_failed") == 0


def test_all_gateways_fail(site):
    s = site(routed=3)
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    for g in s.gateways:
        g.incoming().reject(503)
    assert call.wait_final().status == 500
    assert s.proxy1.metric("routes_failed") == 2


def test_caller_hangs_up_in_between(site):
    s = site()
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    s.gateways[0].incoming().reject(503)
    leg = s.gateways[1].incoming()
    leg.ring()
    call.wait_status(180)
    call.cancel()
    assert call.wait_final().status == 487
    assert leg.requests("CANCEL")


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_silent_gateway(site, method):
    """It costs one caller some seconds, and is the last to be tried then."""
    s = site(routed=1)
    s.directory.routes[NUMBER].insert(0, f"sip:{NUMBER}@{DEAD};ph-route")
    alice = s.phone("first", "alice")
    gateway = s.gateways[0]
    for attempt in range(2):
        if method == "INVITE":
            call = dial(s, alice)
            leg = gateway.incoming()
            leg.reject(486)
            assert call.wait_final().status == 486
            call_id = call.call_id
        else:
            sent = alice.request(method, URI)
            gateway.wait_for(lambda: len(gateway.messages()) > attempt)
            answer = alice.final(sent)
            assert answer.status == 481  # what that UA says to a MESSAGE
            call_id = sent.call_id
        assert bool(traced(s.proxy1, call_id, "out", DEAD, method)) \
            == (attempt == 0)
    assert s.proxy1.metric("routes_failed") == 1
    assert s.proxy1.metric("servers_avoided") == 1


def test_gateway_that_is_busy_is_tried_last(site):
    """Its Retry-After is kept to; and where both are, the order is as ever."""
    s = site()
    alice = s.phone("first", "alice")
    first, second = s.gateways
    call = dial(s, alice)
    leg = first.incoming()
    first.respond(leg.invite, 503, headers=[("Retry-After", "60")], tag="x")
    second.incoming().reject(486)
    assert call.wait_final().status == 486

    call = dial(s, alice)
    leg = second.incoming()
    second.respond(leg.invite, 503, headers=[("Retry-After", "60")], tag="x")
    first.incoming().reject(486)
    assert call.wait_final().status == 486

    call = dial(s, alice)
    first.incoming().reject(486)
    assert call.wait_final().status == 486


def test_gateways_ring_for_as_long_as_they_like(site):
    """forking.ring is for the phones of a client: over one second here. A call
    to two such phones, begun later, tells when that time is over."""
    s = site(forking={"ring": 1})
    alice = s.phone("first", "alice")
    bob = s.phone("third", "bob")
    other = s.phone("third", "other")
    s.directory.bindings[bob.aor[4:]] = [bob.contact_uri, other.contact_uri]
    call = dial(s, alice)
    leg = s.gateways[0].incoming()
    leg.ring()
    call.wait_status(180)

    clock = s.phone("second", "clock").invite(bob.aor, offer_of(alice))
    bob.incoming().ring()
    other.incoming().reject(603)
    assert clock.wait_final().status == 603
    assert not leg.requests("CANCEL")
    assert not s.gateways[1].messages()
    leg.reject(486)
    assert call.wait_final().status == 486


def test_gateways_by_name(site, net):
    """RFC 3263: the first server of the name is dead, then the name is."""
    names = NameServer(net, "stranger", f"""
        _sip._udp.carrier.example SRV 10 0 5060 dead.carrier.example
        _sip._udp.carrier.example SRV 20 0 5070 gw.carrier.example
        dead.carrier.example A {DEAD}
        gw.carrier.example A {THIRD}
        trap.example A 127.0.0.1
        """)
    s = site(resolver=[names.address])
    alice = s.phone("first", "alice")
    s.directory.routes[NUMBER] = [
        f"sip:{NUMBER}@nowhere.example;ph-route",
        f"sip:{NUMBER}@trap.example;ph-route",
        f"sip:{NUMBER}@carrier.example;ph-route"]
    for _ in range(2):
        call = dial(s, alice)
        leg = s.gateways[0].incoming()
        assert leg.invite.uri == f"sip:{NUMBER}@carrier.example"
        leg.reject(486)
        assert call.wait_final().status == 486
    assert s.proxy1.metric("failovers") == 1


def test_names_that_lead_nowhere(site, net):
    names = NameServer(net, "stranger", "x.example A 127.0.0.1")
    s = site(resolver=[names.address])
    alice = s.phone("first", "alice")
    s.directory.routes[NUMBER] = [f"sip:{NUMBER}@one.example;ph-route",
                                  f"sip:{NUMBER}@two.example;ph-route"]
    assert dial(s, alice).wait_final().status == 404


def test_calls_of_a_carrier_are_vouched_for(site):
    """Those of nobody else are, whatever a phone writes."""
    s = site(realm="example.com", gateways=["203.0.113.14/32"])
    alice = s.phone("first", "alice")
    carrier = UA(s.net, "third", "+49401", domain="carrier.example",
                 proxy=PROXY1, port=5090)
    call = carrier.invite(alice.aor, offer_of(carrier))
    alice.incoming().reject(486)
    assert call.wait_final().status == 486
    query = s.directory.queries(call.call_id)[0]
    assert ";ph-vouched" in query.uri and "ph-served" not in query.uri

    call = alice.invite(f"{URI};ph-vouched;ph-served;ph-route", offer_of(alice))
    assert call.wait_final().status == 407
    query = s.directory.queries(call.call_id)[0]
    assert query.uri.split(";")[1:] == ["ph-domain=example.com"]


def redirected(by, *uris, status=302, headers=()):
    """The next call of a redirect server, answered with these contacts."""
    leg = by.incoming()
    by.respond(leg.invite, status, tag="x", headers=[
        *[("Contact", f"<{u}>;q={1 - i * .1:.1f}")
          for i, u in enumerate(uris)], *headers])
    return leg.invite


@pytest.fixture
def asked(site):
    """A site whose number is asked of a redirect server, the first of the
    gateways; the second is the next route."""
    s = site(routed=4)
    s.directory.routes[NUMBER] = [route(s.gateways[0], asks=True),
                                  route(s.gateways[1])]
    return s


def uri(ua, more=""):
    return f"sip:{ua.user}@{ua.ip}:{ua.port}{more}"


@pytest.mark.parametrize("status", [300, 301, 302])
def test_redirection_is_followed(asked, status):
    """Its words, headers and methods are not ours, nor are addresses that
    nobody is sent to."""
    s = asked
    alice = s.phone("first", "alice")
    server, _, callee, _ = s.gateways
    callee.host = "third"
    out, back = s.media(alice), s.media(callee)
    call = alice.invite(URI, offer_of(alice, out))
    got = redirected(
        server, "sip:x@127.0.0.1:5060", "sip:x@10.0.0.17:5060",
        f"sip:x@{PROXY1}:5060", "tel:+4930123", uri(server),
        uri(callee, ";method=BYE;ph-own=10.0.0.1:5060;ph-domain=example.com"
                    "?Subject=x"), status=status)
    assert got.uri == uri(server)
    leg = callee.incoming()
    assert leg.invite.uri == uri(callee)
    assert leg.invite.get("Max-Forwards") == "69"
    assert leg.invite.get("Subject") is None
    relayed(call, leg, callee, out, back)
    assert call.bye().status == 200
    assert s.proxy1.metric("redirections") == 1


def test_contacts_of_a_redirection(asked):
    """They are the callee's places: busy at one, there at the other. The next
    route is for none of that."""
    s = asked
    alice = s.phone("first", "alice")
    server, _, one, two = s.gateways
    call = dial(s, alice)
    redirected(server, uri(one), uri(two))
    one.incoming().reject(486)
    two.incoming().reject(480)
    assert call.wait_final().status in (480, 486)
    assert not s.gateways[1].messages()


def test_next_route_where_no_contact_serves(asked):
    s = asked
    alice = s.phone("first", "alice")
    server, other, one, two = s.gateways
    call = dial(s, alice)
    redirected(server, uri(one), uri(two))
    one.incoming().reject(503)
    two.incoming().reject(502)
    other.incoming().reject(486)
    assert call.wait_final().status == 486


def test_redirect_server_that_does_not_serve(asked):
    s = asked
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    s.gateways[0].incoming().reject(503)
    s.gateways[1].incoming().reject(486)
    assert call.wait_final().status == 486


def test_redirect_server_that_does_not_redirect(asked):
    """Whatever else it says is passed on: here it takes the call itself."""
    s = asked
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    leg = s.gateways[0].incoming()
    assert is_relay(leg.invite.media[0][1:])
    leg.answer(offer_of(s.gateways[0]))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_redirections_without_end(asked):
    """Five in a row are followed; the sixth is the caller's."""
    s = asked
    alice = s.phone("first", "alice")
    server = s.gateways[0]
    call = dial(s, alice)
    for i in range(6):
        sent = server.wait_for(lambda: [
            m for m in server.messages() if m.method == "INVITE"
            and host_port(m.uri) == (THIRD, 5070)][i:])[0]
        server.respond(sent, 302, tag=f"x{i}", headers=[
            ("Contact", f"<sip:again{i}@{THIRD}:5070>")])
    answer = call.wait_final()
    assert answer.status == 302
    assert uri_of(answer.get("Contact")) == f"sip:again5@{THIRD}:5070"
    assert s.proxy1.metric("redirections") == 5


def test_redirection_in_a_circle(asked):
    """A target is tried once."""
    s = asked
    alice = s.phone("first", "alice")
    server, _, one, _ = s.gateways
    call = dial(s, alice)
    redirected(server, uri(one))
    redirected(one, uri(server))
    assert call.wait_final().status == 302
    assert s.proxy1.metric("redirections") == 1


def test_caller_hangs_up_before_a_redirection(asked):
    s = asked
    alice = s.phone("first", "alice")
    call = dial(s, alice)
    leg = s.gateways[0].incoming()
    leg.ring()
    call.wait_status(180)
    call.cancel()
    wait_until(lambda: leg.requests("CANCEL"), what="CANCEL")
    assert call.wait_final().status == 487
    assert not s.gateways[1].messages()


def test_redirection_of_a_phone_is_the_callers(site):
    """A client's own 302, as ever."""
    s = site()
    alice, bob = s.phone("first", "alice"), s.phone("third", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    redirected(bob, "sip:other@example.com")
    assert call.wait_final().status == 302
    assert s.proxy1.metric("redirections") == 0

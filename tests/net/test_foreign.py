"""Calls to and from domains that are not served here: found by NAPTR, SRV and
addresses (RFC 3263), with failover, for registered phones only. The other site
is a proxy that neither trusts ours nor shares its secret."""

import re
import socket
import ssl

import pytest

from calls import Site, establish, hear_each_other, is_relay, offer_of, \
    record_routes, traced
from support.daemons import proxyd_conf
from support.dns import NameServer
from support.net import PROXY1, PROXY2, THIRD, wait_until
from support.sip import UA
from support.sipmsg import Message, host_port, uri_of
from support.websocket import certificate

DEAD = "203.0.113.99"  # nobody has this address

OURS = f"""
example.com NAPTR 10 50 s SIP+D2U _sip._udp.example.com
_sip._udp.example.com SRV 10 0 5060 edge.example.com
edge.example.com A {PROXY1}
"""

THEIRS = f"""
foreign.example NAPTR 10 50 s SIPS+D2T _sips._tcp.foreign.example
foreign.example NAPTR 20 50 s SIP+D2U _sip._udp.foreign.example
_sip._udp.foreign.example SRV 10 0 5060 first.foreign.example
_sip._udp.foreign.example SRV 20 0 5060 second.foreign.example
first.foreign.example A {DEAD}
second.foreign.example A {PROXY2}
"""


class Abroad(Site):
    """Two sites that know nothing of each other but names: ours at proxy1,
    foreign.example at proxy2."""

    def __init__(self, net, zone=OURS + THEIRS, **changes):
        self.names = NameServer(net, "stranger", zone)
        conf = {"resolver": [self.names.address], "trusted": [],
                "allow_foreign": True}
        super().__init__(net, proxyd=conf)
        if changes:
            self.proxy1.restart({**self.proxy1.conf, **changes})
        self.proxy2.restart({**self.proxy2.conf,
                             "secret": "a secret of another site",
                             "domains": ["foreign.example"]})

    def foreigner(self, name="bob"):
        return self.phone("third", name, proxy=PROXY2,
                          domain="foreign.example")


@pytest.fixture
def abroad(net):
    site = Abroad(net)
    yield site
    site.settled()
    site.healthy()


def final(ua, uri, method="MESSAGE"):
    return ua.final(ua.request(method, uri))


def test_call_of_a_natted_phone_with_failover(abroad):
    """The first server of the domain is dead: the second one gets the call,
    and the next call goes there at once."""
    alice, bob = abroad.phone("first", "alice"), abroad.foreigner()
    out, back = abroad.media(alice), abroad.media(bob)

    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    assert is_relay(talk.near[0]) and is_relay(talk.far[0])
    hear_each_other(out, talk.near[0], back, talk.far[0])
    assert [host_port(uri_of(r)) for r in
            talk.leg.invite.all("Record-Route")] == [(PROXY2, 5060),
                                                     (PROXY1, 5060)]
    assert abroad.proxy1.metric("failovers") == 1
    assert traced(abroad.proxy1, talk.call_id, "out", DEAD, "INVITE")
    assert "SRV _sip._udp.foreign.example" in abroad.names.asked
    talk.hang_up()
    abroad.settled()

    asked = list(abroad.names.asked)
    talk = establish(alice, bob)
    assert not traced(abroad.proxy1, talk.call_id, "out", DEAD)
    assert abroad.names.asked == asked
    assert abroad.proxy1.metric("failovers") == 1
    talk.hang_up()


def test_bye_and_reinvite_of_the_foreign_side(abroad):
    alice, bob = abroad.phone("first", "alice"), abroad.foreigner()
    talk = establish(alice, bob)

    talk.leg.reinvite(offer_of(bob))
    asked = talk.call.wait_reinvite()
    assert asked.uri == alice.contact_uri  # as the phone knows itself
    talk.call.answer(offer_of(alice))
    talk.leg.wait_status(200)
    talk.leg.ack()
    talk.call.wait_ack()
    assert talk.leg.bye().status == 200
    assert talk.call.wait_request("BYE").uri == alice.contact_uri


def test_call_from_a_foreign_domain(abroad):
    """The other way: what the foreign proxy recorded stays in the route."""
    alice, bob = abroad.phone("first", "alice"), abroad.foreigner()
    out, back = abroad.media(alice), abroad.media(bob)

    talk = establish(bob, alice, offer_of(bob, back), offer_of(alice, out))
    assert record_routes(talk.leg.invite) == [(PROXY1, 5060), (PROXY2, 5060)]
    assert talk.leg.invite.contact == bob.contact_uri
    hear_each_other(back, talk.near[0], out, talk.far[0])
    assert talk.leg.bye().status == 200
    talk.call.wait_request("BYE")

    talk = establish(bob, alice)
    talk.hang_up()


def named(raw):
    """An answer whose server and phone have names."""
    if not raw.startswith(b"SIP/2.0 200"):
        return raw
    raw = re.sub(rb"(?m)^(Record-Route:)",
                 rb"Record-Route: <sip:edge.named.example;lr>\r\n\1", raw, 1)
    return re.sub(rb"(?m)^Contact:.*\r$",
                  b"Contact: <sip:bob@phone.named.example>\r", raw)


def test_names_in_the_route_of_a_dialog(abroad):
    """A foreign server that names itself: ACK and BYE find it, too."""
    abroad.names.set(f"""
        named.example A {THIRD}
        edge.named.example A {THIRD}
        phone.named.example A {THIRD}
        """)
    alice = abroad.phone("first", "alice")
    bob = UA(abroad.net, "third", "bob", domain="named.example",
             transform=named)
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    assert leg.wait_ack().uri == "sip:bob@phone.named.example"
    assert call.bye().status == 200
    assert leg.wait_request("BYE").source == (PROXY1, 5060)


def test_server_that_is_busy_is_left_for_the_next(abroad):
    """503 of the first, RFC 3263 4.3; its Retry-After is kept to."""
    abroad.names.set(f"""
        _sip._udp.busy.example SRV 10 0 5070 one.busy.example
        _sip._udp.busy.example SRV 20 0 5072 one.busy.example
        one.busy.example A {THIRD}
        """)
    alice = abroad.phone("first", "alice")
    one = UA(abroad.net, "third", "bob", domain="busy.example", port=5070)
    two = UA(abroad.net, "third", "bob", domain="busy.example", port=5072)
    call = alice.invite("sip:bob@busy.example", offer_of(alice))
    one.respond(one.incoming().invite, 503,
                headers=[("Retry-After", "60")])
    leg = two.incoming()
    assert len(leg.invite.all("Record-Route")) == 1
    assert leg.invite.get("Max-Forwards") == "69"
    leg.reject(486)
    assert call.wait_final().status == 486

    call = alice.invite("sip:bob@busy.example", offer_of(alice))
    two.incoming().reject(486)
    assert call.wait_final().status == 486
    assert abroad.proxy1.metric("failovers") == 1


def refuse(conn):
    """A busy phone at the other end of a connection; the INVITE it got."""
    invite = Message(conn.recv(65535))
    head = [("Via", v) for v in invite.all("Via")]
    head += [(n, invite.get(n)) for n in ("From", "To", "Call-ID", "CSeq")]
    conn.sendall(Message.build("SIP/2.0 486 Busy Here", head).raw)
    return invite


def listen(net, port):
    server = net.inside("third", lambda: socket.create_server((THIRD, port)))
    server.settimeout(10)
    return server


def test_server_over_tcp(net):
    """NAPTR asks for TCP; the first server takes no connection."""
    abroad = Abroad(net, f"""
        tcp.example NAPTR 10 50 s SIP+D2T _sip._tcp.tcp.example
        tcp.example NAPTR 20 50 s SIP+D2U _sip._udp.tcp.example
        _sip._tcp.tcp.example SRV 10 0 5070 one.tcp.example
        _sip._tcp.tcp.example SRV 20 0 5072 one.tcp.example
        one.tcp.example A {THIRD}
        """, listen=[f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"])
    alice = abroad.phone("first", "alice")
    with listen(net, 5072) as server:
        call = alice.invite("sip:bob@tcp.example", offer_of(alice))
        with server.accept()[0] as conn:
            invite = refuse(conn)
            assert call.wait_final().status == 486
    assert invite.uri == "sip:bob@tcp.example"
    assert invite.all("Via")[0].startswith(f"SIP/2.0/TCP {PROXY1}:5060")
    assert abroad.proxy1.metric("failovers") == 1
    abroad.settled()


@pytest.mark.parametrize("name", ["tls.example", "other.example"])
def test_certificate_is_for_the_domain(net, tmp_path, name):
    """TLS by NAPTR, also for a sip URI: the server has to be the domain's."""
    for who in ("us", "them"):
        (tmp_path / who).mkdir()
    cert, key = certificate(tmp_path / "us", PROXY1)
    theirs = certificate(tmp_path / "them", name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*theirs)
    abroad = Abroad(net, f"""
        tls.example NAPTR 10 50 s SIPS+D2T _sips._tcp.tls.example
        _sips._tcp.tls.example SRV 10 0 5071 host.tls.example
        host.tls.example A {THIRD}
        """, listen=[f"udp:{PROXY1}:5060", f"tls:{PROXY1}:5061"],
        tls={"certificate": cert, "key": key, "ca": theirs[0]})
    alice = abroad.phone("first", "alice")
    with listen(net, 5071) as server:
        call = alice.invite("sip:bob@tls.example", offer_of(alice))
        with server.accept()[0] as conn:
            if name == "tls.example":
                refuse(context.wrap_socket(conn, server_side=True))
                assert call.wait_final().status == 486
            else:
                with pytest.raises(OSError):
                    refuse(context.wrap_socket(conn, server_side=True))
                assert call.wait_final().status in (500, 503)
                assert abroad.proxy1.metric("transport_conns_tls") == 1
    abroad.settled()


def test_cancel_while_the_name_is_looked_up(abroad):
    abroad.names.silent = True
    alice = abroad.phone("first", "alice")
    call = alice.invite("sip:bob@foreign.example", offer_of(alice))
    wait_until(lambda: abroad.names.asked, what="a question")
    call.cancel()
    assert call.wait_final().status == 487


PRIVATE = [pytest.param("10.0.0.17", id="private"),
           pytest.param("127.0.0.1", id="loopback"),
           pytest.param(PROXY1, id="our own")]


@pytest.mark.parametrize("address", PRIVATE)
def test_answers_that_are_never_contacted(abroad, address):
    abroad.names.set(f"trap.example A {address}")
    alice = abroad.phone("first", "alice")
    answer = final(alice, "sip:bob@trap.example")
    assert (answer.status, answer.reason) == (403, "Address Never Contacted")
    assert abroad.proxy1.metric("rejected_target") == 1
    assert not traced(abroad.proxy1, answer.call_id, "out", address,
                      "MESSAGE")


@pytest.mark.parametrize("uri, status", [
    ("sip:bob@nowhere.example", 404), ("sip:bob@phone.invalid", 404),
    ("sip:bob@foreign.example;transport=tls", 502), ("tel:+15550100", 416)])
def test_domains_that_lead_nowhere(abroad, uri, status):
    alice = abroad.phone("first", "alice")
    assert final(alice, uri).status == status


def test_call_that_leads_nowhere_holds_nothing(abroad):
    """The relay was asked beside; the fixture sees that it is given back."""
    alice = abroad.phone("first", "alice")
    call = alice.invite("sip:bob@nowhere.example", offer_of(alice))
    assert call.wait_final().status == 404


def test_silent_name_servers(abroad):
    abroad.names.silent = True
    alice = abroad.phone("first", "alice")
    assert final(alice, "sip:bob@foreign.example").status == 504


def test_only_registered_phones(abroad):
    """Neither a stranger, nor one who claims to be a phone of ours, nor a
    foreigner; a phone without a NAT is known by the directory."""
    abroad.names.set(f"named.example A {THIRD}")
    alice = abroad.phone("first", "alice")
    stranger = abroad.phone("stranger", "mallory", register=False)
    claims = UA(abroad.net, "stranger", alice.user, proxy=PROXY1, port=5099)
    foreign = UA(abroad.net, "stranger", "eve", proxy=PROXY1, port=5098,
                 domain="foreign.example")
    for ua in (stranger, claims, foreign):
        assert final(ua, "sip:bob@named.example").status == 403
    assert abroad.proxy1.metric("foreign_refused") == 3

    carol = abroad.phone("stranger", "carol")
    bob = abroad.phone("third", "bob", register=False,
                       domain="named.example")
    uri = f"sip:{bob.user}@named.example:{bob.port}"
    assert final(carol, uri).status == 200
    assert abroad.proxy1.metric("foreign") == 1


def test_not_allowed(net):
    site = Abroad(net, allow_foreign=False)
    alice, bob = site.phone("first", "alice"), site.foreigner()
    answer = final(alice, bob.aor)
    assert (answer.status, answer.reason) == (404, "Domain Not Served Here")
    assert site.names.asked == []


def test_allowed_by_a_reload(net):
    site = Abroad(net, allow_foreign=False)
    alice, bob = site.phone("first", "alice"), site.foreigner()
    site.proxy1.configure({**site.proxy1.conf, "allow_foreign": True})
    site.proxy1.reload()
    wait_until(lambda: final(alice, bob.aor).status == 200, what="reloaded")


def test_gateway_with_a_name(abroad):
    """A static route of the directory: the 302 names a host."""
    abroad.names.set(f"""
        _sip._udp.gateway.example SRV 10 0 5080 host.gateway.example
        host.gateway.example A {THIRD}
        """)
    gateway = UA(abroad.net, "third", "gw", port=5080)
    trunk = UA(abroad.net, "third", "trunk", proxy=PROXY1, port=5082)
    alice = abroad.phone("first", "alice")
    assert trunk.register(
        contact="<sip:trunk@gateway.example>").status == 200
    call = alice.invite(trunk.aor, offer_of(alice))
    leg = gateway.incoming()
    assert leg.invite.uri.startswith("sip:trunk@gateway.example")
    leg.reject(486)
    assert call.wait_final().status == 486


def test_configuration_needs_domains(net):
    """allow_foreign without domains: one clear line."""
    from support.daemons import Daemon
    d = Daemon(net, "proxy1", "proxyd",
               proxyd_conf(domains=[], allow_foreign=True), start=False)
    with pytest.raises(RuntimeError, match="allow_foreign: needs"):
        d.start()

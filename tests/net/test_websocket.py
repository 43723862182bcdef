"""Phones in browsers: SIP over WebSocket (RFC 7118), plain and over TLS, from
behind a NAT, with calls to and from a UDP phone behind another."""

import itertools

import pytest

from calls import Site, establish, hear_each_other, is_relay, offer_of
from support.net import NAT1, PROXY1, Net
from support.sipmsg import param
from support.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, \
    BrowserPhone, Refused, WebSocket, certificate, client_tls

WS, WSS = (PROXY1, 8080), (PROXY1, 8443)
SOON = 3  # seconds: less than any timer of a transaction
TIMER_B = 32
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A context of clients, and the files of the server."""
    cert, key = certificate(tmp_path_factory.mktemp("tls"), PROXY1)
    return client_tls(cert), {"certificate": cert, "key": key}


@pytest.fixture(scope="module")
def there(can_net, tls):
    with Net() as net:
        site = Site(net)
        site.proxy1.restart({**site.proxy1.conf, "tls": tls[1],
                              "pinhole": {"wait": 1}, "listen": [
            f"udp:{PROXY1}:5060", f"ws:{PROXY1}:8080", f"wss:{PROXY1}:8443"]})
        yield site


@pytest.fixture
def site(there):
    yield there
    there.settled()
    there.healthy()
    there.leave()


def browser(site, name, context=None, user=None):
    """A page on a host behind the first NAT."""
    phone = BrowserPhone(site.net, "first",
                         user or f"{name}{next(_serial)}",
                         WSS if context else WS, context)
    phone.host = "first"
    site._here.append(phone)
    return phone


@pytest.fixture(params=["ws", "wss"])
def carol(request, site, tls):
    phone = browser(site, "carol", tls[0] if request.param == "wss" else None)
    assert phone.register().status == 200
    return phone


@pytest.fixture
def dave(site):
    """One over plain WebSocket, where TLS makes no difference."""
    phone = browser(site, "dave")
    assert phone.register().status == 200
    return phone


def test_registers_and_is_told_its_own_contact(carol):
    ok = carol.refresh()
    assert ok.status == 200
    contact, = ok.all("Contact")
    assert carol.name in contact and "transport=ws" in contact
    assert param(ok.get("Via"), "received") == NAT1


def test_calls_a_udp_phone(site, carol):
    bob = site.phone("second", "bob")
    near, far = site.media(carol), site.media(bob)
    talk = establish(carol, bob, offer_of(carol, near), offer_of(bob, far))
    assert all(is_relay(a) for a in talk.near + talk.far)
    hear_each_other(near, talk.near[0], far, talk.far[0])
    assert talk.leg.bye().status == 200
    assert carol.name in talk.call.wait_request("BYE").uri


def test_is_called_by_a_udp_phone(site, carol):
    bob = site.phone("second", "bob")
    near, far = site.media(bob), site.media(carol)
    talk = establish(bob, carol, offer_of(bob, near), offer_of(carol, far))
    assert talk.leg.invite.uri.startswith(f"sip:{carol.user}@")
    hear_each_other(near, talk.near[0], far, talk.far[0])
    assert talk.leg.bye().status == 200
    talk.call.wait_request("BYE")


def test_two_browsers(site, tls):
    one, other = browser(site, "erin", tls[0]), browser(site, "frank")
    assert one.register().status == other.register().status == 200
    talk = establish(one, other)
    talk.hang_up()


def test_a_rejected_call_is_sent_once(site, dave):
    """Nothing is repeated over a stream, and the ACK ends it (RFC 3261
    17.2.1)."""
    bob = site.phone("second", "bob")
    open_before = site.proxy1.metric("transactions")
    call = bob.invite(dave.aor, offer_of(bob))
    dave.incoming().reject(486)
    assert call.wait_final().status == 486
    dave.wait_message(lambda m: m.method == "ACK")
    assert not [m for m in dave.received if m.duplicate]
    site.proxy1.wait_metric("transactions", lambda n: n <= open_before + 3)


def test_the_page_is_closed_while_its_phone_rings(site, dave):
    """The caller is told at once, not after 32 s."""
    bob = site.phone("second", "bob")
    lost = site.proxy1.metric("txn_lost")
    call = bob.invite(dave.aor, offer_of(bob))
    dave.incoming().ring()
    call.wait_status(180)
    dave.socket.break_off()
    assert call.wait_final(timeout=SOON).status >= 500
    assert site.proxy1.metric("txn_lost") == lost + 1


def test_the_page_is_closed_while_it_calls(site, dave):
    """Nobody can be told: the callee stops ringing."""
    bob = site.phone("second", "bob")
    call = dave.invite(bob.aor, offer_of(dave))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    dave.socket.break_off()
    leg.wait_request("CANCEL", timeout=SOON)


def test_a_page_that_was_closed_is_not_connected_to(site, dave):
    bob = site.phone("second", "bob")
    opened = site.proxy1.metric("transport_conns_out")
    conns = site.proxy1.metric("connections")
    dave.socket.break_off()
    site.proxy1.wait_metric("connections", lambda n: n == conns - 1)
    call = bob.invite(dave.aor, offer_of(bob))
    assert call.wait_final(timeout=TIMER_B - 5).status >= 400
    assert site.proxy1.metric("transport_conns_out") == opened


def test_a_page_that_is_opened_again_is_called(site, dave):
    bob = site.phone("second", "bob")
    dave.unregister()
    dave.socket.break_off()
    again = browser(site, None, user=dave.user)
    assert again.register().status == 200
    establish(bob, again).hang_up()


def test_a_page_that_was_reloaded_is_called(site, dave):
    """Its former registration is still there, with a connection that is not:
    it ends before a timer would, and what the new page says is the answer."""
    bob = site.phone("second", "bob")
    dave.socket.break_off()
    again = browser(site, None, user=dave.user)
    assert len(again.register().all("Contact")) == 2
    call = bob.invite(dave.aor, offer_of(bob))
    again.incoming().reject(486)
    assert call.wait_final(timeout=TIMER_B - 5).status == 486
    establish(bob, again).hang_up()


# Frames.

def test_ping_and_pong(dave):
    dave.socket.send_frame(PING, b"are you there?")
    assert dave.socket.wait_frame(PONG) == b"are you there?"
    dave.socket.send_frame(TEXT, b"\r\n\r\n")
    dave.wait_keepalive()


def test_messages_in_fragments_and_in_binary(site, dave):
    ua = browser(site, "heidi")
    pieces = []

    def in_pieces(raw, to):
        pieces.append(raw)
        ua.socket.send_frame(BINARY, raw[:20], fin=False)
        ua.socket.send_frame(PING)
        ua.socket.send_frame(CONTINUATION, raw[20:])

    ua.socket.sendto = in_pieces
    assert ua.register().status == 200
    assert pieces


def test_what_is_no_text_comes_in_binary(site, dave):
    """A browser would give up a connection on which text is no UTF-8."""
    bob = site.phone("second", "bob")
    latin = bob.transform
    bob.transform = lambda raw: latin(raw).replace(b"Subject: x",
                                                   b"Subject: M\xfcller")
    call = bob.invite(dave.aor, offer_of(bob), headers=[("Subject", "x")])
    leg = dave.incoming()
    assert b"Subject: M\xfcller" in leg.invite.raw
    assert b"M\xfcller" in dave.socket.wait_frame(BINARY)
    leg.reject(486)
    assert call.wait_final().status == 486


def test_broken_frames_end_the_connection(site, dave):
    closed = site.proxy1.metric("transport_framing")
    dave.socket.send_frame(TEXT, b"OPTIONS", mask=False)
    assert dave.socket.wait_frame(CLOSE) == b"\x03\xea"
    assert dave.socket.closed.wait(SOON)
    assert site.proxy1.metric("transport_framing") == closed + 1


@pytest.mark.parametrize("protocol, status", [("xmpp", 400), ("sip", None)])
def test_only_sip_is_spoken(site, protocol, status):
    def connect():
        WebSocket(site.net, "first", WS, protocol=protocol).close()

    if status is None:
        return connect()
    with pytest.raises(Refused) as refused:
        connect()
    assert refused.value.status == status
    assert "sip" in str(refused.value)

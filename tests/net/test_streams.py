"""TCP and TLS from behind a NAT: what a phone sends comes in pieces, what it
keeps its pinhole open with is answered, what is no SIP closes its connection,
and a new certificate is for new connections alone."""

import socket
import ssl
from pathlib import Path

import pytest

from support.daemons import Daemon, proxyd_conf
from support.net import NAT1, PROXY1, Net
from support.sipmsg import token
from support.websocket import certificate

TCP, TLS = (PROXY1, 5060), (PROXY1, 5061)


@pytest.fixture
def proxy(can_net, tmp_path):
    cert, key = certificate(tmp_path, PROXY1)
    with Net() as net:
        yield Daemon(net, "proxy1", "proxyd", proxyd_conf(
            listen=[f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060",
                    f"tls:{PROXY1}:5061"],
            tls={"certificate": cert, "key": key}))


def limited(proxy, **changes):
    """The proxy with another configuration."""
    proxy.restart({**proxy.conf, **changes})
    return proxy


def options(transport):
    return (f"OPTIONS sip:{PROXY1} SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} 10.0.0.16:5060;rport;"
            f"branch=z9hG4bK{token('b')}\r\n"
            f"From: <sip:a@example.com>;tag={token('f')}\r\n"
            f"To: <sip:{PROXY1}>\r\nCall-ID: {token('c')}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
            "Content-Length: 0\r\n\r\n").encode()


def answer(connection):
    """The next response, without a body."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        assert piece, f"closed after {got}"
        got += piece
    return got.decode()


def secured(proxy):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(proxy.net.tcp("first", TLS))


def test_requests_in_pieces_and_several_at_once(proxy):
    with proxy.net.tcp("first", TCP) as phone:
        phone.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in options("TCP"):
            phone.send(bytes([byte]))
        first = answer(phone)
        assert first.startswith("SIP/2.0 200 ")
        assert f"received={NAT1}" in first
        phone.sendall(b"".join(options("TCP") for _ in range(3)))
        for _ in range(3):
            assert answer(phone).startswith("SIP/2.0 200 ")
    assert proxy.metric("transport_conns_in") == 1


def test_keepalives_are_answered(proxy):
    with proxy.net.tcp("first", TCP) as phone:
        phone.sendall(b"\r\n\r\n")
        assert phone.recv(100) == b"\r\n"
    with secured(proxy) as phone:
        phone.sendall(b"\r\n\r\n")
        assert phone.recv(100) == b"\r\n"
    assert proxy.metric("keepalives") == 2


def test_stun_on_the_sip_port_tells_the_pinhole(proxy):
    phone = proxy.net.udp("first")
    phone.settimeout(5)
    phone.sendto(b"\0\1\0\0\x21\x12\xa4\x42" + b"a" * 12, TCP)
    got = phone.recv(100)
    phone.close()
    assert got[:2] == b"\1\1" and got[8:20] == b"a" * 12
    ip = bytes(a ^ b for a, b in zip(got[28:32], b"\x21\x12\xa4\x42"))
    assert socket.inet_ntoa(ip) == NAT1


def test_what_is_no_sip_closes_the_connection(proxy):
    with proxy.net.tcp("first", TCP) as phone:
        phone.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert phone.recv(100) == b""
    assert proxy.metric("transport_framing") == 1
    with proxy.net.tcp("first", TLS) as phone:
        phone.sendall(options("TCP"))
        while phone.recv(100):  # the alert that says why
            pass
    assert proxy.metric("transport_conns_tls") == 1


def test_one_nat_has_its_share(proxy):
    limited(proxy, connections={"per_source": 2})
    with proxy.net.tcp("first", TCP) as one, \
            proxy.net.tcp("first17", TCP) as two:
        for phone in one, two:
            phone.sendall(options("TCP"))
            assert answer(phone).startswith("SIP/2.0 200 ")
        with proxy.net.tcp("first", TCP) as three:
            assert three.recv(100) == b""
        assert proxy.metric("transport_conns_refused") == 1
        with proxy.net.tcp("second", TCP) as other:
            other.sendall(options("TCP"))
            assert answer(other).startswith("SIP/2.0 200 ")


def test_pages_of_others_may_not_connect(proxy):
    limited(proxy, websocket={"origins": ["https://phone.example.com"]},
            listen=[f"udp:{PROXY1}:5060", f"ws:{PROXY1}:8080"])
    for origin, status in ("https://phone.example.com", 101), \
            ("https://evil.example.com", 403):
        with proxy.net.tcp("first", (PROXY1, 8080)) as page:
            page.sendall(
                f"GET / HTTP/1.1\r\nHost: {PROXY1}\r\nOrigin: {origin}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: sip\r\n\r\n".encode())
            assert page.recv(1000).startswith(b"HTTP/1.1 %d " % status)


def test_new_certificate_is_for_new_connections(proxy, tmp_path):
    with secured(proxy) as old:
        before = old.getpeercert(binary_form=True)
        cert, _ = certificate(tmp_path, PROXY1)
        renewed = ssl.PEM_cert_to_DER_cert(Path(cert).read_text())
        proxy.reload()
        proxy.wait_log("certificate read")
        old.sendall(options("TLS"))
        assert answer(old).startswith("SIP/2.0 200 ")
        with secured(proxy) as new:
            assert new.getpeercert(binary_form=True) == renewed != before
            new.sendall(options("TLS"))
            assert answer(new).startswith("SIP/2.0 200 ")


def test_bad_certificate_changes_nothing(proxy, tmp_path):
    (tmp_path / "cert.pem").write_text("no certificate")
    proxy.reload()
    proxy.wait_log("TLS keeps the certificates it had")
    with secured(proxy) as phone:
        phone.sendall(options("TLS"))
        assert answer(phone).startswith("SIP/2.0 200 ")

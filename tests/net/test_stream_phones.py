"""Real phones on TCP and TLS behind NATs: registered, called over the
connection they opened, and heard."""

import pytest

from support.daemons import Pinhole
from support.net import ADDRESS, PROXY1, PROXY2, Net, wait_until
from support.phones import Baresip
from support.websocket import certificate

PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}


@pytest.fixture
def pinhole(can_net, tmp_path):
    """The usual deployment, on three transports."""
    cert, key = certificate(tmp_path, PROXY1, PROXY2)
    with Net() as net:
        pinhole = Pinhole(net)
        for host in "proxy1", "proxy2":
            daemon = pinhole.all[host]
            daemon.restart({
                **daemon.conf,
                "listen": [f"{transport}:{ADDRESS[host]}:{port}"
                           for transport, port in PORT.items()],
                "tls": {"certificate": cert, "key": key}})
        yield pinhole


def phone(net, host, user, transport, proxy, says):
    return Baresip(net, host, user, says=says,
                   proxy=f"{proxy}:{PORT[transport]};transport={transport}")


@pytest.mark.parametrize("near, far", [
    ("tcp", "tcp"), ("tls", "tls"), ("udp", "tls")])
def test_phones_hear_each_other(pinhole, speech, heard, near, far):
    alice = phone(pinhole.relay.net, "first", "alice", near, PROXY1,
                  speech / "alice.wav")
    bob = phone(pinhole.relay.net, "second", "bob", far, PROXY2, speech / "bob.wav")
    alice.wait_registered()
    bob.wait_registered()
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    alice.wait_heard(6)
    bob.wait_heard(6)
    bob.hangup()
    alice.wait_event("CALL_CLOSED")
    assert heard(speech / "alice.wav", bob.heard())[0] > 0.8
    assert heard(speech / "bob.wav", alice.heard())[0] > 0.8
    for proxy, transport in (pinhole.proxy1, near), (pinhole.proxy2, far):
        streams = transport != "udp"
        assert proxy.metric("transport_conns_in") == streams
        assert proxy.metric("transport_conns_out") == 0
    wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
               "the release")


def test_certificate_is_renewed_with_a_call_up(pinhole, tmp_path):
    """SIGHUP; the call goes on over the connections that it has."""
    net = pinhole.relay.net
    alice = phone(net, "first", "alice", "tls", PROXY1, None)
    bob = phone(net, "second", "bob", "tls", PROXY2, None)
    alice.wait_registered()
    bob.wait_registered()
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    certificate(tmp_path, PROXY1, PROXY2)
    for proxy in pinhole.proxy1, pinhole.proxy2:
        proxy.reload()
        proxy.wait_log("certificate read")
    alice.wait_heard(1)
    alice.hold()
    wait_until(lambda: "got SDP answer" in alice.log(), 10, "the hold")
    bob.hangup()
    alice.wait_event("CALL_CLOSED")
    for proxy in pinhole.proxy1, pinhole.proxy2:
        assert proxy.metric("transport_conns_in") == 1


def lose_power(net, host, phone):
    """End a phone so that nobody hears of it: no connection is closed."""
    net.exec(host, "nft", "add table inet dark; add chain inet dark out "
             "{ type filter hook output priority 0; }; add rule inet dark "
             "out meta oif eth0 tcp flags & (fin | rst) != 0 drop")
    phone.kill()


def test_phone_that_was_switched_off_and_on(pinhole, speech):
    """Its old connection, which nobody closed, is not what it is called on."""
    net = pinhole.relay.net
    first = phone(net, "second", "bob", "tcp", PROXY2, speech / "bob.wav")
    first.wait_registered()
    lose_power(net, "second", first)
    bob = phone(net, "second", "bob", "tcp", PROXY2, speech / "bob.wav")
    bob.wait_registered()
    assert pinhole.proxy2.metric("connections") == 2
    alice = phone(net, "first", "alice", "tcp", PROXY1, speech / "alice.wav")
    alice.wait_registered()
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    alice.hangup()
    bob.wait_event("CALL_CLOSED")

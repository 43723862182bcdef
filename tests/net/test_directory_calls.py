"""The real directory with users and static routes: challenged calls over two
proxies, and numbers that gateways take."""

import subprocess

import pytest

from calls import Site, hear_each_other, is_relay, offer_of
from support.daemons import BIN
from support.net import PROXY1, THIRD
from support.sip import UA
from support.sipmsg import uri_param

PASSWORD = "a good one"
NUMBER = "+4930123"
NAMES = ["alice1", "bob2"]


def add_user(daemon, name):
    done = subprocess.run(
        [BIN / "redirectd", "-c", daemon.conf_path, "user", "add",
         f"{name}@example.com"], input=PASSWORD + "\n", text=True,
        capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def site(net, tmp_path):
    """Users as `NAMES`, and two gateways for numbers."""
    s = Site(net, redirectd={
        "store": f"sqlite:{tmp_path}/directory.db", "auth": {},
        "routes": [f"+* sip:{THIRD}:5070 sip:{THIRD}:5072"]},
        proxyd={"gateways": [f"{THIRD}/32"]})
    for name in NAMES:
        add_user(s.redirect, name)
    s.redirect.restart()
    s.gateways = [UA(net, "third", NUMBER, port=p, proxy=PROXY1,
                     domain="carrier.example") for p in (5070, 5072)]
    yield s
    s.settled()
    s.healthy()


def call(caller, uri, callee, out, back):
    """A call that is challenged, up to its ACK; (call, leg)."""
    c = caller.invite(uri, offer_of(caller, out))
    c.authenticate(c.wait_status(407))
    leg = callee.incoming()
    leg.answer(offer_of(callee, back))
    ok = c.wait_status(200)
    c.ack()
    leg.wait_ack()
    assert leg.invite.get("Proxy-Authorization") is None
    near, far = ok.media[0][1:], leg.invite.media[0][1:]
    assert is_relay(near) and is_relay(far)
    hear_each_other(out, near, back, far)
    return c, leg


def test_call_over_two_proxies(site):
    alice = site.phone("first", "alice", password=PASSWORD)
    bob = site.phone("second", "bob", password=PASSWORD)
    assert [alice.user, bob.user] == NAMES
    c, leg = call(alice, bob.aor, bob, site.media(alice), site.media(bob))
    assert c.bye().status == 200
    leg.wait_request("BYE")
    assert site.proxy1.metric("credentials_kept") == 1
    assert site.proxy2.metric("credentials_kept") == 0


def test_number_over_the_second_gateway(site):
    alice = site.phone("first", "alice", password=PASSWORD)
    first, second = site.gateways
    second.host = "third"
    out, back = site.media(alice), site.media(second)
    c = alice.invite(f"sip:{NUMBER}@example.com", offer_of(alice, out))
    c.authenticate(c.wait_status(407))
    first.incoming().reject(503)
    leg = second.incoming()
    assert leg.invite.uri == f"sip:{NUMBER}@{THIRD}:5072"
    assert uri_param(leg.invite.uri, "ph-route") is None
    leg.reject(486)
    assert c.wait_final().status == 486
    assert site.proxy1.metric("routes_failed") == 1
    first.close()

    c, leg = call(alice, f"sip:{NUMBER}@example.com", second, out, back)
    assert c.bye().status == 200


def test_call_of_a_carrier(site):
    """It has no password here, and needs none."""
    alice = site.phone("first", "alice", password=PASSWORD)
    carrier = site.gateways[0]
    c = carrier.invite(alice.aor, offer_of(carrier))
    alice.incoming().reject(486)
    assert c.wait_final().status == 486

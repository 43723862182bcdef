"""A phone behind a NAT that forgets an idle mapping sooner than the phone
speaks again is called all the same: its proxy keeps the pinhole open."""

import pytest

from calls import Site, offer_of
from support.net import Net

NAT_FORGETS = 3  # seconds
KEEPALIVE = 1


@pytest.fixture
def site():
    with Net(udp_timeout=NAT_FORGETS) as net:
        site = Site(net, proxyd={"keepalive": KEEPALIVE})
        yield site
        site.leave()
        site.healthy()


def count(phone):
    return sum(m.is_keepalive for m in phone.received)


def test_idle_phone_is_called(site):
    bob, carol = site.phone("second", "bob"), site.phone("third", "carol")
    bob.wait_keepalive(2 * NAT_FORGETS // KEEPALIVE)
    call = carol.invite(bob.aor, offer_of(carol))
    leg = bob.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    site.settled()


def test_only_registered_clients_get_keepalives(site):
    bob, dave = site.phone("second", "bob"), site.phone("second17", "dave")
    bob.wait_keepalive()
    assert bob.unregister().status == 200
    assert [c["id"] for c in site.proxy2.api("clients")] == \
        [dave.aor.removeprefix("sip:")]
    before = count(dave), count(bob)
    dave.wait_keepalive(before[0] + 2)
    assert count(bob) == before[1]

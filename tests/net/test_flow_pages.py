"""Flows over connections (RFC 5626, RFC 7118): pages of a browser behind a NAT,
whose pinhole is their connection. It is kept by pings, shut at once when it
closes, and another flow or the page's return brings the calls that wait."""

import itertools

import pytest

from calls import Site, offer_of
from support.net import PROXY1, Net, wait_until
from support.websocket import PING, BrowserPhone

WS = (PROXY1, 8080)
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def there(can_net):
    with Net() as net:
        site = Site(net, proxyd={"keepalive": 1, "pinhole": {"wait": 5}})
        site.proxy1.restart({**site.proxy1.conf, "listen": [
            f"udp:{PROXY1}:5060", f"ws:{PROXY1}:8080"]})
        yield site


@pytest.fixture
def site(there):
    yield there
    there.leave()
    there.settled()
    there.healthy()


def page(site, user=None, instance=None, reg_id=1):
    """A page that keeps a flow, as JsSIP and SIP.js do."""
    phone = BrowserPhone(site.net, "first",
                         user or f"dave{next(_serial)}", WS)
    phone.host = "first"
    phone.instance = instance or f'"<urn:uuid:{phone.user}>"'
    site._here.append(phone)
    phone.ok = phone.register(
        contact=f"<{phone.contact_uri};ob>;+sip.instance={phone.instance}"
                f";reg-id={reg_id}",
        headers=[("Supported", "path, outbound")])
    assert phone.ok.status == 200
    return phone


def clients(site, phone):
    name = phone.aor.removeprefix("sip:")
    return [c for c in site.proxy1.api("clients") if c["id"] == name]


def close(site, phone):
    before = site.proxy1.metric("connections")
    phone.socket.break_off()
    site.proxy1.wait_metric("connections", lambda n: n < before)


def answered(call, leg):
    leg.reject(486)
    assert call.wait_final().status == 486


def test_an_idle_page_is_pinged_and_its_answer_heard(site):
    dave = page(site)
    assert dave.ok.get("Require") == "outbound"
    before = site.proxy1.metric("keepalives_answered")
    dave.socket.wait_frame(PING, count=2)
    site.proxy1.wait_metric("keepalives_answered", lambda n: n >= before + 2)


def test_a_call_to_a_closed_page_waits_for_it_to_be_opened_again(site):
    dave, bob = page(site), site.phone("second", "bob")
    close(site, dave)
    assert [c["marked"] for c in clients(site, dave)] == [True]
    call = bob.invite(dave.aor, offer_of(bob))
    site.proxy1.wait_metric("calls_held", lambda n: n == 1)
    again = page(site, dave.user, dave.instance)
    answered(call, again.incoming())
    assert [c["marked"] for c in clients(site, dave)] == [False]


def test_it_waits_no_longer_than_it_may(site):
    dave, bob = page(site), site.phone("second", "bob")
    close(site, dave)
    call = bob.invite(dave.aor, offer_of(bob))
    assert call.wait_status(182)
    assert call.wait_final().status == 480


def test_the_other_flow_is_called_at_once(site):
    one, bob = page(site), site.phone("second", "bob")
    other = page(site, one.user, one.instance, reg_id=2)
    assert len(clients(site, one)) == 2
    close(site, other)
    call = bob.invite(one.aor, offer_of(bob))
    answered(call, one.incoming())
    assert 182 not in [m.status for m in call.responses()]


def test_after_a_crash_a_call_waits_for_the_page_to_come_back(site):
    """Its connection went with the process; the page opens another one."""
    dave, bob = page(site), site.phone("second", "bob")
    site.proxy1.restart(kill=True)
    wait_until(lambda: clients(site, dave), 10, "the client recalled")
    assert [c["marked"] for c in clients(site, dave)] == [True]
    call = bob.invite(dave.aor, offer_of(bob))
    site.proxy1.wait_metric("calls_held", lambda n: n == 1)
    again = page(site, dave.user, dave.instance)
    answered(call, again.incoming())

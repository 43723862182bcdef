"""Phones that keep flows (RFC 5626): what they are told, and that a call goes
to one flow of a phone, and to another one where that is gone."""

import re

import pytest

from calls import Site, offer_of, seen_from
from support.net import PROXY1, PROXY2, Net, wait_until
from support.sipmsg import host_port, uri_of, uri_param
from test_registration import bindings

INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


@pytest.fixture(scope="module")
def deployed(can_net):
    with Net() as net:
        yield Site(net, proxyd={
            "keepalive": 1, "pinhole": {"method": "options", "missed": 2}})


@pytest.fixture
def site(deployed):
    yield deployed
    deployed.leave()
    deployed.settled()
    deployed.healthy()


def flow(site, reg_id, user=None, host="second", instance=INSTANCE,
         supported="path, outbound", **kw):
    """A flow of a phone: a socket of its own, the same instance."""
    ua = site.phone(host, "bob", register=False, **kw)
    ua.user = user or ua.user
    params = f";reg-id={reg_id}" if reg_id else ""
    times = [0, 0]
    while len(set(times)) < len(times):  # the latest is the best
        ua.ok = ua.register(
            contact=f"<{ua.contact_uri};ob>;+sip.instance={instance}{params}",
            headers=[("Supported", supported)])
        assert ua.ok.status == 200
        times = [b["registered_ms"] for b in bindings(site, ua)]
    return ua


def invites(phone):
    return phone.messages(lambda m: m.method == "INVITE")


def path(m):
    return [uri_of(p) for p in m.all("Path")]


def test_a_phone_that_offers_outbound_gets_it(site):
    bob = flow(site, 1)
    assert bob.ok.get("Require") == "outbound"
    assert int(bob.ok.get("Flow-Timer")) > 0
    one, = path(bob.ok)
    assert uri_param(one, "ob") == "" and uri_param(one, "lr") == ""
    assert host_port(one) == (PROXY2, 5060)
    assert re.match(r"sip:[0-9a-f]{40,}@", one)
    contact, = bob.ok.all("Contact")
    assert uri_of(contact) == bob.contact_uri + ";ob"
    assert "reg-id=1" in contact and INSTANCE in contact


@pytest.mark.parametrize("offer", [
    {"supported": "path"}, {"reg_id": 0}])
def test_others_do_not(site, offer):
    bob = flow(site, **{"reg_id": 1, **offer})
    assert bob.ok.get("Require") is None
    assert bob.ok.get("Flow-Timer") is None
    one, = path(bob.ok)
    assert "@" not in one and uri_param(one, "ob") is None


def test_a_call_goes_to_one_flow_of_the_phone(site):
    first = flow(site, 1)
    second = flow(site, 2, first.user)
    carol = site.phone("third", "carol")
    call = carol.invite(first.aor, offer_of(carol))
    second.incoming().reject(486)
    assert call.wait_final().status == 486
    assert not invites(first)


@pytest.mark.parametrize("proxy", [PROXY1, PROXY2])
def test_a_flow_that_failed_is_followed_by_the_other(site, proxy):
    """Over the same proxy, and over another one."""
    first = flow(site, 1, proxy=proxy)
    second = flow(site, 2, first.user)
    carol = site.phone("third", "carol")
    call = carol.invite(first.aor, offer_of(carol))
    second.incoming().reject(430)
    leg = first.incoming()
    routes = [host_port(uri_of(r)) for r in leg.invite.all("Record-Route")]
    assert len(routes) == len(set(routes))
    assert "ph-else" not in leg.invite.uri
    leg.ring()
    call.wait_status(180)
    leg.answer(offer_of(first))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    leg.wait_request("BYE")


@pytest.mark.parametrize("caller,proxy", [("third", PROXY2),
                                          ("first", PROXY2),
                                          ("first", PROXY1)])
def test_a_flow_that_is_silent_is_passed_over_at_once(site, caller, proxy):
    """Whoever calls, and whichever proxy has the other flow."""
    first = flow(site, 1, proxy=proxy)
    second = flow(site, 2, first.user)
    alice = site.phone(caller, "alice")
    at = seen_from(site.proxy2, second._register["call_id"], second,
                   "REGISTER")

    def entry():
        return next(c for c in site.proxy2.api("clients")
                    if host_port(c["channel"]) == at)
    second.wait_for(lambda: len(second.messages(
        lambda m: m.method == "OPTIONS")) >= 2, what="OPTIONS")
    second.auto_options = False
    wait_until(lambda: entry()["marked"], 10, "the mark")
    call = alice.invite(first.aor, offer_of(alice))
    first.incoming().reject(486)
    assert call.wait_final().status == 486
    assert 182 not in [m.status for m in call.responses()]
    assert not invites(second)


def test_a_phone_whose_flows_all_failed_is_unavailable(site):
    first = flow(site, 1)
    second = flow(site, 2, first.user)
    carol = site.phone("third", "carol")
    call = carol.invite(first.aor, offer_of(carol))
    second.incoming().reject(430)
    first.incoming().reject(430)
    assert call.wait_final().status == 480


def test_two_phones_are_two_instances(site):
    """Each keeps a binding of its own, whatever its flows."""
    one = flow(site, 1)
    flow(site, 1, one.user, host="second17", instance='"<urn:uuid:2>"')
    name = one.aor.removeprefix("sip:")
    assert len(site.redirect.api("clients", id=name)["bindings"]) == 2


def test_a_flow_token_is_for_its_phone_alone(site):
    bob = flow(site, 1)
    token, = path(bob.ok)
    carol = site.phone("third", "carol")
    for route, status in ((token, 403), (token.replace("sip:0", "sip:1"), 403)):
        m = carol.request("MESSAGE", bob.aor, headers=[("Route", f"<{route}>")])
        assert carol.final(m).status == status
    # its own phone may say where it goes out
    m = bob.request("MESSAGE", carol.aor, headers=[("Route", f"<{token}>")])
    assert bob.final(m).status == 200

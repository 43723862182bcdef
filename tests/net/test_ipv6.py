"""Signalling over IPv6: phones of IPv6 call phones of IPv4 behind NATs and are
called by them, on one proxy and across two, with media through the relay."""

import pytest

from calls import Site, establish, hear_each_other
from support.daemons import proxyd_conf
from support.dialect import Phones
from support.net import ADDRESS, PROXY1, PROXY2, RELAY
from support.sipmsg import sdp

NET6 = "2001:db8::"
ADDRESS6 = {"proxy1": NET6 + "1", "proxy2": NET6 + "2", "relay": NET6 + "4",
            "third": NET6 + "14", "stranger": NET6 + "66"}


@pytest.fixture
def site(net):
    """The usual deployment; proxies and relay have IPv6 addresses too."""
    for host, ip in ADDRESS6.items():
        net.address(host, ip + "/64")
    site = Site(net, relayd={"media": {"address": [RELAY, ADDRESS6["relay"]],
                                       "ports": [30000, 30999]}})
    for host, proxy in ("proxy1", site.proxy1), ("proxy2", site.proxy2):
        proxy.restart(proxyd_conf(host, listen=[
            f"udp:{ADDRESS[host]}:5060", f"udp:[{ADDRESS6[host]}]:5060"]))
    yield site
    site.settled()
    site.healthy()


def phone6(site, host, name, proxy):
    """A phone that has an IPv6 address and no other."""
    return site.phone(host, name, proxy=(ADDRESS6[proxy], 5060),
                      address=ADDRESS6[host])


def pair(site, shape):
    """(phone, its media) of the caller and of the callee."""
    made = []
    for word in shape.split("-"):
        family, proxy = word[0], "proxy" + word[1]
        if family == "6":
            host = "third" if not made else "stranger"
            ua = phone6(site, host, "six", proxy)
            media = Phones(site.net).media(host, ua.ip, 20000)
        else:
            host = "first" if proxy == "proxy1" else "second"
            ua = site.phone(host, "four", proxy=ADDRESS[proxy])
            media = site.media(ua)
        made.append((ua, media))
    return made


def served(ua):
    """The relay's address for this phone."""
    return ADDRESS6["relay"] if ":" in ua.ip else RELAY


def sdp_of(ua, media):
    return sdp(ua.ip, ("audio", media.port))


MIXED = ["61-42", "42-61", "61-41", "41-61"]


@pytest.mark.parametrize("shape", MIXED)
def test_call_between_the_families(site, shape):
    """Each is told addresses of its own family alone, in the signalling as in
    the SDP; called, heard, held, heard again, hung up by the callee."""
    (alice, out), (bob, back) = pair(site, shape)
    talk = establish(alice, bob, sdp_of(alice, out), sdp_of(bob, back))
    near, far = talk.near[0], talk.far[0]
    assert (near[0], far[0]) == (served(alice), served(bob))
    for ua, routes in ((alice, talk.call.routes), (bob, talk.leg.routes)):
        assert ("[" in routes[0]) == (":" in ua.ip)
    hear_each_other(out, near, back, far)
    for one, other in (talk.call, talk.leg), (talk.leg, talk.call):
        mine, its = (out, back) if one is talk.call else (back, out)
        one.reinvite(sdp_of(one.ua, mine))
        asked = other.wait_reinvite()
        assert asked.media[0][1:] == (far if other is talk.leg else near)
        other.answer(sdp_of(other.ua, its))
        ok = one.wait_status(200)
        assert ok.media[0][1:] == (near if one is talk.call else far)
        one.ack()
        other.wait_ack()
    hear_each_other(out, near, back, far)
    assert talk.leg.bye().status == 200
    talk.call.wait_request("BYE")


@pytest.mark.parametrize("shape", ["61-61", "61-62"])
def test_call_within_ipv6(site, shape):
    """Two phones that reach each other need no relay, here too."""
    (alice, out), (bob, back) = pair(site, shape)
    talk = establish(alice, bob, sdp_of(alice, out), sdp_of(bob, back))
    assert talk.leg.invite.body.decode() == talk.call.invite.body.decode()
    assert all("[" in r for r in talk.leg.invite.all("Record-Route")[:1])
    talk.hang_up()
    assert site.relay.metric("sessions_opened") == 0


@pytest.mark.parametrize("shape", MIXED)
def test_late_offer_between_the_families(site, shape):
    (alice, out), (bob, back) = pair(site, shape)
    call = alice.invite(bob.aor)
    leg = bob.incoming()
    leg.answer(sdp_of(bob, back))
    near = call.wait_status(200).media[0][1:]
    call.ack(sdp_of(alice, out))
    far = leg.wait_ack().media[0][1:]
    assert (near[0], far[0]) == (served(alice), served(bob))
    hear_each_other(out, near, back, far)
    assert call.bye().status == 200
    leg.wait_request("BYE")


@pytest.mark.parametrize("shape", MIXED)
@pytest.mark.parametrize("end", ["cancelled", "busy"])
def test_no_call_between_the_families(site, shape, end):
    """Nothing is left at the relay of a call that is not taken."""
    (alice, out), (bob, _) = pair(site, shape)
    call = alice.invite(bob.aor, sdp_of(alice, out))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    if end == "busy":
        leg.reject(486)
        call.wait_status(486)
    else:
        call.cancel()
        call.wait_status(487)
        leg.wait_request("CANCEL")


@pytest.mark.parametrize("shape", MIXED)
def test_requests_between_the_families(site, shape):
    """Outside a call; the REGISTER of pair() was answered over IPv6, too."""
    (alice, _), (bob, _) = pair(site, shape)
    assert alice.transact("MESSAGE", bob.aor,
                          headers=[("Content-Type", "text/plain")],
                          body="hello").status == 200
    assert bob.transact("OPTIONS", alice.aor).status == 200
    assert alice.register().get("Contact").startswith(
        f"<{alice.contact_uri}>")


@pytest.mark.parametrize("end", ["bye", "reinvite"])
def test_a_proxy_restarted_in_between(site, end):
    """What it has to know of a call between the families comes back."""
    (alice, out), (bob, back) = pair(site, "42-61")
    talk = establish(alice, bob, sdp_of(alice, out), sdp_of(bob, back))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    for proxy in site.proxy1, site.proxy2:
        proxy.restart(kill=True)
    if end == "reinvite":
        talk.leg.reinvite(sdp_of(bob, back))
        asked = talk.call.wait_reinvite()
        talk.call.answer(sdp_of(alice, out))
        ok = talk.leg.wait_status(200)
        talk.leg.ack()
        talk.call.wait_ack()
        assert (asked.media[0][1:], ok.media[0][1:]) == \
            (talk.near[0], talk.far[0])
        hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()

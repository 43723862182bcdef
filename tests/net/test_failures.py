"""A daemon that is killed, stopped, restarted or not there: calls that were up
go on, calls that come get a clean answer in time, nothing is left behind."""

import os
import signal

import pytest

from calls import offer_of
from robust import deploy, hang_up, paused, reoffer, ringing, \
    talking  # noqa: F401
from support.daemons import Daemon, relayd_conf
from support.net import REDIRECT, RELAY, THIRD
from support.sipmsg import sdp, uri_of, uri_param

SOON = 4  # seconds within which a caller is owed an answer
PROXIES = [pytest.param(["proxy1"], id="callers"),
           pytest.param(["proxy2"], id="callees"),
           pytest.param(["proxy1", "proxy2"], id="both")]
SIDES = pytest.mark.parametrize("side", ["caller", "callee"])


def crash(site, names):
    for name in names:
        site.pinhole.all[name].restart(kill=True)


def in_order(sides, side):
    """The one who acts first."""
    return sides if side == "caller" else tuple(reversed(sides))


# A proxy crashes while a call is up.

@SIDES
@pytest.mark.parametrize("names", PROXIES)
def test_proxy_killed_mid_call_handles_bye(deploy, names, side):
    site = deploy()
    one, other = in_order(talking(*site.pair()), side)
    crash(site, names)
    assert site.relay.metric("sessions") == 1
    hang_up(one, other)
    site.settled()
    assert site.relay.metric("sessions_released") == 1
    site.unhurt()


@SIDES
@pytest.mark.parametrize("names", PROXIES)
def test_proxy_killed_mid_call_handles_reinvite(deploy, names, side):
    """New media ports after the restart: both still are sent to the relay,
    which takes over the new ones, and the call still ends cleanly."""
    site = deploy()
    one, other = in_order(talking(*site.pair()), side)
    crash(site, names)
    asked, answered = reoffer(one, other, 21000)
    assert asked == answered
    (_, ip, port), = asked
    assert ip == RELAY and 30000 <= port <= 30999
    assert site.relay.metric("sessions") == 1
    hang_up(other, one)
    site.settled()


def test_media_flows_on_through_the_crash_of_both_proxies(deploy):
    """They are not in its path; and after a re-INVITE it goes to the new
    ports."""
    site = deploy()
    alice, bob = site.pair()
    out, back, new = site.media(alice), site.media(bob), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.answer(offer_of(bob, back))
    (_, ip, port), = call.wait_status(200).media
    call.ack()
    leg.wait_ack()
    out.start((ip, port))
    back.start((ip, port))
    back.wait_packets(10, out.ssrc)
    out.wait_packets(10, back.ssrc)
    site.proxy1.kill()
    site.proxy2.kill()
    back.wait_packets(20, out.ssrc, after=len(back.received))
    out.wait_packets(20, back.ssrc, after=len(out.received))
    site.proxy1.start()
    site.proxy2.start()
    back.stop()
    leg.reinvite(offer_of(bob, new))
    call.wait_reinvite()
    call.answer(offer_of(alice, out))
    leg.wait_status(200)
    leg.ack()
    new.start((ip, port))
    new.wait_packets(20, out.ssrc)
    out.wait_packets(20, new.ssrc)
    out.stop()
    new.stop()
    hang_up(call, leg)
    site.settled()


def test_late_offer_after_the_restart(deploy):
    """A re-INVITE without SDP: the offer travels in the 200, the answer in
    the ACK, through proxies that never saw the call."""
    site = deploy()
    call, leg = talking(*site.pair())
    crash(site, ["proxy1", "proxy2"])
    call.reinvite(None)
    leg.wait_reinvite()
    leg.answer(sdp(leg.ua.ip, ("audio", 21002)))
    (_, offered, _), = call.wait_status(200).media
    call.ack(sdp(call.ua.ip, ("audio", 21000)))
    (_, answered, _), = leg.wait_ack().media
    assert (offered, answered) == (RELAY, RELAY)
    hang_up(leg, call)
    site.settled()


def test_proxy_killed_while_ringing(deploy):
    """The caller's repeated INVITE meets a proxy that knows nothing of it; it
    hangs up, calls again, and that call is a call."""
    site = deploy(relayd={"session": {"setup": 3}})
    alice, bob = site.pair()
    ringing(alice, bob)
    crash(site, ["proxy1"])
    hang_up(*talking(alice, bob))
    site.settled()
    site.unhurt()


# A planned restart.

@pytest.mark.parametrize("names", PROXIES)
def test_sigterm_mid_call(deploy, names):
    """Prompt, with exit status 0, and the call survives it."""
    site = deploy()
    call, leg = talking(*site.pair())
    for name in names:
        assert site.pinhole.all[name].terminate(timeout=5) == 0
        site.pinhole.all[name].start()
    reoffer(leg, call, 21000)
    hang_up(call, leg)
    site.settled()


def test_sigterm_while_ringing(deploy):
    """A proxy that has to leave takes unanswered calls off the relay, and
    says so to the caller."""
    site = deploy()
    call, leg = ringing(*site.pair())
    assert site.proxy1.terminate(timeout=10) == 0
    assert call.wait_final().status in (487, 500, 503)
    site.relay.wait_metric("sessions", lambda n: n == 0)


def test_second_sigterm_ends_at_once(deploy):
    site = deploy()
    ringing(*site.pair())
    site.proxy1.signal(signal.SIGTERM)
    site.proxy1.wait_log("draining")
    assert site.proxy1.terminate(timeout=2) == 0


def test_sigterm_of_relayd_and_redirectd(deploy):
    site = deploy(relayd={"drain": 1})
    talking(*site.pair())
    assert site.relay.terminate(timeout=5) == 0
    assert site.redirect.terminate(timeout=5) == 0
    assert "level=error" not in site.relay.log() + site.redirect.log()


def test_draining_relayd_takes_no_new_calls(deploy):
    site = deploy(relayd={"drain": 8})
    alice, bob = site.pair()
    call, leg = talking(alice, bob)
    site.relay.signal(signal.SIGTERM)
    site.relay.wait_log("draining")
    late = alice.invite(bob.aor, offer_of(alice))
    assert late.wait_final(timeout=SOON).status == 503
    hang_up(call, leg)
    assert site.relay.proc.wait(5) == 0


# A daemon that is not there when the call comes.

def down(site, how, daemon):
    """A context in which a daemon is dead, or alive and silent."""
    if how == "silent":
        return paused(daemon)
    daemon.kill()
    return open(os.devnull)


HOW = pytest.mark.parametrize("how", ["dead", "silent"])


@HOW
@pytest.mark.parametrize("who", ["relay", "redirect"])
def test_call_without(deploy, who, how):
    """503 in time for the caller, never silence; and when the daemon is back
    so are the calls."""
    site = deploy(redirectd={"expires": {"min": 1}})
    alice, bob = site.pair()
    daemon = site.pinhole.all[who]
    with down(site, how, daemon):
        call = alice.invite(bob.aor, offer_of(alice))
        assert call.wait_final(timeout=SOON).status == 503
        assert call.wait_final().get("Retry-After")
    if how == "dead":
        daemon.start()
        assert alice.register().status == bob.register().status == 200
    hang_up(*talking(alice, bob))
    site.settled()


@HOW
def test_call_from_outside_without_relay(deploy, how):
    """The relay is asked for on the callee's side."""
    site = deploy()
    carol = site.phone("third", "carol")
    bob = site.phone("first", "bob")
    with down(site, how, site.relay):
        call = carol.invite(bob.aor, offer_of(carol))
        assert call.wait_final(timeout=SOON).status == 503


@HOW
def test_register_without_redirectd(deploy, how):
    site = deploy()
    alice = site.phone("first", "alice", register=False)
    with down(site, how, site.redirect):
        assert alice.register(timeout=SOON).status == 503
    if how == "dead":
        site.redirect.start()
    assert alice.register().status == 200


def test_both_relayd_and_redirectd_down(deploy):
    site = deploy()
    alice, bob = site.pair()
    with paused(site.relay), paused(site.redirect):
        call = alice.invite(bob.aor, offer_of(alice))
        assert call.wait_final(timeout=SOON).status == 503
    site.settled()


def first_refused(site, alice, bob):
    """Calls, until one had a relay that is down as its first choice; every
    one of them comes about."""
    for _ in range(20):
        hang_up(*talking(alice, bob))
        if site.proxy1.metric("relay_refused"):
            return
    raise AssertionError("20 calls, and none tried the dead relay first")


def test_second_relay_is_used_when_the_first_is_down(deploy):
    site = deploy(proxyd={"relays": [f"{THIRD}:5060", f"{RELAY}:5060"]})
    first_refused(site, *site.pair())
    site.settled()
    site.unhurt()


def test_late_offer_while_its_relay_is_down(deploy, net):
    """The route names a relay that is silent by the time the offer comes in
    the 200: another one serves the call, and is released by it."""
    site = deploy(proxyd={"relays": [f"{THIRD}:5060", f"{RELAY}:5060"]})
    other = Daemon(net, "third", "relayd", relayd_conf(
        listen=[f"udp:{THIRD}:5060"],
        media={"address": THIRD, "ports": [31000, 31999]}))
    alice, bob = site.pair()
    call = alice.invite(bob.aor)
    leg = bob.incoming()
    chosen = next(uri_param(uri_of(r), "ph-relay")
                  for r in leg.invite.all("Record-Route")
                  if "ph-relay" in r)
    down, up, ip = (other, site.relay, RELAY) if THIRD in chosen \
        else (site.relay, other, THIRD)
    with paused(down):
        leg.answer(offer_of(bob))
        assert call.wait_status(200).media[0][1] == ip
        call.ack(offer_of(alice))
        assert leg.wait_ack().media[0][1] == ip
        assert up.metric("sessions") == 1
        asked, answered = reoffer(leg, call, 21000)
        assert asked[0][1] == answered[0][1] == ip
        hang_up(call, leg)
        up.wait_metric("sessions", lambda n: n == 0)
    down.wait_metric("sessions", lambda n: n == 0)


def test_second_redirectd_is_used_when_the_first_is_down(deploy):
    site = deploy(proxyd={"redirect": [f"{THIRD}:5060", f"{REDIRECT}:5060"]})
    hang_up(*talking(*site.pair()))
    site.settled()
    assert site.proxy1.metric("redirect_failed") > 0


def test_two_relays_share_the_calls(deploy, net):
    """And a call stays with its own while the other is restarted."""
    site = deploy(proxyd={"relays": [f"{THIRD}:5060", f"{RELAY}:5060"]})
    other = Daemon(net, "third", "relayd", relayd_conf(
        listen=[f"udp:{THIRD}:5060"],
        media={"address": THIRD, "ports": [31000, 31999]}))
    alice, bob = site.pair()
    for _ in range(20):
        call, leg = talking(alice, bob)
        (_, ip, _), = call.responses()[-1].media
        assert ip in (RELAY, THIRD)
        if ip == THIRD:
            break
        hang_up(call, leg)
    assert other.metric("sessions") == 1
    assert site.relay.metric("sessions") == 0
    site.relay.restart(kill=True)
    crash(site, ["proxy1"])
    asked, answered = reoffer(call, leg, 21000)
    assert asked[0][1] == answered[0][1] == THIRD
    hang_up(leg, call)
    other.wait_metric("sessions", lambda n: n == 0)


# A daemon that is lost while a call is up.

def test_relayd_killed_mid_call(deploy):
    """The call's signalling does not depend on it: BYE is answered."""
    site = deploy()
    call, leg = talking(*site.pair())
    site.relay.kill()
    hang_up(call, leg)
    for proxy in (site.proxy1, site.proxy2):
        proxy.wait_metric("sessions", lambda n: n == 0)


def test_relayd_restarted_mid_call(deploy):
    """It has forgotten the session; a re-INVITE gets a new resource."""
    site = deploy()
    call, leg = talking(*site.pair())
    site.relay.restart(kill=True)
    asked, answered = reoffer(call, leg, 21000)
    assert asked[0][1] == answered[0][1] == RELAY
    assert site.relay.metric("sessions") == 1
    hang_up(leg, call)
    site.settled()


def test_redirectd_killed_mid_call(deploy):
    """Nobody needs the directory within a dialog."""
    site = deploy()
    call, leg = talking(*site.pair())
    site.redirect.kill()
    reoffer(call, leg, 21000)
    hang_up(leg, call)
    site.relay.wait_metric("sessions", lambda n: n == 0)


def test_callees_proxy_killed_before_bye(deploy):
    """The BYE goes to a proxy that is gone and comes back while the phone
    repeats it."""
    site = deploy()
    call, leg = talking(*site.pair())
    site.proxy2.kill()
    bye = call.request("BYE")
    site.proxy1.wait_metric("requests_open", lambda n: n > 0)
    site.proxy2.start()
    assert call.ua.final(bye).status == 200
    leg.wait_request("BYE")
    site.settled()


def test_phones_are_found_after_a_restart_of_their_proxy(deploy):
    """The NAT client table is gone, the registration is not: a call to the
    phone still arrives."""
    site = deploy()
    alice, bob = site.pair()
    crash(site, ["proxy1", "proxy2"])
    hang_up(*talking(alice, bob))
    hang_up(*talking(bob, alice))
    site.settled()

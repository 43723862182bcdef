"""A relay resource is given back however a call ends. Looked at through what
the daemons show of themselves: sessions, streams, ports, requests."""

import itertools

import pytest

from calls import offer_of
from robust import deploy, deploy_behind_patient_nats, hang_up, \
    own_memory, paused, ringing, talking  # noqa: F401
from support.net import wait_until
from support.sipmsg import sdp

SLACK = 128 << 10  # of pages that a heap has touched by chance


def ports(site):
    relay = site.relay.metrics()
    return relay["relayd_ports_free"], relay["relayd_ports_quarantined"]


def released(site, how="sessions_released"):
    """Nothing is held, every port is accounted for, and relayd ended each
    session the way it should have."""
    site.settled()
    assert sum(ports(site)) == 500
    opened = site.relay.metric("sessions_opened")
    assert opened > 0
    assert site.relay.metric(how) == opened
    site.unhurt()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_bye(deploy, side):
    site = deploy()
    sides = talking(*site.pair())
    assert site.relay.metric("sessions") == 1
    assert site.relay.metric("streams") == 1
    assert ports(site) == (499, 0)
    hang_up(*(sides if side == "caller" else reversed(sides)))
    released(site)
    assert ports(site) == (499, 1)


def test_bye_from_both_sides_at_once(deploy):
    site = deploy()
    call, leg = talking(*site.pair())
    one, other = call.request("BYE"), leg.request("BYE")
    assert call.ua.final(one).status in (200, 481)
    assert leg.ua.final(other).status in (200, 481)
    released(site)


def test_bye_that_the_other_side_does_not_know(deploy):
    site = deploy()
    alice, bob = site.pair()
    call, leg = talking(alice, bob)
    del bob.calls[leg.invite.call_id]
    assert call.bye().status == 481
    released(site)


@pytest.mark.parametrize("status", [302, 404, 480, 486, 488, 500, 503, 603])
def test_failure_response(deploy, status):
    site = deploy()
    alice, bob = site.pair()
    call, leg = ringing(alice, bob)
    leg.reject(status)
    assert call.wait_final().status >= 300
    released(site)


def test_callee_not_there(deploy):
    """The resource is asked for beside the query that then fails."""
    site = deploy()
    alice = site.phone("first", "alice")
    for user in ("nobody", "nobody2", "nobody3"):
        call = alice.invite(f"sip:{user}@example.com", sdp(alice.ip))
        assert call.wait_final().status == 404
    released(site)


def test_cancel_while_ringing(deploy):
    site = deploy()
    call, leg = ringing(*site.pair())
    assert call.ua.final(call.cancel()).status == 200
    leg.wait_request("CANCEL")
    assert call.wait_final().status == 487
    released(site)


def test_cancel_before_anything_came_back(deploy):
    site = deploy()
    alice, bob = site.pair()
    with paused(site.redirect):
        call = alice.invite(bob.aor, sdp(alice.ip))
        site.proxy1.wait_metric("requests_open", lambda n: n == 1)
        assert alice.final(call.cancel()).status == 200
        assert call.wait_final().status == 487
    released(site)


def test_cancel_while_relayd_thinks(deploy):
    """It grants what nobody waits for any more."""
    site = deploy()
    alice, bob = site.pair()
    with paused(site.relay):
        call = alice.invite(bob.aor, sdp(alice.ip))
        site.proxy1.wait_metric("relay_requests", lambda n: n == 1)
        assert alice.final(call.cancel()).status == 200
        assert call.wait_final().status == 487
    site.relay.wait_metric("sessions_opened", lambda n: n == 1)
    released(site)


def test_cancel_crosses_the_answer(deploy):
    """The callee answers before the CANCEL has reached it. The caller takes
    the call and ends it, as RFC 3261 15 has it."""
    site = deploy()
    alice, bob = site.pair()
    call, leg = ringing(alice, bob)
    with bob._changed:  # its thread reads nothing meanwhile
        cancel = call.cancel()
        assert alice.final(cancel).status == 200
        leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert site.relay.metric("sessions") == 1
    hang_up(call, leg)
    released(site)


def test_cancel_after_the_answer(deploy):
    site = deploy()
    call, leg = talking(*site.pair())
    assert call.ua.final(call.cancel()).status == 200
    assert not leg.requests("CANCEL")
    assert site.relay.metric("sessions") == 1
    hang_up(call, leg)
    released(site)


def test_callee_never_answers(deploy_behind_patient_nats):
    """Its phone is gone but registered: after the 32 seconds of Timer B the
    caller is told, and the ports come back."""
    site = deploy_behind_patient_nats()
    alice, bob = site.pair()
    bob.close()
    call = alice.invite(bob.aor, sdp(alice.ip))
    assert call.wait_final(timeout=40).status == 408
    released(site)


def test_relay_that_answers_too_late(deploy):
    """The caller has been told 503; what relayd granted afterwards, for the
    INVITE that it had in its queue, is given back at once."""
    site = deploy()
    alice, bob = site.pair()
    with paused(site.relay):
        call = alice.invite(bob.aor, sdp(alice.ip))
        assert call.wait_final(timeout=4).status == 503
    site.relay.wait_metric("sessions_opened", lambda n: n == 1)
    released(site)


@pytest.mark.parametrize("when", ["ringing", "talking"])
def test_phones_vanish(deploy, when):
    """Nobody says anything any more: relayd's own expiry."""
    site = deploy(relayd={"session": {"idle": 2, "setup": 2}})
    alice, bob = site.pair()
    (ringing if when == "ringing" else talking)(alice, bob)
    alice.close()
    bob.close()
    site.relay.wait_metric("sessions_expired", lambda n: n == 1)
    assert site.relay.metric("sessions") == 0
    assert site.relay.metric("streams") == 0
    assert sum(ports(site)) == 500
    site.unhurt()


@pytest.mark.parametrize("when", ["ringing", "talking"])
def test_proxies_vanish_and_nobody_says_bye(deploy, when):
    site = deploy(relayd={"session": {"idle": 2, "setup": 2}})
    (ringing if when == "ringing" else talking)(*site.pair())
    assert site.relay.metric("sessions") == 1
    site.proxy1.kill()
    site.proxy2.kill()
    site.relay.wait_metric("sessions_expired", lambda n: n == 1)
    assert site.relay.metric("sessions") == 0
    assert sum(ports(site)) == 500


def test_media_keeps_a_silent_dialog_alive(deploy):
    """Idle means without packets: a call outlives the expiry by far."""
    site = deploy(relayd={"session": {"idle": 1, "setup": 1}})
    alice, bob = site.pair()
    out = site.media(alice)
    call, leg = talking(alice, bob)
    (_, ip, port), = call.responses()[-1].media
    out.start((ip, port))
    wait_until(lambda: out.sent >= 150, 10, "three seconds of speech")
    assert site.relay.metric("sessions") == 1
    out.stop()
    site.relay.wait_metric("sessions_expired", lambda n: n == 1)


# 200 calls in a row.

def answered(alice, bob):
    hang_up(*talking(alice, bob))


def answered_and_ended_by_callee(alice, bob):
    hang_up(*reversed(talking(alice, bob)))


def cancelled(alice, bob):
    call, leg = ringing(alice, bob)
    call.cancel()
    assert call.wait_final().status == 487


def busy(alice, bob):
    call, leg = ringing(alice, bob)
    leg.reject(486)
    assert call.wait_final().status == 486


def unknown(alice, bob):
    call = alice.invite("sip:nobody@example.com", sdp(alice.ip))
    assert call.wait_final().status == 404


# Questions to the relay, one in 2 s, are remembered for 5 s (Timer K).
HEALTH = 4

KINDS = (answered, answered_and_ended_by_callee, cancelled, busy, unknown)


def make_calls(site, pair, count):
    """So many, one after the other, of all kinds; back when the transactions
    they left are gone too. What each daemon then has in memory."""
    for kind, _ in zip(itertools.cycle(KINDS), range(count)):
        kind(*pair)
        for phone in pair:
            with phone._changed:
                phone.received.clear()
                phone.calls.clear()
    site.settled()
    for proxy in (site.proxy1, site.proxy2):
        proxy.wait_metric("requests_open", lambda n: n == 0, timeout=40)
        proxy.wait_metric("transactions", lambda n: n <= HEALTH, timeout=40)
    return {name: own_memory(d) for name, d in site.pinhole.all.items()}


def test_200_calls_leave_nothing(deploy_behind_patient_nats):
    """No resource, no session, no request, no transaction; and the second
    hundred needs no more memory than the first had. The call trace, which is
    meant to grow to its bound, is full long before; a finished INVITE
    transaction stays for 32 seconds (RFC 3261 17), so that is waited for."""
    few = {"trace": {"calls": 10}}
    site = deploy_behind_patient_nats(proxyd=few, redirectd=few, relayd=few)
    pair = site.pair()
    first = make_calls(site, pair, 100)
    second = make_calls(site, pair, 100)
    for name in first:
        assert second[name] <= first[name] + SLACK, (name, first, second)
    assert site.proxy1.metric("calls") == 200
    released(site)

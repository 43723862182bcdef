"""One daemon after the other is killed while calls are up: those go on, others
begin, and what was killed is back by itself or when it is started again."""

import contextlib

import pytest

from containers import Program
from support.net import PROXY2, wait_until
from support.sip import UA

CRASHING = ("proxyd1", "redirectd1", "redis", "relayd")


@contextlib.contextmanager
def killed(site, service):
    """It is dead, and stays so; then it is started again."""
    container = site.container(service)
    site.engine.docker("kill", container)
    assert site.containers(service) == []
    try:
        yield
    finally:
        site.engine.docker("start", container)
        site.wait_healthy(service)


def test_proxyd_killed(site, phoning):
    """The caller's: media does not pass it, its phones can be served by the
    other one, and it ends a call that it never saw."""
    talk = phoning.call("first", "second")
    with killed(site, "proxyd1"):
        listening = talk.listen()
        other = phoning.call("first", "third", proxy=PROXY2)
        other.still_heard()
        listening.check()
        other.hang_up()
    talk.hang_up()


@pytest.fixture
def neighbours(phoning):
    """Phones that have registered, and are known, before anything happens."""
    return phoning.phone("first", "alice"), phoning.phone("third", "bob")


def test_redirectd_killed(site, phoning, neighbours):
    """The other one knows as much, and is asked at once."""
    talk = phoning.call("first", "second")
    with killed(site, "redirectd1"):
        listening = talk.listen()
        known = phoning.ring_up(*neighbours)
        new = phoning.call("first", "third")
        known.still_heard()
        new.still_heard()
        listening.check()
        known.hang_up()
        new.hang_up()
    talk.hang_up()


def test_redis_killed(site, phoning, neighbours):
    """Who was called before is called all the same; who comes is told the
    truth, and is taken when Redis is back. It has not forgotten anybody."""
    phoning.ring_up(*neighbours).hang_up()
    talk = phoning.call("first", "second")
    late = phoning.own(UA(site, "third", "late", PROXY2, port=7000))
    with killed(site, "redis"):
        listening = talk.listen()
        known = phoning.ring_up(*neighbours)
        assert late.register().status == 503
        known.still_heard()
        listening.check()
        known.hang_up()
    for redirect in ("redirectd1", "redirectd2"):
        Program(site, redirect).wait_metric("store_up", bool, 30)
    wait_until(lambda: late.register().status == 200, 30, "a registration",
               interval=0.5)
    phoning.ring_up(*neighbours).hang_up()
    talk.hang_up()


def on_both_relays(phoning):
    """Two calls, on two relays."""
    first = phoning.call("first", "second")
    for _ in range(12):
        call = phoning.call("first", "third")
        if phoning.relay_of(call) != phoning.relay_of(first):
            return first, call
        call.hang_up()
    raise AssertionError("all calls are on one relay")


def test_relayd_killed(site, phoning):
    """Its calls are silent from then on, and are hung up as any other; those
    of the other relay do not notice, and nor does who calls then."""
    phoning.scale(2)
    dead, alive = on_both_relays(phoning)
    victim = phoning.relay_of(dead)
    container = phoning.container(victim)
    site.engine.docker("kill", container)
    listening = alive.listen()
    one, other = phoning.scripted("first"), phoning.scripted("third")
    calls = phoning.scripted_calls(one, other, 12)
    assert victim not in {c.relay for c in calls}
    listening.check()
    for call in (*calls, dead, alive):
        call.hang_up()
    site.engine.docker("start", container)
    phoning.scale(2)


def restarts(site):
    return {s: site.inspect(s)["RestartCount"] for s in CRASHING}


def test_what_crashes_is_back_by_itself(site, phoning):
    """All at once, too."""
    before = restarts(site)
    for service in CRASHING:
        site.crash(service)
    wait_until(lambda: all(n > before[s] for s, n in restarts(site).items()),
               30, lambda: f"new processes: {restarts(site)}", interval=0.2)
    site.wait_healthy(*CRASHING)
    phoning.wait_pool(phoning.relays())
    call = phoning.call("first", "second")
    call.still_heard()
    call.hang_up()

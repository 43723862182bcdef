"""Deployments that are hurt on purpose: every test gets one of its own."""

import contextlib
import os
import re
import signal

import pytest

from calls import Site, establish, offer_of
from support.net import Net, wait_until
from support.sipmsg import sdp

# What has no place in a log: the cries of sanitizers, where the daemons were
# built with them, and of the daemons themselves.
CRIES = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error|Assertion"
                   r"|level=error|handle left open")


class Deployment(Site):
    """The usual deployment; Deployment(net, relayd={…}) with other keys."""

    def pair(self):
        """Two registered phones, each behind its own NAT."""
        return self.phone("first", "alice"), self.phone("second", "bob")

    def unhurt(self):
        """All daemons run, and have nothing to complain about."""
        for daemon in self.pinhole.all.values():
            assert daemon.proc.poll() is None, daemon.log()
            assert not CRIES.search(daemon.log()), daemon.log()


@pytest.fixture
def deploy(net):
    return lambda **changes: Deployment(net, **changes)


@pytest.fixture
def deploy_behind_patient_nats(can_net):
    """The same where the NATs keep a silent pinhole open for minutes."""
    with Net(udp_timeout=300) as net:
        yield lambda **changes: Deployment(net, **changes)


def ringing(alice, bob):
    """A call up to its 180; the caller's side and the callee's."""
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    return call, leg


def talking(alice, bob):
    """An answered call; the caller's side and the callee's."""
    talk = establish(alice, bob)
    return talk.call, talk.leg


def hang_up(one, other):
    """One side ends the call, the other is told."""
    assert one.bye().status == 200
    other.wait_request("BYE")


def reoffer(one, other, port):
    """A re-INVITE with another media port, answered with another. What each
    side was told of the other's media."""
    one.reinvite(sdp(one.ua.ip, ("audio", port)))
    asked = other.wait_reinvite()
    other.answer(sdp(other.ua.ip, ("audio", port + 2)))
    ok = one.wait_status(200)
    one.ack()
    other.wait_ack()
    return asked.media, ok.media


@contextlib.contextmanager
def paused(daemon):
    """Neither dead nor alive: it says nothing, and the kernel keeps for it
    what comes."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: _status(daemon)["State"][0] == "T", 5, "a stop")
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def _status(daemon):
    with open(f"/proc/{daemon.pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)


def own_memory(daemon):
    """Resident bytes that are no file's: heap and stack."""
    return int(_status(daemon)["RssAnon"].split()[0]) * 1024

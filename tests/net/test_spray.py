"""Strangers who spray the media ports before, at the start of and during calls
get nothing into them and hear nothing of them: not one packet."""

import pytest

from calls import Deployment, Site, deployed, establish, hear_each_other, \
    offer_of, site  # noqa: F401
from spray import FEW_PORTS, Spray, scan, stream
from support.net import Net, wait_until
from support.rtp import build

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]
SPOOFED = b"\x7f" * 160


class FewPorts(Deployment):
    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net, relayd=FEW_PORTS)
        return self.site


@pytest.fixture(scope="module")
def deployed(can_net):  # noqa: F811
    deployment = FewPorts()
    yield deployment
    deployment.discard()


def turns(spray, n=5):
    """Until all ports have been hit n times more."""
    until = spray.turns + n
    wait_until(lambda: spray.turns >= until, 20, "all ports hit")


def heard_only(one, other):
    """Nobody but each other."""
    for media, peer in ((one, other), (other, one)):
        assert {p.ssrc for p in media.packets()} == {peer.ssrc}
        assert all(p.raw == build(p.ssrc, p.seq) for p in media.packets())


@pytest.mark.parametrize("packet", [stream, scan])
@pytest.mark.parametrize("caller, callee", SHAPES)
def test_from_the_internet(site, caller, callee, packet):
    """A stream of his own to each port, or packets at random: while there is
    no call, while it rings, while it is answered, while it is talked."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    dropped = {m: site.relay.metric(m)
               for m in ("early_packets", "stranger_packets_elsewhere")}
    spray = Spray(site.net, "stranger", packet)
    turns(spray)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    turns(spray)
    leg.answer(offer_of(bob, back))
    near = call.wait_status(200).media[0][1:]
    far = leg.invite_of_dialog.media[0][1:]
    call.ack()
    leg.wait_ack()
    turns(spray)
    hear_each_other(out, near, back, far, count=50)
    turns(spray)
    hear_each_other(out, near, back, far, count=20)
    spray.stop()
    assert spray.heard() == []
    heard_only(out, back)
    for metric, before in dropped.items():
        assert site.relay.metric(metric) > before
    assert call.bye().status == 200
    leg.wait_request("BYE")


def test_a_neighbour_scans(site):
    """Behind the caller's own NAT, so that he has its address: packets are no
    stream, and even a stream is nothing before the answer."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    early = Spray(site.net, "first17", stream)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    turns(early)
    early.stop()
    spray = Spray(site.net, "first17", scan)
    turns(spray)
    leg.answer(offer_of(bob, back))
    near = call.wait_status(200).media[0][1:]
    far = leg.invite_of_dialog.media[0][1:]
    call.ack()
    leg.wait_ack()
    hear_each_other(out, near, back, far, count=50)
    turns(spray)
    hear_each_other(out, near, back, far, count=20)
    spray.stop()
    assert early.heard() == [] and spray.heard() == []
    heard_only(out, back)
    assert site.relay.metric("probation_packets") > 0
    assert site.relay.metric("stranger_packets_beside") > 0
    assert call.bye().status == 200
    leg.wait_request("BYE")


@pytest.mark.parametrize("host", ["stranger", "first17"])
def test_the_right_ssrc_from_the_wrong_address(site, host):
    """And the next numbers of the sequence, ahead of the phone's own."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    moved = site.relay.metric("relearned")
    spoof = site.net.udp(host)
    out.start(talk.near[0])
    back.start(talk.far[0])
    for n in range(100):
        spoof.sendto(build(out.ssrc, out.seq + 1 + n % 3, payload=SPOOFED),
                     talk.near[0])
        until = out.sent + 1
        wait_until(lambda: out.sent >= until, 10, "the phone's next packet",
                   0.002)
    hear_each_other(out, talk.near[0], back, talk.far[0])
    heard_only(out, back)
    assert site.relay.metric("relearned") == moved
    assert site.relay.metric("stranger_packets") >= 100
    spoof.setblocking(False)
    with pytest.raises(BlockingIOError):
        spoof.recv(65535)
    spoof.close()
    talk.hang_up()

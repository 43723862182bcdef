"""Whatever comes on a media port goes on unchanged, between phones of one
address family and of two, by relayd and where the kernel helps."""

import os
import struct

import pytest

from support.daemons import Daemon, relayd_conf
from support.dialect import Phones, Session, connect
from support.net import RELAY, THIRD, Net, wait_until
from support.rtp import build

RELAY6, THIRD6, STRANGER6 = "2001:db8::4", "2001:db8::14", "2001:db8::66"
STRANGER = "203.0.113.66"
FAMILIES = [pytest.param(THIRD, STRANGER, id="4-4"),
            pytest.param(THIRD, STRANGER6, id="4-6"),
            pytest.param(THIRD6, STRANGER6, id="6-6")]

# RFC 8489 5: a binding request with USERNAME, as connectivity checks have it.
STUN = struct.pack("!HHI12sHH8s", 1, 12, 0x2112A442, b"transaction.", 6, 8,
                   b"abcd:efg")
STUN_ANSWER = struct.pack("!HHI12s", 0x0101, 0, 0x2112A442, b"transaction.")
# RFC 6347 4.3.1: a handshake record, whatever is in it.
DTLS = struct.pack("!BHH6sH", 22, 0xFEFF, 0, bytes(6), 180) + bytes(range(180))
UDPTL = b"\0\1\6\0\0\0"


def report(ssrc, about, highest=0, fraction=0, lost=0, jitter=0):
    """A sender report with one block (RFC 3550 6.4.1)."""
    block = struct.pack("!IBBHIIII", about, fraction, lost >> 16,
                        lost & 0xFFFF, highest, jitter, 0, 0)
    return struct.pack("!BBHI", 0x81, 200, 12, ssrc) + bytes(20) + block


@pytest.fixture(scope="module", params=["off", "on"], ids=["relayd", "kernel"])
def world(can_net, request):
    """A network with a relay of both families."""
    with Net() as net:
        for host, ip in (("relay", RELAY6), ("third", THIRD6),
                         ("stranger", STRANGER6)):
            net.address(host, ip + "/64")
        net.relay = Daemon(net, "relay", "relayd", relayd_conf(
            fastpath=request.param,
            media={"address": [RELAY, RELAY6], "ports": [30000, 30999]}))
        yield net


class Call:
    """A session between third and stranger, each with RTP and, one port up,
    RTCP for each of `kinds`."""

    port = 20000

    def __init__(self, net, one_ip, other_ip, kinds=("audio",), **describe):
        phones, self.net = Phones(net), net
        self.session = Session(net)
        self.parties = []
        for host, ip in (("third", one_ip), ("stranger", other_ip)):
            media = [phones.media(host, ip, self._next()) for _ in kinds]
            party = self.session.party(*media)
            party.rtcp = [phones.media(host, ip, m.port + 1) for m in media]
            self.parties.append(party)
        connect(self.session, *self.parties, kinds=kinds, **describe)

    @classmethod
    def _next(cls):
        cls.port += 10
        return cls.port

    @property
    def directions(self):
        one, other = self.parties
        return (one, other), (other, one)

    def stream(self, line=0):
        session = self.net.relay.api("sessions", call=self.session.call_id)
        return session["streams"][line]


def pass_on(sender, receiver, raw, line=0):
    """One datagram from RTP port to RTP port, whole and from nowhere else
    than where it should come from."""
    out, into = sender.media[line], receiver.media[line]
    out.send_raw(raw, sender.told[line])
    got = into.wait_for(lambda: [p for p in into.received if p.raw == raw],
                        what=f"{len(raw)} bytes, {raw[:12]!r}")
    assert {p.source for p in got} == {receiver.told[line]}


def speak(call, count=12):
    """Until both are proven, and the kernel has the stream if it may."""
    for seq in range(count):
        for sender, receiver in call.directions:
            pass_on(sender, receiver, build(sender.media[0].ssrc, seq))


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_every_size(world, one_ip, other_ip):
    """One byte, RTP up to the MTU of either family, and beyond: what takes
    several fragments arrives whole."""
    call = Call(world, one_ip, other_ip)
    speak(call)
    for i, size in enumerate((12, 13, 172, 1452, 1453, 1472, 1473, 4000,
                              16000, 65000)):
        for sender, receiver in call.directions:
            pass_on(sender, receiver, build(
                sender.media[0].ssrc, 100 + i, payload=os.urandom(size - 12)))
    for raw in (b"", b"x", os.urandom(11)):
        for sender, receiver in call.directions:
            pass_on(sender, receiver, raw)
    assert world.relay.metric("send_errors") == 0
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_stun_and_dtls_before_and_among_rtp(world, one_ip, other_ip):
    """A DTLS-SRTP call: checks and handshake go between the phones on the
    RTP port, then protected RTP, and a new handshake amid it."""
    call = Call(world, one_ip, other_ip)
    one, other = call.parties
    for _ in range(3):
        for sender, receiver in call.directions:
            sender.media[0].send_raw(STUN, sender.told[0])
            sender.media[0].send_raw(STUN_ANSWER, sender.told[0])
    for sender, receiver in call.directions:
        pass_on(sender, receiver, STUN)
        pass_on(sender, receiver, STUN_ANSWER)
        pass_on(sender, receiver, DTLS)
    for seq in range(12):
        for sender, receiver in call.directions:
            srtp = build(sender.media[0].ssrc, seq, payload=os.urandom(170))
            pass_on(sender, receiver, srtp)
    heard = [call.stream()["quality"][s]["expected"]
             for s in ("first", "second")]
    for sender, receiver in call.directions:
        pass_on(sender, receiver, DTLS + b"again")
        pass_on(sender, receiver, STUN + b"again")
    # none of it is taken for RTP
    assert [call.stream()["quality"][s]["expected"]
            for s in ("first", "second")] == heard
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_rtcp_multiplexed(world, one_ip, other_ip):
    """RFC 5761: both said a=rtcp-mux. RTCP goes by the RTP port and is
    RTCP in the figures: what it reports counts, it never is a lost or
    strange RTP packet."""
    call = Call(world, one_ip, other_ip, attributes=("rtcp-mux",))
    speak(call)
    one, other = call.parties
    before = call.stream()["quality"]
    pass_on(one, other, report(one.media[0].ssrc, other.media[0].ssrc,
                               highest=11, fraction=64, lost=3, jitter=80))
    wait_until(lambda: call.stream()["quality"]["second"]["reported"], 10,
               "what the first side reports of the second")
    after = call.stream()["quality"]
    assert after["second"]["reported"]["lost"] == 3
    assert after["second"]["reported"]["loss_percent"] == 25
    for side in ("first", "second"):
        for figure in ("expected", "lost", "strays", "restarts", "ssrcs"):
            assert after[side][figure] == before[side][figure], figure
    speak(call, 14)
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_rtcp_where_one_side_does_not_multiplex(world, one_ip, other_ip):
    """The answer without a=rtcp-mux takes the offer back (RFC 5761 5.1.1):
    RTCP has its own port, on both sides."""
    call = Call(world, one_ip, other_ip)
    one, other = call.parties
    call.session.offer(one, one.describe(attributes=("rtcp-mux",)))
    call.session.answer(other, one, other.describe())
    speak(call)
    for sender, receiver in call.directions:
        to, at = sender.told[0], receiver.told[0]
        raw = report(sender.media[0].ssrc, receiver.media[0].ssrc)
        for _ in range(3):
            sender.rtcp[0].send_raw(raw, (to[0], to[1] + 1))
        got = receiver.rtcp[0].wait_packets(1)
        assert (got[0].raw, got[0].source) == (raw, (at[0], at[1] + 1))
    assert not any(p.raw[1] == 200 for party in call.parties
                   for p in party.media[0].received)
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_rtcp_at_a_port_of_its_own(world, one_ip, other_ip):
    """RFC 3605: a=rtcp names the port, and the address with it."""
    call = Call(world, one_ip, other_ip)
    one, other = call.parties
    odd = Phones(world).media("third", one_ip)
    version = 6 if ":" in one_ip else 4
    call.session.offer(one, one.describe(attributes=(
        f"rtcp:{odd.port} IN IP{version} {one_ip}",)))
    call.session.answer(other, one, other.describe())
    speak(call)
    to, at = other.told[0], one.told[0]
    for i in range(3):
        other.rtcp[0].send_raw(report(i, 0), (to[0], to[1] + 1))
    got = odd.wait_packets(1)
    assert got[0].source == (at[0], at[1] + 1)
    odd.send_raw(report(77, 0), (at[0], at[1] + 1))
    other.rtcp[0].wait_for(
        lambda: any(p.raw == report(77, 0) for p in other.rtcp[0].received),
        what="the report from the odd port")
    assert one.rtcp[0].received == []
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_fax(world, one_ip, other_ip):
    """T.38 is UDPTL: a count of its own and nothing like a header of RTP."""
    call = Call(world, one_ip, other_ip, kinds=("image",))
    for i in range(20):
        for sender, receiver in call.directions:
            pass_on(sender, receiver, struct.pack("!H", i) + UDPTL)
    assert call.stream()["type"] == "image"
    assert call.stream()["quality"]["first"] is None
    call.session.release()


@pytest.mark.parametrize("one_ip, other_ip", FAMILIES)
def test_several_lines(world, one_ip, other_ip):
    """Each has its own ports, and nothing of one reaches another."""
    kinds = ("audio", "video", "image")
    call = Call(world, one_ip, other_ip, kinds=kinds)
    for party in call.parties:
        assert len(set(party.told)) == 3
    for i in range(10):
        for line, kind in enumerate(kinds):
            for sender, receiver in call.directions:
                pass_on(sender, receiver, build(
                    line, i, payload=kind.encode() + bytes([i])), line)
    for party in call.parties:
        for line, kind in enumerate(kinds):
            assert all(kind.encode() in p.raw
                       for p in party.media[line].received)
    assert [call.stream(i)["type"] for i in range(3)] == list(kinds)
    call.session.release()


# How a party says that it sends, or listens, or neither (RFC 3264 5.1, 8.4).
HOLDS = [pytest.param({"attributes": ("sendonly",)}, id="sendonly"),
         pytest.param({"attributes": ("inactive",)}, id="inactive"),
         pytest.param({"hold": True}, id="0.0.0.0")]


@pytest.mark.parametrize("how", HOLDS)
def test_on_hold(net, how):
    """What still comes goes through and keeps the session, be it one side's
    music or the reports alone; when the call is taken up again, both are
    heard at once."""
    net.relay = Daemon(net, "relay", "relayd", relayd_conf(
        session={"idle": 2, "setup": 2}))
    call = Call(net, THIRD, STRANGER)
    one, other = call.parties
    speak(call)
    body = one.describe(attributes=how.get("attributes", ()))
    if how.get("hold"):
        body = body.replace(f"c=IN IP4 {THIRD}", "c=IN IP4 0.0.0.0")
    call.session.offer(one, body)
    call.session.answer(other, one, other.describe())
    to = (one.told[0][0], one.told[0][1] + 1)
    if how.get("attributes") == ("sendonly",):
        one.media[0].start(one.told[0])
        other.media[0].wait_packets(200, one.media[0].ssrc)
        one.media[0].stop()
    else:
        began = net.relay.api("sessions", call=call.session.call_id)

        def reported():
            one.rtcp[0].send_raw(report(1, 2), to)
            now = net.relay.api("sessions", call=call.session.call_id)
            return now["duration_ms"] > began["duration_ms"] + 4000
        wait_until(reported, 20, "twice the time of idleness", interval=0.5)
        other.rtcp[0].wait_packets(5)
    assert net.relay.metric("sessions_expired") == 0
    call.session.offer(one, one.describe())
    call.session.answer(other, one, other.describe())
    for seq in range(500, 510):
        for sender, receiver in call.directions:
            pass_on(sender, receiver, build(sender.media[0].ssrc, seq))
    net.relay.wait_metric("sessions_expired", lambda n: n == 1)

"""Media that the kernel forwards: once both sides are proven, RTP no longer
reaches relayd; everything else does, and nobody is to notice."""

import ctypes
import fcntl
import socket
import struct
import subprocess

import pytest

from calls import PROOF, Site, deployed, establish, hear_each_other, \
    offer_of, prove, site  # noqa: F401
from parties import Party, both_hear, reinvite
from support.daemons import BIN, Daemon, relayd_conf
from support.net import THIRD, wait_until
from support.rtp import build
from support.sipmsg import Message, sdp, sdp_media, token

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]
RATES = [pytest.param(0.02, id="50/s"), pytest.param(0.001, id="1000/s")]
REPORT = bytes.fromhex("80c80006") + bytes(20) + b"%4d"
EXPEDITED = 46


def sides(site, talk):
    stream, = site.relay.api("sessions", call=talk.call_id)["streams"]
    return [stream["rtp"][side] for side in ("first", "second")]


def wait_fast(site, talk, more=1):
    """Until the kernel has forwarded `more` of each side from now on."""
    before = [side["fast_packets"] for side in sides(site, talk)]
    wait_until(lambda: all(
        side["fast"] and side["fast_packets"] >= was + more
        for side, was in zip(sides(site, talk), before)), 20,
        lambda: f"both sides on the fast path: {sides(site, talk)}")


def call_between(site, caller, callee):
    """A call in which both were heard."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.out, talk.back = out, back
    return talk


class Wire:
    """Whole IP packets as they reach one UDP port of a host."""

    def __init__(self, net, host, port):
        self.port = port
        self.socket = net.inside(host, lambda: socket.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP))
        self.socket.settimeout(10)
        net.own(self)

    def close(self):
        self.socket.close()

    def packet(self, seq):
        """The IP packet around the RTP one of that number."""
        while True:
            raw = self.socket.recv(65535)
            if struct.unpack_from("!H", raw, 22)[0] == self.port \
                    and struct.unpack_from("!H", raw, 30)[0] == seq:
                return raw


def ones_sum(raw):
    raw += b"\0" * (len(raw) % 2)
    total = sum(struct.unpack(f"!{len(raw) // 2}H", raw))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def real_checksums(net, *hosts):
    """Have hosts compute what veth would leave out (ETHTOOL_STXCSUM 0)."""
    def switch():
        value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, 0x8946, struct.pack(
                "16sP16x", b"eth0", ctypes.addressof(value)))
    for host in hosts:
        net.inside(host, switch)


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_most_packets_go_the_fast_way(site, caller, callee):
    talk = call_between(site, caller, callee)
    before = site.relay.metrics()
    seen = sides(site, talk)
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0], count=50)
    for side, was in zip(sides(site, talk), seen):
        assert side["fast"]
        passed = side["packets"] - was["packets"]
        fast = side["fast_packets"] - was["fast_packets"]
        assert 50 <= passed and passed - 5 <= fast <= passed
        assert side["bytes"] == 172 * side["packets"]
    assert talk.out.sources() == {talk.near[0]}
    assert talk.back.sources() == {talk.far[0]}
    after = site.relay.metrics()
    assert after["relayd_fastpath"] == 1
    assert after["relayd_fast_flows"] == 2

    def grown(name):
        return after[f"relayd_{name}_total"] - before[f"relayd_{name}_total"]
    assert grown("packets") >= grown("fast_packets") >= 90
    assert grown("bytes") == 172 * grown("packets")
    assert grown("fast_bytes") == 172 * grown("fast_packets")
    talk.hang_up()
    site.relay.wait_metric("fast_flows", lambda n: n == 0)


@pytest.mark.parametrize("caller, callee", [("first", "third"),
                                            ("third", "first")])
def test_headers(site, caller, callee):
    """TTL decremented, DSCP as configured, both checksums right: on the wire,
    and in the eyes of the receiver, who gets it."""
    real_checksums(site.net, "first", "third", "relay")
    talk = call_between(site, caller, callee)
    first, third, to = (talk.out, talk.back, talk.near[0]) \
        if caller == "first" else (talk.back, talk.out, talk.far[0])
    first.start(to)
    third.start(talk.far[0] if caller == "first" else talk.near[0])
    wait_fast(site, talk, more=3)
    first.stop()
    wire = Wire(site.net, "third", third.port)
    fast = sum(s["fast_packets"] for s in sides(site, talk))
    third.stop()
    first.send(to, seq=first.seq)
    raw = wire.packet(first.seq)
    assert sum(s["fast_packets"] for s in sides(site, talk)) > fast
    # 64 as sent, one router on the way, and the relay
    assert raw[8] == 64 - 2
    assert raw[1] == EXPEDITED << 2
    assert ones_sum(raw[:20]) == 0xFFFF
    udp = raw[20:]
    assert udp[6:8] != b"\0\0"
    pseudo = raw[12:20] + struct.pack("!HH", socket.IPPROTO_UDP, len(udp))
    assert ones_sum(pseudo + udp) == 0xFFFF
    third.wait_for(lambda: any(p.seq == first.seq for p in third.received),
                   what="the packet itself")
    talk.hang_up()


def test_a_stranger_changes_nothing(site):
    talk = call_between(site, "first", "second")
    talk.out.start(talk.near[0])
    talk.back.start(talk.far[0])
    wait_fast(site, talk)
    mallory = site.media(site.phone("stranger", "mallory", register=False))
    before = site.relay.metric("stranger_packets")
    for _ in range(50):
        mallory.send(talk.near[0])
    site.relay.wait_metric("stranger_packets", lambda n: n >= before + 50)
    wait_fast(site, talk)
    assert mallory.received == []
    for end in (talk.out, talk.back):
        end.stop()
        assert not end.packets(mallory.ssrc)
    talk.hang_up()


def test_rtcp_and_all_else_goes_through_relayd(site):
    talk = call_between(site, "third", "first")
    out, back, near, far = talk.out, talk.back, talk.near[0], talk.far[0]
    out.start(near)
    back.start(far)
    wait_fast(site, talk)
    out_rtcp = site.media(talk.call.ua, out.port + 1)
    back_rtcp = site.media(talk.leg.ua, back.port + 1)
    own = REPORT[:4] + back.ssrc.to_bytes(4, "big") + REPORT[8:] % 1
    back_rtcp.send_raw(own, (far[0], far[1] + 1))
    assert out_rtcp.wait_packets(1)[0].raw == own
    out_rtcp.send_raw(REPORT % 2, (near[0], near[1] + 1))
    assert back_rtcp.wait_packets(1)[0].raw == REPORT % 2
    # on the RTP port: RTCP multiplexed (RFC 5761), STUN, one byte
    slow = [s["packets"] - s["fast_packets"] for s in sides(site, talk)]
    for raw in (REPORT % 3, b"\0\1\0\0" + bytes(16), b"x"):
        out.send_raw(raw, near)
        back.wait_for(lambda: any(p.raw == raw for p in back.received),
                      what=f"{raw!r}")
    out.stop()
    back.stop()
    assert [s["packets"] - s["fast_packets"] for s in sides(site, talk)] \
        == [slow[0] + 3, slow[1]]
    talk.hang_up()


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_another_address_leaves_and_enters_again(site, side):
    talk = call_between(site, "first", "third")
    one = Party(talk.call, talk.out, talk.near[0])
    other = Party(talk.leg, talk.back, talk.far[0])
    if side == "callee":
        one, other = other, one
    old, one.media = one.media, site.media(one.leg.ua)
    old.start(one.told)
    other.media.start(other.told)
    wait_fast(site, talk)
    old.stop()
    reinvite(one, other, one.offer(), other.offer())
    one.media.start(one.told)
    one.media.wait_packets(1, other.media.ssrc)
    heard = len(old.received)
    wait_fast(site, talk, more=10)
    one.media.stop()
    other.media.stop()
    assert len(old.received) == heard
    both_hear(one, other)
    assert one.leg.bye().status == 200


@pytest.mark.parametrize("interval", RATES)
@pytest.mark.parametrize("caller, callee", SHAPES)
def test_no_packet_is_lost_or_overtaken(site, caller, callee, interval):
    """From the slow way into the fast one, out of it by signalling, and in
    again, while media flows."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    # until both pinholes are open; then without a pause
    prove(out, talk.near[0])
    site.wait_heard(talk.call_id, "rtp", "first")
    prove(back, talk.far[0])
    site.wait_heard(talk.call_id, "rtp", "second")
    out.start(talk.near[0], interval)
    back.start(talk.far[0], interval)
    wait_fast(site, talk)
    talk.call.reinvite(offer_of(alice, out))
    talk.leg.wait_reinvite()
    talk.leg.answer(offer_of(bob, back))
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()
    assert not any(s["fast"] for s in sides(site, talk))
    wait_fast(site, talk, more=20)
    out.stop()
    back.stop()
    for end, other in ((out, back), (back, out)):
        last = other.seq - 1
        end.wait_for(lambda: any(p.seq == last for p in end.received),
                     what=f"packet {last}")
        # those before opened the pinhole
        assert [p.seq for p in end.packets(other.ssrc) if p.seq >= PROOF] \
            == list(range(PROOF, last + 1))
    talk.hang_up()


def test_it_is_known_when_the_kernel_last_heard_a_side(site):
    """A source that moves after silence is followed by SSRC and sequence, as
    without the fast path: both are those that went past relayd."""
    talk = call_between(site, "first", "third")
    talk.out.start(talk.near[0])
    talk.back.start(talk.far[0])
    wait_fast(site, talk, more=50)
    talk.out.stop()
    moved = site.media(talk.call.ua)
    moved.ssrc, moved.seq = talk.out.ssrc, talk.out.seq
    relearned = site.relay.metric("relearned")
    got = len(talk.back.received)
    moved.start(talk.near[0])
    site.relay.wait_metric("relearned", lambda n: n == relearned + 1)
    wait_fast(site, talk)
    moved.stop()
    talk.back.stop()
    fresh = talk.back.packets(moved.ssrc)[-1]
    assert fresh.seq > talk.out.seq and len(talk.back.received) > got
    assert moved.packets(talk.back.ssrc)
    talk.hang_up()


def test_fragments_go_through_relayd(site):
    """And what is sent behind one stays behind it."""
    talk = call_between(site, "third", "first")
    for _ in range(5):
        talk.out.start(talk.near[0])
        talk.back.start(talk.far[0])
        wait_fast(site, talk)
        talk.out.stop()
        talk.back.stop()
        first = talk.out.seq
        talk.out.seq += 6
        sent = [build(talk.out.ssrc, first + n,
                      payload=bytes(160 if n else 60000)) for n in range(6)]
        for raw in sent:
            talk.out.send_raw(raw, talk.near[0])
        talk.back.wait_for(lambda: {p.seq for p in talk.back.received}
                           >= set(range(first, first + 6)), what="all of it")
        assert [p.raw for p in talk.back.packets(talk.out.ssrc)[-6:]] == sent
    talk.hang_up()


def test_a_route_that_changes_is_noticed(site):
    """Without a way to one side nothing is left to the kernel; with one
    again, all is."""
    talk = call_between(site, "first", "third")
    talk.out.start(talk.near[0])
    talk.back.start(talk.far[0])
    wait_fast(site, talk)
    gone = ("route", "add", "unreachable", THIRD)
    site.net.exec("relay", "ip", *gone)
    try:
        wait_until(lambda: not sides(site, talk)[0]["fast"], 20,
                   "the flow to be given up")
    finally:
        site.net.exec("relay", "ip", "route", "del", "unreachable", THIRD)
    wait_fast(site, talk, more=10)
    talk.out.stop()
    talk.back.stop()
    talk.hang_up()


def test_a_session_lives_by_what_the_kernel_forwards(net):
    site = Site(net, relayd={"session": {"idle": 2, "setup": 2}})
    talk = call_between(site, "first", "third")
    talk.out.start(talk.near[0])
    talk.back.start(talk.far[0])
    wait_fast(site, talk, more=200)
    assert site.relay.metric("sessions_expired") == 0
    talk.out.stop()
    talk.back.stop()
    site.relay.wait_metric("sessions_expired", lambda n: n == 1)
    site.relay.wait_metric("fast_flows", lambda n: n == 0)


def filters(net):
    lines = net.exec("relay", "tc", "filter", "show", "dev", "eth0",
                     "ingress").splitlines()
    return [line for line in lines if "fastpath" in line]


def test_a_killed_relayd_leaves_nothing_behind(net):
    relay = Daemon(net, "relay", "relayd", relayd_conf(fastpath="on"))
    assert len(filters(net)) == 1
    relay.restart(kill=True)
    assert len(filters(net)) == 1
    relay.terminate()
    assert filters(net) == []


def test_off(net):
    site = Site(net, relayd={"fastpath": "off"})
    talk = call_between(site, "first", "second")
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0])
    assert not any(s["fast"] or s["fast_packets"] for s in sides(site, talk))
    assert site.relay.metric("fastpath") == 0
    assert "fast path" not in site.relay.log()
    assert filters(net) == []
    talk.hang_up()


def powerless(tmp_path):
    """relayd without the capabilities that the fast path needs."""
    script = tmp_path / "relayd"
    script.write_text("#!/bin/sh\nexec setpriv --inh-caps=-all "
                      "--bounding-set=-bpf,-net_admin,-sys_admin "
                      f'"{BIN / "relayd"}" "$@"\n')
    script.chmod(0o755)
    return script


def test_without_capabilities(net, tmp_path, monkeypatch):
    """Said once, and all works as ever."""
    monkeypatch.setattr("support.daemons.BIN", tmp_path)
    script = powerless(tmp_path)
    for program in ("proxyd", "redirectd"):
        (tmp_path / program).symlink_to(BIN / program)
    site = Site(net)
    talk = call_between(site, "first", "second")
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0])
    assert not any(s["fast"] or s["fast_packets"] for s in sides(site, talk))
    log = site.relay.log()
    assert log.count("fast path unavailable") == 1
    assert "CAP_BPF" in log and "level=error" not in log
    talk.hang_up()
    conf = tmp_path / "on.json"
    conf.write_text('{"fastpath": "on", "listen": ["udp:203.0.113.4:5070"],'
                    ' "http": "127.0.0.1:8070"}')
    done = subprocess.run(net.command("relay", [script, "-c", conf]),
                          text=True, capture_output=True, timeout=10)
    assert done.returncode == 1 and "CAP_BPF" in done.stderr


class Phone6:
    """A media endpoint on IPv6."""

    def __init__(self, net, host, ip, port):
        net.exec(host, "ip", "addr", "add", f"{ip}/64", "dev", "eth0",
                 "nodad")
        self.ip = ip

        def make():
            s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            s.bind((ip, port))
            s.settimeout(10)
            return s
        self.socket = net.inside(host, make)
        self.port = port
        net.own(self)

    def close(self):
        self.socket.close()

    def offer(self):
        return sdp(self.ip, ("audio", self.port)).replace("IN IP4", "IN IP6")

    def receive(self):
        """(packet, source, hop limit, traffic class)"""
        raw, extra, _, source = self.socket.recvmsg(2048, 1024)
        found = {kind: struct.unpack("i", value)[0]
                 for _, kind, value in extra}
        return raw, source[:2], found[socket.IPV6_HOPLIMIT], \
            found[socket.IPV6_TCLASS]


def ask(net, phone, call, tag=None):
    """A media session by hand: the relay's port for this phone's peer."""
    s = net.udp("proxy1")
    try:
        s.settimeout(10)
        body = phone.offer()
        request = Message.build("INVITE sip:relay@203.0.113.4 SIP/2.0", [
            ("Via", f"SIP/2.0/UDP 203.0.113.1:{s.getsockname()[1]}"
                    f";branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", "<sip:a@example.com>;tag=a"),
            ("To", "<sip:b@example.com>" + (f";tag={tag}" if tag else "")),
            ("Call-ID", call), ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:x@[{phone.ip}]:5060>"),
            ("Content-Type", "application/sdp")], body)
        s.sendto(request.raw, ("203.0.113.4", 5060))
        answer = Message(s.recv(65535))
        assert answer.status == 302, answer.start
        (_, ip, port), = sdp_media(answer.body)
        return ip, port
    finally:
        s.close()


def test_ipv6(net):
    net.exec("relay", "ip", "addr", "add", "2001:db8::4/64", "dev", "eth0",
             "nodad")
    relay = Daemon(net, "relay", "relayd", relayd_conf(
        fastpath="on", media={"address": "2001:db8::4"}))
    one = Phone6(net, "third", "2001:db8::14", 20000)
    other = Phone6(net, "stranger", "2001:db8::66", 20000)
    real_checksums(net, "third", "stranger", "relay")
    call = token("call")
    to = ask(net, one, call)
    assert to == ask(net, other, call, tag="b")
    assert to[0] == "2001:db8::4"
    for seq in range(30):
        fast = relay.metric("fast_packets")
        for sender, receiver in ((one, other), (other, one)):
            sender.socket.sendto(build(7, seq), to)
            raw, source, hops, traffic = receiver.receive()
            assert (raw, source) == (build(7, seq), to)
            assert traffic == EXPEDITED << 2
    # the last round went the fast way
    assert relay.metric("fast_packets") == fast + 2 and hops == 63
    assert relay.metric("packets") == 60

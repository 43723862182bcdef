"""A busy relay: media on many sessions while others come and go, operators
look and strangers knock. With a build that watches its threads and its memory
(`make check-busy`), what it finds ends the relay with another status."""

import functools
import select
import socket
import threading
import time

from asking import Asker
from support.daemons import Daemon, relayd_conf
from support.net import ADDRESS, RELAY
from support.rtp import build
from support.sipmsg import sdp, sdp_media

SESSIONS = 16
TICKS = 120
TICK = 0.02
BURST = 5  # packets at once, each so many ticks, of every fourth session
PHONES = ADDRESS["third"]
PATIENCE = 20.0


class Party:
    """One phone of one session: what it sent and what it heard, by number."""

    def __init__(self, net, ssrc):
        self.socket = net.udp("third")
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.port = self.socket.getsockname()[1]
        self.ssrc = ssrc
        self.seq = 0
        self.to = None
        self.heard = []
        net.own(self)

    def close(self):
        self.socket.close()

    def say(self):
        self.socket.sendto(build(self.ssrc, self.seq), self.to)
        self.seq += 1

    def listen(self):
        while True:
            try:
                raw = self.socket.recv(2048)
            except BlockingIOError:
                return
            self.heard.append((int.from_bytes(raw[8:12], "big"),
                               int.from_bytes(raw[2:4], "big")))


class Session:
    def __init__(self, net, asker, number):
        self.call = f"busy{number}"
        self.a, self.b = Party(net, 2 * number), Party(net, 2 * number + 1)
        for to, cseq, tag, of in (("b", 1, "", self.a), ("a", 2, "t", self.b)):
            answer = asker.ask("INVITE", self.call, sdp(
                PHONES, ("audio", of.port)), to_tag=tag, cseq=cseq)
            assert answer.status == 302
            (_, ip, port), = sdp_media(answer.body)
            getattr(self, to).to = (ip, port)
        self.parties = (self.a, self.b)


def pump(sessions):
    """All of them talk; the packets of a tick leave at once."""
    parties = [p for s in sessions for p in s.parties]
    # each known to the relay before anything is counted
    for _ in range(10):
        for p in parties:
            p.say()
        time.sleep(TICK)
    for p in parties:
        p.listen()
        p.heard.clear()
        p.from_here = p.seq
    for tick in range(TICKS):
        due = time.monotonic() + TICK
        for n, p in enumerate(parties):
            many = BURST if tick % BURST == 0 and n % 8 < 2 else 1
            for _ in range(many):
                p.say()
        while time.monotonic() < due:
            ready, _, _ = select.select([p.socket for p in parties], [], [],
                                        max(0, due - time.monotonic()))
            for p in parties:
                if p.socket in ready:
                    p.listen()


def in_background(stop, fn):
    failed = []

    def run():
        try:
            while not stop.is_set():
                fn()
        except Exception as e:  # noqa: BLE001 - shown by the test
            failed.append(e)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join():
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert not failed, failed
    return join


def test_busy_relay(net):
    env = {"TSAN_OPTIONS": "exitcode=66", "ASAN_OPTIONS": "exitcode=67"}
    relay = Daemon(net, "relay", "relayd", relayd_conf(
        workers=2, log="warn", session={"max": 200}, drain=0,
        media={"address": RELAY, "ports": [30000, 30399], "quarantine": 0},
        fastpath="off"), env=env)
    asker = Asker(net, 5071)
    sessions = [Session(net, asker, n) for n in range(SESSIONS)]
    knocker = net.udp("stranger")
    counts = {"visits": 0, "looks": 0}
    stop = threading.Event()

    def come_and_go(visitor):
        call = f"visit{counts['visits']}at{visitor.socket.getsockname()[1]}"
        offer = sdp(PHONES, ("audio", 4000), ("video", 4002))
        assert visitor.ask("INVITE", call, offer).status == 302
        assert visitor.ask("INVITE", call, offer, to_tag="t",
                           cseq=2).status == 302
        assert visitor.ask("BYE", call, cseq=3).status == 200
        counts["visits"] += 1

    def look():
        relay.metrics()
        relay.api("sessions")
        relay.api("sessions", call="busy1")
        relay.api("calls")
        relay.reload()
        counts["looks"] += 1

    def knock():
        for port in range(30000, 30400, 7):
            knocker.sendto(build(7, port), (RELAY, port))
            knocker.sendto(b"\0" * 20, (RELAY, port))
        time.sleep(TICK)

    # two of them, who meet in the pool of ports
    comers = [functools.partial(come_and_go, Asker(net, port))
              for port in (5072, 5073)]
    joins = [in_background(stop, fn) for fn in (*comers, look, knock)]
    try:
        pump(sessions)
    finally:
        stop.set()
        for join in joins:
            join()
    for s in sessions:
        for me, other in ((s.a, s.b), (s.b, s.a)):
            want = [(other.ssrc, n)
                    for n in range(other.from_here, other.seq)]
            until = time.monotonic() + PATIENCE
            while len(me.heard) < len(want) and time.monotonic() < until:
                select.select([me.socket], [], [], 0.1)
                me.listen()
            assert me.heard == want
    assert counts["visits"] > 5 and counts["looks"] > 2
    metrics = relay.metrics()
    assert metrics["relayd_stranger_packets_total"] > 0
    assert metrics["relayd_linked_total"] >= 2 * SESSIONS
    assert metrics["relayd_sessions"] == SESSIONS
    for s in sessions:
        assert asker.ask("BYE", s.call, cseq=9).status == 200
    assert relay.metric("sessions") == 0 and relay.metric("streams") == 0
    status = relay.terminate(PATIENCE)
    assert status == 0, relay.log()
    assert "Sanitizer" not in relay.log()

"""RTP streams whose every packet is known: who sent it, which one it is, and
where it came from when it arrived."""

import select
import socket
import struct
import threading
import time
from collections import namedtuple

TIMEOUT = 10.0


class RtpPacket(namedtuple("RtpPacket", "time source raw traffic",
                           defaults=[None])):
    """A packet received: when (monotonic), from where, the bytes, the TOS or
    traffic class."""

    @property
    def is_rtp(self):
        return len(self.raw) >= 12 and self.raw[0] >> 6 == 2

    @property
    def pt(self):
        return self.raw[1] & 0x7F

    @property
    def seq(self):
        return struct.unpack_from("!H", self.raw, 2)[0]

    @property
    def timestamp(self):
        return struct.unpack_from("!I", self.raw, 4)[0]

    @property
    def ssrc(self):
        return struct.unpack_from("!I", self.raw, 8)[0]

    @property
    def payload(self):
        return self.raw[12:]


def build(ssrc, seq, timestamp=None, pt=0, marker=False, payload=b"\xd5" * 160):
    """The bytes of one RTP packet (20 ms of G.711 unless told)."""
    timestamp = seq * 160 if timestamp is None else timestamp
    return struct.pack("!BBHII", 0x80, pt | (0x80 if marker else 0),
                       seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


class Rtp:
    """One media endpoint on a host.

    Rtp(net, host, port) sends from the port it receives on; send_port makes
    it asymmetric: it then sends from that other one (and what arrives
    there is kept apart in received_on_send). `ip` may be of IPv6.
    """

    def __init__(self, net, host, port, ssrc, send_port=None, ip="0.0.0.0"):
        self.ssrc = ssrc
        self.host = host
        self.seq = 0
        self.sent = 0
        self.received = []
        self.received_on_send = []
        self.socket = net.udp(host, port, ip)
        if ":" in ip:
            self.socket.setsockopt(socket.IPPROTO_IPV6,
                                   socket.IPV6_RECVTCLASS, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self.ip = ip
        self.port = self.socket.getsockname()[1]
        self.send_socket = self.socket if send_port is None \
            else net.udp(host, send_port, ip)
        self._changed = threading.Condition()
        self._wake_r, self._wake_w = socket.socketpair()
        self._closing = False
        self._stop = threading.Event()
        self._sender = None
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()
        net.own(self)

    def close(self):
        if self._closing:
            return
        self.stop()
        self._closing = True
        self._wake_w.send(b"x")
        self._receiver.join()
        for s in {self.socket, self.send_socket, self._wake_r, self._wake_w}:
            s.close()

    def _receive(self):
        watch = list({self.socket, self.send_socket}) + [self._wake_r]
        while True:
            for s in select.select(watch, [], [])[0]:
                if s is self._wake_r:
                    return
                try:
                    raw, extra, _, source = s.recvmsg(65535, 64)
                except ConnectionError:
                    continue
                traffic = extra[0][2][0] if extra else None
                into = self.received if s is self.socket \
                    else self.received_on_send
                with self._changed:
                    into.append(RtpPacket(time.monotonic(), source[:2], raw,
                                          traffic))
                    self._changed.notify_all()

    # Sending.

    def send(self, to, seq=None, **fields):
        """One packet; the next in sequence unless told."""
        if seq is None:
            seq = self.seq
            self.seq += 1
        self.send_raw(build(self.ssrc, seq, **fields), to)

    def send_raw(self, raw, to):
        self.send_socket.sendto(raw, to)
        self.sent += 1

    def start(self, to, interval=0.02):
        """Send a packet every `interval` seconds until stop()."""
        self.stop()
        self._stop.clear()

        def run():
            due = time.monotonic()
            while not self._stop.is_set():
                try:
                    self.send(to)
                except ConnectionError:
                    pass
                due += interval
                self._stop.wait(max(0.0, due - time.monotonic()))

        self._sender = threading.Thread(target=run, daemon=True)
        self._sender.start()
        return self

    def stop(self):
        if self._sender:
            self._stop.set()
            self._sender.join()
            self._sender = None

    # What was received.

    def packets(self, ssrc=None):
        with self._changed:
            return [p for p in self.received if ssrc is None
                    or p.is_rtp and p.ssrc == ssrc]

    def sources(self):
        """Every address that ever sent something here."""
        with self._changed:
            return {p.source for p in self.received + self.received_on_send}

    def wait_for(self, predicate, timeout=TIMEOUT, what=""):
        with self._changed:
            value = self._changed.wait_for(predicate, timeout)
        if not value:
            raise TimeoutError(f"{self.host}:{self.port}: not within "
                               f"{timeout} s: {what}; {len(self.received)} "
                               f"packets from {self.sources()}")
        return value

    def wait_packets(self, count=1, ssrc=None, timeout=TIMEOUT, after=0):
        """Wait for `count` packets (of this SSRC), the first `after` of all
        received left aside; returns them."""
        def look():
            got = [p for p in self.received[after:] if ssrc is None
                   or p.is_rtp and p.ssrc == ssrc]
            return got if len(got) >= count else None
        return self.wait_for(look, timeout, f"{count} packets"
                             + (f" of SSRC {ssrc:#x}" if ssrc else ""))

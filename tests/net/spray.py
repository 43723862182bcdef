"""Somebody who sends to every media port there is, and listens."""

import random
import threading
from itertools import count

from support.net import RELAY
from support.rtp import build

PORTS = range(30000, 30200)
# Of a relay with so few ports that each of them is hit fifty times a second.
FEW_PORTS = {"media": {"address": RELAY, "ports": [PORTS[0], PORTS[-1]]}}


def stream(ssrc, turn):
    """To each port what a phone would send there."""
    return build(ssrc, turn)


def scan(ssrc, turn):
    """To each port something new each time."""
    return build(ssrc + turn & 0xFFFFFFFF, random.randrange(1 << 16))


class Spray:
    """A packet to each port every `interval` seconds, from one socket."""

    def __init__(self, net, host, packet=stream, ssrc=0xBAD00000,
                 interval=0.02):
        self.socket = net.udp(host)
        self.socket.setblocking(False)
        self.turns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(packet, ssrc, interval), daemon=True)
        net.own(self)
        self._thread.start()

    def _run(self, packet, ssrc, interval):
        for turn in count():
            raw = packet(ssrc, turn)
            for port in PORTS:
                try:
                    self.socket.sendto(raw, (RELAY, port))
                except OSError:
                    pass  # refused by a port nobody has: told by ICMP
            self.turns = turn + 1
            if self._stop.wait(interval):
                return

    def stop(self):
        self._stop.set()
        self._thread.join()

    def heard(self):
        """What came back, of what is no answer to a closed port."""
        got = []
        while True:
            try:
                got.append(self.socket.recv(65535))
            except BlockingIOError:
                return got
            except OSError:
                continue

    def close(self):
        self.stop()
        self.socket.close()

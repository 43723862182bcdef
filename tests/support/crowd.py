"""Many calls through one relay, every packet of which is numbered: what is
lost, comes twice or in another order shows."""

import select
import struct
import threading
import time

from .net import RELAY, THIRD, wait_until
from .sipmsg import sdp, sdp_media

SSRC = 0x0C000000


class Call:
    """Both ends of one: a socket each, what they sent and what they heard."""

    def __init__(self, net, name, port):
        self.name = name
        self.ends = [net.udp("third", port + 2 * i, THIRD) for i in (0, 1)]
        self.ports = [s.getsockname()[1] for s in self.ends]
        self.relay = None
        self.sent = 0
        self.heard = [[], []]
        for s in self.ends:
            s.setblocking(False)

    def body(self, end):
        return sdp(THIRD, ("audio", self.ports[end]))

    def send(self):
        """The next packet of both ends."""
        for end, s in enumerate(self.ends):
            s.sendto(struct.pack("!BBHIII", 0x80, 0, self.sent & 0xFFFF,
                                 self.sent * 160, SSRC + end, self.sent)
                     + bytes(156), self.relay)
        self.sent += 1

    def receive(self, end):
        try:
            while True:
                raw = self.ends[end].recv(2048)
                assert raw[8:12] == struct.pack("!I", SSRC + 1 - end)
                self.heard[end].append(struct.unpack_from("!I", raw, 12)[0])
        except BlockingIOError:
            pass

    def missing(self):
        """How many packets are yet to arrive, or lost."""
        return 2 * self.sent - sum(len(h) for h in self.heard)

    def disorder(self):
        """Whether anything came twice or behind a later one."""
        return any(b <= a for h in self.heard for a, b in zip(h, h[1:]))


class Crowd:
    """Crowd(net, asker, 50): so many calls set up; start() and stop()."""

    def __init__(self, net, asker, count, interval=0.02):
        self.asker = asker
        self.interval = interval
        self.calls = [Call(net, f"crowd{i}", 20000 + 4 * i)
                      for i in range(count)]
        self._stop = threading.Event()
        self._threads = []
        for call in self.calls:
            self.set_up(call)
        net.own(self)

    def set_up(self, call):
        ok = self.asker.ask("INVITE", call.name, call.body(0))
        assert ok.status == 302, ok.start
        (_, _, port), = sdp_media(ok.body)
        call.relay = (RELAY, port)
        self.answer(call)

    def answer(self, call):
        ok = self.asker.ask("INVITE", call.name, call.body(1), to_tag="b")
        assert ok.status == 302, ok.start
        (_, _, port), = sdp_media(ok.body)
        assert (RELAY, port) == call.relay

    def start(self):
        self._stop.clear()
        self._threads = [threading.Thread(target=f, daemon=True)
                         for f in (self._send, self._receive)]
        for t in self._threads:
            t.start()
        return self

    def _send(self):
        """Evenly over the interval."""
        step = self.interval / len(self.calls)
        due = time.monotonic()
        while not self._stop.is_set():
            for call in self.calls:
                call.send()
                due += step
                late = due - time.monotonic()
                if late > 0:
                    time.sleep(late)

    def _receive(self):
        ends = {s.fileno(): (call, i) for call in self.calls
                for i, s in enumerate(call.ends)}
        poll = select.epoll()
        for fd in ends:
            poll.register(fd, select.EPOLLIN)
        while self._threads and not self.done():
            for fd, _ in poll.poll(0.1):
                call, end = ends[fd]
                call.receive(end)
        poll.close()

    def done(self):
        return self._stop.is_set() and not self._threads[0].is_alive() \
            and (time.monotonic() > self.until or not self.missing())

    def missing(self):
        return sum(c.missing() for c in self.calls)

    def sent(self):
        return 2 * sum(c.sent for c in self.calls)

    def wait_more(self, packets=20):
        """Until every end has heard so many more."""
        goal = [[len(h) + packets for h in c.heard] for c in self.calls]
        wait_until(lambda: all(
            len(h) >= n for c, g in zip(self.calls, goal)
            for h, n in zip(c.heard, g)), 30, "packets of every call")

    def stop(self, patience=3.0):
        """No more; what is under way arrives."""
        if self._stop.is_set() or not self._threads:
            return
        self.until = time.monotonic() + 60
        self._stop.set()
        self._threads[0].join()
        self.until = time.monotonic() + patience
        self._threads[1].join()

    def close(self):
        self.stop(0)
        for call in self.calls:
            for s in call.ends:
                s.close()

    def all_heard(self):
        self.stop()
        assert self.missing() == 0, \
            f"{self.missing()} of {self.sent()} packets lost"
        self.in_order()

    def in_order(self):
        assert not [c.name for c in self.calls if c.disorder()]

"""A relayd of its own, asked as a proxy asks it (proto/README.md)."""

import socket

import pytest

from calls import Site
from support.daemons import Daemon, relayd_conf
from support.net import PROXY1, RELAY
from support.sipmsg import Message, sdp, token

TRIES = 5
FIGURES = ("sessions", "streams", "ports_free")


class Asker:
    """The proxy at 203.0.113.1, by hand. What is not answered is repeated."""

    def __init__(self, net, port=5060):
        self.to = (RELAY, 5060)
        self.socket = net.udp("proxy1", port, PROXY1)
        self.socket.settimeout(2)
        net.own(self)

    def close(self):
        self.socket.close()

    def request(self, method, call, body="", to_tag="", options="", cseq=1):
        port = self.socket.getsockname()[1]
        return Message.build(f"{method} sip:relay@{RELAY}{options} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {PROXY1}:{port};branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:a@example.com>;tag=a{call}"),
            ("To", "<sip:b@example.com>" + (f";tag={to_tag}" if to_tag
                                            else "")),
            ("Call-ID", call), ("CSeq", f"{cseq} {method}"),
            ("Content-Type", "application/sdp" if body else None)], body)

    def send(self, request):
        self.socket.sendto(request.raw, self.to)

    def answer(self, branch=None):
        """The next answer (to the request of that branch)."""
        while True:
            m = Message(self.socket.recv(65535))
            if branch in (None, m.branch):
                return m

    def ask(self, *args, **kw):
        request = self.request(*args, **kw)
        for _ in range(TRIES):
            self.send(request)
            try:
                return self.answer(request.branch)
            except (socket.timeout, ConnectionError):
                continue
        raise TimeoutError(f"no answer to {request.start}")

    def offer(self, call, *lines, options=""):
        """The relay request of an offer: ("audio", port) a line."""
        return self.ask("INVITE", call, sdp("10.0.0.16", *(
            lines or [("audio", 4000)])), options=options)

    def release(self, call):
        return self.ask("BYE", call, cseq=2)


class Relay:
    """relayd alone with its asker, and what it says it has."""

    def __init__(self, net, **changes):
        self.net = net
        self.daemon = Daemon(net, "relay", "relayd",
                             relayd_conf(drain=0, **changes))
        self.asker = Asker(net)
        for name in ("offer", "release"):
            setattr(self, name, getattr(self.asker, name))

    def figures(self):
        return {name: self.daemon.metric(name) for name in FIGURES}

    def reload(self, **changes):
        self.daemon.configure(relayd_conf(drain=0, **changes))
        self.daemon.reload()


@pytest.fixture
def relay(net):
    """relay(**configuration) -> Relay"""
    return lambda **changes: Relay(net, **changes)

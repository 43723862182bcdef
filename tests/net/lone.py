"""A redirectd of its own, asked as its trusted proxy asks it
(proto/README.md)."""

import json
import select
import socket
import subprocess
import time

import pytest

from support.daemons import BIN, Daemon, redirectd_conf
from support.net import ADDRESS, PROXY1, REDIRECT, wait_until
from support.sipmsg import Message, token

DOMAIN = "example.com"
TIMEOUT = 10.0
SO_RCVBUFFORCE = 33  # of asm-generic/socket.h
RCVBUF = 8 << 20


def register(user="alice", *contacts, expires=None, cseq=1, call_id=None,
             path=f"<sip:{PROXY1}:5060;lr>", port=5060, tag=None, extra=()):
    """A phone's REGISTER as the proxy at 203.0.113.1 sends it on."""
    aor = f"sip:{user}@{DOMAIN}"
    return Message.build(f"REGISTER sip:{DOMAIN} SIP/2.0", [
        ("Path", path),
        ("Via", f"SIP/2.0/UDP {PROXY1}:{port};branch={token('z9hG4bK')}"),
        ("Max-Forwards", "70"),
        ("From", f"<{aor}>;tag={tag or token('t')}"),
        ("To", f"<{aor}>"),
        ("Call-ID", call_id or token("reg")),
        ("CSeq", f"{cseq} REGISTER"),
        *[("Contact", c) for c in contacts],
        ("Expires", None if expires is None else str(expires)), *extra])


class Asker:
    """The proxy at 203.0.113.1, by hand; or whoever else asks somebody."""

    def __init__(self, net, port=5060, to=(REDIRECT, 5060), host="proxy1"):
        self.to, self.port = to, port
        self.socket = net.udp(host, port, ADDRESS[host])
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF)
        self.socket.setblocking(False)
        net.own(self)

    def close(self):
        self.socket.close()

    def send(self, raw):
        """Nobody there is no failure: the sender is told by the ICMP error of
        the datagram before."""
        for _ in range(2):
            try:
                self.socket.sendto(raw, self.to)
                return
            except ConnectionError:
                continue

    def receive(self, timeout=0.0):
        """The next answer, or None."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                raw = self.socket.recv(65535)
                if raw.strip():   # no keepalive
                    return Message(raw)
            except ConnectionError:
                continue
            except BlockingIOError:
                left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None

    def answer(self, request, timeout=TIMEOUT):
        """The answer to a request that has been sent."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            m = self.receive(left)
            if m is not None and m.branch == request.branch:
                return m
        raise TimeoutError(f"no answer to {request.start}")

    def ask(self, request, timeout=TIMEOUT):
        self.send(request.raw)
        return self.answer(request, timeout)


class Directory:
    """redirectd alone with its asker, and what it says it has."""

    def __init__(self, net, start=True, **changes):
        self.net = net
        self.daemon = Daemon(net, "redirect", "redirectd",
                             redirectd_conf(**changes), start=False)
        self.asker = Asker(net)
        self.ask = self.asker.ask
        if start:
            self.start()

    def start(self, ready=True):
        """Like Daemon.start(), in less time."""
        d = self.daemon
        with open(d.log_path, "ab") as log:
            d.proc = self.net.inside(d.host, lambda: subprocess.Popen(
                [BIN / "redirectd", "-c", d.conf_path], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL))
        if ready:
            wait_until(d._is_ready, TIMEOUT, interval=0.002, what=d.log)

    def register(self, user, *contacts, **kw):
        return self.ask(register(user, *contacts, **kw))

    def populate(self, n):
        """So many clients at once; their users."""
        requests = {f"user{i}": register(
            f"user{i}", f"<sip:user{i}@192.0.2.1>", expires=3600)
            for i in range(n)}
        for request in requests.values():
            self.asker.send(request.raw)
        answers = [self.asker.receive(TIMEOUT) for _ in requests]
        assert all(m is not None and m.status == 200 for m in answers)
        return list(requests)

    def table(self):
        """{client id: bindings} of all, those without any too."""
        status, text = self.daemon.get("/api/clients")
        assert status == 200, text
        answer = json.loads(text)
        assert answer["complete"]
        return {c["id"]: c["bindings"] for c in answer["clients"]}

    def is_well(self):
        """It runs, complains about nothing and registers a phone."""
        assert self.daemon.proc.poll() is None, self.daemon.log()
        assert "level=error" not in self.daemon.log(), self.daemon.log()
        user = token("well")
        contact = f"<sip:{user}@192.0.2.1>"
        for expires in (60, 0):
            assert self.register(user, contact, expires=expires,
                                 cseq=61 - expires, call_id=user).status == 200


@pytest.fixture
def directory(net):
    """directory(**configuration) -> Directory"""
    return lambda **changes: Directory(net, **changes)

"""A small name server on a host of the test network, for the domains of the
tests. A zone is text, one record a line, names without the last dot:

    foreign.example NAPTR 10 50 s SIP+D2U _sip._udp.foreign.example
    _sip._udp.foreign.example SRV 10 0 5060 a.foreign.example
    a.foreign.example A 203.0.113.14

What is not in it is not there.
"""

import select
import socket
import struct
import threading

from .net import ADDRESS

TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35}
_NAMES = {number: name for name, number in TYPES.items()}
_SOA, _IN, _TTL = 6, 1, 60
_QUESTION = 12


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.split(".") if label) + b"\0"


def _string(text):
    return bytes([len(text)]) + text.encode()


def _data(kind, words):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, words[0])
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, words[0])
    if kind == "SRV":
        return struct.pack(">HHH", *map(int, words[:3])) + _name(words[3])
    order, preference, flags, service, replacement = words
    return struct.pack(">HH", int(order), int(preference)) + _string(flags) \
        + _string(service) + _string("") + _name(replacement)


def _record(kind, data, owner=b"\xc0\x0c"):
    return owner + struct.pack(">HHIH", kind, _IN, _TTL, len(data)) + data


class NameServer:
    """NameServer(net, "stranger", zone): answers on port 53 of the host until
    the network goes down. `asked` lists the questions as "SRV name"."""

    def __init__(self, net, host, zone):
        self.address = f"{ADDRESS[host]}:53"
        self.asked = []
        self.silent = self._closing = False
        self.set(zone)
        self._socket = net.udp(host, 53, ADDRESS[host])
        self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True,
                                        name="name server")
        self._thread.start()
        net.own(self)

    def set(self, zone):
        """Another zone from now on."""
        records = [line.split() for line in zone.splitlines() if line.strip()]
        self._records = [(r[0].lower(), r[1], r[2:]) for r in records]

    def close(self):
        self._closing = True
        self._wake[1].send(b"x")
        self._thread.join()
        self._socket.close()
        for s in self._wake:
            s.close()

    def _run(self):
        while not self._closing:
            ready, _, _ = select.select([self._socket, self._wake[0]], [], [])
            if self._socket not in ready:
                continue
            query, source = self._socket.recvfrom(4096)
            answer = self._answer(query)
            if not self.silent:
                self._socket.sendto(answer, source)

    def _answer(self, query):
        labels, at = [], _QUESTION
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name = ".".join(labels).lower()
        number, = struct.unpack(">H", query[at + 1:at + 3])
        kind = _NAMES.get(number, str(number))
        self.asked.append(f"{kind} {name}")
        mine = [(k, words) for n, k, words in self._records if n == name]
        found = [_record(number, _data(k, words)) for k, words in mine
                 if k == kind]
        lack = [] if found else [_record(_SOA, _name("ns.example") * 2
                                         + struct.pack(">5I", 1, 2, 3, 4, 5),
                                         _name("example"))]
        head = query[:2] + struct.pack(
            ">HHHHH", 0x8180 | (0 if mine else 3), 1, len(found), len(lack), 0)
        return head + query[_QUESTION:at + 5] + b"".join(found + lack)

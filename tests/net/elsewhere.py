"""A host outside every network that the phones of the test network are in, for
strangers, and for phones that have moved there."""

import pytest

from calls import Phone
from robust import Deployment
from support.net import PROXY1, PROXY2, STRANGER
from support.sipmsg import Message

ELSEWHERE = "198.51.100.66"


def move_stranger(net):
    """The host of strangers is 198.51.100.66 from here on."""
    net.exec("stranger", "ip", "addr", "del", f"{STRANGER}/24", "dev", "eth0")
    net.address("stranger", f"{ELSEWHERE}/24")
    net.exec("stranger", "ip", "route", "add", "203.0.113.0/24", "dev", "eth0")
    for host in ("proxy1", "proxy2"):
        net.exec(host, "ip", "route", "add", "198.51.100.0/24", "dev", "eth0")


@pytest.fixture
def spread(net):
    """Like `deploy`, where strangers are elsewhere."""
    def make(**changes):
        move_stranger(net)
        return Deployment(net, **changes)
    return make


def phone_elsewhere(site, user, port=5060, proxy=PROXY1):
    return Phone(site.net, "stranger", user, proxy=proxy, port=port,
                 address=ELSEWHERE)


def forged(by, side, method, body=None, skip=0):
    """A request within the call, all as that side of it would say it (Call-ID,
    tags, Route, CSeq, target), but from another host. skip: how many proxies
    of the route it does not go through."""
    real = side._build(method, body)
    headers = []
    routes = iter(range(len(side.routes)))
    for name, value in real.headers:
        if name == "Via":
            value = by.via()
        elif name == "Contact":
            value = f"<{by.contact_uri}>"
        if name == "Content-Length" or \
                (name == "Route" and next(routes) < skip):
            continue
        headers.append((name, value))
    m = Message.build(real.start, headers, real.body)
    first = PROXY1 if PROXY1 in side.routes[skip] else PROXY2
    return by.send(m, (first, 5060), repeat=method != "ACK")

"""Calls across the test network: one network with its daemons for all tests of
a module, the phones of one test, and what a call leaves behind (nothing)."""

import itertools

import pytest

from support.daemons import Pinhole
from support.net import NAT1, NAT2, PROXY1, PROXY2, RELAY, Net, \
    wait_until
from support.rtp import Rtp, build
from support.sip import UA
from support.sipmsg import Message, host_port, param, sdp, token, uri_of

SERVED_BY = {"first": PROXY1, "first17": PROXY1, "stranger": PROXY1,
             "second": PROXY2, "second17": PROXY2, "third": PROXY2}
NAT_OF = {"first": NAT1, "first17": NAT1, "second": NAT2, "second17": NAT2}

# What has to be zero when no call is up.
EMPTY = [("relay", "sessions"), ("relay", "streams"),
         ("proxy1", "sessions"), ("proxy2", "sessions")]


class Phone(UA):
    """A UA that also takes messages (RFC 3428). What is of a method in `manual`
    is left to the test."""

    manual = ()

    def _request(self, m):
        if m.method in self.manual and not m.duplicate:
            return
        if m.method == "MESSAGE" and not m.duplicate:
            self.respond(m, 200, tag=token("t"))
        else:
            super()._request(m)


class Talk:
    """An established call: both sides, and where each was told to send."""

    def __init__(self, call, leg, ok):
        self.call, self.leg, self.ok = call, leg, ok
        self.call_id = call.call_id

    @staticmethod
    def _relay(media):
        return [(address, port) for _, address, port in media]

    @property
    def near(self):
        """The addresses the caller was told in the 200."""
        return self._relay(self.ok.media)

    @property
    def far(self):
        """The addresses the callee was told in the INVITE."""
        return self._relay(self.leg.invite_of_dialog.media)

    def hang_up(self):
        assert self.call.bye().status == 200
        self.leg.wait_request("BYE")


class Site:
    """The usual deployment, with phones and media that last for one test.
    Every phone gets a user and a port of its own, so that nothing of one test
    is mistaken for another's."""

    def __init__(self, net, **changes):
        self.net = net
        self.pinhole = Pinhole(net, **changes)
        self.relay = self.pinhole.relay
        self.redirect = self.pinhole.redirect
        self.proxy1, self.proxy2 = self.pinhole.proxy1, self.pinhole.proxy2
        self._here = []
        self._serial = itertools.count(1)
        self._port = itertools.count(5062, 2)
        self._media = itertools.count(20000, 10)

    def phone(self, host, name, proxy=None, register=True, user=None,
              contact=None, **kw):
        """A phone, registered; `user` makes it another one of that user's."""
        ua = Phone(self.net, host, user or f"{name}{next(self._serial)}",
                   proxy=proxy or SERVED_BY[host], port=next(self._port), **kw)
        ua.host = host
        self._here.append(ua)
        if register:
            assert ua.register(contact=contact).status == 200
        return ua

    def media(self, phone, port=None, send_port=None):
        """A media endpoint of the phone."""
        rtp = Rtp(self.net, phone.host,
                  next(self._media) if port is None else port,
                  0xCA110000 + next(self._serial), send_port)
        self._here.append(rtp)
        return rtp

    def leave(self):
        """After a test: its phones are gone."""
        while self._here:
            self._here.pop().close()

    def gauges(self, names=EMPTY):
        return {(host, name): self.pinhole.all[host].metric(name)
                for host, name in names}

    def settled(self):
        """Wait until no daemon holds anything of any call."""
        wait_until(lambda: not any(self.gauges().values()), 10,
                   lambda: f"everything given back: {self.gauges()}")

    def healthy(self):
        for daemon in self.pinhole.all.values():
            assert daemon.proc.poll() is None, daemon.log()
            assert "level=error" not in daemon.log(), daemon.log()

    @staticmethod
    def address_outside(phone):
        """The IP that the world sees of a phone."""
        return NAT_OF.get(phone.host, phone.ip)

    def flow(self, call_id, part, side):
        """What relayd knows of one direction of a call's first stream."""
        session = self.relay.api("sessions", call=call_id)
        return session["streams"][0][part][side]

    def passed(self, call_id, side, part="rtp"):
        """How many packets of this side it got, wherever they went."""
        flow = self.flow(call_id, part, side)
        return flow["packets"] + flow["dropped"]

    def wait_heard(self, call_id, part, side):
        """Wait until the relay has learned where this side is."""
        wait_until(lambda: self.flow(call_id, part, side)["learned"], 10,
                   f"{part} of the {side} side")

    def requests_open(self):
        return sum(p.metric("requests_open")
                   for p in (self.proxy1, self.proxy2))


class Deployment:
    """A network with a site on it; another one after a test that left the
    first in disorder."""

    def __init__(self):
        self.net = self.site = None

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net)
        return self.site

    def discard(self):
        if self.net is not None:
            self.net.down()
        self.net = self.site = None


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Deployment()
    yield deployment
    deployment.discard()


@pytest.fixture
def site(deployed):
    """The module's deployment. Afterwards every relay resource has to be
    given back, with all daemons alive and well."""
    here = deployed.get()
    try:
        yield here
        here.settled()
        here.healthy()
    except BaseException:
        deployed.discard()
        raise
    here.leave()


def offer_of(phone, *media, attributes=()):
    """The SDP of a phone, with the address it believes in; without media a
    single audio line that nobody listens on."""
    lines = [("audio" if i == 0 else "video", m.port)
             for i, m in enumerate(media)] or [("audio", 4000)]
    return sdp(phone.ip, *lines, attributes=attributes)


def establish(caller, callee, offer=None, answer=None, headers=()):
    """From INVITE to ACK."""
    call = caller.invite(callee.aor, offer or offer_of(caller),
                         headers=headers)
    leg = callee.incoming()
    leg.ring()
    call.wait_status(180)
    leg.answer(answer or offer_of(callee))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    return Talk(call, leg, ok)


def hear_each_other(one, to_one, other, to_other, count=10):
    """Both send numbered packets to where they were told; each gets the
    other's, whole and in order, from exactly there."""
    before = len(one.received), len(other.received)
    one.start(to_one)
    other.start(to_other)
    got = (one.wait_packets(count, other.ssrc, after=before[0]),
           other.wait_packets(count, one.ssrc, after=before[1]))
    one.stop()
    other.stop()
    for packets, source in zip(got, (to_one, to_other)):
        assert {p.source for p in packets} == {source}
        seqs = [p.seq for p in packets]
        assert seqs == sorted(set(seqs))
        assert all(p.raw == build(p.ssrc, p.seq) for p in packets)


# So many packets in sequence prove a source that is not the SDP's very address
# (relayd/learn.h): the last of them is the first to be forwarded.
PROOF = 3


def prove(media, to):
    """Speak until the relay knows where this phone behind a NAT is."""
    for _ in range(PROOF):
        media.send(to)


def traced(daemon, call_id, direction, peer=None, start=""):
    """The messages of one call that a daemon received ("in") or sent ("out"),
    from or to `peer` ("ip:port", or only an IP), oldest first."""
    found = []
    for e in daemon.trace(call_id):
        if e["dir"] == direction and e["text"].startswith(start) \
                and (peer is None or peer in (e["peer"],
                                              host_port(e["peer"])[0])):
            m = Message(e["text"].encode())
            m.peer = host_port(e["peer"])
            found.append(m)
    return found


def seen_from(daemon, call_id, phone, method="INVITE"):
    """Where the phone's request came from, as the daemon's socket saw it:
    the public side of its NAT."""
    m = next(m for m in traced(daemon, call_id, "in", start=method)
             if m.branch and len(m.all("Via")) == 1)
    assert m.peer[0] == Site.address_outside(phone)
    return m.peer


def vias(m):
    """[(sent-by, received, rport, branch)] from the top."""
    return [(host_port(v.split(None, 1)[1]), param(v, "received"),
             param(v, "rport"), param(v, "branch")) for v in m.all("Via")]


def record_routes(m):
    return [host_port(uri_of(r)) for r in m.all("Record-Route")]


def is_relay(address):
    return address[0] == RELAY and 30000 <= address[1] <= 30999 \
        and address[1] % 2 == 0


def streams(site):
    """Packets of the caller and of the callee that the relay has passed."""
    session, = site.relay.api("sessions")["sessions"]
    return session["packets_first"], session["packets_second"]


def wait_flow(site, count=25):
    """So many more, both ways."""
    before = streams(site)
    wait_until(lambda: all(now >= then + count for now, then
                           in zip(streams(site), before)), 15,
               lambda: f"media both ways: {before}, {streams(site)}")


def relayed(call, leg, callee, out, back):
    """The callee answers, and both hear each other over the relay; the 200."""
    leg.answer(offer_of(callee, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    near, far = ok.media[0][1:], leg.invite.media[0][1:]
    assert is_relay(near) and is_relay(far)
    hear_each_other(out, near, back, far)
    return ok

"""Browser phones: ICE, DTLS and bundled lines through the relay. The checks are
scripted as a browser makes them: STUN binding requests first, with USERNAME,
between the candidates that each was told; then DTLS; then media."""

import os
import struct

import pytest

from calls import deployed, is_relay, site  # noqa: F401
from support.rtp import build
from support.sipmsg import sdp_media

KEYS = "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{ufrag}{ufrag}{ufrag}{ufrag}{ufrag}" \
       "\r\na=ice-options:trickle\r\na=fingerprint:sha-256 4A:AD:B9:B1:3F\r\n" \
       "a=setup:{setup}\r\n"
COOKIE = 0x2112A442
DTLS = struct.pack("!BHH6sH", 22, 0xFEFF, 0, bytes(6), 180) + bytes(180)


class Browser:
    """A phone with a media port, its ICE user, and what it says of them."""

    def __init__(self, site, host, name, setup):
        self.ua = site.phone(host, name)
        self.media = site.media(self.ua)
        self.ufrag, self.setup = name[:2] + "UF", setup
        self.told = self.peer = None

    def keys(self):
        return KEYS.format(ufrag=self.ufrag, setup=self.setup)

    def line(self, kind, mid, port, address, candidates=True):
        lines = f"m={kind} {port} UDP/TLS/RTP/SAVPF 96\r\n" \
            f"c=IN IP4 {address}\r\na=rtcp:9 IN IP4 0.0.0.0\r\n" \
            f"{self.keys()}a=mid:{mid}\r\na=rtcp-mux\r\n" \
            f"a=rtpmap:96 X/90000\r\n"
        if candidates:
            lines += f"a=candidate:1 1 udp 2122260223 {self.ua.ip} " \
                f"{self.media.port} typ host generation 0\r\n" \
                f"a=candidate:2 1 tcp 1518280447 {self.ua.ip} 9 typ host " \
                f"tcptype active\r\na=end-of-candidates\r\n"
        return lines

    def describe(self, bundled=True, gathered=True):
        head = f"v=0\r\no=- {int.from_bytes(os.urandom(4))} 2 IN IP4 " \
               f"127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        if bundled:
            head += "a=group:BUNDLE 0 1\r\n"
        first = (self.media.port, self.ua.ip) if gathered else (9, "0.0.0.0")
        return head + self.line("audio", 0, *first, candidates=gathered) \
            + self.line("video", 1, 9, "0.0.0.0", candidates=False)

    def check(self, answer=False, nominated=False):
        """A connectivity check (RFC 8445 7.2.2), or the answer to one."""
        user = f"{self.peer.ufrag}:{self.ufrag}".encode()
        pad = -len(user) % 4
        attributes = b"" if answer else struct.pack(
            "!HH", 6, len(user)) + user + bytes(pad)
        if nominated:
            attributes += struct.pack("!HH", 0x25, 0)
        head = struct.pack("!HHI12s", 0x0101 if answer else 1,
                           len(attributes), COOKIE, os.urandom(12))
        return head + attributes

    def say(self, raw):
        self.media.send_raw(raw, self.told)
        return raw

    def heard(self, raw):
        return [p for p in self.media.packets() if p.raw == raw]

    def wait_heard(self, raw):
        self.media.wait_for(lambda: self.heard_locked(raw),
                            what=f"{raw[:12]!r}")

    def heard_locked(self, raw):
        return [p for p in self.media.received if p.raw == raw]


def attribute(body, name):
    """Values of an attribute, of all media lines."""
    return [line.split(":", 1)[1] for line in body.decode().splitlines()
            if line.startswith(f"a={name}:")]


def candidates(body):
    """[(component, address, port, type)]"""
    words = [c.split() for c in attribute(body, "candidate")]
    return [(int(w[1]), w[4], int(w[5]), w[7]) for w in words]


def check_description(body, browser, lines=1):
    """As a browser wants it: its peer's keys, and the relay's one candidate in
    the line that carries the others."""
    media = sdp_media(body)
    told = media[0][1:]
    assert is_relay(told)
    assert set(attribute(body, "ice-ufrag")) == {browser.ufrag}
    assert len(attribute(body, "ice-pwd")) == 2
    assert len(attribute(body, "fingerprint")) == 2
    assert set(attribute(body, "setup")) == {browser.setup}
    assert attribute(body, "ice-options") == []
    assert candidates(body) == [(1, *m[1:], "host") for m in media[:lines]]
    assert body.count(b"a=end-of-candidates") == lines
    assert browser.ua.ip.encode() not in body
    return told


def connect(site, caller, callee, **describe):
    """A call of two browsers: (call, leg)."""
    one = Browser(site, caller, "alice", "actpass")
    other = Browser(site, callee, "bob", "active")
    one.peer, other.peer = other, one
    call = one.ua.invite(other.ua.aor, one.describe(**describe))
    leg = other.ua.incoming()
    other.told = check_description(leg.invite.body, one)
    leg.answer(other.describe(**describe))
    ok = call.wait_status(200)
    one.told = check_description(ok.body, other)
    call.ack()
    leg.wait_ack()
    return one, other, call


def become_connected(one, other):
    """Checks of both, until each has had the other's and its answer."""
    def checked(by, of):
        for _ in range(20):
            raw = by.say(by.check())
            try:
                of.media.wait_for(lambda: of.heard_locked(raw), 0.5)
                return
            except TimeoutError:
                of.say(of.check())  # its own go on meanwhile
        raise AssertionError("no check got through")
    checked(one, other)
    checked(other, one)
    for by, of in ((one, other), (other, one)):
        of.wait_heard(by.say(by.check(answer=True)))
    other.wait_heard(one.say(one.check(nominated=True)))


@pytest.mark.parametrize("gathered", [True, False],
                         ids=["candidates", "trickle"])
@pytest.mark.parametrize("caller, callee", [
    ("first", "second"), ("first", "third"), ("third", "first"),
    ("first", "first17")])
def test_call(site, caller, callee, gathered):
    """ICE, DTLS, then audio and video by one port."""
    one, other, call = connect(site, caller, callee, gathered=gathered)
    become_connected(one, other)
    for by, of in ((one, other), (other, one)):
        of.wait_heard(by.say(DTLS + by.ufrag.encode()))
    for seq in range(5):
        for by, of in ((one, other), (other, one)):
            for ssrc in (1, 2):
                of.wait_heard(by.say(build(
                    by.media.ssrc + ssrc * 0x10000, seq, pt=96,
                    payload=os.urandom(100))))
    assert one.media.sources() == {one.told}
    assert other.media.sources() == {other.told}
    assert site.relay.metric("streams") <= 2
    assert call.bye().status == 200


def test_ice_restart(site):
    """A re-INVITE with new keys: the relay's ports stay."""
    one, other, call = connect(site, "first", "second")
    become_connected(one, other)
    leg = other.ua.calls[call.call_id]
    one.ufrag, other.ufrag = "al2nd", "bo2nd"
    call.reinvite(one.describe())
    asked = leg.wait_reinvite()
    assert check_description(asked.body, one) == other.told
    leg.answer(other.describe())
    assert check_description(call.wait_status(200).body, other) == one.told
    call.ack()
    leg.wait_ack()
    become_connected(one, other)
    assert call.bye().status == 200


def test_between_public_browsers(site):
    """No relay: their ICE is theirs, to the byte."""
    one = Browser(site, "third", "alice", "actpass")
    other = Browser(site, "stranger", "bob", "active")
    offer, answer = one.describe(), other.describe()
    call = one.ua.invite(other.ua.aor, offer)
    leg = other.ua.incoming()
    assert leg.invite.body == offer.encode()
    leg.answer(answer)
    assert call.wait_status(200).body == answer.encode()
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_a_bundle_that_is_declined(site):
    """Offered with a port each; who does not bundle answers with a port each,
    and each line goes its own way."""
    one = Browser(site, "first", "alice", "actpass")
    other = Browser(site, "second", "bob", "active")
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" \
        "a=group:BUNDLE 0 1\r\n" \
        + one.line("audio", 0, one.media.port, one.ua.ip) \
        + one.line("video", 1, one.media.port + 2, one.ua.ip)
    call = one.ua.invite(other.ua.aor, offer)
    leg = other.ua.incoming()
    (_, *audio), (_, *video) = leg.invite.media
    assert is_relay(audio) and is_relay(video) and audio != video
    check_description(leg.invite.body, one, lines=2)
    leg.answer(other.describe(bundled=False))
    ok = call.wait_status(200)
    assert [m[1:] for m in ok.media] == [tuple(audio), tuple(video)]
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


def test_a_bundle_that_is_accepted(site):
    """Offered with a port each, answered at one: the caller is told one."""
    one = Browser(site, "first", "alice", "actpass")
    other = Browser(site, "second", "bob", "active")
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" \
        "a=group:BUNDLE 0 1\r\n" \
        + one.line("audio", 0, one.media.port, one.ua.ip) \
        + one.line("video", 1, one.media.port + 2, one.ua.ip)
    call = one.ua.invite(other.ua.aor, offer)
    leg = other.ua.incoming()
    leg.answer(other.describe())
    ok = call.wait_status(200)
    told = leg.invite.media[0][1:]
    assert [m[1:] for m in ok.media] == [told, told]
    one.told, other.told = told, told
    one.peer, other.peer = other, one
    call.ack()
    leg.wait_ack()
    become_connected(one, other)
    assert call.bye().status == 200

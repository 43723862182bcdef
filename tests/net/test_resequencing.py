"""RTP that reaches the relay out of order (specification 004, steps 178-198):
where it is wanted the other side gets it in order, and nobody waits for what
is in order anyway."""

import random

import pytest

from calls import establish, offer_of
from robust import deploy  # noqa: F401
from support.net import RELAY, wait_until
from support.rtp import build

WAIT = 200  # ms; the longest there is, for slow machines
MEDIA = {"address": RELAY, "ports": [30000, 30999]}
BY_RELAY = {"relayd": {"media": {**MEDIA, "resequence": WAIT}}}
BY_PROXY = {"proxyd": {"relay": {"resequence": WAIT}}}
OFF_BY_PROXY = {**BY_RELAY, "proxyd": {"relay": {"resequence": 0}}}
MARK = b"\0\1not RTP %d"

WANTED = [pytest.param(BY_RELAY, id="as the relay is configured"),
          pytest.param(BY_PROXY, id="as the proxy asks")]
NOT_WANTED = [pytest.param({}, id="by default"),
              pytest.param(OFF_BY_PROXY, id="as the proxy asks")]


class Line:
    """An answered call whose sides know of each other's first packet."""

    def __init__(self, deploy, conf):
        self.site = deploy(**conf)
        alice, bob = self.site.pair()
        self.out, self.back = self.site.media(alice), self.site.media(bob)
        self.talk = establish(alice, bob, offer_of(alice, self.out),
                              offer_of(bob, self.back))
        self.ways = [(self.out, self.talk.near[0], self.back),
                     (self.back, self.talk.far[0], self.out)]
        self.meet()

    def meet(self):
        """Each side speaks until the other hears it."""
        for one, to, other in self.ways * 2:
            one.start(to)
            self.site.wait_heard(self.talk.call_id, "rtp",
                                 "first" if one is self.out else "second")
            one.stop()
        for one, to, other in self.ways:
            one.start(to)
            other.wait_packets(3, one.ssrc)
            one.stop()
            last = max(one.seq - 1, 0)
            other.wait_for(lambda: other.received[-1].seq == last,
                           what=f"packet {last}")
            one.seq = last + 1

    def send(self, way, *numbers):
        """Packets of these numbers, 0 being the next one; returns what the
        other side had before."""
        one, to, other = self.ways[way]
        before = len(other.received)
        for n in numbers:
            one.send(to, seq=one.seq + n)
        return before

    def heard(self, way, count, after):
        """Their numbers as the other side got them."""
        one, _, other = self.ways[way]
        return [p.seq - one.seq
                for p in other.wait_packets(count, one.ssrc, after=after)]

    def on(self, way, count):
        self.ways[way][0].seq += count

    def stream(self):
        return self.site.relay.api(
            "sessions", call=self.talk.call_id)["streams"][0]

    def counts(self, way):
        return self.stream()["resequence"][("first", "second")[way]]

    def end(self):
        self.talk.hang_up()
        self.site.settled()
        self.site.unhurt()


def permutations(way):
    """Bursts of eight in any order, the same every time."""
    shuffle = random.Random(way).shuffle
    for _ in range(10):
        burst = list(range(8))
        shuffle(burst)
        yield burst


@pytest.mark.parametrize("conf", WANTED)
def test_out_of_order_arrives_in_order(deploy, conf):
    line = Line(deploy, conf)
    for way in (0, 1):
        for burst in permutations(way):
            before = line.send(way, *burst)
            assert line.heard(way, 8, before) == list(range(8))
            line.on(way, 8)
        counts = line.counts(way)
        assert counts["held"] > 10
        assert counts["given_up"] == counts["late"] == 0
        assert counts["duplicates"] == 0
    assert line.stream()["resequence"]["wait_ms"] == WAIT
    # What came is told as it came.
    quality = line.stream()["quality"]
    assert quality["first"]["reordered"] > 10
    assert quality["first"]["lost"] == 0
    line.end()


@pytest.mark.parametrize("conf", NOT_WANTED)
def test_as_it_comes(deploy, conf):
    line = Line(deploy, conf)
    for way in (0, 1):
        for burst in permutations(way):
            before = line.send(way, *burst)
            assert line.heard(way, 8, before) == burst
            line.on(way, 8)
        assert line.counts(way) is None
    assert line.stream()["resequence"]["wait_ms"] == 0
    line.end()


def test_nothing_in_order_waits(deploy):
    """Between packets that are not RTP, which nothing ever holds: each RTP
    packet stays where it was sent."""
    line = Line(deploy, BY_RELAY)
    one, to, other = line.ways[0]
    before = len(other.received)
    sent = []
    for n in range(50):
        sent += [build(one.ssrc, one.seq + n), MARK % n]
        one.send_raw(sent[-2], to)
        one.send_raw(sent[-1], to)
    got = other.wait_packets(100, after=before)
    assert [p.raw for p in got] == sent
    assert line.counts(0)["held"] == 0
    # And with a gap the marks do pass, which shows that they could.
    line.on(0, 50)
    before = line.send(0, 0, 2)
    one.send_raw(MARK % 99, to)
    line.send(0, 1)
    got = other.wait_packets(4, after=before)
    assert [p.raw for p in got] == [
        build(one.ssrc, one.seq), MARK % 99,
        build(one.ssrc, one.seq + 1), build(one.ssrc, one.seq + 2)]
    line.end()


def test_a_lost_one_is_given_up(deploy):
    """Those behind it come by themselves; should it come after all, or
    another one again, it is dropped."""
    line = Line(deploy, BY_RELAY)
    before = line.send(0, 0, 2, 3, 6)
    assert line.heard(0, 4, before) == [0, 2, 3, 6]
    assert line.counts(0)["given_up"] == 3
    before = line.send(0, 1, 6, 4, 3, 7)
    assert line.heard(0, 1, before) == [7]
    counts = line.counts(0)
    assert (counts["late"], counts["duplicates"]) == (2, 2)
    # The other direction had nothing of this.
    assert not any(line.counts(1).values())
    for name, want in (("given_up", 3), ("late", 2), ("duplicates", 2)):
        assert line.site.relay.metric(f"resequence_{name}") == want
    line.end()


def test_a_new_beginning(deploy):
    """Another SSRC, and numbers that leap: what was held leaves first, then
    it goes on without waiting."""
    line = Line(deploy, BY_RELAY)
    one, to, other = line.ways[0]
    before = line.send(0, 0, 2)
    line.send(0, 20000, 20001)
    assert line.heard(0, 4, before) == [0, 2, 20000, 20001]
    before = line.send(0, 20003)
    for seq in (7, 8):
        one.send_raw(build(one.ssrc + 1, seq), to)
    assert [(p.ssrc - one.ssrc, p.seq)
            for p in other.wait_packets(3, after=before)] == [
                (0, one.seq + 20003), (1, 7), (1, 8)]
    line.end()


def test_not_left_to_the_kernel(deploy):
    """The fast path does not look at numbers: such a stream is not for it."""
    line = Line(deploy, BY_RELAY)
    for way in (0, 1):
        before = line.send(way, *range(60))
        assert line.heard(way, 60, before) == list(range(60))
    for side in ("first", "second"):
        flow = line.stream()["rtp"][side]
        assert flow["packets"] >= 60
        assert flow["fast_packets"] == 0 and not flow["fast"]
    assert line.site.relay.metric("fast_flows") == 0
    line.end()


def test_the_wish_is_the_sessions_own(deploy):
    """A reload is for calls to come; a call that is up keeps what it has."""
    line = Line(deploy, BY_RELAY)
    relay = line.site.relay
    relay.configure({**relay.conf, "media": MEDIA})
    relay.reload()
    wait_until(lambda: "configuration reloaded" in relay.log(), 10,
               "the reload")
    before = line.send(0, 0, 2, 1)
    assert line.heard(0, 3, before) == [0, 1, 2]
    again = Line(lambda **conf: line.site, {})
    assert again.counts(0) is None
    again.talk.hang_up()
    line.end()

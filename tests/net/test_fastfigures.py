"""The figures of a stream that the kernel forwards: they are as if relayd had
seen each packet. Every packet sent is known, so the counts are exact; none of
them went through relayd, which the count of fast packets shows."""

import pytest

from calls import deployed, offer_of, site  # noqa: F401
from test_fastpath import call_between, sides, wait_fast
from support.net import wait_until

# As in test_quality: 200 numbers, of which 10 never come, 3 come twice, 4
# behind a later one.
LOST = {7, 8, 9, 50, 77, 100, 101, 102, 103, 150}
NUMBERS = [n for n in range(200) if n not in LOST]
for number, places in ((20, 1), (60, 2), (120, 5), (180, 90)):
    NUMBERS.remove(number)
    NUMBERS.insert(NUMBERS.index(number + places) + 1
                   if number + places < 200 else len(NUMBERS), number)
for number in (30, 31, 199):
    NUMBERS.insert(NUMBERS.index(number) + 1, number)

ADDED = ("expected", "lost", "duplicates", "reordered", "strays", "restarts",
         "ssrcs")


@pytest.fixture
def talk(site):
    """A call whose media is with the kernel, and nothing on its way."""
    talk = call_between(site, "first", "third")
    talk.out.start(talk.near[0])
    talk.back.start(talk.far[0])
    wait_fast(site, talk, more=5)
    talk.out.stop()
    talk.back.stop()
    talk.back.wait_for(lambda: talk.back.packets(talk.out.ssrc)[-1].seq
                       == talk.out.seq - 1, what="the last packet")
    yield talk
    talk.hang_up()


def quality(site, talk, side="first"):
    stream, = site.relay.api("sessions", call=talk.call_id)["streams"]
    return stream["quality"][side]


def send_fast(site, talk, count, packets):
    """Have packets() send `count` of them; what they added to the figures.
    All of them went past relayd."""
    before, was = quality(site, talk), sides(site, talk)[0]
    packets()
    wait_until(lambda: sides(site, talk)[0]["packets"]
               == was["packets"] + count, 10, f"{count} packets")
    assert sides(site, talk)[0]["fast_packets"] == was["fast_packets"] + count
    after = quality(site, talk)
    return [after[name] - before[name] for name in ADDED]


def test_losses_duplicates_and_order_are_exact(site, talk):
    start = talk.out.seq

    def pattern():
        for n in NUMBERS:
            talk.out.send(talk.near[0], seq=start + n)
    assert len(NUMBERS) == 193
    assert send_fast(site, talk, 193, pattern) == [200, 10, 3, 4, 0, 0, 0]
    # on the other side nothing
    other = quality(site, talk, "second")
    assert (other["lost"], other["duplicates"], other["reordered"]) \
        == (0, 0, 0)


def test_numbers_go_round(site, talk):
    """Some loss between, more than once."""
    def rounds():
        for n in range(talk.out.seq, talk.out.seq + 200000, 1000):
            talk.out.send(talk.near[0], seq=n, timestamp=0)
    assert send_fast(site, talk, 200, rounds) \
        == [199001, 199001 - 200, 0, 0, 0, 0, 0]


def test_another_source_and_a_restart(site, talk):
    ssrc = talk.out.ssrc

    def other():
        talk.out.ssrc += 1
        for n in (7, 8, 9, 10):
            talk.out.send(talk.near[0], seq=n)
    assert send_fast(site, talk, 4, other) == [4, 0, 0, 0, 0, 0, 1]

    def restart():
        for n in (20000, 20001, 20002, 20003):
            talk.out.send(talk.near[0], seq=n)
    assert send_fast(site, talk, 4, restart) == [4, 0, 0, 0, 0, 1, 0]

    def stray():
        talk.out.ssrc = ssrc
        talk.out.send(talk.near[0], seq=9)
    assert send_fast(site, talk, 1, stray) == [0, 0, 0, 0, 1, 0, 0]


def test_jitter(site, talk):
    """Every other packet claims to be 200 ms older than it is, so that this is
    what interarrival jitter comes to, whatever the machine adds."""
    def uneven():
        for _ in range(400):
            n = talk.out.seq
            talk.out.send(talk.near[0], timestamp=n * 160 + n % 2 * 1600)
    assert quality(site, talk)["jitter_ms"] < 100
    send_fast(site, talk, 400, uneven)
    after = quality(site, talk)
    assert 180 < after["jitter_ms"] < 220
    assert 100 < after["jitter_mean_ms"] < after["jitter_max_ms"]

    def even():
        for _ in range(100):
            talk.out.send(talk.near[0], timestamp=0)
    send_fast(site, talk, 100, even)
    # one timestamp is timed once
    assert quality(site, talk)["jitter_mean_ms"] \
        == pytest.approx(after["jitter_mean_ms"], rel=0.2)


def test_a_type_not_seen_yet_goes_through_relayd(site, talk):
    """It alone knows the clock; then the kernel does, too."""
    slow = [s["packets"] - s["fast_packets"] for s in sides(site, talk)]
    talk.back.start(talk.far[0])
    talk.out.send(talk.near[0], pt=34)
    talk.back.wait_for(lambda: any(p.pt == 34 for p in talk.back.received),
                       what="the packet of another type")
    assert sides(site, talk)[0]["packets"] \
        - sides(site, talk)[0]["fast_packets"] == slow[0] + 1
    # the first type is known as ever
    talk.out.start(talk.near[0])
    wait_fast(site, talk, more=5)
    talk.out.stop()
    talk.back.stop()

    def both():
        for n in range(20):
            talk.out.send(talk.near[0], pt=n % 2 * 34)
    assert send_fast(site, talk, 20, both) == [20, 0, 0, 0, 0, 0, 0]

"""The figures of a stream: what was lost, came twice, late or uneven on its
way to the relay, and what the phones report. Every packet sent is known, so
the counts have to be exact: in relayd's API, in the statistics that come with
the release, in the metrics and in the log."""

import json
import struct
import time

import pytest

from calls import Deployment, Site, establish, hear_each_other, offer_of, \
    site, traced  # noqa: F401
from support.net import RELAY, Net, wait_until
from support.rtp import build

# As it was sent: 200 numbers, of which 10 never are, 3 come twice, 4 behind a
# later one.
LOST = {7, 8, 9, 50, 77, 100, 101, 102, 103, 150}
NUMBERS = [n for n in range(200) if n not in LOST]
for number, places in ((20, 1), (60, 2), (120, 5), (180, 90)):
    NUMBERS.remove(number)
    NUMBERS.insert(NUMBERS.index(number + places) + 1
                   if number + places < 200 else len(NUMBERS), number)
for number in (30, 31, 199):
    NUMBERS.insert(NUMBERS.index(number) + 1, number)

# Just below the end of the numbers, so that they go round.
START = 65436


class Exact(Deployment):
    """With relayd seeing every packet: what the kernel forwards is not looked
    at one by one."""

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(self.net, relayd={"fastpath": "off"})
        return self.site


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Exact()
    yield deployment
    deployment.discard()


# Not RTP, so that it counts for nothing but where it came from; two prove it.
PUNCH = b"\0\1\0\0" + bytes(16)


def media_call(site, attributes=()):
    """A call of first, behind a NAT, to third, whose RTP has not reached the
    relay yet, but which know where they are: talk, out, back."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out, attributes=attributes),
                     offer_of(bob, back, attributes=attributes))
    for _ in range(2):
        out.send_raw(PUNCH, talk.near[0])
    site.wait_heard(talk.call_id, "rtp", "first")
    out.sent = 0
    return talk, out, back


def quality(site, talk, side):
    session = site.relay.api("sessions", call=talk.call_id)
    return session["streams"][0]["quality"][side]


def wait_passed(site, talk, side, count, part="rtp"):
    count += (side, part) == ("first", "rtp")  # of the two above
    wait_until(lambda: site.passed(talk.call_id, side, part) >= count, 10,
               lambda: f"{count} {part} packets of the {side} side, not "
                       f"{site.passed(talk.call_id, side, part)}")


def released(site, talk):
    """The statistics in the answer to the release."""
    wait_until(lambda: bodies(site, talk), 10, "the answer to the release")
    return json.loads(bodies(site, talk)[-1])


def bodies(site, talk):
    return [m.body for m in traced(site.proxy1, talk.call_id, "in",
                                   f"{RELAY}:5060", "SIP/2.0 200")
            if m.get("Content-Type") == "application/json"]


COUNTS = {"codec": "PCMU", "expected": 200, "lost": 10, "loss_percent": 5.0,
          "duplicates": 3, "reordered": 4, "strays": 0, "restarts": 0,
          "ssrcs": 1, "reported": None, "round_trip_ms": None}
# Of one timestamp nothing is known of jitter, of 5 % loss R is 76.94.
UNTIMED = {"jitter_ms": None, "jitter_mean_ms": None, "jitter_max_ms": None,
           "mos": 3.903}


def test_known_losses_duplicates_and_reordering_are_shown_exactly(site):
    lost_before = site.relay.metric("rtp_lost")
    talk, out, back = media_call(site)
    for n in NUMBERS:
        out.send(talk.near[0], seq=START + n, timestamp=0)
    wait_passed(site, talk, "first", len(NUMBERS))
    for n in range(50):
        back.send(talk.far[0], seq=n, timestamp=0)
    wait_passed(site, talk, "second", 50)
    assert len(NUMBERS) == 193
    assert quality(site, talk, "first") == {**COUNTS, **UNTIMED}
    other = quality(site, talk, "second")
    assert (other["expected"], other["lost"], other["mos"]) == (50, 0, 4.4)

    session = site.relay.api("sessions", call=talk.call_id)
    for side in ("first", "second"):
        flow = session["streams"][0]["rtp"][side]
        assert 0 <= flow["first_ms"] <= flow["last_ms"] \
            <= session["duration_ms"]
    talk.hang_up()
    stream, = released(site, talk)["streams"]
    assert stream["quality"]["first"] == {**COUNTS, **UNTIMED}
    assert stream["quality"]["second"] == other
    assert site.relay.metric("rtp_lost") == lost_before + 10
    site.relay.wait_log('quality_first="lost 10 of 200, jitter -, '
                        'MOS 3.9"')
    site.relay.wait_log('quality_second="lost 0 of 50, jitter -, '
                        'MOS 4.4"')


def test_a_side_that_never_spoke_has_no_figures(site):
    talk, out, back = media_call(site)
    back.send(talk.far[0])
    wait_passed(site, talk, "second", 1)
    assert quality(site, talk, "first") is None
    assert quality(site, talk, "second")["expected"] == 1
    talk.hang_up()


def test_another_ssrc_and_a_restart_are_no_loss(site):
    talk, out, back = media_call(site)
    for ssrc, first in ((1, 100), (2, 40000), (2, 7)):
        for n in range(30):
            out.send_raw(build(ssrc, first + n, timestamp=0), talk.near[0])
    wait_passed(site, talk, "first", 90)
    q = quality(site, talk, "first")
    assert (q["expected"], q["lost"], q["strays"]) == (90, 0, 0)
    assert (q["ssrcs"], q["restarts"]) == (2, 1)
    talk.hang_up()


def test_a_sender_in_step_with_nobody_has_jitter(site):
    """Timestamps a second apart, packets as fast as they go: each transit
    time differs by almost a second from the last."""
    talk, out, back = media_call(site)
    for n in range(20):
        out.send(talk.near[0], seq=n, timestamp=n * 8000)
    wait_passed(site, talk, "first", 20)
    q = quality(site, talk, "first")
    assert 100 < q["jitter_mean_ms"] < q["jitter_ms"] == q["jitter_max_ms"]
    assert q["jitter_ms"] < 1000
    talk.hang_up()


def test_a_key_press_is_no_jitter(site):
    """RFC 4733: all packets of an event have the timestamp of its beginning;
    the payload type is known from the SDP alone."""
    talk, out, back = media_call(
        site, attributes=("rtpmap:101 telephone-event/8000",))
    out.send(talk.near[0], seq=0, timestamp=0)
    for n in range(1, 41):
        out.send(talk.near[0], seq=n, timestamp=40000 * (n % 2), pt=101)
    out.send(talk.near[0], seq=41, timestamp=0)
    wait_passed(site, talk, "first", 42)
    q = quality(site, talk, "first")
    assert (q["codec"], q["expected"], q["lost"]) == ("PCMU", 42, 0)
    assert q["jitter_ms"] is None
    talk.hang_up()


def report_block(ssrc, lost, highest, lsr, dlsr, fraction=0):
    return struct.pack("!IIIIII", ssrc, fraction << 24 | lost, highest, 160,
                       lsr, dlsr)


def test_what_the_phones_report(site):
    """A sender report of the caller reaches the callee, whose report says how
    it hears the caller and gives the round trip."""
    talk, out, back = media_call(site)
    hear_each_other(out, talk.near[0], back, talk.far[0])
    out_rtcp = site.media(talk.call.ua, out.port + 1)
    back_rtcp = site.media(talk.leg.ua, back.port + 1)
    begun = time.monotonic()
    out_rtcp.send_raw(
        struct.pack("!BBHIQIII", 0x80, 200, 6, out.ssrc, 0x123456789ABCDEF0,
                    0, 0, 0), (RELAY, talk.near[0][1] + 1))
    back_rtcp.wait_packets(1)
    back_rtcp.send_raw(
        struct.pack("!BBHI", 0x81, 201, 7, back.ssrc)
        + report_block(out.ssrc, 2, out.seq - 1, 0x56789ABC, 0, 64),
        (RELAY, talk.far[0][1] + 1))
    wait_passed(site, talk, "second", 1, "rtcp")
    took = (time.monotonic() - begun) * 1000
    first, second = (quality(site, talk, s) for s in ("first", "second"))
    assert first["reported"] == {"lost": 2, "loss_percent": 25.0,
                                 "jitter_ms": 20.0}
    assert first["lost"] == 0
    assert 0 < second["round_trip_ms"] < took
    assert second["reported"] is None and first["round_trip_ms"] is None
    talk.hang_up()


def test_garbage_on_the_rtcp_port_gives_no_figures(site):
    talk, out, back = media_call(site)
    hear_each_other(out, talk.near[0], back, talk.far[0])
    back_rtcp = site.media(talk.leg.ua, back.port + 1)
    head = struct.pack("!BBHI", 0x81, 201, 7, back.ssrc)
    good = report_block(out.ssrc, 0, out.seq - 1, 0, 0)
    for garbage in (head, head + good[:-1], head + good + b"\x80\0\0\7tag!",
                    head + report_block(back.ssrc, 0, out.seq - 1, 0, 0),
                    head + report_block(out.ssrc, 9999, out.seq - 1, 0, 0),
                    head + report_block(out.ssrc, 0, out.seq + 9, 0, 0)):
        back_rtcp.send_raw(garbage, (RELAY, talk.far[0][1] + 1))
    wait_passed(site, talk, "second", 6, "rtcp")
    assert quality(site, talk, "first")["reported"] is None
    back_rtcp.send_raw(head + good, (RELAY, talk.far[0][1] + 1))
    wait_passed(site, talk, "second", 7, "rtcp")
    assert quality(site, talk, "first")["reported"]["lost"] == 0
    talk.hang_up()


def test_loss_is_right_where_the_kernel_forwards(can_net):
    """The packets that relayd never sees are not taken for lost, and those
    that never came are; without the fast path all the same."""
    with Net() as net:
        site = Site(net)
        talk, out, back = media_call(site)
        out.start(talk.near[0], 0.002)
        back.start(talk.far[0], 0.002)
        if site.relay.metric("fastpath"):
            wait_until(lambda: site.flow(talk.call_id, "rtp",
                                         "first")["fast_packets"] > 500, 30,
                       "packets forwarded by the kernel")
        else:
            wait_passed(site, talk, "first", 500)
        out.stop()
        back.stop()
        out.seq += 7
        for _ in range(20):
            out.send(talk.near[0])
        wait_passed(site, talk, "first", out.sent)
        wait_passed(site, talk, "second", back.sent)
        first, second = (quality(site, talk, s) for s in ("first", "second"))
        assert (first["expected"], first["lost"]) == (out.sent + 7, 7)
        assert (second["expected"], second["lost"]) == (back.sent, 0)
        assert first["ssrcs"] == 1 and first["restarts"] == 0
        talk.hang_up()
        site.settled()
        site.healthy()

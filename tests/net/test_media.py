"""Media through the relay: every packet numbered, every source noted."""

import pytest

from calls import PROOF, deployed, establish, hear_each_other, offer_of, \
    prove, site  # noqa: F401
from support.net import NAT1, RELAY, wait_until
from support.sipmsg import host_port, sdp

SHAPES = [pytest.param("first", "third", id="2a"),
          pytest.param("third", "first", id="2b"),
          pytest.param("first", "second", id="2c")]



def report(media, n):
    """A sender report (RFC 3550 6.4.1) of a phone's stream, to tell apart."""
    return bytes.fromhex("80c80006") + media.ssrc.to_bytes(4, "big") \
        + bytes(16) + b"%4d" % n


def media_call(site, caller, callee):
    """A call that nobody has spoken in yet: talk, out, back."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    return talk, out, back


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_only_through_the_relay(site, caller, callee):
    """Both directions: what is received came from the relay's address and
    port and from nowhere else, whole and in order; the relay saw each client
    at its public address."""
    talk, out, back = media_call(site, caller, callee)
    (near,), (far,) = talk.near, talk.far
    hear_each_other(out, near, back, far, count=50)
    assert out.sources() == {near} and back.sources() == {far}
    assert near[0] == far[0] == RELAY
    stream, = site.relay.api("sessions", call=talk.call_id)["streams"]
    for side, phone in (("first", talk.call.ua), ("second", talk.leg.ua)):
        learned = host_port(stream["rtp"][side]["learned"])
        assert learned[0] == site.address_outside(phone)
        assert stream["rtp"][side]["packets"] >= 50
    talk.hang_up()


def test_the_proven_packet_to_a_public_client_arrives(site):
    """Its address is known from the signalling: nothing is lost (2a) but what
    the other side proved itself with; and nothing of its own."""
    talk, out, back = media_call(site, "first", "third")
    prove(out, talk.near[0])
    assert [p.seq for p in back.wait_packets(1, out.ssrc)] == [PROOF - 1]
    back.send(talk.far[0])
    assert [p.seq for p in out.wait_packets(1, back.ssrc)] == [0]
    talk.hang_up()


def test_the_proven_packet_from_the_natted_callee_arrives(site):
    talk, out, back = media_call(site, "third", "first")
    prove(back, talk.far[0])
    assert [p.seq for p in out.wait_packets(1, back.ssrc)] == [PROOF - 1]
    out.send(talk.near[0])
    assert [p.seq for p in back.wait_packets(1, out.ssrc)] == [0]
    talk.hang_up()


def test_three_packets_open_a_pinhole(site):
    """Behind two NATs nobody can be reached before having spoken; three packets
    each are enough (2c)."""
    talk, out, back = media_call(site, "first", "second")
    prove(out, talk.near[0])
    wait_until(lambda: site.relay.metric("nowhere_packets") > 0, 10,
               "the relay knows alice")
    prove(back, talk.far[0])
    assert [p.seq for p in out.wait_packets(1, back.ssrc)] == [PROOF - 1]
    out.send(talk.near[0])
    assert [p.seq for p in back.wait_packets(1, out.ssrc)] == [PROOF]
    talk.hang_up()


@pytest.mark.parametrize("caller, callee", SHAPES)
def test_rtcp_on_the_next_port(site, caller, callee):
    talk, out, back = media_call(site, caller, callee)
    (near,), (far,) = talk.near, talk.far
    hear_each_other(out, near, back, far)
    out_rtcp = site.media(talk.call.ua, out.port + 1)
    back_rtcp = site.media(talk.leg.ua, back.port + 1)
    near_rtcp, far_rtcp = (near[0], near[1] + 1), (far[0], far[1] + 1)
    # The first of a NATed pair opens the pinhole and may get lost.
    out_rtcp.send_raw(report(out, 0), near_rtcp)
    site.wait_heard(talk.call_id, "rtcp", "first")
    back_rtcp.send_raw(report(back, 1), far_rtcp)
    got = out_rtcp.wait_packets(1)
    out_rtcp.send_raw(report(out, 2), near_rtcp)
    back_rtcp.wait_for(lambda: any(p.raw == report(out, 2)
                                   for p in back_rtcp.received),
                       what="the second report")
    assert [(p.source, p.raw) for p in got] == [(near_rtcp, report(back, 1))]
    assert back_rtcp.sources() == {far_rtcp}
    assert out.sources() == {near} and back.sources() == {far}
    talk.hang_up()


@pytest.mark.parametrize("caller, callee", [
    pytest.param("first", "third", id="2a: the callee"),
    pytest.param("third", "first", id="2b: the caller")])
def test_an_asymmetric_public_client(site, caller, callee):
    """Specification 004, Figs. 2b and 2c: the public client sends from
    another port than it receives on. What is meant for it goes to the port it
    signalled; what it sends is taken."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")

    def media_of(phone):
        return site.media(phone, send_port=0) if phone.host == "third" \
            else site.media(phone)

    out, back = media_of(alice), media_of(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    (near,), (far,) = talk.near, talk.far
    odd = out if alice.host == "third" else back
    assert odd.send_socket.getsockname()[1] != odd.port
    hear_each_other(out, near, back, far, count=30)
    assert odd.received_on_send == []
    assert out.sources() == {near} and back.sources() == {far}
    talk.hang_up()


def test_a_caller_that_only_listens_first(site):
    """The public side speaks before the client behind the NAT does; it is
    heard from the third packet of that on."""
    talk, out, back = media_call(site, "first", "third")
    back.start(talk.far[0])
    site.wait_heard(talk.call_id, "rtp", "second")
    prove(out, talk.near[0])
    out.wait_packets(10, back.ssrc)
    talk.hang_up()


def test_nothing_after_hanging_up(site):
    """The ports are closed: packets that still come go nowhere."""
    talk, out, back = media_call(site, "first", "second")
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()
    site.settled()
    before = site.relay.metric("packets")
    heard = len(back.received)
    for _ in range(20):
        out.send(talk.near[0])
    # The next call is served after them, by the same relay.
    again, out2, back2 = media_call(site, "first17", "second17")
    hear_each_other(out2, again.near[0], back2, again.far[0])
    assert len(back.received) == heard
    assert site.relay.metric("packets") >= before + 20
    again.hang_up()


def test_media_that_is_not_rtp_passes(site):
    """T.38 is UDPTL; the bytes are nobody's business. Without numbers in it two
    datagrams prove a source (each of UDPTL repeats the one before)."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, sdp(alice.ip, ("image", out.port)),
                     sdp(bob.ip, ("image", back.port)))
    out.send_raw(b"\0\0udptl, not yet", talk.near[0])
    out.send_raw(b"\0\1udptl one way", talk.near[0])
    assert back.wait_packets(1)[0].raw == b"\0\1udptl one way"
    back.send_raw(b"\0\2udptl and back", talk.far[0])
    got, = out.wait_packets(1)
    assert (got.source, got.raw) == (talk.near[0], b"\0\2udptl and back")
    talk.hang_up()


def test_the_relay_tells_what_passed(site):
    """The release's statistics, from which bills and complaints are
    settled."""
    talk, out, back = media_call(site, "first", "second")
    hear_each_other(out, talk.near[0], back, talk.far[0])
    sent, answered = (m.sent - PROOF + 1 for m in (out, back))
    wait_until(lambda: [site.passed(talk.call_id, s)
                        for s in ("first", "second")] == [sent, answered],
               10, "every packet counted")
    rtp = site.relay.api("sessions", call=talk.call_id)["streams"][0]["rtp"]
    assert host_port(rtp["first"]["learned"])[0] == NAT1
    talk.hang_up()
    site.proxy1.wait_log("relay resource released")

"""A phone of IPv4 and one of IPv6 hear each other through the relay, which
serves each in its own family."""

import pytest

from calls import Site, establish, hear_each_other, offer_of
from support.daemons import Daemon, relayd_conf
from support.dialect import Phones, Session, connect, near
from support.net import PROXY1, PROXY2, RELAY, THIRD, wait_until
from support.sipmsg import sdp

RELAY6, THIRD6, STRANGER6 = "2001:db8::4", "2001:db8::14", "2001:db8::66"
EXPEDITED, ASSURED = 46, 34
REPORT = bytes.fromhex("80c80006") + bytes(20) + b"%4d"
BOTH = [pytest.param(THIRD, STRANGER6, id="4-6"),
        pytest.param(THIRD6, "203.0.113.66", id="6-4"),
        pytest.param(THIRD6, STRANGER6, id="6-6")]


def addresses(net):
    for host, ip in (("relay", RELAY6), ("third", THIRD6),
                     ("stranger", STRANGER6)):
        net.address(host, ip + "/64")


def relay(net, **changes):
    """A relay of both families; its phones are third and stranger."""
    addresses(net)
    media = {"address": [RELAY, RELAY6], "ports": [30000, 30999],
             **changes.pop("media", {})}
    return Daemon(net, "relay", "relayd", relayd_conf(media=media, **changes))


def served(ip):
    return RELAY6 if ":" in ip else RELAY


def call(net, one_ip, other_ip, **describe):
    """A session between third and stranger, who have an RTP port each and an
    RTCP port above it."""
    phones, session = Phones(net), Session(net)
    one = session.party(phones.media("third", one_ip, 20000))
    other = session.party(phones.media("stranger", other_ip, 20000))
    for party, host in ((one, "third"), (other, "stranger")):
        party.rtcp = phones.media(host, party.media[0].ip, 20001)
    connect(session, one, other, **describe)
    return session, one, other


def talk(one, other, count=10):
    hear_each_other(one.media[0], one.told[0], other.media[0], other.told[0],
                    count)


def rtcp_port(told):
    return told[0], told[1] + 1


def exchange(out, to, into, source, raw):
    """One packet, heard as it was sent from where it should come."""
    out.send_raw(raw, to)
    got = into.wait_for(lambda: [p for p in into.received if p.raw == raw],
                        what=f"{raw[:16]!r}")
    assert got[0].source == source
    return got[0]


@pytest.mark.parametrize("one_ip, other_ip", BOTH)
def test_each_in_its_own_family(net, one_ip, other_ip):
    daemon = relay(net)
    session, one, other = call(net, one_ip, other_ip)
    assert one.told[0][0] == served(one_ip)
    assert other.told[0][0] == served(other_ip)
    assert one.told[0][1] == other.told[0][1]
    talk(one, other)
    stream, = daemon.api("sessions", call=session.call_id)["streams"]
    for side, ip in (("first", one_ip), ("second", other_ip)):
        assert stream["rtp"][side]["address"] == served(ip)
        assert stream["rtcp"][side]["address"] == served(ip)
    # RTCP, from the source of the RTP
    for i in range(3):
        one.rtcp.send_raw(REPORT % i, rtcp_port(one.told[0]))
        other.rtcp.send_raw(REPORT % i, rtcp_port(other.told[0]))
    exchange(one.rtcp, rtcp_port(one.told[0]), other.rtcp,
             rtcp_port(other.told[0]), REPORT % 8)
    exchange(other.rtcp, rtcp_port(other.told[0]), one.rtcp,
             rtcp_port(one.told[0]), REPORT % 9)
    assert one.media[0].sources() == {one.told[0]}
    assert other.media[0].sources() == {other.told[0]}
    session.release()
    assert daemon.metric("sessions") == 0
    assert daemon.metric("send_errors") == 0


@pytest.mark.parametrize("dscp", [EXPEDITED, ASSURED])
def test_marked_in_both_families(net, dscp):
    daemon = relay(net, media={"dscp": dscp})
    _, one, other = call(net, THIRD, STRANGER6)
    talk(one, other)
    for party in (one, other):
        assert {p.traffic for p in party.media[0].received} == {dscp << 2}
    assert daemon.metric("packets") >= 20


def test_between_the_families_relayd_forwards_itself(net):
    """The kernel's part cannot give a packet another header; between phones
    of one family it goes on as ever."""
    daemon = relay(net, fastpath="on")
    _, one, other = call(net, THIRD, STRANGER6)
    talk(one, other, 30)
    assert daemon.metric("fast_packets") == 0
    phones, session = Phones(net), Session(net)
    same = [session.party(phones.media(host, None, 21000))
            for host in ("third", "stranger")]
    connect(session, *same)
    talk(*same)
    fast = daemon.metric("fast_packets")
    talk(*same, 30)
    wait_until(lambda: daemon.metric("fast_packets") >= fast + 40, 10,
               "the kernel to forward them")


def test_the_callee_is_found_later(net):
    """The proxy asks before it knows where the callee is, then again: same
    ports, the right family."""
    relay(net)
    phones, session = Phones(net), Session(net)
    one = session.party(phones.media("third", THIRD))
    other = session.party(phones.media("stranger", STRANGER6))
    before = session.offer(one, one.describe())
    assert other.told[0][0] == RELAY
    after = session.offer(one, one.describe(), toward=STRANGER6)
    assert other.told[0] == (RELAY6, before.media[0][2])
    assert near(before) is None and near(after) == RELAY
    session.answer(other, one, other.describe())
    talk(one, other)


def test_through_a_proxy(net):
    """A phone whose media is of IPv6 and whose signalling is not, with one of
    IPv4: needs a relay, and each is told an address of its own family."""
    addresses(net)
    site = Site(net, relayd={"media": {"address": [RELAY, RELAY6],
                                       "ports": [30000, 30999]}})
    alice = site.phone("third", "alice", proxy=PROXY2)
    bob = site.phone("stranger", "bob", proxy=PROXY1)
    out = Phones(net).media("third", THIRD6)
    back = site.media(bob)
    talk = establish(alice, bob, sdp(THIRD6, ("audio", out.port)),
                     offer_of(bob, back))
    assert (talk.near[0][0], talk.far[0][0]) == (RELAY6, RELAY)
    assert "IN IP6" in talk.ok.text and "IP6" not in talk.leg.invite.text
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()
    site.settled()


@pytest.mark.parametrize("one_proxy", [True, False])
def test_through_a_proxy_with_a_late_offer(net, one_proxy):
    """That the two cannot reach each other is seen when the offer comes, in
    the 200; the relay is asked then."""
    addresses(net)
    site = Site(net, relayd={"media": {"address": [RELAY, RELAY6],
                                       "ports": [30000, 30999]}})
    alice = site.phone("third", "alice", proxy=PROXY2)
    bob = site.phone("stranger", "bob", proxy=PROXY2 if one_proxy else PROXY1)
    out, back = site.media(alice), Phones(net).media("stranger", STRANGER6)
    call = alice.invite(bob.aor)
    leg = bob.incoming()
    leg.answer(sdp(STRANGER6, ("audio", back.port)))
    near = call.wait_status(200).media[0][1:]
    call.ack(offer_of(alice, out))
    far = leg.wait_ack().media[0][1:]
    assert (near[0], far[0]) == (RELAY, RELAY6)
    hear_each_other(out, near, back, far)
    assert call.bye().status == 200
    leg.wait_request("BYE")
    site.settled()


def test_one_question_is_enough_within_a_family(net):
    """The relay is asked beside the query of where the callee is; of a relay
    with one address of each family there is no more to ask."""
    addresses(net)
    site = Site(net, relayd={"media": {"address": [RELAY, RELAY6],
                                       "ports": [30000, 30999]}})
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    assert site.proxy1.metric("relay_requests") == 1
    assert talk.near[0] == talk.far[0]
    talk.hang_up()
    site.settled()


def test_a_phone_moves_to_the_other_family(net):
    """A phone that changes network mid-call and re-INVITEs is heard again;
    the other one notices nothing."""
    daemon = relay(net)
    session, one, other = call(net, THIRD, STRANGER6)
    talk(one, other)
    told = list(other.told)
    one.media = (Phones(net).media("third", THIRD6, 22000),)
    one.signalling = THIRD6
    session.offer(one, one.describe())
    assert other.told == told
    session.answer(other, one, other.describe())
    assert one.told == [(RELAY6, told[0][1])]
    talk(one, other)
    # the port of the address that nobody uses any more is closed
    bound = net.exec("relay", "ss", "-lunH", "src", RELAY)
    assert f":{told[0][1]} " not in bound, bound
    assert daemon.metric("send_errors") == 0


def test_a_stranger_of_the_other_family(net):
    """Who sends to the address of the other side is nobody, even with the
    right source address."""
    daemon = relay(net)
    _, one, other = call(net, THIRD, STRANGER6)
    talk(one, other)
    twin = Phones(net).media("third", THIRD6)
    before = daemon.metric("stranger_packets")
    heard = len(other.media[0].received)
    for _ in range(20):
        twin.send(other.told[0])
    daemon.wait_metric("stranger_packets", lambda n: n >= before + 20)
    assert twin.received == []
    assert len(other.media[0].received) == heard
    talk(one, other)


def test_a_restart_in_between(net):
    """The new process serves each side where the old one did."""
    addresses(net)
    daemon = Daemon(net, "relay", "relayd", {}, start=False)
    daemon.configure(relayd_conf(
        drain=0, takeover=str(daemon.dir / "takeover"),
        media={"address": [RELAY, RELAY6], "ports": [30000, 30999]}))
    daemon.start()
    session, one, other = call(net, THIRD, STRANGER6)
    talk(one, other)
    daemon.take_over()
    assert daemon.metric("sessions_restored") == 1
    talk(one, other)
    stream, = daemon.api("sessions", call=session.call_id)["streams"]
    assert [stream["rtp"][s]["address"] for s in ("first", "second")] == \
        [RELAY, RELAY6]
    session.release()

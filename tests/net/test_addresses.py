"""A relay with several addresses: which one each side is served at, by the
routing table and nothing else; what the SDP names instead of it."""

import pytest

from calls import Site, establish, hear_each_other, offer_of
from support.daemons import Daemon, relayd_conf
from support.dialect import Phones, Session, connect, near
from support.net import PROXY1, PROXY2, RELAY, THIRD, wait_until

LAN_RELAY, LAN_PHONE = "192.0.2.1", "192.0.2.77"
PORTS = [30000, 30999]


def lan(net):
    """A network that the relay shares with `stranger` alone, whose only way
    out it is."""
    net.cable(("relay", LAN_RELAY + "/24"), ("stranger", LAN_PHONE + "/24"))
    net.exec("stranger", "ip", "link", "set", "eth0", "down")
    net.exec("stranger", "ip", "route", "add", "default", "via", LAN_RELAY)


def relay(net, **media):
    conf = relayd_conf(media={"ports": PORTS, **media})
    return Daemon(net, "relay", "relayd", conf)


def phone(net, session, host, ip):
    return session.party(Phones(net).media(host, ip))


def talk(one, other, count=10):
    hear_each_other(one.media[0], one.told[0], other.media[0], other.told[0],
                    count)


@pytest.mark.parametrize("address", [None, "auto", [RELAY, LAN_RELAY],
                                     [LAN_RELAY, RELAY]])
def test_by_the_routing_table(net, address):
    """Not configured, or listed in whatever order."""
    lan(net)
    daemon = relay(net, **({"address": address} if address else {}))
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    other = phone(net, session, "stranger", LAN_PHONE)
    connect(session, one, other)
    assert (one.told[0][0], other.told[0][0]) == (RELAY, LAN_RELAY)
    talk(one, other)
    assert daemon.metric("send_errors") == 0
    # two of one network have one address
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    other = phone(net, session, "proxy2", PROXY2)
    connect(session, one, other)
    assert (one.told[0][0], other.told[0][0]) == (RELAY, RELAY)
    talk(one, other)


def test_the_kernel_forwards_from_one_interface_to_the_other(net):
    lan(net)
    conf = relayd_conf(fastpath="on", media={"ports": PORTS})
    daemon = Daemon(net, "relay", "relayd", conf)
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    other = phone(net, session, "stranger", LAN_PHONE)
    connect(session, one, other)
    talk(one, other)
    assert (one.told[0][0], other.told[0][0]) == (RELAY, LAN_RELAY)
    for _ in range(2):
        before = daemon.metric("fast_packets")
        talk(one, other, 30)
        wait_until(lambda: daemon.metric("fast_packets") >= before + 40, 10,
                   "the kernel to forward them")
    # both sides change places with the kernel in between
    session.offer(one, one.describe(), toward=LAN_PHONE)
    session.answer(other, one, other.describe())
    talk(one, other)
    session.release()
    assert daemon.metric("fast_flows") == 0


def test_addresses_that_go_away_are_left_out(net):
    """Of a host's addresses of IPv6 those that are temporary or deprecated
    are none to build a call on."""
    net.address("relay", "2001:db8::4/64")
    net.exec("relay", "ip", "addr", "add", "2001:db8::99/64", "dev", "eth0",
             "nodad", "preferred_lft", "0")
    daemon = relay(net)
    assert "2001:db8::4" in daemon.log()
    assert "2001:db8::99" not in daemon.log()


def test_a_family_that_is_not_served_is_said(net):
    """The operator is told why a phone of IPv6 hears nothing."""
    net.address("third", "2001:db8::14/64")
    daemon = relay(net, address=RELAY)
    session = Session(net)
    one = phone(net, session, "third", "2001:db8::14")
    answer = session.offer(one, one.describe())
    assert answer.media[0][1] == RELAY
    assert daemon.metric("family_unserved") == 1
    daemon.wait_log("add one to media.address")


def test_the_first_of_an_interface_is_used(net):
    """A virtual address listed before the interface's own."""
    net.address("relay", "203.0.113.40/24")
    relay(net, address=["203.0.113.40", RELAY])
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    other = phone(net, session, "proxy2", PROXY2)
    connect(session, one, other)
    assert one.told[0][0] == other.told[0][0] == "203.0.113.40"
    talk(one, other)


def one_to_one(net, outside, inside):
    """Have the internet's bridge know the relay's `inside` address as
    `outside`, as a cloud does."""
    net.exec("relay", "ip", "addr", "add", inside + "/32", "dev", "lo")
    net.exec("relay", "nft", f"""
        table ip cloud {{
            chain in {{
                type nat hook prerouting priority dstnat;
                ip daddr {outside} dnat to {inside}
            }}
            chain out {{
                type nat hook postrouting priority srcnat;
                ip saddr {inside} snat to {outside}
            }}
        }}""")
    net.address("relay", outside + "/24")


def test_advertised_and_bound(net):
    """1:1 NAT: the SDP names what phones see, each address's own; media
    reaches what is bound."""
    lan(net)
    one_to_one(net, "203.0.113.41", "172.16.0.4")
    daemon = relay(net, address=["172.16.0.4", LAN_RELAY],
                   advertise=["203.0.113.41", ""])
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    other = phone(net, session, "stranger", LAN_PHONE)
    connect(session, one, other)
    assert (one.told[0][0], other.told[0][0]) == ("203.0.113.41", LAN_RELAY)
    talk(one, other)
    stream, = daemon.api("sessions", call=session.call_id)["streams"]
    assert stream["rtp"]["first"]["address"] == "172.16.0.4"
    assert stream["rtp"]["second"]["address"] == LAN_RELAY


def test_one_address_says_no_more_than_that(net):
    relay(net, address=RELAY)
    session = Session(net)
    one = phone(net, session, "third", THIRD)
    answer = session.offer(one, one.describe())
    assert near(answer) is None


def test_a_taken_port_is_passed_over(net):
    """One that is free at one address and taken at the other is not given."""
    lan(net)
    taken = [net.udp("relay", port, LAN_RELAY)
             for port in range(PORTS[0], PORTS[0] + 8)
             if port not in (30004, 30005)]
    try:
        relay(net, ports=[30000, 30007], quarantine=0)
        session = Session(net)
        one = phone(net, session, "third", THIRD)
        other = phone(net, session, "stranger", LAN_PHONE)
        connect(session, one, other)
        assert one.told[0][1] == other.told[0][1] == 30004
        talk(one, other)
    finally:
        for s in taken:
            s.close()


class LanSite(Site):
    """The usual deployment, with a phone that is on the relay's LAN: the
    relay's host is its router, and the proxies know the way back."""

    def __init__(self, net):
        lan(net)
        net.exec("relay", "sh", "-c",
                 "echo 1 >/proc/sys/net/ipv4/ip_forward")
        for host in ("proxy1", "proxy2"):
            net.exec(host, "ip", "route", "add", "192.0.2.0/24", "via", RELAY)
        super().__init__(net, relayd={"media": {"ports": PORTS}})

    def lan_phone(self, name):
        ua = self.phone("stranger", name, proxy=PROXY1, register=False,
                        address=LAN_PHONE)
        assert ua.register().status == 200
        return ua


@pytest.mark.parametrize("caller_knows", [True, False], ids=[
    "asked beside the query", "asked after it"])
def test_a_call_through_the_proxies(net, caller_knows):
    """From behind a NAT to the relay's LAN and back: proxyd tells the relay
    where the callee is, however early it has asked, and each phone its own
    of the relay's addresses."""
    site = LanSite(net)
    alice = site.phone("first", "alice", register=caller_knows)
    bob = site.lan_phone("bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    assert (talk.near[0][0], talk.far[0][0]) == (RELAY, LAN_RELAY)
    hear_each_other(out, talk.near[0], back, talk.far[0])
    # the relay was asked twice only where it had to be
    asked = site.proxy1.metric("relay_requests")
    assert asked == (2 if caller_knows else 1)
    talk.hang_up()
    site.settled()


@pytest.mark.parametrize("again", ["caller", "callee"])
def test_reinvited_from_either_side(net, again):
    site = LanSite(net)
    alice, bob = site.phone("first", "alice"), site.lan_phone("bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    near_, far = talk.near, talk.far
    asks, other = (talk.call, talk.leg) if again == "caller" \
        else (talk.leg, talk.call)
    media = {talk.call: (alice, out), talk.leg: (bob, back)}
    asks.reinvite(offer_of(*media[asks]))
    offer = other.wait_reinvite()
    other.answer(offer_of(*media[other]))
    ok = asks.wait_status(200)
    asks.ack()
    other.wait_ack()

    def relays(m):
        return [(ip, port) for _, ip, port in m.media]
    told = {asks: relays(ok), other: relays(offer)}
    assert told[talk.call] == near_ and told[talk.leg] == far
    hear_each_other(out, near_[0], back, far[0])
    talk.hang_up()
    site.settled()


def test_a_late_offer(net):
    """An offer in the 200 and its answer in the ACK: both are rewritten to
    the address of the party that they go to."""
    site = LanSite(net)
    alice, bob = site.phone("first", "alice"), site.lan_phone("bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    for asks, other in ((talk.call, talk.leg), (talk.leg, talk.call)):
        asks.reinvite(None)
        other.wait_reinvite()
        sdps = {talk.call: offer_of(alice, out), talk.leg: offer_of(bob, back)}
        other.answer(sdps[other])
        ok = asks.wait_status(200)
        asks.ack(sdps[asks])
        ack = other.wait_ack()
        want = {talk.call: RELAY, talk.leg: LAN_RELAY}
        assert ok.media[0][1] == want[asks]
        assert ack.media[0][1] == want[other]
    talk.hang_up()
    site.settled()

"""Where media may come from, by policy (media.learn), and what moves a call."""

import pytest

from calls import PROOF, Site, establish, hear_each_other, offer_of, prove
from support.net import NAT1, RELAY
from support.sipmsg import host_port

RATE = 50  # packets a second of a phone
MOVED = "203.0.113.29"


def media(policy):
    return {"media": {"address": RELAY, "ports": [30000, 30999],
                      "learn": policy}}


def policy_site(net, policy):
    return Site(net, relayd=media(policy))


def call_between(site, caller, callee):
    """A call in which both were heard."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.out, talk.back = out, back
    return talk


def forget(net, nat, address):
    """The NAT gets another address, or the same anew: it drops all mappings,
    and the next packet of each phone makes a new one with another port."""
    net.exec(nat, "ip", "addr", "flush", "dev", "eth0")
    net.exec(nat, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
    net.exec(nat, "ip", "route", "add", "default", "via", "203.0.113.254")


def learned(site, talk, side):
    return host_port(site.flow(talk.call_id, "rtp", side)["learned"])


def test_a_mapping_that_changes_is_followed(net):
    """Nobody tells: SSRC and sequence do. Less than two seconds of speech
    are lost, and what the other one says goes to the new port."""
    site = policy_site(net, "signalled")
    talk = call_between(site, "first", "third")
    out, back = talk.out, talk.back
    at = learned(site, talk, "first")
    out.start(talk.near[0])
    back.start(talk.far[0])
    back.wait_packets(5, out.ssrc, after=len(back.received))
    forget(net, "nat1", NAT1)
    site.relay.wait_metric("relearned_stream", lambda n: n == 1)
    heard = len(back.received), len(out.received)
    back.wait_packets(10, out.ssrc, after=heard[0])
    out.wait_packets(10, back.ssrc, after=heard[1])
    out.stop()
    back.stop()
    seqs = [p.seq for p in back.packets(out.ssrc)]
    assert max(b - a for a, b in zip(seqs, seqs[1:])) < 2 * RATE
    now = learned(site, talk, "first")
    assert now[0] == at[0] == NAT1 and now[1] != at[1]
    assert site.relay.metric("relearned") == 1
    assert 'evidence="same SSRC and sequence after silence"' \
        in site.relay.log()
    talk.hang_up()


def test_another_network_and_a_reinvite(net):
    """Wi-Fi to mobile: heard with the first packet from there."""
    site = policy_site(net, "signalled")
    talk = call_between(site, "first", "third")
    out, back = talk.out, talk.back
    forget(net, "nat1", MOVED)
    talk.call.reinvite(offer_of(talk.call.ua, out))
    talk.leg.wait_reinvite()
    talk.leg.answer(offer_of(talk.leg.ua, back))
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()
    heard = len(back.received)
    seq = out.seq
    out.send(talk.near[0])
    assert [p.seq for p in back.wait_packets(1, out.ssrc, after=heard)] \
        == [seq]
    assert learned(site, talk, "first")[0] == MOVED
    assert site.relay.metric("relearned_signalling") == 1
    hear_each_other(out, talk.near[0], back, talk.far[0])
    talk.hang_up()


def test_strict_is_the_address_of_the_sdp(net):
    """A public phone is heard from where it listens, and nowhere else; one
    behind a NAT from there; and a mapping that changes is not followed."""
    site = policy_site(net, "strict")
    talk = call_between(site, "first", "third")
    session = site.relay.api("sessions", call=talk.call_id)
    assert session["learn"] == "strict"
    out, back = talk.out, talk.back
    forget(net, "nat1", NAT1)
    strangers = site.relay.metric("stranger_packets_beside")
    heard = len(back.received)
    out.start(talk.near[0])
    site.relay.wait_metric("stranger_packets_beside",
                           lambda n: n >= strangers + 2 * RATE)
    out.stop()
    assert len(back.received) == heard
    talk.hang_up()


def test_strict_does_not_hear_another_port(net):
    site = policy_site(net, "strict")
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob, send_port=0)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    prove(out, talk.near[0])
    assert back.wait_packets(1, out.ssrc)[0].seq == PROOF - 1
    for _ in range(20):
        back.send(talk.far[0])
    site.relay.wait_metric("stranger_packets_beside", lambda n: n >= 20)
    assert out.received == [] and back.received_on_send == []
    talk.hang_up()


@pytest.mark.parametrize("policy", ["strict", "signalled", "open"])
def test_media_from_elsewhere(net, policy):
    """The SDP names one public host, the media comes from another: what
    `open` is for. The others neither hear it nor answer it."""
    site = policy_site(net, policy)
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, named = site.media(alice), site.media(bob)
    gateway = site.phone("stranger", "gateway", register=False)
    back = site.media(gateway)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, named))
    prove(out, talk.near[0])
    named.wait_packets(1, out.ssrc)
    back.start(talk.far[0])
    if policy == "open":
        out.wait_packets(10, back.ssrc)
        out.start(talk.near[0])
        back.wait_packets(10, out.ssrc)
    else:
        site.relay.wait_metric("stranger_packets_elsewhere",
                               lambda n: n >= RATE)
        out.start(talk.near[0])
        named.wait_packets(10, out.ssrc)
        assert out.received == [] and back.received == []
    out.stop()
    back.stop()
    talk.hang_up()


def test_another_policy_is_for_calls_to_come(net):
    site = policy_site(net, "signalled")
    before = call_between(site, "first", "third")
    site.relay.configure({**site.relay.conf, **media("strict")})
    site.relay.reload()
    site.relay.wait_log("configuration reloaded")
    after = call_between(site, "first17", "second17")
    for talk, policy in ((before, "signalled"), (after, "strict")):
        session = site.relay.api("sessions", call=talk.call_id)
        assert session["learn"] == policy
        talk.hang_up()

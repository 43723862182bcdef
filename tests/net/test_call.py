"""The three calls of the patent's Fig. 2 across the test network: scripted
phones, real daemons, media whose every packet is known."""

import pytest

from support.net import ADDRESS, PROXY1, PROXY2, RELAY, wait_until
from support.rtp import Rtp
from support.sip import UA
from support.sipmsg import host_port, sdp

PROXY = {"first": PROXY1, "second": PROXY2, "third": PROXY2}
SSRC = {"caller": 0xCA11E500, "callee": 0xCA11EE00}


def registered(net, host, user):
    ua = UA(net, host, user, proxy=PROXY[host])
    assert ua.register().status == 200
    return ua


@pytest.mark.parametrize("caller_host, callee_host", [
    pytest.param("first", "third", id="2a: to a public client"),
    pytest.param("third", "first", id="2b: from a public client"),
    pytest.param("first", "second", id="2c: both behind a NAT"),
])
def test_call_with_media_both_ways(net, pinhole, caller_host, callee_host):
    caller = registered(net, caller_host, "alice")
    callee = registered(net, callee_host, "bob")
    out = Rtp(net, caller_host, 4000, SSRC["caller"])
    back = Rtp(net, callee_host, 5000, SSRC["callee"])

    call = caller.invite("sip:bob@example.com",
                         sdp(ADDRESS[caller_host], ("audio", 4000)))
    leg = callee.incoming()
    leg.ring()
    call.wait_status(180)
    leg.answer(sdp(ADDRESS[callee_host], ("audio", 5000)))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()

    (_, offered_ip, offered), = leg.invite.media
    (_, answered_ip, answered), = ok.media
    assert offered_ip == answered_ip == RELAY
    assert pinhole.relay.metric("sessions") == 1

    out.start((RELAY, answered))
    back.start((RELAY, offered))
    assert {p.source for p in back.wait_packets(20, SSRC["caller"])} \
        == {(RELAY, offered)}
    assert {p.source for p in out.wait_packets(20, SSRC["callee"])} \
        == {(RELAY, answered)}

    assert call.bye().status == 200
    leg.wait_request("BYE")
    wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
               "the release")


def test_rewritten_for_the_world_and_restored_for_the_phone(net, pinhole):
    """What the callee sees of a caller behind a NAT is routable (Fig. 5b);
    what comes back to the phone is as it wrote it."""
    alice = registered(net, "first", "alice")
    third = registered(net, "third", "bob")
    call = alice.invite("sip:bob@example.com", sdp("10.0.0.16"))
    leg = third.incoming()
    seen = host_port(leg.invite.contact)
    assert seen[0] == ADDRESS["nat1"]
    assert "10.0.0.16" not in leg.invite.body.decode()
    routes = leg.invite.all("Record-Route")
    assert [host_port(r.strip("<>"))[0] for r in routes] == [PROXY2, PROXY1]
    leg.answer(sdp(ADDRESS["third"]))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert leg.bye().status == 200
    assert host_port(call.wait_request("BYE").uri) == ("10.0.0.16", 5060)


def test_the_phone_sees_its_own_contact_in_the_200(net, pinhole):
    alice = UA(net, "first", "alice", proxy=PROXY1)
    ok = alice.register()
    assert ok.status == 200
    assert [host_port(c.strip("<>")) for c in ok.all("Contact")] \
        == [("10.0.0.16", 5060)]


def test_unknown_callee(net, pinhole):
    alice = registered(net, "first", "alice")
    call = alice.invite("sip:nobody@example.com", sdp("10.0.0.16"))
    assert call.wait_final().status == 404
    wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
               "the release")


def test_busy_gives_the_ports_back(net, pinhole):
    alice = registered(net, "first", "alice")
    bob = registered(net, "second", "bob")
    call = alice.invite("sip:bob@example.com", sdp("10.0.0.16"))
    leg = bob.incoming()
    assert pinhole.relay.metric("sessions") == 1
    leg.reject(486)
    assert call.wait_final().status == 486
    wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
               "the release")


def test_cancel_reaches_the_callee(net, pinhole):
    alice = registered(net, "first", "alice")
    bob = registered(net, "second", "bob")
    call = alice.invite("sip:bob@example.com", sdp("10.0.0.16"))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    assert alice.final(call.cancel()).status == 200
    leg.wait_request("CANCEL")
    assert call.wait_final().status == 487
    wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
               "the release")

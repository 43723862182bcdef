"""Every call shape, across the NAT test network, with scripted phones."""

import pytest

from calls import deployed, establish, hear_each_other, is_relay, \
    offer_of, site  # noqa: F401
from support.net import PROXY1, PROXY2, wait_until
from support.sipmsg import sdp


def both_talk(site, caller, callee):
    """A call with media both ways, through the relay's one port alone, that
    the caller ends."""
    out, back = site.media(caller), site.media(callee)
    talk = establish(caller, callee, offer_of(caller, out),
                     offer_of(callee, back))
    (near,), (far,) = talk.near, talk.far
    assert is_relay(near) and is_relay(far)
    assert site.relay.metric("sessions") == 1
    hear_each_other(out, near, back, far)
    assert out.sources() == {near} and back.sources() == {far}
    talk.hang_up()
    return talk


def test_fig_2c_natted_to_natted(site):
    both_talk(site, site.phone("first", "alice"), site.phone("second", "bob"))


def test_fig_2a_natted_to_public(site):
    both_talk(site, site.phone("first", "alice"), site.phone("third", "bob"))


def test_fig_2b_public_to_natted(site):
    both_talk(site, site.phone("third", "alice"), site.phone("first", "bob"))


def test_claims_13_14_public_to_public(site):
    """No relay is asked, and the session descriptions pass byte for byte."""
    alice, bob = site.phone("third", "alice"), site.phone("stranger", "bob")
    out, back = site.media(alice), site.media(bob)
    asked = site.relay.metric("requests_invite")
    offer = offer_of(alice, out, attributes=["x-odd:  kept  as it is"])
    answer = offer_of(bob, back, attributes=["sendrecv", "ptime:20"])
    talk = establish(alice, bob, offer, answer)
    assert talk.leg.invite.body == offer.encode()
    assert talk.ok.body == answer.encode()
    hear_each_other(out, (bob.ip, back.port), back, (alice.ip, out.port))
    assert site.relay.metric("requests_invite") == asked
    assert site.relay.metric("sessions") == 0
    for proxy in (site.proxy1, site.proxy2):
        assert proxy.metric("sessions") == 0
    talk.hang_up()


def test_public_to_public_on_one_proxy(site):
    alice = site.phone("third", "alice", proxy=PROXY1)
    bob = site.phone("stranger", "bob", proxy=PROXY1)
    asked = site.relay.metric("requests_invite")
    offer, answer = offer_of(alice), offer_of(bob)
    talk = establish(alice, bob, offer, answer)
    assert talk.leg.invite.body == offer.encode()
    assert talk.ok.body == answer.encode()
    assert len(talk.leg.invite.all("Record-Route")) == 1
    talk.hang_up()
    assert site.relay.metric("requests_invite") == asked


@pytest.mark.parametrize("caller, callee", [
    pytest.param("first", "second", id="two NATs"),
    pytest.param("third", "first", id="public to NAT"),
    pytest.param("first", "third", id="NAT to public"),
])
def test_both_on_one_proxy(site, caller, callee):
    talk = both_talk(site, site.phone(caller, "alice", proxy=PROXY1),
                     site.phone(callee, "bob", proxy=PROXY1))
    assert len(talk.leg.invite_of_dialog.all("Record-Route")) == 1


@pytest.mark.parametrize("proxy", [
    pytest.param(PROXY1, id="one proxy"),
    pytest.param(PROXY2, id="two proxies"),
])
def test_both_behind_one_nat(site, proxy):
    both_talk(site, site.phone("first", "alice"),
              site.phone("first17", "bob", proxy=proxy))


def test_phones_that_do_not_know_rport(site):
    both_talk(site, site.phone("first", "alice", rport=False),
              site.phone("second", "bob", rport=False))


def test_two_calls_at_once_do_not_mix(site):
    phones = [site.phone(h, u) for h, u in (
        ("first", "alice"), ("second", "bob"),
        ("first17", "carol"), ("second17", "dave"))]
    media = [site.media(p) for p in phones]
    talks = [establish(phones[i], phones[i + 1],
                       offer_of(phones[i], media[i]),
                       offer_of(phones[i + 1], media[i + 1])) for i in (0, 2)]
    assert talks[0].near != talks[1].near
    assert site.relay.metric("sessions") == 2
    for i, talk in zip((0, 2), talks):
        media[i].start(talk.near[0])
        media[i + 1].start(talk.far[0])
    for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        media[one].wait_packets(10, media[other].ssrc)
    for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        assert {p.ssrc for p in media[one].packets()} == {media[other].ssrc}
    for talk in talks:
        talk.hang_up()


def test_audio_and_video_have_a_port_each(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    a1, a2 = site.media(alice), site.media(alice)
    b1, b2 = site.media(bob), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, a1, a2),
                     offer_of(bob, b1, b2))
    for told, message in ((talk.near, talk.ok), (talk.far, talk.leg.invite)):
        assert [m for m, _, _ in message.media] == ["audio", "video"]
        assert len(set(told)) == 2 and all(map(is_relay, told))
    assert site.relay.metric("sessions") == 1
    assert site.relay.metric("streams") == 2
    hear_each_other(a1, talk.near[0], b1, talk.far[0])
    hear_each_other(a2, talk.near[1], b2, talk.far[1])
    assert {p.ssrc for p in b1.packets()} == {a1.ssrc}
    assert {p.ssrc for p in b2.packets()} == {a2.ssrc}
    talk.hang_up()


def test_the_callee_takes_the_audio_and_refuses_the_video(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    a1, a2 = site.media(alice), site.media(alice)
    b1 = site.media(bob)
    talk = establish(alice, bob, offer_of(alice, a1, a2),
                     sdp(bob.ip, ("audio", b1.port), ("video", 0)))
    assert [port == 0 for _, port in talk.near] == [False, True]
    hear_each_other(a1, talk.near[0], b1, talk.far[0])
    talk.hang_up()


@pytest.mark.parametrize("callee", ["second", "third"])
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_hangs_up(site, side, callee):
    talk = establish(site.phone("first", "alice"), site.phone(callee, "bob"))
    one, other = (talk.call, talk.leg) if side == "caller" \
        else (talk.leg, talk.call)
    assert one.bye().status == 200
    bye = other.wait_request("BYE")
    assert bye.uri == other.ua.contact_uri
    assert bye.source == other.ua.proxy


def test_hanging_up_on_a_phone_that_forgot_the_call(site):
    """The BYE is answered 481; the resource is given back all the same."""
    talk = establish(site.phone("first", "alice"), site.phone("second", "bob"))
    bob = talk.leg.ua
    del bob.calls[talk.call_id]
    assert talk.call.bye().status == 481


def ended_cleanly(site, before):
    """After a call that did not come about."""
    wait_until(lambda: site.requests_open() <= before, 10,
               "no request left open")
    site.settled()


@pytest.mark.parametrize("caller, callee", [
    ("first", "second"), ("first", "third"), ("third", "first")])
def test_cancel_while_ringing(site, caller, callee):
    before = site.requests_open()
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    assert site.relay.metric("sessions") == 1
    assert alice.final(call.cancel()).status == 200
    cancel = leg.wait_request("CANCEL")
    assert cancel.branch == leg.invite.branch
    assert cancel.uri == leg.invite.uri
    assert call.wait_final().status == 487
    leg.wait_ack()
    ended_cleanly(site, before)


def test_cancel_before_anything_was_heard_of_the_callee(site):
    """The callee's phone is silent; the CANCEL waits for it (RFC 3261 9.1)
    and reaches it when it wakes up."""
    before = site.requests_open()
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    call.wait_status(100)
    assert alice.final(call.cancel()).status == 200
    leg.ring()
    leg.wait_request("CANCEL")
    assert call.wait_final().status == 487
    ended_cleanly(site, before)


@pytest.mark.parametrize("callee", ["second", "third"])
@pytest.mark.parametrize("status", [486, 603, 500])
def test_callee_declines(site, status, callee):
    before = site.requests_open()
    alice, bob = site.phone("first", "alice"), site.phone(callee, "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    assert site.relay.metric("sessions") == 1
    leg.reject(status)
    final = call.wait_final()
    assert final.status == status and final.to_tag == leg.local_tag
    leg.wait_ack()
    ended_cleanly(site, before)


@pytest.mark.parametrize("caller", ["first", "third"])
def test_callee_unknown(site, caller):
    before = site.requests_open()
    alice = site.phone(caller, "alice")
    call = alice.invite("sip:nobody@example.com", offer_of(alice))
    assert call.wait_final().status == 404
    ended_cleanly(site, before)


@pytest.mark.parametrize("caller", ["first", "third"])
def test_callee_not_registered(site, caller):
    before = site.requests_open()
    alice, bob = site.phone(caller, "alice"), site.phone("second", "bob")
    assert bob.unregister().status == 200
    call = alice.invite(bob.aor, offer_of(alice))
    assert call.wait_final().status == 480
    ended_cleanly(site, before)
    assert not bob.messages(lambda m: m.method == "INVITE")


def test_early_media(site):
    """The session description of a 183 is replaced like that of a 200."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.ring(183, offer_of(bob, back))
    (_, *told), = call.wait_status(183).media
    assert is_relay(told)
    (_, *far), = leg.invite.media
    hear_each_other(out, tuple(told), back, tuple(far))
    leg.answer(offer_of(bob, back))
    (_, *again), = call.wait_status(200).media
    assert again == told
    call.ack()
    leg.wait_ack()
    assert leg.bye().status == 200


def test_late_offer_between_public_clients(site):
    """Nobody needs the relay: offer in the 200, answer in the ACK, both as
    they are."""
    alice, bob = site.phone("third", "alice"), site.phone("stranger", "bob")
    call = alice.invite(bob.aor)
    leg = bob.incoming()
    offer, answer = offer_of(bob), offer_of(alice)
    leg.answer(offer)
    assert call.wait_status(200).body == offer.encode()
    call.ack(answer)
    assert leg.wait_ack().body == answer.encode()
    assert call.bye().status == 200


@pytest.mark.parametrize("callee", ["second", "third"])
def test_message_out_of_dialog(site, callee):
    alice, bob = site.phone("first", "alice"), site.phone(callee, "bob")
    answer = alice.transact("MESSAGE", bob.aor, body=b"hello",
                            headers=[("Content-Type", "text/plain")])
    assert answer.status == 200 and answer.to_tag
    got = bob.wait_message(lambda m: m.method == "MESSAGE")
    assert got.body == b"hello" and got.source == bob.proxy


@pytest.mark.parametrize("caller", ["first", "third"])
def test_options_out_of_dialog(site, caller):
    alice, bob = site.phone(caller, "alice"), site.phone("second", "bob")
    answer = alice.transact("OPTIONS", bob.aor)
    assert answer.status == 200
    assert len(answer.all("Via")) == 1
    assert bob.wait_message(lambda m: m.method == "OPTIONS").source == \
        (PROXY2, 5060)


def test_options_to_the_proxy_itself(site):
    alice = site.phone("first", "alice")
    assert alice.transact("OPTIONS", f"sip:{PROXY1}").status == 200


def test_phones_that_are_gone_leave_nothing(site):
    """The last of all, as it waits for Timers B, F and M: neither an INVITE
    nor a BYE is ever answered. 408 for both, and no request stays open."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    carol = site.phone("second", "carol")
    talk = establish(alice, bob)
    bob.close()
    carol.close()
    bye = talk.call.request("BYE")
    call = alice.invite(carol.aor, offer_of(alice))
    assert alice.final(bye, timeout=60).status == 408
    assert call.wait_final(timeout=60).status == 408
    wait_until(lambda: site.requests_open() == 0, 60, "no request open")

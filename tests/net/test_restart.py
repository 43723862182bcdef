"""A proxy is killed while calls are up: what it knew of them comes back from
their routes, from the directory and from the record that the relay keeps."""

import pytest

from calls import Talk, hear_each_other, offer_of
from robust import deploy, hang_up, talking  # noqa: F401
from support.net import PROXY1, PROXY2
from support.sipmsg import Message, param, sdp

SIDES = pytest.mark.parametrize("side", ["caller", "callee"])
BOTH = ["proxy1", "proxy2"]
SILENCE = {"media": {"address": "203.0.113.4", "ports": [30000, 30999],
                     "silence": 1}}


def crash(site, names):
    for name in names:
        site.pinhole.all[name].restart(kill=True)


def order(one, other, side):
    return (one, other) if side == "caller" else (other, one)


def up(site, caller="first", callee="second"):
    """A call in which media flows, one way."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.answer(offer_of(bob, back))
    talk = Talk(call, leg, call.wait_status(200))
    call.ack()
    leg.wait_ack()
    hear_each_other(out, talk.near[0], back, talk.far[0])
    out.start(talk.near[0])
    return talk, out


@pytest.mark.parametrize("caller, callee, names", [
    ("first", "second", ["proxy1"]), ("first", "second", BOTH),
    ("first", "third", BOTH), ("third", "first", BOTH)])
def test_a_call_never_seen_is_ended_when_its_media_is_gone(
        deploy, caller, callee, names):
    """No request of the phones comes between the crash and the end: the BYE
    to either has its tags, its target and a number above all before."""
    site = deploy(relayd=SILENCE)
    talk, out = up(site, caller, callee)
    crash(site, names)
    out.stop()
    for leg in (talk.call, talk.leg):
        bye = leg.wait_request("BYE", timeout=15)
        assert bye.call_id == leg.call_id and bye.uri == leg.ua.contact_uri
        assert (bye.from_tag, bye.to_tag) == (leg.remote_tag, leg.local_tag)
        assert bye.cseq > 100000 and bye.source == leg.ua.proxy
        assert param(bye.get("Reason"), "cause") == "408"
    site.settled()
    assert site.relay.metric("sessions_released") == 1
    site.unhurt()


@SIDES
def test_the_record_follows_the_dialog(deploy, side):
    """One party has moved its contact and its media before the crash."""
    site = deploy(relayd=SILENCE)
    talk, out = up(site)
    one, other = order(talk.call, talk.leg, side)
    before, one.ua.user = one.ua.contact_uri, "elsewhere"
    one.reinvite(offer_of(one.ua))
    other.wait_reinvite()
    other.answer(offer_of(other.ua))
    one.wait_status(200)
    one.ack()
    other.wait_ack()
    crash(site, BOTH)
    out.stop()
    assert one.ua.contact_uri != before
    assert one.wait_request("BYE", timeout=15).uri == one.ua.contact_uri
    assert other.wait_request("BYE", timeout=15).uri == other.ua.contact_uri
    site.settled()


@SIDES
@pytest.mark.parametrize("method", ["INFO", "UPDATE", "REFER", "NOTIFY",
                                    "OPTIONS"])
def test_every_request_within_a_call_never_seen(deploy, method, side):
    site = deploy()
    one, other = order(*talking(*site.pair()), side)
    crash(site, BOTH)
    sent = one.request(method, headers=[("Refer-To", f"<{other.ua.aor}>")]
                       if method == "REFER" else ())
    got = other.wait_request(method)
    assert got.uri == other.ua.contact_uri and got.cseq == sent.cseq
    if method in ("REFER", "NOTIFY"):
        other.ua.respond(got, 202)
    assert one.ua.final(sent).status in (200, 202)
    hang_up(other, one)
    site.settled()


@SIDES
def test_an_update_with_a_new_description(deploy, side):
    site = deploy()
    one, other = order(*talking(*site.pair()), side)
    crash(site, BOTH)
    sent = one.request("UPDATE", sdp=sdp(one.ua.ip, ("audio", 21000)))
    (_, ip, port), = other.wait_request("UPDATE").media
    assert ip == "203.0.113.4" and 30000 <= port <= 30999
    assert one.ua.final(sent).status == 200
    hang_up(one, other)
    site.settled()


def test_an_ack_in_flight(deploy):
    """The 200 has passed, and the proxies have gone before its ACK."""
    site = deploy()
    alice, bob = site.pair()
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    crash(site, BOTH)
    call.ack()
    leg.wait_ack()
    hang_up(leg, call)
    site.settled()


@pytest.mark.parametrize("names", [["proxy1"], ["proxy2"], BOTH])
def test_every_client_behind_a_nat_is_reached(deploy, names):
    """Nobody registers anew: the directory knows the channel of each."""
    site = deploy()
    phones = [site.phone(host, f"user{i}") for i, host in
              enumerate(["first", "second", "first", "second"])]
    crash(site, names)
    for caller in phones[:2]:
        for callee in phones:
            if callee is not caller:
                hang_up(*talking(caller, callee))
    site.settled()


# Somebody else.

def forged(talk, mallory, method, route=()):
    """As the caller would send it, who is impersonated."""
    invite = talk.call.invite
    head = [("Via", mallory.via()), ("Max-Forwards", "70")]
    head += [("Route", r) for r in route]
    to = invite.get("To")
    if method == "BYE":
        to += f";tag={talk.call.remote_tag}"
    head += [("From", invite.get("From")), ("To", to),
             ("Call-ID", talk.call_id),
             ("CSeq", f"{invite.cseq + 10} {method}"),
             ("Contact", f"<{mallory.contact_uri}>")]
    body = b""
    if method == "INVITE":
        head.append(("Content-Type", "application/sdp"))
        body = offer_of(mallory)
    uri = talk.leg.ua.aor if method == "INVITE" else talk.call.remote
    return Message.build(f"{method} {uri} SIP/2.0", head, body)


def refused(mallory, m, statuses):
    sent = mallory.send(m, (mallory.proxy[0], 5060))
    assert mallory.final(sent).status in statuses


@pytest.mark.parametrize("host", ["third", "stranger", "first17"])
def test_a_stranger_gets_nothing_of_a_call_never_seen(deploy, host):
    """It knows Call-ID and tags of a call that is up; neither a BYE nor a new
    INVITE gets at the resource, and the media goes where it went."""
    site = deploy()
    talk, out = up(site)
    crash(site, BOTH)
    mallory = site.phone(host, "mallory", register=False,
                         proxy=PROXY1 if host != "third" else PROXY2)
    refused(mallory, forged(talk, mallory, "BYE"), (481,))
    refused(mallory, forged(talk, mallory, "BYE", [
        "<sip:203.0.113.1;lr;ph-side=ab;ph-relay=203.0.113.4:5060;"
        f"ph-mac={'0' * 32}>"]), (481, 403))
    mallory.proxy = (PROXY1, 5060)
    refused(mallory, forged(talk, mallory, "INVITE"), (482,))
    assert site.relay.metric("call_id_in_use") >= 1
    assert site.relay.metric("sessions") == 1
    assert not talk.call.requests("BYE") and not talk.leg.requests("BYE")
    out.stop()
    talk.hang_up()
    site.settled()


def test_a_forged_notice_of_media_gone(deploy):
    """With a record that no proxy has made, from who is no relay."""
    site = deploy()
    talk, out = up(site)
    crash(site, BOTH)
    mallory = site.phone("third", "mallory", register=False)
    head = [("Via", mallory.via()), ("Max-Forwards", "70"),
            ("From", talk.call.invite.get("From")),
            ("To", talk.call.invite.get("To")), ("Call-ID", talk.call_id),
            ("CSeq", "9 BYE"),
            ("Reason", 'SIP;cause=408;text="no media for 60 s"'),
            ("Pinhole-Dialog", "|".join([
                "0" * 32, "0", f"{mallory.ip}:{mallory.port}",
                talk.call.invite.get("From"), talk.call.ua.contact_uri, "",
                "203.0.113.1:5060", "1", talk.call.invite.get("To"),
                talk.leg.ua.contact_uri, "", "203.0.113.2:5060", "1", ""]))]
    m = Message.build(f"BYE sip:relay@{PROXY1}:5060 SIP/2.0", head)
    sent = mallory.send(m, (PROXY1, 5060))
    assert mallory.final(sent).status == 403
    out.stop()
    talk.hang_up()
    site.settled()


# A planned restart.

def test_a_call_that_rings_is_waited_for(deploy):
    """SIGTERM with time: the callee answers, and the call outlives the
    proxies; new ones are refused meanwhile."""
    site = deploy(proxyd={"drain": 30})
    alice, bob = site.pair()
    carol = site.phone("first", "carol")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    for proxy in (site.proxy1, site.proxy2):
        proxy.signal(15)
        proxy.wait_log("draining")
    late = carol.invite(bob.aor, offer_of(carol))
    assert late.wait_final().status == 503
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    for proxy in (site.proxy1, site.proxy2):
        assert proxy.proc.wait(10) == 0
        proxy.start()
    call.ack()
    leg.wait_ack()
    hang_up(call, leg)
    site.settled()

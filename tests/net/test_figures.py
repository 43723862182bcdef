"""The messages of Figs. 5a to 5g and 6a to 6f, header by header, where the
daemons of a live call sent and received them. Standard SIP says with received
and rport (RFC 3581) what the figures do by overwriting the Via."""

from collections import namedtuple

import pytest

from calls import deployed, establish, is_relay, record_routes, \
    seen_from, site, traced, vias  # noqa: F401
from support.net import NAT1, NAT2, PROXY1, PROXY2, RELAY
from support.sipmsg import Message, host_port, uri_of, uri_param

P1, P2 = (PROXY1, 5060), (PROXY2, 5060)
COPIED = ("From", "To", "Call-ID", "CSeq", "Subject", "Allow",
          "Content-Type")

Watched = namedtuple("Watched", "talk caller callee origin target")


def watch(site, caller, callee):
    """A call with everything needed to look at its messages: where the caller
    is seen from (origin), and where the callee is reached (target)."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    talk = establish(alice, bob, headers=[("Subject", "the figures")])
    first = site.proxy1 if alice.proxy == P1 else site.proxy2
    last = site.proxy1 if bob.proxy == P1 else site.proxy2
    origin = seen_from(first, talk.call_id, alice)
    target = seen_from(last, bob._register["call_id"], bob, "REGISTER")
    return Watched(talk, alice, bob, origin, target)


@pytest.fixture
def fig2a(site):
    w = watch(site, "first", "third")
    yield w
    w.talk.hang_up()


@pytest.fixture
def fig2b(site):
    w = watch(site, "third", "first")
    yield w
    w.talk.hang_up()


@pytest.fixture
def fig2c(site):
    w = watch(site, "first", "second")
    yield w
    w.talk.hang_up()


def invite_between(site, w):
    """The INVITE from the one proxy to the other."""
    first, peer = (site.proxy1, PROXY2) if w.caller.proxy == P1 \
        else (site.proxy2, PROXY1)
    m, = traced(first, w.talk.call_id, "out", peer, "INVITE")
    return m


def answers_of(site, w):
    """The 200 as the callee sent it (6a, 6d, 6f), as it went between the
    proxies (6b, 6e), and as the caller received it (6c)."""
    last, peer = (site.proxy1, PROXY2) if w.callee.proxy == P1 \
        else (site.proxy2, PROXY1)
    sent = next(Message(raw) for _, _, raw in w.callee.sent
                if raw.startswith(b"SIP/2.0 200") and b" INVITE\r\n" in raw)
    between, = traced(last, w.talk.call_id, "out", peer, "SIP/2.0 200")
    return sent, between, w.talk.ok


def check_relayed(m, original, phone):
    """m's SDP is the phone's, with the relay's address and port in it."""
    (kind, address, port), = m.media
    (kind_sent, _, port_sent), = original.media
    assert kind == kind_sent and is_relay((address, port))
    assert m.body.decode() == original.body.decode() \
        .replace(phone.ip, RELAY).replace(f" {port_sent} ", f" {port} ")


def check_copied(m, original):
    for name in COPIED:
        assert m.get(name) == original.get(name)


def natted_contact(phone, at):
    return (f"<sip:{phone.user}@{at[0]}:{at[1]};"
            f"ph-own={phone.ip}:{phone.port}>")


def phone_via(w):
    """The caller's own Via as everybody after its proxy sees it."""
    return ((w.caller.ip, w.caller.port), w.origin[0], str(w.origin[1]),
            w.talk.call.invite.branch)


def test_fig_5a_what_the_phone_sends(fig2c):
    """All addresses in it are the private one."""
    w = fig2c
    sent = w.talk.call.invite
    own = (w.caller.ip, w.caller.port)
    assert [v[0] for v in vias(sent)] == [own]
    assert host_port(sent.contact) == own
    assert w.origin[0] == NAT1 and w.origin != own


@pytest.mark.parametrize("shape", ["fig2a", "fig2c"])
def test_fig_5b_between_the_proxies(site, shape, request):
    """192: a second Via; the Record-Route; NAT address and port in Contact
    and Via; the relay's in the SDP; the redirect address in the
    Request-URI."""
    w = request.getfixturevalue(shape)
    m, sent = invite_between(site, w), w.talk.call.invite
    top, phone = vias(m)
    assert top[:3] == (P1, None, None)
    assert phone == phone_via(w)
    assert record_routes(m) == [P1]
    assert m.get("Contact") == natted_contact(w.caller, w.origin)
    assert uri_of(m.uri).startswith(f"sip:{w.callee.user}@{PROXY2}:5060")
    assert host_port(m.uri) == P2
    assert uri_param(m.uri, "ph-domain") == "example.com"
    assert int(m.get("Max-Forwards")) == 69
    check_relayed(m, sent, w.caller)
    check_copied(m, sent)


def test_fig_5c_at_the_public_callee(fig2a):
    """194: one more Via and Record-Route, the callee's address in the
    Request-URI; nothing else is other than in 192."""
    w = fig2a
    m, sent = w.talk.leg.invite_of_dialog, w.talk.call.invite
    second, first, phone = vias(m)
    assert second[:3] == (P2, None, None)
    assert first[:3] == (P1, None, None)
    assert phone == phone_via(w)
    assert record_routes(m) == [P2, P1]
    assert m.uri == w.callee.contact_uri
    assert m.get("Contact") == natted_contact(w.caller, w.origin)
    assert m.source == P2
    check_relayed(m, sent, w.caller)
    check_copied(m, sent)


def test_fig_5d_and_5e_of_a_public_caller(site, fig2b):
    """246: a Via and a Record-Route are added, the Request-URI is replaced;
    Contact and SDP (no relay yet) stay as they were in 236."""
    w = fig2b
    m, sent = invite_between(site, w), w.talk.call.invite
    top, phone = vias(m)
    assert top[:3] == (P2, None, None)
    assert phone == phone_via(w)
    assert record_routes(m) == [P2]
    assert m.get("Contact") == sent.get("Contact")
    assert host_port(m.uri) == P1
    assert m.body == sent.body
    check_copied(m, sent)


def test_fig_5f_at_the_natted_callee(fig2b):
    """248: the first proxy serves the callee and has got the relay."""
    w = fig2b
    m, sent = w.talk.leg.invite_of_dialog, w.talk.call.invite
    top, second, phone = vias(m)
    assert top[:3] == (P1, None, None)
    assert second[:3] == (P2, None, None)
    assert phone == phone_via(w)
    assert record_routes(m) == [P1, P2]
    assert m.uri == f"sip:{w.callee.user}@{NAT1}:{w.target[1]}"
    assert m.get("Contact") == sent.get("Contact")
    assert m.source == P1
    check_relayed(m, sent, w.caller)
    check_copied(m, sent)


def test_fig_5g_at_the_callee_behind_the_other_nat(site, fig2c):
    """254: the NAT's address and port in the Request-URI, which is also where
    it was sent; the relay of 192, not asked for again."""
    w = fig2c
    m, sent = w.talk.leg.invite_of_dialog, w.talk.call.invite
    second, first, phone = vias(m)
    assert second[:3] == (P2, None, None)
    assert first[:3] == (P1, None, None)
    assert phone == phone_via(w) and phone[1] == NAT1
    assert record_routes(m) == [P2, P1]
    assert m.get("Contact") == natted_contact(w.caller, w.origin)
    assert w.target[0] == NAT2
    assert m.uri == f"sip:{w.callee.user}@{NAT2}:{w.target[1]}"
    out, = traced(site.proxy2, w.talk.call_id, "out", NAT2, "INVITE")
    assert out.peer == w.target and out.raw == m.raw
    assert m.body == invite_between(site, w).body
    check_relayed(m, sent, w.caller)
    check_copied(m, sent)
    asked = traced(site.relay, w.talk.call_id, "in", start="INVITE")
    assert {a.peer for a in asked} == {P1}


def test_fig_6a_to_6c_answer_of_a_public_callee(site, fig2a):
    """230, 232, 234: each proxy takes off its Via; the first replaces the
    SDP."""
    w = fig2a
    sent, between, received = answers_of(site, w)
    invite = w.talk.leg.invite_of_dialog
    assert vias(sent) == vias(invite)
    assert vias(between) == vias(invite)[1:]
    assert vias(received) == vias(invite)[2:] == [phone_via(w)]
    for m in (sent, between, received):
        assert m.all("Record-Route") == invite.all("Record-Route")
        assert m.get("Contact") == f"<{w.callee.contact_uri}>"
    assert between.body == sent.body
    check_relayed(received, sent, w.callee)
    for m in (between, received):
        check_copied(m, sent)


def test_fig_6d_to_6e_answer_to_a_public_caller(site, fig2b):
    """250, 252: the proxy that got the relay replaces the SDP, the other lets
    it pass; the Contact is one that the world can reach."""
    w = fig2b
    sent, between, received = answers_of(site, w)
    invite = w.talk.leg.invite_of_dialog
    assert vias(sent) == vias(invite)
    assert vias(between) == vias(invite)[1:]
    assert vias(received) == vias(invite)[2:] == [phone_via(w)]
    assert sent.get("Contact") == f"<{w.callee.contact_uri}>"
    for m in (between, received):
        assert m.all("Record-Route") == invite.all("Record-Route")
        assert m.get("Contact") == natted_contact(w.callee, w.target)
        check_copied(m, sent)
    check_relayed(between, sent, w.callee)
    assert received.body == between.body


def test_fig_6f_answer_from_nat_to_nat(site, fig2c):
    """256, and then as in Fig. 2a: the SDP is replaced by the first proxy, on
    the way to the caller."""
    w = fig2c
    sent, between, received = answers_of(site, w)
    invite = w.talk.leg.invite_of_dialog
    assert vias(between) == vias(invite)[1:]
    assert vias(received) == vias(invite)[2:] == [phone_via(w)]
    for m in (between, received):
        assert m.all("Record-Route") == invite.all("Record-Route")
        assert m.get("Contact") == natted_contact(w.callee, w.target)
        check_copied(m, sent)
    assert between.body == sent.body
    check_relayed(received, sent, w.callee)
    assert [p for _, p in w.talk.near] == [p for _, p in w.talk.far]


def test_what_follows_goes_through_both_proxies(site, fig2c):
    """ACK and requests from either side: the route is used up hop by hop, and
    each phone is named as it wrote its Contact."""
    w = fig2c
    ack = w.talk.leg.wait_ack()
    w.talk.call.request("INFO")
    to_bob = w.talk.leg.wait_request("INFO")
    w.talk.leg.request("INFO")
    to_alice = w.talk.call.wait_request("INFO")
    for m, phone, hops in ((ack, w.callee, [P2, P1]),
                           (to_bob, w.callee, [P2, P1]),
                           (to_alice, w.caller, [P1, P2])):
        assert m.uri == phone.contact_uri
        assert m.source == hops[0]
        assert [v[0] for v in vias(m)][:2] == hops and len(vias(m)) == 3
        assert m.all("Route") == []
    assert ack.branch != w.talk.call.invite.branch

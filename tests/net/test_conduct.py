"""What RFC 3261 has a proxy do with requests that are odd, late or aimed at
what is none of theirs."""

import pytest

from calls import Phone, deployed, establish, offer_of, record_routes, site, \
    traced  # noqa: F401
from robust import deploy, hang_up, paused, talking  # noqa: F401
from support.daemons import Daemon, proxyd_conf
from support.net import PROXY1, PROXY2, REDIRECT, RELAY, STRANGER, THIRD, \
    wait_until
from support.sip import UA
from support.sipmsg import Message, param, token, uri_of

P1 = f"sip:{PROXY1}:5060"


def ask(ua, method, uri, headers=(), via=None, hops=70, **kw):
    """One request outside a dialog, its Via and Max-Forwards as given."""
    m = Message.build(f"{method} {uri} SIP/2.0", [
        ("Via", via or ua.via()), *headers,
        ("Max-Forwards", hops if hops is None else str(hops)),
        ("From", f"<{ua.aor}>;tag={token()}"), ("To", f"<{uri}>"),
        ("Call-ID", token("c")), ("CSeq", f"1 {method}")])
    return ua.send(m, kw.get("to"))


def asked(ua, *args, **kw):
    return ua.final(ask(ua, *args, **kw)).status


@pytest.fixture
def phone(site):
    return site.phone("stranger", "phone", register=False)


@pytest.mark.parametrize("method,status", [
    ("INVITE", 483), ("MESSAGE", 483), ("OPTIONS", 200)])
def test_no_hops_left(site, phone, method, status):
    """An OPTIONS asks who is there (RFC 3261 11)."""
    assert asked(phone, method, "sip:x@example.com", hops=0) == status


def test_hops_are_counted(site):
    """One proxy, one hop; 70 where none were said."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    for said, left in ((70, "68"), (2, "0"), (None, "69"), (255, "69")):
        m = ask(alice, "MESSAGE", bob.aor, hops=said)
        got = bob.wait_message(lambda b: b.call_id == m.call_id)
        assert got.get("Max-Forwards") == left
        assert alice.final(m).status == 200


def test_an_extension_no_proxy_knows(site, phone):
    m = ask(phone, "OPTIONS", "sip:x@example.com",
            [("Proxy-Require", "foo, bar")])
    refused = phone.final(m)
    assert refused.status == 420
    assert refused.get("Unsupported") == "foo, bar"


def test_an_extension_of_the_phones(site):
    """Require is between them."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    m = ask(alice, "MESSAGE", bob.aor, [("Require", "foo")])
    got = bob.wait_message(lambda b: b.call_id == m.call_id)
    assert got.get("Require") == "foo"


def test_a_method_nobody_has_heard_of(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    m = ask(alice, "FOOBAR", bob.aor, [("X-Bar", "baz")])
    got = bob.wait_message(lambda b: b.call_id == m.call_id)
    assert got.method == "FOOBAR" and got.get("X-Bar") == "baz"
    assert alice.final(m).status in (200, 481)


@pytest.mark.parametrize("header,status", [
    ("Max-Breadth: 0", 440), ("Max-Breadth: many", 400),
    (70 * "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n", 400),
    (31 * "Route: <sip:192.0.2.9;lr>\r\n", 400),
    (31 * "Record-Route: <sip:192.0.2.9;lr>\r\n", 400)],
    ids=["no breadth", "bad breadth", "Vias", "Routes", "Record-Routes"])
def test_a_way_that_no_request_has_come(site, phone, header, status):
    lines = [tuple(h.split(": ")) for h in header.strip().split("\r\n")]
    assert asked(phone, "MESSAGE", "sip:x@example.com", lines) == status


def test_breadth_is_passed_on(site):
    """RFC 5393: 60 where nobody has said."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    for said, sent in ((None, "60"), ("7", "7")):
        m = ask(alice, "MESSAGE", bob.aor,
                [("Max-Breadth", said)] if said else ())
        got = bob.wait_message(lambda b: b.call_id == m.call_id)
        assert got.all("Max-Breadth") == [sent]


def test_a_phone_that_calls_itself_as_we_do(site, phone):
    via = f"SIP/2.0/UDP {PROXY1}:5060;branch={token('z9hG4bK')};rport"
    """Behind a NAT there may be our addresses too: only the source counts."""
    assert asked(phone, "MESSAGE", "sip:x@example.com", via=via) == 404


@pytest.mark.parametrize("lie", [
    f";received={THIRD}", f";received={THIRD};rport=5060", f";maddr={THIRD}",
    f";received=10.0.0.16;maddr={THIRD};ttl=1"])
def test_an_answer_goes_to_where_the_request_came_from(site, phone, lie):
    """Whatever the Via says of other hosts."""
    third = site.phone("third", "third", register=False)
    via = f"SIP/2.0/UDP {phone.ip}:{phone.port}" \
        f";branch={token('z9hG4bK')}{lie}"
    answer = phone.final(ask(phone, "OPTIONS", P1, via=via))
    assert answer.status == 200
    assert param(answer.get("Via"), "received") in (None, STRANGER)
    via = f"SIP/2.0/UDP {THIRD}:{third.port};branch={token('z9hG4bK')}{lie}"
    answer = phone.final(ask(phone, "OPTIONS", P1, via=via))
    assert param(answer.get("Via"), "received") == STRANGER
    assert not third.messages()


def test_answers_nobody_has_asked_for(site, phone):
    """Counted and dropped, also those that name our Via."""
    before = site.proxy1.metric("txn_stray")
    for branch in ("z9hG4bKx", token("z9hG4bK")):
        phone.send_raw(Message.build("SIP/2.0 200 OK", [
            ("Via", f"SIP/2.0/UDP {PROXY1}:5060;branch={branch}"),
            ("Via", f"SIP/2.0/UDP {THIRD}:5060;branch=z9hG4bKy"),
            ("From", "<sip:a@example.com>;tag=a"),
            ("To", "<sip:b@example.com>;tag=b"),
            ("Call-ID", token("c")), ("CSeq", "1 INVITE")]).raw)
    site.proxy1.wait_metric("txn_stray", lambda n: n >= before + 2)
    assert not phone.messages()


def test_an_invite_without_a_contact(site):
    """A proxy needs none."""
    alice, bob = site.phone("third", "alice"), site.phone("second", "bob")
    alice.transform = lambda raw: raw.replace(
        f"Contact: <{alice.contact_uri}>\r\n".encode(), b"")
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    assert leg.invite.contact is None
    leg.reject(486)
    assert call.wait_final().status == 486


# Where a message would have us send something.

NEVER = [f"{REDIRECT}:5060", f"{RELAY}:5060", "127.0.0.1:5060",
         "10.0.0.16:5060", f"{PROXY1}:5060", "[::1]:5060", "0.0.0.0:5060",
         f"[::ffff:{RELAY}]:5060", "[::ffff:127.0.0.1]:5060",
         "[64:ff9b::10.0.0.1]:5060", "[64:ff9b::cb00:7101]:5060",
         "[2002:7f00:1::]:5060", "[fd00::1]:5060", "[fe80::1]:5060",
         "224.0.1.75:5060", "255.255.255.255:5060", "169.254.169.254:80"]


class Directory(UA):
    """A redirectd for which every client is at one place."""

    def __init__(self, net, target):
        self.target = target
        super().__init__(net, "redirect", "directory")

    def _request(self, m):
        if not m.duplicate and m.method != "ACK":
            self.respond(m, 302, tag="d", headers=[
                ("Contact", f"<sip:x@{self.target}>")])


@pytest.mark.parametrize("target", NEVER)
def test_a_target_that_nobody_contacts(net, target):
    """Private, loopback and own addresses, and those of the daemons that obey
    a proxy; in IPv6 too."""
    proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf())
    Directory(net, target)
    alice = Phone(net, "third", "alice", proxy=PROXY1)
    m = ask(alice, "MESSAGE", "sip:lure@example.com")
    assert alice.final(m).status in (403, 482, 502)
    sent = [e["text"].split("\r\n")[0] for e in proxy.trace(m.call_id)
            if e["dir"] == "out"]
    assert not [start for start in sent if start.startswith("MESSAGE sip:x@")]
    assert proxy.metric("rejected_target") + proxy.metric("rejected_hops") \
        + ("[" in target) >= 1


@pytest.mark.parametrize("target", [f"{REDIRECT}:5060", f"{RELAY}:5060",
                                    "127.0.0.1:5060", "10.0.0.99:5060"])
def test_a_contact_that_is_not_its_phones(site, target):
    """Whoever registers another's address is called where it is itself."""
    lure = site.phone("third", "lure", register=False)
    assert lure.register(contact=f"<sip:x@{target}>").status == 200
    alice = site.phone("first", "alice")
    call = alice.invite(lure.aor, offer_of(alice))
    leg = lure.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    sent = {e["peer"] for e in site.proxy2.trace(call.call_id)
            if e["dir"] == "out" and e["text"].startswith("INVITE sip:x@")}
    assert sent == {f"{THIRD}:{lure.port}"}


@pytest.mark.parametrize("where", ["target", "route"])
@pytest.mark.parametrize("to", [f"{RELAY}:5060", f"{REDIRECT}:5060",
                                "127.0.0.1:5060", "[::ffff:10.0.0.1]:5060"])
def test_a_call_that_would_lead_there(site, where, to):
    """Within a call of its own a phone may write any target and any route
    behind ours."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    talk = establish(alice, bob)
    call = talk.call
    routes, remote = call.routes, call.remote
    if where == "target":
        call.routes, call.remote = routes[:1], f"sip:x@{to}"
    else:
        call.routes = [routes[0], f"<sip:{to};lr>"]
    assert alice.final(call.request("INFO")).status in (403, 502)
    call.ack()
    assert not traced(site.relay, call.call_id, "in", start="INFO")
    call.routes, call.remote = routes, remote
    assert site.relay.metric("sessions") == 1
    talk.hang_up()


# Strict routers (RFC 2543).

def test_from_a_strict_router(site):
    """It has put our Record-Route into the Request-URI and the target at the
    end of the Route."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    talk = establish(alice, bob)
    m = talk.call._build("BYE")
    head = [(n, v) for n, v in m.headers
            if n not in ("Route", "Content-Length")]
    routes = talk.call.routes[1:] + [f"<{talk.call.remote}>"]
    head[2:2] = [("Route", r) for r in routes]
    strict = Message.build(
        f"BYE {uri_of(talk.call.routes[0])} SIP/2.0", head)
    assert alice.final(alice.send(strict, (PROXY1, 5060))).status == 200
    bye = talk.leg.wait_request("BYE")
    assert bye.uri == bob.contact_uri
    assert not bye.all("Route")


def test_to_a_strict_router(site):
    """The next Route has no lr: it becomes the Request-URI, and that the last
    Route."""
    alice = site.phone("first", "alice")
    old = site.phone("third", "old", proxy=PROXY1)
    talk = establish(alice, old)
    strict = f"sip:{THIRD}:{old.port}"
    call = talk.call
    call.routes = [call.routes[0], f"<{strict}>", f"<sip:{STRANGER};lr>"]
    target = call.remote
    info = call.request("INFO")
    got = old.wait_message(lambda m: m.method == "INFO")
    assert got.uri == strict
    assert [uri_of(r) for r in got.all("Route")] \
        == [f"sip:{STRANGER};lr", target]
    assert alice.final(info).status == 200
    call.routes = call.routes[:1]
    talk.hang_up()


def test_a_record_route_of_others_is_kept(site):
    """A request that came over a proxy that is none of ours (RFC 3261 12.1.1):
    its route set leads back over it."""
    caller, bob = site.phone("third", "caller", proxy=PROXY1), \
        site.phone("second", "bob")
    call = caller.invite(bob.aor, offer_of(caller), headers=[
        ("Record-Route", f"<sip:{STRANGER};lr>")])
    leg = bob.incoming()
    assert record_routes(leg.invite) == [
        (PROXY2, 5060), (PROXY1, 5060), (STRANGER, 5060)]
    leg.reject(486)
    call.wait_final()


# 100 and CANCEL at any moment.

def invites(ua, call):
    return sum(raw.startswith(b"INVITE") and call.call_id.encode() in raw
               for _, _, raw in ua.sent)


@pytest.mark.parametrize("silent", ["redirect", "relay"])
def test_100_at_once(deploy, silent):
    """Before anybody else has been heard of: the caller does not repeat its
    INVITE while a daemon takes its time."""
    site = deploy()
    alice, bob = site.pair()
    with paused(site.pinhole.all[silent]):
        call = alice.invite(bob.aor, offer_of(alice))
        trying = call.wait_status(100)
        assert trying.to_tag is None
        final = call.wait_final()
        assert final.status == 503
    assert invites(alice, call) == 1


def test_no_100_before_a_refusal(deploy):
    site = deploy()
    alice, _ = site.pair()
    call = alice.invite("sip:x@elsewhere.example.org", offer_of(alice))
    assert call.wait_final().status == 404
    assert [m.status for m in call.responses()] == [404]


@pytest.mark.parametrize("silent", ["redirect", "relay"])
def test_cancel_while_a_daemon_is_asked(deploy, silent):
    """487 at once, and nothing of the call is left when the answer comes."""
    site = deploy()
    alice, bob = site.pair()
    with paused(site.pinhole.all[silent]):
        call = alice.invite(bob.aor, offer_of(alice))
        call.wait_status(100)
        assert alice.final(call.cancel()).status == 200
        assert call.wait_final(timeout=2).status == 487
    wait_until(lambda: site.requests_open() == 0, 10, "an end")
    assert not bob.messages(lambda m: m.method == "INVITE")
    hang_up(*talking(alice, bob))
    site.settled()


def test_cancel_and_200_cross(deploy):
    """The callee has answered, and the CANCEL comes too late: the call is up
    until it is hung up."""
    site = deploy()
    alice, bob = site.pair()
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    with paused(site.proxy1):
        leg.answer(offer_of(bob))
        site.proxy2.wait_metric("calls_answered", lambda n: n == 1)
        cancelled = call.cancel()
    assert alice.final(cancelled).status == 200
    assert call.wait_final().status == 200
    call.ack()
    leg.wait_ack()
    hang_up(call, leg)
    site.settled()


def test_cancel_of_nothing(site, phone):
    assert asked(phone, "CANCEL", "sip:x@example.com") == 481


def test_cancel_twice(deploy):
    """The second is a retransmission in all but name."""
    site = deploy()
    alice, bob = site.pair()
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    for _ in range(2):
        assert alice.final(call.cancel()).status == 200
    assert call.wait_final().status == 487
    assert len(leg.requests("CANCEL")) == 1
    site.settled()


def test_a_registration_that_says_it_came_over_another_proxy(site):
    """With a second Via, and a Contact in our dialect: what another site's
    proxy may say in a call, nobody may register."""
    lure = site.phone("third", "lure", register=False)
    lie = f"<sip:x@{STRANGER}:5060;ph-own=10.0.0.99:5060>"
    answer = lure.register(contact=lie, headers=[
        ("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")])
    assert answer.status == 200
    kept = [b["contact"] for c in site.redirect.api("clients")["clients"]
            if c["id"].startswith(lure.user) for b in c["bindings"]]
    assert kept == [f"sip:x@{THIRD}:{lure.port};"
                    f"ph-own={STRANGER}:5060"]

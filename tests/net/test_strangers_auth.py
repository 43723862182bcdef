"""Who has no password, a wrong one, or what he has seen of another's: refused,
and nothing has changed."""

import re

import pytest

from calls import NAT_OF, offer_of
from guarded import DOMAIN, bare, dial, guard, invites, is_stale, \
    password_of, register_headers, users_file, without  # noqa: F401
from support.digest import ALGORITHMS, answer, challenges
from support.net import PROXY1
from support.sipmsg import Message

EVERY = ["INVITE", "MESSAGE", "OPTIONS", "REGISTER"]


def send(phone, method, user, headers=(), callee="bob", **kw):
    """A request of a user that the phone says to be; its answer."""
    phone.user = user
    if method == "REGISTER":
        kw.setdefault("dest", f"<{phone.aor}>")
        headers = [*headers, *register_headers(phone)]
        return bare(phone, method, f"sip:{DOMAIN}", headers=headers, **kw)
    headers = [*headers, ("Contact", f"<{phone.contact_uri}>")]
    return bare(phone, method, f"sip:{callee}@{DOMAIN}", headers=headers, **kw)


def uri(method, callee="bob"):
    return f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{callee}@{DOMAIN}"


def try_as(phone, method, user, name, password, algorithm="MD5"):
    """With credentials in this name, made for a nonce of this request's own;
    the challenge first, then what was answered to the credentials."""
    first = send(phone, method, user)
    asked = next(c for c in challenges(first)
                 if c["algorithm"] == algorithm)
    shown = answer(asked, method, uri(method), name, password)
    return first, send(phone, method, user, [shown])


@pytest.fixture
def site(guard):
    """bob is there; mallory has no password, dave has one of his own."""
    s = guard(auth={"algorithms": list(ALGORITHMS)})
    s.bob = s.phone("second", "bob")
    s.mallory = s.phone("stranger", "mallory", register=False)
    s.before = s.contacts("bob")
    return s


def unchanged(s):
    assert s.contacts("bob") == s.before and len(s.before) == 1
    assert s.contacts("alice") == s.contacts("mallory") == []
    assert not s.bob.messages(lambda m: m.is_request and
                              m.method in ("INVITE", "MESSAGE"))
    assert s.redirect.metric("auth_ok") == 1  # bob's


@pytest.mark.parametrize("method", EVERY)
def test_without_credentials(site, method):
    for user in ("alice", "bob", "mallory"):
        refused = send(site.mallory, method, user)
        assert refused.status == (401 if method == "REGISTER" else 407)
        assert not any("stale" in c for c in challenges(refused))
    unchanged(site)


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("method", EVERY)
def test_nobody_can_tell_whom_there_is(site, method, algorithm):
    """A wrong password, an unknown user, a name that is another's: one answer,
    but for what is new in each."""
    got = []
    for user, name in (("alice", "alice"), ("nobody", "nobody"),
                       ("alice", "bob"), ("nobody", "bob")):
        for answered in try_as(site.mallory, method, user, name, "a guess",
                               algorithm):
            assert not is_stale(answered)
            got.append(without(answered, "via", "from", "to", "call-id"))
    assert len(got) == 8 and all(g == got[0] for g in got), got
    assert site.redirect.metric("auth_failed") == 4
    unchanged(site)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("user", ["alice", "bob", "nobody"])
def test_in_the_name_of_another(site, method, user):
    """Somebody has a password, and it is good for himself alone: he registers
    nobody else and calls in nobody else's name."""
    _, refused = try_as(site.mallory, method, user, "dave",
                        password_of("dave"))
    assert refused.status == (401 if method == "REGISTER" else 407)
    unchanged(site)
    dave = site.phone("first17", "dave")
    assert len(site.contacts("dave")) == 1 and dave.user == "dave"


def test_of_another_domain(site):
    """With auth.domains as it is, all are to prove who they are."""
    site.mallory.domain = "elsewhere.example"
    for method in ("INVITE", "MESSAGE"):
        refused = send(site.mallory, method, "carol")
        assert refused.status == 407
        shown = answer(challenges(refused)[0], method, uri(method), "dave",
                       password_of("dave"))
        assert send(site.mallory, method, "carol", [shown]).status == 407
    unchanged(site)


@pytest.mark.parametrize("said", [
    'Digest realm="example.com"', "Digest", "Basic YWxpY2U6eA==",
    'Digest username="alice", realm="example.com", nonce="", uri="", '
    'response=""',
    'Digest username="alice", realm="example.com", nonce="n", '
    'uri="sip:bob@example.com", response="00000000000000000000000000000000"',
    'Digest username="alice", realm="other", nonce="n", uri="sip:x", '
    'response="0"'])
def test_credentials_that_are_none(site, said):
    for method in EVERY:
        name = "Authorization" if method == "REGISTER" \
            else "Proxy-Authorization"
        refused = send(site.mallory, method, "alice", [(name, said)])
        assert refused.status in (400, 401, 407), refused.text
    unchanged(site)


# What has been seen on the wire.


def captured(phone, method):
    """The last request of this method that a phone has sent with credentials:
    its bytes."""
    return next(raw for _, _, raw in reversed(phone.sent)
                if raw.startswith(method.encode())
                and b"uthorization: " in raw)


def replayed(thief, raw):
    """Sent as it is, byte for byte; the final answer that comes back here."""
    thief.send_raw(raw, (PROXY1, 5060))
    return thief.final(Message(raw))


def repeats(phone, m):
    """How often a phone has got an answer to this request of its again."""
    return len([r for r in phone.messages(duplicates=True)
                if r.duplicate and r.branch == m.branch])


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_replayed_at_once(guard, method):
    """For the proxy it is the phone's own request once more, as its branch
    says: the answer goes to the phone (an INVITE has had its ACK: none), and
    to nobody else."""
    s = guard()
    bob = s.phone("second", "bob")
    alice, _ = called(s, bob)
    thief = s.phone("stranger", "mallory", register=False)
    before, raw = s.contacts("alice"), captured(alice, method)
    asked, had = s.redirect.metric("requests"), repeats(alice, Message(raw))
    thief.send_raw(raw)
    alice.wait_for(lambda: repeats(alice, Message(raw)) > had
                   or method == "INVITE", what="the answer again")
    assert bare(thief, "OPTIONS", bob.aor).status == 407
    assert [m.status for m in thief.messages()] == [407]
    assert s.redirect.metric("requests") == asked + 1
    assert s.contacts("alice") == before
    assert len(invites(bob)) == 1


@pytest.mark.parametrize("host", ["stranger", "first17"])
def test_register_replayed(guard, host):
    """When the proxy knows nothing of it any more: from another host, or from
    a neighbour behind the same NAT."""
    s = guard()
    alice = s.phone("first", "alice")
    before = s.contacts("alice")
    assert len(before) == 1 and NAT_OF["first"] in before[0]
    thief = s.phone(host, "mallory", register=False)
    s.proxy1.restart(kill=True)
    refused = replayed(thief, captured(alice, "REGISTER"))
    assert refused.status == 401 and is_stale(refused)
    assert s.contacts("alice") == before
    assert s.redirect.metric("auth_replayed") == 1
    assert s.redirect.metric("auth_failed") == 0
    assert "credentials used already" in s.redirect.log()


@pytest.mark.parametrize("contact", ["<sip:thief@203.0.113.66:5064>",
                                     "<sip:alice@10.0.0.16:5062>;expires=0",
                                     "*"])
def test_register_with_another_contact(guard, contact):
    """Credentials of a REGISTER do not cover its Contact: they are good for
    the one that they came with."""
    s = guard()
    alice = s.phone("first", "alice")
    before = s.contacts("alice")
    thief = s.phone("stranger", "mallory", register=False)
    for n, host in enumerate((thief, alice), 1):
        raw = captured(alice, "REGISTER").decode()
        raw = re.sub(r"Contact: [^\r]*", f"Contact: {contact}", raw)
        raw = re.sub(r"branch=\w+", f"branch=z9hG4bKother{n}", raw)
        raw = re.sub(r"CSeq: \d+", f"CSeq: {50 + n}", raw)
        if contact == "*":
            raw = re.sub(r"Expires: \d+", "Expires: 0", raw)
        refused = replayed(host, raw.encode())
        assert refused.status == 401 and is_stale(refused)
        assert s.contacts("alice") == before


def called(s, callee):
    """alice has called and it is over; the INVITE that was let through."""
    alice = s.phone("first", "alice")
    call, _ = dial(alice, callee.aor, offer_of(alice))
    callee.incoming().reject(486)
    assert call.wait_final().status == 486
    s.settled()
    return alice, captured(alice, "INVITE").decode()


def variants(raw):
    """The INVITE as it was; as a new transaction; as another call, also with
    the thief's Contact and media; as a later request."""
    yield "as it was", raw
    other = re.sub(r"branch=\w+", "branch=z9hG4bKy",
                   raw.replace("Call-ID: ", "Call-ID: again"))
    media = re.sub(r"10\.0\.0\.16", "203.0.113.66",
                   re.sub(r"branch=\w+", "branch=z9hG4bKz", other))
    yield "another branch", re.sub(r"branch=\w+", "branch=z9hG4bKx", raw)
    yield "another call", other
    yield "another contact", media
    yield "a later one", re.sub(r"branch=\w+", "branch=z9hG4bKw", re.sub(
        r"CSeq: \d+", "CSeq: 70", raw))


def test_invite_replayed(guard):
    s = guard()
    bob = s.phone("second", "bob")
    _, raw = called(s, bob)
    thief = s.phone("stranger", "mallory", register=False)
    s.proxy1.restart(kill=True)
    for count, (what, copy) in enumerate(variants(raw), 1):
        refused = replayed(thief, copy.encode())
        assert refused.status == 407 and is_stale(refused), what
        assert s.redirect.metric("auth_replayed") == count, what
        s.settled()
    assert len(invites(bob)) == 1


@pytest.mark.parametrize("host", ["stranger", "first"])
def test_invite_to_another_callee(guard, host):
    """The URI of the credentials is the callee's: they do not reach another
    one, neither as they are nor where the thief writes the new one there."""
    s = guard()
    bob, carol = s.phone("second", "bob"), s.phone("third", "carol")
    alice, raw = called(s, bob)
    thief = alice if host == "first" else \
        s.phone(host, "mallory", register=False)
    for n, old in enumerate((r"INVITE sip:bob@", r"sip:bob@")):
        copy = re.sub(old, lambda m: m[0].replace("bob", "carol"), raw)
        copy = copy.replace("Call-ID: ", f"Call-ID: new{n}")
        copy = re.sub(r"branch=\w+", f"branch=z9hG4bKnew{n}", copy)
        refused = replayed(thief, copy.encode())
        assert refused.status in (400, 407)
    s.settled()
    assert not invites(carol) and len(invites(bob)) == 1


def test_nonce_of_another_request(guard):
    """A count that was used is used up, whatever comes with it: here the good
    password, for another method."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    alice._nc = 0
    refused = bare(alice, "OPTIONS", bob.aor,
                   headers=[alice.prove("OPTIONS", bob.aor)])
    assert refused.status == 407 and is_stale(refused)
    shown = alice.credentials(refused, "OPTIONS", bob.aor)
    assert bare(alice, "OPTIONS", bob.aor, headers=[shown]).status == 200


# What the phone itself sends once more.


def test_retransmission_to_the_proxy(guard):
    """Each request of a call comes twice, at once."""
    s = guard()

    def twice(phone):
        send_once = phone._transmit

        def transmit(raw, to):
            send_once(raw, to)
            if not raw.startswith((b"SIP/2.0", b"ACK")):
                send_once(raw, to)
        phone._transmit = transmit
        return phone
    alice = twice(s.phone("first", "alice", register=False))
    assert alice.register().status == 200
    bob = s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    call, _ = dial(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert len(invites(bob)) == 1
    assert s.redirect.metric("auth_replayed") == 0
    assert not [m for m in alice.messages() if m.status in (401, 407)
                and is_stale(m)]


def test_retransmission_to_the_directory(guard):
    """The proxy that has heard the first one was restarted, so that the
    directory gets it twice: the same answer again, and nothing new in it."""
    s = guard()
    alice = s.phone("first", "alice")
    raw = captured(alice, "REGISTER")
    before = s.contacts("alice")
    first = alice.final(Message(raw))
    s.proxy1.restart(kill=True)
    alice.send_raw(raw)
    again = alice.wait_for(lambda: next(
        (m for m in alice.received if not m.is_keepalive and m.status
         and m.branch == first.branch and m.duplicate), None),
        what="the answer again")
    assert again.status == first.status == 200
    assert re.sub(r";?expires=\d+", "", again.get("Contact")) \
        == re.sub(r";?expires=\d+", "", first.get("Contact"))
    assert s.contacts("alice") == before
    assert s.redirect.metric("auth_replayed") == 0

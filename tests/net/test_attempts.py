"""Wrong passwords, one after the other: whose credentials are looked at no
longer, and who goes on all the same."""

import pytest

from calls import offer_of
from guarded import DOMAIN, bare, dial, guard, password_of, \
    register_headers, users_file  # noqa: F401
from support.digest import answer, challenges
from support.net import NAT1, PROXY1, PROXY2, STRANGER, wait_until
from test_limits import fail2ban_finds

LIMIT = 3


def try_register(phone, user, password):
    """One REGISTER with credentials for a nonce of its own; what was answered
    to them."""
    uri, aor = f"sip:{DOMAIN}", f"<sip:{user}@{DOMAIN}>"
    asked = phone.final(phone.request("REGISTER", uri, dest=aor,
                                      headers=register_headers(phone)))
    assert asked.status == 401
    shown = answer(challenges(asked)[0], "REGISTER", uri, user, password)
    return phone.final(phone.request(
        "REGISTER", uri, dest=aor, headers=[*register_headers(phone), shown]))


def refused_unseen(answer):
    return answer.status == 403 and 1 <= int(answer.get("Retry-After")) <= 60 \
        and not challenges(answer)


def guess(phone, user, times=LIMIT):
    for n in range(times):
        assert try_register(phone, user, f"guess {n}").status == 401


def calls(caller, callee):
    """A call that is challenged and answered."""
    call, _ = dial(caller, callee.aor, offer_of(caller))
    leg = callee.incoming()
    leg.answer(offer_of(callee))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200


@pytest.fixture
def site(guard):
    return guard(auth={"failures": LIMIT})


def test_one_source(site):
    """Whatever it tries next, for whom it is: the right password too. Without
    credentials it is challenged as ever."""
    mallory = site.phone("stranger", "mallory", register=False)
    for n, user in enumerate(("alice", "bob", "nobody")):
        guess(mallory, user, 1)
    for user, password in (("carol", password_of("carol")),
                           ("alice", "a guess"), ("nobody", "x")):
        assert refused_unseen(try_register(mallory, user, password))
    assert site.redirect.metric("auth_failed") == LIMIT
    assert site.redirect.metric("auth_limited") == 3
    assert site.contacts("carol") == []
    other = site.phone("third", "carol")
    assert len(site.contacts("carol")) == 1 and other.user == "carol"


def test_neighbours_behind_a_nat(site):
    """A phone that was registered before goes on by the channel that it is
    registered at: calls, and is called, and refreshes. Who comes new waits."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    mallory = site.phone("first17", "mallory", register=False)
    guess(mallory, "dave")
    calls(alice, bob)
    assert alice.refresh().status == 200
    calls(bob, alice)
    late = site.phone("first17", "carol", register=False)
    assert refused_unseen(late.register())
    guessed = try_register(mallory, "alice", password_of("alice"))
    assert refused_unseen(guessed)


def test_password_of_a_neighbour(site):
    """It is the neighbour's that was guessed: she goes on as well."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    before = site.contacts("alice")
    mallory = site.phone("first17", "mallory", register=False)
    guess(mallory, "alice")
    assert refused_unseen(try_register(mallory, "alice",
                                       password_of("alice")))
    calls(alice, bob)
    assert alice.refresh().status == 200
    assert site.contacts("alice") == before


def test_a_phone_with_the_wrong_password(site):
    """Where it is registered itself it has as many attempts as anybody, and is
    told the same then."""
    alice = site.phone("first", "alice")
    guess(alice, "alice")
    assert refused_unseen(try_register(alice, "alice", "a guess"))
    assert refused_unseen(alice.refresh())


def test_many_who_guess_one_password(site):
    """Elsewhere they lock each other out, not the phone that is registered:
    not even when it comes by another port of its NAT."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    for host in ("stranger", "third", "second17"):
        guess(site.phone(host, "mallory", register=False), "alice", 1)
    other = site.phone("stranger", "mallory", register=False, proxy=PROXY2)
    assert refused_unseen(try_register(other, "alice",
                                       password_of("alice")))
    calls(alice, bob)
    assert alice.refresh().status == 200
    moved = site.phone("first", "alice")
    assert len(site.contacts("alice")) == 2
    calls(moved, bob)


def test_a_phone_that_is_not_registered_waits(site):
    """Nothing tells it from those who guess."""
    mallory = site.phone("stranger", "mallory", register=False)
    guess(mallory, "alice")
    alice = site.phone("first", "alice", register=False)
    assert refused_unseen(alice.register())


def test_calls_count_too(site):
    bob = site.phone("second", "bob")
    mallory = site.phone("stranger", "alice", register=False, password="no")
    got = [mallory.transact("MESSAGE", bob.aor).status
           for _ in range(LIMIT + 2)]
    assert got == LIMIT * [407] + 2 * [403]


def test_what_is_no_failure(guard):
    """A challenge, a stale nonce, a replay."""
    s = guard(auth={"failures": 1})
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    for _ in range(3):
        assert bare(alice, "MESSAGE", bob.aor).status == 407
    assert alice.transact("MESSAGE", bob.aor).status == 200
    alice._nc = 0  # used already
    assert bare(alice, "MESSAGE", bob.aor, headers=[
        alice.prove("MESSAGE", bob.aor)]).status == 407
    alice.challenge["nonce"] = "0" * len(alice.challenge["nonce"])
    assert bare(alice, "MESSAGE", bob.aor, headers=[
        alice.prove("MESSAGE", bob.aor)]).status == 407
    assert s.redirect.metric("auth_replayed") == 1
    assert s.redirect.metric("auth_stale") == 1
    assert alice.transact("MESSAGE", bob.aor).status == 200
    assert s.redirect.metric("auth_failed") == 0
    assert s.redirect.metric("auth_limited") == 0


def test_no_limit(guard):
    s = guard(auth={"failures": 0})
    mallory = s.phone("stranger", "mallory", register=False)
    guess(mallory, "alice", 20)
    assert s.phone("stranger", "alice").user == "alice"


def test_by_reload(guard):
    """SIGHUP: another limit holds at once, for what has failed as well."""
    s = guard(auth={"failures": 0})
    mallory = s.phone("stranger", "mallory", register=False)
    guess(mallory, "alice", 1)
    s.redirect.configure({**s.redirect.conf, "auth": {"failures": 2}})
    s.redirect.reload()
    wait_until(lambda: refused_unseen(
        try_register(mallory, "alice", "a guess")), what="the limit")


def test_logs_that_fail2ban_reads(site):
    """Either log names the phone's address, not the proxy's; one line for each
    failure, of a phone behind a NAT, too."""
    for host in ("stranger", "first17"):
        guess(site.phone(host, "mallory", register=False), "alice", 1)
    for log in (site.redirect.log(), site.proxy1.log()):
        assert fail2ban_finds(log) == {STRANGER, NAT1}
        assert log.count('msg="failed authentication"') == 2
    assert PROXY1 not in fail2ban_finds(site.redirect.log())


def test_nobody_writes_into_the_log(site):
    """A name that looks like a line of it."""
    mallory = site.phone("stranger", "mallory", register=False)
    for name in ('x ip=203.0.113.9 ',
                 'msg=%22failed authentication%22 ip=203.0.113.9',
                 'failed authentication'):
        uri = f"sip:{DOMAIN}"
        asked = mallory.final(mallory.request(
            "REGISTER", uri, dest=f"<sip:alice@{DOMAIN}>"))
        shown = answer(challenges(asked)[0], "REGISTER", uri, name, "x")
        refused = mallory.final(mallory.request(
            "REGISTER", uri, dest=f"<sip:alice@{DOMAIN}>", headers=[
                shown, ("Contact", f"<{mallory.contact_uri}>")],
            call_id=f'c{name[:1]}"ip"203.0.113.9"'))
        assert refused.status == 401
    for log in (site.redirect.log(), site.proxy1.log()):
        assert fail2ban_finds(log) <= {STRANGER}
    assert fail2ban_finds(site.redirect.log()) == {STRANGER}

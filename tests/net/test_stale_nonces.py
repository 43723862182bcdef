"""Nonces that are good no more: the phone goes on after one more round trip,
and its user is not asked."""

import pytest

from calls import is_relay, offer_of
from guarded import DOMAIN, Guarded, bare, guard, invites, \
    is_stale, password_of, register_headers, users_file  # noqa: F401
from support.daemons import Daemon, redirectd_conf
from support.net import PROXY1, REDIRECT, wait_until
from support.twinkle import Twinkle

SECRET = "a secret of this site's directories"
SHORTEST = 10  # seconds, of auth.nonce


def showing(phone, method, uri, **kw):
    """A request that shows credentials at once, for the last nonce; its
    answer."""
    kw["headers"] = [*kw.get("headers", ()), phone.prove(method, uri)]
    return bare(phone, method, uri, **kw)


def refresh(phone):
    """REGISTER as phones do it that remember the last challenge."""
    return showing(phone, "REGISTER", f"sip:{DOMAIN}", dest=f"<{phone.aor}>",
                   headers=register_headers(phone))


def goes_on(phone, stale, method, uri):
    """The stale challenge is answered, and good."""
    assert is_stale(stale), stale.text
    kw = {"headers": [phone.credentials(stale, method, uri)]}
    if method == "REGISTER":
        kw["headers"] += register_headers(phone)
        kw["dest"] = f"<{phone.aor}>"
    assert bare(phone, method, uri, **kw).status == 200


def test_one_nonce_for_many_requests(guard):
    """nc counts: no second challenge while the nonce is young."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    asked = s.redirect.metric("auth_challenges")
    for _ in range(70):
        assert showing(alice, "MESSAGE", bob.aor).status == 200
    assert s.redirect.metric("auth_challenges") == asked


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER"])
def test_a_nonce_that_is_too_old(guard, method):
    """Until then each request is let through."""
    s = guard(auth={"nonce": SHORTEST})
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    uri = bob.aor if method == "MESSAGE" else f"sip:{DOMAIN}"
    if method == "MESSAGE":
        assert alice.transact("MESSAGE", bob.aor).status == 200

    def stale():
        answer = refresh(alice) if method == "REGISTER" \
            else showing(alice, method, uri)
        return answer if answer.status != 200 else None
    refused = wait_until(stale, 3 * SHORTEST, "a stale nonce", interval=0.3)
    assert refused.status == (401 if method == "REGISTER" else 407)
    assert alice._nc > 3
    goes_on(alice, refused, method, uri)
    assert s.redirect.metric("auth_stale") == 1
    assert s.redirect.metric("auth_failed") == 0
    assert len(s.contacts("alice")) == 1


def test_another_lifetime_by_reload(guard):
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    s.redirect.configure({**s.redirect.conf, "auth": {"nonce": SHORTEST}})
    s.redirect.reload()
    refused = wait_until(
        lambda: (a := showing(alice, "MESSAGE", bob.aor)).status == 407 and a,
        3 * SHORTEST, "a stale nonce", interval=0.3)
    goes_on(alice, refused, "MESSAGE", bob.aor)


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_restart_without_a_secret(guard, kill):
    """Nobody has to register anew; all that were asked are asked again."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    s.redirect.restart(kill=kill)
    assert len(s.contacts("alice")) == len(s.contacts("bob")) == 1
    goes_on(alice, showing(alice, "MESSAGE", bob.aor), "MESSAGE", bob.aor)
    goes_on(bob, refresh(bob), "REGISTER", f"sip:{DOMAIN}")
    assert s.redirect.metric("auth_stale") == 2
    assert s.redirect.metric("auth_failed") == 0


def test_call_after_a_restart(guard):
    """Its INVITE shows what was good before: it rings once, with a relay."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    s.redirect.restart()
    call = alice.invite(bob.aor, offer_of(alice), headers=[
        alice.prove("INVITE", bob.aor)])
    refused = call.wait_status(407)
    assert is_stale(refused)
    call._headers = ()
    call.authenticate(refused)
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert is_relay(ok.media[0][1:]) and is_relay(leg.invite.media[0][1:])
    assert call.bye().status == 200
    assert len(invites(bob)) == 1


def test_restart_with_a_secret(guard):
    """The nonce of before is good still."""
    s = guard(auth={"secret": SECRET})
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert alice.transact("MESSAGE", bob.aor).status == 200
    s.redirect.restart(kill=True)
    assert showing(alice, "MESSAGE", bob.aor).status == 200
    assert s.redirect.metric("auth_challenges") == 0


def test_real_phone_after_a_restart(guard):
    """Twinkle refreshes by itself, with what it was given before the restart;
    its user sees nothing of it."""
    s = guard(redirectd={"expires": {"min": 1, "default": 3600, "max": 7200}})
    alice = Twinkle(s.net, "first", "alice", PROXY1, expires=10,
                    password=password_of("alice"))
    alice.wait_registered()
    s.redirect.restart()
    s.redirect.wait_metric("bindings_refreshed", lambda n: n >= 1, 30)
    assert s.redirect.metric("auth_ok") >= 1
    assert s.redirect.metric("auth_failed") == 0
    assert "failed" not in alice.screen().split("registration succeeded")[1]


# Two redirectd.


class TwoDirectories(Guarded):
    """Each with a store of its own, the users the same; phones by proxy1 alone.
    The proxy asks the first one while that is well."""

    def __init__(self, net, path, other, secrets):
        super().__init__(
            net, path, auth={"secret": secrets[0]},
            proxyd={"redirect": [f"{REDIRECT}:5060", f"{REDIRECT}:5070"]})
        self.second = Daemon(net, "redirect", "redirectd", redirectd_conf(
            listen=f"udp:{REDIRECT}:5070", store=f"sqlite:{other}",
            auth={"failures": 0, "secret": secrets[1]}),
            http=("127.0.0.1", 8061))


@pytest.fixture
def two(net, users_file, tmp_path):
    made = []

    def make(*secrets):
        files = [tmp_path / "one.db", tmp_path / "two.db"]
        for f in files:
            f.write_bytes(users_file.read_bytes())
        made.append(TwoDirectories(net, *files, secrets))
        return made[-1]
    yield make
    for site in made:
        site.settled()


@pytest.mark.parametrize("same", [True, False], ids=["same", "other"])
def test_secret_of_two_directories(two, same):
    """With one secret the nonce of either is good at the other; with two the
    phone is asked once more."""
    s = two(SECRET, SECRET if same else SECRET + " or another")
    alice = s.phone("first", "alice")
    assert s.second.metric("requests") == 0
    s.redirect.kill()
    answer = refresh(alice)
    if same:
        assert answer.status == 200
    else:
        goes_on(alice, answer, "REGISTER", f"sip:{DOMAIN}")
    assert s.second.metric("auth_ok") == 1
    assert s.second.metric("auth_challenges") == (0 if same else 1)
    assert s.second.metric("auth_failed") == 0


def test_challenged_by_one_and_heard_by_the_other(two):
    """The first one dies between the challenge and the answer to it."""
    s = two(SECRET, SECRET)
    alice, bob = s.phone("first", "alice"), s.phone("first17", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    refused = call.wait_status(407)
    s.redirect.kill()
    assert refresh(bob).status == 200  # the other directory hears of bob
    call.authenticate(refused)
    leg = bob.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    assert s.second.metric("auth_challenges") == 0

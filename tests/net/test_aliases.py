"""Other names of clients: called by them, registered under them; and names that
come and go while redirectd runs."""

import pytest

from calls import offer_of
from guarded import DOMAIN, bare, dial, guard, invites, password_of, \
    users_file  # noqa: F401
from support.net import wait_until

NUMBER = f"sip:1001@{DOMAIN}"


@pytest.fixture
def site(guard):
    s = guard()
    s.command("alias", "add", f"1001@{DOMAIN}", f"alice@{DOMAIN}")
    s.redirect.restart()
    return s


def as_number(site, host, **kw):
    """alice's phone, which believes that she is 1001."""
    phone = site.phone(host, "1001", password=password_of("alice"),
                       register=False, **kw)
    phone.auth_name = "alice"
    return phone


def rings(caller, uri, *phones):
    """All of them, each once; none answers."""
    before = [len(invites(p)) for p in phones]
    call, _ = dial(caller, uri, offer_of(caller))
    for p in phones:
        p.incoming().reject(486)
    assert call.wait_final().status == 486
    assert [len(invites(p)) for p in phones] == [n + 1 for n in before]


@pytest.mark.parametrize("host", ["second", "first17"])
def test_called_by_the_alias(site, host):
    alice, bob = site.phone("first", "alice"), site.phone(host, "bob")
    rings(bob, NUMBER, alice)
    rings(bob, alice.aor, alice)
    assert bob.transact("MESSAGE", NUMBER).status == 200
    assert all(m.uri.startswith("sip:alice@") for m in invites(alice))


@pytest.mark.parametrize("host", ["second", "third"])
def test_registered_by_the_alias(site, host):
    """With the password of the client; it is one of that client's phones."""
    desk, alice = as_number(site, host), site.phone("first", "alice")
    bob = site.phone("first17", "bob")
    assert desk.register().status == 200
    assert len(site.contacts("alice")) == 2
    rings(bob, NUMBER, desk, alice)
    rings(bob, alice.aor, desk, alice)
    assert desk.refresh().status == 200
    assert len(site.contacts("alice")) == 2
    assert desk.unregister().status == 200
    rings(bob, NUMBER, alice)


def test_calls_in_the_name_of_the_alias(site):
    desk, bob = as_number(site, "first"), site.phone("second", "bob")
    assert desk.register().status == 200
    rings(desk, bob.aor, bob)
    assert invites(bob)[0].get("From").startswith(f"<{NUMBER}>")


@pytest.mark.parametrize("user", ["bob", "1001"])
def test_passwords_of_others(site, user):
    """Neither another client's, nor a name that is an alias alone."""
    phone = as_number(site, "first")
    phone.auth_name, phone.password = user, password_of(user)
    assert phone.register().status == 401
    phone.password = password_of("alice")
    assert phone.register().status == 401
    assert site.contacts("alice") == []


def test_an_alias_that_is_added(guard):
    """While redirectd runs."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert bob.transact("MESSAGE", NUMBER).status == 404
    s.command("alias", "add", f"1001@{DOMAIN}", f"alice@{DOMAIN}")
    wait_until(lambda: bob.transact("MESSAGE", NUMBER).status == 200, 5,
               "the alias")
    rings(bob, NUMBER, alice)
    desk = as_number(s, "first17")
    assert desk.register().status == 200
    assert len(s.contacts("alice")) == 2


def test_an_alias_of_another_and_none(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    carol = site.phone("third", "carol")
    site.command("alias", "del", f"1001@{DOMAIN}")
    wait_until(lambda: bob.transact("MESSAGE", NUMBER).status == 404, 5,
               "the end of the alias")
    site.command("alias", "add", f"1001@{DOMAIN}", f"carol@{DOMAIN}")
    wait_until(lambda: bob.transact("MESSAGE", NUMBER).status == 200, 5,
               "the alias")
    rings(bob, NUMBER, carol)
    assert not invites(alice)


def test_aliases_do_not_change_who_is_asked(site):
    """Who calls an alias is challenged as any; the digest names the alias."""
    site.phone("first", "alice")
    bob = site.phone("second", "bob", register=False)
    assert bare(bob, "MESSAGE", NUMBER).status == 407
    assert bob.transact("MESSAGE", NUMBER).status == 200
    bob.password = "a guess"
    assert bob.transact("MESSAGE", NUMBER).status == 407

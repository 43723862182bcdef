"""A directory while its operator changes it: open as long as it has no users,
and then not any more; users and aliases that come and go by redirectd's command
while it runs. With a file and with Redis."""

import pytest

from calls import Phone
from guarded import command, password_of
from support.daemons import Daemon, proxyd_conf, redirectd_conf
from support.net import PROXY1, wait_until
from support.redis import Redis


def soon(predicate, what):
    """Within a moment, and asked seldom: a source that is refused too often
    is not heard any more."""
    return wait_until(predicate, 5, what, interval=0.3)


def add_user(daemon, user):
    command(daemon.conf_path, "user", "add", f"{user}@example.com",
            stdin=password_of(user) + "\n")


PRIVATE, OURS = "10.9.0.9", "10.9.0.1"


@pytest.fixture(params=["sqlite", "redis"])
def store(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path}/clients.db"
        return
    with Redis() as redis:
        yield redis.url


def test_an_open_directory_is_for_private_addresses(net, store):
    """A proxy on the LAN and on the internet, before there is any user; and
    after the first one has been added, while all runs, for none at all."""
    net.cable(("proxy1", OURS + "/24"), ("third", PRIVATE + "/24"))
    redirect = Daemon(net, "redirect", "redirectd", redirectd_conf(
        store=store, auth={}))
    Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1", listen=[
        f"udp:{PROXY1}:5060", f"udp:{OURS}:5060"]))
    inside = Phone(net, "third", "inside", proxy=OURS, address=PRIVATE)
    outside = Phone(net, "third", "outside", proxy=PROXY1, port=5070)
    behind = Phone(net, "first", "behind", proxy=PROXY1)
    assert inside.register().status == 200
    for ua in (outside, behind):   # whose NAT is public
        answer = ua.register()
        assert answer.status == 403, answer.text
        assert ua.transact("OPTIONS", inside.aor).status == 403
    assert redirect.metric("open_refused") == 4
    assert "open" in redirect.log()
    add_user(redirect, "inside")
    soon(lambda: inside.refresh().status == 401, "a challenge")
    for ua in (inside, outside):
        ua.password = password_of(ua.user)
    assert inside.refresh().status == 200
    soon(lambda: outside.register().status == 401, "a challenge")
    add_user(redirect, "outside")
    assert outside.register().status == 200


def test_users_that_come_and_go(net, store):
    """By the command, while all runs: each change counts within a moment."""
    redirect = Daemon(net, "redirect", "redirectd", redirectd_conf(
        store=store, auth={"required": "always"}))
    Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1"))
    alice = Phone(net, "first", "alice", proxy=PROXY1,
                  password=password_of("alice"))
    assert alice.register().status == 401
    add_user(redirect, "alice")
    soon(lambda: alice.refresh().status == 200, "the new user")
    command(redirect.conf_path, "user", "passwd", "alice@example.com",
            stdin="another\n")
    soon(lambda: alice.refresh().status == 401, "the new password")
    alice.password = "another"
    assert alice.refresh().status == 200
    command(redirect.conf_path, "user", "del", "alice@example.com")
    soon(lambda: alice.refresh().status == 401, "the end of it")
    assert redirect.metric("users") == 0
    assert "level=error" not in redirect.log()


def test_an_alias_that_is_added(net, store):
    """Of a number: who calls it calls the client, from then on."""
    redirect = Daemon(net, "redirect", "redirectd", redirectd_conf(
        store=store))
    Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1"))
    alice = Phone(net, "first", "alice", proxy=PROXY1)
    carol = Phone(net, "stranger", "carol", proxy=PROXY1)
    assert alice.register().status == carol.register().status == 200
    assert carol.transact("OPTIONS", "sip:100@example.com").status == 404
    command(redirect.conf_path, "alias", "add", "100@example.com",
            "alice@example.com")
    soon(lambda: carol.transact("OPTIONS", "sip:100@example.com").status
         == 200, "the alias")
    command(redirect.conf_path, "alias", "del", "100@example.com")
    soon(lambda: carol.transact("OPTIONS", "sip:100@example.com").status
         == 404, "the end of it")

"""What the daemons do among themselves goes on where everybody else is asked
for a password: keepalives, the recall after a crash, the pool of relays, two
directories on one Redis."""

import pytest

from calls import offer_of, relayed
from guarded import DOMAIN, Guarded, bare, dial, guard, \
    register_headers, users_file  # noqa: F401
from support.daemons import Daemon, redirectd_conf
from support.net import REDIRECT, RELAY, Net, wait_until
from support.redis import Redis
from support.sipmsg import Message, token

ALWAYS = {"required": "always"}
NAT_FORGETS = 3  # seconds
LONG = 2 * NAT_FORGETS  # keepalives, one a second
SECRET = "a secret of these two directories"


@pytest.fixture
def net(can_net):
    """NATs that forget an idle mapping soon."""
    with Net(udp_timeout=NAT_FORGETS) as n:
        yield n


def called(caller, callee):
    call, _ = dial(caller, callee.aor, offer_of(caller))
    callee.incoming().reject(486)
    assert call.wait_final().status == 486


@pytest.mark.parametrize("method", ["options", "crlf"])
def test_keepalives(guard, method):
    """The pinhole of an idle phone is open after twice the NAT's patience."""
    s = guard(auth=ALWAYS, proxyd={"keepalive": 1,
                                   "pinhole": {"method": method}})
    bob = s.phone("second", "bob")
    if method == "options":
        bob.wait_for(lambda: len(bob.messages(
            lambda m: m.method == "OPTIONS")) >= LONG, what="OPTIONS")
        s.proxy2.wait_metric("keepalives_answered", lambda n: n >= LONG)
    else:
        bob.wait_keepalive(LONG)
    called(s.phone("third", "alice"), bob)


def test_recall(guard):
    """A proxy that was killed hears from the directory whom it serves."""
    s = guard(auth=ALWAYS, proxyd={"keepalive": 1})
    bob = s.phone("second", "bob")
    asked = s.redirect.metric("auth_challenges")
    s.proxy2.restart(kill=True)
    s.proxy2.wait_metric("bindings_recalled", lambda n: n == 1)
    assert s.redirect.metric("auth_challenges") == asked
    before = sum(m.is_keepalive for m in bob.received)
    bob.wait_keepalive(before + LONG)
    alice = s.phone("first", "alice")
    called(alice, bob)
    called(bob, alice)


def test_pool_of_relays(guard):
    """relayd joins without a password, and nobody joins with one."""
    s = guard(auth=ALWAYS, proxyd={"relays": ["auto"], "keepalive": 1},
              redirectd={"pool": {"trusted": [f"{RELAY}/32"]}},
              relayd={"pool": {"redirect": [f"{REDIRECT}:5060"],
                               "expires": 6}})
    for proxy in (s.proxy1, s.proxy2):
        proxy.wait_metric("relays_usable", lambda n: n == 1)
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    out, back = s.media(alice), s.media(bob)
    call, _ = dial(alice, bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    relayed(call, leg, bob, out, back)
    assert call.bye().status == 200
    refused = bare(alice, "REGISTER", "sip:pinhole",
                   dest="<sip:relay@pinhole>",
                   headers=[*register_headers(alice),
                            alice.prove("REGISTER", "sip:pinhole")])
    assert refused.status >= 400
    assert len(s.redirect.api("relays")) == 1


def test_a_proxy_asks_how_the_directory_is(guard):
    """OPTIONS of its own, behind no other Via."""
    s = guard(auth=ALWAYS)
    probe = s.net.udp("proxy1", 5090)
    probe.settimeout(10)
    try:
        probe.sendto(Message.build(f"OPTIONS sip:{REDIRECT}:5060 SIP/2.0", [
            ("Via", f"SIP/2.0/UDP 203.0.113.1:5090;branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"), ("From", "<sip:203.0.113.1>;tag=p"),
            ("To", f"<sip:{REDIRECT}>"), ("Call-ID", token("c")),
            ("CSeq", "1 OPTIONS")]).raw, (REDIRECT, 5060))
        assert Message(probe.recvfrom(65535)[0]).status == 200
    finally:
        probe.close()


@pytest.fixture
def shared(net):
    """Two redirectd on one Redis; the proxies ask the first while that is
    well."""
    with Redis() as redis:
        conf = {"store": redis.url, "auth": {"secret": SECRET, "failures": 0}}
        s = Guarded(net, "", redirectd=conf, proxyd={
            "redirect": [f"{REDIRECT}:5060", f"{REDIRECT}:5070"]})
        s.second = Daemon(net, "redirect", "redirectd", redirectd_conf(
            listen=f"udp:{REDIRECT}:5070", **conf), http=("127.0.0.1", 8061))
        for user in ("alice", "bob"):
            s.add_user(user)
        yield s
        s.settled()
        s.second.terminate()
        s.redirect.terminate()


def test_two_directories_on_one_redis(shared):
    """Each knows the users, the aliases and the phones of the other, and takes
    the nonces that the other has given away."""
    s = shared
    s.command("alias", "add", f"1001@{DOMAIN}", f"bob@{DOMAIN}")
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    called(alice, bob)
    call = alice.invite(bob.aor, offer_of(alice))
    refused = call.wait_status(407)
    s.redirect.kill()
    assert bob.refresh().status == 200
    call.authenticate(refused)
    bob.incoming().reject(486)
    assert call.wait_final().status == 486
    assert s.second.metric("auth_stale") == 0
    number = f"sip:1001@{DOMAIN}"
    assert alice.transact("MESSAGE", number).status == 200
    s.command("user", "passwd", f"alice@{DOMAIN}", stdin="another\n")
    wait_until(lambda: alice.transact("MESSAGE", number).status == 407, 5,
               "the change")
    assert bob.transact("MESSAGE", f"sip:bob@{DOMAIN}").status == 200
    alice.password = "another"
    assert alice.refresh().status == 200

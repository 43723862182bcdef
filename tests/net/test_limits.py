"""Too much of one source is refused, and nobody else notices: requests beyond
a rate, failed authentications beyond another."""

import re

import pytest

from calls import Phone, offer_of
from robust import deploy, hang_up, talking  # noqa: F401
from support.daemons import Daemon, proxyd_conf
from support.net import PROXY1, PROXY2, STRANGER, TOP, wait_until
from support.sip import UA
from support.sipmsg import token

FILTER = TOP / "deploy" / "fail2ban" / "pinhole.conf"


def fail2ban_finds(log):
    """The hosts that the filter finds in a log, as fail2ban would."""
    text = FILTER.read_text().split("failregex =")[1].split("ignoreregex")[0]
    rules = [re.compile(line.strip().replace("<HOST>", r"(?P<host>[\w.:]+)"))
             for line in text.splitlines() if line.strip()]
    assert len(rules) == 4
    return {m["host"] for rule in rules for m in rule.finditer(log)}


def options(ua, count, to=(PROXY1, 5060)):
    """So many requests at once, and unrepeated; none of them needs more than
    the proxy."""
    uri = f"sip:{to[0]}:{to[1]}"
    for _ in range(count):
        ua.send_raw(
            f"OPTIONS {uri} SIP/2.0\r\nVia: {ua.via()}\r\nMax-Forwards: 70\r\n"
            f"From: <{ua.aor}>;tag={token()}\r\nTo: <{uri}>\r\n"
            f"Call-ID: {token('c')}\r\nCSeq: 1 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n".encode(), to)


def answers(ua, status):
    return len(ua.messages(lambda m: m.status == status))


def test_beyond_the_rate(deploy):
    """503 with Retry-After for some, silence for the rest; another source is
    served as ever, and fail2ban can read who it was."""
    site = deploy(proxyd={"limits": {"requests": 5, "burst": 20}})
    alice, bob = site.pair()
    mallory = site.phone("stranger", "mallory", register=False)
    options(mallory, 200)
    hang_up(*talking(alice, bob))
    site.proxy1.wait_metric("limited", lambda n: n > 150)
    mallory.wait_for(lambda: answers(mallory, 503), what="a 503")
    assert 15 <= answers(mallory, 200) <= 60
    assert answers(mallory, 503) <= 20
    refused = mallory.messages(lambda m: m.status == 503)[0]
    assert int(refused.get("Retry-After")) > 0
    assert fail2ban_finds(site.proxy1.log()) == {STRANGER}
    site.unhurt()


def test_what_has_begun_may_end(deploy):
    """The rate is used up, and the call that is up can still be ended."""
    site = deploy(proxyd={"limits": {"requests": 1, "burst": 20}})
    carol, bob = site.phone("third", "carol", proxy=PROXY1), \
        site.phone("first", "bob")
    call, leg = talking(carol, bob)
    options(carol, 30)
    carol.wait_for(lambda: answers(carol, 503), what="a 503")
    hang_up(call, leg)


def test_many_phones_behind_one_nat(deploy):
    """A hundred and fifty phones register at one moment, behind one address;
    with the limits as they are by default none of them waits."""
    site = deploy()
    phone = site.phone("first", "crowd", register=False)
    sent = [phone.request(
        "REGISTER", "sip:example.com", dest=f"<sip:crowd{n}@example.com>",
        headers=[("Contact", f"<sip:crowd{n}@{phone.ip}:{phone.port}>")])
        for n in range(150)]
    for m in sent:
        assert phone.final(m).status == 200
    assert site.proxy1.metric("limited") == 0
    assert not answers(phone, 503)


def test_other_proxies_have_no_limit(deploy):
    site = deploy(proxyd={"limits": {"requests": 1, "burst": 4}})
    peer = UA(site.net, "proxy2", "peer", port=5090)
    options(peer, 60)
    peer.wait_for(lambda: answers(peer, 200) == 60, what="60 answers")


def test_a_phone_on_a_proxys_host_has_one(deploy):
    """It is the transport too that makes a proxy of a source: one that is
    not in `trusted` has limits, whatever its headers say."""
    site = deploy(proxyd={"limits": {"requests": 1, "burst": 4},
                          "trusted": [f"{PROXY1}/32"]})
    peer = UA(site.net, "proxy2", "peer", port=5090)
    options(peer, 60)
    peer.wait_for(lambda: answers(peer, 503), what="a 503")
    assert answers(peer, 200) < 20


def test_a_phone_that_comes_over_tcp_from_a_proxys_host_has_one(net):
    """The other proxies speak UDP; whoever gets a connection from there is a
    phone."""
    Daemon(net, "proxy1", "proxyd", proxyd_conf(
        listen=[f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"],
        limits={"requests": 1, "burst": 4}))
    phone = net.tcp("proxy2", (PROXY1, 5060))
    phone.settimeout(10)
    uri = f"sip:{PROXY1}"
    for n in range(60):
        phone.sendall(
            f"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/TCP {PROXY2}:5090;branch="
            f"{token('z9hG4bK')}\r\nMax-Forwards: 70\r\nFrom: <{uri}>;tag=a"
            f"\r\nTo: <{uri}>\r\nCall-ID: {token('c')}\r\n"
            "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode())
    got = b""
    while b"SIP/2.0 503" not in got:
        got += phone.recv(65536)
    assert got.count(b"SIP/2.0 200") < 20
    phone.close()


def test_gateways_have_no_limit(deploy):
    site = deploy(proxyd={"limits": {"requests": 1, "burst": 4},
                          "gateways": [f"{STRANGER}/32"]})
    gateway = site.phone("stranger", "gateway", register=False)
    options(gateway, 60)
    gateway.wait_for(lambda: answers(gateway, 200) == 60, what="60 answers")


def test_other_limits_by_reload(deploy):
    site = deploy(proxyd={"limits": {"requests": 1, "burst": 4}})
    phone = site.phone("stranger", "phone", register=False)
    options(phone, 20)
    phone.wait_for(lambda: answers(phone, 503), what="a 503")
    site.proxy1.configure({**site.proxy1.conf, "limits": {"requests": 0}})
    site.proxy1.reload()
    site.proxy1.wait_log("reload")
    before = answers(phone, 200)
    options(phone, 60)
    phone.wait_for(lambda: answers(phone, 200) == before + 60,
                   what="60 answers")


def test_flood_of_responses_and_garbage(deploy):
    """It costs no more than requests: the rest is not even read."""
    site = deploy(proxyd={"limits": {"requests": 5, "burst": 20}})
    mallory = site.phone("stranger", "mallory", register=False)
    for _ in range(300):
        mallory.send_raw(b"SIP/2.0 200 OK\r\nVia: rubbish\r\n\r\n")
        mallory.send_raw(b"rubbish sip:x SIP/2.0\r\n\r\n")
    site.proxy1.wait_metric("limited", lambda n: n > 350)
    assert site.proxy1.metric("malformed") < 250
    assert not mallory.messages(lambda m: m.status == 200)


class Directory(UA):
    """A redirectd that asks for passwords: `good` alone knows one, and knows
    nobody but the client `known`."""

    CHALLENGE = ('Digest realm="example.com", nonce="n1", qop="auth"')

    def __init__(self, net, stale=False):
        self.seen = []
        self.stale = ", stale=TRUE" if stale else ""
        super().__init__(net, "redirect", "directory")

    def _request(self, m):
        if m.duplicate or m.method == "ACK":
            return
        self.seen.append(m)
        said = m.get("Authorization", "")
        if m.method != "REGISTER":
            self.respond(m, 404, "Client Unknown", tag="d")
        elif 'username="good"' in said:
            self.respond(m, 200, tag="d",
                         headers=[("Contact", m.get("Contact"))])
        else:
            self.respond(m, 401, "Unauthorized", tag="d", headers=[
                ("WWW-Authenticate", self.CHALLENGE + self.stale)])


@pytest.fixture
def guarded(net):
    """A proxy before a redirectd that asks for passwords."""
    def make(stale=False, **limits):
        proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf(limits=limits))
        return proxy, Directory(net, stale)
    return make


def phone_at(net, host, user, port=5062):
    return Phone(net, host, user, proxy=PROXY1, port=port)


def try_password(ua, user=None):
    """REGISTER with credentials; the status it gets."""
    said = f'Digest username="{user or ua.user}", realm="example.com", ' \
        'nonce="n1", uri="sip:example.com", response="0"'
    m = ua.request("REGISTER", "sip:example.com", dest=f"<{ua.aor}>",
                   headers=[("Contact", f"<{ua.contact_uri}>"),
                            ("Authorization", said)])
    return ua.final(m)


def test_guessing_passwords(net, guarded):
    """After three failures 403 for a time, which the directory no longer
    sees; and then again."""
    proxy, directory = guarded(failures=3, ban=2)
    mallory = phone_at(net, "stranger", "mallory")
    for _ in range(4):
        assert try_password(mallory).status == 401
    refused = try_password(mallory)
    assert refused.status == 403
    assert 1 <= int(refused.get("Retry-After")) <= 2
    assert len(directory.seen) == 4
    assert proxy.metric("auth_failures") == 4
    assert proxy.metric("banned") >= 1
    assert fail2ban_finds(proxy.log()) == {STRANGER}
    wait_until(lambda: try_password(mallory).status == 401, 10,
               "the end of the ban")


def test_neighbours_of_who_guesses_passwords(net, guarded):
    """Behind the same NAT a phone that is registered goes on; a new one has to
    wait."""
    proxy, directory = guarded(failures=3, ban=300)
    good = phone_at(net, "first", "good")
    assert try_password(good).status == 200
    mallory = phone_at(net, "first17", "mallory")
    for _ in range(5):
        last = try_password(mallory).status
    assert last == 403
    assert try_password(good).status == 200
    assert try_password(phone_at(net, "first17", "late", 5064)).status == 403
    asked = good.transact("MESSAGE", "sip:nobody@example.com")
    assert asked.status == 404


def test_scanning_for_clients(net, guarded):
    """Calls to one unknown client after the other."""
    proxy, directory = guarded(failures=3, ban=300)
    mallory = phone_at(net, "stranger", "mallory")
    got = [mallory.final(mallory.request(
        "INVITE", f"sip:{n}@example.com",
        headers=[("Contact", f"<{mallory.contact_uri}>")])).status
        for n in range(100, 108)]
    assert got == 4 * [404] + 4 * [403]
    assert len(directory.seen) == 4


def test_a_challenge_is_no_failure(net, guarded):
    proxy, directory = guarded(failures=3, ban=300)
    phone = phone_at(net, "stranger", "phone")
    assert [phone.register().status for _ in range(10)] == 10 * [401]
    assert proxy.metric("auth_failures") == 0


def test_a_nonce_that_was_too_old_is_no_failure(net, guarded):
    proxy, directory = guarded(stale=True, failures=3, ban=300)
    phone = phone_at(net, "stranger", "phone")
    assert [try_password(phone).status for _ in range(10)] == 10 * [401]
    assert proxy.metric("auth_failures") == 0


def test_a_banned_source_may_end_its_calls(deploy):
    """Within a call nothing is held against it."""
    site = deploy(proxyd={"limits": {"failures": 2, "ban": 300}})
    carol, bob = site.phone("third", "carol", proxy=PROXY1), \
        site.phone("first", "bob")
    call, leg = talking(carol, bob)
    for _ in range(4):
        status = carol.invite("sip:nobody@example.com",
                              offer_of(carol)).wait_final().status
    assert status == 403
    hang_up(call, leg)

"""What the doctors of a site find: nothing where all is well, and each fault
where it really is made."""

import subprocess
import sys

import pytest

import operating
from doctors import Alg, certificate, doctor, other_clock, rules, \
    run_doctor, texts, the_failure, the_warning
from support.daemons import BIN, Daemon, proxyd_conf, redirectd_conf, \
    relayd_conf
from support.dns import NameServer
from support.net import PROXY1, PROXY2, REDIRECT, RELAY, STRANGER, THIRD, \
    end_process, wait_until
from support.redis_server import Redis

NOWHERE = "203.0.113.77"
MEMORY = "the store is memory"
NO_NAMES = ["127.0.0.1:9"]  # where nobody answers, which is told at once
POOL = {"redirect": [f"{REDIRECT}:5060"], "expires": 6}


def proxy_alone(net, **changes):
    """A proxy with its directory and its relay, and no other one."""
    return Daemon(net, "proxy1", "proxyd", proxyd_conf(
        **{"trusted": [], "resolver": NO_NAMES, **changes}))


@pytest.fixture
def directory(net):
    return Daemon(net, "redirect", "redirectd", redirectd_conf(
        trusted=[f"{PROXY1}/32"]))


@pytest.fixture
def relay(net):
    return Daemon(net, "relay", "relayd", relayd_conf(
        trusted=[f"{PROXY1}/32"]))


@pytest.fixture
def proxy(net, directory, relay):
    return proxy_alone(net)


def test_a_healthy_site_is_told_so(pinhole):
    for name, daemon in pinhole.all.items():
        said = doctor(daemon)
        assert (said.status, said.err) == (0, ""), said.found
        assert not texts(said, "fail")
        assert texts(said, "warn") == ([] if name != "redirect" else [
            f"{MEMORY}: after a restart nobody is reached until their phones "
            "register again",
            "auth.required is never: whoever reaches a proxy can be anybody"])


def test_it_leaves_nothing_behind(proxy, relay):
    before = relay.metrics()
    said = doctor(proxy)
    assert any("went through relay" in t for t in texts(said, "ok"))
    assert relay.metric("sessions") == 0
    assert relay.metric("sessions_opened") == 1 + \
        before["relayd_sessions_opened_total"]


def test_it_speaks_to_people_too(proxy, directory):
    directory.kill()
    done = run_doctor(proxy)
    assert done.returncode == 1
    assert "1 thing would break calls" in done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok    listen") for line in lines)
    fail = next(i for i, line in enumerate(lines)
                if line.startswith("fail  redirect"))
    assert "nobody listens at" in lines[fail]
    assert lines[fail + 1].strip().startswith("-> ")


def test_a_daemon_that_does_not_run(proxy):
    proxy.terminate()
    assert the_warning(proxy).startswith("proxyd does not run here")


def test_a_port_taken_by_another(net, proxy):
    proxy.terminate()
    other = net.popen("proxy1", sys.executable, "-c",
                      "import socket, time\n"
                      "s = socket.socket(type=socket.SOCK_DGRAM)\n"
                      f"s.bind(('{PROXY1}', 5060))\n"
                      "time.sleep(60)\n")
    try:
        wait_until(lambda: "5060" in net.exec("proxy1", "ss", "-lun"), 10,
                   "the other program")
        failed = the_failure(proxy)
        assert failed.startswith(f"{PROXY1}:5060 is taken by python")
        assert f"(process {other.pid})" in failed
    finally:
        end_process(other)


def test_a_listen_address_that_is_not_ours(net, directory, relay):
    proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf(
        listen=[f"udp:{PROXY1}:5060", f"tcp:{NOWHERE}:5060"], trusted=[],
        resolver=NO_NAMES),
        start=False)
    assert the_failure(proxy) == \
        f"tcp:{NOWHERE}:5060 is no address of this host"


def test_an_advertised_address_that_leads_nowhere(net, directory, relay):
    proxy = proxy_alone(net, advertise=NOWHERE)
    assert f"{NOWHERE}:5060, which we tell others, is no address of this " \
        "host, and leads back to nobody" in the_warning(proxy)


def test_an_advertised_address_that_leads_to_us(net, directory, relay):
    """As a router that forwards it leads it back in."""
    rules(net, "proxy1", "output", "nat",
          f"ip daddr {NOWHERE} dnat to {PROXY1}")
    proxy = proxy_alone(net, advertise=NOWHERE)
    said = doctor(proxy)
    assert (said.status, texts(said, "warn")) == (0, [])
    assert f"{NOWHERE}:5060 leads back to a proxy" in texts(said, "ok")


def test_a_directory_that_does_not_trust_us(proxy, directory):
    directory.configure(redirectd_conf(trusted=[f"{PROXY2}/32"]))
    directory.restart()
    assert f"redirectd {REDIRECT}:5060 does not trust us, who come from " \
        f"{PROXY1}" in the_failure(proxy)


def test_a_relay_that_does_not_trust_us(proxy, relay):
    relay.restart(relayd_conf(trusted=[f"{PROXY2}/32"]))
    assert f"relayd {RELAY}:5060 does not trust us" in the_failure(proxy)


def test_a_proxy_that_does_not_trust_us(pinhole):
    pinhole.proxy2.restart(proxyd_conf("proxy2", trusted=[]))
    pinhole.proxy1.configure({**pinhole.proxy1.conf, "resolver": NO_NAMES})
    assert f"proxyd {PROXY2}:5060 does not trust us" in \
        the_failure(pinhole.proxy1)


def test_a_relay_whose_media_comes_from_elsewhere(net, proxy, relay):
    net.address("relay", f"{NOWHERE}/24")
    rules(net, "relay", "postrouting", "filter",
          f"udp sport 30000-30999 ip saddr set {NOWHERE}")
    failed = the_failure(proxy)
    assert f"relay {RELAY}:5060 names {RELAY}:30" in failed
    assert f"sends from {NOWHERE}:30" in failed


def test_a_relay_that_answers_from_elsewhere(net, proxy, relay):
    net.address("relay", f"{NOWHERE}/24")
    rules(net, "relay", "postrouting", "filter",
          f"udp sport 5060 ip saddr set {NOWHERE}")
    assert the_failure(proxy) == f"relayd {RELAY}:5060 answers from another " \
        f"address, {NOWHERE}:5060"


@pytest.mark.parametrize("hook, port, words", [
    ("input", "dport", "media does not reach relay"),
    ("output", "sport", "what it sends on does not arrive here")])
def test_a_firewall_that_drops_media(net, proxy, relay, hook, port, words):
    relay.restart({**relay.conf, "fastpath": "off"})  # it passes filters by
    rules(net, "relay", hook, "filter", f"udp {port} 30000-30999 drop")
    assert words in the_failure(proxy)
    assert relay.metric("sessions") == 0


def in_a_cloud(net, proxy, relay, **media):
    """Both have private addresses, and are led to from public ones."""
    net.cable(("proxy1", "10.1.0.1/24"), ("relay", "10.1.0.4/24"))
    relay.restart(relayd_conf(
        listen=["udp:10.1.0.4:5060"], trusted=["10.1.0.1/32"],
        media={"address": "10.1.0.4", "ports": [30000, 30999], **media}))
    proxy.restart(proxyd_conf(
        listen=["udp:10.1.0.1:5060"], advertise=PROXY1, trusted=[],
        resolver=NO_NAMES, relays=["10.1.0.4:5060"],
        redirect=[f"{REDIRECT}:5060"]))


def test_a_relay_that_cannot_be_tried_from_inside(net, proxy, relay):
    """Nobody leads what we send to its public address back in."""
    in_a_cloud(net, proxy, relay, advertise=NOWHERE)
    found = [f for f in doctor(proxy).found if f["check"] == "media"]
    assert [f["level"] for f in found] == ["warn"], found
    assert f"relay 10.1.0.4:5060 names {NOWHERE}:30" in found[0]["text"]
    assert "cannot be tried from inside" in found[0]["text"]


def test_a_relay_that_names_a_private_address(net, proxy, relay):
    """Where media.advertise was forgotten."""
    in_a_cloud(net, proxy, relay)
    said = doctor(proxy)
    assert "relay 10.1.0.4:5060 tells phones on the internet to send media " \
        "to 10.1.0.4, which is private" in texts(said, "fail")


def test_no_relay_in_the_pool(net, directory):
    proxy = proxy_alone(net, relays=["auto"])
    assert "no relay has joined the pool pinhole" in the_failure(proxy)


def test_the_relays_of_the_pool_are_looked_at(net, directory, relay):
    directory.configure(redirectd_conf(
        trusted=[f"{PROXY1}/32"], pool={"trusted": [f"{RELAY}/32"]}))
    directory.restart()
    relay.restart(relayd_conf(trusted=[f"{PROXY1}/32"], pool=POOL))
    proxy = proxy_alone(net, relays=["auto"])
    proxy.wait_metric("relays_usable", lambda n: n == 1)
    for daemon in (proxy, relay, directory):
        said = doctor(daemon)
        assert said.status == 0, said.found
        assert len(texts(said, "warn")) == (2 if daemon is directory else 0)
    assert any(f"through relay {RELAY}:5060" in t
               for t in texts(doctor(proxy), "ok"))
    assert f"relayd {RELAY}:5060 answers and trusts us" in \
        texts(doctor(directory), "ok")
    assert f"redirectd {REDIRECT}:5060 answers and trusts us" in \
        texts(doctor(relay), "ok")


def test_a_directory_that_lets_no_relay_join(net, directory, relay):
    relay.restart(relayd_conf(trusted=[f"{PROXY1}/32"], pool=POOL))
    said = doctor(relay)
    assert said.status == 1
    assert any(f"redirectd {REDIRECT}:5060 does not trust us" in t
               for t in texts(said, "fail"))


def test_a_pool_that_nobody_keeps(net, directory, relay):
    """The directory trusts the relay, and keeps another pool."""
    directory.restart(redirectd_conf(
        trusted=[f"{PROXY1}/32", f"{RELAY}/32"],
        pool={"clusters": ["elsewhere"]}))
    relay.restart(relayd_conf(trusted=[f"{PROXY1}/32"], pool=POOL))
    assert "0 of 1 redirectd have this relay in the pool pinhole" in \
        the_failure(relay)


def test_a_drained_relay_is_in_no_pool_on_purpose(net, directory, relay):
    directory.restart(redirectd_conf(
        trusted=[f"{PROXY1}/32"], pool={"trusted": [f"{RELAY}/32"]}))
    relay.restart(relayd_conf(trusted=[f"{PROXY1}/32"], pool=POOL))
    relay.wait_metric("pool_joined", lambda n: n == 1)
    operating.said(relay, "drain")
    relay.wait_metric("pool_joined", lambda n: n == 0)
    said = doctor(relay)
    assert said.status == 0, said.found
    assert "relayd runs here, and drains: it takes no new calls" in \
        texts(said, "warn")
    assert any("this relay is drained" in t for t in texts(said, "ok"))


def test_a_private_address_on_the_internet(net, directory, relay):
    net.address("proxy1", "10.1.0.1/24")
    proxy = proxy_alone(net, listen=["udp:10.1.0.1:5060"])
    assert any(t.startswith("10.1.0.1 is private") for t in
               texts(doctor(proxy), "warn"))


def test_a_media_port_taken_by_another(net, relay):
    with net.udp("relay", 30044, RELAY):
        said = doctor(relay)
    assert any("1 of media.ports are taken by others: 30044" in t
               for t in texts(said, "warn")), said.found


def test_a_clock_that_is_off(net, directory, relay):
    directory.env = other_clock(90)
    directory.restart()
    assert f"the clock of redirectd {REDIRECT}:5060 is 90.0 s ahead of " \
        "ours" in the_warning(proxy_alone(net))


def test_directories_with_clocks_apart(net, directory, relay):
    """The second one runs beside the first, on another port."""
    Daemon(net, "redirect", "redirectd", redirectd_conf(
        listen=f"udp:{REDIRECT}:5070", trusted=[f"{PROXY1}/32"]),
        http=("127.0.0.1", 8061), env=other_clock(-90))
    proxy = proxy_alone(net, redirect=[f"{REDIRECT}:5060",
                                       f"{REDIRECT}:5070"])
    failed = the_failure(proxy)
    assert f"the clocks of {REDIRECT}:5070 and {REDIRECT}:5060 are " in failed


def test_one_directory_of_two_is_away(net, directory, relay):
    proxy = proxy_alone(net, redirect=[f"{REDIRECT}:5060",
                                       f"{REDIRECT}:5070"])
    assert f"nobody listens at {REDIRECT}:5070" in the_warning(proxy)


def test_a_sip_alg_on_the_way(net, proxy, directory):
    """It is a NAT too, so that the directory trusts its address."""
    Alg(net, "stranger", PROXY1, REDIRECT)
    rules(net, "proxy1", "output", "nat",
          f"ip daddr {REDIRECT} udp dport 5060 dnat to {STRANGER}")
    directory.restart(redirectd_conf(
        trusted=[f"{PROXY1}/32", f"{STRANGER}/32"]))
    said = doctor(proxy)
    assert said.status == 1
    failed, = texts(said, "fail")
    assert f"what we send to redirectd {REDIRECT}:5060 is rewritten" in failed
    assert f'"Contact: <sip:doctor@{PROXY1}:' in failed
    assert f'arrives as "Contact: <sip:doctor@{STRANGER}:' in failed
    warned, = texts(said, "warn")
    assert f"sees us at {STRANGER}, not at {PROXY1}" in warned


@pytest.fixture
def secured(net, directory, relay, tmp_path):
    """A proxy with a certificate like this."""
    def make(name="example.com", **days):
        return proxy_alone(
            net, listen=[f"udp:{PROXY1}:5060", f"tls:{PROXY1}:5061"],
            tls=certificate(tmp_path, name, **days))
    return make


def test_a_good_certificate(secured):
    said = doctor(secured())
    assert (said.status, texts(said, "warn")) == (0, [])
    assert any("is good for 36" in t for t in texts(said, "ok"))


def test_a_certificate_to_be_renewed(secured):
    assert "runs out on" in the_warning(secured(first=-200, last=20))


def test_a_certificate_of_the_last_week(secured):
    assert "runs out on" in the_failure(secured(first=-200, last=5))


def test_a_certificate_that_has_run_out(secured):
    assert "has run out on" in the_failure(secured(first=-30, last=-1))


def test_a_certificate_that_is_not_good_yet(secured):
    assert "is not good before" in the_failure(secured(first=1))


def test_a_certificate_for_another_domain(secured):
    assert "is not for the domain example.com" in \
        the_warning(secured("elsewhere.example"))


def test_a_key_of_another_certificate(secured, tmp_path):
    proxy = secured()
    (tmp_path / "old").mkdir()
    other = certificate(tmp_path / "old", "example.com")
    proxy.configure({**proxy.conf, "tls": {
        "certificate": proxy.conf["tls"]["certificate"],
        "key": other["key"]}})
    assert "is not the key of the certificate" in the_failure(proxy)


@pytest.mark.parametrize("address, warns", [
    (PROXY1, False), (PROXY2, False), (THIRD, True)],
    ids=["us", "another proxy", "elsewhere"])
def test_where_the_domain_leads(pinhole, address, warns):
    names = NameServer(pinhole.proxy1.net, "stranger", f"""
        _sip._udp.example.com SRV 10 0 5060 sip.example.com
        sip.example.com A {address}
    """)
    pinhole.proxy1.configure({**pinhole.proxy1.conf,
                              "resolver": [names.address]})
    said = doctor(pinhole.proxy1)
    assert said.status == 0
    words = "are led to" if warns else f"leads to {address}"
    assert any(words in t for t in texts(said, "warn" if warns else "ok"))
    assert len(texts(said, "warn")) == warns


def test_a_store_on_disk(net, tmp_path):
    """Its users are counted beside the daemon that has it open."""
    daemon = Daemon(net, "redirect", "redirectd", redirectd_conf(
        trusted=[], store=f"sqlite:{tmp_path}/directory.db",
        auth={"required": "auto"}))
    assert the_warning(daemon).startswith("there are no users")
    subprocess.run([BIN / "redirectd", "-c", daemon.conf_path, "user", "add",
                    "alice@example.com"], input="secret\n", text=True,
                   check=True)
    said = doctor(daemon)
    assert (said.status, texts(said, "warn")) == (0, [])
    assert "callers have to authenticate, 1 can" in texts(said, "ok")


def test_a_store_that_is_not_there_yet(net, tmp_path):
    """Looking does not make it."""
    daemon = Daemon(net, "redirect", "redirectd", redirectd_conf(
        trusted=[], store=f"sqlite:{tmp_path}/directory.db",
        auth={"required": "always"}), start=False)
    assert "does not run here" in the_warning(daemon)
    assert list(tmp_path.iterdir()) == []
    daemon.configure({**daemon.conf, "store": f"sqlite:{tmp_path}/no/dir.db"})
    assert f"{tmp_path}/no/dir.db cannot be written to" in the_failure(daemon)


def shared(net, redis, **changes):
    return Daemon(net, "redirect", "redirectd", redirectd_conf(
        trusted=[], store=redis.url, auth={
            "required": "always", "secret": "a secret of the directories"},
        **changes))


def test_a_good_redis(net):
    said = doctor(shared(net, Redis(net)))
    assert (said.status, texts(said, "warn")) == (0, []), said.found


def test_a_redis_that_forgets(net):
    redis = Redis(net)
    daemon = shared(net, redis)
    redis.ask("CONFIG SET maxmemory 100000000")
    redis.ask("CONFIG SET maxmemory-policy allkeys-lru")
    assert "maxmemory-policy is allkeys-lru" in the_failure(daemon)


def test_a_redis_that_is_away(net):
    redis = Redis(net)
    daemon = shared(net, redis)
    redis.kill()
    said = doctor(daemon)
    assert said.status == 1
    assert any(t.startswith("store: redis: ") for t in texts(said, "fail"))


def test_directories_of_one_redis_without_a_secret(net):
    redis = Redis(net)
    daemon = Daemon(net, "redirect", "redirectd", redirectd_conf(
        trusted=[], store=redis.url, auth={"required": "always"}))
    assert "auth.secret is empty" in the_warning(daemon)


def test_what_nobody_else_may_ask(net, directory):
    """A stranger's probe is refused like anything of his."""
    stranger = proxy_alone(net)
    stranger.terminate()
    directory.restart(redirectd_conf(trusted=[f"{PROXY2}/32"]))
    before = directory.metric("untrusted")
    doctor(stranger)
    assert directory.metric("untrusted") == before + 1

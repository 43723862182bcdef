"""The Debian packages on a clean Debian that has booted with systemd: what an
operator does with them, and what happens to a call meanwhile. The tests are in
the order of a host's life."""

import json
import re

import pytest

from conftest import DAEMONS
from support.debs import depends, newer
from support.machine import Machine, tree
from support.net import ADDRESS, PROXY1, Net, wait_until
from support.rtp import Rtp
from support.sip import UA
from support.sipmsg import sdp

LOGFMT = re.compile(r'^ts=\S+ level=\w+ daemon=(\w+) msg="')
PRIORITY = {"error": "3", "warn": "4", "info": "6", "debug": "7"}
SSRC = {"first": 0xF1257, "second": 0x5EC01D}
# What the process that ends may have in hand, on its way to either side.
IN_HAND = 5


class Host:
    """One host with all three daemons, and phones behind NATs."""

    def __init__(self, net, packages, path):
        self.net = net
        self.machine = Machine(net, "proxy1", tree(depends(packages.values())))
        self.run("mkdir", "/root/first", "/root/newest")
        for deb in packages.values():
            self.machine.put(deb, f"/root/first/{deb.name}")
            self.machine.put(newer(deb, path), f"/root/newest/{deb.name}")

    def run(self, *argv, **kw):
        return self.machine.exec(*argv, **kw)

    def install(self, which):
        self.run("sh", "-c", f"dpkg -i /root/{which}/*.deb")

    def version(self, package):
        return self.run("dpkg-query", "-W", "-f", "${Version}", package)

    def show(self, unit, what):
        """One property of a unit."""
        return self.run("systemctl", "show", "-P", what, unit).strip()

    def pid(self, unit):
        """Of its main process; 0: there is none."""
        return int(self.show(unit, "MainPID"))

    def journal(self, unit):
        """Its entries, as the journal has them."""
        out = self.run("journalctl", "-q", "-u", unit, "-o", "json")
        return [json.loads(line) for line in out.splitlines()]

    def says(self, unit, text):
        return any(text in e["MESSAGE"] for e in self.journal(unit))

    def wait_ready(self, daemon):
        wait_until(lambda: self.machine.run(daemon, "ready").returncode == 0,
                   20, lambda: f"{daemon} is ready:\n"
                               f"{self.machine.journal(daemon)[-4000:]}")

    def wait_another(self, daemon, pid):
        """Another process, after the one that was `pid`."""
        wait_until(lambda: self.pid(daemon) not in (0, pid), 60,
                   lambda: f"another {daemon}:\n"
                           f"{self.machine.journal(daemon)[-4000:]}")
        self.wait_ready(daemon)

    def has(self, path):
        return self.machine.run("test", "-e", path).returncode == 0

    def phone(self, host, user, password):
        self.run("redirectd", "user", "add", f"{user}@example.com",
                 stdin=password + "\n")
        ua = self.net.own(UA(self.net, host, user, PROXY1, password=password))
        wait_until(lambda: ua.register().status == 200, 10,
                   f"{user} is registered")
        return ua


class Talk:
    """A call that goes on through all of this, with media both ways."""

    def __init__(self, host):
        self.host = host
        wait_until(lambda: host.says("proxyd", 'msg="relay has joined"'), 20,
                   "the proxy knows the relay")
        alice = host.phone("first", "alice", "a secret")
        bob = host.phone("second", "bob", "another secret")
        self.out = Rtp(host.net, "first", 4000, SSRC["first"])
        self.back = Rtp(host.net, "second", 5000, SSRC["second"])
        self.call = alice.invite(bob.aor, sdp(ADDRESS["first"],
                                              ("audio", 4000)))
        self.call.authenticate(self.call.wait_status(407))
        leg = bob.incoming()
        leg.answer(sdp(ADDRESS["second"], ("audio", 5000)))
        ok = self.call.wait_status(200)
        self.call.ack()
        leg.wait_ack()
        (_, near, port), = ok.media
        (_, far, other), = leg.invite.media
        assert near == far == PROXY1
        self.out.start((near, port))
        self.back.start((far, other))
        self.both_hear()

    def both_hear(self, count=20):
        """From now on."""
        for phone, other in ((self.out, "second"), (self.back, "first")):
            have = len(phone.packets(SSRC[other]))
            phone.wait_packets(have + count, SSRC[other], timeout=20)

    def heard(self):
        return [{p.seq for p in self.back.packets(SSRC["first"])},
                {p.seq for p in self.out.packets(SSRC["second"])}]

    def was_unhurt_since(self, last):
        """Of what was sent since, nearly all was heard, however many processes
        relayed it."""
        self.both_hear()
        for before, heard in zip(last, self.heard()):
            first, newest = max(before), max(heard)
            lost = set(range(first, newest)) - heard
            assert len(lost) <= IN_HAND, sorted(lost)


@pytest.fixture(scope="module")
def site(can_boot):
    with Net() as net:
        yield net


@pytest.fixture(scope="module")
def host(site, packages, tmp_path_factory):
    return Host(site, packages, tmp_path_factory.mktemp("debs"))


@pytest.fixture(scope="module")
def talk(host):
    return Talk(host)


def test_installed_is_running(host):
    """With nothing configured: a user of their own, and all ready."""
    host.install("first")
    for daemon in DAEMONS:
        host.wait_ready(daemon)
        assert (host.show(daemon, "ActiveState"),
                host.show(daemon, "SubState")) == ("active", "running")
        assert host.show(daemon, "UnitFileState") == "enabled"
        assert host.run("stat", "-c", "%U",
                        f"/proc/{host.pid(daemon)}") == "pinhole\n"


def test_configuration_is_for_the_daemons_to_read(host):
    """And for root; each host has a secret of its own."""
    for daemon in DAEMONS:
        assert host.run("stat", "-c", "%a %U %G",
                        f"/etc/pinhole/{daemon}.json") == "640 root pinhole\n"
    secret = re.search(r'"secret": "([0-9a-f]{48})"',
                       host.run("cat", "/etc/pinhole/proxyd.json"))
    assert secret and len(set(secret[1])) > 4


def test_the_configuration_that_is_installed_is_found(host):
    """By who gives no other, the commands too."""
    for daemon in DAEMONS:
        assert host.run(daemon, "-t").splitlines()[0] == \
            f"/etc/pinhole/{daemon}.json: configuration is good"
        assert host.run(daemon, "-t", "-c", "/dev/null").splitlines()[0] == \
            "defaults: configuration is good"
    assert host.run("redirectd", "user", "list", "--json").strip() == "[]"


def test_media_ports_are_reserved(host):
    """By the package; without that -t says what to do, and that is it."""
    reserved = "/proc/sys/net/ipv4/ip_local_reserved_ports"
    assert host.run("cat", reserved) == "30000-39999\n"
    assert "overlaps" not in host.run("relayd", "-t")
    host.run("sh", "-c", f"echo >{reserved}")
    said = host.run("relayd", "-t")
    assert "media.ports 30000-39999 overlaps" in said
    line = re.search(r"set (net\.ipv4\.ip_local_reserved_ports) = (\S+)", said)
    host.run("sh", "-c", f"echo {line[2]} >{reserved}")
    assert "overlaps" not in host.run("relayd", "-t")


def test_journal_has_logfmt_with_priorities(host):
    for daemon in DAEMONS:
        own = [e for e in host.journal(daemon)
               if LOGFMT.match(e["MESSAGE"])]
        assert any('msg="ready"' in e["MESSAGE"] for e in own)
        for e in own:
            level = re.search(r" level=(\w+) ", e["MESSAGE"])[1]
            assert e["PRIORITY"] == PRIORITY[level]


def test_the_kernel_may_forward(host):
    """With no more than the unit permits, and it outlives relayd."""
    assert host.says("relayd", 'msg="fast path attached"')
    assert not host.says("relayd", "not pinned")


def test_a_call_through_it(host, talk):
    """Users are made as root beside the daemon, which then reads them."""
    assert talk.call.status == 200
    owners = host.run("find", "/var/lib/pinhole", "-printf", "%u\n")
    assert set(owners.split()) == {"pinhole"}


def test_a_bad_configuration_is_not_reloaded(host, talk):
    """The reload fails and says why; nothing else happens."""
    conf = "/etc/pinhole/relayd.json"
    pid = host.pid("relayd")
    host.run("sed", "-i.good", "s/ports/prots/", conf)
    assert host.machine.run("systemctl", "reload", "relayd").returncode != 0
    wait_until(lambda: host.says("relayd", "unknown key"), 10, "the reason")
    host.run("mv", f"{conf}.good", conf)
    host.run("systemctl", "reload", "relayd")
    wait_until(lambda: host.says("relayd", 'msg="configuration reloaded"'), 10,
               "the reload")
    assert host.pid("relayd") == pid


@pytest.mark.parametrize("how", [
    pytest.param(["systemctl", "restart", "relayd"], id="restarted"),
    pytest.param(["systemctl", "kill", "-s", "KILL", "relayd"], id="killed"),
])
def test_a_call_outlives_relayd(host, talk, how):
    """What comes meanwhile waits in the sockets, which systemd keeps."""
    before, pid = talk.heard(), host.pid("relayd")
    host.run(*how)
    host.wait_another("relayd", pid)
    talk.was_unhurt_since(before)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_stuck_daemon_is_ended_by_the_watchdog(host, talk, daemon):
    """And started again; the call goes on."""
    pid = host.pid(daemon)
    host.run("systemctl", "kill", "-s", "STOP", daemon)
    host.wait_another(daemon, pid)
    assert host.says(daemon, "Watchdog timeout")
    talk.both_hear()


def test_a_call_outlives_an_upgrade(host, talk):
    before = talk.heard()
    version = host.version("pinhole-relayd")
    pids = {d: host.pid(d) for d in DAEMONS}
    host.install("newest")
    assert host.version("pinhole-relayd") == version + ".1"
    for daemon in DAEMONS:
        host.wait_another(daemon, pids[daemon])
    talk.was_unhurt_since(before)


def test_the_call_ends_as_any_other(host, talk):
    talk.out.stop()
    talk.back.stop()
    assert talk.call.bye().status == 200


def test_removed_and_purged(host):
    """State and configuration go with the purge alone."""
    state = "/var/lib/pinhole/directory.db"
    names = [f"pinhole-{d}" for d in DAEMONS]
    host.run("dpkg", "--remove", *names)
    for daemon in DAEMONS:
        assert host.pid(daemon) == 0
        assert host.has(f"/etc/pinhole/{daemon}.json")
    assert host.has(state)
    host.run("dpkg", "--purge", *names)
    assert not host.has("/etc/pinhole") and not host.has("/var/lib/pinhole")

"""deploy/README.md, run as it is written: packages on Debian machines with
systemd, on the hosts of the test network, with real phones behind its NATs. In
the order of the document; the six-host site lives on to its end."""

import json
import re
import subprocess
import wave
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import guide, machine
from support.daemons import BIN
from support.debs import depends, newer
from support.dns import NameServer
from support.guide import Guide
from support.net import ADDRESS, NAT1, PROXY1, PROXY2, Net, wait_until
from support.phones import Baresip, seconds_recorded
from support.sip import UA

HEARD = BIN.parent / "tests" / "heard"
LISTEN = 4.0
# Hosts of the document -> hosts of the test network.
HOSTS = {"proxy1": "proxy1", "proxy2": "proxy2", "directory1": "redirect",
         "directory2": "redirect2", "relay1": "relay", "relay2": "relay2",
         "relay3": "relay3"}
UPGRADED = {"relay1": "relayd", "directory1": "redirectd",
            "proxy1": "proxyd"}
BACKUP = "/var/backups/pinhole.jsonl"
LINEAGE = "/etc/letsencrypt/live/example.com"
# What packages of Debian's the document installs, or a host has anyhow.
PACKAGES = ("nftables", "redis-server", "openssl", "iproute2", "procps",
            "dialog")


@pytest.fixture(scope="module")
def debs(can_boot):
    """The folder of the packages, as the document has them built."""
    Guide().run("Packages", {})
    return machine.BUILD / "deb"


@pytest.fixture(scope="module")
def disk(debs):
    return machine.tree({*PACKAGES, *depends(debs.glob("*.deb"))})


def start(net, debs, disk, names):
    """Machines with the packages in root's home."""
    machines = {}
    for name, host in names.items():
        m = machines[name] = machine.Machine(net, host, disk)
        for deb in sorted(debs.glob("*.deb")):
            m.put(deb, f"/root/{deb.name}")
    return machines


def on_and_on(clip):
    """The same speech again and again, for calls that take their time."""
    path = clip.with_name(f"{clip.stem}-on-and-on.wav")
    with wave.open(str(clip)) as one, wave.open(str(path), "wb") as many:
        many.setparams(one.getparams())
        many.writeframes(one.readframes(one.getnframes()) * 40)
    return path


def phone(net, host, user, proxy, speech):
    p = Baresip(net, host, user, proxy, on_and_on(speech / f"{user}.wav"),
                password=guide.PASSWORD.format(user))
    p.wait_registered()
    return p


def wait_relays(proxy, n=1):
    """The proxy has heard of them; it asks every two seconds."""
    wait_until(lambda: len(json.loads(proxy.exec("proxyd", "relays",
                                                 "--json"))) == n,
               15, f"{n} relays")


def talk(alice, bob, hang_up=True):
    """A call from one to the other, in which both hear each other."""
    calls = sum(e["type"] == "CALL_ESTABLISHED" for e in bob.events)
    alice.dial(f"sip:{bob.user}@example.com")
    for one in (alice, bob):
        one.wait_event("CALL_ESTABLISHED", calls + 1)
    alice.wait_heard(LISTEN)
    bob.wait_heard(LISTEN)
    if hang_up:
        end(alice, bob)


def end(alice, bob):
    closed = sum(e["type"] == "CALL_CLOSED" for e in bob.events)
    alice.hangup()
    for one in (alice, bob):
        one.wait_event("CALL_CLOSED", closed + 1)
    for said, by in ((alice, bob), (bob, alice)):
        done = subprocess.run([HEARD, said.said(), by.heard()], text=True,
                              capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_block_names_its_host():
    for block in guide.read():
        assert block.language in ("sh", "zone"), block
        if block.language == "sh":
            assert block.hosts, block
            assert {*block.hosts} <= {*HOSTS, "host", "cloud",
                                      "the Docker host", guide.BUILD_HOST}, block


def test_the_links_lead_to_sections():
    text = guide.DOCUMENT.read_text()
    titles = {re.sub(r"[^\w\- ]", "", line[3:].lower()).replace(" ", "-")
              for line in text.splitlines() if line.startswith("## ")}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links and links <= titles, links - titles


def test_one_host(debs, disk, speech):
    with Net() as net:
        machines = start(net, debs, disk, {"host": "proxy1"})
        out = Guide().run("One host", machines)
        assert "alice@example.com" in out
        wait_relays(machines["host"])
        alice = phone(net, "first", "alice", PROXY1, speech)
        bob = phone(net, "second", "bob", PROXY1, speech)
        talk(alice, bob)
        stranger = net.own(UA(net, "stranger", "alice", PROXY1, "example.com"))
        assert stranger.register().status == 401


@pytest.fixture(scope="module")
def three(debs, disk, speech, tmp_path_factory):
    """The three-host site has done its work: what its directory exported."""
    export = tmp_path_factory.mktemp("three") / "pinhole.jsonl"
    with Net() as net:
        machines = start(net, debs, disk, {
            n: HOSTS[n] for n in ("proxy1", "directory1", "relay1")})
        doing = Guide()
        doing.run("Three hosts", machines)
        wait_relays(machines["proxy1"])
        alice = phone(net, "first", "alice", PROXY1, speech)
        bob = phone(net, "second", "bob", PROXY1, speech)
        talk(alice, bob)
        doing.run("Backup, and moving the directory", machines, "export",
                  first=True)
        export.write_text(machines["directory1"].exec("cat", BACKUP))
    return export


def test_three_hosts(three):
    lines = [json.loads(line) for line in three.read_text().splitlines()]
    assert len(lines) >= 4  # two users, and where they are


def one_to_one(net):
    """nat1 translates its public address to 10.0.0.17 and back, port by
    port, as a cloud does."""
    net.exec("nat1", "nft", f"""
        add rule ip filter forward iifname "eth0" ip daddr 10.0.0.17 accept
        table ip cloud {{
            chain in {{
                type nat hook prerouting priority dstnat
                iifname "eth0" dnat to 10.0.0.17
            }}
            chain out {{
                type nat hook postrouting priority srcnat - 1
                ip saddr 10.0.0.17 snat to {NAT1}
            }}
        }}
    """)


def test_behind_the_nat_of_a_cloud(debs, disk, speech):
    with Net() as net:
        one_to_one(net)
        machines = start(net, debs, disk, {"cloud": "first17"})
        Guide().run("Behind 1:1 NAT", machines)
        wait_relays(machines["cloud"])
        alice = phone(net, "second", "alice", NAT1, speech)
        bob = phone(net, "third", "bob", NAT1, speech)
        talk(alice, bob)


class Site:
    """The six hosts, with alice and bob behind the two NATs."""

    def __init__(self, net, debs, disk, speech):
        self.net, self.speech = net, speech
        self.guide = Guide()
        self.machines = start(net, debs, disk, HOSTS)
        self.alice = self.bob = None

    def run(self, section, only="", first=False):
        return self.guide.run(section, self.machines, only, first)

    def exec(self, host, *argv):
        return self.machines[host].exec(*argv)

    def sessions(self, relay):
        """Call-IDs of the calls at a relay."""
        rows = json.loads(self.exec(relay, "relayd", "sessions", "--json"))
        return {row["call_id"] for row in rows}

    def talk_over(self, relay):
        """A call between alice and bob that this relay has, left up."""
        for _ in range(20):
            talk(self.alice, self.bob, hang_up=False)
            if self.alice.call_id in self.sessions(relay):
                return
            end(self.alice, self.bob)
        raise AssertionError(f"20 calls, none over {relay}")

    def hears_on(self, seconds=LISTEN):
        """The call that is up is heard for so long from now on."""
        for one in (self.alice, self.bob):
            one.wait_heard(seconds_recorded(one.heard()) + seconds)


@pytest.fixture(scope="module")
def site(debs, disk, speech):
    with Net(extra=("redirect2", "relay2", "relay3")) as net:
        yield Site(net, debs, disk, speech)


def test_six_hosts(site, three):
    """The passwords of the three hosts come along."""
    site.run("Six hosts", "SITE_SECRET=$(")
    site.run("Six hosts")
    site.machines["directory1"].put(three, BACKUP)
    site.run("Backup, and moving the directory", "import", first=True)
    for proxy in ("proxy1", "proxy2"):
        wait_relays(site.machines[proxy], 2)
    site.alice = phone(site.net, "first", "alice", PROXY1, site.speech)
    site.bob = phone(site.net, "second", "bob", PROXY2, site.speech)
    talk(site.alice, site.bob)


def certificate(m, folder):
    """Such as certbot leaves."""
    m.exec("sh", "-euc", f"""
        mkdir -p {folder}; cd {folder}
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \\
            -nodes -days 90 -subj /CN=example.com \\
            -addext subjectAltName=DNS:example.com,DNS:proxy1.example.com \\
            -keyout privkey.pem -out fullchain.pem 2>/dev/null""")
    return m.exec("openssl", "x509", "-in", f"{folder}/fullchain.pem",
                  "-noout", "-fingerprint", "-sha256").strip()


def shown(net):
    """The certificate that proxy1 shows to who connects."""
    pem = net.exec("third", "sh", "-c", f"openssl s_client -connect "
                   f"{PROXY1}:5061 </dev/null 2>/dev/null | openssl x509 "
                   "-noout -fingerprint -sha256")
    return pem.strip()


def test_tls(site):
    first = certificate(site.machines["proxy1"], "/root")
    site.run("TLS", "/etc/pinhole/proxyd.json")
    assert shown(site.net) == first
    site.run("TLS", "renewal-hooks")
    renewed = certificate(site.machines["proxy1"], LINEAGE)
    site.exec("proxy1", "env", f"RENEWED_LINEAGE={LINEAGE}",
              "/etc/letsencrypt/renewal-hooks/deploy/pinhole")
    wait_until(lambda: shown(site.net) == renewed, 10, "the renewed one")
    assert first != renewed


def reaches(net, host, address):
    """Whether a TCP connection from the host is answered, with whatever."""
    try:
        net.tcp(host, address, timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def test_firewall(site):
    """What is not in the table is shut, and the site goes on."""
    redis = (ADDRESS["redirect"], 6379)
    assert reaches(site.net, "third", redis)
    site.run("Firewall")
    assert not reaches(site.net, "third", redis)
    assert reaches(site.net, "third", (PROXY1, 5061))
    talk(site.alice, site.bob)
    site.run("Six hosts", "$d doctor")


def zone():
    """The records of the document as the test's name server reads them."""
    block = next(b for b in guide.read() if b.language == "zone")
    lines = []
    for line in block.text.splitlines():
        words = [w.strip('"').rstrip(".") for w in line.split()]
        owner, kind, data = words[0], words[3], words[4:]
        lines.append(" ".join([owner, kind, *(w for w in data if w)]))
    return "\n".join(lines)


def test_dns(site):
    """The proxies find themselves at the end of the domain's records."""
    NameServer(site.net, "stranger", zone())
    for proxy in ("proxy1", "proxy2"):
        found = json.loads(site.exec(
            proxy, "env", f"PROXYD_RESOLVER={ADDRESS['stranger']}", "proxyd",
            "doctor", "--json"))
        dns = [f for f in found if f["check"] == "domains"]
        assert [f["level"] for f in dns] == ["ok"], dns


def test_a_relay_comes_and_goes(site):
    """It gets calls, and when it is drained it keeps them to their end."""
    site.run("Add a relay, drain one", "203.0.113.7")
    wait_until(lambda: "203.0.113.7" in site.run("Add a relay, drain one",
                                                 "redirectd relays"),
               30, "the relay in the pool")
    site.talk_over("relay3")
    with ThreadPoolExecutor(1) as pool:
        drained = pool.submit(site.run, "Add a relay, drain one",
                              "relayd drain")
        site.hears_on()
        assert not drained.done()
        end(site.alice, site.bob)
        drained.result(30)
    talk(site.alice, site.bob)


def test_upgrade(site, debs, tmp_path):
    """A call goes on through the upgrade of its relay, the directory and its
    proxy, and ends as it should."""
    for host in UPGRADED:
        site.exec(host, "mkdir", "/root/new")
    for deb in debs.glob("*.deb"):
        new = newer(deb, tmp_path)
        for host in UPGRADED:
            site.machines[host].put(new, f"/root/new/{deb.name}")
    site.talk_over("relay1")
    pid = {h: site.exec(h, "systemctl", "show", "-P", "MainPID", d)
           for h, d in UPGRADED.items()}
    said = site.run("Upgrade")
    assert site.alice.call_id[:12] in said  # by `relayd sessions`
    for host, daemon in UPGRADED.items():
        assert pid[host] != site.exec(host, "systemctl", "show", "-P",
                                      "MainPID", daemon), daemon
    site.hears_on()
    call_id = site.alice.call_id
    end(site.alice, site.bob)
    wait_until(lambda: call_id not in site.sessions("relay1"), 10,
               "its ports are free")
    talk(site.bob, site.alice)


def test_moving_the_directory(site):
    """The second directory goes on alone, with all users on its own disk."""
    out = site.run("Backup, and moving the directory")
    assert out.count("alice@example.com") >= 2
    site.exec("directory1", "systemctl", "stop", "redirectd",
              "redis-server")
    for one in (site.alice, site.bob):
        one.command("uareg", "600 0")
    talk(site.alice, site.bob)
    site.exec("directory1", "systemctl", "start", "redis-server",
              "redirectd")


def test_when_something_is_wrong(site):
    wait_until(lambda: len(json.loads(site.exec(
        "directory1", "redirectd", "relays", "--json"))) == 2, 30,
        "the relays have joined it again")
    assert "alice@example.com" in site.run("When something is wrong")


def test_all_of_it_was_run(site):
    left = [b for b in guide.read() if b.language == "sh"
            and b.section != "Containers" and b.text not in Guide.done]
    assert not left

"""deploy/docker-compose.yml as it stands, on one host: the engine's own, which
the phones of the test network reach at its address in their internet."""

import re
import shutil
import subprocess

import pytest

from containers import Containers, Program
from engine import COMPOSE
from support import guide
from support.net import TOP, wait_until

SAMPLE = TOP / "deploy" / "compose.env"
HOST = "203.0.113.254"
SECOND = {"proxyd2": 8191, "redirectd2": 8192, "relayd2": 8193}
TYPING = """\
docker-compose() {
    case "$*" in
    *"user add"*) printf 'secret-of-%s\\n' "$(expr "${*: -1}" : '\\(.*\\)@')" |
        command docker-compose "$@" ;;
    *) command docker-compose "$@" ;;
    esac
}
"""


class Guided(Containers):
    """Brought up by the commands of deploy/README.md, in a copy of the
    folder."""

    def __init__(self, engine, top):
        shutil.copytree(TOP / "deploy", top / "deploy")
        super().__init__(engine, top / "deploy/docker-compose.yml",
                         {"COMPOSE_PROJECT_NAME": "whole"}, project="whole")
        self.top = top
        self.blocks = [b for b in guide.read() if b.section == "Containers"]

    def up(self):
        try:
            self.type_in(self.blocks[0])
            self.wait_healthy()
        except BaseException:
            self.down()
            raise

    def type_in(self, block):
        """With the address of this host, as the document says."""
        return self.engine.run(
            ["bash", "-euc", TYPING + block.text.replace("203.0.113.1", HOST)],
            env=self.env, cwd=self.top)

    def secrets(self):
        text = (self.top / "deploy/.env").read_text()
        found = re.findall(r"^PINHOLE_\w*(?:SECRET|PASSWORD)=(\S+)$", text, re.M)
        assert len(set(found)) == 3
        return found


def on_engine(engine, *argv):
    return engine.run(["nsenter", "--target", engine.proc.pid, "--net",
                       *argv])


@pytest.fixture(scope="module")
def whole(engine, site, tmp_path_factory):
    """The site on that host. A host has a default route, by which its address
    is found; here it leads nowhere."""
    bridge = next(line.split()[1] for line in on_engine(
        engine, "ip", "-o", "-4", "addr").splitlines() if HOST in line)
    on_engine(engine, "ip", "route", "add", "default", "dev", bridge)
    try:
        with Guided(engine, tmp_path_factory.mktemp("whole")) as here:
            yield here
    finally:
        on_engine(engine, "ip", "route", "del", "default")


def test_a_call_through_it(whole, phoning):
    """Users as the document adds them, phones at either proxy. The doctors
    find nothing that would break a call."""
    for proxy in ("proxyd1", "proxyd2"):
        program(whole, proxy).wait_metric("relays_usable", lambda n: n == 2)
    for block in whole.blocks[1:]:
        assert "redirectd2" in whole.type_in(block)
    alice = phoning.phone("first", "alice", f"{HOST}:5060", user="alice",
                          password=guide.PASSWORD.format("alice"))
    bob = phoning.phone("second", "bob", f"{HOST}:5070", user="bob",
                        password=guide.PASSWORD.format("bob"))
    call = phoning.ring_up(alice, bob)
    call.still_heard()
    assert sum(program(whole, r).metric("sessions")
               for r in ("relayd1", "relayd2")) == 1
    call.hang_up()
    for relay in ("relayd1", "relayd2"):
        program(whole, relay).wait_metric("sessions", lambda n: n == 0)


def program(whole, service):
    return Program(whole, service, SECOND.get(service))


def test_nothing_in_it_may_more_than_it_needs(whole):
    """No shell, no root, nothing to write to, and no password that a list of
    processes shows."""
    for service in ("proxyd1", "redirectd1", "relayd1", "redis"):
        found = whole.inspect(service)
        pid = found["State"]["Pid"]
        status = dict(line.split(":\t", 1) for line in
                      open(f"/proc/{pid}/status").read().splitlines()
                      if ":\t" in line)
        assert status["Uid"].split() == ["5060"] * 4
        assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert found["HostConfig"]["ReadonlyRootfs"]
        for secret in whole.secrets():
            assert secret not in open(f"/proc/{pid}/cmdline").read()
        if service != "redis":
            done = subprocess.run(
                whole.command_line("exec", "-T", service, "/bin/sh"),
                env={**whole.engine.env, **whole.env}, capture_output=True)
            assert done.returncode != 0


def test_the_kernel_forwards_where_it_may(engine, site):
    """As the Dockerfile says."""
    relay = engine.docker(
        "run", "-d", "--read-only", "--network", "host", "--user", "0",
        "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add",
        "SYS_ADMIN", "-e", "RELAYD_LISTEN=udp:127.0.0.1:5084", "-e",
        f"RELAYD_MEDIA_ADDRESS={HOST}", "-e", "RELAYD_HTTP=127.0.0.1:8293",
        "pinhole-relayd").strip()
    wait_until(lambda: 'msg="ready"' in engine.docker("logs", relay), 10,
               "relayd", interval=0.2)
    assert "fast path attached" in engine.docker("logs", relay)
    engine.docker("rm", "-fv", relay)


def test_it_does_not_start_without_secrets(engine):
    """The sample has none in it."""
    done = subprocess.run([COMPOSE, "-f", TOP / "deploy/docker-compose.yml",
                           "--env-file", SAMPLE,
                           "config"], env=engine.env, capture_output=True,
                          text=True)
    assert done.returncode != 0
    assert "SECRET is not set in .env" in done.stderr

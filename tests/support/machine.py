"""A Debian machine on a host of the test network, with systemd and all.

    tree = machine.tree(["redis-server"])
    relay = Machine(net, "relay", tree)
    relay.exec("systemctl", "is-active", "relayd")

It has namespaces of its own and the tree for its disk; what it writes is gone
with it. Nothing in it is a stand-in: packages are installed by dpkg, services
are started and watched by systemd.
"""

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from .net import TOP, end_process, wait_until

SUPPORT = TOP / "tests" / "support"
BUILD = Path(os.environ.get("PINHOLE_BUILD", TOP / "build")).resolve()

# What a machine is, beside its packages.
SYSTEM = ("systemd", "systemd-sysv", "dbus", "iproute2")


def unavailable():
    """Why no machine can be made here, as one line; None if it can."""
    if os.geteuid() != 0:
        return "machines need root"
    if not shutil.which("debootstrap"):
        return "debootstrap is missing: run make check-host"
    return None


def tree(packages=(), system=SYSTEM):
    """A folder with a Debian 12 that has these packages; made once."""
    names = sorted({*system, *packages})
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    folder = BUILD / "machines" / key
    if not folder.exists():
        fresh = folder.with_suffix(f".{os.getpid()}")
        try:
            subprocess.run([SUPPORT / "debian-tree", fresh, *names],
                           check=True)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


class Machine:
    """Started when made; exec() and put() work on it. Ended with the network
    at the latest."""

    def __init__(self, net, host, folder):
        self.host = host
        self.pid = None
        self.proc = net.popen(
            host, "unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup",
            "--fork", SUPPORT / "boot", folder, host,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        net.own(self)
        self._wait_up()

    def _wait_up(self):
        wait_until(self._find_init, 10, f"PID 1 of {self.host}")
        wait_until(self._is_up, 60, lambda: f"{self.host} is up: "
                   + self.exec("systemctl", "--failed", "list-jobs",
                               check=False))

    def _find_init(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"{self.host}: {self.proc.stdout.read()}")
        children = Path(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children")
        for pid in children.read_text().split():
            comm = Path(f"/proc/{pid}/comm").read_text().strip()
            if comm == "systemd":
                self.pid = int(pid)
        return self.pid is not None

    def _is_up(self):
        return self.exec("systemctl", "is-system-running",
                         check=False).strip() in ("running", "degraded")

    def command(self, argv):
        return ["nsenter", "--target", str(self.pid), "--mount", "--pid",
                "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd",
                "--", *map(str, argv)]

    def run(self, *argv, stdin="", timeout=120):
        """The command's CompletedProcess, stderr in stdout."""
        return subprocess.run(
            self.command(argv), input=stdin, text=True, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                 "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})

    def exec(self, *argv, stdin="", check=True, timeout=120):
        """Run a command to its end and return what it printed."""
        done = self.run(*argv, stdin=stdin, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.host}: {' '.join(map(str, argv))}: "
                               f"status {done.returncode}\n{done.stdout}")
        return done.stdout

    def put(self, source, target):
        """Copy a file of ours onto it."""
        with open(source, "rb") as data:
            subprocess.run(
                self.command(["sh", "-c", 'cat >"$0"', target]),
                stdin=data, check=True)

    def journal(self, unit):
        return self.exec("journalctl", "--no-pager", "-u", unit, check=False)

    def close(self):
        """All of it ends with its PID 1."""
        if self.pid is not None and self.proc.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        end_process(self.proc)
        self.proc.stdout.close()

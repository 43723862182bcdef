"""A Docker engine of the tests' own: its images are kept in build/docker, all
else is gone when it has ended. It never touches one that is already there.

    with Engine("build") as engine:       # the host's network, for downloads
        engine.docker("build", ...)
    with Engine("run") as engine:         # a network namespace of its own, so
        engine.docker("network", ...)     # bridges and iptables are in there

It is in a mount namespace of its own as well: no mount can be left behind.
What it starts is in a cgroup of its own, by which whatever is left of it is
found. It ends with the process that started it, whatever becomes of that.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import docker
from support.daemons import BIN
from support.net import end_process, wait_until

ROOT = BIN.parent / "docker"
CGROUPS = Path("/sys/fs/cgroup")
# Debian's: they fit each other.
DOCKER = "/usr/bin/docker"
COMPOSE = "/usr/bin/docker-compose"
API = "1.41"  # of Debian 12's engine

# The namespace is made before the engine is, which therefore believes it to be
# the host's. Bridges switch, and do not filter: the LAN behind a firewall of
# the test network has other addresses than Docker knows of.
PREPARE = {
    "build": "",
    "run": "ip link set lo up; "
           "echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables; ",
}
UNSHARE = {"build": [], "run": ["--net"]}
OPTIONS = {
    "build": ["--bridge=none", "--iptables=false", "--ip6tables=false",
              "--ip-forward=false", "--ip-masq=false"],
    "run": ["--bridge=none"],
}


class Engine:
    def __init__(self, purpose):
        self.purpose = purpose
        self.name = f"pinhole-{os.getpid()}-{purpose}"
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-docker-"))
        self.socket = f"unix://{self.dir}/socket"
        self.env = {**os.environ, "DOCKER_HOST": self.socket,
                    "DOCKER_BUILDKIT": "0", "COMPOSE_PROJECT_NAME": "test",
                    "DOCKER_CONFIG": str(self.dir)}
        self.proc = None
        self.api = docker.APIClient(self.socket, version=API)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc):
        self.close()

    def start(self):
        """One at a time has the images: held as long as a process of it
        lives."""
        ROOT.mkdir(parents=True, exist_ok=True)
        with open(ROOT.with_suffix(".lock"), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._launch(lock.fileno())
        wait_until(self._is_up, 60, lambda: f"dockerd; its log:\n{self.log()}",
                   interval=0.1)
        # Where the tests of last time were killed.
        self._clear()
        return self

    def _launch(self, lock):
        argv = ["dockerd", "--data-root", ROOT, "--exec-root",
                self.dir / "exec", "--pidfile", self.dir / "pid",
                "--host", self.socket, "--cgroup-parent", f"/{self.name}",
                *OPTIONS[self.purpose]]
        with open(self.dir / "log", "wb") as log:
            self.proc = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount",
                 "--propagation", "private", *UNSHARE[self.purpose],
                 "sh", "-euc", PREPARE[self.purpose] + 'exec "$@"', "sh",
                 *map(str, argv)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[lock], start_new_session=True)

    def _is_up(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"dockerd ended:\n{self.log()}")
        try:
            return self.api.ping()
        except OSError:
            return False

    def log(self):
        return (self.dir / "log").read_text(errors="replace")[-4000:]

    # Its commands.

    def run(self, argv, env=None, **kw):
        """A command that asks this engine, to its end; what it printed."""
        done = subprocess.run(list(map(str, argv)), text=True,
                              env={**self.env, **(env or {})},
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **kw)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))}:\n"
                               f"{done.stdout[-4000:]}")
        return done.stdout

    def docker(self, *argv, **kw):
        return self.run([DOCKER, *argv], **kw)

    def has_image(self, name):
        return subprocess.run([DOCKER, "image", "inspect", name],
                              env=self.env, capture_output=True
                              ).returncode == 0

    # Its end.

    def _clear(self):
        """No container, network or volume; images stay."""
        left = self.docker("ps", "-aq").split()
        if left:
            self.docker("rm", "-fv", *left)
        self.docker("network", "prune", "-f")
        self.docker("volume", "prune", "-f")

    def _pids(self):
        """What runs in its containers."""
        found = set()
        for procs in CGROUPS.glob(f"**/{self.name}/**/cgroup.procs"):
            found |= set(map(int, procs.read_text().split()))
        return found

    def _end_containers(self):
        for pid in self._pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
        return not self._pids()

    def _drop_cgroups(self):
        for top in CGROUPS.glob(f"**/{self.name}"):
            for folder, _, _ in os.walk(top, topdown=False):
                os.rmdir(folder)

    def close(self):
        """Kill its containers, end it, and clear away what it needed."""
        try:
            if self.proc is not None and self.proc.poll() is None:
                self._clear()
        finally:
            if self.proc is not None:
                end_process(self.proc, 20)
            wait_until(self._end_containers, 10, "the end of the containers")
            self._drop_cgroups()
            self.api.close()
            shutil.rmtree(self.dir)

"""The test network of tests/net/testnet, and ways into its hosts.

The test process itself can hold sockets of many hosts: a socket belongs to the
network namespace of the thread that opened it, for good. Net.inside() runs a
function in a thread that has entered a host; only sockets come back.
"""

import ctypes
import itertools
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TESTNET = TOP / "tests" / "net" / "testnet"

PROXY1 = "203.0.113.1"
PROXY2 = "203.0.113.2"
REDIRECT = "203.0.113.3"
RELAY = "203.0.113.4"
REDIRECT2 = "203.0.113.5"
RELAY2 = "203.0.113.6"
RELAY3 = "203.0.113.7"
THIRD = "203.0.113.14"
NAT1 = "203.0.113.28"
NAT2 = "203.0.113.30"
STRANGER = "203.0.113.66"

ADDRESS = {
    "proxy1": PROXY1, "proxy2": PROXY2, "redirect": REDIRECT, "relay": RELAY,
    "redirect2": REDIRECT2, "relay2": RELAY2,
    "relay3": RELAY3,
    "third": THIRD, "stranger": STRANGER, "nat1": NAT1, "nat2": NAT2,
    "first": "10.0.0.16", "first17": "10.0.0.17",
    "second": "10.0.0.16", "second17": "10.0.0.17",
}

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


def wait_until(predicate, timeout=10.0, what="", interval=0.02):
    """Ask until the answer is true and return it; the deadline is a failure,
    never a measurement."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {timeout} s: "
                               f"{what() if callable(what) else what}")
        time.sleep(interval)


def end_process(proc, timeout=5.0):
    """End a Popen by its pid: kindly, then not. Returns its exit status."""
    if proc.poll() is None:
        proc.terminate()
        try:
            proc.wait(timeout)
        except subprocess.TimeoutExpired:
            proc.kill()
    return proc.wait()


def _enter(namespace):
    fd = os.open(Path("/run/netns") / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, _CLONE_NEWNET) != 0:
            err = ctypes.get_errno()
            raise OSError(err, f"setns {namespace}: {os.strerror(err)}")
    finally:
        os.close(fd)


class Net:
    """One test network, up inside a `with` block.

    The daemons and phones started in it register with own(), and are ended
    when the block is left, last first.
    """

    folder = None  # for what phones need of the file system; None: anywhere

    def __init__(self, udp_timeout=None, extra=()):
        """`extra`: hosts of the internet that are not there usually, of those
        in ADDRESS."""
        self.name = f"p{os.getpid()}n{next(_serial)}"
        self.udp_timeout = udp_timeout
        self.extra = extra
        self._owned = []

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *exc):
        self.down()

    def up(self):
        env = {**os.environ, "EXTRA": " ".join(
            f"{host}:{ADDRESS[host].split('.')[-1]}" for host in self.extra)}
        if self.udp_timeout is not None:
            env["UDP_TIMEOUT"] = str(self.udp_timeout)
        self._testnet("up", env=env)

    def down(self):
        try:
            while self._owned:
                self._owned.pop().close()
        finally:
            self._testnet("down")

    def _testnet(self, verb, env=None):
        done = subprocess.run([TESTNET, verb, self.name], env=env, text=True,
                              capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"testnet {verb} failed")

    def own(self, thing):
        """Have thing.close() called when the network goes down."""
        self._owned.append(thing)
        return thing

    def namespace(self, host):
        """The name of the host's, or the path of one without a name."""
        return f"ph-{self.name}-{host}"

    def inside(self, host, function):
        """function() run by a thread that has entered the host."""
        result = []

        def run():
            try:
                _enter(self.namespace(host))
                result.append((True, function()))
            except BaseException as e:
                result.append((False, e))

        thread = threading.Thread(target=run, name=f"in {host}")
        thread.start()
        thread.join()
        good, value = result[0]
        if not good:
            raise value
        return value

    def address(self, host, ip, dev="eth0"):
        """Give the host another address, "2001:db8::14/64"."""
        self.exec(host, "ip", "addr", "add", ip, "dev", dev,
                  *(["nodad"] if ":" in ip else []))

    def cable(self, one, other, dev="lan0"):
        """A network that only these two hosts share, each (host, ip/len)."""
        self.exec(one[0], "ip", "link", "add", dev, "type", "veth", "peer",
                  "name", dev, "netns", self.namespace(other[0]))
        for host, ip in (one, other):
            self.address(host, ip, dev)
            self.exec(host, "ip", "link", "set", dev, "up")

    def udp(self, host, port=0, ip="0.0.0.0"):
        """A bound UDP socket on the host, of the family of `ip`."""
        def make():
            s = socket.socket(socket.AF_INET6 if ":" in ip
                              else socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((ip, port))
            return s
        return self.inside(host, make)

    def tcp(self, host, address, timeout=5.0):
        """A TCP connection from the host."""
        return self.inside(
            host, lambda: socket.create_connection(address, timeout))

    def command(self, host, argv):
        """argv as run on the host; `ip` replaces itself by the command, so
        the process started is the command's."""
        return ["ip", "netns", "exec", self.namespace(host),
                *map(str, argv)]

    def exec(self, host, *argv, check=True):
        """Run a command on the host to its end and return what it printed."""
        done = subprocess.run(self.command(host, argv), text=True,
                              capture_output=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{host}: {' '.join(map(str, argv))}: "
                               f"{done.stderr.strip()}")
        return done.stdout

    def popen(self, host, *argv, **kw):
        """Start a command on the host. The caller ends it, or own()s a
        thing that does."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(host, argv), **kw)


def unavailable():
    """Why no test network can be made here, as one line; None if it can."""
    if os.geteuid() != 0:
        return "the test network needs root"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True)
    if probe.returncode != 0:
        return "no network namespaces here (CAP_SYS_ADMIN)"
    return None


def hold_signals():
    """Let SIGTERM end a program the way an exception does, with all the
    `finally` on the way."""
    def stop(signum, frame):
        raise SystemExit(128 + signum)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)

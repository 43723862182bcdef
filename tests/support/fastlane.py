"""The fast path without relayd's sessions: tests/support/fastlane.c on a host
of the test network."""

import subprocess

from .daemons import BIN
from .net import RELAY, end_process

PORTS = (30000, 30099)


class Lane:
    """One process that has the fast path."""

    def __init__(self, net, pin="", dead_ms=30000, ports=PORTS,
                 addresses=(RELAY,)):
        self.proc = net.popen(
            "relay", BIN.parent / "tests" / "fastlane", pin, dead_ms, *ports,
            *addresses, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1)
        net.own(self)
        first = self.proc.stdout.readline()
        if first != "ready\n":
            raise RuntimeError(self.proc.communicate()[1])

    def close(self):
        """By SIGKILL where it is not gone yet."""
        if self.proc.poll() is None:
            self.proc.kill()
        end_process(self.proc)
        for pipe in (self.proc.stdin, self.proc.stdout, self.proc.stderr):
            pipe.close()

    def ask(self, *words):
        self.proc.stdin.write(" ".join(map(str, words)) + "\n")
        return self.proc.stdout.readline().strip()

    def end(self, how):
        """keep: all stays as it is; close: nothing does."""
        assert self.ask(how) == "0"
        assert self.proc.wait(10) == 0

    def put(self, flow, port=PORTS[0]):
        """Both directions of (one's address, the relay's for it, the relay's
        for the other, the other's address); what the kernel says."""
        one, near, far, other = flow
        return [int(self.ask("put", port, 0, one, near, far, other)),
                int(self.ask("put", port, 1, other, far, near, one))]

    def orphans(self, port=PORTS[0]):
        return [self.ask("orphan", port, side) for side in (0, 1)]

    def fast(self, port=PORTS[0]):
        """How many packets the kernel forwarded, of each side."""
        return [int(self.ask("count", port, side).split()[0])
                for side in (0, 1)]

    def slow(self, port=PORTS[0]):
        """How many this process did."""
        return [int(self.ask("count", port, side).split()[1])
                for side in (0, 1)]

"""A Redis server on a host of the test network."""

import shutil
import signal
import tempfile
from pathlib import Path

from .net import ADDRESS, end_process, wait_until

PORT = 6379


class Redis:
    """Redis(net, "redirect"): up, and ended with the network. What it has
    answered is on its disk."""

    def __init__(self, net, host="redirect", port=PORT):
        self.net, self.host = net, host
        self.address = (ADDRESS[host], port)
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-redis-"))
        self.proc = None
        net.own(self)
        self.start()

    @property
    def url(self):
        return "redis://%s:%d" % self.address

    @property
    def pid(self):
        return self.proc.pid

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.proc = self.net.popen(
                self.host, "redis-server", "--bind", self.address[0],
                "--port", self.address[1], "--dir", self.dir, "--save", "",
                "--appendonly", "yes", "--appendfsync", "always",
                "--protected-mode", "no", stdout=log, stderr=log)
        wait_until(self._answers, 10, lambda: "Redis; its log:\n" +
                   (self.dir / "log").read_text(errors="replace"))

    def _answers(self):
        if self.proc.poll() is not None:
            raise RuntimeError((self.dir / "log").read_text())
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def ask(self, line):
        """One command, and the bytes of its answer."""
        with self.net.tcp(self.host, self.address) as s:
            s.sendall(line.encode() + b"\r\n")
            return s.recv(65536)

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def close(self):
        if self.proc is not None:
            if self.proc.poll() is None:
                self.proc.send_signal(signal.SIGCONT)
            end_process(self.proc)
        shutil.rmtree(self.dir, ignore_errors=True)

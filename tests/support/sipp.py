"""SIPp as a phone on a host of the test network: it plays one scenario of
tests/support/sipp/ for one call, each message checked by the scenario.

    bob = Sipp(net, "second", "uas_early", "bob", proxy=PROXY2, port=5070)
    alice = Sipp(net, "first", "uac_late", "alice", to="bob", proxy=PROXY1)
    alice.wait()
    bob.wait()

Its packets of media, where a scenario has them echoed, go back to where they
came from (-rtp_echo), or are those of a recording (play_pcap_audio).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from .net import ADDRESS, end_process, wait_until

SCENARIOS = Path(__file__).parent / "sipp"
TIMEOUT = 20.0


class Sipp:
    def __init__(self, net, host, scenario, user, proxy, to="", port=5070,
                 media=6000, transport="udp", password=None):
        self.scenario = scenario
        self.dir = Path(tempfile.mkdtemp(prefix=f"pinhole-{user}-"))
        net.own(self)
        self.log_path = self.dir / "screen"
        argv = ["sipp", f"{proxy}:5060", "-sf", SCENARIOS / f"{scenario}.xml",
                "-i", ADDRESS[host], "-mi", ADDRESS[host], "-p", str(port),
                "-t", {"udp": "u1", "tcp": "t1"}[transport],
                "-m", "1", "-l", "1", "-r", "1", "-aa", "-nostdin",
                "-rtp_echo", "-mp", str(media),
                "-key", "user", user, "-key", "peer", to or user,
                "-timeout", f"{TIMEOUT:.0f}s", "-timeout_error",
                "-trace_err", "-error_file", self.dir / "errors"]
        if password:
            argv += ["-au", user, "-ap", password]
        with open(self.log_path, "wb") as screen:
            self.proc = net.popen(host, *argv, stdout=screen, stderr=screen,
                                  cwd=self.dir)

    def errors(self):
        """What was not as its scenario wants it."""
        try:
            return (self.dir / "errors").read_text(errors="replace")
        except FileNotFoundError:
            return self.log_path.read_text(errors="replace")[-2000:]

    def wait(self):
        """To the end of the scenario, which has to be as it should be."""
        wait_until(lambda: self.proc.poll() is not None, TIMEOUT + 5,
                   lambda: f"the end of {self.scenario}:\n{self.errors()}")
        assert self.proc.returncode == 0, \
            f"{self.scenario}:\n{self.errors()}"

    def close(self):
        end_process(self.proc)
        shutil.rmtree(self.dir, ignore_errors=True)

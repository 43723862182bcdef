"""The four ways that media goes through one core: relayd in user space,
relayd with the kernel's help, rtpengine, and the kernel's own IP forwarding,
which no relay that looks at ports can be expected to beat."""

import shutil
from pathlib import Path

from support.daemons import BIN

import relays
import sessions
from sides import first_line, last_words, number

_FORWARDING = "/proc/sys/net/ipv4"


class UserSpace:
    name = "relayd, user space"
    short = "user space"
    program = "relayd"
    fastpath = "off"
    settings = '"fastpath": "off", "workers": 1'

    def __init__(self, world, count):
        of = relays.processes(count, relays.RELAYD_FILES)
        self.relays = [relays.start_relayd(world, self.fastpath, i, of)
                       for i in range(of)]
        self.control = sessions.Several(
            [relays.relayd_control(world, i) for i in range(of)])

    @staticmethod
    def missing():
        """What is not there, as one line; None if all is."""
        return None if (BIN / "relayd").exists() \
            else f"relayd not in {BIN}: run make"

    @staticmethod
    def version():
        return first_line(BIN / "relayd", "-V")

    @property
    def programs(self):
        return {self.program: [r.pid for r in self.relays]}

    def forwarded(self):
        """(by the kernel, at all), packets so far; None where all go one
        way."""
        return tuple(sum(r.metric(name) for r in self.relays)
                     for name in ("fast_packets", "packets"))

    def complaints(self):
        return last_words({f"{self.program} {r.pid}": r.log()
                           for r in self.relays})


class FastPath(UserSpace):
    name = "relayd, fast path"
    short = "fast path"
    fastpath = "on"
    settings = '"fastpath": "on", "workers": 1'


class Rtpengine(UserSpace):
    name = "rtpengine, user space"
    short = "rtpengine"
    program = "rtpengine"
    settings = "table=-1, num-threads=1, log-level=4, delete-delay=0"

    def __init__(self, world, count):
        of = relays.processes(count, relays.RTPENGINE_FILES)
        self.relays = [relays.Rtpengine(world, i, of) for i in range(of)]
        self.control = sessions.Several([r.control() for r in self.relays])

    @staticmethod
    def missing():
        return None if shutil.which("rtpengine") \
            else "rtpengine not installed: make bench-deps"

    @staticmethod
    def version():
        return f"rtpengine {number(first_line('rtpengine', '--version'))}"

    def forwarded(self):
        return None


class Forwarding:
    name = "kernel forwarding"
    short = "forwarding"
    settings = "ip_forward, in and out at the same interface; no firewall"
    programs = {}

    def __init__(self, world, _count):
        self.relays = []
        self.control = sessions.Straight()
        world.exec("servers", "sh", "-c",
                   f"echo 1 > {_FORWARDING}/ip_forward; "
                   f"for i in all eth0; do "
                   f"echo 0 > {_FORWARDING}/conf/$i/send_redirects; done")

    @staticmethod
    def missing():
        return None

    @staticmethod
    def version():
        return "Linux " + Path("/proc/sys/kernel/osrelease").read_text() \
            .strip()

    def forwarded(self):
        return None

    def complaints(self):
        return ""


ALL = (UserSpace, FastPath, Rtpengine, Forwarding)
# Whose figures are divided by whose.
RATIOS = ((UserSpace, Rtpengine), (FastPath, Rtpengine),
          (FastPath, Forwarding))

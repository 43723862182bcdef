"""Relays as processes on the servers' side, one or as many of a kind as the
sessions need file descriptors: relayd, rtpengine, and none at all."""

import resource
import shutil
import tempfile
from pathlib import Path

from support.daemons import Daemon, relayd_conf
from support.net import end_process, wait_until

import sessions
from world import MEDIA_PORTS, RELAY

# Sockets that a session with one audio line cannot do without: rtpengine has
# RTP and RTCP ports for each party, relayd one pair for both (it connects more
# while there are descriptors to spare).
RELAYD_FILES, RTPENGINE_FILES = 2, 4
_FILES_BESIDES = 200
_SIP_PORT, _HTTP_PORT, _NG_PORT = 5060, 8062, 2223


def processes(count, files_each):
    """How many it takes for so many sessions, by RLIMIT_NOFILE."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return -(-count // ((files - _FILES_BESIDES) // files_each))


def _ports(i, of):
    """The i-th part of the media ports."""
    low, high = MEDIA_PORTS
    each = (high + 1 - low) // of // 2 * 2
    return [low + i * each, low + (i + 1) * each - 1]


def relayd_settings(fastpath, i=0, of=1):
    """One configuration for all that is measured; i-th of so many."""
    return relayd_conf(
        log="warn", workers=1, fastpath=fastpath,
        listen=[f"udp:{RELAY}:{_SIP_PORT + i}"],
        media={"address": RELAY, "ports": _ports(i, of), "quarantine": 1},
        session={"max": (MEDIA_PORTS[1] - MEDIA_PORTS[0]) // 2})


def start_relayd(world, fastpath, i=0, of=1):
    return Daemon(world, "servers", "relayd",
                  relayd_settings(fastpath, i, of),
                  http=("127.0.0.1", _HTTP_PORT + i))


def relayd_control(world, i=0):
    return sessions.Relayd(world, (RELAY, _SIP_PORT + i))


class Rtpengine:
    """One rtpengine, the i-th of so many; ready when made."""

    def __init__(self, world, i=0, of=1):
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-rtpengine-"))
        self.at = ("127.0.0.1", _NG_PORT + i)
        self.proc = None
        world.own(self)
        low, high = _ports(i, of)
        conf = self.dir / "rtpengine.conf"
        conf.write_text("[rtpengine]\ntable = -1\n"
                        f"interface = {RELAY}\n"
                        "listen-ng = %s:%d\n" % self.at +
                        f"port-min = {low}\nport-max = {high}\n"
                        "num-threads = 1\nlog-level = 4\n"
                        "delete-delay = 0\n")
        with open(self.dir / "log", "wb") as log:
            self.proc = world.popen(
                "servers", "rtpengine", f"--config-file={conf}",
                "--config-section=rtpengine", "-f", "-E", stdout=log,
                stderr=log)
        self._control = sessions.Ng(world, self.at)
        wait_until(self._ready, 10.0, lambda: "rtpengine ready; its log:\n"
                                              + self.log())

    def _ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError("rtpengine ended at its start:\n" + self.log())
        return self._control.ping()

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    @property
    def pid(self):
        return self.proc.pid

    def control(self):
        return self._control

    def close(self):
        if self.proc is not None:
            end_process(self.proc)
        shutil.rmtree(self.dir, ignore_errors=True)

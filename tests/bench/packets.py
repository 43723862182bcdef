"""Media packets through a relay: rtpload's streams at rising rates."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.daemons import BIN
from support.net import end_process

import cpu
from search import OTHERS_MAX, Attempt, Search, calmest
from sessions import MEDIA_A, MEDIA_B

SOURCE = Path(__file__).resolve().parent / "rtpload.c"
LOSS_MAX = 0.001
SENT_MIN = 0.97
WARM_UP_RATE = 20000
# rtpengine makes up its mind about the ends only after three seconds; where
# the signalled ones are right, as here, it forwards before.
WARM_UP_S = 3.5
WARM_UP_AGAIN_S = 0.5


def build():
    """The load generator, compiled when its source is newer."""
    binary = BIN.parent / "bench" / "rtpload"
    if (not binary.exists()
            or binary.stat().st_mtime < SOURCE.stat().st_mtime):
        binary.parent.mkdir(parents=True, exist_ok=True)
        cc = os.environ.get("CC") or shutil.which("cc") or "gcc"
        subprocess.run([cc, "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", binary,
                        SOURCE], check=True)
    return binary


class RtpLoad:
    """One rtpload; step() runs it at a rate and tells what came back."""

    def __init__(self, world, streams, burst):
        self._tmp = tempfile.TemporaryDirectory(prefix="pinhole-rtpload-")
        path = Path(self._tmp.name) / "sessions"
        path.write_text("".join(f"{a[0]} {a[1]} {b[0]} {b[1]}\n"
                                for a, b in streams))
        self.proc = world.popen(
            "phones", build(), "-k", burst, "%s:%d" % MEDIA_A,
            "%s:%d" % MEDIA_B, path, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        world.own(self)

    def step(self, rate, seconds):
        self.proc.stdin.write(f"{rate:.1f} {seconds}\n")
        self.proc.stdin.flush()
        line = self.proc.stdout.readline()
        if not line:
            raise RuntimeError("rtpload has ended")
        return json.loads(line)

    def close(self):
        self.proc.stdin.close()
        end_process(self.proc)
        self.proc.stdout.close()
        self._tmp.cleanup()


class Packets:
    """The media part of the bench, on one side."""

    def __init__(self, world, side, sessions, burst):
        program = side.relay_program
        self.meter = cpu.Meter({program: side.pids[program]},
                               world.cores["servers"])
        self.world = world
        self.control = side.sessions()
        self.sessions = sessions
        self.burst = burst
        self.load = None
        self.open(WARM_UP_S)

    def open(self, warm_up):
        """Sessions, and enough packets for the relay to know both ends of
        each."""
        streams = [self.control.open() for _ in range(self.sessions)]
        self.load = RtpLoad(self.world, streams, self.burst)
        self.load.step(WARM_UP_RATE, warm_up)

    def close(self):
        self.load.close()
        self.control.close_all()

    def attempt(self, rate, seconds):
        self.meter.start()
        got = self.load.step(rate, seconds)
        used = self.meter.used()
        others = self.meter.others(used)
        used = sum(used.values())
        sent, received = got["sent"], got["received"]
        made = sent / got["seconds"]
        loss = 1 - received / sent if sent else 1.0
        clean, enough = loss <= LOSS_MAX, made >= SENT_MIN * rate
        if not clean:
            # Once overrun, rtpengine 10.5 was seen to forward nothing more
            # in the sessions it had: what follows is tried with new ones.
            self.close()
            self.open(WARM_UP_AGAIN_S)
        return Attempt(made, clean and enough, clean and not enough,
                       others > OTHERS_MAX, {
            "packets_per_s": received / got["seconds"], "loss": loss,
            "misrouted": got["misrouted"],
            "cpu_us": used / max(received, 1) * 1e6,
            "busy": used / got["seconds"], "others": others,
            "p50_us": got["p50_us"], "p99_us": got["p99_us"]})

    def steady(self, rate, seconds):
        """CPU per packet and latency at one rate, the same for both sides."""
        return calmest(lambda r: self.attempt(r, seconds), rate).figures

    def highest(self, start, factor, step_s, seconds):
        search = Search(lambda rate: self.attempt(rate, step_s), factor,
                        seconds=seconds)
        best, limited = search.run(start)
        return (best.figures if best else None), limited

"""The load generator for media, rtpload: built, started, stepped."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.daemons import BIN
from support.net import end_process

HERE = Path(__file__).resolve().parent
_C = ("rtpload.c", "frame.c", "tally.c")
_BPF = "rtptally.bpf.c"
_HEADERS = ("frame.h", "tally.h", "rtptally.h")


def missing():
    """What it needs and is not there, as one line; None if all is."""
    if not shutil.which("clang"):
        return "clang not installed: make deps"
    if not Path("/usr/include/bpf/libbpf.h").exists():
        return "libbpf not installed: make deps"
    return None


def _build():
    """(program, BPF object), made anew when a source is newer."""
    out = BIN.parent / "bench"
    program, tally = out / "rtpload", out / "rtptally.bpf"
    newest = max((HERE / f).stat().st_mtime for f in (*_C, _BPF, *_HEADERS))
    if all(f.exists() and f.stat().st_mtime > newest
           for f in (program, tally)):
        return program, tally
    out.mkdir(parents=True, exist_ok=True)
    cc = os.environ.get("CC") or shutil.which("cc") or "gcc"
    subprocess.run([cc, "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", program,
                    *(HERE / f for f in _C), "-lbpf"], check=True)
    subprocess.run(["clang", "-target", "bpf", "-O2", "-g",
                    f"-I/usr/include/{os.uname().machine}-linux-gnu",
                    "-c", "-o", tally, HERE / _BPF], check=True)
    return program, tally


class RtpLoad:
    """One rtpload on the phones' side of a world. Each stream is three
    (address, port): where from, where to, where it is to come out; step()
    runs it at a rate and tells what came back."""

    def __init__(self, world, streams, burst):
        program, tally = _build()
        self._tmp = tempfile.TemporaryDirectory(prefix="pinhole-rtpload-")
        path = Path(self._tmp.name) / "streams"
        path.write_text("".join("%s %d %s %d %s %d\n" % (*a, *to, *b)
                                for a, to, b in streams))
        self.proc = world.popen(
            "phones", program, "-k", burst, "eth0", world.mac("servers"),
            tally, path, text=True, stdin=subprocess.PIPE,
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
        try:
            self.proc.wait(2.0)  # it takes its counter off the interface
        except subprocess.TimeoutExpired:
            end_process(self.proc)
        self.proc.stdout.close()
        self._tmp.cleanup()

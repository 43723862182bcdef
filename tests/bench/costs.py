"""What calls cost besides CPU, on one side: system calls, and the memory of
calls that are up and of transactions that are over but kept."""

import re
import shutil
import signal
import subprocess
import tempfile
import time

from support.net import end_process

import cpu
from calls import Calls

# Those of one call with its phones: INVITE, 100, 180, 200, ACK, BYE and 200 at
# the caller, all but the 100 at the callee. What goes on among the daemons of
# a side is how it does them.
MESSAGES = 13
# INVITE and BYE.
TRANSACTIONS = 2
HELD, HELD_RATE = 2000, 200
# In less than the 5 s for which Kamailio keeps what is over; we keep it 32 s.
ENDED_RATE, ENDED_S = 300, 4.0
# Before memory is looked at first, that what comes with the first calls only
# is there.
_WARM_UP_RATE, _WARM_UP_S = 50, 1.0
# perf does not say when it has begun to count.
_PERF_STARTS_S = 0.5


def missing():
    """What is not there, as one line; None if all is."""
    if shutil.which("perf"):
        return None
    return "no system calls counted: perf not installed: make bench-deps"


class Count:
    """System calls of some processes, counted by the kernel."""

    def __init__(self, pids):
        self._out = tempfile.NamedTemporaryFile("r")
        self._proc = subprocess.Popen(
            ["perf", "stat", "-x,", "-o", self._out.name, "-e",
             "raw_syscalls:sys_enter", "-p", ",".join(map(str, pids))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def stop(self):
        self._proc.send_signal(signal.SIGINT)
        self._proc.wait(10)
        text = self._out.read()
        found = re.search(r"^(\d+),", text, re.M)
        if not found:
            raise RuntimeError(f"perf counted nothing: {text.strip()}")
        return int(found[1])

    def close(self):
        end_process(self._proc)
        self._out.close()


def syscalls(world, side, rate, seconds):
    """{program: system calls per message with the phones}, and "total"."""
    part = Calls(world, side)
    part.sipp.call(_WARM_UP_RATE, _WARM_UP_S)
    counts = {program: Count(pids) for program, pids in side.pids.items()}
    try:
        time.sleep(_PERF_STARTS_S)
        row = part.sipp.call(rate, seconds)
        made = {program: c.stop() for program, c in counts.items()}
    finally:
        for c in counts.values():
            c.close()
    if row is None or int(row["FailedCall(C)"]):
        raise RuntimeError("calls failed while system calls were counted")
    messages = int(row["SuccessfulCall(C)"]) * MESSAGES
    each = {program: n / messages for program, n in made.items()}
    return {**each, "total": sum(each.values())}


class Growth:
    """The growth of a side's memory since it had its first calls."""

    def __init__(self, world, side):
        self._side = side
        self.sipp = Calls(world, side).sipp
        self.sipp.call(_WARM_UP_RATE, _WARM_UP_S)
        self._before = self._now()

    def _now(self):
        return {p: cpu.memory(pids) for p, pids in self._side.pids.items()}

    def each(self, count):
        """{program: bytes for each of so many}, and "total"."""
        now = self._now()
        grown = {p: (now[p] - self._before[p]) / count for p in now}
        return {**grown, "total": sum(grown.values())}


def ended(world, side):
    """Bytes per transaction that is over and kept."""
    growth = Growth(world, side)
    row = growth.sipp.call(ENDED_RATE, ENDED_S)
    if row is None or int(row["FailedCall(C)"]):
        raise RuntimeError("calls failed while memory was looked at")
    return growth.each(int(row["SuccessfulCall(C)"]) * TRANSACTIONS)


def held(world, side):
    """Bytes per call that is up, what its INVITE leaves behind included."""
    growth = Growth(world, side)
    with growth.sipp.hold(HELD, HELD_RATE):
        return growth.each(HELD)

"""What processes have used, from /proc."""

import os
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat from the third on, None once it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def descendants(pid):
    """pid and every process below it."""
    children = {}
    for entry in os.listdir("/proc"):
        fields = _stat(entry) if entry.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = [pid]
    for p in found:
        found += children.get(p, [])
    return found


def seconds(pids):
    """CPU time the processes have used so far, all their threads that are
    still there, user and system; exact, where utime and stime have ticks."""
    total = 0
    for pid in pids:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError) as e:
            raise RuntimeError(f"process {pid} under test has ended") from e
    return total / 1e9


def _smaps(pids, field):
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").open():
            if line.startswith(field):
                total += int(line.split()[1]) * 1024
    return total


def memory(pids):
    """Their memory in bytes; shared pages are divided among the sharers."""
    return _smaps(pids, "Pss:")


def own_memory(pids):
    """What they have written themselves, in bytes: it grows and shrinks with
    nobody else."""
    return _smaps(pids, "Private_Dirty:")


def _core_ticks(cores, fields):
    """The sum of these fields of the cores' lines in /proc/stat, in
    seconds."""
    wanted = {f"cpu{c}" for c in cores}
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in wanted:
            total += sum(int(ticks[f]) for f in fields)
    return total / _TICK


_PROCESSES = (0, 1, 2)  # samples, taken only while the core is not idle
_IDLE = (3, 4)          # exact
FLOOR_MAX = 0.01
_FLOOR_LOOKS, _FLOOR_LOOK_S = 3, 0.3


class Meter:
    """CPU time used since start() by the programs under test, {"proxyd":
    [pid]}, which have `cores` to themselves if all is well, and by the kernel
    on their behalf."""

    def __init__(self, programs, cores):
        self.programs = programs
        self.cores = cores
        self._floor = 0.0
        self.start()

    def start(self):
        self._begun = time.monotonic()
        self._idle = _core_ticks(self.cores, _IDLE)
        self._processes = _core_ticks(self.cores, _PROCESSES)
        self._before = self._now()

    def _now(self):
        return {name: seconds(p) for name, p in self.programs.items()}

    def used(self):
        """By program."""
        now = self._now()
        return {name: now[name] - self._before[name] for name in now}

    def _took(self):
        return (time.monotonic() - self._begun) * len(self.cores)

    def _processes_had(self):
        return _core_ticks(self.cores, _PROCESSES) - self._processes

    def others(self, used):
        """The share of the cores that other processes had, `used` being ours:
        what makes a measurement worth less. Not less than this: ours contains
        the interrupts that came while it ran."""
        return max(0.0, self._processes_had() - sum(used.values())) \
            / self._took()

    def core(self, used):
        """Time the cores were not idle, less what others had and what they
        are not idle without load: our programs and what the kernel did for
        their packets, wherever the kernel put it down."""
        took = self._took()
        idle = _core_ticks(self.cores, _IDLE) - self._idle
        busy = took - idle - (self.others(used) + self._floor) * took
        return max(0.0, busy)

    def learn_floor(self):
        """See how busy the kernel keeps the cores while there is no load."""
        floor = FLOOR_MAX
        self._floor = 0.0
        for _ in range(_FLOOR_LOOKS):
            self.start()
            time.sleep(_FLOOR_LOOK_S)
            used = self.used()
            rest = self.core(used) - sum(used.values())
            floor = min(floor, rest / self._took())
        self._floor = max(0.0, floor)

    def settle(self, timeout=4.0):
        """Wait until the programs have nearly nothing left to do, so that one
        measurement does not pay for the one before."""
        deadline = time.monotonic() + timeout
        busy = 1.0
        while busy > 0.05 and time.monotonic() < deadline:
            self.start()
            time.sleep(0.2)
            busy = sum(self.used().values()) / 0.2

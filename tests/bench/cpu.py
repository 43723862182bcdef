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
    """CPU time the processes have used so far, all threads, user and
    system."""
    total = 0
    for pid in pids:
        fields = _stat(pid)
        if fields is None:
            raise RuntimeError(f"process {pid} under test has ended")
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def memory(pids):
    """Their memory in bytes; shared pages are divided among the sharers."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").open():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def core_seconds(cores):
    """Time the cores have not been idle so far, whoever used it or, on a
    virtual machine, was given it instead."""
    wanted = {f"cpu{c}" for c in cores}
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in wanted:
            user, nice, system, _idle, _wait, irq, soft, steal = map(
                int, ticks[:8])
            total += user + nice + system + irq + soft + steal
    return total / _TICK


class Meter:
    """CPU time used since start() by the programs under test, {"proxyd":
    [pid]}, which have `cores` to themselves if all is well."""

    def __init__(self, programs, cores):
        self.programs = programs
        self.cores = cores
        self.start()

    def start(self):
        self._begun = time.monotonic()
        self._cores = core_seconds(self.cores)
        self._before = self._now()

    def _now(self):
        return {name: seconds(p) for name, p in self.programs.items()}

    def used(self):
        """By program."""
        now = self._now()
        return {name: now[name] - self._before[name] for name in now}

    def others(self, used):
        """The share of the cores that anybody else had, `used` being ours:
        what makes a measurement worth less."""
        took = (time.monotonic() - self._begun) * len(self.cores)
        busy = core_seconds(self.cores) - self._cores
        return max(0.0, busy - sum(used.values())) / took

    def settle(self, timeout=4.0):
        """Wait until the programs have nearly nothing left to do, so that one
        measurement does not pay for the one before."""
        deadline = time.monotonic() + timeout
        busy = 1.0
        while busy > 0.05 and time.monotonic() < deadline:
            self.start()
            time.sleep(0.2)
            busy = sum(self.used().values()) / 0.2

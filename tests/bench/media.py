"""What one side does with so many sessions: how they are set up, what memory
they take, and what they carry."""

from pathlib import Path

import cpu
from packets import Packets

# Kernel memory is the whole machine's: with fewer sockets than these have,
# what others do in the meantime is as much.
KERNEL_MIN = 1000


def kernel_memory():
    """Bytes that the kernel has in objects, sockets among them."""
    total = 0
    for line in Path("/proc/meminfo").open():
        name, value = line.split()[:2]
        if name in ("Slab:", "Percpu:"):
            total += int(value) * 1024
    return total


class Memory:
    """Of the programs and the kernel, since it was made."""

    def __init__(self, programs):
        self._pids = [pid for pids in programs.values() for pid in pids]
        self._user = cpu.own_memory(self._pids)
        self._kernel = kernel_memory()

    def each(self, sessions):
        """Bytes by which each session has made it grow; None where that
        cannot be told."""
        grown = cpu.own_memory(self._pids) - self._user
        kernel = kernel_memory() - self._kernel
        return {"user": grown / sessions if self._pids else None,
                "kernel": kernel / sessions
                if self._pids and sessions >= KERNEL_MIN else None}


def _set_up(sessions, seconds, used):
    if not seconds:
        return None
    return {"per_s": sessions / seconds, "cpu_us": used / sessions * 1e6}


def measure(world, make, sessions, settings, before):
    """All figures of one side; `before` its highest figures of a run before,
    or None."""
    side = make(world, sessions)
    try:
        memory = Memory(side.programs)
        part = Packets(world, side.control, side.programs, sessions,
                       settings["burst"])
        set_up = _set_up(sessions, *part.open())
        part.warm_up()
        each = memory.each(sessions)
        forwarded = side.forwarded()
        steady = {str(rate): part.steady(rate, settings["steady_s"])
                  for rate in steady_rates(sessions, settings)}
        share = fast_share(forwarded, side.forwarded())
        start, factor = (before["packets_per_s"] / 1.15, 1.15) if before \
            else (settings["search_from"], 1.6)
        highest, capped = part.highest(start, factor, settings["step_s"],
                                       settings["search_s"])
        part.close()
    except (RuntimeError, TimeoutError) as e:
        raise SystemExit(f"bench-media: {side.name}, {sessions} sessions: "
                         f"{e}\n{side.complaints()}") from e
    return {"set_up": set_up, "memory": each, "steady": steady,
            "fast_share": share, "highest": highest, "capped": capped,
            "processes": len(side.relays)}


def fast_share(before, after):
    """Of the packets in between, those that the kernel forwarded; None where
    it does not apply."""
    if after is None or after[1] == before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])


def steady_rates(sessions, settings):
    """What the sessions send, 50 packets a second each way, unless it is more
    than one core does; and a rate that all sides carry."""
    paced = sessions * 100
    rates = {settings["common"]}
    if paced <= settings["paced_max"]:
        rates.add(paced)
    return sorted(rates)

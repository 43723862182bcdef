"""A directory under load: registrations and queries of one side, and what its
contacts take."""

import cpu
from search import OTHERS_MAX, Attempt, calmest
from sipload import SipLoad
from world import CALLER

# What every request has to be answered with.
_GOOD = {"register": "200", "query": "302"}
_PAUSE_S = 0.2


class Directory:
    """One side with its load; `registered` contacts so far."""

    def __init__(self, world, make, nth, settings):
        self.s = settings
        self.world = world
        self.side = make(world, nth, settings["sizes"][-1] + 1000)
        self.load = SipLoad(world, (CALLER, self.side.at[1]), self.side.at,
                            self.side.target)
        self.meter = cpu.Meter(self.side.programs, world.cores["servers"])
        self.registered = 0
        self._memory = None

    def _step(self, name, *args, **kw):
        """One step of the load, all whose answers have to be right."""
        self.meter.start()
        got = self.load.step(name, *args, **kw)
        used = self.meter.used()
        answered = max(got["answered"], 1)
        if got["wrong"] or set(got["by_status"]) - {_GOOD[name]}:
            raise RuntimeError(f"{name}: answered wrongly: {got}")
        return {"per_s": got["answered"] / got["seconds"],
                "answered": got["answered"],
                "cpu_us": sum(used.values()) / answered * 1e6,
                "cpu_of_us": {p: u / answered * 1e6 for p, u in used.items()},
                "busy": sum(used.values()) / got["seconds"],
                "loss": got["lost"] / max(got["sent"], 1),
                "others": self.meter.others(used),
                "load_idle": got["idle"], "p50_us": got["p50_us"],
                "p99_us": got["p99_us"]}

    def grow(self, to):
        """Clients that register for the first time, until there are so many;
        fewer, where it takes too long."""
        users = range(self.registered, to)
        got = self._step("register", "each", users, self.s["window"],
                         self.s["grow_max_s"])
        if got["loss"]:
            raise RuntimeError(f"register: not all answered: {got}")
        self.registered += got["answered"]
        return got

    def refresh(self):
        """Clients that register again."""
        return self._step("register", "scattered", range(self.registered),
                          self.s["window"], self.s["refresh_s"])

    def _attempt(self, rate):
        got = self._step("query", "random", range(self.registered),
                         self.s["window"], self.s["step_s"], rate)
        return Attempt(got["per_s"], not got["loss"],
                       disturbed=got["others"] > OTHERS_MAX, figures=got)

    def query(self):
        """As many as it answers, and at a rate well below."""
        steady = calmest(self._attempt, self.s["rate"]).figures
        self.meter.settle()
        return {"saturated": calmest(self._attempt, 0).figures,
                "steady": steady}

    def memory_begins(self):
        """What is there now belongs to no contact."""
        self._memory = (self.registered, self._memory_now())

    def _memory_now(self):
        return {p: cpu.memory(pids)
                for p, pids in self.side.programs.items()}

    def memory_each(self):
        """Bytes for each contact since, by program, and the total; None where
        there are no more than then."""
        since, before = self._memory
        if self.registered == since:
            return None
        each = {p: (now - before[p]) / (self.registered - since)
                for p, now in self._memory_now().items()}
        return {"total": sum(each.values()), "of": each}

    def restart(self):
        """Seconds from the start of a process until it is ready with all
        contacts."""
        seconds = self.side.restart()
        if self.side.contacts() != self.registered:
            raise RuntimeError(f"{self.side.contacts()} contacts after the "
                               f"restart, {self.registered} before")
        self.meter = cpu.Meter(self.side.programs,
                               self.world.cores["servers"])
        self._step("query", "random", range(self.registered),
                   self.s["window"], _PAUSE_S)
        return {"seconds": seconds, "contacts": self.registered}

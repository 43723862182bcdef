"""Media packets through a relay: rtpload's streams at rising rates."""

import cpu
from rtpload import RtpLoad
from search import OTHERS_MAX, Attempt, Search, calmest
from sessions import parties

LOSS_MAX = 0.001
# Thousands of sockets can hold a second of packets: a relay that falls behind
# loses none for a while. One that keeps pace has none waiting for 20 ms.
PACE_US = 20000
SENT_MIN = 0.97
# So slow that whoever has a choice has made it when the figures begin:
# rtpengine makes up its mind about the ends only after three seconds; where
# the signalled ones are right, as here, it forwards before.
WARM_UP_S = 3.5
WARM_UP_AGAIN_S = 0.5
WARM_UP_EACH = 10  # packets of every stream
PROBE_RATE, PROBE_S = 10000, 0.1
STUCK_LOSS = 0.5


class Packets:
    """One side and so many sessions. `control` sets them up, `programs` are
    its processes: {"relayd": [pid]}."""

    def __init__(self, world, control, programs, sessions, burst):
        self.meter = cpu.Meter(programs, world.cores["servers"])
        self.meter.learn_floor()
        self.world = world
        self.control = control
        self.parties = parties(sessions)
        self.burst = burst
        self.load = None

    def open(self):
        """Sessions, at full speed: (seconds, CPU seconds) it took."""
        self.meter.start()
        opened = self.control.open(self.parties)
        used = sum(self.meter.used().values())
        streams = []
        for (a, b), (for_a, for_b) in zip(self.parties, opened.ends):
            streams += [(a, for_a, b), (b, for_b, a)]
        self.load = RtpLoad(self.world, streams, self.burst)
        return opened.seconds, used

    def warm_up(self, seconds=WARM_UP_S):
        """Enough packets for the relay to know both ends of each session."""
        packets = WARM_UP_EACH * 2 * len(self.parties)
        self.load.step(packets / seconds, seconds)

    def close(self):
        self.load.close()
        self.control.close_all()

    def _revive(self):
        """Once overrun, rtpengine 10.5 was seen to forward nothing more in the
        sessions it had: then what follows is tried with new ones."""
        got = self.load.step(PROBE_RATE, PROBE_S)
        if got["received"] < STUCK_LOSS * got["sent"]:
            self.close()
            self.open()
            self.warm_up(WARM_UP_AGAIN_S)

    def attempt(self, rate, seconds):
        self.meter.start()
        got = self.load.step(rate, seconds)
        used = self.meter.used()
        others, core = self.meter.others(used), self.meter.core(used)
        used = sum(used.values())
        sent, received = got["sent"], got["received"]
        made = sent / got["seconds"]
        loss = 1 - received / sent if sent else 1.0
        clean = loss <= LOSS_MAX and got["p50_us"] <= PACE_US
        enough = made >= SENT_MIN * rate
        if not clean:
            self._revive()
        return Attempt(made, clean and enough, clean and not enough,
                       others > OTHERS_MAX, {
            "packets_per_s": received / got["seconds"], "loss": loss,
            "misrouted": got["misrouted"], "overrun": got["overrun"],
            "cpu_us": used / max(received, 1) * 1e6,
            "core_us": core / max(received, 1) * 1e6,
            "busy": used / got["seconds"], "core": core / got["seconds"],
            "others": others, "p50_us": got["p50_us"],
            "p99_us": got["p99_us"]})

    def steady(self, rate, seconds):
        """CPU per packet and latency at one rate, the same for all sides."""
        return calmest(lambda r: self.attempt(r, seconds), rate).figures

    def highest(self, start, factor, step_s, seconds):
        """(figures at the highest rate or None, whether the load was the
        limit)."""
        search = Search(lambda rate: self.attempt(rate, step_s), factor,
                        seconds=seconds)
        best, limited = search.run(start)
        return (best.figures if best else None), limited

"""Complete calls with SIPp on both ends: the caller behind a NAT, the callee
answering at once, 100 ms, BYE by the caller."""

import contextlib
import csv
import subprocess
import tempfile
from pathlib import Path

from support.net import end_process, wait_until

import cpu
from search import OTHERS_MAX, Attempt, Search, calmest
from world import CALLEE, CALLER, PROXY

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
USERS = 100
HOLD_S = 0.1
# How long a caller waits for an answer, which takes less than 2 ms.
ANSWER_S = 2
FAILED_MAX = 0.001
REPEATED_MAX = 0.01
RATE_MIN = 0.9
# With less of their core used, it was not the daemons that were slow.
BUSY_MIN = 0.8


class Sipp:
    """SIPp on the phones' side of a world."""

    def __init__(self, world):
        self.world = world
        self._tmp = tempfile.TemporaryDirectory(prefix="pinhole-sipp-")
        self.dir = Path(self._tmp.name)
        self.users = self.dir / "users.csv"
        self.users.write_text("SEQUENTIAL\n" + "".join(
            f"u{i};\n" for i in range(USERS)))
        self.answering = None
        self._table = self.dir / "calls.csv"
        world.own(self)

    def close(self):
        if self.answering is not None:
            end_process(self.answering)
        self._tmp.cleanup()

    def _popen(self, scenario, *args):
        log = open(self.dir / f"{scenario}.log", "wb")
        with log:
            return self.world.popen(
                "phones", "sipp", "-sf", SCENARIOS / f"{scenario}.xml",
                "-nostdin", *args, stdout=log, stderr=log, cwd=self.dir)

    def _run(self, scenario, *args, timeout):
        """To its end; whether every call of it was a success."""
        proc = self._popen(scenario, *args)
        try:
            return proc.wait(timeout) == 0
        finally:
            end_process(proc)

    def _log(self, scenario):
        text = (self.dir / f"{scenario}.log").read_text(errors="replace")
        return text[-3000:]

    def register(self):
        """Every user, from the address where answer() will listen."""
        if not self._run("register", "-i", CALLEE, "-p", 5060, "-inf",
                         self.users, "-m", USERS, "-r", 200,
                         "-recv_timeout", 5000, f"{PROXY}:5060", timeout=30):
            raise RuntimeError("the registrations failed:\n"
                               + self._log("register"))

    def answer(self):
        self.answering = self._popen("uas", "-i", CALLEE, "-p", 5060)

    def call(self, rate, seconds):
        """Calls at a rate; SIPp's own count of them, by column name."""
        try:
            self._run("uac", *self._caller(max(1, round(rate * seconds)), rate,
                                           HOLD_S, max(1000, 2 * rate)),
                      timeout=seconds + 15)
        except subprocess.TimeoutExpired:
            return None
        if self.answering.poll() is not None:
            raise RuntimeError("SIPp, answering, has ended:\n"
                               + self._log("uas"))
        rows = self._rows()
        if not rows:
            raise RuntimeError("SIPp, calling, failed:\n" + self._log("uac"))
        return rows[-1]

    @contextlib.contextmanager
    def hold(self, calls, rate):
        """So many calls that are up inside the `with` block; what follows it
        finds them abandoned."""
        proc = self._popen("uac", *self._caller(calls, rate, 600, calls))
        try:
            wait_until(lambda: self._up(calls), calls / rate + 15,
                       lambda: f"{calls} calls up:\n" + self._log("uac"))
            yield
        finally:
            proc.kill()
            proc.wait()

    def _up(self, calls):
        """Whether so many have been there for longer than one that is not
        answered is."""
        there = [int(row["CurrentCall"]) for row in self._rows()]
        return len(there) > ANSWER_S + 1 and \
            set(there[-(ANSWER_S + 1):]) == {calls}

    def _caller(self, calls, rate, hold_s, at_once):
        return ("-i", CALLER, "-p", 5071, "-inf", self.users, "-m", calls,
                "-r", rate, "-l", at_once, "-d", round(hold_s * 1000),
                "-max_retrans", 4, "-recv_timeout", ANSWER_S * 1000,
                "-deadcall_wait", 0,
                "-trace_stat", "-stf", self._table, "-fd", 1,
                f"{PROXY}:5060")

    def _rows(self):
        """SIPp's own count of the calls, one for each second so far."""
        try:
            with open(self._table, newline="") as f:
                return list(csv.DictReader(f, delimiter=";"))
        except FileNotFoundError:
            return []


def _elapsed(row):
    """Seconds from the first call's begin to the last one's end, less its
    hold: the time all the calls needed."""
    whole = int(row["TotalCallCreated"]) / float(row["CallRate(C)"])
    return max(whole - HOLD_S, HOLD_S)


class Calls:
    """The signalling part of the bench, on one side."""

    def __init__(self, world, side):
        self.meter = cpu.Meter(side.pids, world.cores["servers"])
        self.sipp = Sipp(world)
        self.sipp.register()
        self.sipp.answer()

    def attempt(self, rate, seconds):
        rate = round(rate)
        self.meter.settle()
        self.meter.start()
        row = self.sipp.call(rate, seconds)
        used = self.meter.used()
        others = self.meter.others(used)
        if row is None or not float(row["CallRate(C)"]):
            return Attempt(0.0, False)
        took = _elapsed(row)
        made = int(row["TotalCallCreated"]) / took
        done = int(row["SuccessfulCall(C)"])
        failed = int(row["FailedCall(C)"])
        repeated = int(row["Retransmissions(C)"])
        busy = sum(used.values()) / (took + HOLD_S)
        clean = failed <= FAILED_MAX * done and \
            repeated <= REPEATED_MAX * done
        good = clean and made >= RATE_MIN * rate
        limited = clean and not good and busy < BUSY_MIN
        return Attempt(made, good, limited, others > OTHERS_MAX, {
            "calls_per_s": made, "failed": failed, "repeated": repeated,
            "cpu_us": {p: s / max(done, 1) * 1e6 for p, s in used.items()},
            "cpu_total": sum(used.values()) / max(done, 1) * 1e6,
            "busy": busy, "others": others})

    def steady(self, rate, seconds):
        """CPU per call at one rate, which is the same for both sides."""
        got = calmest(lambda r: self.attempt(r, seconds), rate)
        if not got.good:
            raise RuntimeError(f"not even {rate} calls a second: "
                               f"{got.figures}")
        return got.figures

    def highest(self, start, factor, step_s, seconds):
        """(figures at the highest rate, whether the load was the limit)."""
        search = Search(lambda rate: self.attempt(rate, step_s), factor,
                        seconds=seconds)
        best, limited = search.run(start)
        return (best.figures if best else None), limited

"""Signs of life to the service manager: given while all turns, and no longer.
What systemd then does is for tests/host/test_packages.py."""

import ctypes
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.daemons import proxyd_conf, redirectd_conf, relayd_conf
from support.fdstore import Kept
from support.net import wait_until

# Half a second: a sign each quarter of it.
WATCHDOG = {"WATCHDOG_USEC": "500000"}
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Watched(Kept):
    """A daemon under a service manager with a watchdog."""

    def __init__(self, *args, ready=True):
        self.ready = ready
        super().__init__(*args, env=dict(WATCHDOG))

    def start(self, ready=None, args=()):
        return super().start(self.ready if ready is None else ready, args)

    def signs(self):
        return sum(s.get("WATCHDOG") == "1" for s in list(self.store.said))

    def wait_signs(self, more=3):
        have = self.signs()
        wait_until(lambda: self.signs() >= have + more, 10,
                   "signs of life")

    def is_silent(self):
        """Within a time in which it would have given several signs. What was
        under way is let through first."""
        wait_until(lambda: self._none_for(0.6), 10, "silence")

    def _none_for(self, seconds):
        have = self.signs()
        try:
            wait_until(lambda: self.signs() > have, seconds)
        except TimeoutError:
            return True
        return False

    def said(self, name):
        return [s[name] for s in list(self.store.said) if name in s]


def ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) != 0:
        err = ctypes.get_errno()
        raise OSError(err, f"ptrace {request:#x} of {tid}: "
                           f"{os.strerror(err)}")


@contextmanager
def held(threads):
    """These threads stand still, as a debugger holds them; the others of the
    process turn."""
    seized = []
    try:
        for tid in threads:
            ptrace(PTRACE_SEIZE, tid)
            seized.append(tid)
            ptrace(PTRACE_INTERRUPT, tid)
            os.waitpid(tid, WALL)
        yield
    finally:
        for tid in seized:
            ptrace(PTRACE_DETACH, tid)


def workers(pid):
    return [int(t.name) for t in Path(f"/proc/{pid}/task").iterdir()
            if int(t.name) != pid]


@pytest.mark.parametrize("program, host, conf", [
    ("proxyd", "proxy1", proxyd_conf), ("redirectd", "redirect",
                                        redirectd_conf),
    ("relayd", "relay", relayd_conf)])
def test_idle_is_alive_and_stopped_is_not(net, program, host, conf):
    daemon = Watched(net, host, program, conf())
    assert daemon.said("READY") == ["1"]
    daemon.wait_signs()
    daemon.signal(signal.SIGSTOP)
    daemon.is_silent()
    daemon.signal(signal.SIGCONT)
    daemon.wait_signs()
    assert daemon.terminate() == 0
    assert daemon.said("STOPPING") == ["1"]
    assert int(daemon.said("EXTEND_TIMEOUT_USEC")[0]) >= 10 ** 7


def test_a_directory_without_its_store_is_alive(net):
    """Not ready is not stuck: to start it again would change nothing."""
    daemon = Watched(net, "redirect", "redirectd",
                     redirectd_conf(store="redis://127.0.0.1:1"),
                     ready=False)
    daemon.wait_signs()
    assert daemon.get("/readyz")[0] == 503


def test_a_stuck_worker_is_noticed(net):
    """The main loop turns, and answers, but media do not flow."""
    relay = Watched(net, "relay", "relayd", relayd_conf(workers=2))
    relay.wait_signs()
    tids = workers(relay.pid)
    assert len(tids) >= 2
    with held(tids[:1]):
        relay.is_silent()
        assert relay.get("/healthz")[0] == 200
        relay.wait_log("a thread does not turn")
    relay.wait_signs()
    assert relay.log().count("a thread does not turn") == 1


def test_after_a_takeover_the_new_one_gives_the_signs(net, tmp_path):
    """It is the service now (MAINPID), whatever $WATCHDOG_PID says."""
    path = tmp_path / "takeover"
    relay = Watched(net, "relay", "relayd",
                    relayd_conf(drain=0, takeover=str(path)))
    relay.env = {**relay.env, "WATCHDOG_PID": str(relay.pid)}
    relay.take_over()
    assert relay.said("MAINPID")[-1] == str(relay.pid)
    relay.wait_signs()
    relay.env["WATCHDOG_PID"] = "1"
    relay.kill()
    relay.start()
    relay.is_silent()  # another's

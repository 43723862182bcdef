#!/usr/bin/python3
"""`make demo`: a call between two phones that nobody can reach.

alice and bob both believe to be 10.0.0.16, each behind a NAT firewall of its
own (tests/net/testnet has the drawing). The program starts redirectd, relayd
and two proxyd, lets alice call bob with real speech both ways, compares what
each heard with what the other said, and prints the ladder diagram of the call.
Exit status 0 only if both heard each other.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.daemons import BIN, Pinhole  # noqa: E402
from support.ladder import draw  # noqa: E402
from support.net import (  # noqa: E402
    PROXY1, PROXY2, TOP, Net, hold_signals, unavailable, wait_until)
from support.phones import Baresip  # noqa: E402

TIME_LIMIT = 60
LISTEN = 7.0  # seconds of speech that have to arrive
HEARD = BIN.parent / "tests" / "heard"


class Failed(Exception):
    pass


def say(text):
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def check_parts():
    """One line about what is missing, before anything is started."""
    why = unavailable()
    if why:
        raise Failed(why)
    for tool in (BIN / "proxyd", BIN / "redirectd", BIN / "relayd", HEARD):
        if not tool.exists():
            raise Failed(f"{tool} is not built: run make first")


def prepare_speech(folder):
    done = subprocess.run([TOP / "tests/support/speech.sh", folder],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or "speech.sh failed")


def start_phones(net, speech):
    alice = Baresip(net, "first", "alice", PROXY1, speech / "alice.wav")
    bob = Baresip(net, "second", "bob", PROXY2, speech / "bob.wav")
    alice.wait_registered()
    bob.wait_registered()
    return alice, bob


def call(alice, bob):
    """From dialling to hanging up; returns the Call-ID."""
    alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    call_id = alice.call_id
    say(f"alice and bob are in call {call_id}, talking")
    alice.wait_heard(LISTEN, timeout=20)
    bob.wait_heard(LISTEN, timeout=20)
    alice.hangup()
    alice.wait_event("CALL_CLOSED")
    bob.wait_event("CALL_CLOSED")
    say("alice has hung up; bob's phone knows")
    return call_id


def compare(speaker, said, listener, recording):
    """Print what heard says; whether the speech came through."""
    if recording is None:
        print(f"{listener} heard nothing at all")
        return False
    done = subprocess.run([HEARD, said, recording], text=True,
                          capture_output=True)
    print(f"{listener} heard {speaker}: "
          f"{done.stdout.strip() or done.stderr.strip()}"
          f"{'' if done.returncode == 0 else ' -- NOT the same'}")
    return done.returncode == 0


def show_troubles(pinhole, phones):
    """After a failure: the end of every log."""
    for thing in [*pinhole.all.values(), *phones]:
        name = getattr(thing, "program", None) or thing.user
        tail = thing.log().splitlines()[-30:]
        print(f"\n{name} on {thing.host}:", *tail, sep="\n  ",
              file=sys.stderr)


def keep(folder, pinhole, phones, call_id):
    """Leave the traces, recordings and logs for a later look."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, trace in pinhole.traces(call_id).items():
        (folder / f"{name}.trace.json").write_text(json.dumps(trace, indent=1))
        (folder / f"{name}.log").write_text(pinhole.all[name].log())
    for phone in phones:
        (folder / f"{phone.user}.log").write_text(phone.log())
        if phone.heard():
            shutil.copy(phone.heard(), folder / f"{phone.user}-heard.wav")


def demo(net, speech, kept):
    pinhole = Pinhole(net)
    say("redirectd, relayd and two proxyd are ready")
    phones = []
    try:
        phones += start_phones(net, speech)
        alice, bob = phones
        say("alice and bob, each 10.0.0.16 behind its own NAT, registered")
        call_id = call(alice, bob)
        wait_until(lambda: pinhole.relay.metric("sessions") == 0, 10,
                   "relayd has no session left")
        say("relayd has taken its ports back")
        print("\n" + draw(pinhole.traces(call_id)))
        if kept:
            keep(kept, pinhole, phones, call_id)
        good = [compare("alice", speech / "alice.wav", "bob", bob.heard()),
                compare("bob", speech / "bob.wav", "alice", alice.heard())]
        if not all(good):
            raise Failed("the speech did not come through")
    except (TimeoutError, RuntimeError, LookupError, Failed):
        show_troubles(pinhole, phones)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, metavar="DIR",
                        help="leave traces, logs and recordings there")
    args = parser.parse_args()
    hold_signals()

    def too_long(signum, frame):
        raise TimeoutError(f"not done within {TIME_LIMIT} s")
    signal.signal(signal.SIGALRM, too_long)
    try:
        check_parts()
        signal.alarm(TIME_LIMIT - 10)  # the rest is for taking down
        with tempfile.TemporaryDirectory(prefix="pinhole-demo-") as tmp:
            prepare_speech(Path(tmp))
            with Net() as net:
                say(f"the test network is up ({net.name})")
                try:
                    demo(net, Path(tmp), args.keep)
                finally:
                    signal.alarm(0)
        say("everything is taken down")
    except KeyboardInterrupt:
        return 130
    except (Failed, TimeoutError, RuntimeError, LookupError, OSError) as e:
        print(f"demo: {str(e).strip() or type(e).__name__}", file=sys.stderr)
        return 1
    print("both heard each other")
    return 0


STARTED = time.monotonic()

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())

"""The systemd units: what systemd thinks of them. That they work is for
test_packages.py."""

import re
import subprocess

import pytest

from conftest import DAEMONS

LEAST = 30  # tenths: below it systemd calls a service well protected


def unit(installed, daemon):
    return installed / f"usr/lib/systemd/system/{daemon}.service"


def analyze(*args):
    done = subprocess.run(["systemd-analyze", *args], text=True,
                          capture_output=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("daemon", DAEMONS)
def test_exposure_is_low(installed, daemon):
    status, said = analyze("security", "--offline=true",
                           f"--threshold={LEAST - 1}", unit(installed, daemon))
    level = re.search(r"exposure level for \S+: ([\d.]+) ", said)
    assert status == 0 and float(level[1]) < LEAST / 10, said


def test_the_measure_measures(installed, tmp_path):
    """A unit without all of it is above the threshold."""
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    status, said = analyze("security", "--offline=true",
                           f"--threshold={LEAST - 1}", bare)
    assert status != 0, said


@pytest.mark.parametrize("daemon", DAEMONS)
def test_nothing_in_it_is_unknown(installed, daemon):
    """Misspelt settings are but warnings when it is started. The program is
    looked for where it will be."""
    status, said = analyze("verify", "--man=no", "--recursive-errors=no",
                           unit(installed, daemon))
    wrong = [line for line in said.splitlines()
             if "not executable" not in line]
    assert not [line for line in wrong if daemon in line], said


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_stuck_one_is_started_again(installed, daemon):
    text = unit(installed, daemon).read_text()
    for line in ("Type=notify", "Restart=always", "User=pinhole",
                 "StartLimitIntervalSec=0"):
        assert f"\n{line}\n" in text
    assert re.search(r"^WatchdogSec=\d+s$", text, re.M)

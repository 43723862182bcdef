"""The manual pages have all that the daemons' tables have, and no faults."""

import os
import re
import subprocess

import pytest

from conftest import DAEMONS
from support.daemons import BIN

PAGES = [f"man8/{d}.8" for d in DAEMONS] + \
    [f"man5/{d}.json.5" for d in DAEMONS]


def text(page):
    """As a terminal shows it, without bold and lines."""
    shown = subprocess.run(["mandoc", "-Tascii", "-Owidth=500", page],
                           text=True, check=True, capture_output=True).stdout
    plain = subprocess.run(["col", "-b"], input=shown, text=True, check=True,
                           capture_output=True).stdout
    return " ".join(plain.split())


def table(daemon, title, end):
    """Of -h: the first words of the lines below the title."""
    out = subprocess.run([BIN / daemon, "-h"], text=True, check=True,
                         capture_output=True, env={"PATH": os.defpath}).stdout
    below = out.split(title, 1)[1]
    below = below.split("\n\n")[0] if end else below
    return [line for line in below.splitlines()[1:] if line.startswith("  ")]


@pytest.mark.parametrize("page", PAGES)
def test_no_faults(installed, page):
    path = installed / "usr/share/man" / page
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], text=True,
                          capture_output=True)
    assert lint.stdout == "" and lint.returncode == 0, lint.stdout
    assert not re.search(r"@[a-z]+@", path.read_text())


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_command_is_in_it(installed, daemon):
    page = text(installed / f"usr/share/man/man8/{daemon}.8")
    commands = table(daemon, "Commands", end=True)
    assert commands
    for line in commands:
        name, help_ = line.strip().split("  ", 1)
        assert f"{name} {help_.strip()}" in page, line


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_key_is_in_it(installed, daemon):
    """With its default, what it is, its variable, and whether SIGHUP does."""
    page = text(installed / f"usr/share/man/man5/{daemon}.json.5")
    page = page.split(" KEYS ")[1].split(" FILES ")[0]
    parts = re.split(rf"({daemon.upper()}_[A-Z_]+)", page)
    entries = dict(zip(parts[1::2], parts[::2]))
    keys = table(daemon, "Configuration keys", end=False)
    assert len(keys) > 10
    for line in keys:
        name, mark, *_ = line.split()
        variable = f"{daemon}_{name}".upper().replace(".", "_")
        entry = entries[variable]
        assert entry.split()[0] == name, line
        assert "Default: " in entry, line
        assert ("SIGHUP" in entry) == (mark == "*"), line

"""The commands by which operators look at the daemons that run, each run on
the daemon's host with the daemon's configuration."""

import json
import re
import subprocess

from support.daemons import BIN


def run(daemon, *args, **kw):
    """(status, stdout, stderr) of a command."""
    done = subprocess.run(
        daemon.net.command(daemon.host, [BIN / daemon.program, "-c",
                                         daemon.conf_path, *args]),
        text=True, capture_output=True, timeout=60, **kw)
    return done.returncode, done.stdout, done.stderr


def said(daemon, *args):
    """What a command that succeeds prints."""
    status, out, err = run(daemon, *args)
    assert (status, err) == (0, ""), (args, err)
    return out


def refused(daemon, *args):
    """The one line of a command that fails."""
    status, out, err = run(daemon, *args)
    assert (status, out) == (1, ""), (args, out, err)
    line, = err.splitlines()
    assert line.startswith(f"{daemon.program}: ")
    return line


def answer(daemon, *args):
    """What it prints with --json."""
    return json.loads(said(daemon, *args, "--json"))


def table(text):
    """[{heading: value}] of a table: the headings say where columns are, as
    two spaces at least stand between them."""
    lines = text.splitlines()
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    assert all(len(row) == len(rows[0]) for row in rows), text
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def rows(daemon, *args):
    return table(said(daemon, *args))

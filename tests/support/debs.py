"""Debian packages that `make deb` has built."""

import re
import shutil
import subprocess


def depends(debs):
    """The packages of Debian that these need."""
    names = set()
    for deb in debs:
        said = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], text=True,
                              check=True, capture_output=True).stdout
        names |= {re.split(r"[ (|]", d.strip())[0] for d in said.split(",")}
    return sorted(n for n in names if n and not n.startswith("pinhole-"))


def newer(deb, to):
    """The same package with a higher version, as the next release is; its
    path in the folder `to`."""
    work = to / deb.stem
    subprocess.run(["dpkg-deb", "-R", deb, work], check=True)
    control = work / "DEBIAN/control"
    control.write_text(re.sub(r"(Version: |pinhole-common \(= )([\d.]+)",
                              r"\1\2.1", control.read_text()))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", work,
                    to / deb.name], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    return to / deb.name

"""Installs what jobs need from the registries, into a cache outside the tree, once for each pin."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .data import ROOT
from .processes import Failure

INSTALL_SECONDS = 900


def cache():
    """Where everything is installed: `REDPOLL_CLIENTS_CACHE`, or in the user's cache folder."""
    told = os.environ.get("REDPOLL_CLIENTS_CACHE")
    if told:
        return Path(told)
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "redpoll-clients"


def folder(environment):
    """Where an environment is: another place as soon as anything of it changes."""
    text = "\n".join((environment.kind, *environment.packages, *_sources(environment)))
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    return cache() / f"{environment.name}-{mark}"


def check(environment):
    """Fails unless an environment is there already."""
    if not (folder(environment) / "installed").exists():
        raise Failure(f"{environment.name} is not installed: `make test-tools` installs what the "
                      "tests need, `make clients` all")


def install(environment):
    """Installs an environment unless it is there already, and returns its folder."""
    place = folder(environment)
    done = place / "installed"
    if not done.exists():
        print(f"installing {environment.name}: {', '.join(environment.packages)}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        _INSTALLERS[environment.kind](environment, place)
        done.touch()
    return place


def _sources(environment):
    """What is built from source is built again when the source changes."""
    if environment.kind not in ("cargo", "c"):
        return []
    source = ROOT / {"cargo": "rust", "c": "c"}[environment.kind]
    return [path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.*"))
            if path.suffix in (".rs", ".toml", ".lock", ".c")]


def _pip(environment, place):
    python = place / "bin" / "python"
    _run(environment, [sys.executable, "-m", "venv", place])
    _run(environment, [python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                       *environment.packages])


def _npm(environment, place):
    pins = [pin.replace("==", "@") for pin in environment.packages]
    (place / "package.json").write_text('{"private": true, "type": "module"}\n')
    _run(environment, ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
                       "--save-exact", *pins], cwd=place)


def _cargo(environment, place):
    # One folder for all versions of the source: what did not change is not built again.
    target = cache() / "cargo-target"
    _run(environment, ["cargo", "build", "--quiet", "--locked", "--target-dir", target,
                       "--manifest-path", ROOT / "rust" / "Cargo.toml"])
    for binary in ("redis_rs", "fred"):
        shutil.copy2(target / "debug" / binary, place / binary)


def _apt(environment, place):
    """Debian's packages are the system's own: what is missing only root can install."""
    pins = [pin.rpartition("==")[::2] for pin in environment.packages]
    missing = [name for name, version in pins if not _found(name).startswith(version)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _run(environment, ["apt-get", "update", "-q"])
        _run(environment, ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q",
                           "-y", "--no-install-recommends", *missing])
    for name, version in pins:
        if not _found(name).startswith(version):
            raise Failure(f"{name} {version} is not installed, but {_found(name) or 'nothing'}: "
                          f"as root, apt-get install {name}")


def _found(package):
    """The version of a Debian package that is installed; empty if none is."""
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


def _c(environment, place):
    _apt(environment, place)
    _run(environment, ["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-o", place / "hiredis",
                       ROOT / "c" / "hiredis.c", "-lhiredis"])


_INSTALLERS = {"pip": _pip, "npm": _npm, "cargo": _cargo, "apt": _apt, "c": _c}


def _run(environment, command, cwd=None):
    words = [str(word) for word in command]
    try:
        ran = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=INSTALL_SECONDS, check=False)
    except FileNotFoundError:
        raise Failure(f"{environment.name} needs `{words[0]}`, which is not installed") from None
    if ran.returncode != 0:
        raise Failure(f"installing {environment.name}: `{' '.join(words)}` failed:\n"
                      f"{ran.stdout}{ran.stderr}")

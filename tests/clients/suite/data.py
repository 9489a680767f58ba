"""The jobs, as `jobs.toml` lists them: what each needs, runs, and is known to fail in."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# How a client that knows Redis Cluster is used: as one that does not, or as one that does.
MODES = {"plain", "cluster-mode"}
PLACES = MODES | {"server", "cluster"}


@dataclass(frozen=True)
class Environment:
    """Packages that are installed together, each with its version."""

    name: str
    kind: str
    packages: tuple

    def version(self, package):
        """The version that a package is pinned to."""
        for pin in self.packages:
            name, _, version = pin.rpartition("==")
            if name.partition("[")[0] == package:
                return version
        raise KeyError(f"{package} is not pinned in the environment {self.name}")


@dataclass(frozen=True)
class Job:
    """A program that uses one client or framework, in one or both of the client's modes."""

    name: str
    package: str
    environment: Environment
    command: tuple
    group: str
    modes: tuple = ("plain",)
    quick: bool = False
    note: str = ""
    # By the part that fails, with `@server`, `@cluster`, `@plain` or `@cluster-mode` after it if
    # only there: words of the error.
    known: dict = field(default_factory=dict)

    @property
    def version(self):
        """The version of the package that it is about."""
        return self.environment.version(self.package)

    @property
    def title(self):
        """What it is called: no other job is."""
        return f"{self.name} {self.version}"

    def known_failures(self, over, mode):
        """The parts that are known to fail there, each with words of its error."""
        there = {}
        for key, words in self.known.items():
            part, *places = key.split("@")
            if all(place in (over, mode) for place in places):
                there[part] = words
        return there


def load():
    """All jobs, in their order."""
    data = tomllib.loads((ROOT / "jobs.toml").read_text(encoding="utf-8"))
    environments = {
        name: Environment(name, entry["kind"], tuple(entry["packages"]))
        for name, entry in data["environment"].items()
    }
    jobs = [_job(entry, environments) for entry in data["job"]]
    titles = [job.title for job in jobs]
    assert len(set(titles)) == len(titles), "two jobs have one title"
    return jobs


def _job(entry, environments):
    entry = dict(entry, environment=environments[entry["environment"]])
    for key in ("command", "modes"):
        if key in entry:
            entry[key] = tuple(entry[key])
    job = Job(**entry)
    job.version  # a job about a package that is not pinned is a mistake in the data
    places = {place for key in job.known for place in key.split("@")[1:]}
    assert places <= PLACES, f"{job.name}: no such place: {places - PLACES}"
    assert set(job.modes) <= MODES, f"{job.name}: no such mode: {set(job.modes) - MODES}"
    return job

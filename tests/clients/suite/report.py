"""What the trials came to: a line each on the screen, and the table in the README."""

from itertools import groupby

from .data import ROOT

README = ROOT.parent.parent / "README.md"
BEGIN, END = "<!-- clients -->\n", "<!-- /clients -->"
TITLES = {"plain": "", "cluster-mode": ", cluster mode"}


def line(trial):
    """One trial, for the screen."""
    through = "through Redpoll" if trial.target.proxied else "direct"
    title = f"{trial.job.title}{TITLES[trial.mode]}"
    failed = [outcome for outcome in trial.outcomes if outcome.why]
    state = "works" if not failed else "fails: " + ", ".join(part.part for part in failed)
    surprises = "".join(f"\n    UNEXPECTED {words}" for words in trial.surprises())
    return (f"{title:<44} {trial.target.over:<8} {through:<16} {trial.seconds:5.1f} s  "
            f"{state}{surprises}")


def measured(trials):
    """The table's rows, of what was run: all trials through Redpoll."""
    cells = {}
    for trial in trials:
        if trial.target.proxied:
            failed = [(o.part, trial.known(o) or o.why) for o in trial.outcomes if o.why]
            cells.setdefault((trial.job.title, trial.mode), {})[trial.target.over] = failed
    return cells


def expected(jobs):
    """The same, of what the data says, without running anything."""
    return {
        (job.title, mode): {
            over: list(job.known_failures(over, mode).items())
            for over in ("server", "cluster")
        }
        for job in jobs for mode in job.modes
    }


def table(jobs, cells):
    """The README's table, with its marks."""
    lines = []
    for group, members in groupby(jobs, key=lambda job: job.group):
        lines += [f"| {group} | over a server | over a cluster |", "|---|---|---|"]
        for job in members:
            for mode in job.modes:
                both = cells[job.title, mode]
                shown = [_cell(job, over, both[over]) for over in ("server", "cluster")]
                title = f"{job.title}{TITLES[mode]}"
                lines.append(f"| {title} | {shown[0]} | {shown[1]} |")
        lines.append("")
    return BEGIN + "\n".join(lines).rstrip("\n") + "\n" + END


def written():
    """The table that the README has now."""
    text = README.read_text(encoding="utf-8")
    return BEGIN + text.partition(BEGIN)[2].partition(END)[0] + END


def write(table_text):
    """Puts a table into the README."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    README.write_text(before + table_text + rest.partition(END)[2], encoding="utf-8")


def _cell(job, over, failed):
    note = f", {job.note}" if job.note and over == "cluster" else ""
    if not failed:
        return "works" + note
    parts = "; ".join(f"{part} (`{_words(why)}`)" for part, why in sorted(failed))
    return f"works{note}, but for {parts}"


def _words(why):
    return why.replace("|", "\\|").replace("`", "'")

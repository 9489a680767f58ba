"""What is not as `jobs.toml` lists it is reported, whatever way it differs."""

import unittest
from types import SimpleNamespace

from suite import data, report
from suite.trial import Outcome, Trial

ENVIRONMENT = data.Environment("lab", "pip", ("thing==1.2",))


def surprises(known, outcomes, proxied=True, over="cluster", mode="plain"):
    job = data.Job("a job", "thing", ENVIRONMENT, ("true",), "client", known=known)
    target = SimpleNamespace(proxied=proxied, over=over)
    outcomes = [Outcome(part, why) for part, why in outcomes.items()]
    return list(Trial(job, mode, target, outcomes).surprises())


class WhatIsReported(unittest.TestCase):
    def test_nothing_if_all_works_or_fails_as_listed(self):
        self.assertEqual(surprises({}, {"pipelines": ""}), [])
        self.assertEqual(surprises({"watch": "refuses"}, {"watch": "ERR refuses WATCH"}), [])

    def test_a_failure_that_is_not_listed(self):
        self.assertEqual(surprises({}, {"pipelines": "late"}), ["pipelines: late"])

    def test_a_listed_failure_that_works(self):
        [found] = surprises({"watch": "refuses"}, {"watch": ""})
        self.assertIn("works, and is listed", found)

    def test_a_listed_failure_that_fails_otherwise(self):
        [found] = surprises({"watch": "refuses"}, {"watch": "did not end"})
        self.assertIn("did not end", found)

    def test_a_listed_failure_that_did_not_run(self):
        [found] = surprises({"watch": "refuses"}, {"pipelines": ""})
        self.assertIn("watch: is listed as failing, and did not run", found)

    def test_a_failure_elsewhere_than_listed(self):
        known = {"watch@server": "refuses", "scans@cluster-mode": "no"}
        self.assertEqual(surprises(known, {"watch": ""}), [])
        self.assertEqual(surprises(known, {"watch": "refuses"}), ["watch: refuses"])
        self.assertEqual(surprises(known, {"scans": "no", "watch": ""}), ["scans: no"])

    def test_every_failure_without_redpoll(self):
        found = surprises({"watch": "refuses"}, {"watch": "refuses"}, proxied=False)
        self.assertEqual(found, ["watch: refuses"])


class TheTable(unittest.TestCase):
    def test_says_of_each_job_what_fails_and_with_which_note(self):
        known = {"watch@server": "a|b"}
        jobs = [data.Job("one", "thing", ENVIRONMENT, (), "client", known=known, note="`p: '{q}'`")]
        table = report.table(jobs, report.expected(jobs))
        row = "| one 1.2 | works, but for watch (`a\\|b`) | works, `p: '{q}'` |"
        self.assertIn(row, table.splitlines())

    def test_is_the_same_whether_measured_or_expected(self):
        job = data.Job("one", "thing", ENVIRONMENT, (), "client", known={"watch": "refuses"})
        trials = [
            Trial(job, "plain", SimpleNamespace(proxied=True, over=over),
                  [Outcome("watch", "ERR refuses WATCH"), Outcome("scans", "")])
            for over in ("server", "cluster")
        ]
        self.assertEqual(report.measured(trials), report.expected([job]))


if __name__ == "__main__":
    unittest.main()

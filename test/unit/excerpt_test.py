#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/test shows of a step that failed."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from excerpt import KEEP, LAST, WHOLE, clipped, excerpt     # noqa: E402

RULE = "\u2015" * 78


def tap(*blocks):
    return "\n".join(line for block in blocks for line in block)


class Excerpt(unittest.TestCase):
    def test_only_failures(self):
        """Not what passed, nor what is known."""
        text = tap(["# testbed: up", "ok - one"],
                   ["# known: not ok - a: b", "not ok - two (3 s)", "# why", "# known: not ok - c"],
                   ["ok - three", "# known: not ok - d: e", "ok - four"])
        self.assertEqual(excerpt(text), ["not ok - two (3 s)", "# why"])

    def test_beginning_and_end(self):
        """The cause is often first, the daemon's log last."""
        said = [f"# {i}" for i in range(1000)]
        shown = excerpt(tap(["ok - a", "not ok - b"], said, ["ok - c"]))
        self.assertEqual(shown[0], "not ok - b")
        self.assertEqual(shown[1:KEEP], said[:KEEP - 1])
        self.assertEqual(shown[-KEEP:], said[-KEEP:])
        self.assertIn(f"# ... {1001 - 2 * KEEP} lines ...", shown)

    def test_each_failure(self):
        """An early one is not lost behind later ones; of many, all names."""
        blocks = [[f"not ok - t{i}", f"# reason {i}"] for i in range(WHOLE + 5)]
        shown = excerpt(tap(*blocks))
        for i in range(WHOLE + 5):
            self.assertIn(f"not ok - t{i}", shown)
            self.assertEqual(f"# reason {i}" in shown, i < WHOLE)

    def test_meson(self):
        """The logs of the tests that failed, not those lines between them."""
        text = "\n".join([" 1/3 unit / good OK 0.1s", ">>> MALLOC=1 /b/test_bad",
                          "\u2015" * 37 + " \u2700  " + "\u2015" * 37, "stderr:", "Failure!", RULE,
                          "", " 2/3 unit / good2 OK 0.1s", "Ok: 2", "Fail: 1"])
        self.assertEqual(excerpt(text), [">>> MALLOC=1 /b/test_bad", "stderr:", "Failure!"])

    def test_without_a_test(self):
        """A build that fails: its end."""
        lines = [f"line {i}" for i in range(100)]
        self.assertEqual(excerpt("\n".join(lines)), lines[-LAST:])

    def test_clipped(self):
        self.assertEqual(clipped(list("abcde"), 2, 2), list("abcde"))
        self.assertEqual(clipped(list("abcdef"), 2, 2), ["a", "b", "# ... 2 lines ...", "e", "f"])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the documentation names is there: paths, functions by file, configuration keys, test steps,
and the configuration that README.md shows is a valid one.

    doc_names.py OUTSOCKD"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
FOLDERS = ("lib", "dataplane", "guest-kmod", "test", "scripts", "config", "doc")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*\w/?|[\w-]+\.(?:c|h|def|py|conf)")
FILES = [p for folder in FOLDERS for p in (TOP / folder).rglob("*") if p.is_file()]
OUTSOCKD = None


def words(text):
    return re.findall(r"`([^`\n]+)`", text)


def found(word, beside=None):
    """Files that a word may mean: a path, or a name in the folder of the file before it."""
    if beside and (beside.parent / word).exists():
        return [beside.parent / word]
    if "/" in word:
        # A program goes by its source.
        return [p for p in (TOP / word, TOP / f"{word}.c") if p.exists()]
    return [p for p in FILES if p.name == word]


class Names(unittest.TestCase):
    def documents(self):
        return [TOP / "README.md", *sorted((TOP / "doc").glob("*.md"))]

    def test_paths(self):
        for document in self.documents():
            for word in words(document.read_text()):
                if PATH.fullmatch(word):
                    self.assertTrue(found(word), f"{document.name} names {word}")

    def test_links(self):
        for document in self.documents():
            for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
                self.assertTrue((document.parent / target).exists(), f"{document.name}: {target}")

    def test_functions(self):
        """doc/datapath.md: after `file.c`, the functions that it defines."""
        checked = 0
        for line in (TOP / "doc/datapath.md").read_text().splitlines():
            files, after_file = [], False
            for word in words(line.split("|")[2]) if line.startswith("|") else []:
                if word.endswith(".c"):
                    # Several files in a row share the functions that follow.
                    named = found(word, files[-1] if files else None)
                    self.assertTrue(named, f"no {word}")
                    files = files + named if after_file else named
                    after_file = True
                    continue
                after_file = False
                name = re.compile(rf"^[\w *]+\b{word}\(", re.M)
                self.assertTrue(any(name.search(f.read_text()) for f in files),
                                f"{word} is not in {[f.name for f in files]}")
                checked += 1
        self.assertGreater(checked, 30)

    def test_keys(self):
        """All keys of the configuration, and no others."""
        source = (TOP / "dataplane/main/config_key.c").read_text()
        keys = set(re.findall(r'\{ "([\w-]+)", CONF_(?!NAMED|UNNAMED|NUMBERED)', source))
        self.assertGreater(len(keys), 25)
        rows = re.findall(r"^\|[^|]*\| `([\w-]+)` \|", (TOP / "doc/config.md").read_text(), re.M)
        self.assertEqual(set(rows), keys)
        page = (TOP / "doc/man/outsockd.conf.5").read_text().replace("\\-", "-")
        for key in keys:
            self.assertRegex(page, rf"\b{key}\b")

    def test_steps(self):
        """doc/testing.md explains every step of scripts/test, in order."""
        steps = subprocess.run([TOP / "scripts/test", "--list"], check=True, capture_output=True,
                               text=True).stdout.split()
        rows = re.findall(r"^\| (\w+) \|", (TOP / "doc/testing.md").read_text(), re.M)
        self.assertEqual([row for row in rows if row in steps], steps)

    def test_readme_configuration(self):
        blocks = re.findall(r"```ini\n(.*?)```", re.sub(r"^ {3}", "", README, flags=re.M), re.S)
        self.assertEqual(len(blocks), 2)
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("[port p0]\ndevice = 0000:01:00.0\n" + "\n".join(blocks))
            f.flush()
            done = subprocess.run([OUTSOCKD, "--cpus", "4", "--check", f.name], text=True,
                                  capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)


README = (TOP / "README.md").read_text()
if __name__ == "__main__":
    OUTSOCKD = sys.argv.pop(1)
    unittest.main()

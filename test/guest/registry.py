# SPDX-License-Identifier: BSD-3-Clause
"""How a test says its name and which testbed it wants."""

from typing import Callable, NamedTuple, Tuple

ONE = ("--guests", "1", "--slub-debug")
TWO = ("--guests", "2", "--class", "mixed", "--slub-debug")

STANDARD = ("--guests", "1", "--kernel", "amd64", "--class", "rt", "--slub-debug")


class Test(NamedTuple):
    name: str
    options: Tuple[str, ...]
    function: Callable


def registrar(tests):
    """A decorator that puts a function into @tests: @test("name", ONE)."""
    def test(name, options=ONE):
        def add(function):
            tests.append(Test(name, options, function))
            return function
        return add
    return test

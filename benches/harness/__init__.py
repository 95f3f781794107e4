"""Shared code of the benchmarks that start processes. It uses only Python's standard library.

Such a benchmark is a script in the parent directory. It parses `options`, checks what it `need`s, starts a `Server` or
`Garage`, measures with `alternate`, and adds the figures to a `Report`, which prints them and writes them to `--json FILE`.
"""

from .command_line import built, example, need, options
from .garage import Garage
from .program import Program, Server, free_port
from .report import Report
from .rounds import Figures, alternate

__all__ = [
    "Figures",
    "Garage",
    "Program",
    "Report",
    "Server",
    "alternate",
    "built",
    "example",
    "free_port",
    "need",
    "options",
]

"""What the benchmarks that start processes have in common, on Python's standard library alone.

A benchmark of these is a script beside this directory: it takes `options`, says what it `need`s, starts `Server` or `Garage`,
measures in turn by `alternate`, and gives what came out to a `Report`, which prints it and writes it to `--json FILE`.
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

"""The common command-line options, and the programs that a benchmark needs and measures."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent

# The profile of the container images.
PROFILE = "dist"


def options(description, pairs=5, programs=("draftstore-server",), measures=True):
    """Returns a parser with an option for the path of each program. With `measures` it has --json and --pairs as well."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if measures:
        parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the figures there as well")
        parser.add_argument("--pairs", type=int, default=pairs, help=f"rounds that count, after one that does not ({pairs})")
    for program in programs:
        option = f"--{program.removeprefix('draftstore-')}"
        parser.add_argument(option, metavar="PATH", type=pathlib.Path, help=f"(what `cargo build --profile {PROFILE}` makes)")
    return parser


def built(arguments, *programs):
    """Returns the paths of our programs by name, and builds those that the options do not give."""
    given = {program: getattr(arguments, program.removeprefix("draftstore-")) for program in programs}
    missing = [program for program, path in given.items() if path is None]
    if missing:
        packages = [word for program in missing for word in ("-p", program)]
        subprocess.run(["cargo", "build", "--profile", PROFILE, "--locked", *packages], cwd=REPOSITORY, check=True)
        given |= {program: target() / program for program in missing}
    for path in given.values():
        if not path.is_file():
            sys.exit(f"there is no {path}")
    return {program: path.resolve() for program, path in given.items()}


def example(name):
    """Builds an example of the benches and returns its path."""
    command = ["cargo", "build", "--profile", PROFILE, "--locked", "-p", "draftstore-benches", "--features", "programs"]
    command += ["--example", name]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return target() / "examples" / name


def target():
    """Returns cargo's output directory for the profile."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    return pathlib.Path(json.loads(metadata)["target_directory"]) / PROFILE


def need(programs):
    """Exits with a message for each program that is not on PATH: {"h2load": "apt-get install nghttp2-client"}."""
    missing = [f"this needs {program}: {install}" for program, install in programs.items() if not shutil.which(program)]
    if missing:
        sys.exit("\n".join(missing))

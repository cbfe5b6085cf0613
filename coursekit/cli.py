"""The command `coursekit`."""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

from coursekit.errors import CourseError


def _doctor(_: argparse.Namespace) -> int:
    from coursekit import doctor

    return doctor.main()


def _stop(_: argparse.Namespace) -> int:
    from coursekit import services, warm

    warm.stop()
    services.stop()
    print("PostgreSQL, Valkey (for Redis) and the helper process of this checkout are stopped.")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from coursekit import grade

    return grade.main(options.paths, as_json=options.json)


def _report(options: argparse.Namespace) -> int:
    from coursekit import report

    return report.main(
        options.folders, home=options.cohort, out=options.out, roster=options.roster,
        without_names=options.no_names,
    )  # fmt: skip


def _assemble(options: argparse.Namespace) -> int:
    from coursekit import course

    folder = Path(options.folder)
    package = folder / "boxoffice"
    if package.exists() and any(package.iterdir()):
        raise CourseError(f"{package} is not empty. Name a folder without one, so nothing is lost.")
    written = course.assemble(options.lesson, folder)
    print(f"{len(written)} files of Box Office written to {package}")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from coursekit import publish

    for path in options.notebooks:
        begun = time.monotonic()
        count = len(publish.publish(Path(path)))
        print(f"{path}: {count} code cells ran in {time.monotonic() - begun:.1f} s", flush=True)
    return 0


def _lab(options: argparse.Namespace) -> int:
    from coursekit import lab

    return lab.main(options.arguments)


def _desk(options: argparse.Namespace) -> int:
    from coursekit import desk

    return desk.main(options.arguments)


def _hub(options: argparse.Namespace) -> int:
    from coursekit import hub

    if options.passwords:
        return hub.passwords(Path(options.passwords), options.names)
    return hub.main(options.port)


def _release(options: argparse.Namespace) -> int:
    from coursekit import publish

    for path in publish.release(Path(options.into) if options.into else None):
        print(path)
    return 0


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    top = argparse.ArgumentParser(
        prog="coursekit", description="Helper of Box Office, the backend course you can run."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="say what is wrong on this machine, and the cure")
    doctor.set_defaults(run=_doctor)
    stop = commands.add_parser("stop", help="stop PostgreSQL, Redis and the helper process")
    stop.set_defaults(run=_stop)
    grade = commands.add_parser(
        "grade", help="grade submitted exercise notebooks, without running them"
    )
    grade.add_argument("paths", nargs="+", metavar="FILE_OR_FOLDER")
    grade.add_argument("--json", action="store_true", help="print JSON instead of a table")
    grade.set_defaults(run=_grade)
    report = commands.add_parser(
        "report", help="write a page and tables on how a cohort is doing (leads)"
    )
    report.add_argument(
        "folders", nargs="*", metavar="FOLDER",
        help="submitted notebooks, a folder for each learner; without one: what was graded",
    )  # fmt: skip
    report.add_argument("--cohort", help="where verdicts/ and gradebook.db are, instead of cohort/")
    report.add_argument("--out", help="where to write, instead of report/ in there")
    report.add_argument("--roster", help="a CSV file of names: id,first_name,last_name")
    report.add_argument("--no-names", action="store_true", help="pseudonyms in the place of names")
    report.set_defaults(run=_report)
    assemble = commands.add_parser("assemble", help="write Box Office as a lesson finds it")
    assemble.add_argument("lesson", help='the lesson at whose start, as in 1.2, or "end"')
    assemble.add_argument("folder", help="where boxoffice/ is written")
    assemble.set_defaults(run=_assemble)
    publish = commands.add_parser("publish", help="run notebooks and store their outputs (authors)")
    publish.add_argument("notebooks", nargs="+")
    publish.set_defaults(run=_publish)
    release = commands.add_parser("release", help="make exercises/ from solutions/ (authors)")
    release.add_argument("--into", help="write to this folder instead of exercises/")
    release.set_defaults(run=_release)
    lab = commands.add_parser("lab", help="open JupyterLab on the welcome notebook")
    lab.add_argument("arguments", nargs="*", help="passed to jupyter lab, after --")
    lab.set_defaults(run=_lab)
    desk = commands.add_parser("desk", help="a person's JupyterLab below a hub (for spawners)")
    desk.add_argument("arguments", nargs="*", help="passed to the server, after --")
    desk.set_defaults(run=_desk)
    hub = commands.add_parser("hub", help="a hub on this machine, to try a cohort out")
    hub.add_argument("--port", type=int, default=8000, help="where it answers (8000)")
    hub.add_argument("--passwords", metavar="FOLDER", help="hand out passwords for a hub's people")
    hub.add_argument("names", nargs="*", help="with --passwords: who gets a new one")
    hub.set_defaults(run=_hub)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 where it did what it should, 1 where it could not, 2 for wrong words."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may know no ✓
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except CourseError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())

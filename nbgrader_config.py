"""nbgrader for this course: `nbgrader generate_assignment ch01_api`, `collect`, `autograde`, …

`solutions/` is the source, `exercises/` the release; what a cohort adds stays below `cohort/`.
Submissions are read and never run: what replaces nbgrader's own steps is in `coursekit.official`.
"""

import contextlib
import os
import sys
import warnings
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader gives it)

ROOT = Path(__file__).resolve().parent
COHORT = ROOT / "cohort"
with contextlib.suppress(OSError):  # a learner may have a checkout that is only to be read
    COHORT.mkdir(exist_ok=True)
# nbgrader asks the program `alembic` about its gradebook: the one that was installed with it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
warnings.filterwarnings("ignore", message="Object of type .* not in session, add operation along")

c.CourseDirectory.course_id = "box-office"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "cohort/submitted"
c.CourseDirectory.autograded_directory = "cohort/autograded"
c.CourseDirectory.feedback_directory = "cohort/feedback"
c.CourseDirectory.db_url = f"sqlite:///{COHORT / 'gradebook.db'}"
c.CourseDirectory.include = ["*.ipynb", "timestamp.txt", "submission_secret.txt"]
if address := os.environ.get("COURSEKIT_NGSHARE"):  # no folder that all can share: see deploy/z2jh
    from ngshare_exchange import configureExchange

    configureExchange(c, address)
else:
    c.Exchange.root = os.environ.get("COURSEKIT_EXCHANGE", str(COHORT / "exchange"))
    c.ExchangeFactory.collect = "coursekit.collecting.Collect"

c.Autograde.exporter_class = "coursekit.official.Submission"
c.Autograde.sanitize_preprocessors = ["coursekit.official.Rebuild"]
c.Autograde.autograde_preprocessors = [
    "coursekit.official.Judge",
    "coursekit.official.SaveVerdicts",
    "nbgrader.preprocessors.AssignLatePenalties",
]
c.GenerateFeedback.exporter_class = "coursekit.feedback.FeedbackPage"
c.GenerateFeedback.preprocessors = ["nbgrader.preprocessors.GetGrades"]

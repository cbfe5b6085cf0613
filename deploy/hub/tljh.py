"""The Littlest JupyterHub: what to add to it. Link or copy this file to

    /opt/tljh/config/jupyterhub_config.d/box-office.py

and name your leads in it. The Littlest JupyterHub keeps its own sign-in, accounts and limits:
`tljh-config set limits.memory 2G`, `tljh-config set users.allowed ada`. Its accounts are called
`jupyter-ada`, and so are your learners in the gradebook.
"""

from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub gives it)

COURSE = Path("/srv/box-office/course")  # the checkout, after `make environment` in it
EXCHANGE = Path("/srv/box-office/exchange")  # mkdir -m 1777
LEADS = {"lead"}

c.Spawner.cmd = [str(COURSE / ".venv/bin/python"), "-m", "coursekit.cli", "desk", "--"]
c.Spawner.http_timeout = c.Spawner.start_timeout = 90
c.Spawner.environment = {
    "COURSEKIT_ROLE": lambda spawner: "lead" if spawner.user.name in LEADS else "learner",
    "COURSEKIT_EXCHANGE": str(EXCHANGE),
    "COURSEKIT_IDLE_SECONDS": "600",
}
c.SystemdSpawner.isolate_tmp = True

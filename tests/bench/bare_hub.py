"""A JupyterHub as its handbook begins: the same people, JupyterLab alone. The bench's baseline."""

import os
import sys
from pathlib import Path

from coursekit import hub

c = get_config()  # noqa: F821  (JupyterHub gives it)

FOLDER = Path(os.environ["BOXOFFICE_HUB"])
settings = hub.read(FOLDER / "hub.toml")
PARTS = ("assignment_list", "course_list", "formgrader", "validate_assignment")
OFF = {f"nbgrader.server_extensions.{part}": False for part in PARTS}

c.JupyterHub.bind_url = settings.local
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub.free_port()}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{hub.free_port()}"
c.ConfigurableHTTPProxy.command = [os.environ["BOXOFFICE_PROXY"]]
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")
c.Authenticator.allowed_users = set(settings.people)
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "bare-hub-of-a-bench"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "home" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = [f"--ServerApp.jpserver_extensions={OFF}", "--allow-root"]

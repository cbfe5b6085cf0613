"""The hub of `make hub` with ngshare for its exchange, as `deploy/z2jh` has it."""

import os
from pathlib import Path

from coursekit import hub

load_subconfig(str(hub.FILES / "jupyterhub_config.py"))  # noqa: F821  (JupyterHub gives it)
c = get_config()  # noqa: F821

FOLDER = Path(os.environ["BOXOFFICE_HUB"])
c.JupyterHub.services.append(
    {
        "name": "ngshare",
        "url": f"http://127.0.0.1:{hub.free_port()}",
        "command": [
            os.environ["NGSHARE_PYTHON"], "-m", "ngshare", "--admins=lead",
            f"--database=sqlite:///{FOLDER / 'ngshare.db'}", f"--storage={FOLDER / 'ngshare'}",
        ],
    }
)  # fmt: skip
ACCESS = "access:services!service=ngshare"
c.JupyterHub.load_roles += [
    {"name": "user", "scopes": ["self", ACCESS]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", ACCESS]},
]
c.Spawner.environment["COURSEKIT_NGSHARE"] = f"{c.JupyterHub.bind_url}/services/ngshare"
c.Spawner.environment["PYTHONPATH"] = os.environ["NGSHARE_CLIENT"]

"""JupyterHub for a cohort on one machine: `jupyterhub -f deploy/hub/jupyterhub_config.py`.

All that differs between cohorts stands in `hub.toml`, in the folder that BOXOFFICE_HUB names
(/srv/box-office where it is not set). What is not in there goes into a configuration of your own:
`load_subconfig("…/deploy/hub/jupyterhub_config.py")` first, then your lines.
"""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from coursekit import hub
from coursekit.errors import CourseError

c = get_config()  # noqa: F821  (JupyterHub gives it)

FOLDER = Path(os.environ.get("BOXOFFICE_HUB", "/srv/box-office"))
try:
    settings = hub.read(FOLDER / "hub.toml")
    proxy = os.environ.get("BOXOFFICE_PROXY") or hub.proxy(FOLDER / "proxy")
except CourseError as problem:
    sys.exit(f"✗ {problem}")
SHARED = settings.accounts == "shared"
TRIAL = "BOXOFFICE_TRIAL" in os.environ  # by `coursekit hub`: beside whatever else runs here

# --- addresses and files ---
c.JupyterHub.bind_url = settings.local
if settings.address:
    c.JupyterHub.public_url = settings.address
if TRIAL:
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub.free_port()}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{hub.free_port()}"
c.ConfigurableHTTPProxy.command = [str(proxy)]
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'hub.sqlite'}"
(FOLDER / "hub.sqlite").touch(mode=0o600)
c.JupyterHub.cookie_secret_file = str(FOLDER / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")
c.JupyterHub.cleanup_servers = True

# --- who may sign in, and how ---
c.Authenticator.allowed_users = set(settings.people)
c.Authenticator.allow_existing_users = False  # who is taken out of hub.toml stays out
c.Authenticator.username_pattern = r"^[a-z][a-z0-9-]{0,30}$"
if settings.sign_in == "passwords":  # coursekit hub --passwords FOLDER hands them out
    c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
    c.FirstUseAuthenticator.dbm_path = str(FOLDER / "passwords.dbm")
    c.FirstUseAuthenticator.create_users = False
    for name in hub.set_passwords(FOLDER / "passwords.dbm", settings.people):
        # One that nobody knows: without it, whoever came first would choose it.
        print(f"{name} has no password yet: coursekit hub --passwords {FOLDER} {name}")
elif settings.sign_in == "system":  # the machine's own accounts and passwords
    c.JupyterHub.authenticator_class = "pam"
else:  # any OpenID Connect provider; the four OAUTH_… variables come from yours
    c.JupyterHub.authenticator_class = "oauthenticator.generic.GenericOAuthenticator"
    c.GenericOAuthenticator.client_id = os.environ.get("OAUTH_CLIENT_ID", "")
    c.GenericOAuthenticator.client_secret = os.environ.get("OAUTH_CLIENT_SECRET", "")
    c.GenericOAuthenticator.oauth_callback_url = f"{settings.public.rstrip('/')}/hub/oauth_callback"
    c.GenericOAuthenticator.authorize_url = os.environ.get("OAUTH_AUTHORIZE_URL", "")
    c.GenericOAuthenticator.token_url = os.environ.get("OAUTH_TOKEN_URL", "")
    c.GenericOAuthenticator.userdata_url = os.environ.get("OAUTH_USERDATA_URL", "")
    c.GenericOAuthenticator.username_claim = "preferred_username"
    c.GenericOAuthenticator.scope = ["openid", "profile"]

# --- what runs for each of them ---
c.Spawner.cmd = [sys.executable, "-m", "coursekit.cli", "desk", "--"]
c.Spawner.http_timeout = c.Spawner.start_timeout = 90
c.Spawner.environment = {
    "COURSEKIT_ROLE": lambda spawner: settings.role(spawner.user.name),
    "COURSEKIT_ACCOUNTS": settings.accounts,
    "COURSEKIT_EXCHANGE": str(FOLDER / "exchange"),
    "COURSEKIT_IDLE_SECONDS": "600",  # PostgreSQL and Redis end this long after the last kernel
}
if SHARED:  # a trial: everybody is the hub's own user, and kept apart by folders alone
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "home" / "{username}")
    c.Spawner.environment["COURSEKIT_STATE"] = lambda spawner: str(FOLDER / "s" / spawner.user.name)
elif hub.has_systemd():  # limits, and a /tmp for each
    c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
    c.SystemdSpawner.mem_limit = settings.memory
    c.SystemdSpawner.cpu_limit = settings.cpu
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.disable_user_sudo = True
else:
    c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"


def make_account(spawner):
    """The system account of somebody who has none yet; `accounts = "create"` asks for it."""
    try:
        pwd.getpwnam(spawner.user.name)
    except KeyError:
        words = ["useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash"]
        subprocess.run([*words, spawner.user.name], check=True)


if settings.accounts == "create":
    c.Spawner.pre_spawn_hook = make_account

# --- what leads may, and what ends idle servers ---
c.JupyterHub.load_roles = [
    {  # sees who is there, starts and stops servers; does not open anybody's
        "name": "lead",
        "scopes": ["admin-ui", "list:users", "read:users:activity", "read:servers", "servers"],
        "users": settings.leads,
    },
    {
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    },
]
c.JupyterHub.services = [
    {
        "name": "culler",
        "command": [
            sys.executable, "-m", "jupyterhub_idle_culler",
            f"--timeout={settings.idle_minutes * 60}",
        ],
    }
]  # fmt: skip

# --- the exchange: everybody hands in there, and reads nobody's ---
exchange = FOLDER / "exchange"
if not exchange.exists():
    exchange.mkdir()
    exchange.chmod(0o1777)  # nobody takes away what another put there
hub.prepare()

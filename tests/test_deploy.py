"""The configurations in deploy/, held to what reads them, without a cluster."""

from __future__ import annotations

import asyncio
import copy
import importlib
import os
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import ROOT
from kubernetes_asyncio.client import models
from traitlets import HasTraits, TraitError, TraitType
from traitlets.config import Config, PyFileConfigLoader

from coursekit import desk, hub

DEPLOY = ROOT / "deploy"
VALUES = yaml.safe_load((DEPLOY / "z2jh" / "values.yaml").read_text())

CLASSES = (
    "firstuseauthenticator:FirstUseAuthenticator", "jupyterhub.app:JupyterHub",
    "jupyterhub.auth:Authenticator", "jupyterhub.auth:DummyAuthenticator",
    "jupyterhub.auth:PAMAuthenticator", "jupyterhub.proxy:ConfigurableHTTPProxy",
    "jupyterhub.spawner:LocalProcessSpawner", "jupyterhub.spawner:SimpleLocalProcessSpawner",
    "jupyterhub.spawner:Spawner", "kubespawner:KubeSpawner",
    "oauthenticator.generic:GenericOAuthenticator", "oauthenticator.oauth2:OAuthenticator",
    "systemdspawner:SystemdSpawner",
)  # fmt: skip
"""What a hub's configuration may name; each is asked for its own settings."""


# --- the chart --------------------------------------------------------------------------------


def chart() -> Path:
    """The folder with the chart's schema and default values."""
    folder = Path(os.environ.get("Z2JH_DATA") or ROOT.parent / "shared" / "data" / "z2jh")
    if not (folder / "values.schema.yaml").is_file():
        pytest.skip(f"no schema of the chart in {folder}; Z2JH_DATA names the folder that has it")
    return folder


def merged(base: Any, over: Any) -> Any:
    """As Helm lays one values file over another."""
    if isinstance(base, dict) and isinstance(over, dict):
        more = {key: merged(base.get(key), value) for key, value in over.items()}
        return {**base, **more}
    return over


def refused(values: Mapping[str, Any]) -> list[str]:
    """What the chart's schema says against values, laid over its own."""
    folder = chart()
    schema = yaml.safe_load((folder / "values.schema.yaml").read_text())
    defaults = yaml.safe_load((folder / "values.yaml").read_text())
    found = jsonschema.Draft7Validator(schema).iter_errors(merged(defaults, values))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def changed(path: str, value: object) -> dict[str, Any]:
    """Our values with one of them changed; `path` has dots."""
    values = copy.deepcopy(VALUES)
    *way, last = path.split(".")
    place = values
    for key in way:
        place = place.setdefault(key, {})
    place[last] = value
    return values


def test_the_chart_takes_our_values() -> None:
    assert refused(VALUES) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("singleuser.memory.limt", "2G"), ("hubb", {}), ("singleuser.storage.capacity", 5)],
)
def test_the_chart_refuses_a_slip(path: str, value: object) -> None:
    assert refused(changed(path, value))


# --- what the schema does not see: the settings of the hub's own classes -------------------------


def known() -> dict[str, type[HasTraits]]:
    found = {}
    for place in CLASSES:
        module, _, name = place.partition(":")
        found[name] = getattr(importlib.import_module(module), name)
    return found


def slips(config: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Class.setting that no class has, or whose value it would not take."""
    classes, found = known(), []
    for name, settings in config.items():
        if name not in classes:
            found.append(f"{name}: no such class")
            continue
        traits = classes[name].class_traits(config=True)
        for setting, value in settings.items():
            if setting not in traits:
                found.append(f"{name}.{setting}: no such setting")
            elif not _takes(traits[setting], value):
                found.append(f"{name}.{setting}: does not take {value!r}")
    return found


def _takes(trait: TraitType[Any, Any], value: object) -> bool:
    """Whether a setting takes a value, tried on an object that has only this setting."""
    stand = type("Stand", (HasTraits,), {"it": copy.deepcopy(trait)})
    try:
        stand().it = value
    except TraitError:
        return False
    return True


def hub_config(values: Mapping[str, Any]) -> Config:
    """What the chart makes of `hub.config` and `hub.extraConfig`: its own order, our classes."""
    config = Config()
    config.KubeSpawner.environment = dict(values["singleuser"]["extraEnv"])
    chart_module = types.ModuleType("z2jh")
    chart_module.get_config = lambda path, default=None: _at(values, path, default)  # type: ignore[attr-defined]
    for section, settings in values["hub"]["config"].items():
        config[section].update(settings)
    before = sys.modules.get("z2jh")
    sys.modules["z2jh"] = chart_module
    try:
        for name, code in sorted(values["hub"]["extraConfig"].items()):
            exec(compile(code, name, "exec"), {"c": config})
    finally:
        sys.modules.pop("z2jh")
        if before:
            sys.modules["z2jh"] = before
    return config


def _at(values: Any, path: str, default: object) -> Any:
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return default
        values = values[key]
    return values


def test_every_setting_below_hub_config_is_one() -> None:
    config = hub_config(VALUES)
    assert slips(config) == []
    assert set(config) >= {"JupyterHub", "Authenticator", "GenericOAuthenticator", "KubeSpawner"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hub.config.JupyterHub.authenticator_clas", "generic-oauth"),
        ("hub.config.Authenticator.allowed_user", ["ada"]),
        ("hub.config.GenericOAuthenticator.tokn_url", "https://login.example.org"),
        ("hub.config.GenericOauthenticator.token_url", "https://login.example.org"),
        ("hub.config.Authenticator.allowed_users", 5),
        ("hub.extraConfig.20-slip", "c.KubeSpawner.profiles = []"),
    ],
)
def test_a_slip_below_hub_config_is_found(path: str, value: object) -> None:
    assert slips(hub_config(changed(path, value)))
    if not path.startswith("hub.extraConfig"):
        assert refused(changed(path, value)) == [], "the schema sees it now: our check may go"


class Somebody:
    """What the chart's functions look at in a spawner."""

    def __init__(self, name: str) -> None:
        self.user = types.SimpleNamespace(name=name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KubeSpawner asks where its cluster is when it is made; it is never spoken to."""
    there = {"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}
    known = {"name": "x", "context": {"cluster": "x", "user": "x"}}
    config = {"current-context": "x", "contexts": [known], "clusters": [there],
              "users": [{"name": "x", "user": {"token": "x"}}]}  # fmt: skip
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setattr(
        "kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION",
        str(tmp_path / "kubeconfig"),
    )


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("name", "role", "gigabytes"), [("lead", "lead", 3), ("ada", "learner", 1.5)]
)
def test_leads_and_learners_get_what_is_theirs(name: str, role: str, gigabytes: float) -> None:
    config = hub_config(VALUES)
    memory = VALUES["singleuser"]["memory"]
    config.KubeSpawner.mem_limit = memory["limit"]  # as the chart does

    async def made() -> Any:  # its client wants a loop
        return known()["KubeSpawner"](_mock=True, config=config)

    spawner = asyncio.run(made())
    spawner.user = Somebody(name).user
    assert spawner.environment["COURSEKIT_ROLE"](spawner) == role
    spawner.pre_spawn_hook(spawner)
    assert spawner.mem_limit == gigabytes * 1024**3
    assert spawner.options_form == "", "nobody is asked before the start"


def test_people_and_scopes_agree() -> None:
    from jupyterhub import scopes

    people = set(VALUES["hub"]["config"]["Authenticator"]["allowed_users"])
    assert set(VALUES["custom"]["leads"]) <= people
    for role in VALUES["hub"]["loadRoles"].values():
        assert set(role.get("users", [])) <= people
        for scope in role["scopes"]:
            assert scope.partition("!")[0] in {*scopes.scope_definitions, "self"}, scope
    pattern = VALUES["hub"]["config"]["Authenticator"]["username_pattern"]
    assert all(re.match(pattern, name) for name in people)


# --- the exchange beside it -------------------------------------------------------------------

KINDS = {
    "PersistentVolumeClaim": "V1PersistentVolumeClaim", "Deployment": "V1Deployment",
    "Service": "V1Service", "NetworkPolicy": "V1NetworkPolicy",
}  # fmt: skip


def unknown(given: Any, kind: str, place: str = "") -> Iterator[str]:
    """Keys and missing keys of a manifest, by the models of Kubernetes' own API."""
    if match := re.fullmatch(r"(?:list\[|dict\(\w+, )(\w+)[\])]", kind):
        inside = given.items() if isinstance(given, dict) else enumerate(given)
        for key, value in inside:
            yield from unknown(value, match[1], f"{place}.{key}")
        return
    model = getattr(models, kind, None)
    if model is None:
        wanted = {"str": str, "int": int, "bool": bool}.get(kind)
        if wanted and (not isinstance(given, wanted)):
            yield f"{place}: {given!r} is no {kind}"
        return
    names = {outer: inner for inner, outer in model.attribute_map.items()}
    for key, value in given.items():
        if key not in names:
            yield f"{place}.{key}"
        else:
            yield from unknown(value, model.openapi_types[names[key]], f"{place}.{key}")
    try:
        model(**{names[key]: value for key, value in given.items() if key in names})
    except ValueError as error:  # what must be there is not
        yield f"{place}: {error}"


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "z2jh" / "ngshare.yaml").read_text()))


def faults(documents: Iterable[dict[str, Any]]) -> list[str]:
    return [fault for one in documents for fault in unknown(one, KINDS[one["kind"]], one["kind"])]


def test_kubernetes_knows_every_key_of_the_exchange() -> None:
    assert {one["kind"] for one in manifests()} == set(KINDS)
    assert faults(manifests()) == []


@pytest.mark.parametrize(
    "slip",
    [
        {"kind": "Service", "spec": {"ports": [{"prot": 8080}]}},
        {"kind": "Service", "spec": {"selctor": {}}},
        {"kind": "Deployment", "spec": {"template": {}}},
        {"kind": "Deployment", "spec": {"replicas": "1", "selector": {}, "template": {}}},
    ],
)
def test_a_slip_in_a_manifest_is_found(slip: dict[str, Any]) -> None:
    assert faults([slip])


def test_the_exchange_and_the_hub_name_each_other_alike() -> None:
    by_kind = {one["kind"]: one for one in manifests()}
    pod = by_kind["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    variables = {one["name"]: one for one in container["env"]}
    service = VALUES["hub"]["services"]["ngshare"]
    port = by_kind["Service"]["spec"]["ports"][0]["port"]
    assert service["url"] == f"http://{by_kind['Service']['metadata']['name']}:{port}"
    assert variables["JUPYTERHUB_SERVICE_PREFIX"]["value"] == "/services/ngshare/"
    assert VALUES["singleuser"]["extraEnv"]["COURSEKIT_NGSHARE"].endswith("/services/ngshare")
    key = variables["JUPYTERHUB_API_TOKEN"]["valueFrom"]["secretKeyRef"]["key"]
    assert key == "hub.services.ngshare.apiToken"
    labels = pod["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"].items() <= labels.items()
    policy = by_kind["NetworkPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    admins = next(arg for arg in container["args"] if arg.startswith("--admins="))
    assert admins.removeprefix("--admins=").split(",") == VALUES["custom"]["leads"]


# --- the image --------------------------------------------------------------------------------


def test_the_image_copies_what_a_desk_needs() -> None:
    lines = (DEPLOY / "image" / "Dockerfile").read_text().splitlines()
    copied = " ".join(line for line in lines if line.startswith("COPY"))
    for pattern in (*desk.LEARNER_FILES, *desk.LEAD_FILES):
        assert pattern.split("/")[0] in copied, pattern
    for name in re.findall(r"[\w./]+(?= )", copied):
        if name not in {"COPY"}:
            assert (ROOT / name).exists(), name


# --- one machine ------------------------------------------------------------------------------


@pytest.mark.parametrize("sign_in", ["passwords", "system", "company"])
@pytest.mark.parametrize("accounts", ["existing", "create", "shared"])
@pytest.mark.parametrize("systemd", [True, False])
def test_every_setting_of_the_hub_is_one(
    sign_in: str, accounts: str, systemd: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "has_systemd", lambda: systemd)
    text = (DEPLOY / "hub" / "hub.toml").read_text()
    text = re.sub(r"(?m)^sign_in = .*", f'sign_in = "{sign_in}"', text)
    text = re.sub(r"(?m)^accounts = .*", f'accounts = "{accounts}"', text)
    (tmp_path / "hub.toml").write_text(text)
    monkeypatch.setenv("BOXOFFICE_HUB", str(tmp_path))
    monkeypatch.setenv("BOXOFFICE_PROXY", "/usr/bin/true")
    config = PyFileConfigLoader(str(DEPLOY / "hub" / "jupyterhub_config.py")).load_config()
    assert slips(config) == []
    role = config.Spawner.environment["COURSEKIT_ROLE"]
    assert (role(Somebody("lead")), role(Somebody("ada"))) == desk.ROLES[::-1]
    limited = systemd and accounts != "shared"
    assert ("SystemdSpawner" in config) == limited
    assert not limited or config.SystemdSpawner.mem_limit == "2G"
    assert ("COURSEKIT_STATE" in config.Spawner.environment) == (accounts == "shared")
    assert ("pre_spawn_hook" in config.Spawner) == (accounts == "create")
    assert oct((tmp_path / "exchange").stat().st_mode)[-4:] == "1777"


def test_every_setting_for_the_littlest_hub_is_one() -> None:
    config = PyFileConfigLoader(str(DEPLOY / "hub" / "tljh.py")).load_config()
    assert slips(config) == []
    role = config.Spawner.environment["COURSEKIT_ROLE"]
    assert (role(Somebody("lead")), role(Somebody("ada"))) == desk.ROLES[::-1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("leads = []", "leads"),
        ('leads = ["Ada Lovelace"]', "leads.0"),
        ('leads = ["ada"]\nlearners = ["ada"]', "ada stands there twice"),
        ('leads = ["ada"]\nleaners = []', "leaners"),
        ('leads = ["ada"]\nmemory = "lots"', "memory"),
        ("leads = [", "cannot be read"),
    ],
)
def test_a_mistake_in_hub_toml_has_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(text)
    with pytest.raises(hub.HubProblem, match=re.escape(sentence)):
        hub.read(path)


def test_a_missing_hub_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(hub.HubProblem, match="name your people"):
        hub.read(tmp_path / "hub.toml")


def test_nobody_can_choose_the_password_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text((DEPLOY / "hub" / "hub.toml").read_text())
    monkeypatch.setenv("BOXOFFICE_HUB", str(tmp_path))
    monkeypatch.setenv("BOXOFFICE_PROXY", "/usr/bin/true")
    given = hub.set_passwords(tmp_path / "passwords.dbm", ["lead"])
    PyFileConfigLoader(str(DEPLOY / "hub" / "jupyterhub_config.py")).load_config()
    said = capsys.readouterr().out
    assert "ada has no password yet" in said
    assert "lead has no" not in said
    assert hub.set_passwords(tmp_path / "passwords.dbm", ["lead", "ada", "grace"]) == {}
    assert hub.passwords(tmp_path, ["ada"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "name,password"
    assert rows[1].startswith("ada,")
    assert rows[1].partition(",")[2] != given["lead"]
    with pytest.raises(hub.HubProblem, match="mallory is not in"):
        hub.passwords(tmp_path, ["mallory"])
    assert (tmp_path / "hub.sqlite").stat().st_mode & 0o077 == 0


def test_settings_that_are_written_are_read_again(tmp_path: Path) -> None:
    hub.write(hub.TRIAL, tmp_path / "hub.toml")
    assert hub.read(tmp_path / "hub.toml") == hub.TRIAL

"""Opening JupyterLab."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import ROOT

from coursekit import lab


def test_the_words_that_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    words = lab.command(["--no-browser"])
    assert "lab" in words
    assert "--no-browser" in words
    assert any(lab.WELCOME in word for word in words)
    assert (ROOT / lab.WELCOME).exists()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--allow-root" in lab.command([])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--allow-root" not in lab.command([])


def test_its_settings_ask_nothing_of_the_network(tmp_path: Path) -> None:
    lab.prepare(tmp_path)
    lab.prepare(tmp_path)
    path = tmp_path / "share/jupyter/lab/settings/overrides.json"
    news = json.loads(path.read_text())["@jupyterlab/apputils-extension:notification"]
    assert news["checkForUpdates"] is False
    assert news["fetchNews"] == "false"


def test_windows_is_told_to_use_wsl(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert lab.main([]) == 1
    assert "WSL" in capsys.readouterr().out

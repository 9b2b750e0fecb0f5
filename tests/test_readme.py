"""Every command of the README does what the README says, and its sample preset is valid."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Clipsieve

from assets.tiers.rules import load_preset, parse_preset
from assets.tiers.vocabulary import vocabulary
from assets.tiers.words import bound_text
from orchestration.settings import Settings

HOUSE = Path(__file__).parents[1]
README = (HOUSE / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines() if line.strip()]
COMMANDS = [words for words in LINES if words and words[0] == "clipsieve"]
ELSEWHERE = {
    "make": "the demo is run by test_demo.py, `make test` is this",
    "ui": "run by test_dagster.py",
    "explore": "run by test_explore_in_browser.py",
}
"""Commands that other tests run."""


def test_every_line_is_known() -> None:
    others = [words for words in LINES if words[0] not in ("clipsieve", "export")]
    assert all(words[0] in ELSEWHERE for words in others), others
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[1] not in ELSEWHERE], ids=" ".join)
def test_a_command_of_the_readme(
    words: list[str], curated: Path, drawn: Path, tmp_path: Path, clipsieve: Clipsieve
) -> None:
    root = Path(shutil.copytree(curated, tmp_path / "root"))
    rows = clipsieve("sql", "SELECT min(clip_id) AS clip_id FROM clips", "--root", root, "--format", "json").data
    preset = tmp_path / "mine.toml"
    preset.write_text(sample_preset())
    stand_ins = {"FOLDER": str(drawn), "CLIP_ID": rows[0]["clip_id"], "mine.toml": str(preset)}
    answer = clipsieve(*(stand_ins.get(w, w) for w in words[1:]), "--root", root)
    assert answer.code == 0, answer.err
    assert answer.out or "--dry-run" in words or words[1] == "run"


def test_exported_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = [word.partition("=") for words in LINES if words[0] == "export" for word in words[1:]]
    assert exported
    for name, _, value in exported:
        monkeypatch.setenv(name, value)
    assert Settings().captions.captioner == "openai"


def test_the_scorer_of_the_readme_costs_itself_only(curated: Path, drawn: Path, tmp_path: Path) -> None:
    """Its file and its name are put into a copy of the project, as the recipe says."""
    house, root = tmp_path / "house", Path(shutil.copytree(curated, tmp_path / "root"))
    for part in ("assets", "orchestration"):
        shutil.copytree(HOUSE / part, house / part, ignore=shutil.ignore_patterns("__pycache__"))
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scorers = house / "assets" / "filter_scores" / "scorers"
    (scorers / "light_swing.py").write_text(source)
    names = (scorers / "__init__.py").read_text()
    names = names.replace("SCORERS: tuple", "from .light_swing import light_swing\n\nSCORERS: tuple")
    (scorers / "__init__.py").write_text(names.rstrip().removesuffix(")") + "    light_swing,\n)\n")

    def ask(*words: str) -> Any:
        command = [sys.executable, "-W", "ignore", "-m", "orchestration.cli", *words, "--root", str(root)]
        done = subprocess.run([*command, "--format", "json"], cwd=house, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (summary,) = ask("run", "--input", str(drawn))
    steps = list(dict.fromkeys(task.split()[0] for task in summary["tasks"]))
    assert steps == ["scores/light_swing", "filter_scores", "tier_1", "captions", "tier_2", "tier_3"]
    assert summary["scorer_calls"] == summary["clips"] and summary["decode_opens"] == summary["demux_opens"] == 0
    rows = ask("sql", "SELECT light_swing, errors['light_swing'] AS error FROM filter_scores")
    assert len(rows) == summary["clips"] and all(0 <= r["light_swing"] < 50 and r["error"] is None for r in rows)


def sample_preset() -> str:
    return re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


def test_the_sample_preset_is_valid() -> None:
    preset = parse_preset(sample_preset(), "README.md", "mine", vocabulary())
    assert [t.name for t in preset.tiers] == ["tier_1", "tier_2", "tier_3"]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:assets|orchestration|demo|docs)/[\w/.]+)`", README))))
def test_paths_that_the_readme_names_exist(path: str) -> None:
    assert (Path(__file__).parents[1] / path).exists()


def test_the_funnel_shown_is_of_the_rules_that_exist() -> None:
    shown = re.findall(r"^   (\w+\.\w+) +(\S+?),? ", README, re.MULTILINE)
    starter = load_preset("starter", vocabulary())
    assert shown == [(b.name, bound_text(b).split(",")[0]) for t in starter.tiers for b in t.bounds]

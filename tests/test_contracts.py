"""What holds for the whole tree: who imports whom, what the web loads, no migration is due."""

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ["torch", "diffusers", "sklearn", "matplotlib", "numba", "pyarrow"]

RESOLVE_EVERY_URL = """
import json, sys
import django
django.setup()
from django.urls import get_resolver

def names(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names(pattern.url_patterns)
        else:
            yield pattern.callback.__module__

import config.wsgi
views = list(names(get_resolver().url_patterns))
loaded = [name for name in json.loads(sys.argv[1]) if name in sys.modules]
print(json.dumps({"views": views, "loaded": loaded}))
"""


def test_every_import_points_the_way_the_architecture_says():
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ", 0 broken" in checked.stdout, "import-linter checked nothing"


def test_the_web_never_loads_a_heavy_library():
    answer = subprocess.run(
        [sys.executable, "-c", RESOLVE_EVERY_URL, json.dumps(HEAVY)],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    for module in (
        "labeling.api.turns",
        "labeling.views.label",
        "editing.api.edits",
        "editing.views.directions",
    ):
        assert module in found["views"], f"no URL leads to {module}: the walk missed it"
    assert found["loaded"] == []


def own_imports_inside_functions(path: Path) -> list[str]:
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "."] if not node.level else ["."]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            own = {"labeling", "editing", "lightstage", "config", "."}
            found += [
                f"{path.relative_to(ROOT)}:{node.lineno}"
                for name in names
                if name.split(".")[0] in own or name == "."
            ]
    return found


def test_only_the_doorway_imports_inside_functions():
    found = []
    for app in ("labeling", "editing"):
        for path in sorted((ROOT / app).rglob("*.py")):
            if path.name != "tasks.py":
                found += own_imports_inside_functions(path)
    assert found == [], "an import inside a function hides who knows whom; only tasks.py may"
    assert own_imports_inside_functions(ROOT / "labeling" / "tasks.py"), "the check sees nothing"


@pytest.mark.django_db
def test_no_migration_is_due():
    said = io.StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=said)
    except SystemExit:
        pytest.fail(f"the models changed without a migration:\n{said.getvalue()}")

"""Page files by hash: every import leads to a file that is there under its hashed name."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finders

from config.static_files import HashedModules

IMPORTED = re.compile(r"""(?:from|^import)\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    """Our own page files as collectstatic leaves them; the suite itself runs without hashes."""
    folder = tmp_path_factory.mktemp("static")
    storage = HashedModules(location=str(folder), base_url="/static/")
    found = {}
    for finder in get_finders():
        for path, source in finder.list(
            ["drf_spectacular_sidecar/*", "admin/*", "rest_framework/*"]
        ):
            if path not in found:
                found[path] = (source, path)
                with source.open(path) as file:
                    storage.save(path, file)
    for name, _, processed in storage.post_process(found):
        assert not isinstance(processed, Exception), f"{name}: {processed}"
    return folder


def test_every_import_of_a_module_has_its_hash(collected):
    tried = 0
    for module in collected.rglob("*.js"):
        if not re.search(r"\.[0-9a-f]{12}\.js$", module.name):
            continue
        for imported in IMPORTED.findall(module.read_text()):
            tried += 1
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), f"{module.name}: {imported}"
            assert (module.parent / imported).resolve().is_file(), f"{module.name}: {imported}"
    assert tried > 10


def test_no_module_is_imported_by_a_call():
    """Its address would get no hash: see HashedModules."""
    static = Path(__file__).resolve().parents[2] / "static"
    for module in static.rglob("*.js"):
        # What is left without comments, where JSDoc names types that way.
        code = re.sub(
            r"/\*.*?\*/|^\s*//.*?$", "", module.read_text(), flags=re.DOTALL | re.MULTILINE
        )
        assert "import(" not in code, module


def test_types_that_name_each_other_do_not_chase_their_hashes(tmp_path):
    storage = HashedModules(location=str(tmp_path), base_url="/static/")
    (tmp_path / "a.js").write_text('/** @typedef {import("./b.js").B} B */\nexport const a = 1;\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = a;\n')
    found = {name: (storage, name) for name in ("a.js", "b.js")}
    assert not [one for one in storage.post_process(found) if isinstance(one[2], Exception)]
    assert re.search(r"a\.[0-9a-f]{12}\.js", (tmp_path / storage.stored_name("b.js")).read_text())

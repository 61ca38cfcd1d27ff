from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vistaseg import __version__, catalog

LOGIC = Path(__file__).parents[3] / "Logic"


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(LOGIC)}
    return subprocess.run([sys.executable, "-c", code], env=environment, text=True, **options)


def test_the_version(vistaseg):
    done = vistaseg("--version")
    assert (done.code, done.stdout) == (0, f"vistaseg {__version__}\n")


def test_help_names_the_commands_and_no_arguments_is_wrong_use(vistaseg):
    done = vistaseg("--help")
    assert done.code == 0
    assert all(name in done.stdout for name in ("segment", "classes", "weights", "demo"))
    assert vistaseg().code == 2


def test_classes_are_listed_by_group_with_the_presets(vistaseg):
    done = vistaseg("classes")
    assert done.code == 0
    assert all(catalog.get(i).name in done.stdout for i in catalog.everything())
    assert "Presets: everything, " in done.stdout


def test_classes_as_json_have_a_row_each(vistaseg):
    rows = vistaseg("classes", "--json").json
    assert len(rows) == 132
    assert rows[0]["name"] == "liver" and rows[0]["supported"] and len(rows[0]["color"]) == 3
    assert not rows[17]["supported"] and rows[17]["note"]


def test_a_search_finds_the_nearest_names_first(vistaseg):
    done = vistaseg("classes", "--search", "gall blader")
    assert done.code == 0 and "gallbladder" in done.stdout.splitlines()[0]
    best = vistaseg("classes", "--search", "IVC", "--json").json[0]
    assert best["title"] == "inferior vena cava" and len(best["ids"]) == 1


def test_a_search_without_result_says_so(vistaseg):
    assert "Nothing resembles 'qqqqqqqqqq'" in vistaseg("classes", "--search", "qqqqqqqqqq").stdout
    assert vistaseg("classes", "--search", "qqqqqqqqqq", "--json").json == []


def test_light_commands_do_not_wait_for_torch():
    code = """
        import json, sys
        from vistaseg.cli.main import main
        heavy = {"torch", "monai", "scipy", "SimpleITK", "pydicom"}
        found = [sorted(heavy & set(sys.modules))]
        for arguments in (["--version"], ["classes"], ["classes", "--search", "liver"], ["segment", "--help"]):
            sys.argv = ["vistaseg", *arguments]
            try:
                main()
            except SystemExit:
                pass
            found.append(sorted(heavy & set(sys.modules)))
        print(json.dumps(found), file=sys.stderr)
    """
    done = python("\n".join(line[8:] for line in code.splitlines()), capture_output=True, check=True)
    assert json.loads(done.stderr) == [[]] * 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a closed pipe otherwise")
def test_a_reader_that_goes_away_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    code = "import sys; sys.argv = ['vistaseg', 'classes']; from vistaseg.cli.main import main; main()"
    done = python(code, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.stderr == "" and done.returncode == 1

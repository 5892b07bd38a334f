"""The example of the README, run as it stands there."""

from pathlib import Path

from labeling.models import Vote
from tests.labeling.label_studio.client import token_of

README = Path(__file__).resolve().parents[3] / "README.md"


def example() -> str:
    section = README.read_text().split("## Use it from Label Studio's SDK")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("    ") or not line]
    return "\n".join(line.removeprefix("    ") for line in lines)


def test_the_example_of_the_readme_runs_as_it_stands_there(live_server, people, faces):
    code = example()
    assert "http://127.0.0.1:8000/" in code
    names = {"MIA": token_of(people.mia), "ADA": token_of(people.ada)}
    exec(code.replace("http://127.0.0.1:8000", live_server.url), names)
    for client in ("mia", "ada"):
        names[client]._client_wrapper.httpx_client.httpx_client.close()
    chosen = [task["annotations"][0]["result"][0]["value"] for task in names["labels"]]
    assert chosen == [{"choices": ["Left"]}] * 2
    assert list(Vote.objects.values_list("choice", flat=True)) == ["left"] * 2

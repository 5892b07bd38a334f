"""What every test shares: a throw-away PostgreSQL, the cast, a small dataset, a real worker.

The environment is set here, at import, because settings read it once.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import pytest
from PIL import Image

from config import postgres

VAR = Path(tempfile.mkdtemp(prefix="penumbra-test-"))
(VAR / "static").mkdir()
os.environ["PENUMBRA_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

PASSWORD = "a-long-enough-password"
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ATTRIBUTES = ["Male", "Smiling", "Young", "Eyeglasses"]


@atexit.register
def _remove_var() -> None:
    postgres.stop(VAR / "postgresql")
    shutil.rmtree(VAR, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    django.setup()  # pytest-django takes over what it finds configured
    if config.getoption("numprocesses", None):
        # The processes that run the tests choose a folder each; what they inherit comes too early.
        del os.environ["PENUMBRA_VAR"], os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure() -> None:
    """Also reached after Ctrl-C; atexit is for an error before pytest got this far."""
    _remove_var()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    from django.db import connections

    # Tests that commit empty the tables behind them; nobody else may: see migration 0005.
    options = connections.settings["default"].setdefault("OPTIONS", {})
    options["options"] = "-c penumbra.rows_may_go=on"
    if not os.environ.get("DATABASE_URL"):
        postgres.ensure_running(VAR / "postgresql", throw_away=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real faces and real files of other programs, for checks that run only where they lie."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data beside the project, at {SHARED_DATA}")
    return SHARED_DATA


@dataclass(frozen=True)
class People:
    """The cast: ada and ben annotate, mia manages, rita researches, sam is a stranger."""

    ada: "User"  # noqa: F821 the models load only after the settings
    ben: "User"  # noqa: F821
    mia: "User"  # noqa: F821
    rita: "User"  # noqa: F821
    sam: "User"  # noqa: F821
    password: str = PASSWORD


@pytest.fixture
def people(db: None) -> People:
    from labeling.models import User

    def person(name: str, **roles: bool) -> User:
        return User.objects.create_user(username=name, password=PASSWORD, **roles)

    return People(
        ada=person("ada", is_annotator=True),
        ben=person("ben", is_annotator=True),
        mia=person("mia", is_manager=True),
        rita=person("rita", is_researcher=True),
        sam=person("sam"),
    )


@pytest.fixture
def api() -> Callable[..., "APIClient"]:  # noqa: F821
    """api(user) is a logged-in REST client; api() is nobody."""
    from rest_framework.test import APIClient

    def client(user: object = None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return client


@pytest.fixture
def dataset_of(db: None, tmp_path: Path) -> Callable[..., "Dataset"]:  # noqa: F821
    """dataset_of(n) makes rows and real JPEG files for n faces: 000001.jpg, 000002.jpg, ...

    Three faces per identity, yaw spread evenly over -50..50 degrees, bright on one side.
    """
    from labeling.models import Dataset, Face

    def make(n_faces: int, *, name: str = "small") -> Dataset:
        folder = tmp_path / name
        folder.mkdir()
        dataset = Dataset.objects.create(
            name=name, image_folder=str(folder), attribute_names=ATTRIBUTES, n_faces=n_faces
        )
        ramp = Image.linear_gradient("L").resize((218, 178))
        sides = [ramp.rotate(90, expand=True), ramp.rotate(-90, expand=True)]
        rows = []
        for index in range(n_faces):
            filename = f"{index + 1:06d}.jpg"
            sides[index % 2].point(lambda p, i=index: p * (50 + i % 40) // 90).convert("RGB").save(
                folder / filename, quality=60
            )
            rows.append(
                Face(
                    dataset=dataset,
                    filename=filename,
                    width=178,
                    height=218,
                    identity=index // 3 + 1,
                    split=Face.Split.TRAIN,
                    attributes=index % 2 ** len(ATTRIBUTES),
                    landmarks=[69, 111, 108, 111, 88, 135, 73, 152, 105, 152],
                    yaw_degrees=-50 + 100 * (index % 51) / 50,
                )
            )
        Face.objects.bulk_create(rows, batch_size=1000)
        return dataset

    return make


@pytest.fixture
def dataset(dataset_of: Callable[..., "Dataset"]) -> "Dataset":  # noqa: F821
    return dataset_of(12)


@pytest.fixture
def faces(dataset: "Dataset") -> list["Face"]:  # noqa: F821
    return list(dataset.faces.order_by("filename"))


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator["Worker"]:  # noqa: F821
    """A real Celery worker on both queues, working on the test's own database."""
    from tests.workers import Worker

    running = Worker(VAR, tmp_path / "worker.log")
    yield running
    running.stop()

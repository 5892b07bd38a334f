"""What the engine's tests share: one small network, trained once."""

import pytest

from editing.engine.denoiser import Denoiser
from tests.editing.engine.trained import trained_denoiser


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Denoiser:
    return trained_denoiser(tmp_path_factory.mktemp("trained"))

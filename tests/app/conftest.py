"""What the tests of the app share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """The neighbor index is written to a temporary folder, not to the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnlib.files.user_cache_path", lambda *names, **options: folder)
        yield

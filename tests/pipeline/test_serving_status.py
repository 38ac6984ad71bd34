"""What `rayline status` says where Ray runs and no endpoint does."""

from __future__ import annotations

import pytest

from rayline.core.errors import NotFoundError
from rayline.pipeline.serving import status


@pytest.mark.ray
def test_a_ray_without_an_endpoint_is_no_endpoint(ray_cluster: None) -> None:
    with pytest.raises(NotFoundError, match=r"no endpoint runs on the Ray at [0-9.]+:\d+\. Start one: rayline serve\."):
        status()

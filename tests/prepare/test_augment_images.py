"""Augmented images against what a person would draw, SciPy's rotations, and the definitions of the papers."""

import numpy as np
import pytest
import torch
from augment_parts import apply, images
from scipy import ndimage

from rayline.core.columns import Target, Task

LEVELS = {"picture": ((-1.0, 3.0), (-1.0, 3.0), (-1.0, 3.0))}


def test_flip_mirrors() -> None:
    photo = images(40)
    assert torch.equal(apply("flip", photo, p=1), photo.flip(3))
    assert torch.equal(apply("flip", photo, p=1, direction="vertical"), photo.flip(2))
    both = apply("flip", photo, p=1, direction="both")
    kinds = [
        next(
            k
            for k, way in enumerate(([2], [3], [2, 3]))
            if torch.equal(both[row], photo[row].flip([d - 1 for d in way]))
        )
        for row in range(40)
    ]
    assert set(kinds) == {0, 1, 2}


def test_rotation_is_scipys() -> None:
    height, width = 24, 36
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    smooth = np.exp(-((x - 20) ** 2 + (y - 9) ** 2) / 12).astype(np.float32)
    photo = torch.from_numpy(np.tile(smooth, (64, 1, 1, 1)))
    turned = apply("rotate", photo, p=1, degrees=40).numpy()[:, 0]
    references = {angle: ndimage.rotate(smooth, angle, reshape=False, order=1) for angle in np.arange(-40, 40.25, 0.25)}
    nearest = [min(references, key=lambda angle: abs(row - references[angle]).max()) for row in turned]
    assert min(nearest) < -30
    assert max(nearest) > 30
    for row, angle in zip(turned, nearest, strict=True):
        assert abs(row - references[angle]).max() < 0.01


def test_black_is_the_images_own_black() -> None:
    photo = torch.full((8, 3, 16, 16), 3.0)
    turned = apply("rotate", photo, levels=LEVELS, p=1, degrees=45)
    assert float(turned.min()) == pytest.approx(-1.0)
    assert float(turned.max()) == pytest.approx(3.0)
    assert torch.allclose(apply("rotate", photo, levels=LEVELS, p=1, degrees=45, fill="edge"), photo)
    smaller = apply("scale", photo, levels=LEVELS, p=1, factor=(0.5, 0.5))
    share = (smaller > 1).float().mean(dim=(1, 2, 3))
    assert torch.allclose(share, torch.full((8,), 0.25), atol=0.01)


def test_crop_keeps_the_share_of_the_area_it_says() -> None:
    across = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    wide = apply("crop", across, area=(0.25, 0.25), ratio=(1.0, 1.0))
    reach = wide[:, 0, 0, -1] - wide[:, 0, 0, 0]
    assert torch.allclose(reach, torch.full((200,), 0.5), atol=0.02)
    starts = wide[:, 0, 0, 0]
    assert float(starts.min()) < 0.03
    assert float(starts.max()) > 0.46
    assert torch.allclose(apply("crop", across, area=(1.0, 1.0), ratio=(1.0, 1.0)), across, atol=1e-6)


def test_colour_keeps_grey_grey_and_brightness_is_a_factor() -> None:
    grey = torch.rand((50, 1, 8, 8), generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1) * 4 - 1
    turned = apply("colour", grey, levels=LEVELS, p=1, brightness=0, contrast=0, saturation=1, hue=0.5)
    assert torch.allclose(turned, grey, atol=1e-5)
    lit = apply("colour", grey * 0.5 - 0.5, levels=LEVELS, p=1, brightness=0.5, contrast=0, saturation=0, hue=0)
    factor = (lit + 1) / (grey * 0.5 + 0.5)
    flat = factor.reshape(50, -1)
    assert torch.allclose(flat, flat[:, :1].expand_as(flat), atol=1e-3)
    assert 0.5 <= float(flat.min()) < 0.6
    assert 1.4 < float(flat.max()) <= 1.5001


def test_a_half_turn_of_hue_makes_red_cyan_and_keeps_brightness() -> None:
    red = torch.tensor([0.6, 0.3, 0.3]).reshape(1, 3, 1, 1).expand(400, 3, 2, 2)
    turned = apply("colour", red, p=1, brightness=0, contrast=0, saturation=0, hue=0.5)
    luma = (turned * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(dim=1)
    assert torch.allclose(luma, torch.full_like(luma, 0.299 * 0.6 + 0.701 * 0.3), atol=1e-3)
    assert bool((turned[:, 0] < turned[:, 1]).any()), "nothing was turned far"


def test_cutout_blanks_boxes_of_the_sizes_it_says() -> None:
    photo = images(300, size=40)
    cut = apply("cutout", photo, p=1, side=(0.25, 0.25))
    hidden = (cut != photo).all(dim=1)
    area = hidden.float().mean(dim=(1, 2))
    assert float(area.max()) == pytest.approx(0.0625, abs=0.01)
    for row in range(5):
        assert torch.allclose(cut[row, :, hidden[row]], photo[row].mean(dim=(1, 2))[:, None], atol=1e-6)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_classes_become_shares_that_say_what_is_in_the_image(name: str) -> None:
    # image of class k is k everywhere: what is seen of each class can be counted
    target = torch.arange(64) % 2 * 2
    photo = target.float().reshape(64, 1, 1, 1).expand(64, 1, 20, 20) / 2
    after = apply(
        name, photo, whole=True, p=1, alpha=1.0, target=target, of=Target("y", Task.MULTICLASS, ("a", "b", "c"))
    )
    shares, seen = after.target, after.tensors[0].mean(dim=(1, 2, 3))
    assert shares.dtype == torch.float32
    assert shares.shape == (64, 3)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(64))
    torch.testing.assert_close(shares[:, 2], seen, atol=1e-5, rtol=1e-5)
    own = shares.gather(1, target[:, None])[:, 0]
    assert float(own.min()) >= 0.5 - 1e-6
    assert 0.55 < float(own.mean()) < 0.95


def test_mixup_of_a_number_to_predict_and_of_two_classes() -> None:
    photo = images(10)
    for of, target in (
        (Target("y", Task.REGRESSION), torch.arange(10.0)),
        (Target("y", Task.BINARY, ("n", "y"), "y"), (torch.arange(10) % 2).float()),
    ):
        after = apply("mixup", photo, whole=True, p=1, alpha=1.0, target=target, of=of)
        own = (after.tensors[0] - photo.flip(0))[:, 0, 0, 0] / (photo - photo.flip(0))[:, 0, 0, 0]
        torch.testing.assert_close(after.target, target * own + target.flip(0) * (1 - own), atol=1e-4, rtol=1e-4)


def test_shares_of_mixup_follow_the_beta_distribution() -> None:
    from scipy import stats

    from rayline.prepare.augment._draw import Draw
    from rayline.prepare.augment._mix import Shares

    for alpha in (0.2, 1.0, 4.0):
        drawn = Shares(alpha).draw(Draw(torch.arange(4000), 1), 1.0).numpy()
        reference = np.random.default_rng(0).beta(alpha, alpha, 4000)
        assert stats.ks_2samp(drawn, np.maximum(reference, 1 - reference)).pvalue > 0.01

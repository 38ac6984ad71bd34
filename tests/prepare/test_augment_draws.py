"""The numbers that augmentation draws: the house's hash, spread as they should be, of the row alone."""

import numpy as np
import torch
from scipy import stats

from rayline.prepare.augment._draw import Draw, mixed
from rayline.prepare.augmentation import keys, partners

KEYS = torch.arange(5000)


def reference(value: int) -> int:
    """The finaliser of splitmix64 in Python's own whole numbers."""
    z = value
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)


def test_mixing_is_splitmix64s_for_every_sign() -> None:
    values = [0, 1, -1, 2**62, -(2**63), 2**63 - 1, 123456789, -987654321]
    found = mixed(torch.tensor(values)).numpy().view(np.uint64).tolist()
    assert found == [reference(value % 2**64) for value in values]


def test_uniforms_are_uniform_and_of_the_row_alone() -> None:
    drawn = Draw(KEYS, 7).uniforms("angle", 4)
    assert 0 <= float(drawn.min()) < float(drawn.max()) < 1
    assert stats.kstest(drawn.flatten().numpy(), "uniform").pvalue > 0.01
    assert torch.equal(Draw(KEYS[100:103], 7).uniforms("angle", 4), drawn[100:103])
    # one more number of a row leaves those before it as they were
    assert torch.equal(Draw(KEYS, 7).uniforms("angle", 5)[:, :4], drawn)
    assert abs(np.corrcoef(drawn.numpy().T) - np.eye(4)).max() < 0.06


def test_normals_are_normal() -> None:
    drawn = Draw(KEYS, 3).normals("noise", 7)
    assert drawn.shape == (5000, 7)
    assert abs(np.corrcoef(drawn.numpy().T) - np.eye(7)).max() < 0.06
    # of one seed anything may come: over many, as often as chance has it
    found = [
        stats.kstest(Draw(KEYS[:500], seed).normals("noise", 4).double().flatten().numpy(), "norm").pvalue
        for seed in range(300)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_names_seeds_and_inputs_draw_apart() -> None:
    draw = Draw(KEYS, 0)
    first = draw.uniforms("a", 1)
    for other in (draw.uniforms("b", 1), Draw(KEYS, 1).uniforms("a", 1), draw.apart(0).uniforms("a", 1)):
        assert abs(np.corrcoef(first[:, 0].numpy(), other[:, 0].numpy())[0, 1]) < 0.06


def test_repetitions_of_a_row_have_keys_of_their_own() -> None:
    rows = torch.tensor([5, 5, 5, 6, -1])
    found = keys(rows, torch.tensor([0, 1, 2, 0, 0]))
    assert len(set(found.tolist())) == 5
    assert found[0] == 5, "the first is the row itself"


def test_partners_come_in_pairs() -> None:
    for rows in (1, 2, 7, 8):
        found = list(partners(rows))
        assert [found[place] for place in found] == list(range(rows))

"""Augmented sounds, texts and sequences, measured against what their options say."""

import numpy as np
import pytest
import torch
from augment_parts import apply

RNG = np.random.default_rng(0)


def sounds(rows: int = 200, length: int = 400) -> torch.Tensor:
    return torch.from_numpy(RNG.uniform(-0.3, 0.3, (rows, length)).astype(np.float32))


def texts(rows: int = 300, length: int = 20) -> torch.Tensor:
    ids = np.tile(np.arange(2, 2 + length, dtype=np.int32), (rows, 1))
    lengths = RNG.integers(1, length + 1, rows)
    ids[np.arange(length)[None] >= lengths[:, None]] = 0
    return torch.from_numpy(ids)


def test_noise_has_the_ratio_to_the_signal_it_says() -> None:
    before = sounds()
    after = apply("noise", before, what="sound", p=1, snr_db=(20, 20))
    ratio = 10 * torch.log10(before.square().mean(dim=1) / (after - before).square().mean(dim=1))
    assert torch.allclose(ratio, torch.full((200,), 20.0), atol=1.0)
    silence = torch.zeros((3, 50))
    assert torch.equal(apply("noise", silence, what="sound", p=1), silence)


def test_gain_is_in_decibels_and_clips_at_full_scale() -> None:
    before = sounds()
    after = apply("gain", before, what="sound", p=1, db=(-6, 6))
    db = 20 * torch.log10((after / before).nanmedian(dim=1).values)
    assert -6.001 <= float(db.min()) < -5
    assert 5 < float(db.max()) <= 6.001
    assert float(apply("gain", before, what="sound", p=1, db=(60, 60)).abs().max()) == 1.0


def test_shift_moves_samples_and_spectrograms_and_lets_silence_in() -> None:
    before = torch.arange(1, 101).float().expand(100, 100)
    after = apply("shift", before, what="sound", p=1, share=0.2)
    ways = set()
    for row in after:
        kept = row[row != 0]
        assert torch.equal(kept, torch.arange(kept[0], kept[-1] + 1))
        ways.add(int(kept[0]) - 1 - int((row != 0).nonzero()[0]))
    assert min(ways) < -15
    assert max(ways) > 15
    assert max(map(abs, ways)) <= 20
    wrapped = apply("shift", before, what="sound", p=1, share=0.2, wrap=True)
    assert torch.equal(wrapped.sort(dim=1).values, before)
    spectra = before.reshape(100, 1, 100).expand(100, 4, 100)
    moved = apply("shift", spectra, what="sound", p=1, share=0.2)
    assert torch.equal(moved, after.reshape(100, 1, 100).expand(100, 4, 100))


def test_spectrograms_lose_bands_and_times_no_wider_than_said() -> None:
    before = torch.from_numpy(RNG.random((200, 20, 50)).astype(np.float32))
    after = apply("spectrogram_mask", before, what="sound", bands=1, band_share=0.2, times=1, time_share=0.1)
    changed = after != before
    bands, times = changed.all(dim=2).sum(dim=1), changed.all(dim=1).sum(dim=1)
    assert int(bands.max()) == 4
    assert int(times.max()) == 5
    assert int(bands.min()) == int(times.min()) == 0
    hidden = torch.where(changed, after, torch.nan).flatten(1).nanmean(dim=1)
    some = ~hidden.isnan()
    assert torch.allclose(hidden[some], before.mean(dim=(1, 2))[some], atol=1e-5)


def test_deletion_keeps_order_and_one_word_at_least() -> None:
    before = texts()
    after = apply("token_deletion", before, what="text", p=1, rate=0.3)
    lost = 0
    for old, new in zip(before.tolist(), after.tolist(), strict=True):
        words = [w for w in new if w]
        assert words == sorted(words)
        assert new == words + [0] * (20 - len(words))
        assert set(words) <= set(old)
        assert words
        lost += sum(w != 0 for w in old) - len(words)
    assert 0.25 < lost / int((before != 0).sum()) < 0.33
    empty = torch.zeros((2, 5), dtype=torch.int32)
    assert torch.equal(apply("token_deletion", empty, what="text", p=1), empty)


def test_swaps_keep_the_words_and_the_padding() -> None:
    before = texts()
    after = apply("token_swap", before, what="text", p=1, rate=0.2)
    assert torch.equal(after.sort(dim=1).values, before.sort(dim=1).values)
    assert torch.equal(after != 0, before != 0)
    moved = (after != before).sum(dim=1)
    assert int(moved.max()) <= 4
    assert float((moved > 0).float().mean()) > 0.7


def test_masked_words_become_the_unknown_word() -> None:
    before = texts()
    after = apply("token_mask", before, what="text", p=1, rate=0.25)
    changed = after != before
    assert set(after[changed].tolist()) == {1}
    assert not bool(changed[before == 0].any())
    assert 0.21 < float(changed.sum() / (before != 0).sum()) < 0.29


def test_jitter_has_the_deviation_it_says_and_leaves_padding() -> None:
    before = torch.from_numpy(RNG.normal(size=(200, 100)).astype(np.float32))
    before[:, :30] = 0
    after = apply("jitter", before, what="signal", p=1, std=0.5)
    assert torch.equal(after[:, :30], before[:, :30])
    assert float((after - before)[:, 30:].std()) == pytest.approx(0.5, rel=0.02)


def test_scaling_is_one_factor_a_sequence_and_channels_are_apart() -> None:
    before = torch.from_numpy(RNG.uniform(1, 2, (500, 30)).astype(np.float32))
    one, other = apply("scaling", before, before.clone(), what="signal", p=1, std=0.1)
    factors = one / before
    assert torch.allclose(factors, factors[:, :1].expand(-1, 30), atol=1e-5)
    assert float(factors[:, 0].mean()) == pytest.approx(1, abs=0.02)
    assert float(factors[:, 0].std()) == pytest.approx(0.1, rel=0.1)
    assert not torch.allclose(one, other)


def test_a_window_slice_is_a_part_at_another_speed() -> None:
    ramp = torch.arange(101).float().expand(300, 101)
    one, other = apply("window_slice", ramp, ramp * 2, what="signal", p=1, share=0.8)
    reach = one[:, -1] - one[:, 0]
    assert torch.allclose(reach, torch.full((300,), 80.0), atol=1e-3)
    assert float(one[:, 0].min()) < 1
    assert float(one[:, 0].max()) > 19
    assert torch.allclose(other, one * 2, atol=1e-3), "channels are cut alike"


def test_warped_time_keeps_order_ends_and_channels_together() -> None:
    ramp = torch.arange(60).float().expand(100, 60)
    one, other = apply("time_warp", ramp, ramp * 3, what="signal", p=1, std=0.5)
    assert bool((one.diff(dim=1) > 0).all())
    assert torch.allclose(one[:, [0, -1]], ramp[:, [0, -1]], atol=1e-3)
    assert float((one - ramp).abs().max()) > 5
    assert torch.allclose(other, one * 3, atol=1e-3)
    tiny = torch.ones((4, 2))
    assert torch.equal(apply("time_warp", tiny, what="signal", p=1), tiny)


def test_a_warped_magnitude_is_a_smooth_curve_about_one() -> None:
    flat = torch.ones((400, 50))
    after = apply("magnitude_warp", flat, what="signal", p=1, std=0.2, knots=4)
    assert float(after.mean()) == pytest.approx(1, abs=0.02)
    assert float(after[:, 0].std()) == pytest.approx(0.2, rel=0.15)
    assert float(after.diff(dim=1).abs().max()) < 0.1
    assert torch.equal(apply("magnitude_warp", flat[:, :1], what="signal", p=0), flat[:, :1])

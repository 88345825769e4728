"""What is drawn for one hand's crop, and what the drawn colours do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as published
from scipy.ndimage import gaussian_filter

from carpus.data.hand_sample import make_hand_sample
from carpus.data.hand_sample_colour import recoloured
from carpus.data.hand_sample_rules import FIXED, ColourDraw, HandAugmentation, HandDraw, NoHandAugmentation
from carpus.data.sources.stb import STB
from carpus.skeletons import STB_HAND
from rgb_hand_tree import MINI

STEPS = {
    "brightness": published.adjust_brightness,
    "saturation": published.adjust_saturation,
    "hue": published.adjust_hue,
    "contrast": published.adjust_contrast,
}


def many(count=4000, **settings):
    rng = np.random.default_rng(0)
    return [HandAugmentation(**settings).draw(rng) for _ in range(count)]


def test_draws_have_the_published_distributions():
    draws = many()
    shift = np.array([draw.shift for draw in draws])
    assert np.abs(shift).max() <= 0.2
    np.testing.assert_allclose(shift.std(0), 0.4 / np.sqrt(12), rtol=0.05)
    scale = np.array([draw.scale for draw in draws])
    assert (scale.min(), scale.max()) == (0.8, 1.2)
    # Beyond one standard deviation everything is cut: 15.9 % on either side.
    np.testing.assert_allclose([(scale == 0.8).mean(), (scale == 1.2).mean()], 0.159, atol=0.02)
    turn = np.array([draw.turn_rad for draw in draws])
    assert np.abs(turn).max() <= np.pi / 2
    np.testing.assert_allclose(turn.std(), np.pi / np.sqrt(12), rtol=0.05)
    colour = np.array([draw.colour[:5] for draw in draws])
    low, high = [0, 0.5, 0.5, -0.15, 0.5], [0.5, 1.5, 1.5, 0.15, 1.5]
    assert (colour >= low).all()
    assert (colour <= high).all()
    np.testing.assert_allclose(colour.mean(0), np.add(low, high) / 2, atol=0.03)
    assert len({draw.colour.order for draw in draws}) == 24


def test_a_generator_gives_the_same_draw_and_many_different_ones():
    one, two = (HandAugmentation().draw(np.random.default_rng((7, 0, 3))) for _ in range(2))
    assert one == two
    assert one != HandAugmentation().draw(np.random.default_rng((7, 1, 3)))
    # The published program had 1,025 states.
    assert len({draw.shift for draw in many(1500)}) == 1500
    assert NoHandAugmentation().draw(np.random.default_rng(0)) == HandDraw()


def picture(seed=0, shape=(40, 50)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def exact(image, name, value):
    """What torchvision computes without rounding, in levels."""
    light = torch.from_numpy(image).permute(2, 0, 1) / 255
    return STEPS[name](light, value).permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize("name", ["brightness", "saturation", "contrast"])
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.3, 1.5])
def test_factors_are_those_of_torchvision_rounded_once(name, factor):
    """Contrast and saturation go by a grey that is rounded, too."""
    image = picture(1)
    found = recoloured(image, ColourDraw(**{name: factor}))
    assert np.abs(found - exact(image, name, factor)).max() <= 1


@pytest.mark.parametrize("hue", [-0.15, -0.07, -0.001, 0.0, 0.1, 0.15])
def test_hue_turns_both_ways(hue):
    """A 256th of the colour circle is six levels of a pure colour."""
    image = picture(3)
    off = np.abs(recoloured(image, ColourDraw(hue=hue)) - exact(image, "hue", int(hue * 255) / 256))
    assert off.max() <= 12
    assert off.mean() <= 1


@pytest.mark.parametrize("radius", [0.3, 0.5, 1.0])
def test_the_radius_of_the_blur_is_a_standard_deviation(radius):
    image = picture(4)
    wanted = gaussian_filter(image.astype(float), (radius, radius, 0), mode="mirror")
    off = np.abs(recoloured(image, ColourDraw(blur_px=radius)) - wanted)
    assert off.max() <= 2
    assert off.mean() <= 0.5


@pytest.mark.parametrize("seed", range(6))
def test_steps_follow_in_the_drawn_order(seed):
    image = picture(seed)
    draw = HandAugmentation().draw(np.random.default_rng(seed)).colour
    wanted = recoloured(image, ColourDraw(blur_px=draw.blur_px))
    for step in draw.order:
        name = list(STEPS)[step]
        wanted = recoloured(wanted, ColourDraw(**{name: getattr(draw, name)}))
    assert np.array_equal(recoloured(image, draw), wanted)


def test_what_is_outside_the_picture_stays_black_and_does_not_count():
    image = picture(1)
    inside = np.zeros(image.shape[:2], bool)
    inside[5:30, 10:40] = True
    draw = ColourDraw(contrast=0.5, brightness=1.2)
    found = recoloured(np.where(inside[..., None], image, np.uint8(0)), draw, 1.0, inside)
    assert not found[~inside].any()
    alone = recoloured(np.ascontiguousarray(image[5:30, 10:40]), draw)
    assert np.abs(found[5:30, 10:40].astype(int) - alone).max() <= 1


@pytest.fixture(scope="module")
def record():
    return STB(MINI / "STB")[2]


def test_colour_on_the_crop_is_nearly_that_on_the_picture(record):
    for seed in range(4):
        draw = HandAugmentation(blur_px=0.0).draw(np.random.default_rng(seed))
        draw = draw._replace(colour=draw.colour._replace(contrast=1.0))
        early, late = (
            make_hand_sample(record, STB_HAND, draw, FIXED.__class__(colour_on=on)).rgb.astype(int)
            for on in ("image", "crop")
        )
        assert np.abs(early - late).mean() < 2


def test_geometry_does_not_depend_on_colour(record):
    draw = HandAugmentation().draw(np.random.default_rng(5))
    with_colour, without = (make_hand_sample(record, STB_HAND, d) for d in (draw, draw._replace(colour=None)))
    assert np.array_equal(with_colour.joints_px, without.joints_px)
    assert np.array_equal(with_colour.depth, without.depth)
    assert not np.array_equal(with_colour.rgb, without.rgb)

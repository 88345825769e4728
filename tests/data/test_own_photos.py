"""Photographs of every kind become the same pixels, and everything found in a crop goes back where it was."""

from __future__ import annotations

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from carpus.data.augment_rgb import RgbDraw
from carpus.data.own_photos import (
    PhotoBox,
    check_names,
    checked_box,
    find_photos,
    photo_crop,
    read_boxes,
    read_photo,
)
from carpus.data.rgb_crops import make_crop
from carpus.data.rgb_images import decode_rgb
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.geometry.crops import apply_affine, warp_labels

CAMERA = Camera(900.0, 910.0, 300.0, 200.0)


@pytest.fixture
def scene():
    """``(40, 60, 3)`` uint8 without any symmetry."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:40, :60]
    picture = np.stack([rows * 6, columns * 4, (rows + columns) * 2], -1) + rng.integers(0, 5, (40, 60, 1))
    return picture.astype(np.uint8)


def save(path, picture, **options):
    """A picture with Pillow; the mode follows from the array."""
    Image.fromarray(picture).save(path, **options)
    return path


@pytest.mark.parametrize("turns", [(1, None), (3, 2), (6, 1), (8, -1)], ids=str)
def test_the_orientation_a_camera_noted_is_applied(tmp_path, scene, turns):
    orientation, quarter = turns
    stored = scene if quarter is None else np.ascontiguousarray(np.rot90(scene, quarter))
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels, warning = read_photo(save(tmp_path / "a.png", stored, exif=exif))
    np.testing.assert_array_equal(pixels, scene)
    assert not warning


def test_grey_alpha_palette_and_16_bits_become_three_channels(tmp_path, scene):
    grey = scene[..., 0]
    pixels, _ = read_photo(save(tmp_path / "grey.png", grey))
    np.testing.assert_array_equal(pixels, np.repeat(grey[..., None], 3, -1))
    alpha = np.where(np.arange(60) < 30, 255, 0).astype(np.uint8) * np.ones((40, 1), np.uint8)
    pixels, _ = read_photo(save(tmp_path / "cut.png", np.dstack([scene, alpha])))
    np.testing.assert_array_equal(pixels[:, :30], scene[:, :30])
    assert not pixels[:, 30:].any()
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 257)
    pixels, warning = read_photo(tmp_path / "deep.png")
    np.testing.assert_array_equal(pixels, np.repeat(grey[..., None], 3, -1))
    assert not warning
    cv2.imwrite(str(tmp_path / "rgb16.png"), scene[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_photo(tmp_path / "rgb16.png")[0], scene)
    Image.fromarray(scene).quantize(200).save(tmp_path / "palette.png")
    assert np.abs(read_photo(tmp_path / "palette.png")[0].astype(int) - scene).mean() < 5


def test_a_nearly_black_16_bit_picture_is_suspected_to_be_depth(tmp_path, scene):
    cv2.imwrite(str(tmp_path / "depth.png"), scene[..., 0].astype(np.uint16) + 500)
    assert "depth.png" in read_photo(tmp_path / "depth.png")[1]
    assert "depth image" in read_photo(tmp_path / "depth.png")[1]


def test_what_cannot_be_read_is_named(tmp_path, scene):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = io.BytesIO()
    Image.fromarray(np.tile(scene, (8, 8, 1))).save(whole, "JPEG", exif=exif)
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:-2000])
    (tmp_path / "text.jpg").write_text("no picture at all")
    (tmp_path / "empty.png").write_bytes(b"")
    save(tmp_path / "float.tif", scene[..., 0].astype(np.float32))
    for name in ("cut.jpg", "text.jpg", "empty.png", "float.tif", "missing.jpg"):
        with pytest.raises(DataError, match=name) as raised:
            read_photo(tmp_path / name)
        assert len(str(raised.value).splitlines()) == 1


def test_a_folder_is_read_in_order_and_an_empty_one_refused(tmp_path, scene):
    for name in ("b.JPG", "a.png", "c.webp"):
        save(tmp_path / name, scene)
    (tmp_path / "notes.txt").write_text("")
    assert [file.name for file in find_photos(tmp_path)] == ["a.png", "b.JPG", "c.webp"]
    (tmp_path / "none").mkdir()
    for path, message in ((tmp_path / "none", "holds no picture"), (tmp_path / "gone", "no such file")):
        with pytest.raises(DataError, match=message):
            find_photos(path)


def test_a_published_jpeg_is_decoded_as_for_training(samples):
    file = next((samples / "interhand2.6m" / "images").rglob("image69148.jpg"))
    np.testing.assert_array_equal(read_photo(file)[0], decode_rgb(file.read_bytes()))


def test_boxes_are_read_from_a_file_and_wrong_ones_named(tmp_path):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"a.jpg": [1, 2, 30, 40], "b.jpg": [[0, 0, 5, 5], [1, 1, 6, 6]]}))
    boxes = read_boxes(file)
    assert [len(found) for found in boxes.values()] == [1, 2]
    np.testing.assert_array_equal(boxes["a.jpg"][0], [1, 2, 30, 40])
    with pytest.raises(DataError, match=r"no picture 'b.jpg'; did you mean 'b.jpeg'"):
        check_names(boxes, ["a.jpg", "b.jpeg"], file)
    for text in ('{"a.jpg": [1, 2, 3]}', '{"a.jpg": "x"}', "[1]", "{", '{"a.jpg": []}'):
        file.write_text(text)
        with pytest.raises(DataError, match=r"boxes\.json"):
            read_boxes(file)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((10, 10, 0, 5), "above 0"),
        ((10, 10, np.nan, 5), "above 0"),
        ((0.2, 0.2, 0.5, 0.5), "not shares"),
        ((700, 10, 50, 50), "outside of the picture of 640 x 480"),
        ((-60, 10, 50, 50), "outside"),
    ],
)
def test_a_box_that_shows_nothing_is_refused(box, message):
    with pytest.raises(DataError, match=message):
        checked_box(box, (640, 480), "photo.jpg")


def crop_of(photo, box, enlarge=1.25):
    made = photo_crop(
        "p", photo, PhotoBox(np.array(box), "given"), camera=CAMERA, root_depth_mm=(900, 950), enlarge=enlarge
    )
    return made, make_crop(made.record, RgbDraw())


@pytest.mark.parametrize("box", [(100.5, 20, 300, 210), (30, 40, 1900, 1200), (-90, 300, 777, 1500)])
def test_pixels_go_to_the_crop_and_back(box):
    photo = np.zeros((1601, 2203, 3), np.uint8)
    made, crop = crop_of(photo, box)
    assert (made.shrink > 1) == (max(box[2:]) * 1.25 > 3 * 256)
    points = np.random.default_rng(0).uniform(0, 1500, (200, 2))
    in_crop = apply_affine(crop.image_to_crop.astype(np.float64), made.to_record(points))
    back = cv2.invertAffineTransform(crop.image_to_crop.astype(np.float64))
    found = made.to_photo(apply_affine(back, in_crop))
    assert np.abs(found - points).max() < 0.01
    # The square's corners are the crop's; a pixel of it is the same everywhere.
    corners = made.to_record(np.array([made.crop_xywh_px[:2], made.crop_xywh_px[:2] + made.crop_xywh_px[2:]]))
    placed = apply_affine(crop.image_to_crop.astype(np.float64), corners)
    np.testing.assert_allclose(placed, [[0, 0], [256, 256]], atol=0.01)
    camera = Camera.from_array(np.asarray(made.record.fields["camera"]))
    point = np.array([[30.0, -20.0, 800.0]])
    np.testing.assert_allclose(made.to_photo(camera.project(point)), CAMERA.project(point), atol=1e-9)


def test_a_large_picture_is_reduced_without_moving_anything():
    rows, columns = np.mgrid[:1500, :1703]
    spot = np.array([901.0, 655.0])
    blob = np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * 25.0**2))
    photo = np.repeat((blob * 255).round().astype(np.uint8)[..., None], 3, -1)
    made, crop = crop_of(photo, (200, 100, 1300, 1200))
    assert made.shrink == 6
    weight = crop.image[..., 0].astype(float)
    v, u = np.mgrid[:256, :256]
    seen = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
    expected = apply_affine(crop.image_to_crop.astype(np.float64), made.to_record(spot))
    assert np.abs(seen - expected).max() < 0.05


@pytest.mark.parametrize("factor", [1, 7])
def test_a_mask_goes_back_to_where_it_was(factor):
    height, width = 320 * factor, 401 * factor
    rows, columns = np.mgrid[:height, :width]
    middle = np.array([171.0, 133.0]) * factor
    disc = (columns - middle[0]) ** 2 + (rows - middle[1]) ** 2 < (50 * factor) ** 2
    box = np.array([40, 30, 220, 180]) * factor
    made, crop = crop_of(np.zeros((height, width, 3), np.uint8), box, enlarge=1.0)
    assert made.shrink == (1 if factor == 1 else 6)
    places = np.stack(np.meshgrid(np.arange(width // made.shrink), np.arange(height // made.shrink)), -1)
    at = made.to_photo(places).round().astype(int)
    small = np.where(disc[at[..., 1], at[..., 0]], 9, 0).astype(np.uint8)
    back = made.labels_in_photo(
        warp_labels(small, crop.image_to_crop, 256, 2), crop.image_to_crop, 256, (width, height)
    )
    assert back.shape == (height, width)
    assert set(np.unique(back)) == {0, 9}
    found = np.array([columns[back > 0].mean(), rows[back > 0].mean()])
    assert np.abs(found - middle).max() < 0.25 * factor  # a pixel of the mask is 1.7 times that factor wide
    assert (disc & (back > 0)).sum() / (disc | (back > 0)).sum() > 0.96


def test_an_unreduced_photo_gives_the_very_crop_of_the_dataset(samples):
    file = next((samples / "interhand2.6m" / "images").rglob("image69148.jpg"))
    photo, _ = read_photo(file)
    box = (37.3, 140.2, 170.5, 150.1)
    made, crop = crop_of(photo, box)
    np.testing.assert_array_equal(decode_rgb(made.record.images["rgb"]), photo)
    expected = make_crop(
        type(made.record)("r", {"rgb": file.read_bytes()}, {"crop_xywh_px": made.crop_xywh_px}), RgbDraw()
    )
    np.testing.assert_array_equal(crop.image, expected.image)

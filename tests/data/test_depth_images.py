import numpy as np
import pytest

from carpus.data.depth_images import check_millimetres, decode_depth, encode_depth, npz_bytes
from carpus.errors import DataError
from golden_cases import golden_paths

CODINGS = ["msra_bin", "png16_mm", "nyu_png", "npz_mm", "raw_f32:32x24"]


@pytest.fixture
def depth():
    image = np.zeros((24, 32), np.float32)
    image[5:20, 8:30] = np.random.default_rng(0).integers(300, 1200, (15, 22))
    image[7, 9] = 0
    return image


@pytest.mark.parametrize("coding", CODINGS)
def test_encoding_then_decoding_whole_millimetres_changes_nothing(depth, coding):
    decoded = decode_depth(encode_depth(depth, coding), coding)
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, depth)


@pytest.mark.parametrize("coding", ["msra_bin", "npz_mm", "raw_f32:32x24"])
def test_float_codings_keep_fractions(depth, coding):
    depth[10, 10] += 0.25
    np.testing.assert_array_equal(decode_depth(encode_depth(depth, coding), coding), depth)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("keep", [0.3, 0.97])
def test_truncated_bytes_are_an_error(depth, coding, keep):
    data = encode_depth(depth, coding)
    with pytest.raises(DataError):
        decode_depth(data[: int(len(data) * keep)], coding)


def test_float16_metres_come_back_as_float32_millimetres():
    metres = np.array([[0.0, 2.5], [3.125, 1.0]], np.float16)
    np.testing.assert_array_equal(
        decode_depth(npz_bytes(metres, 1000.0), "npz_mm"), [[0, 2500], [3125, 1000]]
    )


def test_nyu_coding_puts_the_high_byte_in_green():
    depth = np.full((2, 2), 700, np.float32)
    import cv2

    image = cv2.imdecode(np.frombuffer(encode_depth(depth, "nyu_png"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image[0, 0].tolist() == [700 % 256, 700 // 256, 0]


def test_an_empty_msra_image_has_an_empty_box():
    np.testing.assert_array_equal(decode_depth(encode_depth(np.zeros((4, 5)), "msra_bin"), "msra_bin"), 0)


def test_metres_are_recognised():
    with pytest.raises(DataError, match=r"frame\.png.*metres"):
        check_millimetres(np.full((2, 2), 0.4), "frame.png")


def test_an_unknown_coding_names_the_nearest():
    with pytest.raises(DataError, match="png16_mm"):
        decode_depth(b"", "png16")


def test_the_real_nyu_frame_decodes(samples):
    depth = decode_depth((samples / "nyu/dataset/test/depth_1_0000001.png").read_bytes(), "nyu_png")
    assert depth.shape == (480, 640)
    assert 500 < np.median(depth[depth > 0]) < 3000


@pytest.mark.parametrize("path", golden_paths("v2v", "msra_depth_file"))
def test_msra_depth_file_as_published(path):
    golden = np.load(path)
    depth = decode_depth(golden["file_bytes"].tobytes(), "msra_bin")
    np.testing.assert_array_equal(np.where(depth == 0, 700, depth), golden["depth"])

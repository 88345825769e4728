"""Hand4Whole's networks against the reference: names, sizes, order of layers, and a forward pass of all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.nets.hand4whole import PosedBody, ResNet, joints_in_body
from carpus.nets.hand4whole.boxes import restore_box
from carpus.nets.hand4whole.pose2pose import Pose2PoseBody, Pose2PoseFace, Pose2PoseHand
from carpus.nets.hand4whole.rotation import axis_angle_from_matrix, matrix_from_6d, matrix_from_axis_angle
from carpus.nets.hand4whole.sampling import mean_cell, sample_features, soft_max
from carpus.nets.hand4whole.sizes import VirtualCamera
from golden_cases import golden_paths
from hand4whole_golden import NETWORKS, RESNETS, filled_net, formula_layer, layout, picture, published_net
from handflow2d_golden import leaf_calls

PARAMS = golden_paths("hand4whole", "params", ".json")


@pytest.fixture(scope="module")
def meta():
    with torch.device("meta"):
        return published_net()


def close(found, expected, absolute, relative=0.0):
    torch.testing.assert_close(
        found.double(), torch.from_numpy(np.asarray(expected)).double(), atol=absolute, rtol=relative
    )


@pytest.mark.parametrize("path", PARAMS)
def test_counts_and_names(path, meta):
    spec = layout(path)
    assert sum(p.numel() for p in meta.parameters()) == spec["total"]
    for name in NETWORKS:
        module, wanted = getattr(meta, name), spec[name]
        assert sum(p.numel() for p in module.parameters()) == wanted["params"], name
        assert sum(b.numel() for b in module.buffers()) == wanted["buffers"], name
        state = {key: list(value.shape) for key, value in module.state_dict().items()}
        if name in RESNETS:
            assert len(state) == wanted["state_dict"]["n_tensors"]
        else:
            assert list(state.items()) == list(wanted["state_dict"].items()), name


@pytest.mark.parametrize("path", PARAMS)
def test_order_and_shapes_of_leaf_modules(path, meta):
    wanted = layout(path)["layers"]
    body, hand = torch.zeros(1, 2048, 8, 6, device="meta"), torch.zeros(2, 2048, 8, 8, device="meta")
    knuckles, mass = torch.zeros(1, 4, 3, device="meta"), torch.zeros(1, 25, 8, 8, 6, device="meta")
    inputs = {
        "backbone_body_256x192": (meta.backbone, torch.zeros(1, 3, 256, 192, device="meta")),
        "backbone_hand_256x256": (meta.hand_roi_net.backbone, torch.zeros(1, 3, 256, 256, device="meta")),
        "backbone_face_192x192": (meta.face_roi_net.backbone, torch.zeros(1, 3, 192, 192, device="meta")),
        "box_net": (meta.box_net, body, mass),
        "body_position_net": (meta.body_position_net, body),
        "body_rotation_net": (
            *(meta.body_rotation_net, body, torch.zeros(1, 25, 3, device="meta")),
            *(hand[:1], knuckles, hand[:1], knuckles),
        ),
        "hand_position_net": (meta.hand_position_net, hand),
        "hand_rotation_net": (meta.hand_rotation_net, hand, torch.zeros(2, 20, 3, device="meta")),
        "face_regressor": (meta.face_regressor, torch.zeros(1, 512, 6, 6, device="meta")),
    }
    assert set(inputs) == set(wanted)
    for name, (module, *given) in inputs.items():
        # The fixture counts the batch in, this helper leaves it out.
        assert leaf_calls(module, *given) == [[n, kind, s[1:]] for n, kind, s in wanted[name]], name


@pytest.mark.parametrize("path", PARAMS)
@pytest.mark.parametrize(
    ("part", "make"), [("body", Pose2PoseBody), ("hand", Pose2PoseHand), ("face", Pose2PoseFace)]
)
def test_counts_of_the_single_parts(path, part, make):
    with torch.device("meta"):
        net = make(ResNet("resnet50"))
    for name, wanted in layout(path)["pose2pose"][part].items():
        module = net if name == "total" else getattr(net, name)
        assert sum(p.numel() for p in module.parameters()) == wanted, name


@pytest.mark.parametrize("path", golden_paths("hand4whole", "rot6d"))
def test_rotations(path):
    golden = np.load(path)
    numbers, wanted = torch.from_numpy(golden["x6d"]), torch.from_numpy(golden["axis_angle"])
    found = axis_angle_from_matrix(matrix_from_6d(numbers))
    assert found.isfinite().all()
    usual = slice(0, len(numbers) - 2)
    far = wanted[usual].norm(dim=-1) > 3.13
    close(found[usual][~far], wanted[usual][~far], 2e-5)
    matrices = [matrix_from_axis_angle(x[usual][far]) for x in (found, wanted)]
    close(matrices[0], matrices[1], 5e-3)
    three = torch.cat([axis_angle_from_matrix(matrix_from_6d(rows)) for rows in numbers.split(3)])
    # But for the rounding of vectorised arithmetic, which matters near pi and in degenerate rows.
    close(three[usual][~far], found[usual][~far], 1e-5)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "softargmax"))
def test_reading_maps_and_boxes(path):
    golden = {key: torch.from_numpy(value) for key, value in np.load(path).items()}
    for name, axes in (("body", 3), ("hand", 3), ("2d", 2)):
        maps = golden["hm2d" if name == "2d" else f"hm_{name}"]
        wanted = golden["out2d" if name == "2d" else f"out_{name}"]
        close(mean_cell(soft_max(maps, axes), axes), wanted, 1e-5)
    close(sample_features(golden["feat"], golden["feat_xy"]), golden["sampled"], 1e-5)
    camera = VirtualCamera((256, 192), (8, 6))
    for part, extension in (("hand", 2.0), ("face", 1.5)):
        found = restore_box(golden["bbox_centre"], golden["bbox_size"], camera, extension)
        close(found, golden[f"restored_{part}"], 1e-3)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "network_full"))
def test_the_whole_network(path):
    golden = np.load(path)
    net = filled_net(int(golden["seed_offset"]))
    seen = {}
    for name in NETWORKS:
        getattr(net, name).register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    with torch.inference_mode():
        outputs = net(picture(float(golden["phase"])))
        posed = PosedBody()(outputs, formula_layer())
    for name, key, step in (
        ("backbone", "body", 32),
        ("hand_roi_net", "hand", 64),
        ("face_roi_net", "face", 16),
    ):
        nth = {32: "32nd", 64: "64th", 16: "16th"}[step]
        wanted = golden[f"{key}_feat_every_{nth}"]
        features = seen[name]
        close(features[:, ::step], wanted, 1e-3 * float(np.abs(wanted).max()))
        close(torch.stack((features.mean(), features.std())), golden[f"{key}_feat_mean_std"], 0, 1e-3)
    mass, joints = seen["body_position_net"]
    close(mass.flatten(2).amax(2), golden["body_hm_max"], 2e-3)
    raw = {
        "body_joint_img": joints,
        "hand_joint_img": seen["hand_position_net"][1],
        "hand_pose6d": seen["hand_rotation_net"],
        **{f"box_{p}{k}": seen["box_net"][j][:, i] for i, p in enumerate("lrf") for j, k in enumerate("cs")},
        **dict(
            zip(
                (f"body_rot_{n}" for n in ("root6d", "body6d", "shape", "cam")),
                seen["body_rotation_net"],
                strict=True,
            )
        ),
        **dict(zip(("expr", "jaw6d"), seen["face_regressor"], strict=True)),
    }
    for name, found in raw.items():
        close(found, golden[name], 2e-3)
    check_outputs(golden, outputs, posed, net.sizes)


def check_outputs(golden, outputs, posed, sizes):
    poses = ("root_pose", "body_pose", "lhand_pose", "rhand_pose", "jaw_pose", "shape", "expr")
    for name in poses:
        close(outputs[name], golden[f"out_smplx_{name}"], 2e-3)
    close(outputs["cam_trans"], golden["out_cam_trans"], 2e-3)
    close(joints_in_body(outputs["joint_img"], outputs, sizes), golden["out_joint_img"], 2e-3)
    close(posed["joint_proj"], golden["out_smplx_joint_proj"], 2e-3, 2e-3)
    close(posed["vertices_m"][:, ::25], golden["out_smplx_mesh_cam"], 2e-3)
    for part in ("lhand", "rhand", "face"):
        # Pixels of the crop, twice those of the body's image.
        close(2 * outputs[f"{part}_bbox"], golden[f"out_{part}_bbox"], 0.05)

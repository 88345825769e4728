"""Volume losses against published values and gradients, and what a mask and half precision do to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs import TrilinearVolume
from carpus.geometry.voxels import VoxelGrid
from carpus.losses import CoordinateL1, VolumeCrossEntropy, VolumeMSE
from carpus.losses.volume import coordinate_l1, sparse_volume_cross_entropy, volume_cross_entropy, volume_mse
from golden_cases import golden_paths


@pytest.mark.parametrize("path", golden_paths("v2v", "loss_softargmax"))
def test_losses_and_gradients_equal_the_reference(path):
    data = {name: torch.from_numpy(np.asarray(value)) for name, value in np.load(path).items()}
    heatmap, coord = data["mixed_gt_heatmap"], data["mixed_gt_coord"]
    for name in (n for n in data if n.startswith("mixed_loss_w")):
        weight = float(name.removeprefix("mixed_loss_w"))
        logits = data["mixed_logits"].clone().requires_grad_()
        terms = volume_cross_entropy(logits, heatmap), coordinate_l1(logits, coord)
        loss = weight * terms[0] + (1 - weight) * terms[1]
        loss.backward()
        np.testing.assert_allclose(loss.item(), data[name], rtol=1e-5)
        np.testing.assert_allclose(logits.grad, data[f"mixed_grad_w{weight:g}"], atol=1e-5)
    np.testing.assert_allclose(terms[0].item(), data["ce_only"], rtol=1e-5)
    np.testing.assert_allclose(terms[1].item(), data["l1_only"], rtol=1e-5)
    np.testing.assert_allclose(volume_mse(data["mse_a"], data["mse_b"]), data["mse"], rtol=1e-5)


def test_sparse_and_dense_cross_entropy_agree_with_their_gradients():
    codec = TrilinearVolume(VoxelGrid(200.0, size=16))
    targets = codec.encode(torch.randn(2, 3, 3) * 40, torch.zeros(2, 3))
    logits = torch.randn(2, 3, 8, 8, 8, requires_grad=True)
    sparse = sparse_volume_cross_entropy(logits, targets["heatmap_cells"], targets["heatmap_weights"])
    dense = volume_cross_entropy(logits, codec.dense(targets))
    torch.testing.assert_close(sparse, dense)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (sparse, dense)))


@pytest.mark.parametrize("make", [VolumeMSE, VolumeCrossEntropy, CoordinateL1])
def test_a_joint_without_annotation_does_not_count(make):
    batch = loss_batch()
    outputs = {"volume": torch.randn(2, 3, 8, 8, 8)}
    everything = make()(outputs, batch)
    torch.testing.assert_close(
        make()(outputs, batch | {"joint_valid": torch.ones(2, 3, dtype=torch.bool)}), everything
    )
    mask = torch.tensor([[True, True, False], [True, False, True]])
    masked = make()(outputs, batch | {"joint_valid": mask})
    outputs["volume"][~mask] = torch.randn(2, 8, 8, 8)
    torch.testing.assert_close(make()(outputs, batch | {"joint_valid": mask}), masked)
    assert make()(outputs, batch | {"joint_valid": torch.zeros(2, 3, dtype=torch.bool)}) == 0


@pytest.mark.parametrize("make", [VolumeMSE, VolumeCrossEntropy, CoordinateL1])
def test_half_precision_outputs_are_summed_in_float32(make):
    batch, volume = loss_batch(), torch.randn(2, 3, 8, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = make()({"volume": volume}, batch)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, make()({"volume": volume.float()}, batch))


def loss_batch():
    codec = TrilinearVolume(VoxelGrid(200.0, size=16))
    targets = codec.encode(torch.randn(2, 3, 3) * 40, torch.zeros(2, 3))
    return targets | {"heatmap_target": codec.dense(targets)}

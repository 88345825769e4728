from collections import Counter

import pytest

from carpus.data.sampler import EvalSampler, TrainSampler


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 12, 100])
def test_evaluation_sees_every_sample_exactly_once(count, world_size):
    samplers = [EvalSampler(count, rank, world_size) for rank in range(world_size)]
    seen = Counter(index for sampler in samplers for _, index in sampler)
    assert seen == dict.fromkeys(range(count), 1)
    assert [len(sampler) for sampler in samplers] == [len(list(sampler)) for sampler in samplers]


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 12, 100])
def test_training_deals_equal_counts_that_cover_everything(count, world_size):
    dealt = [list(TrainSampler(count, 5, rank, world_size, epoch=2)) for rank in range(world_size)]
    assert {len(draws) for draws in dealt} == {-(-count // world_size)}
    seen = Counter(index for draws in dealt for _, index in draws)
    assert set(seen) == set(range(count))
    assert max(seen.values()) <= (1 if count % world_size == 0 else 2 if count >= world_size else world_size)
    assert all(epoch == 2 for draws in dealt for epoch, _ in draws)


def test_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        return [index for _, index in TrainSampler(50, seed, epoch=epoch)]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    sampler = TrainSampler(50, 1)
    sampler.set_epoch(1)
    assert [index for _, index in sampler] == order(1, 1)


def test_a_resumed_epoch_is_the_tail_of_the_whole_one_and_keeps_its_length():
    whole = list(TrainSampler(23, 1, rank=1, world_size=2, epoch=4))
    resumed = TrainSampler(23, 1, rank=1, world_size=2, epoch=4, skip=6)
    resumed.set_epoch(4)
    assert list(resumed) == whole[6:]
    assert len(resumed) == len(whole)
    resumed.set_epoch(5)
    assert list(resumed) == list(TrainSampler(23, 1, rank=1, world_size=2, epoch=5))


def test_what_does_not_fill_a_batch_is_left_out():
    seen = [list(TrainSampler(23, seed=1, rank=r, world_size=2, multiple_of=4)) for r in range(2)]
    assert [len(part) for part in seen] == [8, 8]
    assert len({index for part in seen for _, index in part}) == 16
    order = [index for _, index in TrainSampler(23, seed=1)]
    assert {index for part in seen for _, index in part} == set(order[:16])

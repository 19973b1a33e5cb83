"""Views: crops and flips against torchvision's own, boxes against its distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor

from asgml.core.data.base import DataError
from asgml.core.data.media.random_crop import central_box, crop_resize, draw_boxes
from asgml.core.data.media.views import IMAGENET_MEAN, IMAGENET_STD, AudioView, FramesView

SIZES = [(96, 96), (256, 340), (240, 320), (40, 300), (300, 40)]


def pictures(count: int, frames: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (count, frames, 3, *size), dtype=torch.uint8, generator=generator(seed)
    )


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def normal(images: Tensor) -> Tensor:
    """torchvision's Normalize of 0 … 255."""
    from torchvision.transforms.v2 import functional

    return functional.normalize(images / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))


# Evaluation


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("augment", ["clip", "frame", "off"])
def test_evaluation_is_torchvisions_resize_and_normalize(
    size: tuple[int, int], augment: str
) -> None:
    from torchvision.transforms.v2 import functional

    stored = pictures(2, 3, size)
    seen = FramesView(64, augment)(stored, None)
    wanted = normal(functional.resize(stored.flatten(0, 1).float(), [64, 64], antialias=True)).view(
        2, 3, 3, 64, 64
    )
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, wanted, atol=1e-4, rtol=1e-4)


def test_frames_of_the_right_size_are_only_normalised() -> None:
    stored = pictures(2, 1, (64, 64))
    torch.testing.assert_close(FramesView(64)(stored, None), normal(stored.float()))


def test_switched_off_training_sees_what_evaluation_sees() -> None:
    stored = pictures(2, 3, (96, 96))
    assert torch.equal(FramesView(64, "off")(stored, generator()), FramesView(64)(stored, None))


# Crops


@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_crops_is_torchvisions_crop_of_each(size: tuple[int, int]) -> None:
    """The slow twin crops, scales and mirrors image by image, antialiased as PIL does."""
    from torchvision.transforms.v2 import functional

    images = pictures(24, 1, size)[:, 0]
    boxes, flips = draw_boxes(24, *size, generator(3))
    done = crop_resize(images, boxes, flips, 56)
    for image, (top, left, tall, wide), flip, mine in zip(
        images, boxes.tolist(), flips.tolist(), done, strict=True
    ):
        theirs = functional.resized_crop(
            image.float(), top, left, tall, wide, [56, 56], antialias=True
        )
        torch.testing.assert_close(
            mine, functional.horizontal_flip(theirs) if flip else theirs, atol=2e-2, rtol=1e-4
        )


def test_enlarged_crops_need_no_antialiasing() -> None:
    from torchvision.transforms.v2 import functional

    images = pictures(8, 1, (48, 48))[:, 0]
    boxes, flips = draw_boxes(8, 48, 48, generator(4))
    done = crop_resize(images, boxes, torch.zeros_like(flips), 64)
    for image, box, mine in zip(images, boxes.tolist(), done, strict=True):
        plain = functional.resized_crop(image.float(), *box, [64, 64], antialias=False)
        torch.testing.assert_close(mine, plain, atol=2e-2, rtol=1e-4)


def test_a_box_of_one_pixel_is_that_pixel() -> None:
    image = pictures(1, 1, (9, 9))[:, 0]
    done = crop_resize(image, torch.tensor([[4, 7, 1, 1]]), torch.tensor([True]), 5)
    torch.testing.assert_close(done, image[:, :, 4:5, 7:8].float().expand(-1, -1, 5, 5))


@pytest.mark.parametrize("augment", ["clip", "frame"])
def test_training_crops_every_clip_as_its_boxes_say(augment: str) -> None:
    stored = pictures(5, 3, (80, 96))
    boxes, flips = draw_boxes(5 if augment == "clip" else 15, 80, 96, generator(7))
    each = 3 if augment == "clip" else 1
    wanted = crop_resize(
        stored.flatten(0, 1), boxes.repeat_interleave(each, 0), flips.repeat_interleave(each), 64
    )
    seen = FramesView(64, augment)(stored, generator(7))
    torch.testing.assert_close(seen, normal(wanted).view(5, 3, 3, 64, 64), atol=1e-4, rtol=1e-4)


def test_the_frames_of_a_clip_share_a_box_or_have_their_own() -> None:
    stored = pictures(6, 1, (80, 96)).expand(-1, 4, -1, -1, -1)  # the same picture four times
    together = FramesView(32, "clip")(stored, generator())
    apart = FramesView(32, "frame")(stored, generator())
    assert all(torch.equal(together[:, 0], together[:, t]) for t in range(4))
    assert all((apart[:, 0] != apart[:, t]).flatten(1).any(dim=1).all() for t in range(1, 4))
    assert not torch.equal(together[0, 0], together[1, 0])


def test_the_generator_alone_decides() -> None:
    stored = pictures(3, 2, (80, 96))
    view = FramesView(32)
    assert torch.equal(view(stored, generator(1)), view(stored, generator(1)))
    assert not torch.equal(view(stored, generator(1)), view(stored, generator(2)))


def test_what_is_stored_is_left_as_it_is() -> None:
    stored = pictures(2, 2, (64, 64))
    kept = stored.clone()
    FramesView(64)(stored, generator())
    FramesView(64)(stored, None)
    assert torch.equal(stored, kept)


# The law of the boxes


@pytest.mark.parametrize("size", SIZES)
def test_boxes_lie_in_the_frame_and_have_an_allowed_shape(size: tuple[int, int]) -> None:
    boxes, _ = draw_boxes(20_000, *size, generator())
    top, left, tall, wide = boxes.unbind(1)
    assert (top >= 0).all() and (left >= 0).all() and (tall > 0).all() and (wide > 0).all()
    assert (top + tall <= size[0]).all() and (left + wide <= size[1]).all()
    ratio = (wide.double() - 1) / (tall + 1), (wide.double() + 1) / (tall - 1).clamp(min=1)
    assert (ratio[0] <= 4 / 3).all() and (ratio[1] >= 3 / 4).all()


@pytest.mark.parametrize("size", SIZES)
def test_boxes_follow_the_law_of_torchvision(size: tuple[int, int]) -> None:
    """Area, ratio and place pass the Kolmogorov-Smirnov test of one distribution."""
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    empty = torch.empty(3, *size)
    theirs = np.array(
        [RandomResizedCrop.get_params(empty, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)],
        dtype=np.float64,
    )
    boxes, flips = draw_boxes(4000, *size, generator(1))
    mine = boxes.double().numpy()
    for law in (area, ratio, place):
        assert stats.ks_2samp(law(mine, size), law(theirs, size)).pvalue > 1e-4, law.__name__
    assert abs(flips.double().mean() - 0.5) < 5 * 0.5 / math.sqrt(4000)


def area(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return boxes[:, 2] * boxes[:, 3]


def ratio(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return boxes[:, 3] / boxes[:, 2]


def place(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return boxes[:, 0] * size[1] + boxes[:, 1]


def test_boxes_reach_all_four_sides() -> None:
    top, left, tall, wide = draw_boxes(5000, 50, 60, generator())[0].unbind(1)
    assert (
        top.min() == 0
        and left.min() == 0
        and (top + tall).max() == 50
        and (left + wide).max() == 60
    )


@pytest.mark.parametrize("size", [(10, 400), (400, 10), (1, 1), (1, 50)])
def test_where_no_box_fits_the_middle_is_taken_as_torchvision_does(size: tuple[int, int]) -> None:
    from torchvision.transforms import RandomResizedCrop

    theirs = {
        RandomResizedCrop.get_params(torch.empty(3, *size), [2.0, 2.0], [3 / 4, 4 / 3])
        for _ in range(3)
    }
    assert {central_box(*size)} == theirs  # an area of twice the frame never fits
    assert central_box(*size) in {
        tuple(box) for box in draw_boxes(3000, *size, generator())[0].tolist()
    }


# Sound


def test_sound_becomes_float32() -> None:
    stored = torch.randn(3, 1, 5, 7).half()
    for given in (None, generator()):
        seen = AudioView()(stored, given)
        assert seen.dtype == torch.float32 and torch.equal(seen, stored.float())


def test_evaluation_hears_the_middle() -> None:
    stored = torch.arange(11.0).half().expand(2, 1, 3, 11)
    assert AudioView(5)(stored, None)[0, 0, 0].tolist() == [3, 4, 5, 6, 7]


def test_training_hears_a_random_part_of_each_clip() -> None:
    """Every start is as likely as any other, and all rows of a clip start together."""
    stored = torch.arange(11.0).half().expand(8000, 1, 3, 11)
    seen = AudioView(5)(stored, generator())
    assert seen.shape == (8000, 1, 3, 5) and seen.dtype == torch.float32
    assert torch.equal(seen.diff(dim=-1), torch.ones(8000, 1, 3, 4)) and torch.equal(
        seen[:, :, 0], seen[:, :, 2]
    )
    counts = np.bincount(seen[:, 0, 0, 0].long().numpy(), minlength=7)
    assert len(counts) == 7 and stats.chisquare(counts).pvalue > 1e-4


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="crop is 0; expected a whole number from 1"):
        FramesView(0)
    with pytest.raises(DataError, match="one of clip, frame, off"):
        FramesView(224, "time")


@pytest.mark.parametrize("given", [None, 5])
def test_views_work_where_their_input_is(given: int | None) -> None:
    """On the device "meta" an operation with a tensor of the CPU fails, as it does on a GPU."""
    drawn = None if given is None else generator(given)
    seen = FramesView(64)(pictures(4, 3, (80, 96)).to("meta"), drawn)
    heard = AudioView(7)(torch.randn(4, 1, 9, 40).half().to("meta"), drawn)
    assert seen.is_meta and seen.shape == (4, 3, 3, 64, 64)
    assert heard.is_meta and heard.shape == (4, 1, 9, 7)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_what_the_cpu_sees() -> None:
    stored, sound = pictures(4, 3, (80, 96)), torch.randn(4, 1, 9, 40).half()
    for given in (None, 5):
        here = FramesView(64)(stored, None if given is None else generator(given))
        there = FramesView(64)(stored.cuda(), None if given is None else generator(given))
        assert there.is_cuda
        torch.testing.assert_close(there.cpu(), here, atol=1e-3, rtol=1e-3)
        heard = AudioView(7)(sound.cuda(), None if given is None else generator(given))
        assert heard.is_cuda and torch.equal(
            heard.cpu(), AudioView(7)(sound, None if given is None else generator(given))
        )

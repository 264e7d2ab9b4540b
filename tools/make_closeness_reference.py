"""Writes .deps/models/reference/assert_close.pt: random pairs of tensors and what torch.testing.assert_close says of them.

A list of {"actual", "expected", "rtol", "atol" (-1.0: the default of the dtype), "equal_nan" (0 or 1), "passes" (0 or 1)}.
Run by script/models.
"""

import pathlib
import random

import torch

from fixture_files import make, prepare

PAIRS = 2000
FLOATS = {  # dtype: the default (rtol, atol) of torch.testing.assert_close
    torch.float64: (1e-7, 1e-7),
    torch.float32: (1.3e-6, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
}
INTEGERS = [torch.int64, torch.int32, torch.uint8, torch.bool]
SHAPES = [(), (0,), (3, 0), (1,), (5,), (2, 3), (1, 4), (4, 1, 2), (2, 3, 2, 2)]
TOLERANCES = [(0.0, 0.0), (1e-3, 0.0), (0.0, 1e-3), (1e-5, 1e-8), (0.1, 0.5), (0.0, 1.0)]
BORDER = [0.0, 0.5, 0.99, 0.999999, 1.0, 1.000001, 1.01, 2.0]  # how far off, in units of what is tolerated
SPECIAL = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0]
HUGE_INTEGERS = [2**24, 2**31 + 1, 2**53, 2**62]


def random_tensor(rng, dtype, shape):
    if dtype == torch.bool:
        return torch.rand(shape) < 0.5
    if dtype in INTEGERS:
        values = torch.randint(0, 100, shape).to(dtype)
        if dtype == torch.int64 and rng.random() < 0.4:
            values += rng.choice(HUGE_INTEGERS)
        return values
    return (torch.randn(shape, dtype=torch.complex64 if dtype.is_complex else torch.float64)
            * rng.choice([1e-6, 1.0, 1e3])).to(dtype)


def near_border(rng, expected, rtol, atol):
    """`expected`, each element off by the same multiple of its tolerance, up or down."""
    wide = expected.to(torch.complex128 if expected.dtype.is_complex else torch.float64)
    allowed = (atol + rtol * wide.abs()) * rng.choice(BORDER)
    off = wide + allowed * rng.choice([1, -1])
    if expected.dtype in INTEGERS:
        off = off.round()
    if expected.dtype == torch.bool:
        return off != 0
    return off.to(expected.dtype)


def with_one_changed(rng, tensor, value):
    tensor = tensor.clone()
    if tensor.numel():
        tensor.view(-1)[rng.randrange(tensor.numel())] = value
    return tensor


def add_specials(rng, actual, expected):
    """A NaN, infinity or signed zero in either or in both, at the same place when in both."""
    if not actual.numel():
        return actual, expected
    place = rng.randrange(actual.numel())
    actual, expected = actual.clone(), expected.clone()
    in_actual, in_expected = rng.choice([(True, True), (True, True), (True, False), (False, True)])
    value, other = rng.choice(SPECIAL), rng.choice(SPECIAL)
    if in_actual:
        actual.view(-1)[place] = value
    if in_expected:
        expected.view(-1)[place] = value if rng.random() < 0.7 else other
    return actual, expected


def other_shape(rng, tensor):
    """The same values in another shape, most of them broadcastable to the first."""
    return rng.choice([
        tensor.unsqueeze(0), tensor.unsqueeze(-1), tensor.expand(2, *tensor.shape).clone(), tensor.flatten(),
        tensor.new_zeros(7)])


def non_contiguous(tensor):
    """The same values, with strides that torch.save keeps."""
    wide = tensor.new_zeros(*tensor.shape, 2)
    wide[..., 0] = tensor
    return wide[..., 0]


def passes(pair):
    tolerance = {} if pair["rtol"] < 0 else {"rtol": pair["rtol"], "atol": pair["atol"]}
    try:
        torch.testing.assert_close(pair["actual"], pair["expected"], equal_nan=bool(pair["equal_nan"]), **tolerance)
    except AssertionError:
        return 0
    return 1


def random_pair(rng):
    dtype = rng.choice([*FLOATS, *FLOATS, *INTEGERS])
    rtol, atol = rng.choice([(-1.0, -1.0), rng.choice(TOLERANCES)])
    used_rtol, used_atol = (rtol, atol) if rtol >= 0 else FLOATS.get(dtype, (0.0, 0.0))
    expected = random_tensor(rng, dtype, rng.choice(SHAPES))
    actual = near_border(rng, expected, used_rtol, used_atol)

    twist = rng.choice(["none"] * 4 + ["special"] * 4 + ["one off", "shape", "dtype", "strides"])
    if twist == "special" and dtype in FLOATS:
        actual, expected = add_specials(rng, actual, expected)
    elif twist == "one off":
        actual = with_one_changed(rng, actual, 1)
    elif twist == "shape":
        actual = other_shape(rng, actual)
    elif twist == "dtype":
        actual = actual.real.to(rng.choice([*FLOATS, *INTEGERS]))
    elif twist == "strides":
        actual = non_contiguous(actual)

    pair = {"actual": actual, "expected": expected, "rtol": rtol, "atol": atol, "equal_nan": rng.randrange(2)}
    pair["passes"] = passes(pair)
    return pair


def write(path):
    rng = random.Random(0)
    torch.manual_seed(0)
    torch.save([random_pair(rng) for _ in range(PAIRS)], path)
    torch.load(path, weights_only=True)


def main():
    prepare()
    make("reference/assert_close.pt", [pathlib.Path(__file__)], write)


if __name__ == "__main__":
    main()

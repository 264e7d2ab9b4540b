"""The nets behind .deps/models/onnx/ that are no TorchScript fixture of their own, and models of ONNX's that no net makes."""

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        split = self.qkv(self.before_attention(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.before_mlp(x))))


class Encoder(nn.Module):
    """Takes token ids [N, T], T up to 128."""

    def __init__(self, width=384, heads=12, layers=6, tokens=128, words=1000):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(tokens, width) / 10)
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(layers)))
        self.after = nn.LayerNorm(width)

    def forward(self, ids):
        return self.after(self.blocks(self.words(ids) + self.places[: ids.shape[1]]))


def wide_mlp():
    return nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))


def value(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def model_of(nodes, inputs, outputs, initializers=(), opset=17, ir_version=8, domains=(), functions=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=initializers)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*each) for each in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version, functions=functions,
                             producer_name="torchdeploy fixtures")


def strings():
    """Words to lower case: a tensor of strings in and out."""
    return model_of([helper.make_node("StringNormalizer", ["words"], ["lower"], case_change_action="LOWER",
                                      locale="C")],
                    [value("words", TensorProto.STRING, ["n"])], [value("lower", TensorProto.STRING, ["n"])])


def sequence():
    """The rows of a matrix, as a sequence of tensors."""
    rows = helper.make_tensor_sequence_value_info("rows", TensorProto.FLOAT, None)
    return model_of([helper.make_node("SplitToSequence", ["x"], ["rows"], axis=0, keepdims=0)],
                    [value("x", TensorProto.FLOAT, ["n", 4])], [rows])


def optional():
    """Is there a tensor in the optional?"""
    of_tensor = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [4]))
    return model_of([helper.make_node("OptionalHasElement", ["x"], ["there"])],
                    [helper.make_value_info("x", of_tensor)], [value("there", TensorProto.BOOL, [])], opset=18)


def labels():
    """A word's number: an operator of ai.onnx.ml."""
    node = helper.make_node("LabelEncoder", ["words"], ["numbers"], domain="ai.onnx.ml", keys_strings=["cat", "dog"],
                            values_int64s=[1, 2], default_int64=0)
    return model_of([node], [value("words", TensorProto.STRING, ["n"])], [value("numbers", TensorProto.INT64, ["n"])],
                    domains=[("ai.onnx.ml", 2)])


def contributed():
    """An operator of ONNX Runtime's own domain."""
    return model_of([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")],
                    [value("x", TensorProto.FLOAT, ["n", 16])], [value("y", TensorProto.FLOAT, ["n", 16])],
                    domains=[("com.microsoft", 1)])


def unknown_domain():
    """An operator that no runtime has."""
    return model_of([helper.make_node("Levitate", ["x"], ["y"], domain="org.acme")],
                    [value("x", TensorProto.FLOAT, ["n", 16])], [value("y", TensorProto.FLOAT, ["n", 16])],
                    domains=[("org.acme", 3)])


def own_function():
    """y = 2 x + 1, by a function of the model's own, called twice."""
    body = [helper.make_node("Constant", [], ["one"], value_float=1.0), helper.make_node("Add", ["x", "x"], ["twice"]),
            helper.make_node("Add", ["twice", "one"], ["y"])]
    function = helper.make_function("org.acme", "TwicePlusOne", ["x"], ["y"], body, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("TwicePlusOne", ["x"], ["z"], domain="org.acme"),
             helper.make_node("TwicePlusOne", ["z"], ["y"], domain="org.acme")]
    return model_of(nodes, [value("x", TensorProto.FLOAT, ["n", 4])], [value("y", TensorProto.FLOAT, ["n", 4])],
                    domains=[("org.acme", 1)], functions=[function])


def int4_weights():
    """A matrix of four-bit numbers, a scale for each block of 8: opset 21."""
    numbers = np.random.default_rng(0).integers(-8, 8, (16, 4))
    weight = helper.make_tensor("w", TensorProto.INT4, [16, 4], numbers.flatten().tolist())
    scale = numpy_helper.from_array(np.full((2, 4), 0.1, np.float32), "scale")
    nodes = [helper.make_node("DequantizeLinear", ["w", "scale"], ["floats"], axis=0, block_size=8),
             helper.make_node("MatMul", ["x", "floats"], ["y"])]
    return model_of(nodes, [value("x", TensorProto.FLOAT, ["n", 16])], [value("y", TensorProto.FLOAT, ["n", 4])],
                    [weight, scale], opset=21, ir_version=10)


def narrow_types():
    """Initializers of bfloat16 and float8, cast to float32."""
    numbers = [0.5, -1.0, 2.0, 0.25]
    initializers = [helper.make_tensor(name, dtype, [4], numbers)
                    for name, dtype in [("bf16", TensorProto.BFLOAT16), ("f8", TensorProto.FLOAT8E4M3FN)]]
    nodes = [helper.make_node("Cast", [name], [name + "_wide"], to=TensorProto.FLOAT) for name in ("bf16", "f8")]
    nodes += [helper.make_node("Add", ["x", "bf16_wide"], ["sum"]), helper.make_node("Add", ["sum", "f8_wide"], ["y"])]
    return model_of(nodes, [value("x", TensorProto.FLOAT, ["n", 4])], [value("y", TensorProto.FLOAT, ["n", 4])],
                    initializers, opset=19, ir_version=9)


def loop():
    """x doubled `times` times."""
    body = helper.make_graph(
        [helper.make_node("Add", ["before", "before"], ["after"]), helper.make_node("Identity", ["on"], ["still_on"])],
        "body", [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, []),
                 value("before", TensorProto.FLOAT, ["n"])],
        [value("still_on", TensorProto.BOOL, []), value("after", TensorProto.FLOAT, ["n"])])
    return model_of([helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)],
                    [value("times", TensorProto.INT64, []), value("x", TensorProto.FLOAT, ["n"])],
                    [value("y", TensorProto.FLOAT, ["n"])])


HAND_MADE = {each.__name__: each for each in (strings, sequence, optional, labels, contributed, unknown_domain, own_function,
                                              int4_weights, narrow_types, loop)}

#!/usr/bin/env python3
"""Which dtypes ONNX Runtime runs ONNX's operators in, by opset: what include/torchdeploy/onnx/dtype_policy.hpp goes by.

    measure_operator_dtypes.py          each operator: from which opset on, which dtypes (letters as in the header)
    measure_operator_dtypes.py --check  does it run all that the header says?

A model of one node is made for each operator, opset and dtype, and run; without optimizations, for these fuse and cast.
"""
import pathlib
import re
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h

HEADER = pathlib.Path(__file__).resolve().parent.parent / "include/torchdeploy/onnx/dtype_policy.hpp"
OPSETS = range(13, 22)
LETTERS = {"h": T.FLOAT16, "b": T.BFLOAT16, "f": T.FLOAT, "d": T.DOUBLE, "c": T.INT8, "s": T.INT16, "i": T.INT32, "l": T.INT64,
           "u": T.UINT8, "B": T.BOOL}
IMAGE = [2, 4, 6, 6]
ONE = """Relu Sigmoid Tanh Softplus Neg Abs Sign Sqrt Reciprocal Floor Ceil Round Exp Log Erf Sin Cos Tan Asin Acos Atan Sinh Cosh
Asinh Acosh Atanh Elu Celu Selu LeakyRelu HardSigmoid HardSwish Mish Gelu Shrink Softmax LogSoftmax IsNaN NonZero Identity Not
BitwiseNot GlobalAveragePool Flatten Transpose Shape Size ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
ReduceLogSumExp ArgMax ArgMin Trilu""".split()
TWO = """Add Sub Mul Div Pow Equal Less Greater LessOrEqual GreaterOrEqual Max Min And Or Xor BitwiseAnd BitwiseOr BitwiseXor
MatMul PRelu""".split()


def given(shape=IMAGE, dtype=None):
    """An input, of the dtype that is asked for where none is named."""
    return "input", dtype, shape


def fixed(shape, dtype=None, values=1):
    return "constant", dtype, shape, values


def ints(*values):
    return fixed([len(values)], T.INT64, list(values))


def recurrent(gates):
    return [given([5, 2, 4]), fixed([1, 3 * gates, 4]), fixed([1, 3 * gates, 3])], {"hidden_size": 3}


# inputs and attributes; a name ends in "+" where the operator combines, and may be of the same operator twice
OPERATORS = {kind: ([given()], {}) for kind in ONE} | {kind: ([given(), given()], {}) for kind in TWO} | {
    "Cast": ([given()], {"to": T.FLOAT}),
    "Mod": ([given(), given()], {"fmod": 1}),
    "Where": ([given(dtype=T.BOOL), given(), given()], {}),
    "Clip": ([given(), fixed([]), fixed([])], {}),
    "Conv": ([given(), fixed([3, 4, 3, 3]), fixed([3])], {}),
    "ConvTranspose": ([given(), fixed([4, 3, 3, 3]), fixed([3])], {}),
    "BatchNormalization": ([given()] + [fixed([4])] * 4, {}),
    "InstanceNormalization": ([given(), fixed([4]), fixed([4])], {}),
    "LayerNormalization": ([given(), fixed([6]), fixed([6])], {}),
    "AveragePool": ([given()], {"kernel_shape": [2, 2]}),
    "MaxPool": ([given()], {"kernel_shape": [2, 2]}),
    "Gemm": ([given([2, 3]), given([3, 4]), given([4])], {}),
    "Einsum": ([given([2, 3]), given([3, 4])], {"equation": "ij,jk->ik"}),
    "CumSum": ([given(), fixed([], T.INT64)], {}),
    "TopK": ([given(), ints(2)], {}),
    "Pad": ([given(), ints(0, 0, 1, 1, 0, 0, 1, 1), fixed([])], {}),
    "Tile": ([given(), ints(1, 1, 2, 1)], {}),
    "Expand": ([given(), ints(2, 2, 4, 6, 6)], {}),
    "Reshape": ([given(), ints(-1)], {}),
    "Slice": ([given(), ints(0), ints(1)], {}),
    "Split": ([given(), ints(1, 1)], {}),
    "Concat": ([given(), given()], {"axis": 0}),
    "Squeeze": ([given([1, 4]), ints(0)], {}),
    "Unsqueeze": ([given([1, 4]), ints(0)], {}),
    "Gather": ([given(), given([3], T.INT64)], {}),
    "GatherElements": ([given(), given(IMAGE, T.INT64)], {}),
    "GatherND": ([given(), given([3, 2], T.INT64)], {}),
    "ScatterND": ([given(), given([3, 2], T.INT64), given([3, 6, 6])], {}),
    "ScatterElements": ([given(), given(IMAGE, T.INT64), given()], {}),
    "ScatterND+": ([given(), given([3, 2], T.INT64), given([3, 6, 6])], {"reduction": "add"}),
    "ScatterElements+": ([given(), given(IMAGE, T.INT64), given()], {"reduction": "add"}),
    "Compress": ([given(), given([30], T.BOOL)], {}),
    "OneHot": ([given([3], T.INT64), ints(4), given([2])], {}),
    "Range": ([given([]), given([]), given([])], {}),
    "DepthToSpace": ([given()], {"blocksize": 2}),
    "SpaceToDepth": ([given()], {"blocksize": 2}),
    "Resize": ([given(), None, fixed([4], T.FLOAT, [1.0, 1.0, 2.0, 2.0])], {"mode": "nearest"}),
    "GridSample": ([given(), given([2, 3, 3, 2])], {}),
    "LSTM": recurrent(4),
    "GRU": recurrent(3),
    "RNN": recurrent(1),
}


def runs(kind, opset, dtype, options):
    inputs, attributes = OPERATORS[kind]
    names, ports, constants, feed = [], [], [], {}
    for i, each in enumerate(inputs):
        if each is None:
            names.append("")
            continue
        names.append(f"x{i}")
        its = each[1] or dtype
        if each[0] == "input":
            ports.append(h.make_tensor_value_info(names[-1], its, each[2]))
            feed[names[-1]] = np.ones(each[2], h.tensor_dtype_to_np_dtype(its))
        else:
            count = int(np.prod(each[2]))
            values = each[3] if isinstance(each[3], list) else [each[3]] * count
            constants.append(h.make_tensor(names[-1], its, each[2], values))
    results = ["y", "z"] if kind in ("Split", "TopK") else ["y"]
    graph = h.make_graph([h.make_node(kind.rstrip("+"), names, results, **attributes)], "g", ports,
                         [onnx.ValueInfoProto(name=each) for each in results], constants)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=10)
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        if dtype != T.BFLOAT16:  # NumPy has none
            session.run(None, feed)
    except Exception:
        return False
    return True


def header_rows():
    for kinds, since, dtypes in re.findall(r'\{((?:"[^"]*"\s*)+),\s*(\d+), "(\w+)"\}', HEADER.read_text()):
        for kind in "".join(re.findall(r'"([^"]*)"', kinds)).split():
            yield kind, int(since), dtypes


def main():
    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    if "--check" in sys.argv[1:]:
        rows = list(header_rows())
        wrong = [f"{kind} of {each} at {opset}" for kind, since, dtypes in rows for opset in OPSETS
                 if opset >= since and not any(k == kind and since < s <= opset for k, s, _ in rows)
                 for each in dtypes
                 if (opset >= 18 or not kind.startswith("Bitwise")) and exists(kind, opset)
                 and not runs(kind, opset, LETTERS[each], options)]
        sys.exit("\n".join(wrong) and "ONNX Runtime runs not:\n" + "\n".join(wrong))
    for kind in OPERATORS:
        seen = None
        for opset in OPSETS:
            letters = "".join(each for each, dtype in LETTERS.items() if runs(kind, opset, dtype, options))
            if letters != seen:
                print(kind, opset, letters)
            seen = letters


def exists(kind, opset):
    """Was the operator in ONNX by then?"""
    try:
        return onnx.defs.get_schema(kind.rstrip("+"), opset).since_version <= opset
    except onnx.defs.SchemaError:
        return False


if __name__ == "__main__":
    main()

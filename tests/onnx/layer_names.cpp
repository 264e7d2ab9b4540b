#include <torchdeploy/onnx/layer_names.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

TEST_CASE("the names that PyTorch's exporter gives nodes lead to layers") {
  using td::detail::layer_of_onnx_node;
  CHECK(layer_of_onnx_node("/features/features.0/Conv") == "features.0");    // of a module
  CHECK(layer_of_onnx_node("/features/0/Conv") == "features.0");             // of a scripted one
  CHECK(layer_of_onnx_node("/layer1/layer1.0/conv1/Conv") == "layer1.0.conv1");
  CHECK(layer_of_onnx_node("/net/net.0/net.0.1/Gemm") == "net.0.1");
  CHECK(layer_of_onnx_node("/blocks.3/attention/out/MatMul") == "blocks.3.attention.out");
  CHECK(layer_of_onnx_node("/a/ab/Conv") == "a.ab");
  CHECK(layer_of_onnx_node("/Relu").empty());
  CHECK(layer_of_onnx_node("node_conv2d").empty());
  CHECK(layer_of_onnx_node("").empty());
  CHECK(layer_of_onnx_node("/").empty());
}

TEST_CASE("a node is a layer by its weight's name, else by its own") {
  using td::detail::onnx_layer_name;
  std::set<std::string_view> const weights{"fc.weight", "onnx::Conv_17", "table.weight"};
  auto const name = [&](std::string_view node, std::string_view kind, std::vector<std::string_view> inputs) {
    return onnx_layer_name({node, kind, std::move(inputs), {"out"}}, weights);
  };
  CHECK(name("node_7", "Gemm", {"x", "fc.weight"}) == "fc");
  CHECK(name("/conv1/Conv", "Conv", {"x", "onnx::Conv_17"}) == "conv1");
  CHECK(name("/words/Gather", "Gather", {"table.weight", "ids"}) == "table");
  CHECK(name("/words/Gather", "Gather", {"shape", "index"}).empty());
  CHECK(name("/block/MatMul", "MatMul", {"a", "b"}) == "block.matmul");
  CHECK(name("/relu/Relu", "Relu", {"x"}).empty());
}

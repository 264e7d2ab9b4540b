// The same for ONNX Runtime: a call through a session, and the best that one writes by hand against its C++ API which takes a
// tensor of LibTorch's and gives one, for a model of one operator whose shapes are known.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../one_operator.hpp"

namespace td = torchdeploy;
namespace pb = td::detail;

namespace {

std::string bytes_of(std::uint32_t field, std::string_view bytes) {
  std::string text;
  protozero::pbf_writer(text).add_bytes(field, bytes.data(), bytes.size());
  return text;
}
std::string number(std::uint32_t field, std::int64_t value) {
  std::string text;
  protozero::pbf_writer(text).add_int64(field, value);
  return text;
}

/// y = Relu(x), of 2 x 16.
std::string one_relu() {
  auto const dim = [](std::int64_t size) {
    return bytes_of(pb::onnx_tensor_shape::dim, number(pb::onnx_tensor_shape_dimension::dim_value, size));
  };
  auto const tensor =
      number(pb::onnx_type_tensor::elem_type, 1) + bytes_of(pb::onnx_type_tensor::shape, dim(2) + dim(16));
  auto const type = bytes_of(pb::onnx_value_info::type, bytes_of(pb::onnx_type::tensor_type, tensor));
  auto const node = bytes_of(pb::onnx_node::input, "x") + bytes_of(pb::onnx_node::output, "y") +
                    bytes_of(pb::onnx_node::op_type, "Relu");
  auto const graph = bytes_of(pb::onnx_graph::node, node) + bytes_of(pb::onnx_graph::name, "g") +
                     bytes_of(pb::onnx_graph::input, bytes_of(pb::onnx_value_info::name, "x") + type) +
                     bytes_of(pb::onnx_graph::output, bytes_of(pb::onnx_value_info::name, "y") + type);
  return number(pb::onnx_model::ir_version, 8) +
         bytes_of(pb::onnx_model::opset_import, number(pb::onnx_operator_set_id::version, 17)) +
         bytes_of(pb::onnx_model::graph, graph);
}

auto const input = at::ones({2, 16});
auto const file = one_relu();
auto const session = td::load<td::Onnx>(std::span(file)) | td::deploy<td::OnnxRuntime>({.threads = {.intra = 1}});

class by_hand {
 public:
  by_hand() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    session_ = Ort::Session(environment_, file.data(), file.size(), options);
  }
  at::Tensor operator()(at::Tensor const& x) {
    auto y = at::empty(shape, at::kFloat);
    auto const in = wrapped(x);
    auto out = wrapped(y);
    session_.Run(run_options_, &input_name, &in, 1, &output_name, &out, 1);
    return y;
  }

 private:
  Ort::Value wrapped(at::Tensor const& tensor) const {
    return Ort::Value::CreateTensor(memory_, tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel()),
                                    tensor.sizes().data(), tensor.sizes().size());
  }

  static constexpr std::int64_t shape[] = {2, 16};
  static constexpr auto input_name = "x", output_name = "y";
  Ort::Env environment_;
  Ort::Session session_{nullptr};
  Ort::RunOptions run_options_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
};

}  // namespace

extern "C" __attribute__((noinline)) void ours_calls(int calls) {
  for (int i = 0; i < calls; ++i) session(input);
}

by_hand* theirs = nullptr;
extern "C" __attribute__((noinline)) void theirs_calls(int calls) {
  for (int i = 0; i < calls; ++i) (*theirs)(input);
}

int main(int, char** arguments) {
  by_hand model;
  theirs = &model;
  for (int i = 0; i < 20; ++i) {
    session(input);
    model(input);
  }
  auto const calls = std::atoi(arguments[1]);
  ours_calls(calls);
  theirs_calls(calls);
}

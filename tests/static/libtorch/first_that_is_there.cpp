// One line for all builds: whatever is missing is passed over, and so is what takes another format.
#include <concepts>
#include <utility>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

namespace {

template <class Format, class... Bs>
concept deploys = requires(td::artifact<Format, td::facts<td::evaluating>>&& model) {
  std::move(model) | td::deploy<td::first_available<Bs...>>();
};
template <class Runtime, class Format, class... Bs>
concept picks = std::same_as<Runtime, typename td::detail::pick<Format, Bs...>::type>;

}  // namespace

static_assert(td::backend<td::TensorRt> && !td::available<td::TensorRt>);
static_assert(!td::available<td::first_available<td::TensorRt>>);
static_assert(td::available<td::first_available<td::TensorRt, td::LibTorch>>);

static_assert(deploys<td::TorchScript, td::TensorRt, td::OpenVino, td::OnnxRuntime, td::LibTorch>);
static_assert(deploys<td::Onnx, td::TensorRt, td::OpenVino, td::OnnxRuntime, td::LibTorch> ==
              (td::available<td::OpenVino> || td::available<td::OnnxRuntime>));
static_assert(picks<td::LibTorch, td::TorchScript, td::TensorRt, td::OnnxRuntime, td::LibTorch>);
static_assert(picks<td::MobileRuntime, td::MobileLite, td::TensorRt, td::LibTorch, td::MobileRuntime>);
#ifdef TORCHDEPLOY_WITH_OPENVINO
static_assert(picks<td::OpenVino, td::TorchScript, td::TensorRt, td::OpenVino, td::OnnxRuntime, td::LibTorch>);
static_assert(picks<td::OpenVino, td::Onnx, td::TensorRt, td::OpenVino, td::OnnxRuntime, td::LibTorch>);
#endif
#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
static_assert(picks<td::OnnxRuntime, td::Onnx, td::TensorRt, td::OnnxRuntime, td::LibTorch>);
#endif

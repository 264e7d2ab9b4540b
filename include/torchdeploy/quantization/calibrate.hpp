#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/quantization.hpp>
#include <torchdeploy/quantization/observer.hpp>

/// LibTorch's InsertObservers wants observers that are TorchScript modules. Ours are C++ types, so the module it gets is
/// a shell of two calls back into C++: `observe` while samples run and `qparams` when the pass asks for the result.
namespace torchdeploy::inline v0::detail {

/// How far an activation reached in each sample: its largest magnitude, NaN or infinity if it had one, -1 where no value came.
struct activation_history {
  std::vector<float> reach;

  void see(at::Tensor const& x) {
    if (reach.empty() || x.numel() == 0) return;
    auto const [low, high] = at::aminmax(x.detach());
    auto const far = std::fabs(low.item<float>()), near = std::fabs(high.item<float>());
    auto& last = reach.back();
    last = std::isfinite(last) ? std::isnan(far) ? far : std::max({last, far, near}) : last;
  }
  [[nodiscard]] float last() const { return reach.empty() ? -1 : reach.back(); }
};

/// One observed value of the model: what a shell's two calls reach.
struct site {
  std::string place;  ///< of the shell in the model: "layer1.0.conv1._observer_0"

  site() = default;
  site(site const&) = delete;
  site& operator=(site const&) = delete;
  virtual ~site() = default;
  virtual void observe(at::Tensor const& x) = 0;
  virtual void begin_sample() {}
  /// All samples were seen: `qparams` is asked under LibTorch's compiler's lock, where no code of a user's may run.
  virtual void settle() { (void)qparams(); }
  [[nodiscard]] virtual activation_history const* history() const { return nullptr; }  ///< null for a weight
  virtual std::pair<at::Tensor, at::Tensor> qparams() const = 0;
};

/// The scale of what no sample reached. Most such values lie in branches that constant propagation then removes
/// (`if inplace:`); where one survives, the quantization fails.
inline constexpr float unreached = -1;

inline std::string module_of(std::string const& place) {
  auto const dot = place.rfind('.');
  return dot == std::string::npos ? "the model's top level" : place.substr(0, dot);
}

template <observer O>
class activation_site final : public site {
 public:
  explicit activation_site(bool reduce_range) : qmax_(reduce_range ? 127 : 255) {}
  void observe(at::Tensor const& x) override {
    if (x.scalar_type() != at::kFloat) {
      other_dtype_ = x.scalar_type();
      return;
    }
    history_.see(x);
    observer_.observe(x);
  }
  void begin_sample() override { history_.reach.push_back(-1); }
  activation_history const* history() const override { return &history_; }
  void settle() override { settled_ = computed(); }
  std::pair<at::Tensor, at::Tensor> qparams() const override { return settled_ ? *settled_ : computed(); }

 private:
  [[nodiscard]] std::pair<at::Tensor, at::Tensor> computed() const {
    if (other_dtype_)
      throw quantization_error(
          errc::not_quantizable,
          "expected float32 activations, got " + dtype_name(*other_dtype_) + " in " + module_of(place),
          "quantize a float32 model with float32 samples");
    std::optional<value_range> const range = observer_.range();  // or what converts to it
    if (!range) return {at::full({1}, unreached, at::kFloat), at::zeros({1}, at::kInt)};
    if (!std::isfinite(range->min) || !std::isfinite(range->max))
      throw quantization_error(
          errc::not_finite,
          "expected finite activations, got NaN or infinity in " + module_of(place) + " ('" + place + "')",
          "look for a NaN in the samples");
    if (range->min > range->max)
      throw quantization_error(errc::quantization_failed,
                               "expected a range from low to high from observer '" + std::string(O::name) + "', got " +
                                   number_text(range->min) + " to " + number_text(range->max) + " in " +
                                   module_of(place),
                               "range() gives {min, max}, and none for what it never saw");
    auto const [scale, zero_point] = affine(*range, 0, qmax_);
    return {at::full({1}, scale, at::kFloat), at::full({1}, zero_point, at::kInt)};
  }

  O observer_{};
  activation_history history_;
  std::optional<at::ScalarType> other_dtype_;
  std::optional<std::pair<at::Tensor, at::Tensor>> settled_;
  std::int64_t qmax_;
};

class weight_site final : public site {
 public:
  explicit weight_site(bool per_channel) : per_channel_(per_channel) {}
  void observe(at::Tensor const& weight) override {
    if (!scales_.defined()) scales_ = weight_scales(weight, per_channel_);
  }
  std::pair<at::Tensor, at::Tensor> qparams() const override {
    if (!scales_.defined()) return {at::full({1}, unreached, at::kFloat), at::zeros({1}, at::kLong)};
    if (!std::isfinite(scales_.max().item<float>()))
      throw quantization_error(errc::not_finite, "expected finite weights, got NaN or infinity in " + module_of(place));
    return {scales_, at::zeros_like(scales_, at::kLong)};
  }

 private:
  bool per_channel_;
  at::Tensor scales_;
};

inline void register_site_operators() {
  [[maybe_unused]] static bool const once = [] {
    register_operator("torchdeploy::observe(Tensor x, int site) -> ()", [](torch::jit::Stack& stack) {
      auto* const at = reinterpret_cast<site*>(torch::jit::pop(stack).toInt());
      at->observe(torch::jit::pop(stack).toTensor());
    });
    register_operator("torchdeploy::qparams(int site) -> (Tensor, Tensor)", [](torch::jit::Stack& stack) {
      auto [scale, zero_point] = reinterpret_cast<site*>(torch::jit::pop(stack).toInt())->qparams();
      stack.emplace_back(std::move(scale));
      stack.emplace_back(std::move(zero_point));
    });
    return true;
  }();
}

struct site_resolver final : torch::jit::NativeResolver {
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(std::string const& name, torch::jit::GraphFunction& function,
                                                         torch::jit::SourceRange const& where) override {
    if (name == "observe" || name == "qparams")
      return std::make_shared<torch::jit::BuiltinFunction>(c10::Symbol::fromQualString("torchdeploy::" + name),
                                                           std::nullopt);
    return NativeResolver::resolveValue(name, function, where);
  }
};

/// The attribute that tells a shell from the model's own modules.
inline constexpr auto site_attribute = "torchdeploy_site";

inline torch::jit::Module shell(std::string const& name, at::ScalarType dtype, at::QScheme qscheme) {
  register_site_operators();
  torch::jit::Module module("__torch__." + name);
  module.register_attribute(site_attribute, c10::IntType::get(), std::int64_t{0});
  module.register_attribute("dtype", c10::IntType::get(), static_cast<std::int64_t>(dtype));
  module.register_attribute("qscheme", c10::QSchemeType::get(), static_cast<std::int64_t>(qscheme));
  module.register_attribute("ch_axis", c10::IntType::get(), std::int64_t{0});
  module.register_attribute("compute_dtype", c10::IntType::get(), static_cast<std::int64_t>(dtype));
  module.register_attribute("is_dynamic", c10::BoolType::get(), true);
  module.define(R"(
def forward(self, x: Tensor) -> Tensor:
    observe(x, self.torchdeploy_site)
    return x
def calculate_qparams(self) -> Tuple[Tensor, Tensor]:
    return qparams(self.torchdeploy_site)
)",
                std::make_shared<site_resolver>());
  return module;
}

/// The shells in a model that InsertObservers went through, each given a site of its own.
template <class MakeActivationSite>
std::vector<std::unique_ptr<site>> furnish(torch::jit::Module const& observed, MakeActivationSite make) {
  std::vector<std::unique_ptr<site>> sites;
  for (auto const& [place, module] : observed.named_modules()) {
    if (!module.hasattr(site_attribute)) continue;
    bool const is_weight = module.attr("dtype").toInt() == static_cast<std::int64_t>(at::kQInt8);
    bool const per_channel = module.attr("qscheme").toInt() == static_cast<std::int64_t>(at::kPerChannelSymmetric);
    sites.push_back(is_weight ? std::make_unique<weight_site>(per_channel) : std::unique_ptr<site>(make()));
    sites.back()->place = place;
    module._ivalue()->setAttr(site_attribute, reinterpret_cast<std::int64_t>(sites.back().get()));
  }
  return sites;
}

}  // namespace torchdeploy::inline v0::detail

#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/openvino/request.hpp>

/// A model as OpenVINO runs it. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0 {

namespace detail {

inline tensor_info info_of(ov::Output<ov::Node const> const& port, std::string fallback) {
  auto const& shape = port.get_partial_shape();
  tensor_info info{.name = port.get_names().empty() ? std::move(fallback) : port.get_any_name(),
                   .dtype = scalar_type(port.get_element_type())};
  if (port.get_element_type().is_dynamic())
    throw backend_error(errc::compile_failed,
                        "expected a model that says which dtype '" + info.name + "' has, got one that takes any",
                        "load it with {.examples = ...}, which tell dtype and rank");
  if (!info.dtype)
    throw backend_error(errc::compile_failed,
                        "expected tensors of types that LibTorch has, got " + port.get_element_type().to_string() +
                            " as '" + info.name + "'",
                        "convert it inside the model");
  if (shape.rank().is_static()) {
    info.shape.emplace();
    for (auto const& each : shape) info.shape->push_back(each.is_static() ? each.get_length() : -1);
  }
  return info;
}

inline model_ports ports_of(ov::CompiledModel const& model, ov::Model const& source) {
  model_ports ports;
  for (auto const& each : source.get_parameters())
    ports.narrowed.push_back(is_wide(each->get_element_type()) && !keeps_wide(each->output(0)));
  for (auto const& each : model.inputs()) {
    ports.inputs.push_back(info_of(each, "input_" + std::to_string(ports.inputs.size())));
    ports.input_types.push_back(each.get_element_type());
  }
  for (auto const& each : model.outputs()) {
    ports.outputs.push_back(info_of(each, "output_" + std::to_string(ports.outputs.size())));
    ports.output_types.push_back(each.get_element_type());
  }
  return ports;
}

}  // namespace detail

/// A compiled model and its idle requests, one for each thread that calls at the same time.
class openvino_executable {
 public:
  static constexpr std::string_view runtime = "OpenVINO";

  /// @throws backend_error 609: it does not compile, or has a port of a type that tensors can't have
  openvino_executable(std::shared_ptr<ov::Model const> model, std::string device, ov::AnyMap properties)
      : openvino_executable(
            std::make_shared<detail::compiled_source>(std::move(model), std::move(device), std::move(properties))) {}

  [[nodiscard]] std::vector<tensor_info> const& inputs() const { return shared_->ports.inputs; }
  [[nodiscard]] std::vector<tensor_info> const& outputs() const { return shared_->ports.outputs; }
  /// The variables of a model that remembers its calls (ReadValue and Assign).
  [[nodiscard]] std::vector<std::string> state() const { return shared_->state; }
  /// The same compiled model with requests, and with that a state, of its own, as it is at first.
  [[nodiscard]] openvino_executable fork() const { return openvino_executable(shared_->source); }
  /// Forget all calls: variables are as they were at first.
  void reset_state() const {
    if (shared_->state.empty()) return;
    std::scoped_lock const alone(shared_->running, shared_->mutex);
    for (auto const& each : shared_->idle) each->request().reset_state();
  }

  /// What `tensor_model` asks for. After a call that throws, the next finds all as it was.
  void run(std::span<at::Tensor const* const> inputs, std::span<at::Tensor> outputs) const {
    auto use = shared_->borrow();
    while (!use.request->run(*shared_->source, inputs, outputs)) use.request = shared_->renewed(*use.request);
  }

  /// What runs, and in which precision.
  [[nodiscard]] std::vector<executed_layer> layers() const { return detail::executed_layers(model()); }

  /// What each layer took in the last call, in ms; none without `{.profile = true}`.
  [[nodiscard]] std::vector<layer_report> profile() const {
    std::scoped_lock const alone(shared_->mutex);
    std::vector<layer_report> all;
    if (shared_->idle.empty() || !shared_->called) return all;
    try {
      for (auto const& each : shared_->idle.back()->request().get_profiling_info())
        if (each.status == ov::ProfilingInfo::Status::EXECUTED)
          all.push_back({.name = each.node_name,
                         .kind = each.node_type,
                         .precision = each.exec_type.substr(each.exec_type.rfind('_') + 1),
                         .reason = {},
                         .milliseconds = std::chrono::duration<double, std::milli>(each.real_time).count()});
    } catch (std::exception const&) {  // OpenVINO raises where it was not asked to measure
      all.clear();
    }
    return all;
  }

  [[nodiscard]] ov::CompiledModel model() const { return shared_->source->graph()->model; }

 private:
  using request_owner = std::unique_ptr<detail::bound_request>;

  explicit openvino_executable(std::shared_ptr<detail::compiled_source> source)
      : shared_(std::make_shared<shared>(std::move(source))) {}

  struct shared {
    explicit shared(std::shared_ptr<detail::compiled_source> of)
        : source(std::move(of)), ports(detail::ports_of(source->graph()->model, source->model())) {
      idle.push_back(made());
      for (auto& each : idle.front()->request().query_state()) state.push_back(each.get_name());
    }

    struct loan {
      shared& of;
      request_owner request;
      std::unique_lock<std::mutex> alone;

      loan(shared& from, request_owner taken, std::unique_lock<std::mutex> lock)
          : of(from), request(std::move(taken)), alone(std::move(lock)) {}
      loan(loan const&) = delete;
      loan& operator=(loan const&) = delete;
      ~loan() {
        if (!request) return;
        std::scoped_lock const lock(of.mutex);
        of.idle.push_back(std::move(request));
        of.called = true;
      }
    };

    /// An idle request, or a new one. Of a model with a state there is only one: its calls take turns.
    loan borrow() {
      std::unique_lock<std::mutex> one_at_a_time;
      if (!state.empty()) one_at_a_time = std::unique_lock(running);
      {
        std::scoped_lock const lock(mutex);
        if (!idle.empty()) {
          auto taken = std::move(idle.back());
          idle.pop_back();
          return {*this, std::move(taken), std::move(one_at_a_time)};
        }
      }
      return {*this, made(), std::move(one_at_a_time)};
    }

    request_owner made() const { return std::make_unique<detail::bound_request>(source->graph(), ports); }

    /// A request of the graph that was compiled in place of a broken one, with the state of the old.
    request_owner renewed(detail::bound_request& old) const {
      auto fresh = made();
      if (state.empty()) return fresh;
      auto const before = old.request().query_state();
      for (auto& each : fresh->request().query_state())
        for (auto const& one : before)
          if (one.get_name() == each.get_name()) {
            auto const value = one.get_state();
            ov::Tensor kept(value.get_element_type(), value.get_shape());
            value.copy_to(kept);
            each.set_state(kept);
          }
      return fresh;
    }

    std::shared_ptr<detail::compiled_source> source;
    detail::model_ports ports;
    std::vector<std::string> state;
    std::mutex mutex, running;
    std::vector<request_owner> idle;
    bool called = false;
  };

  std::shared_ptr<shared> shared_;
};

}  // namespace torchdeploy::inline v0
#endif

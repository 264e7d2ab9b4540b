#include <torchdeploy/diagnosis/inspected.hpp>

#include "support/models.hpp"

TEST_CASE("a trace is told from a script by where its operators come from") {
  auto const traced = [](std::string const& name) {
    auto const module = torch::jit::load(test::model_path(name).string());
    return td::detail::is_traced(td::detail::inspect(module));
  };
  for (auto const* name : {"onet_traced", "encoder_traced", "addmm_traced", "gelu_mlp_traced", "resnet18_traced"})
    CHECK(traced(name));
  for (auto const* name :
       {"onet", "pnet", "control_flow_scripted", "one_op", "constant_net", "silero_vad", "mha_scripted"})
    CHECK_FALSE(traced(name));
  // these two carry no record of their origin
  CHECK(traced("digits_cnn_traced"));
  CHECK_FALSE(traced("digits_cnn"));
}

TEST_CASE("a line of a call stack names file and line, other text none") {
  CHECK(td::detail::stack_line("/home/ann/net.py(20): forward") == "net.py:20");
  for (auto const* text : {"", "def forward(self, x):", "f(x): ", "(): ", "net.py: forward"})
    CHECK_FALSE(td::detail::stack_line(text));
}

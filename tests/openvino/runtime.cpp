#include <torchdeploy/openvino/runtime.hpp>

#include <functional>
#include <string>

#include "support/models.hpp"

namespace {

td::errc refused_for(std::function<void()> const& call) { return test::failure_of<td::backend_error>(call).code; }

}  // namespace

TEST_CASE("each device that is named must be there, behind AUTO and HETERO too") {
  using td::detail::demand_device;
  for (std::string const good : {"CPU", "AUTO", "AUTO:CPU", "HETERO:CPU", "MULTI:CPU", "BATCH:CPU(4)"}) {
    INFO(good);
    CHECK_NOTHROW(demand_device(good));
  }
  for (std::string const bad : {"", "cpu", "TPU", "CPU,TPU", "HETERO:CPU,", "AUTO:TPU", "HETERO:", ",CPU", "HETRO:CPU",
                                ":CPU", "CPU:CPU", "HETERO", "BATCH:(4)"}) {
    INFO(bad);
    CHECK(refused_for([&] { demand_device(bad); }) == td::errc::runtime_unusable);
  }
  auto const failure = test::failure_of<td::backend_error>([] { td::detail::demand_device("TPU"); });
  CHECK_THAT(failure.text, ContainsSubstring("got 'TPU'; it has: ") && ContainsSubstring("CPU"));
  auto const misspelt = test::failure_of<td::backend_error>([] { td::detail::demand_device("HETRO:CPU"); });
  CHECK_THAT(misspelt.text, ContainsSubstring("HETERO") && ContainsSubstring("got 'HETRO'"));
}

TEST_CASE("a property must be one that the device has and that can be set") {
  using td::detail::demand_properties;
  CHECK_NOTHROW(demand_properties("CPU", {}));
  CHECK_NOTHROW(demand_properties("CPU", {{"NUM_STREAMS", "1"}, {"CPU_RUNTIME_CACHE_CAPACITY", "64"}}));
  CHECK(refused_for([] {
          demand_properties("CPU", {{"FULL_DEVICE_NAME", "mine"}});
        }) == td::errc::setting_out_of_range);
  auto const failure = test::failure_of<td::backend_error>([] {
    td::detail::demand_properties("CPU", {{"NUM_STREAM", "1"}});
  });
  CHECK(failure.code == td::errc::setting_out_of_range);
  CHECK_THAT(failure.text, ContainsSubstring("'NUM_STREAM'") && ContainsSubstring("did you mean 'NUM_STREAMS'"));
}

TEST_CASE("AUTO, HETERO and the like have their own properties and those of their devices") {
  using td::detail::demand_properties;
  for (std::string const device : {"AUTO", "AUTO:CPU", "HETERO:CPU", "MULTI:CPU", "BATCH:CPU(2)"}) {
    INFO(device);
    CHECK_NOTHROW(demand_properties(device, {{"INFERENCE_PRECISION_HINT", "f32"}, {"INFERENCE_NUM_THREADS", "1"}}));
    CHECK(refused_for([&] { demand_properties(device, {{"NUM_STREAM", "1"}}); }) == td::errc::setting_out_of_range);
  }
  CHECK_NOTHROW(demand_properties("AUTO", {{"DEVICE_BIND_BUFFER", "YES"}}));
  CHECK(refused_for([] {
          demand_properties("CPU", {{"DEVICE_BIND_BUFFER", "YES"}});
        }) == td::errc::setting_out_of_range);
}

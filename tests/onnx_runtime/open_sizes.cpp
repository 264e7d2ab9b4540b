#include <torchdeploy/onnx/open_sizes.hpp>

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "support/exported.hpp"

using td::detail::second_run;
using td::detail::second_size;

TEST_CASE("A second size differs in its halves, rounded down and rounded up, and in what is odd of them") {
  for (std::int64_t const first : {32, 56, 64, 66, 70, 96, 107, 224, 384, 512, 1000}) {
    INFO(first);
    auto const down = second_size(first, second_run::larger), up = second_size(first, second_run::larger_rounded_up);
    for (std::int64_t part = 1; part <= td::detail::size_step(first); part *= 2) {
      INFO(part);
      CHECK(down / part != first / part);
      CHECK((up + part - 1) / part != (first + part - 1) / part);
      CHECK((down / part) % 2 != (first / part) % 2);
      CHECK(((up + part - 1) / part) % 2 != ((first + part - 1) / part) % 2);
    }
  }
}

TEST_CASE("Second sizes are of their kind") {
  for (std::int64_t first = 2; first < 300; ++first) {
    INFO(first);
    CHECK(second_size(first, second_run::larger) > first);
    CHECK(second_size(first, second_run::larger_rounded_up) > first);
    CHECK(second_size(first, second_run::smaller) >= 2);
    CHECK(second_size(first, second_run::smaller) != first);
    auto const steps = second_size(first, second_run::larger_by_steps);
    CHECK((steps - first) % td::detail::size_step(first) == 0);
    std::array<std::int64_t, 2> pair{first, second_size(first, second_run::smaller)};
    std::set<std::int64_t> all{first};
    for (int i = 0; i < 5; ++i) {  // of axes of one size each has a second one of its own
      CHECK(all.insert(pair[1]).second);
      pair[1] = td::detail::next_second_size(pair);
    }
  }
}

namespace {

void check_images(std::string const& source, std::vector<std::array<std::int64_t, 2>> const& sizes) {
  INFO(source);
  at::manual_seed(0);
  std::vector<td::example> inputs;
  for (auto const& [height, width] : sizes) inputs.push_back({at::randn({2, 3, height, width})});
  td::export_onnx_options options;
  options.dynamic_axes = {{"x", {{0, "batch"}, {2, "height"}, {3, "width"}}}};
  test::check_export(test::scripted(source), inputs[0], {inputs.begin() + 1, inputs.end()}, options);
}

}  // namespace

TEST_CASE("Sizes that are the same in the example stay apart, however many there are") {
  td::export_onnx_options options;
  options.dynamic_axes = {{"x", {{0, "batch"}, {1, "channels"}, {2, "height"}, {3, "width"}}}};
  test::check_export(
      test::scripted("def forward(self, x):\n    return x.permute(3, 1, 0, 2).reshape(x.size(3), x.size(1), "
                     "x.size(0) * x.size(2)) * (x.size(2) + 10 * x.size(1))"),
      {at::randn({4, 4, 4, 4})}, {{at::randn({2, 3, 5, 7})}}, options);
}

TEST_CASE("Padding that depends on what a size leaves over is exported for all sizes") {
  check_images(R"(
      def forward(self, x):
          y = torch.max_pool2d(torch.max_pool2d(x, [2, 2]), [2, 2])
          y = torch.upsample_nearest2d(y, None, [4.0, 4.0])
          dy, dx = x.size(2) - y.size(2), x.size(3) - y.size(3)
          return torch.cat([x, torch.constant_pad_nd(y, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], 1)
      )",
               {{64, 66}, {64, 64}, {65, 67}, {71, 101}, {66, 70}, {96, 128}});
  check_images(R"(
      def forward(self, x):
          h, w = x.size(2), x.size(3)
          top = max((-(-h // 2) - 1) * 2 + 3 - h, 0)
          left = max((-(-w // 2) - 1) * 2 + 3 - w, 0)
          y = torch.constant_pad_nd(x, [left // 2, left - left // 2, top // 2, top - top // 2], 7.0)
          return torch.max_pool2d(y, [3, 3], [2, 2])
      )",
               {{64, 64}, {71, 101}, {65, 66}, {128, 97}});
}

TEST_CASE("A branch on what a size leaves over is exported with both its sides") {
  check_images(R"(
      def forward(self, x):
          y = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1])
          y = torch.max_pool2d(y, [3, 3], [2, 2], [1, 1])
          if y.size(2) % 2 != 0:
              y = torch.constant_pad_nd(y, [0, 0, 0, 1])
          return y * 2
      )",
               {{64, 64}, {97, 64}, {100, 66}, {104, 71}});
}

TEST_CASE("What a model knows other sizes of by steps only is exported with a note that says so") {
  auto const source = test::scripted(R"(
      def forward(self, x):
          n, c, h, w = x.size(0), x.size(1), x.size(2), x.size(3)
          assert h % 32 == 0
          return x.reshape([n, c, h // 32, 32, w]).sum(2)
      )");
  td::export_onnx_options options;
  options.samples = std::vector<td::example>{{at::randn({2, 3, 64, 8})}};
  options.dynamic_axes = {{"x", {{0, "batch"}, {2, "height"}}}};
  auto const made = td::evaluate(source) | td::export_onnx(options);
  bool noted = false;
  for (auto const& [key, text] : made.report().stages().back().details)
    noted = noted || (key == "note" && text.find("'height'") != text.npos && text.find("32") != text.npos);
  CHECK(noted);
}

TEST_CASE("Pieces of a tensor that is cut are written to") {
  at::manual_seed(0);
  auto const x = at::randn({2, 6, 5});
  test::check_export(R"(
      def forward(self, x):
          x = x * 1
          a, b, c = torch.unsafe_chunk(x, 3, 1)
          b.sigmoid_()
          d, e = torch.split(x, [2, 4], 1)
          e.mul_(3)
          f, g = torch.split(x, 3, 1)
          f.add_(1)
          x.unbind(2)[-1].relu_()
          return x, a, b, c, g
      )",
                     {x});
}

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call, std::string const& arguments = "x") {
  return "def forward(self, " + arguments + "):\n    return " + call;
}

/// With the batch and both sizes of the images open.
void check_open(std::string const& call, at::Tensor const& x, std::int64_t opset) {
  INFO(call << " opset " << opset);
  td::export_onnx_options options{.opset = opset};
  options.dynamic_axes = {{"x", {{0, "batch"}, {x.dim() - 2, "height"}, {x.dim() - 1, "width"}}}};
  test::check_export(test::scripted(returning(call)), {x}, {{x.slice(-1, 0, 5)}, {x.repeat_interleave(2, -2)}},
                     options);
}

}  // namespace

TEST_CASE("padding in ONNX is LibTorch's") {
  auto const x = test::noise({2, 3, 5, 6}).front();
  for (auto const* call :
       {"torch.constant_pad_nd(x, [1, 2], 0.5)", "torch.constant_pad_nd(x, [1, 2, 0, 3, 1, 1])",
        "torch.constant_pad_nd(x, [-1, 2, -2, 0], 1)", "torch.constant_pad_nd(x, [x.size(0), 1], 2.0)",
        "torch.pad(x, [1, 2, 3, 0])", "torch.pad(x, [1, 2], 'constant', 2.0)", "torch.pad(x, [1, 2, 3, 0], 'reflect')",
        "torch.pad(x, [1, 2, 3, 0], 'replicate')", "torch.pad(x, [1, 2, 3, 0], 'circular')",
        "torch.pad(x[:, 0], [1, 2], 'circular')", "torch.reflection_pad1d(x[:, 0], [1, 2])",
        "torch.reflection_pad2d(x, [1, 2, 3, 1])", "torch.reflection_pad3d(x.unsqueeze(1), [1, 2, 3, 1, 0, 1])",
        "torch.replication_pad1d(x[:, 0], [1, 2])", "torch.replication_pad2d(x, [1, 0, 3, 1])",
        "torch.replication_pad3d(x.unsqueeze(1), [1, 2, 3, 1, 4, 0])"})
    for (std::int64_t const opset : {13, 17, 18, 19}) test::check_export(returning(call), {x}, {.opset = opset});
  for (auto const dtype : {at::kDouble, at::kHalf, at::kLong, at::kInt, at::kShort, at::kByte, at::kBool})
    for (auto const* call : {"torch.constant_pad_nd(x, [1, 2], 1)", "torch.pad(x, [1, 2], 'circular')"})
      test::check_export(returning(call), {(x[0] * 3).abs().to(dtype)});
}

TEST_CASE("pixels and channels change places") {
  auto const x = test::noise({2, 8, 4, 6}).front();
  for (auto const* call :
       {"torch.pixel_shuffle(x, 2)", "torch.pixel_shuffle(x[0], 2)", "torch.pixel_shuffle(x.unsqueeze(1), 2)",
        "torch.pixel_unshuffle(x, 2)", "torch.pixel_unshuffle(x[:, :1], 2)", "torch.pixel_unshuffle(x[0], 2)",
        "torch.channel_shuffle(x, 4)"}) {
    test::check_export(returning(call), {x});
    test::check_export(returning(call), {x.to(at::kDouble)});
    for (auto const dtype : {at::kLong, at::kInt, at::kByte})
      if (std::string(call).find("unshuffle") == std::string::npos)
        test::check_export(returning(call), {(x * 9).abs().to(dtype)});
  }
  check_open("torch.pad(x, [x.size(2) // 2, 1, 0, x.size(3) - 5], 'circular')", x, 17);
  check_open("torch.pixel_shuffle(x, 2)", x, 17);
  check_open("torch.channel_shuffle(x, 2)", x, 17);
}

TEST_CASE("interpolation in ONNX is LibTorch's") {
  auto const x = test::noise({2, 3, 5, 6}).front();
  for (std::int64_t const opset : {13, 17, 18, 19})
    for (auto const* call : {"torch.upsample_nearest1d(x[:, 0], [9])",
                             "torch.upsample_nearest1d(x[:, 0], None, [2.5])",
                             "torch.upsample_nearest2d(x, [10, 9])",
                             "torch.upsample_nearest2d(x, [3, 10])",
                             "torch.upsample_nearest2d(x, None, [2.0, 3.0])",
                             "torch.upsample_nearest2d(x, None, [0.5, 1.7])",
                             "torch.upsample_nearest3d(x.unsqueeze(1), [4, 10, 9])",
                             "torch.upsample_nearest3d(x.unsqueeze(1), None, [2.0, 2.0, 2.0])",
                             "torch._upsample_nearest_exact1d(x[:, 0], [9])",
                             "torch._upsample_nearest_exact2d(x, [11, 4])",
                             "torch._upsample_nearest_exact3d(x.unsqueeze(1), [4, 10, 9])",
                             "torch.upsample_linear1d(x[:, 0], [9], False)",
                             "torch.upsample_linear1d(x[:, 0], [1], False)",
                             "torch.upsample_linear1d(x[:, 0], None, True, [2.0])",
                             "torch.upsample_bilinear2d(x, [10, 9], False)",
                             "torch.upsample_bilinear2d(x, [10, 9], True)",
                             "torch.upsample_bilinear2d(x, [1, 3], False)",
                             "torch.upsample_bilinear2d(x, [1, 3], True)",
                             "torch.upsample_bilinear2d(x, None, False, [2.0, 2.0])",
                             "torch.upsample_bilinear2d(x, None, False, [1.3, 0.7])",
                             "torch.upsample_bilinear2d(x, None, True, [1.3, 0.7])",
                             "torch.upsample_bilinear2d(x, [5, 6], False)",
                             "torch.upsample_trilinear3d(x.unsqueeze(1), [4, 10, 9], False)",
                             "torch.upsample_trilinear3d(x.unsqueeze(1), [4, 10, 9], True)",
                             "torch.upsample_bicubic2d(x, [10, 9], False)",
                             "torch.upsample_bicubic2d(x, [10, 9], True)",
                             "torch.upsample_bicubic2d(x, None, False, [2.0, 1.5])"})
      test::check_export(returning(call), {x}, {.opset = opset});
  for (auto const* call :
       {"torch._upsample_bilinear2d_aa(x, [3, 2], False)", "torch._upsample_bilinear2d_aa(x, [9, 4], False)",
        "torch._upsample_bicubic2d_aa(x, [3, 2], False)"})
    for (std::int64_t const opset : {17, 18}) test::check_export(returning(call), {x}, {.opset = opset});
  for (std::int64_t const opset : {17, 18}) {
    check_open("torch.upsample_nearest2d(x, [2 * x.size(2), 3 * x.size(3)])", x, opset);
    check_open("torch.upsample_bilinear2d(x, [2 * x.size(2), 7], False)", x, opset);
    check_open("torch.upsample_bilinear2d(x, None, False, [2.0, 2.0])", x, opset);
    check_open("torch.upsample_nearest2d(x, None, [2.0, 2.0])", x, opset);
    check_open("torch.upsample_bicubic2d(x, [x.size(2) + 3, 2 * x.size(3)], True)", x, opset);
  }
  for (auto const* call : {"torch.__interpolate(x, [10, 9], None, 'bilinear', False, None, False)",
                           "torch.__interpolate(x, 4, None, 'nearest', None, None, False)",
                           "torch.__interpolate(x, None, 2.0, 'bicubic', True, None, False)",
                           "torch.__interpolate(x, None, [2.0, 1.5], 'nearest', None, True, False)"})
    test::check_export(returning(call), {x});
  test::check_export(returning("torch.upsample_nearest2d(x, [10, 9])"), {(x * 9).abs().to(at::kByte)});
  test::check_export(returning("torch.upsample_bilinear2d(x, [10, 9], False)"), {x.to(at::kDouble)});
  test::check_export(returning("torch.upsample_bilinear2d(x, [10, 9], False)"), {x.to(at::kHalf)}, {}, 1e-2, 1e-2);
}

TEST_CASE("a scale that leaves an axis its size") {
  auto const x = test::noise({2, 3, 7, 20}).front();
  for (auto const* call :
       {"torch.upsample_nearest1d(x[:, :, :, 0], None, [1.1])",
        "torch._upsample_nearest_exact1d(x[:, :, :, 0], None, [1.1])", "torch.upsample_nearest2d(x, None, [1.1, 1.1])",
        "torch._upsample_nearest_exact2d(x, None, [1.1, 1.1])",
        "torch.upsample_nearest2d(x[:, :, :, :7], None, [1.1, 1.1])",
        "torch.upsample_bilinear2d(x, None, False, [1.1, 1.1])",
        "torch.upsample_bilinear2d(x[:, :, :, :7], None, False, [1.1, 1.1])",
        "torch.upsample_linear1d(x[:, :, :, 0], None, False, [1.1])",
        "torch.upsample_bicubic2d(x, None, False, [1.1, 1.1])",
        "torch.upsample_bicubic2d(x[:, :, :, :7], None, False, [1.1, 1.1])",
        "torch.upsample_nearest3d(x.unsqueeze(2)[:, :, :, :, :7], None, [1.0, 1.1, 1.1])",
        "torch.upsample_trilinear3d(x.unsqueeze(2), None, False, [1.1, 1.1, 1.1])"})
    test::check_export(returning(call), {x});
}

TEST_CASE("scales that float holds no better than their sizes ask for") {
  for (std::int64_t const opset : {13, 17, 21})
    for (auto const* scale : {"1.3", "1.7", "2.5"}) {
      auto const call = "torch.upsample_bilinear2d(x, None, False, [" + std::string(scale) + ", " + scale + "])";
      check_open(call, test::noise({2, 3, 10, 20}).front(), opset);
    }
}

TEST_CASE("a scale whose sizes no number of float makes is refused where the size is open") {
  // 70 * 0.7 is 48.999999999999993 in double
  auto const x = test::noise({2, 3, 10, 20}).front();
  CHECK_THROWS_WITH(
      td::evaluate(test::scripted(returning("torch.upsample_bilinear2d(x, None, False, [0.7, 0.7])"))) |
          td::export_onnx({.dynamic_axes = {{"x", {{2, "h"}}}}, .samples = std::vector<td::example>{{x}}}),
      Catch::Matchers::Contains("rounds the sizes"));
  test::check_export(returning("torch.upsample_bilinear2d(x, None, False, [0.7, 0.7])"), {x});
}

TEST_CASE("nearest pixels are the same for all sizes") {
  for (std::int64_t in : {3, 5, 6, 7, 11, 13})
    for (std::int64_t out : {2, 4, 9, 10, 17, 23, 29}) {
      auto const x = at::arange(in, at::TensorOptions(at::kFloat)).reshape({1, 1, in}).repeat({2, 1, 1});
      test::check_export(returning("torch.upsample_nearest1d(x, [" + std::to_string(out) + "])"), {x});
    }
}

TEST_CASE("sampling by a grid") {
  auto const x = test::noise({2, 3, 5, 6}).front(), grid = test::noise({2, 4, 3, 2}, 1, 5).front() * 1.2;
  for (auto const* corners : {"True", "False"})
    for (int mode = 0; mode < 3; ++mode)
      for (int padding = 0; padding < 3; ++padding) {
        auto const arguments = std::to_string(mode) + ", " + std::to_string(padding) + ", " + corners + ")";
        for (std::int64_t const opset : {17, 20})
          test::check_export(returning("torch.grid_sampler(x, g, " + arguments, "x, g"), {x, grid}, {.opset = opset},
                             1e-3, 1e-4);
      }
  auto const theta = test::noise({2, 2, 3}, 1, 5).front(), solid = test::noise({2, 3, 4}, 1, 5).front();
  for (auto const* corners : {"True", "False"}) {
    test::check_export(returning("torch.affine_grid_generator(x, [x.size(0), 3, 4, 5], " + std::string(corners) + ")"),
                       {theta});
    test::check_export(
        returning("torch.affine_grid_generator(x, [x.size(0), 1, 2, 4, 5], " + std::string(corners) + ")"), {solid});
  }
  CHECK_THROWS_AS(td::evaluate(test::scripted(returning("torch.grid_sampler(x, g, 0, 0, True)", "x, g"))) |
                      td::export_onnx({.opset = 15, .samples = std::vector<td::example>{{x, grid}}}),
                  td::export_error);
}

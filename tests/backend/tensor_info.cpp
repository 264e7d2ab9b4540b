#include <torchdeploy/backend/tensor_info.hpp>

#include "support/catch.hpp"

namespace td = torchdeploy;

TEST_CASE("a tensor's description has its dtype where that is known, else its type, and ? for an open size") {
  using td::to_text;
  CHECK(to_text(td::tensor_info{.name = "image", .dtype = at::kFloat, .shape = {{-1, 3, 224, 224}}}) ==
        "image: float32 [?, 3, 224, 224]");
  CHECK(to_text(td::tensor_info{.name = "ids", .dtype = at::kLong, .shape = {{}}}) == "ids: int64 []");
  CHECK(to_text(td::tensor_info{.name = "x"}) == "x: Tensor");
  CHECK(to_text(td::tensor_info{.name = "count", .type = "int"}) == "count: int");
  CHECK(to_text(td::tensor_info{.name = "x", .shape = {{-1}}}) == "x: Tensor [?]");
}

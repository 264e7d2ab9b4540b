#include <torchdeploy/onnx/data_type.hpp>

#include <iterator>

#include "support/models.hpp"

TEST_CASE("a type that ONNX and LibTorch both have is as large in both") {
  for (int number = 1; number < static_cast<int>(std::size(td::detail::onnx_data_types)); ++number) {
    auto const* const type = td::detail::data_type_of(number);
    REQUIRE(type);
    INFO(type->name);
    if (type->dtype) CHECK(8 * c10::elementSize(*type->dtype) == static_cast<std::size_t>(type->bits));
    CHECK(type->name != "");
  }
  CHECK(td::detail::data_type_of(1)->dtype == at::kFloat);
  CHECK(td::detail::data_type_of(7)->name == "int64");
  CHECK_FALSE(td::detail::data_type_of(0));
  CHECK_FALSE(td::detail::data_type_of(-1));
  CHECK_FALSE(td::detail::data_type_of(std::ssize(td::detail::onnx_data_types)));
}

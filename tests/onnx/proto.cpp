#include <torchdeploy/onnx/proto.hpp>

#include <set>

#include "support/models.hpp"

using td::detail::fields_of;
using td::detail::onnx_message;
using td::detail::onnx_wire;

TEST_CASE("each field of ONNX's messages has a number of its own, and messages say which they are") {
  for (int each = 1; each <= static_cast<int>(onnx_message::function); ++each) {
    std::set<int> numbers;
    for (auto const& field : fields_of(static_cast<onnx_message>(each))) {
      INFO(field.name);
      CHECK(numbers.insert(field.number).second);
      CHECK(field.number < 32);  // as many as the walk counts
      CHECK((field.wire == onnx_wire::message) == (field.message != onnx_message::none));
    }
    CHECK_FALSE(numbers.empty());
  }
  CHECK(fields_of(onnx_message::none).empty());
}

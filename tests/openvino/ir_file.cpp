#include <torchdeploy/openvino/ir_file.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>

#include "support/openvino.hpp"

namespace {

std::string mark_of(std::string const& bytes) {
  td::detail::weights_mark mark;
  mark.add(bytes);
  return mark.text();
}

}  // namespace

TEST_CASE("the mark of weights tells one .bin from another, however it was written") {
  std::string const bytes = "0123456789abcdefghijklm";
  std::set<std::string> marks{mark_of(""), mark_of(bytes)};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    marks.insert(mark_of(changed));
    if (i > 0) marks.insert(mark_of(bytes.substr(0, i)));
  }
  marks.insert(mark_of(bytes + '\0'));
  marks.insert(mark_of('\0' + bytes));
  CHECK(marks.size() == 2 + bytes.size() + (bytes.size() - 1) + 2);
  CHECK(mark_of(bytes).starts_with("23-"));

  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    td::detail::weights_mark mark;
    mark.add(std::string_view(bytes).substr(0, cut));
    CHECK_FALSE(mark.text().empty());  // which does not end it
    mark.add(std::string_view(bytes).substr(cut));
    CHECK(mark.text() == mark_of(bytes));
  }
}

TEST_CASE("what is marked is passed on, and its place is known") {
  std::ostringstream to;
  td::detail::marking_buffer buffer(to);
  std::ostream out(&buffer);
  out << "weights" << ' ';
  out.put('1').write("\0\xff", 2);
  CHECK(out.tellp() == 11);
  out.seekp(0);
  CHECK(out.fail());  // it only goes on
  CHECK(to.str() == std::string("weights 1\0\xff", 11));
  CHECK(buffer.mark() == mark_of(to.str()));
}

TEST_CASE("weights that two layers share are counted once") {
  auto const x = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, 3});
  auto const shared = ov::op::v0::Constant::create(ov::element::f32, {3}, {1, 2, 3});
  auto const own = ov::op::v0::Constant::create(ov::element::f32, {1}, {4});
  auto const once = std::make_shared<ov::op::v1::Add>(x, shared);
  auto const again = std::make_shared<ov::op::v1::Add>(once, std::make_shared<ov::op::v0::Constant>(*shared));
  auto const last = std::make_shared<ov::op::v1::Add>(again, own);
  ov::Model const model(ov::OutputVector{last}, ov::ParameterVector{x});
  CHECK(td::detail::weights_bytes(model) == 16);
}

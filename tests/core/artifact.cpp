#include <torchdeploy/core/artifact.hpp>

#include <memory>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

namespace {

/// A handle that copies by aliasing, as LibTorch's modules do.
struct Shared {
  using handle = std::shared_ptr<std::string>;
  using example = std::string;
  static handle clone(handle const& h) { return std::make_shared<std::string>(*h); }
};

struct Remembering {
  using handle = int;
  using extras = std::string;
};

struct AlsoInts {
  using handle = int;
  using example = int;
};

struct OtherExamples {
  using handle = int;
  using example = std::string;
};

}  // namespace

TEST_CASE("a clone shares nothing with the original, and has its examples") {
  td::record<Shared> record;
  record.add_example("an image");
  td::artifact<Shared> original(std::make_shared<std::string>("weights"), std::move(record));
  auto copy = original.clone();
  *copy.handle() = "changed";
  CHECK(*original.handle() == "weights");
  CHECK(original.handle().use_count() == 1);
  CHECK(copy.examples() == original.examples());
}

TEST_CASE("a clone takes the examples and the report along") {
  auto original = toy::loaded(toy::net{"m"},
                              [] {
                                td::record<toy::Graph> r;
                                r.add_example(7);
                                return r;
                              }()) |
                  toy::quantize();
  auto const copy = original.clone();
  CHECK(copy.examples() == std::vector{7});
  REQUIRE(copy.report().find("quantize"));
  CHECK(copy.report().find("quantize")->detail("engine") == "toy");
  CHECK(original.examples() == std::vector{7});
}

TEST_CASE("a clone goes on by itself") {
  auto const reference = toy::load("m.pt");
  auto small = reference.clone() | toy::quantize();
  CHECK(small.handle().trail == "quantize");
  CHECK(reference.handle().trail.empty());
  CHECK(reference.report().empty());
}

TEST_CASE("an artifact that is moved from gives its handle away") {
  td::artifact<Shared> first(std::make_shared<std::string>("weights"));
  auto second = std::move(first);
  CHECK(first.handle() == nullptr);
  CHECK(second.handle().use_count() == 1);
}

TEST_CASE("examples are bounded, and the first ones are kept") {
  td::record<toy::Graph> record;
  for (int i = 0; i < 100; ++i) record.add_example(i);
  CHECK(record.examples == std::vector{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("the report goes on when the format changes") {
  auto flat = toy::load("m.pt") | toy::quantize() | toy::flatten();
  REQUIRE(flat.report().stages().size() == 2);
  CHECK(flat.report().stages()[0].stage == "quantize");
  CHECK(flat.handle() == "m.pt: quantize");
}

TEST_CASE("examples go on to a format that takes the same, and not to one that takes others") {
  td::record<toy::Graph> ints;
  ints.add_example(3);
  CHECK(td::record<AlsoInts>(td::record<toy::Graph>(ints)).examples == std::vector{3});
  CHECK(td::record<OtherExamples>(td::record<toy::Graph>(ints)).examples.empty());
}

TEST_CASE("a format keeps what it alone needs in its record") {
  td::record<Remembering> record;
  record.extras = "labels.txt";
  auto const model = td::artifact<Remembering>(1, std::move(record));
  CHECK(model.clone().record().extras == "labels.txt");
}

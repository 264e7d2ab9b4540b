#include <torchdeploy/detail/libtorch/dtype.hpp>

#include "support/catch.hpp"

TEST_CASE("dtypes have the names that Python gives them") {
  using torchdeploy::detail::dtype_name;
  CHECK(dtype_name(at::kFloat) == "float32");
  CHECK(dtype_name(at::kDouble) == "float64");
  CHECK(dtype_name(at::kHalf) == "float16");
  CHECK(dtype_name(at::kBFloat16) == "bfloat16");
  CHECK(dtype_name(at::kLong) == "int64");
  CHECK(dtype_name(at::kInt) == "int32");
  CHECK(dtype_name(at::kShort) == "int16");
  CHECK(dtype_name(at::kChar) == "int8");
  CHECK(dtype_name(at::kByte) == "uint8");
  CHECK(dtype_name(at::kBool) == "bool");
  CHECK(dtype_name(at::kComplexFloat) == "complex64");
  CHECK(dtype_name(at::kComplexDouble) == "complex128");
  CHECK(dtype_name(at::kQInt8) == "qint8");
  CHECK(dtype_name(at::kQUInt8) == "quint8");
  CHECK(dtype_name(at::kFloat8_e4m3fn) == "float8_e4m3fn");
}

#pragma once

#include <torchdeploy/report/html.hpp>
#ifdef TORCHDEPLOY_WITH_JSON
#include <torchdeploy/report/json.hpp>
#endif

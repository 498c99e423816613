// SPDX-License-Identifier: Apache-2.0
// print_bench.h - what `ebb bench` measured, as tables for people and as one JSON document.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/common/outside.h"
#include "tools/ebb/bench_report.h"

namespace ebb {

nlohmann::json json_of(const BenchReport& report);
void print_bench(Outside& outside, const BenchReport& report);

}  // namespace ebb

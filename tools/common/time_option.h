// SPDX-License-Identifier: Apache-2.0
// time_option.h - an option that is a time: "30s", "15min", "1h"; a number alone is seconds.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

namespace ebb {

struct TimeBounds {
  std::chrono::seconds least;
  std::chrono::seconds most;
};

// `time` holds the default.
CLI::Option* add_time_option(CLI::App& app, const std::string& name, std::chrono::seconds& time,
                             const std::string& description, TimeBounds bounds);

}  // namespace ebb

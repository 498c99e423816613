// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/command.h"

int main(int argc, char** argv) {
  ebb::StopFlag stop;
  ebb::Outside outside = ebb::process_outside(stop);
  return static_cast<int>(ebb::run_agent({argv + 1, argv + argc}, outside));
}

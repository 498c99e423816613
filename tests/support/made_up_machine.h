// SPDX-License-Identifier: Apache-2.0
// made_up_machine.h - /sys, /proc and /dev of a machine that does not exist, in a folder.
//
// For layouts that the test machine lacks (LVM, md, bcache, swap). The trees have the kernel's
// shape: devices below sys/devices, symlinks in class/block, dev/block, holders and slaves.
#pragma once

#include <string>
#include <vector>

#include "devmap/system_roots.h"
#include "tests/support/temporary_folder.h"

namespace ebb::test {

class MadeUpMachine {
 public:
  MadeUpMachine();

  SystemRoots roots() const;
  // The node's path; a plain file that stands for the device.
  std::string dev(const std::string& name) const { return folder_ / ("dev/" + name); }
  // A folder of the machine; made when it is not there.
  std::string folder(const std::string& name);

  void add_disk(const std::string& name, const std::string& number);
  void add_partition(const std::string& disk, const std::string& name, const std::string& number);
  // A device on others: dm-0, md127, bcache0.
  void add_stacked(const std::string& name, const std::string& number,
                   const std::vector<std::string>& slaves);
  void add_loop(const std::string& name, const std::string& number, const std::string& backing,
                const std::string& offset = "0", const std::string& size_limit = "0");
  void add_btrfs(const std::string& uuid, const std::vector<std::string>& members);
  // dev/mapper/NAME -> ../dm-0
  void link(const std::string& name, const std::string& to);
  void set_attribute(const std::string& name, const std::string& file, const std::string& value);
  // A mount with the machine's number of the device ("0:40" for those without one).
  void mount(const std::string& number, const std::string& folder, const std::string& type,
             const std::string& source, const std::string& options = "rw");
  void swap_on(const std::string& path);

 private:
  std::string device_folder(const std::string& name) const;
  void register_device(const std::string& name, const std::string& number,
                       const std::string& folder);

  TemporaryFolder folder_;
  std::string mountinfo_;
  std::string swaps_ = "Filename\t\t\tType\t\tSize\tUsed\tPriority\n";
  int mounts_ = 0;
};

}  // namespace ebb::test

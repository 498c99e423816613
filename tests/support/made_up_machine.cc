// SPDX-License-Identifier: Apache-2.0
#include "tests/support/made_up_machine.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/support/image_file.h"

namespace ebb::test {

namespace fs = std::filesystem;

namespace {

std::string with_octal_escapes(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == ' ' ? "\\040" : std::string(1, c);
  return escaped;
}

}  // namespace

MadeUpMachine::MadeUpMachine() {
  for (const char* part : {"sys/class/block", "sys/dev/block", "sys/devices", "sys/fs/btrfs",
                           "proc/self", "dev/mapper"}) {
    fs::create_directories(folder_ / part);
  }
  write_text(folder_ / "proc/swaps", swaps_);
  write_text(folder_ / "proc/self/mountinfo", mountinfo_);
}

SystemRoots MadeUpMachine::roots() const {
  return {folder_ / "sys", folder_ / "proc", folder_ / "dev"};
}

std::string MadeUpMachine::folder(const std::string& name) {
  fs::create_directories(folder_ / name);
  return folder_ / name;
}

std::string MadeUpMachine::device_folder(const std::string& name) const {
  return fs::canonical(folder_ / ("sys/class/block/" + name));
}

void MadeUpMachine::register_device(const std::string& name, const std::string& number,
                                    const std::string& folder) {
  fs::create_directories(folder + "/holders");
  fs::create_directories(folder + "/slaves");
  write_text(folder + "/dev", number + "\n");
  write_text(folder + "/ro", "0\n");
  fs::create_symlink(folder, folder_ / ("sys/class/block/" + name));
  fs::create_symlink(folder, folder_ / ("sys/dev/block/" + number));
  write_text(dev(name), "");
}

void MadeUpMachine::add_disk(const std::string& name, const std::string& number) {
  register_device(name, number, folder_ / ("sys/devices/" + name));
}

void MadeUpMachine::add_partition(const std::string& disk, const std::string& name,
                                  const std::string& number) {
  register_device(name, number, device_folder(disk) + "/" + name);
  write_text(device_folder(name) + "/partition", name.substr(disk.size()) + "\n");
}

void MadeUpMachine::add_stacked(const std::string& name, const std::string& number,
                                const std::vector<std::string>& slaves) {
  add_disk(name, number);
  for (const std::string& slave : slaves) {
    fs::create_symlink(device_folder(name), device_folder(slave) + "/holders/" + name);
    fs::create_symlink(device_folder(slave), device_folder(name) + "/slaves/" + slave);
  }
}

void MadeUpMachine::add_loop(const std::string& name, const std::string& number,
                             const std::string& backing, const std::string& offset,
                             const std::string& size_limit) {
  add_disk(name, number);
  fs::create_directories(device_folder(name) + "/loop");
  set_attribute(name, "loop/backing_file", backing);
  set_attribute(name, "loop/offset", offset);
  set_attribute(name, "loop/sizelimit", size_limit);
}

void MadeUpMachine::add_btrfs(const std::string& uuid, const std::vector<std::string>& members) {
  const std::string devices = folder("sys/fs/btrfs/" + uuid + "/devices");
  for (const std::string& member : members) {
    fs::create_symlink(device_folder(member), devices + "/" + member);
  }
}

void MadeUpMachine::link(const std::string& name, const std::string& to) {
  fs::create_symlink(to, dev(name));
}

void MadeUpMachine::set_attribute(const std::string& name, const std::string& file,
                                  const std::string& value) {
  fs::create_directories(fs::path(device_folder(name) + "/" + file).parent_path());
  write_text(device_folder(name) + "/" + file, value + "\n");
}

void MadeUpMachine::mount(const std::string& number, const std::string& folder,
                          const std::string& type, const std::string& source,
                          const std::string& options) {
  // Ids that no real mount has, so that the kernel's answer for a folder never fits.
  mountinfo_ +=
      fmt::format("{} 1 {} / {} rw,relatime shared:1 - {} {} {}\n", 900000000 + ++mounts_, number,
                  with_octal_escapes(folder), type, source, with_octal_escapes(options));
  write_text(folder_ / "proc/self/mountinfo", mountinfo_);
}

void MadeUpMachine::swap_on(const std::string& path) {
  swaps_ += path + " partition\t1024\t0\t-2\n";
  write_text(folder_ / "proc/swaps", swaps_);
}

}  // namespace ebb::test

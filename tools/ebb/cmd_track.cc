// SPDX-License-Identifier: Apache-2.0
// cmd_track.cc - ebb track: has the kernel mark which blocks of a device are written.
#include <ostream>

#include "devmap/source/track/tracker.h"
#include "tools/common/size_text.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

nlohmann::json json_of(const TrackStatus& status) {
  return {{"path", status.path},
          {"node", status.node},
          {"device", status.device},
          {"attached", status.attached.text()},
          {"epoch", status.epoch},
          {"size", status.size.value()},
          {"block_size", status.block.value()},
          {"blocks_marked", status.marked.value()},
          {"blocks_marked_in_closed", status.marked_in_closed.value()},
          {"writes_under_way", status.under_way},
          {"kernel_memory", status.memory.value()},
          {"sound", status.broken.empty()},
          {"broken", status.broken},
          {"everything", status.everything}};
}

// "/dev/vg0/data (/dev/dm-3)"
std::string name_of(const TrackStatus& status) {
  if (status.path.empty()) return status.device;
  if (status.node.empty() || status.node == status.path) return status.path;
  return fmt::format("{} ({})", status.path, status.node);
}

std::string text_of(const TrackStatus& status) {
  std::string text = fmt::format(
      "{}: tracked since {}, {} in blocks of {}, epoch {}: {} marked, {} from before, {} of memory",
      name_of(status), status.attached.text(), size_text(status.size), size_text(status.block),
      status.epoch, size_text(status.block * status.marked.value()),
      size_text(status.block * status.marked_in_closed.value()), size_text(status.memory));
  if (!status.everything.empty()) {
    text += "\n  the next backup reads everything: " + status.everything;
  }
  if (!status.broken.empty()) text += "\n  its marks are worth nothing: " + status.broken;
  return text;
}

class TrackStart final : public Command {
 public:
  explicit TrackStart(CLI::App& app) {
    app.add_option("DEVICE", device_, "Disk, partition, logical volume or other block device")
        ->required();
    app.add_option("--block-size", block_size_,
                   "What one mark stands for: 4K to 1M (coarser where marks would take more than "
                   "50 MiB)")
        ->capture_default_str();
    app.add_flag("--json", json_, "Print one line of JSON for programs");
    app.footer(
        "Examples:\n  ebb track start /dev/vg0/data\n"
        "  ebb track start /dev/sda --block-size 4K\n\n"
        "Goes on until it is stopped, the device goes away or the machine is booted; a device that "
        "is tracked\nalready stays so. Writes that never come through the kernel's block layer are "
        "not seen: DAX, SCSI and\nNVMe commands sent by hand, another host's writes to a shared "
        "disk, the image behind a loop device.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const BlockSize block = TRY(BlockSize::of(TRY(parse_size(block_size_))));
    const auto tracker = TRY(Tracker::start(device_, {block}));
    const TrackStatus status = TRY(tracker->status());
    if (json_) {
      print_json(outside, json_of(status));
    } else {
      outside.out << text_of(status) << std::endl;
    }
    return ExitCode::done;
  }

 private:
  std::string device_;
  std::string block_size_ = "64K";
  bool json_ = false;
};

class TrackStop final : public Command {
 public:
  explicit TrackStop(CLI::App& app) {
    app.add_option("DEVICE", device_, "As it was given to `ebb track start`, or another path of it")
        ->required();
    app.add_flag("--json", json_, "Print one line of JSON for programs");
    app.footer(
        "Example:\n  ebb track stop /dev/vg0/data\n\n"
        "What was marked is gone; the next backup reads everything.");
  }

  Result<ExitCode> run(Outside& outside) override {
    TRY(Tracker::stop(device_));
    if (json_) {
      print_json(outside, {{"stopped", device_}});
    } else {
      outside.out << device_ << " is not tracked any more" << std::endl;
    }
    return ExitCode::done;
  }

 private:
  std::string device_;
  bool json_ = false;
};

class TrackList final : public Command {
 public:
  explicit TrackList(CLI::App& app) {
    app.add_flag("--json", json_, "Print one line of JSON for programs");
    app.footer("Examples:\n  ebb track status\n  ebb track status --json");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::vector<TrackStatus> all = TRY(Tracker::list());
    if (json_) {
      nlohmann::json list = nlohmann::json::array();
      for (const TrackStatus& status : all) list.push_back(json_of(status));
      print_json(outside, list);
      return ExitCode::done;
    }
    for (const TrackStatus& status : all) outside.out << text_of(status) << '\n';
    if (all.empty()) outside.out << "nothing is tracked\n";
    outside.out << std::flush;
    return ExitCode::done;
  }

 private:
  bool json_ = false;
};

std::unique_ptr<Command> make_start(CLI::App& app) {
  return std::make_unique<TrackStart>(*app.add_subcommand("start", "Begin to track a device"));
}
std::unique_ptr<Command> make_stop(CLI::App& app) {
  return std::make_unique<TrackStop>(*app.add_subcommand("stop", "End it"));
}
std::unique_ptr<Command> make_status(CLI::App& app) {
  return std::make_unique<TrackList>(
      *app.add_subcommand("status", "What is tracked, and how much"));
}
constexpr CommandMaker actions[] = {make_start, make_stop, make_status};

}  // namespace

std::unique_ptr<Command> make_track(CLI::App& app) {
  CLI::App& track = *app.add_subcommand(
      "track",
      "Have the kernel mark what is written to a device, so that a backup reads only that");
  track.footer(
      "Examples:\n  ebb track start /dev/vg0/data\n  ebb track status\n"
      "  ebb track stop /dev/vg0/data");
  return std::make_unique<CommandGroup>(track, actions);
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/made_content.h"

#include <algorithm>
#include <array>

namespace ebb {

namespace {

constexpr std::size_t word_count = 4096;
constexpr std::size_t instruction_count = 512;

// Puts pieces one after the other until the room is full; the last one is cut.
class Page {
 public:
  explicit Page(MutableBytes room) : room_(room) {}
  bool full() const { return at_ == room_.size(); }
  std::size_t at() const { return at_; }
  void put(Bytes bytes) {
    const std::size_t n = std::min(bytes.size(), room_.size() - at_);
    std::copy_n(bytes.begin(), n, room_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += n;
  }
  void put(std::string_view text) { put(bytes_of(text)); }
  // What lies `back` bytes before, once more.
  void repeat(std::size_t back, std::size_t length) {
    length = std::min(length, room_.size() - at_);
    for (; length > 0; --length, ++at_) room_[at_] = room_[at_ - back];
  }

 private:
  MutableBytes room_;
  std::size_t at_ = 0;
};

}  // namespace

MadeContent::MadeContent(std::uint64_t seed) : state_(seed) {
  constexpr std::string_view letters = "eeeeeeettttaaaaooooiiinnnsshhrrddlluuccmmwwffggyyppbvkjxqz";
  for (std::size_t i = 0; i < word_count; ++i) {
    std::string word(2 + below(6) + below(6), ' ');
    for (char& letter : word) letter = letters[below(letters.size())];
    words_.push_back(word + " ");
  }
  for (std::size_t i = 0; i < instruction_count; ++i) {
    std::string instruction(1 + below(4), ' ');
    for (char& byte : instruction) byte = static_cast<char>(next());
    instructions_.push_back(instruction);
  }
}

// SplitMix64 (Steele, Lea, Flood 2014): it must keep up with a disk, and guard nothing.
std::uint64_t MadeContent::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void MadeContent::fill_with_noise(MutableBytes room) {
  while (!room.empty()) {
    const std::uint64_t value = next();
    const std::size_t n = std::min(room.size(), sizeof value);
    std::memcpy(room.data(), &value, n);
    room = room.subspan(n);
  }
}

void MadeContent::fill_with_text(MutableBytes room) {
  for (Page page(room); !page.full();) {
    const std::uint64_t choice = below(64);
    if (choice < 4 && page.at() > 4096) {  // A phrase that was there before.
      page.repeat(64 + below(std::min<std::size_t>(page.at() - 64, 32768)), 24 + below(240));
    } else if (choice < 6) {
      page.put(std::to_string(below(100'000)));
      page.put("\n");
    } else {  // The first words are the common ones.
      page.put(words_[below(word_count) * below(word_count) / word_count]);
    }
  }
}

void MadeContent::fill_with_program(MutableBytes room) {
  for (Page page(room); !page.full();) {
    const std::uint64_t choice = below(64);
    if (choice < 3 && page.at() > 4096) {  // Code that was compiled twice.
      page.repeat(64 + below(std::min<std::size_t>(page.at() - 64, 32768)), 32 + below(240));
    } else if (choice < 6) {  // A table of offsets.
      std::uint64_t entry = below(1u << 24);
      for (std::uint64_t n = 4 + below(12); n > 0; --n) {
        page.put(bytes_of_struct(entry));
        entry += 8 * (1 + below(64));
      }
    } else if (choice < 7) {
      static constexpr std::array<std::byte, 64> zeroes{};
      page.put(Bytes(zeroes).first(below(zeroes.size())));
    } else {
      page.put(
          instructions_[below(instruction_count) * below(instruction_count) / instruction_count]);
      const std::uint64_t operand = next();
      page.put(bytes_of_struct(operand).first(choice % 4));
    }
  }
}

void MadeContent::fill_with_mix(MutableBytes room) {
  for (std::size_t at = 0; at < room.size(); at += piece.size()) {
    const MutableBytes part = room.subspan(at, std::min(piece.size(), room.size() - at));
    switch (below(5)) {
      case 0: fill_with_noise(part); break;
      case 1:
      case 2: fill_with_text(part); break;
      default: fill_with_program(part); break;
    }
  }
}

}  // namespace ebb

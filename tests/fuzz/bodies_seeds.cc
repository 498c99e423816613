// SPDX-License-Identifier: Apache-2.0
// bodies_seeds.cc - writes one sound body of each kind for bodies_fuzz into the folder given to it.
#include <fstream>
#include <string>

#include "engine/flow/restore.h"
#include "engine/repo/embedded_object.h"
#include "engine/repo/minimum_age.h"
#include "engine/repo/repository.h"

namespace {

void write(const std::string& folder, char parser, ebb::Bytes body) {
  std::ofstream file(folder + "/seed-" + std::to_string(parser), std::ios::binary);
  file.put(parser);
  file << ebb::text_of(body);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  write(folder, 0, pack_embedded({ObjectType::repository, layout::config, ByteVector(60)}));
  const DataKeyEntry entry{};
  write(folder, 1, pack_data_key_table(std::span(&entry, 1)));
  write(folder, 2, pack_config({}));
  const LostRecord lost{};
  write(folder, 3, pack_lost_records(std::span(&lost, 1)));
  write(folder, 4, pack_journal({}));
  const layout::PointName name{};
  write(folder, 5, pack_minimum_age({{}, std::chrono::hours(24), {}}));
  write(folder, 6, bytes_of(name.path().substr(layout::volume_folder(name.volume).size() + 1)));
  return 0;
}

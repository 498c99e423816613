# Debian's packages as imported targets deps::NAME. tools/packages.sh lists the packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(ebb_dependency name)
  add_library(deps_${name} INTERFACE)
  add_library(deps::${name} ALIAS deps_${name})
  target_link_libraries(deps_${name} INTERFACE ${ARGN})
endfunction()

foreach(pair uring:liburing isal:libisal openssl:libcrypto lz4:liblz4 zstd:libzstd
        argon2:libargon2 blkid:blkid)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(PC_${name} REQUIRED IMPORTED_TARGET ${module})
  ebb_dependency(${name} PkgConfig::PC_${name})
endforeach()

find_library(IPSEC_MB_LIBRARY IPSec_MB REQUIRED)  # The package has no pkg-config file.
ebb_dependency(ipsec_mb ${IPSEC_MB_LIBRARY})
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
ebb_dependency(rocksdb ${ROCKSDB_LIBRARY} Threads::Threads)

find_package(fmt REQUIRED)
ebb_dependency(fmt fmt::fmt)
find_package(nlohmann_json REQUIRED)
ebb_dependency(json nlohmann_json::nlohmann_json)
find_package(CLI11 REQUIRED)
ebb_dependency(cli11 CLI11::CLI11)

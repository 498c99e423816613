# Debian's packages as imported targets deps::NAME. tools/packages.sh lists the packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(ebb_dependency name)
  add_library(deps_${name} INTERFACE)
  add_library(deps::${name} ALIAS deps_${name})
  target_link_libraries(deps_${name} INTERFACE ${ARGN})
endfunction()

foreach(pair uring:liburing isal:libisal openssl:libcrypto openssl_tls:libssl
        lz4:liblz4 zstd:libzstd
        argon2:libargon2 blkid:blkid ext2fs:ext2fs com_err:com_err sqlite3:sqlite3 nbd:libnbd)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(PC_${name} REQUIRED IMPORTED_TARGET ${module})
  ebb_dependency(${name} PkgConfig::PC_${name})
endforeach()

find_library(IPSEC_MB_LIBRARY IPSec_MB REQUIRED)  # The package has no pkg-config file.
ebb_dependency(ipsec_mb ${IPSEC_MB_LIBRARY})
# Not a package of Debian: used where it is installed, left out where it is not. The header came with
# 2.25, as did the calls that are used.
pkg_check_modules(PC_isal_crypto QUIET libisal_crypto)
find_path(ISAL_CRYPTO_INCLUDE_DIR isa-l_crypto/isal_crypto_api.h HINTS ${PC_isal_crypto_INCLUDE_DIRS})
find_library(ISAL_CRYPTO_LIBRARY isal_crypto HINTS ${PC_isal_crypto_LIBRARY_DIRS})
mark_as_advanced(ISAL_CRYPTO_INCLUDE_DIR ISAL_CRYPTO_LIBRARY)
if(ISAL_CRYPTO_INCLUDE_DIR AND ISAL_CRYPTO_LIBRARY)
  message(STATUS "isa-l_crypto: ${ISAL_CRYPTO_LIBRARY}")
  ebb_dependency(isal_crypto ${ISAL_CRYPTO_LIBRARY})
  target_include_directories(deps_isal_crypto SYSTEM INTERFACE ${ISAL_CRYPTO_INCLUDE_DIR})
  set(EBB_NOT_COMPILED no_isal_crypto.cc)
else()
  message(STATUS "isa-l_crypto: 2.25 or newer is not installed; its backend is left out")
  ebb_dependency(isal_crypto)
  set(EBB_NOT_COMPILED isal_crypto.cc fingerprint_isal_crypto.cc gcm_kernel_isal_crypto.cc)
endif()

find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
ebb_dependency(rocksdb ${ROCKSDB_LIBRARY} Threads::Threads)

# What the tracker of devmap/source/track is made with; without one of these it is left out.
pkg_check_modules(PC_bpf QUIET IMPORTED_TARGET libbpf>=1.1)
find_program(BPF_CLANG NAMES clang-14 clang)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin)
mark_as_advanced(BPF_CLANG BPFTOOL)
set(EBB_TRACKER_LACKS)
if(NOT PC_bpf_FOUND)
  list(APPEND EBB_TRACKER_LACKS libbpf-dev)
endif()
if(NOT BPF_CLANG)
  list(APPEND EBB_TRACKER_LACKS clang-14)
endif()
if(NOT BPFTOOL)
  list(APPEND EBB_TRACKER_LACKS bpftool)
endif()
list(JOIN EBB_TRACKER_LACKS " " EBB_TRACKER_LACKS)
if(EBB_TRACKER_LACKS)
  message(STATUS "change tracker: left out, for there is no ${EBB_TRACKER_LACKS}")
else()
  ebb_dependency(bpf PkgConfig::PC_bpf)
endif()

find_package(fmt REQUIRED)
ebb_dependency(fmt fmt::fmt)
find_package(nlohmann_json REQUIRED)
ebb_dependency(json nlohmann_json::nlohmann_json)
find_package(CLI11 REQUIRED)
ebb_dependency(cli11 CLI11::CLI11)

# Its headers only: the library of the package throws (tools/common/toml_file.cc).
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
ebb_dependency(tomlplusplus)
target_include_directories(deps_tomlplusplus SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})

find_package(CapnProto 0.9 REQUIRED)
ebb_dependency(capnp_rpc CapnProto::capnp-rpc CapnProto::kj-async)
# KJ's interfaces have no virtual destructors: kj::heap destroys by the type that it made.
target_compile_options(deps_capnp_rpc INTERFACE -Wno-non-virtual-dtor)
ebb_dependency(kj_tls CapnProto::kj-tls CapnProto::capnp-rpc)

# Warnings, sanitizers, fuzzing: choices of a preset, none of which changes what the code does.
set(EBB_SANITIZE "" CACHE STRING "Comma-separated sanitizers, e.g. address,undefined")
option(EBB_FUZZ "Build the libFuzzer harnesses (clang only)" OFF)
option(EBB_WERROR "Warnings stop the build" OFF)
option(EBB_PRECOMPILE "Parse the headers that every file includes once for each target" OFF)

# Clones share what they compiled: paths below a clone are hashed relative to it, and the folder that
# debug information names is the one that compiled first. Precompiled headers want the sloppiness.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

add_library(ebb_options INTERFACE)
target_include_directories(ebb_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(ebb_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports possibly-dangling and uninitialised members in the inlined depths of
  # std::optional and tl::expected where there are none.
  target_compile_options(ebb_options INTERFACE -Wno-maybe-uninitialized)
else()
  # clang forgets __extension__ before a statement expression (TRY) when it instantiates a template.
  target_compile_options(ebb_options INTERFACE -Wno-gnu-statement-expression)
endif()
if(EBB_WERROR)
  target_compile_options(ebb_options INTERFACE -Werror)
endif()
if(EBB_SANITIZE)
  target_compile_definitions(ebb_options INTERFACE EBB_SANITIZED)
  target_compile_options(ebb_options INTERFACE -fsanitize=${EBB_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ebb_options INTERFACE -fsanitize=${EBB_SANITIZE})
endif()
if(EBB_FUZZ)
  target_compile_options(ebb_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Saves a third of a build's time and hides includes that are missing, so not every preset does it.
function(ebb_precompile target)
  if(EBB_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE <algorithm> <chrono> <filesystem> <functional> <map>
                              <memory> <optional> <span> <string> <vector> <fmt/format.h>
                              <tl/expected.hpp> ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -fpch-preprocess)  # ccache sees through them.
    endif()
  endif()
endfunction()

# ebb_library(NAME DIRS folder... LINK target... [FILES file...] [EXCEPT file...]): every .cc below the
# folders, and the files.
function(ebb_library name)
  cmake_parse_arguments(arg "" "" "DIRS;FILES;LINK;EXCEPT" ${ARGN})
  set(sources ${arg_FILES})
  foreach(dir ${arg_DIRS})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${dir}/*.cc)
    list(APPEND sources ${found})
  endforeach()
  foreach(file ${arg_EXCEPT})
    list(FILTER sources EXCLUDE REGEX "/${file}$")
  endforeach()
  add_library(${name} STATIC ${sources})
  add_library(ebb::${name} ALIAS ${name})
  target_link_libraries(${name} PUBLIC ebb_options ${arg_LINK})
  ebb_precompile(${name})
endfunction()

# ebb_schemas(NAME folder): what Cap'n Proto's compiler makes of the folder's schemas, included by
# their path from the root ("wire/schema/refusal.capnp.h").
function(ebb_schemas name folder)
  file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.capnp)
  set(CAPNPC_SRC_PREFIX ${PROJECT_SOURCE_DIR})
  set(CAPNPC_OUTPUT_DIR ${PROJECT_BINARY_DIR}/schema)
  file(MAKE_DIRECTORY ${CAPNPC_OUTPUT_DIR}/${folder})
  capnp_generate_cpp(sources headers ${schemas})
  add_library(${name} STATIC ${sources})
  add_library(ebb::${name} ALIAS ${name})
  # Generated, so not ours to warn about.
  target_include_directories(${name} SYSTEM PUBLIC ${CAPNPC_OUTPUT_DIR})
  target_link_libraries(${name} PUBLIC deps::capnp_rpc)
endfunction()

# ebb_bpf(NAME program): a program for the kernel, as the skeleton by which libbpf loads it, included
# as <bpf_skeleton/NAME.h>. It depends on no kernel: what it reads of one is found when it is loaded.
function(ebb_bpf name program)
  set(folder ${PROJECT_BINARY_DIR}/skeleton)
  set(object ${folder}/${name}.bpf.o)
  set(skeleton ${folder}/bpf_skeleton/${name}.h)
  file(MAKE_DIRECTORY ${folder}/bpf_skeleton)
  add_custom_command(
    OUTPUT ${object} DEPFILE ${object}.d
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
            -I${PROJECT_SOURCE_DIR} -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -MD -MF ${object}.d -MT ${object}
            -c ${PROJECT_SOURCE_DIR}/${program} -o ${object}
    DEPENDS ${PROJECT_SOURCE_DIR}/${program} VERBATIM)
  add_custom_command(OUTPUT ${skeleton} DEPENDS ${object} VERBATIM
    COMMAND sh -c "\"$0\" gen skeleton \"$1\" name ebb_\"$2\" >\"$3\""
            ${BPFTOOL} ${object} ${name} ${skeleton})
  add_custom_target(${name}_skeleton DEPENDS ${skeleton})
  add_library(${name}_bpf INTERFACE)
  add_dependencies(${name}_bpf ${name}_skeleton)
  # Generated, so not ours to warn about.
  target_include_directories(${name}_bpf SYSTEM INTERFACE ${folder})
endfunction()

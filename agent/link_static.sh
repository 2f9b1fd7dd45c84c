#!/bin/bash
# link_static.sh COMMAND...: runs a link with archives in place of shared libraries, for each library
# that has one, and leaves out what nothing uses. CMakeLists.txt puts it before the link of the agent.
#
# Why: of 25 MiB that an agent held, 14 were pages of 80 shared libraries that the dynamic linker had
# read and relocated. What stays shared: the C library (name service), and OpenSSL, which gets its
# security fixes from Debian without a new agent (as libpq does, which is loaded when it is needed).
set -eu
archives=() shared=() arguments=()
for argument in "$@"; do
  archive=${argument%%.so*}.a
  case $argument in
    */libfmt.so*) continue ;; # common/base/fmt_static.cc
    */libssl.so* | */libcrypto.so*)
      shared+=("$argument")
      continue
      ;;
    *.so | *.so.*)
      if [[ -e $archive ]]; then
        # What the shared library brought along by itself comes from the same folder.
        [[ $archive == */libgrpc++.a ]] && archives+=("${archive%/*}"/libabsl_*.a)
        archives+=("$archive")
        continue
      fi
      ;;
    -lre2) continue ;;
  esac
  arguments+=("$argument")
done
exec "${arguments[@]}" -Wl,--start-group "${archives[@]}" -Wl,--end-group \
  "${shared[@]}" -ldl -lm -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-O1 -Wl,-z,pack-relative-relocs

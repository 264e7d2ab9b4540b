# Sourced by the scripts beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

heading() { printf '\n=== %s (%d s)\n' "$*" "$SECONDS"; }

have() { command -v "$1" >/dev/null; }

export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}

if have ccache; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  # Precompiled headers can be cached, and a clone elsewhere may use what this one compiled.
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=true
fi
if have mold; then
  export LDFLAGS=-fuse-ld=mold
fi

# The Python that the tools use: the one of script/setup, which has torch, else the user's.
python=python3
[ -x .deps/venv/bin/python ] && python=.deps/venv/bin/python

configure() { cmake --preset "$1" >"build/configure-$1.log" 2>&1 || { cat "build/configure-$1.log"; return 1; }; }
mkdir -p build

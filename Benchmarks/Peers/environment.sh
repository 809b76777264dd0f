# Sourced by the scripts of this folder: sets `here`, `results`, GRADUS, and `python` in an environment with the packages.
#
#   GRADUS      the command to measure (default: .build/release/gradus of this checkout)
#   PEER_VENV   a Python environment to use and keep; without it, one is made and removed at the end
#   THREADS     threads of both sides (default: 2)
#   ROUNDS      how often the sides take turns (default: 3)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=$here/../results
GRADUS=${GRADUS:-$here/../../.build/release/gradus}
export GRADUS THREADS=${THREADS:-2} ROUNDS=${ROUNDS:-3}
# A rival never asks a hub: all weights lie in folders that are given.
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TOKENIZERS_PARALLELISM=false
export TRANSFORMERS_VERBOSITY=error HF_HUB_DISABLE_PROGRESS_BARS=1
export OMP_NUM_THREADS=$THREADS MKL_NUM_THREADS=$THREADS NUMBA_NUM_THREADS=$THREADS

if ! [ -x "$GRADUS" ]; then
  echo "$GRADUS: no such command; build it (swift build -c release --product gradus) or set GRADUS" >&2
  exit 66
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$results"

# peer_environment PACKAGE[:MODULE]...: `python` has the packages; installs only those that cannot be imported.
peer_environment() {
  local venv=${PEER_VENV:-$scratch/venv} package missing=()
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  python=$venv/bin/python
  for package in "$@"; do
    "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('${package#*:}') is None)" ||
      missing+=("${package%%:*}")
  done
  [ ${#missing[@]} -eq 0 ] || "$python" -m pip install --quiet --disable-pip-version-check "${missing[@]}" >&2
}

# model_folder NAME: the folder of a model that is installed, or NAME itself where it is a folder.
model_folder() {
  if [ -d "$1" ]; then (cd "$1" && pwd); else
    "$GRADUS" models show "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])'
  fi
}

# decoder_file NAME: the GGUF file of a decoder that is installed, or NAME itself where it is a file.
decoder_file() {
  if [ -f "$1" ]; then realpath "$1"; else
    local folder files
    folder=$("$GRADUS" models show "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])')
    files=("$folder"/*.gguf)
    echo "${files[0]}"
  fi
}

# collection_folder NAME: the folder of a collection that is installed, or NAME itself where it is a folder.
collection_folder() {
  if [ -d "$1" ]; then (cd "$1" && pwd); else
    "$GRADUS" data show "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])'
  fi
}

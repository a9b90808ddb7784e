#!/usr/bin/env bash
# Installs the sdist, the wheel, and the wheel on the lowest versions that pyproject.toml allows, each into an empty
# environment, and makes a small experiment with it outside the repository. Needs uv (https://docs.astral.sh/uv).
#
#     bash tests/packaging/try_packages.sh [TORCH]      # TORCH: e.g. torch==2.6.0; the lowest PyTorch is a large download
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1
torch=${1:-torch}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
uv build --quiet --out-dir "$work/dist" .
cp tests/packaging/small.toml "$work"
for case in sdist wheel lowest; do
    case $case in
    sdist) package=("$work"/dist/*.tar.gz) options=() ;;
    wheel) package=("$work"/dist/*.whl) options=() ;;
    lowest) package=("$work"/dist/*.whl) options=(--resolution lowest-direct) ;;
    esac
    uv venv --quiet "$work/$case"
    uv pip install --quiet --python "$work/$case/bin/python" "${options[@]}" "${package[0]}" "$torch"
    (
        cd "$work"
        reversal=$case/bin/reversal
        "$reversal" run small.toml --out "$case-results" --quiet
        "$reversal" report "$case-results" --html --plots --out "$case-report" >"$case.log" 2>&1
        "$reversal" report "$case-results" --format json >"$case.json"
        test -s "$case-report/report.html" -a -s "$case-report/accuracy.csv"
        echo "$case: $("$reversal" --version)"
    )
done

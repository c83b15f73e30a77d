#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer, which comes with the Swift toolchain. Linux.
#
#   run.sh SECONDS [TARGET …]          build, put the whole corpus to every oracle, then fuzz for so long in all
#   run.sh --executions N [TARGET …]   the same with so many inputs a target
#   run.sh --replay FILE TARGET        put one input to every oracle
#   run.sh --minimise [TARGET …]       take into Corpus what was found, as few and small inputs as cover the same
#   run.sh --coverage [TARGET …]       the lines of the sources that the corpus covers
#
# Targets: requests responses targets fields; all unless given. An input that breaks an oracle ends the run with a
# status other than 0 and stays in .build/found. Documentation/Fuzzing.md says what the oracles are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

say() { echo "$*" >&2; }
fail() { say "run.sh: $*"; exit 2; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

mode= amount= input=
case ${1-} in
-h | --help) usage; exit 0 ;;
--executions) mode=executions amount=${2-}; shift $(($# > 1 ? 2 : 1)) ;;
--replay) mode=replay input=${2-}; shift $(($# > 1 ? 2 : 1)) ;;
--minimise | --coverage) mode=${1#--}; shift ;;
*) mode=seconds amount=${1-}; [ $# = 0 ] || shift ;;
esac
case $mode in
seconds | executions) [[ "$amount" =~ ^[1-9][0-9]*$ ]] || fail "'$amount' is no number above zero; see run.sh --help" ;;
replay) [ -f "$input" ] && [ $# = 1 ] || fail "--replay needs a file and its target" ;;
esac
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(requests responses targets fields)
for target in "${targets[@]}"; do
    [ -d "Corpus/$target" ] || fail "there is no target '$target'; see run.sh --help"
done

[ "$(uname -s)" = Linux ] || fail "the fuzzer is built on Linux only"
resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')
library=$resources/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a
[ -f "$library" ] || fail "this toolchain has no libFuzzer: $library"
# The versions that the package itself was built with, where they are known.
[ ! -f ../../Package.resolved ] || cp ../../Package.resolved Package.resolved

build() { # OPTION …: prints the path of the fuzzer
    local options=(-c release -Xlinker "$library" -Xlinker -lstdc++ "$@") log
    log=$(mktemp)
    swift build "${options[@]}" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    rm -f "$log"
    echo "$(swift build "${options[@]}" --show-bin-path 2>/dev/null)/Fuzz"
}

started=$SECONDS
# libFuzzer catches what ends the process, in place of the runtime's own report.
export SWIFT_BACKTRACE=enable=no
mkdir -p .build/found .build/logs
if [ "$mode" = coverage ]; then
    fuzzer=$(build --scratch-path .build/coverage -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping)
else
    fuzzer=$(build)
fi
say "Built in $((SECONDS - started)) s."

length() { # TARGET: the bytes of an input at most
    case $1 in
    requests | responses) echo 1024 ;;
    *) echo 256 ;;
    esac
}

run() { # TARGET ARGUMENT …: runs libFuzzer, its output in the target's log
    local target=$1
    shift
    FUZZ_TARGET=$target "$fuzzer" -max_len="$(length "$target")" -timeout=10 -rss_limit_mb=512 -malloc_limit_mb=64 \
        -print_final_stats=1 -artifact_prefix="$here/.build/found/$target-" "$@" >".build/logs/$target" 2>&1
}

broken() { # TARGET: says what was found, and ends
    say "$1 failed:"
    grep -a -A 40 -m 1 -E '^broken:|ERROR: libFuzzer|Fatal error' ".build/logs/$1" | cut -c -400 >&2 || tail -20 ".build/logs/$1" >&2
    say "The input: $(sed -n 's/.*Test unit written to //p' ".build/logs/$1" | tail -1)"
    exit 1
}

replay() { # TARGET: the corpus, every input at every oracle
    FUZZ_THOROUGH=1 run "$1" -runs=0 "Corpus/$1" || broken "$1"
}

fuzz() { # TARGET LIMIT: on from the corpus
    mkdir -p ".build/corpus/$1"
    run "$1" -dict=http.dict -keep_seed=1 "$2" ".build/corpus/$1" "Corpus/$1" || broken "$1"
    local executions rate coverage edges
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' ".build/logs/$1")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' ".build/logs/$1")
    edges=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' ".build/logs/$1" | head -1)
    coverage=$(grep -a -E '^#[0-9]+.* cov: ' ".build/logs/$1" | tail -1 | sed 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 \2/')
    printf '%-10s %11d inputs  %7d a second  %5d of %d edges  %6d features\n' \
        "$1" "$executions" "$rate" "${coverage% *}" "$edges" "${coverage#* }"
}

case $mode in
replay)
    FUZZ_THOROUGH=1 run "$1" "$(realpath "$input")" || broken "$1"
    say "No oracle is broken."
    ;;
seconds | executions)
    for target in "${targets[@]}"; do replay "$target"; done
    say "The corpus, $(find "${targets[@]/#/Corpus/}" -type f | wc -l) inputs, breaks no oracle."
    # The wire twice as long as the rest.
    parts=0
    for target in "${targets[@]}"; do parts=$((parts + ($(length "$target") > 256 ? 2 : 1))); done
    for target in "${targets[@]}"; do
        share=$((amount * ($(length "$target") > 256 ? 2 : 1) / parts))
        if [ $mode = seconds ]; then limit=-max_total_time=$((share > 0 ? share : 1)); else limit=-runs=$amount; fi
        fuzz "$target" "$limit"
    done
    ;;
minimise)
    for target in "${targets[@]}"; do
        mkdir -p ".build/corpus/$target"
        rm -rf ".build/merged/$target"
        mkdir -p ".build/merged/$target"
        run "$target" -set_cover_merge=1 ".build/merged/$target" "Corpus/$target" ".build/corpus/$target" || broken "$target"
        # Inputs with a name of their own are there for a reason: they stay.
        find "Corpus/$target" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
        cp ".build/merged/$target"/* "Corpus/$target"
        say "$target: $(find "Corpus/$target" -type f | wc -l) inputs"
    done
    ;;
coverage)
    rm -f .build/coverage/*.profraw
    for target in "${targets[@]}"; do
        LLVM_PROFILE_FILE=.build/coverage/$target.profraw FUZZ_THOROUGH=1 run "$target" -runs=0 "Corpus/$target" \
            || broken "$target"
    done
    # Those of the toolchain: others may not read its format.
    tools=$(dirname "$(readlink -f "$(command -v swiftc)")")
    "$tools/llvm-profdata" merge -sparse .build/coverage/*.profraw -o .build/coverage/profile
    "$tools/llvm-cov" report "$fuzzer" -instr-profile=.build/coverage/profile -ignore-filename-regex='checkouts|Sources/Fuzz' \
        -show-region-summary=false -show-branch-summary=false
    ;;
esac

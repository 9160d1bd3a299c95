#!/usr/bin/env bash
# Installs the document parser on Debian 12 or 13: packages with Tesseract, user, Python, settings, systemd units. See docs/gpu-box.md.
# A second run changes nothing, or upgrades if the checkout is newer. Existing settings are never changed.
set -euo pipefail

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PREFIX=/opt/docparse
MODELS_PREFIX=/opt/vllm
ROOT=
EXTRAS=s3
LANGUAGES=eng
VLLM=
PYTHON=python3
WITH_MODELS=no
WITH_VENV=yes
DRY_RUN=no
ACTION=install
PURGE=no

usage() {
    cat <<'TEXT'
usage: deploy/install.sh [options]

  --with-models     also install vLLM, in /opt/vllm, and the units of the two model servers
  --vllm WHAT       which vLLM, as pip takes it; default the newest that the GPU's driver can run
  --languages LIST  Tesseract's language packs, like "eng rus ara hin kor"; default eng; all (0.7 GB), or none: no Tesseract.
                    Packs of about 30 languages for the service are brought beside them, unless none
  --extras LIST     extras of the package; default s3, "" for none
  --python PROGRAM  Python 3.11 or newer; default python3
  --prefix DIR      the program's folder; default /opt/docparse
  --root DIR        write everything below DIR, and leave packages, users and systemd alone
  --no-venv         leave the program's folder alone
  --dry-run         say every step, do none
  --uninstall       stop and remove the program and its units; settings and documents stay
  --purge           with --uninstall: settings, documents and users go too
  --help
TEXT
}

fail() {
    echo "install.sh: $*" >&2
    exit 2
}

# Run a step; in a dry run only print it.
run() {
    if [ "$DRY_RUN" = yes ]; then
        printf 'would run:'
        printf ' %q' "$@"
        printf '\n'
    else
        "$@"
    fi
}

# Run a step that needs the live machine; below --root only print it.
run_live() {
    if [ -n "$ROOT" ]; then
        printf 'left out below --root:'
        printf ' %q' "$@"
        printf '\n'
    else
        run "$@"
    fi
}

# run_systemctl ARGUMENT...: the same with systemctl, if systemd runs. In a container or a chroot it may not.
run_systemctl() {
    if [ -z "$ROOT" ] && [ "$DRY_RUN" = no ] && [ ! -d /run/systemd/system ]; then
        echo "left out, systemd does not run here: systemctl $*"
    else
        run_live systemctl "$@"
    fi
}

# The owner of a new file: below --root the user who runs this script.
owned() {
    if [ -z "$ROOT" ]; then
        printf -- '--owner=%s\n--group=%s\n' "$1" "$2"
    fi
}

# folder MODE OWNER GROUP PATH: make a folder.
folder() {
    local options
    mapfile -t options < <(owned "$2" "$3")
    [ -d "$ROOT$4" ] || run install -d --mode="$1" "${options[@]}" "$ROOT$4"
}

# place MODE OWNER GROUP PATH: write standard input to the file, unless the file has this content already.
place() {
    local options draft
    mapfile -t options < <(owned "$2" "$3")
    draft=$(mktemp)
    cat >"$draft"
    if ! cmp --silent "$draft" "$ROOT$4"; then
        echo "writing $ROOT$4"
        run install -D --mode="$1" "${options[@]}" "$draft" "$ROOT$4"
        CHANGED=yes
    fi
    rm -f "$draft"
}

# place_new MODE OWNER GROUP PATH: the same, but never overwrite a file.
place_new() {
    if [ -e "$ROOT$4" ]; then
        cat >/dev/null
        echo "kept $ROOT$4"
    else
        place "$@"
    fi
}

# link TARGET PATH: make a symbolic link.
link() {
    if [ "$(readlink "$ROOT$2" || true)" != "$1" ]; then
        run install -d "$(dirname "$ROOT$2")"
        run ln -sfn "$1" "$ROOT$2"
    fi
}

# Print Debian's packages of Tesseract and its language packs, one a line. Accepts both chi_sim and chi-sim.
tesseract_packages() {
    local packs
    packs=$(tr '[:upper:]_,' '[:lower:]- ' <<<"$LANGUAGES")
    case $packs in
    none) ;;
    all) printf '%s\n' tesseract-ocr tesseract-ocr-all ;;
    *)
        # shellcheck disable=SC2086  # words
        printf 'tesseract-ocr-%s\n' osd $packs
        echo tesseract-ocr
        ;;
    esac
}

# check_languages PACKAGE...: fail if Debian has no such language pack, and name similar ones.
check_languages() {
    local known name word like
    # Without package lists apt-get reports the error itself.
    known=$(apt-cache search --names-only '^tesseract-ocr-' 2>/dev/null || true)
    [ -n "$known" ] || return 0
    for name in "$@"; do
        word=${name#tesseract-ocr-}
        if [ "$name" != tesseract-ocr ] && ! grep --quiet "^$name " <<<"$known"; then
            like=$(grep -E --ignore-case "^tesseract-ocr-${word:0:2}| for $word" <<<"$known" || true)
            fail "there is no language pack $word. ${like:+Like it: $(listed "$like"). }All of them: apt-cache search ^tesseract-ocr-"
        fi
    done
}

# listed LINES: print each pack in the output of apt-cache with its language, joined by commas.
listed() {
    sed -E 's/^tesseract-ocr-(\S+) - (.* for )?(.*)$/\1 (\3)/' <<<"$1" | sort -u | paste --serial --delimiters=, | sed 's/,/, /g'
}

packages() {
    local wanted=(python3 python3-venv ca-certificates curl) packs
    mapfile -t packs < <(tesseract_packages)
    wanted+=("${packs[@]}")
    [ "$WITH_MODELS" = no ] || wanted+=(build-essential python3-dev)
    if [ -z "$ROOT" ] && dpkg --status "${wanted[@]}" >/dev/null 2>&1; then
        return
    fi
    run_live apt-get update
    check_languages "${packs[@]}"
    run_live env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${wanted[@]}"
}

# user NAME HOME: make a system user.
user() {
    if [ -n "$ROOT" ] || ! id "$1" >/dev/null 2>&1; then
        run_live useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
    fi
}

sources() {
    (cd "$CHECKOUT" && find document_parser templates static setup.cfg pyproject.toml README.md constraints.txt -type f -not -path '*/__pycache__/*' -print0 | sort -z)
}

# Print what is to be installed, in one word.
fingerprint() {
    (cd "$CHECKOUT" && sources | xargs -0 sha256sum && echo "$EXTRAS") | sha256sum | cut -d ' ' -f 1
}

# Build the package from a copy, so that the checkout stays as it was.
install_package() {
    local copy extras=
    [ -z "$EXTRAS" ] || extras="[$EXTRAS]"
    copy=$(mktemp -d)
    (cd "$CHECKOUT" && sources | xargs -0 cp --parents --target-directory="$copy")
    run "$ROOT$PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$copy/constraints.txt" "$copy$extras"
    rm -rf "$copy"
}

program() {
    local stamp="$ROOT$PREFIX/.installed" now
    now=$(fingerprint)
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$now" ]; then
        echo "$ROOT$PREFIX is up to date"
        return
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed: --python"
    [ -x "$ROOT$PREFIX/bin/python" ] || run "$PYTHON" -m venv "$ROOT$PREFIX"
    echo "installing into $ROOT$PREFIX"
    install_package
    # Other users than the installing one run the program, whatever the umask here.
    run chmod -R a+rX "$ROOT$PREFIX"
    place 0644 root root "$PREFIX/.installed" <<<"$now"
}

# Choose the version of vLLM. Its wheels are built for CUDA 13 from 0.20 on, which needs a driver of 580 or newer; older ones for CUDA 12.
vllm_wanted() {
    local driver
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || driver=
    if [ -n "$VLLM" ]; then
        echo "$VLLM"
    elif [[ $driver =~ ^([0-9]+)\. ]] && [ "${BASH_REMATCH[1]}" -lt 580 ]; then
        echo "the driver is $driver: vLLM before 0.20, for CUDA 12 (docs/gpu-box.md describes a newer driver)" >&2
        echo 'vllm>=0.11.1,<0.20'
    else
        echo 'vllm>=0.11.1'
    fi
}

models() {
    local wanted
    [ -x "$ROOT$MODELS_PREFIX/bin/vllm" ] && [ -z "$VLLM" ] && return
    wanted=$(vllm_wanted)
    [ -x "$ROOT$MODELS_PREFIX/bin/python" ] || run "$PYTHON" -m venv "$ROOT$MODELS_PREFIX"
    run "$ROOT$MODELS_PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check "$wanted"
    run chmod -R a+rX "$ROOT$MODELS_PREFIX"
}

secret() {
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'
}

settings() {
    folder 0755 root root /etc/docparse
    place_new 0640 root docparse /etc/docparse/env <<TEXT
# Settings of the document parser; .env.example of the checkout lists them all. After a change: systemctl restart docparse-api
ADMIN_TOKEN=$(secret)
SECRET_KEY=$(secret)
DATA_DIR=/var/lib/docparse/data
API_HOST=127.0.0.1
API_PORT=1233
# Empty: an embedded Valkey. For several machines: redis://host:6379/0
REDIS_URL=
TEXT
    # docparse-admin reads the settings from its working folder.
    link /etc/docparse/env /var/lib/docparse/.env
    [ "$WITH_MODELS" = no ] || place_new 0640 root vllm /etc/docparse/vllm <<'TEXT'
# Environment of the model servers: CUDA_VISIBLE_DEVICES, or VLLM_API_KEY (the same as in /etc/docparse/env).
TEXT
}

folders() {
    folder 0750 docparse docparse /var/lib/docparse
    folder 0750 docparse docparse /var/lib/docparse/tmp
    [ "$WITH_MODELS" = no ] || folder 0750 vllm vllm /var/lib/vllm
}

commands() {
    link "$PREFIX/bin/docparse" /usr/local/bin/docparse
    place 0755 root root /usr/local/sbin/docparse-admin <<TEXT
#!/bin/sh
# docparse as the service runs it: its user, its settings, its folders. Like: docparse-admin doctor
ulimit -n "\$(ulimit -H -n)"
cd /var/lib/docparse && exec runuser -u docparse -- env TMPDIR=/var/lib/docparse/tmp $PREFIX/bin/docparse "\$@"
TEXT
}

units() {
    local unit
    for unit in "$CHECKOUT"/systemd/*.service; do
        case $unit in
        */vllm-*) [ "$WITH_MODELS" = yes ] || continue ;;
        esac
        sed "s|/opt/docparse/|$PREFIX/|g" "$unit" | place 0644 root root "/etc/systemd/system/$(basename "$unit")"
    done
    place 0644 root root /etc/tmpfiles.d/docparse.conf <"$CHECKOUT/systemd/docparse.tmpfiles.conf"
}

# Runs before the units of an older release are replaced. In those the instance was the number of workers.
many_workers() {
    local link count
    grep --quiet --no-messages -- '--workers %i' "$ROOT/etc/systemd/system/docparse-worker@.service" || return 0
    for link in "$ROOT"/etc/systemd/system/*.wants/docparse-worker@*.service; do
        count=${link##*@}
        count=${count%.service}
        if [[ $count =~ ^[0-9]+$ ]] && [ "$count" -gt 1 ]; then
            echo "docparse-worker@$count ran $count workers; an instance is one worker now: systemctl enable --now docparse-worker@{1..$count}"
        fi
    done
}

# Bring packs for scans in the usual other scripts: 34 MB, once. A machine without a registry does without them.
languages() {
    [ "$WITH_VENV" = yes ] && [ "$LANGUAGES" != none ] || return 0
    run_live /usr/local/sbin/docparse-admin languages add default --if-reachable --timeout 120 ||
        echo "without packs, scans are read in Latin, Chinese and Japanese letters: docparse-admin languages add default" >&2
}

install_all() {
    local warnings
    CHANGED=no
    warnings=$(many_workers)
    packages
    user docparse /var/lib/docparse
    [ "$WITH_MODELS" = no ] || user vllm /var/lib/vllm
    folders
    [ "$WITH_VENV" = no ] || program
    [ "$WITH_VENV" = no ] || [ "$WITH_MODELS" = no ] || models
    settings
    commands
    languages
    units
    if [ "$CHANGED" = yes ]; then
        run_systemctl daemon-reload
        # An upgrade restarts only units that run already.
        run_systemctl try-restart docparse-api.service 'docparse-worker@*.service'
    else
        echo "nothing has changed"
    fi
    [ -z "$warnings" ] || echo "$warnings" >&2
    echo "next: edit /etc/docparse/env; docparse-admin doctor; systemctl enable --now docparse-api"
}

remove() {
    local path
    for path in "$@"; do
        if [ -e "$ROOT$path" ] || [ -L "$ROOT$path" ]; then
            echo "removing $ROOT$path"
            run rm -rf "$ROOT$path"
        fi
    done
}

uninstall() {
    run_systemctl disable --now docparse-api.service vllm-deepseek.service vllm-nanonets.service || true
    run_systemctl stop 'docparse-worker@*.service' || true
    local link
    for link in "$ROOT"/etc/systemd/system/*.wants/docparse-worker@*.service; do
        remove "${link#"$ROOT"}"
    done
    remove /etc/systemd/system/{docparse-api,docparse-worker@,vllm-deepseek,vllm-nanonets}.service /etc/tmpfiles.d/docparse.conf
    remove "$PREFIX" "$MODELS_PREFIX" /usr/local/bin/docparse /usr/local/sbin/docparse-admin
    run_systemctl daemon-reload
    if [ "$PURGE" = yes ]; then
        remove /etc/docparse /var/lib/docparse /var/lib/vllm /var/cache/vllm
        run_live userdel docparse || true
        run_live userdel vllm || true
    else
        echo "kept: $ROOT/etc/docparse, $ROOT/var/lib/docparse, $ROOT/var/lib/vllm (--purge removes them)"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
    --with-models) WITH_MODELS=yes ;;
    --no-venv) WITH_VENV=no ;;
    --dry-run) DRY_RUN=yes ;;
    --uninstall) ACTION=uninstall ;;
    --purge) PURGE=yes ;;
    --extras | --languages | --vllm | --python | --prefix | --root)
        [ $# -ge 2 ] || fail "$1 wants a value"
        case $1 in
        --extras) EXTRAS=$2 ;;
        --languages) LANGUAGES=$2 ;;
        --vllm) VLLM=$2 ;;
        --python) PYTHON=$2 ;;
        --prefix) PREFIX=${2%/} ;;
        --root) ROOT=${2%/} ;;
        esac
        shift
        ;;
    --help) usage && exit ;;
    *) usage >&2 && fail "unknown option $1" ;;
    esac
    shift
done

[[ $PREFIX =~ ^/[A-Za-z0-9._/-]+$ ]] || fail "--prefix is an absolute path without spaces"
[[ $LANGUAGES =~ ^[A-Za-z_,\ -]+$ ]] || fail "--languages is a list of language packs like \"eng rus\", or all, or none"
[ -z "$ROOT" ] || [[ $ROOT = /* ]] || fail "--root is an absolute path"
[ "$PURGE" = no ] || [ "$ACTION" = uninstall ] || fail "--purge goes with --uninstall"
[ -n "$ROOT" ] || [ "$DRY_RUN" = yes ] || [ "$(id -u)" = 0 ] || fail "run it as root, or with --root or --dry-run"

case $ACTION in
install) install_all ;;
uninstall) uninstall ;;
esac

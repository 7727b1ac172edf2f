# What both run scripts do before they run anything; sourced by them. They set $root, the top of the
# repository.
# shellcheck shell=bash

say() {
  echo "$0: $*" >&2
}

# require_packages NAME...
# Names the Debian packages that are missing and installs them. When all are there, apt is not
# called and nobody has to be root.
require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here; what these Debian packages hold must be there: $*"
    return 0
  fi

  local installed package
  local missing=() as_root=()
  # It fails when it does not know one of them, and says what it knows of the others.
  installed=" $(dpkg-query --show --showformat='${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $installed == *" $package=installed "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  say "missing packages: ${missing[*]}"
  if ((EUID)); then
    if ! command -v sudo >/dev/null; then
      say "neither root nor sudo: install them, then start this again"
      return 1
    fi
    as_root=(sudo)
  fi
  # A list that cannot be brought up to date may still do.
  "${as_root[@]}" apt-get -q update </dev/null >&2 || say "apt-get update failed; trying to go on"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q install -y --no-install-recommends "${missing[@]}" </dev/null >&2 || {
    say "these packages could not be installed: ${missing[*]}"
    return 1
  }
}

# What every build of this repository needs.
# shellcheck disable=SC2034
build_packages=(
  g++ meson ninja-build pkgconf
  libwayland-dev libwayland-bin wayland-protocols
  libpixman-1-dev libxkbcommon-dev xkb-data libpng-dev libcli11-dev
  libinput-dev libudev-dev libseat-dev libdrm-dev libxcursor-dev
)

# configure DIRECTORY [MESON OPTION...]
# Makes a build directory unless it is there; later changes of meson.build are ninja's to notice.
configure() {
  [[ -f $1/build.ninja ]] && return 0
  say "configuring $1"
  mkdir -p "$1"
  # shellcheck disable=SC2154
  meson setup "${@:2}" "$1" "$root" >"$1.log" 2>&1 || {
    cat "$1.log" >&2
    say "configuring failed"
    return 1
  }
}

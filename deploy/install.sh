#!/bin/sh
# Makes this machine a device of a Stillhouse fleet. The server hands this script out with its own address and the
# digests of its files filled in:
#
#   curl -fsS http://SERVER/install.sh | sudo sh -s -- --token T --name pi-kitchen
#
# A second run upgrades the agent and keeps the device's credential and models. Nothing comes from the internet: Node
# and the agent come from the server. The digests find damage on the way; over plain HTTP they do not prove who sent it.
set -eu

server='@SERVER@'
version='@VERSION@'
node_version='@NODE_VERSION@'
agent_x64='@SHA256_AGENT_X64@'
agent_arm64='@SHA256_AGENT_ARM64@'
node_x64='@SHA256_NODE_X64@'
node_arm64='@SHA256_NODE_ARM64@'

home=/opt/stillhouse
state=/var/lib/stillhouse
settings=/etc/stillhouse
unit=/etc/systemd/system/stillhouse-agent.service
account=stillhouse
needed_kb=400000
changed=false

usage() {
  cat <<USAGE
Makes this machine a device of the Stillhouse fleet at $server.

Usage: curl -fsS $server/install.sh | sudo sh -s -- --token T --name NAME

  --token T        enrolment token ("still token create"); first installation only
  --name NAME      this device's name, such as pi-kitchen; first installation only
  --label KEY=VAL  a label for the enrolment; may be given several times
  --dry-run        say what would be done, and do nothing
  --uninstall      remove the service and the program; models and credential stay
  --purge          with --uninstall: remove these and the user too
USAGE
}

say() { printf '%s\n' "stillhouse: $*"; }
fail() {
  printf '%s\n' "stillhouse: $*" >&2
  exit 1
}
wrong() {
  printf '%s\n' "stillhouse: $*; see --help" >&2
  exit 2
}

parse() {
  token='' name='' labels='' dry_run=false uninstall=false purge=false
  while [ $# -gt 0 ]; do
    case $1 in
      --token | --name | --label)
        [ $# -ge 2 ] || wrong "$1 needs a value"
        take "$1" "$2"
        shift 2
        ;;
      --dry-run) dry_run=true; shift ;;
      --uninstall) uninstall=true; shift ;;
      --purge) purge=true; shift ;;
      --help | -h) usage; exit 0 ;;
      *) wrong "$1 is not known" ;;
    esac
  done
  if $purge && ! $uninstall; then wrong '--purge goes with --uninstall'; fi
}

# Values reach a settings file and a command line: only plain characters pass.
take() {
  case $1 in
    --token)
      case $2 in '' | *[!A-Za-z0-9_-]*) wrong '--token: it holds letters, digits, - and _ only' ;; esac
      token=$2
      ;;
    --name)
      case $2 in '' | -* | *- | *[!a-z0-9-]*) wrong "--name $2: lower-case letters, digits and inner hyphens" ;; esac
      [ ${#2} -le 63 ] || wrong "--name $2: at most 63 characters"
      name=$2
      ;;
    --label)
      case $2 in *[!A-Za-z0-9._/=-]* | =*) wrong "--label $2: expected KEY=VALUE such as site=home" ;; esac
      case $2 in *=*) ;; *) wrong "--label $2: expected KEY=VALUE such as site=home" ;; esac
      labels="$labels --label $2"
      ;;
  esac
}

# The loader tells the architecture of the system's programs and its C library; a 32-bit system may have a 64-bit kernel.
detect() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); the agent runs on Linux"
  machine=$(uname -m)
  case $machine in
    aarch64 | arm64) architecture=arm64 loader=/lib/ld-linux-aarch64.so.1 agent_sha=$agent_arm64 node_sha=$node_arm64 ;;
    x86_64 | amd64) architecture=x64 loader=/lib64/ld-linux-x86-64.so.2 agent_sha=$agent_x64 node_sha=$node_x64 ;;
    armv6l) fail 'this board is armv6 (Pi 1, Pi Zero): the runtimes need a 64-bit ARM, such as a Pi Zero 2 W, 3, 4 or 5' ;;
    armv7l | armv8l) fail "this system is 32-bit ($machine): install the 64-bit Raspberry Pi OS on a Pi Zero 2 W, 3, 4 or 5" ;;
    *) fail "$machine is not supported: aarch64 and x86_64 are" ;;
  esac
  if [ ! -e "$loader" ]; then
    for musl in /lib/ld-musl-*; do
      [ ! -e "$musl" ] || fail 'this system uses musl (Alpine): the agent needs glibc, as Debian and Raspberry Pi OS have it'
    done
    fail "this kernel is 64-bit, but the system is not ($loader is missing): install the 64-bit Raspberry Pi OS"
  fi
  [ -n "$agent_sha$node_sha" ] ||
    fail "the server has nothing for $architecture: run \"npm run build\" there, with --arch $architecture or without --arch"
  release=$version-$(printf %.8s "$agent_sha")-$(printf %.8s "$node_sha")
}

require() {
  for program in tar gzip sha256sum useradd runuser df timeout cmp; do
    command -v "$program" >/dev/null 2>&1 || fail "$program is missing: install it and run this again"
  done
  command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1 || fail 'neither curl nor wget is here: apt-get install curl'
  if [ -e "$home/releases/$release" ]; then return; fi
  mkdir -p "$home"
  free_kb=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
  [ "$free_kb" -ge "$needed_kb" ] || fail "$home has $((free_kb / 1024)) MB free, $((needed_kb / 1024)) MB are needed"
}

is_enrolled() { [ -f "$state/credential.json" ]; }

check_request() {
  if is_enrolled; then
    known=$(sed -n 's/^ *"name": *"\([a-z0-9-]*\)".*/\1/p' "$state/credential.json")
    if [ -n "$name" ] && [ "$name" != "$known" ]; then
      fail "this machine is enrolled as $known, not as $name; --uninstall --purge forgets that"
    fi
    name=$known
  else
    [ -n "$name" ] || wrong '--name is missing'
    [ -n "$token" ] || wrong '--token is missing ("still token create" on the server makes one)'
  fi
}

plan() {
  say "would install the agent $version with Node $node_version for $architecture from $server"
  say "  program   $home/releases/$release, about $((needed_kb / 1024)) MB free are needed meanwhile"
  say "  state     $state, settings $settings/agent.env, user $account"
  if is_enrolled; then say "  keep      the credential of $name"; else say "  enrol     as $name$labels"; fi
  if has_systemd; then say "  service   $unit, started now and at every start"; else say '  service   none: systemd does not run here'; fi
  say 'nothing was changed'
}

download() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsS --retry 3 -o "$2" "$server/install/$1" </dev/null
  else
    wget -q -O "$2" "$server/install/$1" </dev/null
  fi || fail "$server/install/$1 could not be fetched"
}

# What is being unpacked has a name of its own until it is whole, so that a broken run leaves no half a release.
fetch() {
  file=$1-linux-$architecture.tar.gz
  say "fetching $file"
  download "$file" "$part/$file"
  printf '%s  %s\n' "$2" "$part/$file" | sha256sum -c --quiet - >/dev/null 2>&1 ||
    fail "$file is damaged: its digest is not the one that the server listed. Run this again"
  tar -xzf "$part/$file" -C "$part" --no-same-owner
  rm -f "$part/$file"
}

install_release() {
  if [ -e "$home/releases/$release" ]; then
    say "agent $release is here already"
  else
    mkdir -p "$home/releases"
    rm -rf "$home"/releases/.part-*
    part=$home/releases/.part-$$
    mkdir "$part"
    trap 'rm -rf "$part"' EXIT
    trap 'exit 130' INT TERM
    fetch node "$node_sha"
    fetch agent "$agent_sha"
    "$part/node/bin/node" "$part/agent/main.js" --version </dev/null >/dev/null ||
      fail "the agent does not start on this system; $part/node/bin/node needs glibc 2.28 or newer"
    chmod -R go-w,a+rX "$part"
    mv -T "$part" "$home/releases/$release"
  fi
  previous=$(readlink "$home/current" || true)
  [ "$previous" != "releases/$release" ] || return 0
  changed=true
  ln -sfn "releases/$release" "$home/current.new"
  mv -T "$home/current.new" "$home/current"
}

make_account() {
  if ! id "$account" >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir "$state" --shell /usr/sbin/nologin "$account"
    say "made the user $account"
  fi
  mkdir -p "$state" "$settings"
  chown "$account:$account" "$state"
  chmod 0700 "$state"
  chmod 0755 "$settings"
}

# The token stands in the environment of one short process, in no file and on no command line.
enrol() {
  if is_enrolled; then
    say "keeping the credential of $name"
    return
  fi
  # shellcheck disable=SC2086 # labels are several words, checked in take()
  STILL_TOKEN=$token timeout 120 runuser -u "$account" -- "$home/current/node/bin/node" "$home/current/agent/main.js" \
    --enrol-only --server "$server" --name "$name" --data "$state" $labels </dev/null ||
    fail 'the enrolment failed; what was installed stays, so that the next run is quick'
}

write_settings() {
  (
    umask 077
    cat >"$settings/agent.env.new" <<SETTINGS
# Written by the installer; changed by it alone when it runs again.
STILL_SERVER=$server
STILL_DATA=$state
SETTINGS
  )
  replace "$settings/agent.env.new" "$settings/agent.env" 0600
}

# Only what differs is replaced, so that a second run need not restart the service.
replace() {
  chmod "$3" "$1"
  if cmp -s "$1" "$2"; then
    rm -f "$1"
    chmod "$3" "$2"
    return
  fi
  mv "$1" "$2"
  changed=true
}

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

install_service() {
  mkdir -p "$(dirname "$unit")"
  cp "$home/current/agent/stillhouse-agent.service" "$unit.new"
  replace "$unit.new" "$unit" 0644
  if ! has_systemd; then
    say 'systemd does not run here: the service is installed, but not started'
    return
  fi
  systemctl daemon-reload
  systemctl enable --quiet stillhouse-agent
  if ! $changed && systemctl is-active --quiet stillhouse-agent; then return; fi
  systemctl restart stillhouse-agent
  sleep 3
  systemctl is-active --quiet stillhouse-agent ||
    fail 'the service does not stay up: journalctl -u stillhouse-agent -n 30 says why'
}

# The release before this one stays, for a way back by hand.
prune() {
  $changed || return 0
  for old in "$home"/releases/*; do
    case releases/${old##*/} in
      "releases/$release" | "$previous") ;;
      *) rm -rf "$old" ;;
    esac
  done
}

remove() {
  if $dry_run; then
    say "would remove the service, $home and $settings"
    if $purge; then say "would remove $state and the user $account"; else say "would keep $state"; fi
    say 'nothing was changed'
    return
  fi
  if has_systemd && [ -e "$unit" ]; then systemctl disable --now --quiet stillhouse-agent || true; fi
  rm -f "$unit"
  if has_systemd; then systemctl daemon-reload; fi
  rm -rf "$home" "$settings"
  if ! $purge; then
    say "removed; models and credential stay in $state (--uninstall --purge removes them)"
    return
  fi
  rm -rf "$state"
  if id "$account" >/dev/null 2>&1; then userdel "$account"; fi
  say 'removed with its models and credential; on the server, "still devices revoke NAME" forgets the device'
}

main() {
  parse "$@"
  if $uninstall; then
    $dry_run || [ "$(id -u)" = 0 ] || fail 'run this as root (sudo)'
    remove
    return
  fi
  detect
  $dry_run || [ "$(id -u)" = 0 ] || fail 'run this as root (sudo)'
  check_request
  if $dry_run; then
    plan
    return
  fi
  require
  make_account
  install_release
  enrol
  write_settings
  install_service
  prune
  say "$name runs the agent $version"
}

# The last line: a download that broke off half-way runs nothing.
main "$@"

# The Debian packages of Ronda, and how they come onto this machine. For bash scripts to source:
#   . deploy/packages.sh
#   install_packages build tests
# Nothing is asked of apt if all is there: works offline then.
# shellcheck shell=bash disable=SC2034

packages_build=(
  g++ cmake ninja-build pkg-config
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  libsqlite3-dev libpq-dev libcurl4-openssl-dev libssl-dev libre2-dev
  libzstd-dev libmicrohttpd-dev zlib1g-dev libsnappy-dev
  libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libjemalloc-dev
)
# The tests run against real servers. They start their own; the services of the packages stay off.
packages_tests=(
  libgtest-dev libgmock-dev postgresql prometheus prometheus-node-exporter
  prometheus-postgres-exporter prometheus-alertmanager xz-utils iproute2
)
# What ronda-bench measures beside Ronda; it says which of them is missing.
packages_bench=(
  prometheus prometheus-node-exporter victoria-metrics collectd-core netdata-core
)
# What the built programs need to run, beyond what building them needs.
packages_run=(
  ca-certificates tzdata
)

# Prints those of the given packages that are not installed.
missing_packages() {
  local package status
  for package in "$@"; do
    # shellcheck disable=SC2016  # dpkg's own variable
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || printf '%s\n' "$package"
  done
}

# Runs a command as root.
as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 RUNLEVEL=1 \
    apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# install_packages GROUP...: installs what is missing of the groups build, run, tests and bench; says
# what and why. Starts no service. Returns 1 with a message if it cannot.
install_packages() {
  local group
  local -a wanted=() missing
  for group in "$@"; do
    local -n names="packages_$group"
    wanted+=("${names[@]}")
    unset -n names
  done
  if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian: please install what these packages hold: ${wanted[*]}" >&2
    return 0
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]} == 0)) && return 0

  echo "Installing Debian packages (needed for: $*): ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    echo "You are not root and there is no sudo. Run as root: apt-get install ${missing[*]}" >&2
    return 1
  fi
  local log status=0
  log=$(mktemp)
  install_missing "${missing[@]}" >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    tail -n 20 "$log" >&2
    echo "apt-get could not install: ${missing[*]}" >&2
    echo "Is the network there, and do /etc/apt/sources.list* name a Debian mirror?" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# apt-get's part of install_packages. While it runs, a policy-rc.d keeps services from starting and a
# setting keeps PostgreSQL's package from making a cluster; both are taken back.
install_missing() {
  local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
  local has_policy=0 had_cluster=0 status=0 service
  [[ -e $policy ]] && has_policy=1
  [[ -e $cluster ]] && had_cluster=1
  if ((!has_policy)); then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  {
    apt_get update &&
      if [[ " $* " == *" postgresql "* ]] && ((!had_cluster)); then
        apt_get install -y --no-install-recommends postgresql-common &&
          as_root cp "$cluster" "$cluster.ronda" &&
          printf 'create_main_cluster = false\n' | as_root tee -a "$cluster" >/dev/null
      fi &&
      apt_get install -y --no-install-recommends "$@"
  } || status=$?
  if [[ -e $cluster.ronda ]]; then
    as_root mv "$cluster.ronda" "$cluster"
  fi
  if ((!has_policy)); then
    as_root rm -f "$policy"
  fi
  if [[ -d /run/systemd/system ]]; then
    for service in postgresql prometheus prometheus-node-exporter prometheus-postgres-exporter \
      prometheus-alertmanager victoria-metrics; do
      if [[ " $* " == *" $service "* ]]; then
        as_root systemctl disable "$service" || true
      fi
    done
  fi
  return "$status"
}

# Installs Debian packages that are missing; for ./quickstart and ./runtests to source. POSIX sh.

# What p2pchat is built with.
BUILD_PACKAGES="autoconf automake gcc libc6-dev make pkg-config python3
    libcjson-dev libcmocka-dev libevent-dev libinih-dev libsodium-dev libsqlite3-dev libsystemd-dev
    libutf8proc-dev uthash-dev"

# What its tests need besides.
TEST_PACKAGES="bash-completion binutils build-essential clang-format-14 dbus-user-session debhelper fish lintian mandoc
    mmdebstrap patch python3-prometheus-client strace systemd-container zsh"

# packages_missing PACKAGE...: those that are not installed, on one line.
packages_missing()
{
    for package in "$@"; do
        status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) ||
            status=none
        [ "$status" = installed ] || printf ' %s' "$package"
    done
}

# packages_install PACKAGE...: says and does what is needed; fails when they are still missing.
packages_install()
{
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is no Debian system: these packages, or their like, are taken to be there:" $*
        return 0
    fi
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "Packages are missing, and there is no sudo here. As root: apt-get install$missing" >&2
            return 1
        fi
        as_root=sudo
    fi
    echo "Installing with ${as_root:+$as_root }apt-get:$missing"
    # A new machine has no package lists, and an old one perhaps stale ones.
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null 2>&1 ||
        { $as_root apt-get update -qq </dev/null &&
            $as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null; }
    missing=$(packages_missing "$@")
    [ -z "$missing" ] || { echo "Could not install:$missing" >&2; return 1; }
}

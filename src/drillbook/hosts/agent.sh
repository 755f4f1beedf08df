#!/bin/sh
# drillbook's side of a host: locks with fencing tokens, and effects as transient systemd units.
# Constant text; every value arrives as an argument. State lives in /var/lib/drillbook:
#   token            the last fencing token given
#   lock             "RUN TOKEN SINCE HOLDER" of the run that holds this host, when one does
#   runs/RUN/KEY.*   one effect: .started (made once, exclusively), .out, .err, .result
#   anchors          what runs did with the lock, a line each, only ever added to:
#                    "TIME EVENT RUN HEAD TYPE EXECUTOR"; systemd's journal has the same lines (-t drillbook)
# Exit codes of our own: 75 held by another run, 76 an old token, 77 begun before.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
umask 077
state=/var/lib/drillbook
self=$0

store() { # FILE TEXT [OTHER]: whole or not at all, and durable; OTHER, which was written before, too
    printf '%s\n' "$2" > "$1.new"
    sync "$1.new" ${3:+"$3"}
    mv "$1.new" "$1"
}

word() { # TEXT: in $word, with nothing in it that could be more than one word of a line
    word=$1
    case $word in '' | *[!A-Za-z0-9._:@-]*) word=- ;; esac
}

anchor() { # TIME EVENT RUN HEAD TYPE EXECUTOR: written down here, so that the run's own journal is not alone
    line=$1
    shift
    for text in "$@"; do
        word "$text"
        line="$line $word"
    done
    printf '%s\n' "$line" >> "$state/anchors"
    # Not waited for: the line above is the one that lasts.
    logger -t drillbook -- "$line" > /dev/null 2>&1 9>&- &
}

held() { # RUN TOKEN: does this run still hold this host, by this token?
    [ -f "$state/lock" ] || return 1
    read -r run token rest < "$state/lock"
    [ "$run" = "$1" ] && [ "$token" = "$2" ]
}

unit_of() { # RUN KEY
    printf 'drillbook-%s-%s.service' "$1" "$2"
}

size() { # FILE: how much of it is reported, in $size; a process is started only for a file that holds something
    size=0
    [ ! -s "$1" ] || size=$(wc -c < "$1")
    [ "$size" -le 65536 ] || size=65536
}

report() { # RUN KEY: one line, then the outputs
    base=$state/runs/$1/$2
    if [ -f "$base.result" ]; then
        read -r result < "$base.result"
    else
        case $(systemctl show --property=ActiveState --value "$(unit_of "$1" "$2")") in
        inactive | failed) result=interrupted ;;
        *) result=running ;; # also while it starts and while it ends
        esac
        if [ -f "$base.result" ]; then # it ended between the two looks
            read -r result < "$base.result"
        elif [ $result = interrupted ] && [ ! -f "$base.started" ]; then
            result=absent
        fi
    fi
    size "$base.out"
    out=$size
    size "$base.err"
    err=$size
    printf '%s %s %s\n' "$result" "$out" "$err"
    [ "$out" -eq 0 ] || head -c "$out" "$base.out"
    [ "$err" -eq 0 ] || head -c "$err" "$base.err"
}

verb=$1
shift
case $verb in
lock) # RUN HOLDER HEAD TYPE EXECUTOR -> token
    mkdir -p "$state/runs"
    exec 9> "$state/guard"
    flock 9
    if [ -f "$state/lock" ]; then
        read -r run token since holder < "$state/lock"
        [ "$run" = "$1" ] || { printf '%s %s %s\n' "$run" "$since" "$holder"; exit 75; }
        anchor "$(date -u +%Y-%m-%dT%H:%M:%SZ)" again "$1" "$3" "$4" "$5"
        sync "$state/anchors"
        printf '%s\n' "$token"
        exit 0
    fi
    token=0
    [ ! -f "$state/token" ] || read -r token < "$state/token"
    token=$((token + 1))
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    anchor "$now" lock "$1" "$3" "$4" "$5"
    store "$state/token" "$token" "$state/anchors"
    store "$state/lock" "$1 $token $now $2"
    printf '%s\n' "$token"
    ;;
unlock) # RUN HEAD TYPE EXECUTOR: ends what that run still has here, then gives the host free
    mkdir -p "$state"
    exec 9> "$state/guard"
    flock 9
    [ -f "$state/lock" ] || exit 0
    read -r run token rest < "$state/lock"
    [ "$run" = "$1" ] || exit 0
    systemctl --quiet stop "drillbook-$1-*.service" 2>/dev/null || :
    # A full disk must not keep the lock: that the run was here is written down since it took it.
    { anchor "$(date -u +%Y-%m-%dT%H:%M:%SZ)" unlock "$1" "$2" "$3" "$4" && sync "$state/anchors"; } || :
    rm -f "$state/lock"
    ;;
holds) # RUN TOKEN
    held "$1" "$2" || exit 76
    ;;
effect) # RUN KEY TOKEN TIMEOUT USER STDIN ARGV...
    run=$1 key=$2 token=$3 limit=$4 user=$5 stdin=$6
    shift 6
    base=$state/runs/$run/$key
    [ -d "$state/runs/$run" ] || mkdir -p "$state/runs/$run"
    printf '%s' "$stdin" > "$base.stdin"
    systemd-run --quiet --wait --collect --unit="$(unit_of "$run" "$key")" \
        -p RuntimeMaxSec="$limit" -p TimeoutStopSec=3 -p KillMode=control-group \
        -p StandardInput="file:$base.stdin" \
        -p StandardOutput="append:$base.out" -p StandardError="append:$base.err" \
        -p ExecStopPost="/bin/sh $self ended $run $key" \
        /bin/sh "$self" begin "$run" "$key" "$token" "$user" "$@" || :
    report "$run" "$key"
    ;;
begin) # inside the unit: RUN KEY TOKEN USER ARGV...
    run=$1 key=$2 token=$3 user=$4
    shift 4
    base=$state/runs/$run/$key
    exec 9< "$state/guard"
    flock 9
    held "$run" "$token" || exit 76
    # Made exclusively: whoever comes second ends here.
    (set -C; : > "$base.started") 2>/dev/null || exit 77
    sync "$base.started" "$state/runs/$run"
    exec 9<&-
    account=$(getent passwd "$user")
    IFS=: read -r _ _ uid gid _ home _ << LINE
$account
LINE
    exec env -i PATH="$PATH" LC_ALL="$LC_ALL" HOME="${home:-/}" USER="$user" \
        setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
    ;;
ended) # inside the unit, afterwards; systemd says in the environment how it ended: RUN KEY
    base=$state/runs/$1/$2
    case "$EXIT_CODE $EXIT_STATUS" in
    "exited 76") [ -f "$base.started" ] || { store "$base.result" refused; exit 0; } ;;
    "exited 77") [ ! -f "$base.result" ] || exit 0 ;;
    esac
    store "$base.result" "$SERVICE_RESULT:$EXIT_CODE:$EXIT_STATUS"
    ;;
status) # RUN KEY
    report "$1" "$2"
    ;;
stop) # RUN KEY: end the effect's processes on this host
    systemctl --quiet stop "$(unit_of "$1" "$2")" 2>/dev/null || :
    report "$1" "$2"
    ;;
begun) # RUN: the effects that began here, one name a line (evidence that nothing ran twice)
    cd "$state/runs/$1" 2>/dev/null || exit 0
    for file in *.started; do
        [ ! -f "$file" ] || printf '%s\n' "${file%.started}"
    done
    ;;
*)
    printf 'unknown verb\n' >&2
    exit 64
    ;;
esac

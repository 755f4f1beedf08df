#!/bin/sh
# drillbook-only CHANGE LIST: the forced command of a change's certificate (docs/enforcement.md). Constant text.
# It runs what the list names and refuses everything else, whoever asks: LIST is the list's sha256, and stands in the
# certificate, which the officer's authority has signed. State lies in /var/lib/drillbook/only:
#   LIST         the list: lines of "effect ITEM SHA256", "plain ITEM SHA256", "agent SHA256", "install SHA256"
#   CHANGE.run   the one run that this change may have on this host
# /etc/drillbook/item says which item this host is; the officer writes it.
set -eu
mask=$(umask)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
umask 077
state=/var/lib/drillbook/only
change=$1
list=$2
command=${SSH_ORIGINAL_COMMAND-}
unset SSH_ORIGINAL_COMMAND

refuse() { # WHY
    logger -p auth.warning -t drillbook-only -- "$change: refused: $1" || :
    printf 'drillbook-only: refused: %s\n' "$1" >&2
    exit 93
}

run() { # WORDS...: as if nobody stood between
    umask "$mask"
    unset LC_ALL
    exec "$@"
}

digest() { # WORDS...: of each word with a NUL after it, in $sum
    sum=$(printf '%s\0' "$@" | sha256sum)
    sum=${sum%% *}
}

listed() { # KIND SUM, or KIND ITEM SUM
    grep -qxF -- "$*" "$state/$list"
}

ours() { # RUN: is it the run that this change has here?
    [ -f "$state/$change.run" ] || return 1
    read -r bound < "$state/$change.run"
    [ "$bound" = "$1" ]
}

# The engine sends words, quoted as Python's shlex.join does: safe characters, '…', and "'" for a single quote. What
# is left when the quoted parts are taken out must be safe characters and spaces; then eval only takes words apart.
[ -n "$command" ] || refuse 'no command: a shell is not approved'
bare=$(printf '%s.' "$command" | sed -zE "s/'[^']*'|\"'\"//g")
case $bare in
*[!A-Za-z0-9@%+=:,./_\ -]*) refuse 'the command is not quoted as drillbook quotes' ;;
esac
eval "set -- $command"
[ $# -gt 0 ] || refuse 'an empty command'

if [ "$1" = drillbook-only ] && [ $# -eq 2 ]; then # the list itself, which the certificate names by its digest
    sum=$(printf %s "$2" | sha256sum)
    [ "${sum%% *}" = "$list" ] || refuse 'this is not the list that was approved'
    mkdir -p "$state"
    printf %s "$2" > "$state/$list.$$"
    sync "$state/$list.$$"
    mv "$state/$list.$$" "$state/$list"
    exit 0
fi

[ -f "$state/$list" ] || refuse 'the list of approved commands is not here'
sum=$(sha256sum < "$state/$list")
[ "${sum%% *}" = "$list" ] || refuse 'the list of approved commands was changed'
read -r item < /etc/drillbook/item || refuse 'this host does not know which item it is'

if [ $# -gt 8 ] && [ "$1 $2 $3 $5" = '/bin/sh -eu -c drillbook' ]; then # install the agent; take or give back the lock
    digest "$4"
    listed install "$sum" || refuse 'the agent would be installed in another way'
    digest "$6"
    listed agent "$sum" || refuse 'this is not the agent of the approved engine'
    exact=$(printf %s "$6" | sha256sum | cut -c 1-16)
    [ "$7" = "/var/lib/drillbook/agent-$exact.sh" ] || refuse 'the agent would lie elsewhere'
    case $9 in '' | *[!0-9A-Za-z-]*) refuse 'that is no id of a run' ;; esac
    case $8 in
    lock) # Made exclusively: of two runs of one change, one is first.
        (set -C; printf '%s\n' "$9" > "$state/$change.run") 2> /dev/null || ours "$9" ||
            refuse "the change has another run here: $bound"
        ;;
    unlock) ours "$9" || refuse "'$9' is not this change's run here" ;;
    *) refuse "'$8' is nothing that an executor asks" ;;
    esac
    run "$@"
fi

case "$1 ${2-}" in
'/bin/sh /var/lib/drillbook/agent-'*)
    [ $# -ge 4 ] || refuse 'the agent is called with too little'
    case ${2#/var/lib/drillbook/} in */*) refuse 'that is not the agent' ;; esac
    digest "$(cat "$2" && printf .)"
    listed installed "$sum" || refuse 'this is not the agent of the approved engine'
    ours "$4" || refuse "'$4' is not this change's run here"
    case $3 in
    unlock | holds | status | stop | begun) run "$@" ;;
    effect) ;;
    *) refuse "'$3' is nothing that an executor asks" ;;
    esac
    [ $# -gt 9 ] || refuse 'an effect without a command'
    (
        key=$5 user=$8 stdin=$9
        shift 9
        digest "$key" "$user" "$stdin" "$@"
        listed effect "$item" "$sum" && exit 0
        # A later attempt has a number at its end.
        number=${key##*.}
        case $number in '' | *[!0-9]*) exit 1 ;; esac
        digest "${key%.*}" "$user" "$stdin" "$@"
        listed effect "$item" "$sum"
    ) || refuse "step $5: not a command that was approved for $item"
    run "$@"
    ;;
esac

digest "$@"
listed plain "$item" "$sum" || refuse 'not a command that was approved'
run "$@"

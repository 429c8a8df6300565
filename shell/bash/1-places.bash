# bp for bash, part 1: where records go, who writes them, and the files that this takes.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts share their variables.

# `set -x` shows nothing of the loading. In all parts `local` stands without values: `set -k` would take these for its
# environment.
{
    __bizim_traced=''
    case $- in *x*) __bizim_traced=1 && set +x ;; esac
} 2>/dev/null

# Sets `__bizim_run` and the files in it: the same places in the same order as bp_proto::place.
__bizim_place() {
    if [[ -n ${BP_HOME-} ]]; then
        [[ $BP_HOME == /* ]] || return 1
        __bizim_run=$BP_HOME/run
    elif [[ -d /run/user/$EUID && ! -L /run/user/$EUID && -O /run/user/$EUID ]]; then
        __bizim_run=/run/user/$EUID/bp
    elif [[ -d /dev/shm ]]; then
        __bizim_run=/dev/shm/bp-$EUID
    else
        __bizim_run=${HOME:?}/.local/state/bp/run
    fi
    [[ -d $__bizim_run/mail ]] || (umask 077 && command mkdir -p -- "$__bizim_run/mail")
    __bizim_mail=$__bizim_run/mail/$$
    __bizim_scratch=$__bizim_run/.shell.$$
    __bizim_sweep
}

# From bash 5.2 on: the file that PS0 opens when a line begins, so that bpd hears of it. It exists as long as the shell does
# (a missing file would print an error), and no other program has a use for it.
__bizim_place_line() {
    __bizim_line=''
    ((__bizim_version < 502)) || [[ ! -r /proc/$$/timerslack_ns ]] || __bizim_line=1
}

# Tells bpd who this shell is, and its CPU times so far, before the first line. Records of this kind are old ones.
__bizim_print_hello() {
    builtin printf '\0001K\0%s\0' "$__bizim_shell"
    builtin times
    builtin printf '\0\0'
}

# Removes the files of shells that are gone.
__bizim_sweep() {
    local file stale fails
    stale=() fails=''
    ! shopt -q failglob 2>/dev/null || { fails=1 && shopt -u failglob; }
    for file in "$__bizim_run"/.shell.[0-9]*; do
        [[ ! -e $file || -d /proc/${file##*.} || ! -d /proc/$$ ]] || stale+=("$file")
    done
    [[ -z $fails ]] || shopt -s failglob
    ((${#stale[@]} == 0)) || command rm -f -- "${stale[@]}"
}

# Sets `actor`: `BP_ACTOR`, else an agent or a CI system by the variables that they set. bp_proto::actor has the same lists.
__bizim_actor() {
    local mark value
    case ${BP_ACTOR-} in human | ci | agent:?*) actor=$BP_ACTOR && return ;; esac
    actor=${AI_AGENT-} actor=${actor%%@*}
    [[ -z $actor ]] || { actor=agent:${actor:0:64} && return; }
    for mark in CLAUDECODE=claude-code CURSOR_AGENT=cursor CODEX_SANDBOX=codex CODEX_THREAD_ID=codex \
        GEMINI_CLI=gemini OPENCODE=opencode AUGMENT_AGENT=augment CLINE_ACTIVE=cline \
        GOOSE_TERMINAL=goose QWEN_CODE=qwen COPILOT_CLI=copilot; do
        value=${mark%%=*} value=${!value-}
        case $value in '' | 0 | false) ;; *) actor=agent:${mark#*=} && return ;; esac
    done
    for mark in CI GITHUB_ACTIONS GITLAB_CI BUILDKITE CIRCLECI TRAVIS JENKINS_URL TEAMCITY_VERSION \
        TF_BUILD BITBUCKET_BUILD_NUMBER APPVEYOR DRONE; do
        value=${!mark-}
        case $value in '' | 0 | false) ;; *) actor=ci && return ;; esac
    done
}

# Sets `__bizim_shell`, a field of every record: `name version boot-id start-ticks actor parent`.
__bizim_identify() {
    local LC_ALL IFS boot stat actor parent version
    LC_ALL=C IFS=' ' boot='' stat='' actor='' parent=${BP_RUN-}
    __bizim_actor
    IFS= builtin read -r boot </proc/sys/kernel/random/boot_id || :
    IFS= builtin read -r stat </proc/$$/stat || :
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    builtin read -r -a stat <<<"${stat##*) }" || :
    actor=${actor//[!A-Za-z0-9:._-]/_} parent=${parent//[!A-Za-z0-9]/_}
    version=${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}.${BASH_VERSINFO[2]}
    __bizim_shell="bash $version ${boot:--} ${stat[19]:--} ${actor:--} ${parent:--}"
}

# Creates an empty file for this user alone. The umask is read from the kernel, without a fork, and restored.
__bizim_create() {
    local name mask rest
    mask=''
    while IFS=$' \t' builtin read -r name mask rest; do
        [[ $name != Umask: ]] || break
        mask=
    done </proc/self/status
    if [[ -n $mask ]]; then
        umask 077
        builtin printf '' >>"$1"
        umask "$mask"
    else
        (umask 077 && builtin printf '' >>"$1")
    fi
}

# Calls "$@" so that a limit on file sizes cannot kill the shell. A trap of the user's stays.
__bizim_guarded() {
    if [[ $__bizim_traps == *' SIGXFSZ'* ]]; then
        "$@"
    else
        builtin trap '' XFSZ
        "$@"
        builtin trap - XFSZ
    fi
}

# Sorts what `trap -p XFSZ DEBUG` printed. `__bizim_traps` then names the traps that are the user's, and `__bizim_owner` is
# the text of the DEBUG trap. In POSIX mode bash prints names without SIG, and `-` for what is not trapped.
__bizim_sort_traps() {
    # A quote within the quoted text is `'\''`. No `eval`: under `extdebug` a DEBUG trap may forbid commands by their text.
    local rest text name
    rest=${__bizim_traps//\'\\\'\'/$'\1'}
    rest=${rest#$'\n'}$'\n' __bizim_traps=''
    while [[ $rest == "trap -- "* ]]; do
        text=''
        if [[ $rest == "trap -- '"* ]]; then
            rest=${rest#*\'} text=${rest%%\'*} rest=${rest#*\'}
            name=${rest%%$'\n'*}
        else
            name=-
        fi
        rest=${rest#*$'\n'} text=${text//$'\1'/\'}
        case $name in
        *XFSZ) __bizim_traps+=' SIGXFSZ' ;;
        *DEBUG)
            # Ours with the owner's behind it is there if no line has begun since the prompt.
            [[ $text != "$__bizim_chain "* ]] || text=${text#"$__bizim_chain "}
            [[ $text == *__bizim_* ]] || __bizim_traps+=' DEBUG' __bizim_owner=$text
            ;;
        esac
    done
}

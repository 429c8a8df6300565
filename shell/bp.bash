# bp for bash 3.2 and later: tells bpd what is typed, in records of bp-proto's mailbox. shell/README.md is the contract.
# Before 4.4 there is no PS0, and less is told.
# shellcheck shell=bash

# PS0 is expanded after a whole line was read and before it runs; arithmetic in it stamps the time without a fork.
# (`__bizim_nil` is set and empty: whatever part of it the arithmetic asks for, nothing is printed.)
__bizim_arm() {
    if ((__bizim_version >= 500)); then
        # shellcheck disable=SC2016
        __bizim_ps0='${__bizim_nil:__bizim_state=1,__bizim_moved=HISTCMD-__bizim_base,__bizim_stamp=${EPOCHREALTIME/[!0-9]}}'
    else
        # No clock below a second: a number that grows, also over `exec bash`; bpd takes the time of arrival.
        if ((__bizim_version >= 402)); then
            builtin printf -v __bizim_stamp '%(%s)T000000' -1
        else
            __bizim_stamp=$(command date +%s)000000
        fi
        __bizim_tilde='~'
        # shellcheck disable=SC2016
        __bizim_ps0='${__bizim_nil:__bizim_state=1,__bizim_moved=HISTCMD-__bizim_base,__bizim_stamp+=1}'
    fi
    ((__bizim_version < 404 || __bizim_version > 500)) || __bizim_arm_for_return
}

# Before bash 5.1 `PROMPT_COMMAND=other` throws us out, and only PS0, which may set strings that are empty and make numbers
# of others, is left to see it: it keeps the other command, and puts a number in its place that is a function's name (one without a sign is not allowed). (It
# prints nothing: what it sets is replaced in an empty string. A readonly variable it leaves alone.)
__bizim_arm_for_return() {
    __bizim_free=1 __bizim_freer=0
    # shellcheck disable=SC2016
    __bizim_ps0='${__bizim_nil/${__bizim_other[__bizim_home]:=${PROMPT_COMMAND-}}}${PROMPT_COMMAND+${__bizim_nil/${__bizim_flags[__bizim_home]:=${PROMPT_COMMAND@a}}}}'$__bizim_ps0
    # shellcheck disable=SC2016
    __bizim_ps0=${__bizim_ps0%'}'}',__bizim_home||__bizim_free${__bizim_flags[0]//[!r]}&&(PROMPT_COMMAND=-2504405),__bizim_home=0}'
    eval 'function -2504405 { __bizim_status=$? __bizim_now=${EPOCHREALTIME-}; __bizim_come_back; }'
}

# What the prompt would have done, but for DEBUG: in a function nobody can tell whether that is free.
__bizim_come_back() {
    {
        # shellcheck disable=SC2178
        PROMPT_COMMAND=${__bizim_other[0]-}
        # What the history is to be compared with, nobody has noted: the line goes without its text.
        [[ $PROMPT_COMMAND == *__bizim_prompt* ]] || __bizim_lost=1
        __bizim_traps=''
        eval "$__bizim_look"
        __bizim_prompt_with_care
    } 2>/dev/null
    [[ $PROMPT_COMMAND == *__bizim_prompt* ]] || { __bizim_again "$__bizim_status" && :; eval "$PROMPT_COMMAND"; }
    {
        __bizim_take_place_in_string
        __bizim_await
    } 2>/dev/null
    return "$__bizim_status"
}

__bizim_again() { return "$1"; }

# Where the records go; the same places in the same order as bp_proto::place, whatever the environment says.
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

# What shells left behind that are gone.
__bizim_sweep() {
    local file stale
    stale=()
    for file in "$__bizim_run"/.shell.[0-9]*; do
        [[ ! -e $file || -d /proc/${file##*.} || ! -d /proc/$$ ]] || stale+=("$file")
    done
    ((${#stale[@]} == 0)) || command rm -f -- "${stale[@]}"
}

# Who types: `BP_ACTOR`, else an agent or a CI by what they set for what they start. bp_proto::actor has the same lists.
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

# `name version boot-id start-ticks actor parent`: who writes, in every record.
__bizim_identify() {
    local LC_ALL=C IFS=' ' boot='' stat='' actor='' parent=${BP_RUN-} version
    __bizim_actor
    IFS= builtin read -r boot </proc/sys/kernel/random/boot_id || :
    IFS= builtin read -r stat </proc/$$/stat || :
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    builtin read -r -a stat <<<"${stat##*) }" || :
    actor=${actor//[!A-Za-z0-9:._-]/_} parent=${parent//[!A-Za-z0-9]/_}
    version=${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}.${BASH_VERSINFO[2]}
    __bizim_shell="bash $version ${boot:--} ${stat[19]:--} ${actor:--} ${parent:--}"
}

# An empty file for the user alone. The umask is known without a fork from the kernel, and put back.
__bizim_create() {
    local name mask='' rest
    while IFS=$' \t' builtin read -r name mask rest; do
        [[ $name != Umask: ]] || break
        mask=
    done </proc/self/status
    if [[ -n $mask ]]; then
        umask 077
        : >>"$1"
        umask "$mask"
    else
        (umask 077 && : >>"$1")
    fi
}

# Calls "$@" so that a limit on file sizes cannot kill the shell; a trap of the user's is left alone.
__bizim_guarded() {
    if [[ $__bizim_traps == *' SIGXFSZ'* ]]; then
        "$@"
    else
        builtin trap '' XFSZ
        "$@"
        builtin trap - XFSZ
    fi
}

# Whether the line is in the history, and with it its text: HISTCMD moved since the prompt was shown. Only that is safe:
# a line with a leading space or one that HISTIGNORE names is none of our business.
__bizim_judge() {
    if ((__bizim_lost)); then
        __bizim_lost=0 __bizim_how=h __bizim_first=''
        return
    fi
    if ((__bizim_compares)); then
        __bizim_guarded __bizim_read_entry
        __bizim_moved=$((__bizim_entry_number - __bizim_base))
    fi
    if ((__bizim_moved > 1)) && ! shopt -q cmdhist; then
        __bizim_how=m # Every line of a multi-line command has an entry of its own.
    elif ((__bizim_moved != 0)) || [[ $__bizim_entry != "$__bizim_base_entry" ]]; then
        __bizim_how=t
    elif [[ ${HISTCONTROL-} == *dups* || ${HISTCONTROL-} == *both* ]] && [[ -n $1 && $1 == "$__bizim_first" ]]; then
        __bizim_how=r
    else
        __bizim_how=h
    fi
    # bash-preexec takes ignorespace out of HISTCONTROL and is not called for `( … )`: look for the space in the entry.
    if [[ $__bizim_how == t && -z $1 ]] && __bizim_beside_preexec; then
        __bizim_guarded __bizim_read_entry
        ! __bizim_entry_is_blank || __bizim_how=h
    fi
    [[ $__bizim_how != [tm] ]] || __bizim_first=$1
}

# Whether a line was read since the prompt, where PS0 could not say so.
__bizim_is_new() {
    ((__bizim_compares)) || return "$((HISTCMD == __bizim_seen))"
    __bizim_guarded __bizim_read_entry
    [[ $__bizim_entry_number != "$__bizim_base" || $__bizim_entry != "$__bizim_base_entry" ]] && ! __bizim_entry_is_comment
}

# Whether the new line, of which DEBUG has seen nothing run, could not be parsed. A status above 255 is how bash before 4.1
# says so. Later ones say 2, and `( … )`, of which DEBUG sees nothing either, may end with that, too.
__bizim_is_no_line() {
    ((__bizim_status < 256)) || return 0
    ((__bizim_status == 2)) || return 1
    ((__bizim_compares)) || __bizim_guarded __bizim_read_entry
    [[ $__bizim_entry != *'('* ]]
}

# erasedups takes an older entry out as it puts the new one in, and HISTCMD stands still; before bash 5.1 HISTCMD is 1 in
# PROMPT_COMMAND. Then (`__bizim_compares`) the entries themselves tell whether there is a new one.
# The last entry and its number, by way of a file: a pipe has no room for every line.
__bizim_read_entry() {
    [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"
    HISTTIMEFORMAT='' builtin history 1 >|"$__bizim_scratch"
    IFS= builtin read -r -d '' __bizim_entry <"$__bizim_scratch" || :
    __bizim_entry_number=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    __bizim_entry_number=${__bizim_entry_number%%[!0-9]*}
    : "${__bizim_entry_number:=0}" >|"$__bizim_scratch" # Nothing typed stays there.
}

# Blanks, the number, a blank or `*`, a blank, and then the text: whether it starts with a blank.
__bizim_entry_is_blank() {
    local text=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    text=${text#"$__bizim_entry_number"}
    [[ ${text:2} == [[:space:]]* ]]
}

# One line, and nothing in it but a comment.
__bizim_entry_is_comment() {
    local text=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    text=${text#"$__bizim_entry_number"}
    text=${text:2}
    text=${text#"${text%%[![:space:]]*}"}
    [[ $text == '#'* && $text != *$'\n'?* ]]
}

# The last entry as the shell has it, byte for byte. A date in front of it is switched off, or, when the variable is
# readonly, `fc` prints no date.
__bizim_print_entry() {
    if [[ -z ${HISTTIMEFORMAT-} ]]; then
        builtin history 1
    elif ((__bizim_version >= 404)) && [[ ${HISTTIMEFORMAT@a} == *r* ]]; then
        builtin fc -ln -0
    else
        HISTTIMEFORMAT='' builtin history 1
    fi
}

__bizim_print_start() {
    builtin printf '\0001S\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_tilde$__bizim_stamp" "$__bizim_how" "${PWD-}"
    builtin times
    builtin printf '\0'
    [[ $__bizim_how != [tT] ]] || __bizim_print_entry
    [[ $__bizim_how != x ]] || builtin printf '%s' "$1"
    builtin printf '\0'
}

__bizim_print_end() {
    builtin printf '\0001E\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_tilde$__bizim_stamp" "$1" "$2"
    builtin times
    builtin printf '\0'
}

# Each record opens the file anew: bpd may have taken it away to read it. The directory may have been taken away, too, at
# a logout, and put there again by somebody else: is it still ours alone? A limit on file sizes must not kill the shell.
# False when nothing may be told.
__bizim_deliver() {
    [[ -O $__bizim_run && ! -L $__bizim_run && ${BP_OFF-} != 1 ]] || return 1
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap '' XFSZ
    if [[ -n $__bizim_client ]]; then
        __bizim_deliver_by_client "$@"
    else
        [[ -e $__bizim_mail ]] || __bizim_create "$__bizim_mail"
        # What is there and no file is not ours to wait for.
        [[ ! -f $__bizim_mail ]] || "$@" >>"$__bizim_mail"
    fi
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap - XFSZ
    return 0
}

__bizim_deliver_by_client() {
    [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"
    "$@" >|"$__bizim_scratch"
    # A trap that ignores would be inherited.
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap - XFSZ
    "$__bizim_client" event --pid "$$" <"$__bizim_scratch" >/dev/null
    : >|"$__bizim_scratch" # Nothing typed stays there.
}

# What runs for a usual line is short, and for all else there is a function `…_with_care`: bash copies a function's whole
# body for each call, a command costs some microseconds, a redirection fifteen.

# Before the first simple command of a line, where all was as usual at the prompt.
__bizim_fired() {
    if [[ $__bizim_moved == 1 && $BASH_COMMAND != __bizim_* &&
        -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_mail ]]; then
        builtin trap '' XFSZ
        __bizim_state=2 __bizim_how=t __bizim_first=$BASH_COMMAND
        {
            builtin printf '\0001S\0%s\0%s\0t\0%s\0' "$__bizim_shell" "$__bizim_stamp" "${PWD-}"
            builtin times
            builtin printf '\0'
            if [[ -z ${HISTTIMEFORMAT-} ]]; then builtin history 1; else __bizim_print_entry; fi
            builtin printf '\0'
        } 2>&- >>"$__bizim_mail"
        builtin trap - XFSZ
    else
        __bizim_start "$BASH_COMMAND" 2>/dev/null
    fi
    return 0
}

# Called with the first simple command of the line, before it runs. After `( … )` that is the first of PROMPT_COMMAND, or
# none: the line has ended, and an upper-case `how` says that the times are not those of its start.
__bizim_start() {
    local late=
    [[ -n $1 && $1 != __bizim_* && ${PROMPT_COMMAND-} != "$1" && ${PROMPT_COMMAND-} != "$1"[!A-Za-z0-9_]* ]] || late=1
    if ((__bizim_state == 3)); then
        __bizim_is_new || return 0
        if [[ -n $1 && -n $late ]] && __bizim_is_no_line; then
            __bizim_state=0
            return 0
        fi
        __bizim_moved=$((HISTCMD - __bizim_base))
        __bizim_stamp=${EPOCHREALTIME-$((__bizim_stamp + 1))}
        __bizim_stamp=${__bizim_stamp/[!0-9]/}
    fi
    __bizim_state=2
    [[ $1 != __bizim_* ]] || builtin set -- ''
    __bizim_judge "$1"
    [[ -z $late ]] || __bizim_say_late
    __bizim_deliver __bizim_print_start || __bizim_state=0
    return 0
}

__bizim_say_late() {
    case $__bizim_how in
    t) __bizim_how=T ;;
    r) __bizim_how=R ;;
    h) __bizim_how=H ;;
    m) __bizim_how=M ;;
    esac
}

# Before bash 5.1 PROMPT_COMMAND is one string, and whoever sets it anew throws us out of it: DEBUG, which is set while the
# shell starts, at the prompt and while a line runs that begins with such a setting, sees to it that we come back. Called
# before a simple command; false when DEBUG has nothing more to see until the prompt.
__bizim_watch() {
    if ((__bizim_state == 1 || __bizim_state == 3)); then
        __bizim_start "$1"
        [[ $1 == *PROMPT_COMMAND* ]]
    elif [[ ${PROMPT_COMMAND-} != *__bizim_* ]] && ! __bizim_beside_preexec; then
        if [[ ${PROMPT_COMMAND-} == "$1" || ${PROMPT_COMMAND-} == "$1"[!A-Za-z0-9_]* ]]; then
            # It is the prompt already.
            __bizim_status=$2 __bizim_now=${EPOCHREALTIME-}
            __bizim_prompt_with_care
            __bizim_rearm_with_care
        else
            __bizim_take_place_in_string
        fi
    fi
}

# bash-preexec and ble.sh hand over the line's text; bash-preexec takes it from the history, so that the text of a line
# that is not there would be another line's.
__bizim_preexec() {
    if [[ -n ${BLE_VERSION-} ]]; then
        __bizim_stamp=${EPOCHREALTIME/[!0-9]/} __bizim_how=x
    elif ((__bizim_state != 1)); then
        return 0
    else
        __bizim_judge "$1"
        [[ $__bizim_how != t ]] || __bizim_how=x
    fi
    [[ $1 != [[:space:]]* ]] || __bizim_how=h
    __bizim_state=2
    __bizim_deliver __bizim_print_start "$1" || __bizim_state=0
    return 0
} 2>/dev/null

# First at the prompt; `__bizim_status` is what `$?` was.
__bizim_prompt() {
    if [[ $__bizim_state == 2 && -z $__bizim_traps$__bizim_care && ${BP_OFF-} != 1 &&
        -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_mail ]]; then
        builtin trap '' XFSZ
        {
            builtin printf '\0001E\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_stamp" "$__bizim_status" "${__bizim_now/[!0-9]/}"
            builtin times
            builtin printf '\0'
        } >>"$__bizim_mail"
        builtin trap - XFSZ
        __bizim_state=0
    else
        __bizim_prompt_with_care 2>/dev/null
    fi
}

__bizim_prompt_with_care() {
    if ((__bizim_state != 0)) && { ((__bizim_state != 3)) || { ((__bizim_status < 256)) && __bizim_is_new; }; }; then
        # DEBUG does not fire for `( … )` and for the definition of a function, nor for us when it is somebody else's.
        ((__bizim_state == 2)) || __bizim_start ''
        # An end goes with its start.
        ((__bizim_state != 2)) || __bizim_deliver __bizim_print_end "$__bizim_status" "${__bizim_now/[!0-9]/}" || :
        __bizim_state=0
    fi
    # Before bash 5.1 PROMPT_COMMAND is one string and what follows in it wants `$?`; a status under `set -e` is an exit.
    ((__bizim_version >= 501)) || [[ $- == *e* ]] || return "$__bizim_status"
    return 0
}

# Last at the prompt: DEBUG is set, if it is free for us. Mostly all is as it was left; of PROMPT_COMMAND and PS0, long
# strings, the length tells that.
__bizim_rearm() {
    local strings="${PROMPT_COMMAND[*]}${PS0-}"
    if [[ ${#strings} == "$__bizim_length" && ${PROMPT_COMMAND-} == "$__bizim_head" && ${BP_OFF-} != 1 && $- != *x* &&
        -z $__bizim_traps$__bizim_care${bash_preexec_imported-}${__bp_imported-}${BLE_VERSION-} &&
        ${HISTCONTROL-} != *erasedups* ]] && shopt -q promptvars; then
        __bizim_base=$HISTCMD
        # shellcheck disable=SC2064
        builtin trap "$__bizim_fire" DEBUG
    elif __bizim_rearm_with_care 2>/dev/null; then
        # shellcheck disable=SC2064
        builtin trap "$__bizim_fire_with_care" DEBUG
    fi
}

# DEBUG is somebody else's: all that is left to do is done before the other commands of PROMPT_COMMAND.
__bizim_yield() {
    __bizim_rearm
    __bizim_shut=1
}

# True when DEBUG is free for us.
__bizim_rearm_with_care() {
    __bizim_await
    if [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
        __bizim_join_preexec
        return 1
    fi
    if ((__bizim_version < 501)); then
        __bizim_take_place_in_string
    elif [[ ${PROMPT_COMMAND[0]-} != "$__bizim_head" || ${PROMPT_COMMAND[__bizim_end]-} != "$__bizim_tail" ||
        -n ${PROMPT_COMMAND[__bizim_end + 1]-} ]]; then
        __bizim_take_place
    fi
    local strings="${PROMPT_COMMAND[*]}${PS0-}"
    __bizim_length=${#strings}
    [[ -z ${BLE_VERSION-} && $__bizim_traps != *' DEBUG'* ]]
}

# What the next line is compared with.
__bizim_await() {
    if [[ -n ${BLE_VERSION-} ]]; then
        # It calls us with the line, and expands PS0 behind that: we would see two lines.
        PS0=${PS0-}
        PS0=${PS0//"$__bizim_ps0"/}
        __bizim_join_ble
    elif ((__bizim_version < 404)) || ! shopt -q promptvars; then
        # There is none, or ours would be shown as it stands. What is left is to see the history move; hidden lines go unseen.
        [[ -z ${PS0-} ]] || PS0=${PS0//"$__bizim_ps0"/}
        __bizim_state=3
    elif [[ ${PS0-} != *"$__bizim_ps0"* ]]; then
        PS0=${PS0-}$__bizim_ps0
    fi
    __bizim_base=$HISTCMD __bizim_seen=$HISTCMD __bizim_compares=0 __bizim_care=$__bizim_client __bizim_home=1 __bizim_other=() __bizim_flags=('')
    __bizim_entry='' __bizim_base_entry=''
    if [[ ${HISTCONTROL-} == *erasedups* ]] || ((__bizim_version < 501)); then
        __bizim_compares=1 __bizim_care=1
        __bizim_guarded __bizim_read_entry
        __bizim_base=$__bizim_entry_number __bizim_base_entry=$__bizim_entry
    fi
}

# Once, whichever was loaded first.
__bizim_join_ble() {
    [[ -z $__bizim_blessed ]] || return 0
    __bizim_blessed=1
    blehook PREEXEC+=__bizim_preexec
}

__bizim_beside_preexec() { [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; }

# Its DEBUG trap takes any other command of PROMPT_COMMAND for a line of the user's: be one of its functions instead.
__bizim_join_preexec() {
    local entry
    local -a entries=()
    for entry in "${PROMPT_COMMAND[@]}"; do
        __bizim_without_us
        [[ -z $entry ]] || entries+=("$entry")
    done
    [[ $__bizim_traps != *__bizim_watch* ]] || builtin trap - DEBUG
    if ((__bizim_version < 501)); then
        # shellcheck disable=SC2178
        PROMPT_COMMAND=${entries[0]-}
    else
        PROMPT_COMMAND=("${entries[@]}")
    fi
    declare -ga precmd_functions preexec_functions
    precmd_functions=(__bizim_precmd ${precmd_functions[@]+"${precmd_functions[@]}"})
    preexec_functions+=(__bizim_preexec)
}

__bizim_precmd() {
    __bizim_status=$? __bizim_now=${EPOCHREALTIME-}
    __bizim_traps=''
    { ((__bizim_version >= 404)) && builtin trap -p XFSZ >&-; } || eval "$__bizim_look"
    __bizim_prompt
    __bizim_await
} 2>/dev/null

# What runs before us changes `$?`, what runs behind the re-arm may take DEBUG: be first and last, also after
# `PROMPT_COMMAND="other; $PROMPT_COMMAND"`. Where nothing else is, one string does both.
__bizim_take_place() {
    local entry
    local -a others=()
    declare -ga PROMPT_COMMAND # Under `set -u` a plain string has no number of elements.
    for entry in ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"}; do
        __bizim_without_us
        [[ -z $entry ]] || others+=("$entry")
    done
    if ((${#others[@]} == 0)); then
        # `PROMPT_COMMAND=other` replaces the first, `PROMPT_COMMAND="$PROMPT_COMMAND; other"` goes on from it.
        __bizim_head=$__bizim_nothing __bizim_tail=$__bizim_alone
    else
        __bizim_head=$__bizim_before __bizim_tail=$__bizim_after
    fi
    PROMPT_COMMAND=("$__bizim_head" ${others[@]+"${others[@]}"} "$__bizim_tail")
    __bizim_end=$((${#PROMPT_COMMAND[@]} - 1))
}

# Before bash 5.1 PROMPT_COMMAND is one string.
__bizim_take_place_in_string() {
    local entry=${PROMPT_COMMAND-}
    [[ $entry != "$__bizim_before"$'\n'*"$__bizim_after" ]] || return 0
    __bizim_without_us
    # shellcheck disable=SC2178
    PROMPT_COMMAND=$__bizim_before$'\n'$entry$'\n'$__bizim_after
}

# Takes our strings out of `entry`, and the separators that nothing stands between any more.
__bizim_without_us() {
    entry=${entry//"$__bizim_nothing"/}
    entry=${entry//"$__bizim_alone"/}
    entry=${entry//"$__bizim_before"/}
    entry=${entry//"$__bizim_after"/}
    while [[ $entry == [$' \t\n;']* ]]; do entry=${entry#?}; done
    while [[ $entry == *[$' \t\n;'] ]]; do entry=${entry%?}; done
}

__bizim_load() {
    # Arrays are never exported, so `set -a` cannot make a nested shell believe that it is done.
    __bizim_loaded=(1)
    __bizim_version=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
    __bizim_nil='' __bizim_state=0 __bizim_status=0 __bizim_now='' __bizim_compares=0 __bizim_end=0 __bizim_moved=0 __bizim_base=0 __bizim_stamp=0 __bizim_tilde=''
    __bizim_head='' __bizim_tail='' __bizim_how='' __bizim_first='' __bizim_entry='' __bizim_base_entry='' __bizim_traps='' __bizim_client='' __bizim_care=1 __bizim_blessed='' __bizim_length=0
    __bizim_home=0 __bizim_lost=0 __bizim_other=() __bizim_flags=('')
    __bizim_place && __bizim_identify || return 0
    if [[ ${BP_TRANSPORT-} == socket ]]; then
        # `bpctl init` says which client is its own.
        __bizim_client=${__bizim_bpctl:-$(builtin type -P bpctl)}
        [[ -n $__bizim_client ]] || return 0
    fi
    __bizim_arm
    # Whole groups with their own stderr: `set -x` shows nothing of them. The traps that matter are looked at without a
    # fork: mostly there are none, and `trap -p` has nothing to fail on where it may not print. In a function `trap -p
    # DEBUG` shows nothing, so this stands at the top level, as does its removal, which a function's end would undo; and a
    # trap that the command has set must be known before its end is written.
    # shellcheck disable=SC2016
    local begin='{ __bizim_status=$? __bizim_now=${EPOCHREALTIME-} __bizim_traps=;builtin trap -p XFSZ DEBUG >&-||eval "$__bizim_look";'
    # A here-string is a pipe, which takes the traps and gives them back. (Before bash 5.1 it is a file that bash has
    # unlinked already; that does as well.)
    # shellcheck disable=SC2016
    __bizim_look='{ builtin trap -p XFSZ DEBUG >/proc/self/fd/0; IFS=$'"'\\n'"' builtin read -r -d "" __bizim_traps || :; } 2>/dev/null <<<""'
    if ((__bizim_version < 404)); then
        # Not all of these fail on a closed output, and a here-string is a file with something in it, which a limit on file
        # sizes would kill the shell for: a file that mostly stays empty.
        begin=${begin/'builtin trap -p XFSZ DEBUG >&-||'/}
        # shellcheck disable=SC2016
        __bizim_look='[[ -O $__bizim_run && ! -L $__bizim_run ]] && { [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"; builtin trap -p XFSZ DEBUG >|"$__bizim_scratch"; IFS= builtin read -r -d "" __bizim_traps <"$__bizim_scratch" || :; [[ -z $__bizim_traps ]] || : >|"$__bizim_scratch"; } || :'
    fi
    __bizim_nothing='__bizim_nil() { :; }' # What `set -x` does not show.
    # shellcheck disable=SC2016
    __bizim_before="$begin"' __bizim_prompt; case $__bizim_traps in *" DEBUG"*) __bizim_yield ;; esac; } 2>/dev/null'
    # A DEBUG trap of somebody else's must not see us between the end of PROMPT_COMMAND and the line that is typed: whoever
    # measures lines so would measure the time at the prompt. Expansions, groups and definitions are what DEBUG does not
    # fire for: the door is opened, or not, by an expansion, and the definition is what the group is there for.
    __bizim_doors=(/dev/null '') __bizim_door=0 __bizim_shut=0
    # shellcheck disable=SC2016
    __bizim_after='if { __bizim_void() { :; }; } 2>/dev/null <"${__bizim_doors[__bizim_door=__bizim_shut,__bizim_shut=0,__bizim_compares||(__bizim_base=__bizim_seen=HISTCMD),__bizim_door]}"; then '"$begin"' case $__bizim_state in [12]) __bizim_prompt ;; esac; __bizim_rearm; } 2>/dev/null; fi'
    # Closed is cheaper than opened on nothing; what opens files itself gets the latter.
    __bizim_alone="$begin __bizim_prompt; __bizim_rearm; } 2>&-"
    # Its own last argument, put back, is what `$_` was.
    # shellcheck disable=SC2016
    __bizim_fire='case $__bizim_state$BASH_SUBSHELL in 10) __bizim_last=$_; builtin trap - DEBUG; __bizim_fired "$__bizim_last";; esac'
    # shellcheck disable=SC2016
    __bizim_fire_with_care='{ __bizim_status=$? __bizim_last=$_; if ((BASH_SUBSHELL == 0 && (__bizim_state == 1 || (__bizim_state == 3 && (__bizim_compares || HISTCMD != __bizim_seen))))); then builtin trap - DEBUG; __bizim_start "$BASH_COMMAND"; fi; : "$__bizim_last"; } 2>/dev/null'
    # shellcheck disable=SC2016
    ((__bizim_version >= 501)) || __bizim_fire_with_care='{ __bizim_status=$? __bizim_last=$_; ((BASH_SUBSHELL)) || __bizim_watch "$BASH_COMMAND" "$__bizim_status" || builtin trap - DEBUG; : "$__bizim_last"; } 2>/dev/null'
    [[ -z ${BLE_VERSION-} ]] || __bizim_join_ble
    [[ -n ${BLE_VERSION-} ]] || ((__bizim_version < 404)) || ! shopt -q promptvars || PS0=${PS0-}$__bizim_ps0
    if __bizim_beside_preexec; then
        # It cleans PROMPT_COMMAND by a pattern that takes bash before 5.1 minutes where our strings are in it.
        __bizim_await
        __bizim_join_preexec
    elif ((__bizim_version < 501)); then
        __bizim_take_place_in_string
    else
        __bizim_take_place
    fi
}

if [[ $- == *i* && ${BP_OFF-} != 1 && -z ${__bizim_loaded-} ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 302)); then
    __bizim_load 2>/dev/null
    # Before bash 5.1 DEBUG watches from now on. In a sourced file a trap of the user's would not be seen, and lost.
    if [[ -n ${__bizim_fire_with_care-} && -z ${bash_preexec_imported-}${__bp_imported-}${BLE_VERSION-} ]] &&
        ((__bizim_version < 501 && ${#BASH_SOURCE[@]} < 2)) && builtin trap -p DEBUG >&-; then
        # shellcheck disable=SC2064
        builtin trap "$__bizim_fire_with_care" DEBUG
    fi 2>/dev/null
fi

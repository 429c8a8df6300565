# bp for bash, part 4: what happens at the prompt.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts share their variables.

# First at the prompt; `__bizim_status` is what `$?` was.
__bizim_prompt() {
    if [[ $__bizim_state$__bizim_more == 20 && -z $__bizim_traps$__bizim_care && ${BP_OFF-} != 1 &&
        -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_mail ]]; then
        builtin trap '' XFSZ
        {
            builtin printf '\0001E\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_stamp" "$__bizim_status" "${__bizim_now/[!0-9]/}"
            builtin times
            builtin printf '\0'
        } >>"$__bizim_mail" || :
        builtin trap - XFSZ
        __bizim_state=0
    else
        __bizim_prompt_with_care 2>/dev/null
    fi
}

__bizim_prompt_with_care() {
    if ((__bizim_state != 0)) && { ((__bizim_state != 3)) || { ((__bizim_status < 256)) && __bizim_is_new; }; }; then
        # DEBUG does not fire for `( … )` and for the definition of a function.
        ((__bizim_state == 2 && __bizim_more == 0)) || __bizim_start ''
        # An end goes with its start.
        ((__bizim_state != 2)) || __bizim_deliver __bizim_print_end "$__bizim_status" "${__bizim_now/[!0-9]/}" || :
        __bizim_state=0
    fi
    # Before bash 5.1 PROMPT_COMMAND is one string and what follows in it wants `$?`; a status under `set -e` is an exit.
    ((__bizim_version >= 501)) || [[ $- == *e* ]] || return "$__bizim_status"
    return 0
}

# Last at the prompt: prepares the next line. Afterwards `__bizim_debug` is the DEBUG trap to set, or empty. The trap is
# set by our strings in PROMPT_COMMAND, because a function that ends restores the trap from before. Mostly all is as it
# was left: for PROMPT_COMMAND and PS0, long strings, the length tells that.
__bizim_rearm() {
    local strings
    strings="${PROMPT_COMMAND[*]}${PS0-}"
    if [[ ${#strings} == "$__bizim_length" && ${PROMPT_COMMAND-} == "$__bizim_head" && ${BP_OFF-} != 1 && $- != *x* &&
        -z $__bizim_traps$__bizim_care${bash_preexec_imported-}${__bp_imported-}${BLE_VERSION-} &&
        ${HISTCONTROL-} != *erasedups* ]] && shopt -q promptvars; then
        __bizim_base=$HISTCMD __bizim_seen=$HISTCMD __bizim_lost=0 __bizim_looks=0 __bizim_debug=$__bizim_fire
    else
        __bizim_rearm_with_care 2>/dev/null
    fi
}

__bizim_rearm_with_care() {
    __bizim_debug=''
    __bizim_await
    if __bizim_beside_preexec; then
        __bizim_join_preexec
        return
    fi
    if ((__bizim_version < 501)); then
        __bizim_take_place_in_string
    elif [[ ${PROMPT_COMMAND[0]-} != "$__bizim_head" || ${PROMPT_COMMAND[__bizim_end]-} != "$__bizim_tail" ||
        -n ${PROMPT_COMMAND[__bizim_end + 1]-} ]]; then
        __bizim_take_place
    fi
    local strings
    strings="${PROMPT_COMMAND[*]}${PS0-}"
    __bizim_length=${#strings}
    [[ -z ${BLE_VERSION-} ]] || return 0
    if [[ $__bizim_traps != *' DEBUG'* ]]; then
        __bizim_debug=$__bizim_fire_with_care
    elif ((__bizim_version >= 404)); then
        # Somebody else's DEBUG trap: ours calls it, and puts it back when the line begins.
        __bizim_debug="$__bizim_chain $__bizim_owner"
    fi
}

# The DEBUG trap is somebody else's. It must not see a command of ours between the end of PROMPT_COMMAND and the next
# line: who measures lines with it would measure the time at the prompt. So everything is done before the other commands.
__bizim_yield() {
    __bizim_rearm
    __bizim_shut=1
}

# What the next line is compared with.
__bizim_await() {
    if [[ -n ${BLE_VERSION-} ]]; then
        # It calls us with the line, and expands PS0 behind that: we would see two lines.
        [[ ${PS0-} != *"$__bizim_ps0"* ]] || PS0=${PS0//"$__bizim_ps0"/}
        __bizim_join_ble
    elif ! __bizim_can_use_ps0; then
        # What is left is to see the history move; hidden lines go unseen.
        [[ ${PS0-} != *"$__bizim_ps0"* ]] || ((__bizim_version < 404)) || [[ ${PS0@a} == *r* ]] || PS0=${PS0//"$__bizim_ps0"/}
        __bizim_state=3
    else
        __bizim_state=0
        [[ ${PS0-} == *"$__bizim_ps0"* ]] || PS0=${PS0-}$__bizim_ps0
    fi
    __bizim_base=$HISTCMD __bizim_seen=$HISTCMD __bizim_compares=0 __bizim_care=$__bizim_client __bizim_home=1 __bizim_other=() __bizim_flags=('')
    __bizim_entry='' __bizim_base_entry='' __bizim_lost=0 __bizim_looks=0
    if [[ ${HISTCONTROL-} == *erasedups* ]] || ((__bizim_version < 501)); then
        __bizim_compares=1 __bizim_care=1
        __bizim_guarded __bizim_read_entry
        __bizim_base=$__bizim_entry_number __bizim_base_entry=$__bizim_entry
    fi
}

# Not before bash 4.4, nor where bash would show our PS0 as it stands, nor where the user has made it readonly.
__bizim_can_use_ps0() {
    ((__bizim_version >= 404)) && shopt -q promptvars || return 1
    [[ ${PS0-} == *"$__bizim_ps0"* || ${PS0+${PS0@a}} != *r* ]]
}

# Once, whichever was loaded first.
__bizim_join_ble() {
    [[ -z $__bizim_blessed ]] || return 0
    __bizim_blessed=1
    blehook PREEXEC+=__bizim_preexec
}

__bizim_beside_preexec() { [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; }

# bash-preexec's DEBUG trap takes any other command of PROMPT_COMMAND for a line of the user's: be one of its functions.
__bizim_join_preexec() {
    local entry
    local -a entries
    entries=()
    for entry in "${PROMPT_COMMAND[@]}"; do
        __bizim_without_us
        [[ -z $entry ]] || entries+=("$entry")
    done
    [[ $__bizim_traps != *__bizim_watch* ]] || builtin trap - DEBUG
    if ((__bizim_version < 501)); then
        # shellcheck disable=SC2178
        PROMPT_COMMAND=${entries[0]-}
    elif [[ ${PROMPT_COMMAND+${PROMPT_COMMAND@a}} != *r* ]]; then
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

# What runs before us changes `$?`, what runs behind us may take DEBUG: be first and last, also after
# `PROMPT_COMMAND="other; $PROMPT_COMMAND"`. Where nothing else is, one string does both.
__bizim_take_place() {
    local entry
    local -a others
    others=()
    [[ ${PROMPT_COMMAND+${PROMPT_COMMAND@a}} != *r* ]] || return 0
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
    PROMPT_COMMAND=("$__bizim_head" ${others[@]+"${others[@]}"})
    PROMPT_COMMAND[__bizim_end]=$__bizim_tail
}

# PROMPT_COMMAND was readonly before the hook was loaded. Then PS1 does at the prompt what has to be done there, which takes
# a subshell, and DEBUG stays set, because nothing could set it again.
__bizim_take_ps1() {
    # shellcheck disable=SC2016
    __bizim_ps1='$(__bizim_prompt_in_ps1)${__bizim_nil:__bizim_state=0,__bizim_more=0,__bizim_lost=0,__bizim_base=__bizim_seen=HISTCMD}'
    [[ ${PS1-} == *"$__bizim_ps1"* || ${PS1+${PS1@a}} == *r* ]] || PS1=$__bizim_ps1${PS1-}
}

# In a subshell, whose CPU times are not those of the shell: the end has none.
__bizim_prompt_in_ps1() {
    __bizim_status=$? __bizim_now=${EPOCHREALTIME-}
    if [[ $__bizim_state == [12] ]]; then
        __bizim_traps=''
        ((__bizim_state == 2 && __bizim_more == 0)) || __bizim_start ''
        ((__bizim_state != 2)) || __bizim_deliver __bizim_print_older_end "$__bizim_status" "${__bizim_now/[!0-9]/}"
    fi 2>/dev/null
    return "$__bizim_status"
}

__bizim_is_locked_out() {
    ((__bizim_version >= 501)) && [[ ${PROMPT_COMMAND+${PROMPT_COMMAND@a}} == *r* && ${PROMPT_COMMAND[*]} != *__bizim_prompt* ]]
}

# Before bash 5.1 PROMPT_COMMAND is one string.
__bizim_take_place_in_string() {
    local entry
    entry=${PROMPT_COMMAND-}
    [[ $entry != "$__bizim_before"$'\n'*"$__bizim_after" ]] || return 0
    ((__bizim_version < 404)) || [[ ${PROMPT_COMMAND+${PROMPT_COMMAND@a}} != *r* ]] || return 0
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

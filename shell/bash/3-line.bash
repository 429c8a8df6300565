# bp for bash, part 3: the records of a line, and what happens when it begins.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts share their variables.

__bizim_print_start() {
    builtin printf '\0001S\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_tilde$__bizim_stamp" "$__bizim_how" "${PWD-}"
    builtin times
    builtin printf '\0'
    [[ $__bizim_how != [tT] ]] || __bizim_print_entry
    [[ $__bizim_how != [xX] ]] || builtin printf '%s' "$__bizim_text"
    builtin printf '\0'
}

# `$1` = status, `$2` = when the line ended, or empty.
__bizim_print_end() {
    builtin printf '\0001E\0%s\0%s\0%s\0%s\0' "$__bizim_shell" "$__bizim_tilde$__bizim_stamp" "$1" "$2"
    builtin times
    builtin printf '\0'
}

# The end of one of several pasted lines: nobody read the CPU clocks then, and the times are empty.
__bizim_print_older_end() {
    builtin printf '\0001E\0%s\0%s\0%s\0%s\0\0' "$__bizim_shell" "$__bizim_tilde$__bizim_stamp" "$1" "$2"
}

# Appends what "$@" prints. Each record opens the file again, because bpd may have renamed it. The directory may have
# been removed at a logout and made by another user since, so its owner is checked each time. A limit on file sizes must
# not kill the shell. False when nothing may be recorded.
__bizim_deliver() {
    [[ -O $__bizim_run && ! -L $__bizim_run && ${BP_OFF-} != 1 ]] || return 1
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap '' XFSZ
    if [[ -n $__bizim_client ]]; then
        __bizim_deliver_by_client "$@"
    else
        [[ -e $__bizim_mail ]] || __bizim_create "$__bizim_mail"
        # Opening a FIFO or a device could block.
        [[ ! -f $__bizim_mail ]] || "$@" >>"$__bizim_mail"
    fi
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap - XFSZ
    return 0
}

__bizim_deliver_by_client() {
    [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"
    "$@" >|"$__bizim_scratch"
    # The client would inherit a signal that is ignored.
    [[ $__bizim_traps == *' SIGXFSZ'* ]] || builtin trap - XFSZ
    "$__bizim_client" event --pid "$$" <"$__bizim_scratch" >/dev/null
    : >|"$__bizim_scratch" # Nothing typed stays there.
}

# Called before the first simple command of a line, if nothing was unusual at the prompt. The usual path is short, and
# everything else is in functions `…_with_care`: bash copies a function's whole body for each call, a command costs some
# microseconds, a redirection fifteen. It returns 0: under `extdebug` another status would skip the user's command.
__bizim_fired() {
    if [[ $__bizim_moved$__bizim_more == 10 && $BASH_COMMAND != __bizim_* && -n ${HISTFILE-} && $HISTFILE != /dev/null &&
        -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_mail ]]; then
        builtin trap '' XFSZ
        __bizim_state=2 __bizim_how=t __bizim_first=$BASH_COMMAND
        {
            builtin printf '\0001S\0%s\0%s\0t\0%s\0' "$__bizim_shell" "$__bizim_stamp" "${PWD-}"
            builtin times
            builtin printf '\0'
            if [[ -z ${HISTTIMEFORMAT-} ]]; then builtin history 1; else __bizim_print_entry; fi
            builtin printf '\0'
        } 2>&- >>"$__bizim_mail" || :
        builtin trap - XFSZ
    else
        __bizim_start "$BASH_COMMAND" 2>/dev/null
    fi
    return 0
}

# Called with the first simple command of the line, before it runs. After `( … )` that is the first of PROMPT_COMMAND, or
# none: the line has ended, and an upper-case `how` says that the times are not those of its start.
__bizim_start() {
    local late
    late=''
    [[ -n $1 && $1 != __bizim_* && ${PROMPT_COMMAND-} != "$1" && ${PROMPT_COMMAND-} != "$1"[!A-Za-z0-9_]* ]] || late=1
    if ((__bizim_state == 3)); then
        __bizim_is_new || return 0
        if [[ -n $1 && -n $late ]] && __bizim_is_no_line; then
            __bizim_state=0
            return 0
        fi
        __bizim_moved=$((__bizim_entry_number - __bizim_base + 1))
        __bizim_stamp=${EPOCHREALTIME-$((__bizim_stamp + 1))}
        __bizim_stamp=${__bizim_stamp/[!0-9]/}
    fi
    ((__bizim_more == 0)) || __bizim_catch_up
    __bizim_state=2
    [[ $1 != __bizim_* ]] || builtin set -- ''
    __bizim_judge "$1"
    [[ -z $late ]] || __bizim_say_late
    __bizim_deliver __bizim_print_start || __bizim_state=0
    return 0
}

# DEBUG fires, and PS0 could not say whether a line has begun. True when DEBUG is not needed any more: the line has begun,
# or it is one that the history does not keep.
__bizim_begin_without_ps0() {
    __bizim_start "$BASH_COMMAND"
    ((__bizim_state != 3 || ++__bizim_looks > 20))
}

# Several lines were pasted, or a prompt was drawn without the hook: writes starts and ends of all lines but the last.
__bizim_catch_up() {
    local at number end gap
    number=$((__bizim_base + __bizim_moved)) gap=0
    for ((at = 1; at <= __bizim_more; at++)); do
        if ((__bizim_state == 1)); then
            __bizim_judge_older "$number" "$gap"
            __bizim_say_late
            __bizim_deliver __bizim_print_start || __bizim_state=0
        fi
        # Without the hook at its prompt nobody knows when the line ended.
        end=${__bizim_stamps[at]} gap=0
        [[ ${__bizim_gaps[at]} == 10 ]] || end='' gap=1
        ((__bizim_state == 0)) || __bizim_deliver __bizim_print_older_end "${__bizim_codes[at]}" "$end"
        __bizim_state=1 __bizim_stamp=${__bizim_stamps[at]}
        __bizim_moved=$((__bizim_numbers[at] - number)) number=${__bizim_numbers[at]}
    done
    __bizim_more=0 __bizim_stamps=() __bizim_codes=() __bizim_numbers=() __bizim_gaps=()
    # A prompt without the hook: PROMPT_COMMAND may have added entries (`history -n`).
    ((!gap || __bizim_moved == 1)) || __bizim_lost=1
}

__bizim_say_late() {
    case $__bizim_how in
    t) __bizim_how=T ;;
    x) __bizim_how=X ;;
    r) __bizim_how=R ;;
    h) __bizim_how=H ;;
    m) __bizim_how=M ;;
    esac
}

# Before bash 5.1 PROMPT_COMMAND is one string, and a new value drops the hook. DEBUG, which is set while the shell
# starts, at the prompt and while a line runs that begins with such a setting, puts it back. Called before a simple
# command; false when DEBUG has nothing more to see until the prompt.
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

# bash-preexec and ble.sh hand over the line's text. bash-preexec takes it from the history, so that the text of a line
# that is not there would be another line's.
__bizim_preexec() {
    ((__bizim_more == 0)) || __bizim_catch_up
    __bizim_text=''
    if [[ -n ${BLE_VERSION-} ]]; then
        __bizim_stamp=${EPOCHREALTIME/[!0-9]/} __bizim_how=x
        [[ -n ${HISTFILE-} && $HISTFILE != /dev/null ]] || __bizim_how=h
    elif ((__bizim_state != 1)); then
        return 0
    else
        __bizim_judge "$1"
        [[ $__bizim_how != t ]] || __bizim_how=x
    fi
    [[ $1 != [[:space:]]* ]] || __bizim_how=h
    __bizim_text=$1 __bizim_state=2
    __bizim_deliver __bizim_print_start || __bizim_state=0
    return 0
} 2>/dev/null

__bizim_again() { return "$1"; }

# bp for bash, part 5: puts the hook in place.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts share their variables.

# PS0 is expanded after a whole line was read and before it runs; arithmetic in it stores the time without a fork.
# (`__bizim_nil` is set and empty: whatever part of it the arithmetic asks for, nothing is printed.)
__bizim_arm() {
    if ((__bizim_version >= 501)); then
        # Of several pasted lines bash expands PS0 for each, and shows one prompt after all of them. From the second line
        # on PS0 stores time and status of the line before, and whether our element of PROMPT_COMMAND was there. (`[^…]`,
        # because `!` in a prompt string of POSIX mode is the history number.)
        # shellcheck disable=SC2016
        __bizim_ps0='${__bizim_nil:__bizim_state?(__bizim_more++,__bizim_stamps[__bizim_more]=${EPOCHREALTIME/[^0-9]},__bizim_codes[__bizim_more]=$?,__bizim_numbers[__bizim_more]=HISTCMD,__bizim_gaps[__bizim_more]=1${PROMPT_COMMAND[__bizim_end]+0}):(__bizim_state=1,__bizim_moved=HISTCMD-__bizim_base,__bizim_stamp=${EPOCHREALTIME/[^0-9]})}'
    elif ((__bizim_version >= 500)); then
        # shellcheck disable=SC2016
        __bizim_ps0='${__bizim_nil:__bizim_state=1,__bizim_moved=HISTCMD-__bizim_base,__bizim_stamp=${EPOCHREALTIME/[^0-9]}}'
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
    if ((__bizim_version >= 501)); then
        # If the user replaces or unsets PROMPT_COMMAND, PS0 puts our element back, unless the variable is readonly (the keys
        # are `f` and the variable's attributes).
        declare -gA __bizim_may_set
        __bizim_may_set=([f]=1 [fa]=1 [fx]=1 [fax]=1)
        # shellcheck disable=SC2016
        __bizim_ps0+='${__bizim_nil/${__bizim_may_set[f${PROMPT_COMMAND+${PROMPT_COMMAND@a}}]:+${PROMPT_COMMAND[__bizim_end]:=$__bizim_alone}}}'
    fi
    # The client that reports over the socket is a process of the shell, which bpd would take for the line's program.
    [[ -z $__bizim_client ]] || __bizim_line=
    if [[ -n $__bizim_line ]]; then
        # From bash 5.2 on `$(<file)` opens a file without a fork. inotify reports that to bpd, which so learns that a line has
        # begun in this shell, whoever owns DEBUG.
        # shellcheck disable=SC2016
        __bizim_ps0+='${__bizim_line:+${__bizim_nil/$(</proc/$$/timerslack_ns)}}'
    fi
}

# Before bash 5.1 `PROMPT_COMMAND=other` drops the hook, and only PS0 is left to see it, which may set strings that are
# empty and make numbers of others: it keeps the other command, and puts a number in its place that is a function's name
# (one without a sign is not allowed). It prints nothing: what it sets is replaced in an empty string. A readonly variable
# it leaves alone.
__bizim_arm_for_return() {
    __bizim_free=1 __bizim_freer=0
    # shellcheck disable=SC2016
    __bizim_ps0='${__bizim_nil/${__bizim_other[__bizim_home]:=${PROMPT_COMMAND-}}}${PROMPT_COMMAND+${__bizim_nil/${__bizim_flags[__bizim_home]:=${PROMPT_COMMAND@a}}}}'$__bizim_ps0
    # shellcheck disable=SC2016
    __bizim_ps0=${__bizim_ps0%'}'}',__bizim_home||__bizim_free${__bizim_flags[0]//[^r]}&&(PROMPT_COMMAND=-2504405),__bizim_home=0}'
    # POSIX mode allows no such name, and there the hook stays out.
    eval 'function -2504405 { __bizim_status=$? __bizim_now=${EPOCHREALTIME-}; __bizim_come_back; }'
}

# What the prompt would have done, but for DEBUG: in a function it cannot be seen whether that is free.
__bizim_come_back() {
    {
        # shellcheck disable=SC2178
        PROMPT_COMMAND=${__bizim_other[0]-}
        # What the history is to be compared with is not known: the line goes without its text.
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

__bizim_load() {
    # Arrays are never exported, so `set -a` cannot make a nested shell believe that it is done.
    __bizim_loaded=(1)
    __bizim_version=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
    __bizim_nil='' __bizim_state=0 __bizim_status=0 __bizim_now='' __bizim_compares=0 __bizim_end=9999 __bizim_moved=0 __bizim_base=0 __bizim_seen=0 __bizim_stamp=0 __bizim_tilde=''
    __bizim_head='' __bizim_tail='' __bizim_how='' __bizim_first='' __bizim_text='' __bizim_entry='' __bizim_base_entry='' __bizim_traps='' __bizim_owner='' __bizim_client='' __bizim_care=1 __bizim_blessed='' __bizim_length=0
    __bizim_home=0 __bizim_lost=1 __bizim_looks=0 __bizim_other=() __bizim_flags=('') __bizim_debug=''
    __bizim_ps1='' __bizim_more=0 __bizim_stamps=() __bizim_codes=() __bizim_numbers=() __bizim_gaps=()
    __bizim_place && __bizim_identify && __bizim_place_line || return 0
    if [[ ${BP_TRANSPORT-} == socket ]]; then
        # `bpctl init` says which client is its own.
        __bizim_client=${__bizim_bpctl:-$(builtin type -P bpctl)}
        [[ -n $__bizim_client ]] || return 0
    fi
    [[ -z $__bizim_line ]] || __bizim_deliver __bizim_print_hello || :
    __bizim_arm
    # Whole groups with their own stderr: `set -x` shows nothing of them. The traps that matter are looked at without a
    # fork: mostly there are none, and `trap -p` has nothing to fail on where it may not print. In a function `trap -p
    # DEBUG` shows nothing, so this stands at the top level, as does every change of that trap, which a function's end
    # would undo.
    local begin set_debug
    # shellcheck disable=SC2016
    begin='{ __bizim_status=$? __bizim_now=${EPOCHREALTIME-} __bizim_traps=;builtin trap -p XFSZ DEBUG >&-||eval "$__bizim_look";'
    # A here-string is a pipe, which takes the traps and gives them back. (Before bash 5.1 it is a file that bash has
    # unlinked already; that does as well.)
    # shellcheck disable=SC2016
    __bizim_look='{ builtin trap -p XFSZ DEBUG >/proc/self/fd/0; IFS=$'"'\\n'"' builtin read -r -d "" __bizim_traps || :; } 2>/dev/null <<<""; __bizim_sort_traps'
    if ((__bizim_version < 404)); then
        # Not all of these fail on a closed output, and a here-string is a file with something in it, which a limit on file
        # sizes would kill the shell for: a file that mostly stays empty.
        begin=${begin/'builtin trap -p XFSZ DEBUG >&-||'/}
        # shellcheck disable=SC2016
        __bizim_look='[[ -O $__bizim_run && ! -L $__bizim_run ]] && { [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"; builtin trap -p XFSZ DEBUG >|"$__bizim_scratch"; IFS= builtin read -r -d "" __bizim_traps <"$__bizim_scratch" || :; [[ -z $__bizim_traps ]] || : >|"$__bizim_scratch"; } || :; __bizim_sort_traps'
    fi
    # shellcheck disable=SC2016
    set_debug='case $__bizim_debug in ?*) builtin trap -- "$__bizim_debug" DEBUG ;; esac'
    __bizim_nothing='__bizim_nil() { :; }' # What `set -x` does not show.
    # shellcheck disable=SC2016
    __bizim_before="$begin"' __bizim_prompt; case $__bizim_traps in *" DEBUG"*) __bizim_yield; '"$set_debug"' ;; esac; } 2>/dev/null'
    # A DEBUG trap of somebody else's must not see us between the end of PROMPT_COMMAND and the line that is typed: whoever
    # measures lines so would measure the time at the prompt. Expansions, groups and definitions are what DEBUG does not
    # fire for: the door is opened, or not, by an expansion, and the definition is what the group is there for.
    __bizim_doors=(/dev/null '') __bizim_door=0 __bizim_shut=0
    # shellcheck disable=SC2016
    __bizim_after='if { __bizim_void() { :; }; } 2>/dev/null <"${__bizim_doors[__bizim_door=__bizim_shut,__bizim_shut=0,__bizim_compares||(__bizim_base=__bizim_seen=HISTCMD),__bizim_door]}"; then '"$begin"' case $__bizim_state in [12]) __bizim_prompt ;; esac; __bizim_rearm; '"$set_debug"'; } 2>/dev/null; fi'
    # Closed is cheaper than opened on nothing; what opens files itself gets the latter.
    __bizim_alone="$begin __bizim_prompt; __bizim_rearm; $set_debug; } 2>&-"
    # The DEBUG traps. The last argument of their last command is what `$_` was. The first one also notices that PS0 was
    # replaced after our prompt; then the history tells whether a line has begun.
    # shellcheck disable=SC2016
    __bizim_fire='case $__bizim_state$BASH_SUBSHELL in 10) __bizim_last=$_; builtin trap - DEBUG; __bizim_fired "$__bizim_last";; 00) case ${PS0-} in *"$__bizim_ps0"*) ;; *) __bizim_last=$_; builtin trap -- "$__bizim_fire_with_care" DEBUG; { __bizim_state=3; ! __bizim_begin_without_ps0 || builtin trap - DEBUG; : "$__bizim_last"; } 2>/dev/null;; esac;; esac'
    # shellcheck disable=SC2016
    __bizim_fire_with_care='{ __bizim_status=$? __bizim_last=$_; case $__bizim_state$BASH_SUBSHELL in 00) case ${PS0-} in *"$__bizim_ps0"*) ;; *) __bizim_state=3 ;; esac ;; esac; case $__bizim_state$BASH_SUBSHELL in 10) builtin trap - DEBUG; __bizim_start "$BASH_COMMAND" ;; 30) ! __bizim_begin_without_ps0 || builtin trap - DEBUG ;; esac; : "$__bizim_last"; } 2>/dev/null'
    # shellcheck disable=SC2016
    ((__bizim_version >= 501)) || __bizim_fire_with_care='{ __bizim_status=$? __bizim_last=$_; ((BASH_SUBSHELL)) || __bizim_watch "$BASH_COMMAND" "$__bizim_status" || builtin trap - DEBUG; : "$__bizim_last"; } 2>/dev/null'
    # Where nothing sets it again at the prompt.
    # shellcheck disable=SC2016
    __bizim_fire_always='case $__bizim_state$BASH_SUBSHELL$__bizim_more in 10*|20[1-9]*) { __bizim_last=$_; __bizim_start "$BASH_COMMAND"; __bizim_take_ps1; : "$__bizim_last"; } 2>/dev/null;; esac'
    # In front of somebody else's trap, which sees `$?` and `$_` as without us (under `set -e` a status would be an exit).
    # shellcheck disable=SC2016
    __bizim_chain='{ __bizim_code=$? __bizim_last=$_; case $__bizim_state$BASH_SUBSHELL in 10) builtin trap -- "$__bizim_owner" DEBUG; __bizim_start "$BASH_COMMAND" ;; 30) ! __bizim_begin_without_ps0 || builtin trap -- "$__bizim_owner" DEBUG ;; esac; case $- in *e*) : "$__bizim_last" ;; *) __bizim_again "$__bizim_code" "$__bizim_last" ;; esac; } 2>/dev/null;'
    [[ -z ${BLE_VERSION-} ]] || __bizim_join_ble
    [[ -n ${BLE_VERSION-} ]] || ! __bizim_can_use_ps0 || [[ ${PS0-} == *"$__bizim_ps0"* ]] || PS0=${PS0-}$__bizim_ps0
    if __bizim_beside_preexec; then
        # It cleans PROMPT_COMMAND by a pattern that takes bash before 5.1 minutes where our strings are in it.
        __bizim_await
        __bizim_join_preexec
    elif ((__bizim_version < 501)); then
        __bizim_take_place_in_string
    elif __bizim_is_locked_out; then
        __bizim_take_ps1
    else
        __bizim_take_place
    fi
}

if [[ $- == *i* && ${BP_OFF-} != 1 ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 302)); then
    if [[ -n ${__bizim_loaded-} ]]; then
        # `. ~/.bashrc` may have replaced PROMPT_COMMAND.
        ((__bizim_version < 501)) || [[ -n ${BLE_VERSION-} ]] || __bizim_beside_preexec || __bizim_take_place 2>/dev/null
    else
        __bizim_load 2>/dev/null
        # Before bash 5.1 DEBUG watches from now on. In a sourced file a trap of the user's would not be seen, and lost.
        if [[ -n ${__bizim_fire_with_care-} && -z ${bash_preexec_imported-}${__bp_imported-}${BLE_VERSION-} ]] &&
            ((__bizim_version < 501 && ${#BASH_SOURCE[@]} < 2)) && builtin trap -p DEBUG >&-; then
            # shellcheck disable=SC2064
            builtin trap "$__bizim_fire_with_care" DEBUG
        fi 2>/dev/null
        if [[ -n ${__bizim_ps1-} ]] && builtin trap -p DEBUG >&-; then
            # shellcheck disable=SC2064
            builtin trap "$__bizim_fire_always" DEBUG
        fi 2>/dev/null
    fi
fi
{ [[ -z $__bizim_traced ]] || set -x; } 2>/dev/null

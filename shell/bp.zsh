# bp for zsh 5.3 and later: tells bpd what is typed, in records of bp-proto's mailbox. shell/README.md is the contract.

# The options and aliases of the user must neither keep this file from loading nor change what it does. Therefore all of
# it is read in `emulate zsh -c`, and functions that are defined there keep zsh's own options whenever they run. `bpctl
# init zsh` prints such a command; a shell that sources this file reads it a second time here. `ignore_braces` may be set,
# so there are no braces in this part.
if [ "${__bizim_emulated-}" != 1 ]; then
    # This one function must run under the options of the user: see `__bizim_prepare_adoption`.
    functions[__bizim_adopt]='if \builtin test -n "${__bizim_adoption-}"; then \builtin eval "$__bizim_adoption"; fi 2>/dev/null'
    \builtin typeset -g __bizim_file="${(%%):-%x}"
    \builtin emulate zsh -o no_aliases -o no_xtrace -o no_force_float -c '__bizim_emulated=1; builtin source "$__bizim_file"; unset __bizim_emulated __bizim_file'
    return 0
fi

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
    [[ -d $__bizim_run/mail ]] || (builtin umask 077 && command mkdir -p -- $__bizim_run/mail)
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
        value=${mark%%=*} value=${(P)value-}
        case $value in '' | 0 | false) ;; *) actor=agent:${mark#*=} && return ;; esac
    done
    for mark in CI GITHUB_ACTIONS GITLAB_CI BUILDKITE CIRCLECI TRAVIS JENKINS_URL TEAMCITY_VERSION \
        TF_BUILD BITBUCKET_BUILD_NUMBER APPVEYOR DRONE; do
        value=${(P)mark-}
        case $value in '' | 0 | false) ;; *) actor=ci && return ;; esac
    done
}

# `name version boot-id start-ticks actor parent`: who writes, in every record.
__bizim_identify() {
    local LC_ALL=C boot='' stat='' actor='' parent=${BP_RUN-}
    __bizim_actor
    local -a fields
    IFS= builtin read -r boot </proc/sys/kernel/random/boot_id
    IFS= builtin read -r stat </proc/$$/stat
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    fields=(${(s: :)stat##*\) })
    actor=${actor//[^A-Za-z0-9:._-]/_} parent=${parent//[^A-Za-z0-9]/_}
    __bizim_shell="zsh $ZSH_VERSION ${boot:--} ${fields[20]:--} ${actor:--} ${parent:--}"
}

# An empty file for the user alone. The umask is known without a fork from the kernel, and put back.
__bizim_create() {
    local name mask= rest
    while IFS=$' \t' builtin read -r name mask rest; do
        [[ $name == Umask: ]] && break
        mask=
    done </proc/self/status
    if [[ -n $mask ]]; then
        builtin umask 077
        : >>|$1
        builtin umask $mask
    else
        (builtin umask 077 && : >>|$1)
    fi
}

# Whether the records may be written: the first of a shell makes the file. The directory may have been taken away at a
# logout and put there again by somebody else: is it still ours alone?
__bizim_make_ready() {
    [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -d $__bizim_run/mail ]] || return 1
    # What is there and no file is not ours to wait for.
    [[ -f $__bizim_to ]] || { [[ ! -e $__bizim_to ]] && __bizim_create $__bizim_to }
}

__bizim_send() {
    $__bizim_client event --pid "$$" <$__bizim_to >/dev/null
    : >|$__bizim_to # Nothing typed stays there.
}

# zsh asks its `zshaddhistory` functions whether it keeps a line, and shows their answer to nobody. Each of them is put
# behind one that notes the answer: the original goes on as `__bizim_of_NAME`, with the same arguments and result.
__bizim_answered() {
    __bizim_last_answer=$1
    # As for zsh, the first refusal counts.
    [[ ${__bizim_answer:-0} != 0 ]] || __bizim_answer=$1
    return 0
}

# How many `zshaddhistory` functions of the user zsh calls: `REPLY`; those whose answers are not noted: `reply`.
__bizim_find_unheard() {
    local name
    reply=() REPLY=0
    for name in zshaddhistory $zshaddhistory_functions; do
        [[ $name != __bizim_a(nchor|dopt) ]] && (( ${+functions[$name]} )) || continue
        REPLY=$((REPLY + 1))
        [[ $functions[$name] == *__bizim_answered* ]] || reply+=($name)
    done
}

# Writes into `__bizim_adoption` what notes their answers. `__bizim_adopt` runs it, which zsh calls itself: what a function
# of this file defines would keep zsh's options, and the user's functions need those of the user.
__bizim_prepare_adoption() {
    local name REPLY
    local -a reply
    __bizim_adoption=
    __bizim_find_unheard
    for name in $reply; do
        # Only such names need no quotes; lines that others decide about go without their text.
        [[ $name != *[^A-Za-z0-9_.:+-]* ]] || continue
        __bizim_adoption+="\\builtin functions -c $name __bizim_of_$name 2>/dev/null || functions[__bizim_of_$name]=\"\${functions[$name]}\"
            functions[$name]='if __bizim_of_$name \"\$@\"; then __bizim_answered 0; else __bizim_answered \$?; return \$__bizim_last_answer; fi'
            "
    done
    [[ -z $__bizim_adoption ]] || __bizim_adoption+='__bizim_adoption='
}

# Whether zsh itself may refuse the line because of an option: `hist_ignore_space` also does where an alias begins with a
# space. The answer comes with the next line; this only says whether to wait for it. `$1` as typed, `$2` with its aliases
# expanded.
__bizim_may_be_refused() {
    local word
    local -a words
    if [[ -o hist_ignore_space ]]; then
        [[ $1 == [[:space:]]* ]] && return 0
        if [[ -n ${aliases[(r)[[:space:]]*]-} ]]; then
            words=(${(z)1})
            while (( $#words )); do
                word=$words[1]
                builtin shift words
                (( ${+aliases[$word]} )) || continue
                [[ $aliases[$word] == [[:space:]]* ]] && return 0
                # An alias may lead to another one; a long way is as good as one that refuses.
                words+=(${(z)aliases[$word]})
                (( $#words < 1000 )) || return 0
            done
        fi
    fi
    [[ -o hist_no_store && ( -z $2 || $2 == (builtin|fc|history|r)(|[^[:alnum:]_-]*) ) ]] && return 0
    [[ -o hist_no_functions && ( -z $2 || $2 == *'()'* ) ]]
}

# Whether zsh has kept the line that waits, now that the next one begins: `HISTCMD` is the next one's.
__bizim_was_kept() {
    # It stands in the history by another way: a duplicate, or `print -s`.
    [[ -n $__bizim_held_twin ]] && return 0
    # 2 means: in this shell's list, and not in the file.
    [[ $__bizim_held_answer == 0 ]] || return 1
    [[ -z $__bizim_held_option ]] && return 0
    # `hist_ignore_all_dups` removes the older of two.
    (( HISTCMD > __bizim_held_number )) && [[ -n $__bizim_held_entry ]] &&
        [[ ${history[$__bizim_held_number]-} == "$__bizim_held_entry" || ${history[$HISTCMD]-} == "$__bizim_held_entry" ]]
}

# The two hooks call functions only where it is rare: each call costs zsh as much as a redirection. Each record opens the
# file anew: bpd may have taken it away to read it. A limit on file sizes must not kill the shell; the user's trap is back
# when the hook ends. A stderr of their own: `set -x` shows nothing of them.

# `$1` is the line as typed, `$3` with its aliases expanded. A line that the user keeps out of the history has no text
# here. Where zsh has not decided yet, the start says that the text follows, and the next line brings it.
__bizim_preexec() {
    {
        builtin emulate -L zsh
        local -a __bizim_at=($epochtime) # One reading of the clock gives both halves.
        # After `print -s` in a function of `zshaddhistory` zsh may give no text; the line is in the list all the same.
        [[ -n $1 || -z $3 ]] || (( HISTCMD <= __bizim_number )) || argv[1]=${history[$HISTCMD]-}
        __bizim_number=$HISTCMD
        local __bizim_text=$1 __bizim_late= __bizim_late_how=h __bizim_late_text=
        if [[ -n $__bizim_held ]]; then
            __bizim_late=$__bizim_held __bizim_held=
            __bizim_was_kept && __bizim_late_how=x __bizim_late_text=$__bizim_held_text
            __bizim_held_text= __bizim_held_entry=
        fi
        __bizim_stamp=$((__bizim_at[1] * 1000000 + __bizim_at[2] / 1000)) __bizim_how=x
        if [[ -z $1 ]] || { [[ -n ${HISTORY_IGNORE-} ]] && __bizim_is_ignored "$1" }; then
            __bizim_how=h __bizim_text=
        elif [[ -n ${functions[zshaddhistory]-}${zshaddhistory_functions:#__bizim_a(nchor|dopt)} ]] || __bizim_may_be_refused "$1" "$3"; then
            __bizim_hold "$1" "$3"
        fi
        __bizim_answer=
        if [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_to ]] || __bizim_make_ready; then
            builtin trap '' XFSZ
            {
                [[ -z $__bizim_late ]] || builtin print -rN -- '' 1T $__bizim_shell $__bizim_late $__bizim_late_how "$__bizim_late_text"
                builtin print -rN -- '' 1S $__bizim_shell $__bizim_stamp $__bizim_how "${PWD-}"
                builtin times
                builtin print -rN -- '' "$__bizim_text"
            } >>|$__bizim_to
            [[ -z $__bizim_client ]] || __bizim_send
        else
            __bizim_stamp= __bizim_held= # Nor is the end told.
        fi
        [[ -n ${precmd_functions[(r)__bizim_precmd]-} ]] || __bizim_anchor
    } 2>/dev/null
    return 0
}

# The pattern is applied when the history is written to its file, under the options of that moment.
__bizim_is_ignored() {
    [[ $1 == ${~HISTORY_IGNORE} ]] && return 0
    setopt local_options extended_glob
    [[ $1 == ${~HISTORY_IGNORE} ]]
}

# Keeps the text back until the next line begins.
__bizim_hold() {
    local REPLY
    local -a reply
    __bizim_held=$__bizim_stamp __bizim_held_text=$1 __bizim_held_number=$HISTCMD
    __bizim_held_entry=${history[$HISTCMD]-} __bizim_held_option= __bizim_held_twin= __bizim_held_answer=0
    __bizim_how=h __bizim_text=+
    __bizim_may_be_refused "$1" "$2" && __bizim_held_option=1
    [[ -n $__bizim_held_entry && ${history[$((HISTCMD - 1))]-} == "$__bizim_held_entry" ]] && __bizim_held_twin=1
    __bizim_find_unheard
    if (( $#reply )); then
        # One came since the prompt: its answer is not known, and that to the next line will be.
        __bizim_held_answer=
    elif (( REPLY )); then
        __bizim_held_answer=$__bizim_answer
    fi
}

__bizim_precmd() {
    local __bizim_status=$? # First: every other command overwrites it.
    if [[ -o restricted ]]; then
        __bizim_give_up
        return 0
    fi
    {
        builtin emulate -L zsh
        if [[ -n $__bizim_stamp ]]; then
            local -a __bizim_at=($epochtime)
            if [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_to ]] || __bizim_make_ready; then
                builtin trap '' XFSZ
                {
                    builtin print -rN -- '' 1E $__bizim_shell $__bizim_stamp $__bizim_status $((__bizim_at[1] * 1000000 + __bizim_at[2] / 1000))
                    builtin times
                    builtin print -rN -- ''
                } >>|$__bizim_to
                [[ -z $__bizim_client ]] || __bizim_send
            fi
            __bizim_stamp=
        fi
        # What runs before us may be slow, and is not the command's.
        if [[ ${precmd_functions[1]-} != __bizim_precmd ]]; then
            precmd_functions=(__bizim_precmd __bizim_adopt ${precmd_functions:#__bizim_(precmd|adopt)})
        fi
        __bizim_anchor
        # Of a line with a syntax error there is no preexec.
        __bizim_answer=
        [[ -z ${functions[zshaddhistory]-} ]] || __bizim_prepare_adoption
    } 2>/dev/null
    return 0
}

# zsh calls it with each line, before the functions of preexec. Whichever of the arrays the user has rewritten, another one
# brings the hook back. Functions that were added since the prompt are called behind it, and heard.
__bizim_anchor() {
    {
        if [[ ${zshaddhistory_functions[1]-} != __bizim_anchor || ${zshaddhistory_functions[2]-} != __bizim_adopt ]]; then
            zshaddhistory_functions=(__bizim_anchor __bizim_adopt ${zshaddhistory_functions:#__bizim_a(nchor|dopt)})
        fi
        (( $#zshaddhistory_functions == 2 )) || __bizim_prepare_adoption
        [[ -n ${preexec_functions[(r)__bizim_preexec]-} ]] || preexec_functions=(__bizim_preexec $preexec_functions)
        if [[ -z ${precmd_functions[(r)__bizim_precmd]-} || -z ${precmd_functions[(r)__bizim_adopt]-} ]]; then
            precmd_functions=(__bizim_precmd __bizim_adopt ${precmd_functions:#__bizim_(precmd|adopt)})
        fi
    } 2>/dev/null
    return 0
}

# A restricted shell may redirect nothing, and would say so at every prompt.
__bizim_give_up() {
    preexec_functions=(${preexec_functions:#__bizim_*})
    precmd_functions=(${precmd_functions:#__bizim_*})
    zshaddhistory_functions=(${zshaddhistory_functions:#__bizim_*})
    # zsh calls it once more: it has begun to go through the functions of precmd.
    functions[__bizim_adopt]=:
}

__bizim_load() {
    builtin emulate -L zsh
    builtin zmodload zsh/datetime || return 0
    typeset -g __bizim_loaded=$$ __bizim_stamp= __bizim_how= __bizim_client=
    typeset -g __bizim_run __bizim_to __bizim_shell
    typeset -g __bizim_held= __bizim_held_text= __bizim_held_number= __bizim_held_entry= __bizim_held_option=
    typeset -g __bizim_held_twin= __bizim_held_answer= __bizim_answer= __bizim_last_answer= __bizim_adoption=
    typeset -gi __bizim_number=0
    __bizim_place && __bizim_identify || return 0
    __bizim_to=$__bizim_run/mail/$$
    if [[ ${BP_TRANSPORT-} == socket ]]; then
        # `bpctl init` says which client is its own.
        __bizim_client=${__bizim_bpctl:-${commands[bpctl]-}}
        [[ -n $__bizim_client ]] || return 0
        __bizim_to=$__bizim_run/.shell.$$
    fi
    typeset -ga preexec_functions precmd_functions zshaddhistory_functions
    preexec_functions=(__bizim_preexec ${preexec_functions:#__bizim_preexec})
    precmd_functions=(__bizim_precmd __bizim_adopt ${precmd_functions:#__bizim_(precmd|adopt)})
    zshaddhistory_functions=(__bizim_anchor __bizim_adopt ${zshaddhistory_functions:#__bizim_a(nchor|dopt)})
}

if [[ -o interactive && ! -o restricted && ${BP_OFF-} != 1 && ! ( -n ${__bizim_loaded-} && -n ${functions[__bizim_precmd]-} && -n ${(M)precmd_functions:#__bizim_precmd} ) ]]; then
    { __bizim_load } 2>/dev/null
fi

# bp for zsh 5.3 and later: tells bpd what is typed, in records of bp-proto's mailbox. shell/README.md is the contract.

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
    [[ -d $__bizim_run/mail ]] || (umask 077 && command mkdir -p -- $__bizim_run/mail)
    __bizim_mail=$__bizim_run/mail/$$
    __bizim_scratch=$__bizim_run/.shell.$$
}

# `name version boot-id start-ticks actor parent`: who writes, in every record.
__bizim_identify() {
    local LC_ALL=C boot='' stat='' actor=${BP_ACTOR-} parent=${BP_RUN-}
    local -a fields
    IFS= read -r boot </proc/sys/kernel/random/boot_id
    IFS= read -r stat </proc/$$/stat
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    fields=(${(s: :)stat##*\) })
    actor=${actor//[^A-Za-z0-9:._-]/_} parent=${parent//[^A-Za-z0-9]/_}
    __bizim_shell="zsh $ZSH_VERSION ${boot:--} ${fields[20]:--} ${actor:--} ${parent:--}"
}

# Is the directory still ours alone? It may have been taken away at a logout and put there again by somebody else.
__bizim_ready() {
    [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -d $__bizim_run/mail ]] || return 1
    [[ -e $__bizim_mail ]] || __bizim_create $__bizim_mail
}

# An empty file for the user alone. The umask is known without a fork from the kernel, and put back.
__bizim_create() {
    local name mask= rest
    while IFS=$' \t' read -r name mask rest; do
        [[ $name == Umask: ]] && break
        mask=
    done </proc/self/status
    if [[ -n $mask ]]; then
        umask 077
        : >>|$1
        umask $mask
    else
        (umask 077 && : >>|$1)
    fi
}

# Microseconds since 1970 in `__bizim_now`; one reading of the clock gives both halves.
__bizim_clock() {
    local -a now=($epochtime)
    __bizim_now=$((now[1] * 1000000 + now[2] / 1000))
}

__bizim_print_start() {
    print -rN -- '' 1S $__bizim_shell $__bizim_stamp $__bizim_how "${PWD-}"
    times
    print -rN -- '' "$1"
}

__bizim_print_end() {
    print -rN -- '' 1E $__bizim_shell $__bizim_stamp $1 $__bizim_now
    times
    print -rN -- ''
}

# Each record opens the file anew: bpd may have taken it away to read it. A limit on file sizes must not kill the shell;
# the user's trap is back when the function ends.
__bizim_deliver() {
    __bizim_ready || return 0
    setopt local_options local_traps
    trap '' XFSZ
    if [[ -z $__bizim_client ]]; then
        "$@" >>|$__bizim_mail
    else
        [[ -e $__bizim_scratch ]] || __bizim_create $__bizim_scratch
        "$@" >|$__bizim_scratch
        $__bizim_client event --pid "$$" <$__bizim_scratch >/dev/null
        : >|$__bizim_scratch # Nothing typed stays there.
    fi
}

# `$1` is the line as typed, `$3` with its aliases expanded. What the user keeps out of the history is hidden here too.
__bizim_preexec() {
    { local __bizim_hidden=; [[ -o hist_ignore_space ]] && __bizim_hidden=1; } 2>/dev/null
    emulate -L zsh
    {
        __bizim_clock
        __bizim_stamp=$__bizim_now __bizim_how=x
        if [[ -z $1 || ( -n $__bizim_hidden && $1 == [[:blank:]]* ) ]]; then
            __bizim_how=h
        elif [[ -n ${HISTORY_IGNORE-} && $1 == ${~HISTORY_IGNORE} ]]; then
            __bizim_how=h
        fi
        if [[ $__bizim_how == x ]]; then
            __bizim_deliver __bizim_print_start "$1"
        else
            __bizim_deliver __bizim_print_start ''
        fi
    } 2>/dev/null
    return 0
}

__bizim_precmd() {
    local __bizim_status=$? # First: every other command overwrites it.
    emulate -L zsh
    {
        if [[ -n $__bizim_stamp ]]; then
            __bizim_clock
            __bizim_deliver __bizim_print_end $__bizim_status
            __bizim_stamp=
        fi
        # What runs before us may be slow, and is not the command's.
        if [[ ${precmd_functions[1]-} != __bizim_precmd ]]; then
            precmd_functions=(__bizim_precmd ${precmd_functions:#__bizim_precmd})
        fi
    } 2>/dev/null
    return 0
}

__bizim_load() {
    emulate -L zsh
    zmodload zsh/datetime || return 0
    typeset -g __bizim_loaded=$$ __bizim_stamp= __bizim_how= __bizim_now= __bizim_client=
    typeset -g __bizim_run __bizim_mail __bizim_scratch __bizim_shell
    __bizim_place && __bizim_identify || return 0
    if [[ ${BP_TRANSPORT-} == socket ]]; then
        # `bpctl init` says which client is its own.
        __bizim_client=${__bizim_bpctl:-${commands[bpctl]-}}
        [[ -n $__bizim_client ]] || return 0
    fi
    typeset -ga preexec_functions precmd_functions
    preexec_functions=(__bizim_preexec ${preexec_functions:#__bizim_preexec})
    precmd_functions=(__bizim_precmd ${precmd_functions:#__bizim_precmd})
}

if [[ -o interactive && ${BP_OFF-} != 1 && ! ( -n ${__bizim_loaded-} && -n ${functions[__bizim_precmd]-} && -n ${(M)precmd_functions:#__bizim_precmd} ) ]]; then
    { __bizim_load } 2>/dev/null
fi

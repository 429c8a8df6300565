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
    IFS= read -r boot </proc/sys/kernel/random/boot_id
    IFS= read -r stat </proc/$$/stat
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    fields=(${(s: :)stat##*\) })
    actor=${actor//[^A-Za-z0-9:._-]/_} parent=${parent//[^A-Za-z0-9]/_}
    __bizim_shell="zsh $ZSH_VERSION ${boot:--} ${fields[20]:--} ${actor:--} ${parent:--}"
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

# The two hooks call functions only where it is rare: each call costs zsh as much as a redirection. Each record opens the
# file anew: bpd may have taken it away to read it. A limit on file sizes must not kill the shell; the user's trap is back
# when the hook ends. A stderr of their own: `set -x` shows nothing of them.

# `$1` is the line as typed, `$3` with its aliases expanded. What the user keeps out of the history is hidden here too.
__bizim_preexec() {
    {
        local __bizim_hides=
        [[ -o hist_ignore_space ]] && __bizim_hides=1
        emulate -L zsh
        local -a __bizim_at=($epochtime) # One reading of the clock gives both halves.
        __bizim_stamp=$((__bizim_at[1] * 1000000 + __bizim_at[2] / 1000)) __bizim_how=x
        if [[ -z $1 || ( -n $__bizim_hides && $1 == [[:blank:]]* ) || ( -n ${HISTORY_IGNORE-} && $1 == ${~HISTORY_IGNORE} ) ]]; then
            __bizim_how=h
            argv=('')
        fi
        if [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_to ]] || __bizim_make_ready; then
            trap '' XFSZ
            {
                print -rN -- '' 1S $__bizim_shell $__bizim_stamp $__bizim_how "${PWD-}"
                times
                print -rN -- '' "$1"
            } >>|$__bizim_to
            [[ -z $__bizim_client ]] || __bizim_send
        else
            __bizim_stamp= # Nor is the end told.
        fi
    } 2>/dev/null
    return 0
}

__bizim_precmd() {
    {
        local __bizim_status=$? # First: every other command overwrites it.
        emulate -L zsh
        if [[ -n $__bizim_stamp ]]; then
            local -a __bizim_at=($epochtime)
            if [[ ${BP_OFF-} != 1 && -O $__bizim_run && ! -L $__bizim_run && -f $__bizim_to ]] || __bizim_make_ready; then
                trap '' XFSZ
                {
                    print -rN -- '' 1E $__bizim_shell $__bizim_stamp $__bizim_status $((__bizim_at[1] * 1000000 + __bizim_at[2] / 1000))
                    times
                    print -rN -- ''
                } >>|$__bizim_to
                [[ -z $__bizim_client ]] || __bizim_send
            fi
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
    typeset -g __bizim_loaded=$$ __bizim_stamp= __bizim_how= __bizim_client=
    typeset -g __bizim_run __bizim_to __bizim_shell
    __bizim_place && __bizim_identify || return 0
    __bizim_to=$__bizim_run/mail/$$
    if [[ ${BP_TRANSPORT-} == socket ]]; then
        # `bpctl init` says which client is its own.
        __bizim_client=${__bizim_bpctl:-${commands[bpctl]-}}
        [[ -n $__bizim_client ]] || return 0
        __bizim_to=$__bizim_run/.shell.$$
    fi
    typeset -ga preexec_functions precmd_functions
    preexec_functions=(__bizim_preexec ${preexec_functions:#__bizim_preexec})
    precmd_functions=(__bizim_precmd ${precmd_functions:#__bizim_precmd})
}

if [[ -o interactive && ${BP_OFF-} != 1 && ! ( -n ${__bizim_loaded-} && -n ${functions[__bizim_precmd]-} && -n ${(M)precmd_functions:#__bizim_precmd} ) ]]; then
    { __bizim_load } 2>/dev/null
fi

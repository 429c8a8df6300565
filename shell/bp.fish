# bp for fish 3.4 and later: tells bpd what is typed, in records of bp-proto's mailbox. shell/README.md is the contract.
# No command substitution and no external command in what runs for every line.

# Where the records go; the same places in the same order as bp_proto::place, whatever the environment says.
function __bizim_place
    set -l uid (command id -u); or return 1
    if test -n "$BP_HOME"
        string match -q '/*' -- $BP_HOME; or return 1
        set -g __bizim_run $BP_HOME/run
    else if test -d /run/user/$uid -a ! -L /run/user/$uid -a -O /run/user/$uid
        set -g __bizim_run /run/user/$uid/bp
    else if test -d /dev/shm
        set -g __bizim_run /dev/shm/bp-$uid
    else if test -n "$HOME"
        set -g __bizim_run $HOME/.local/state/bp/run
    else
        return 1
    end
    test -d $__bizim_run/mail
    or command sh -c 'umask 077 && mkdir -p -- "$1"' sh $__bizim_run/mail
end

# Who types: `BP_ACTOR`, else an agent or a CI by what they set for what they start. bp_proto::actor has the same lists.
function __bizim_actor --no-scope-shadowing
    set actor $BP_ACTOR
    string match -qr '^(human|ci|agent:.+)$' -- "$actor"; and return
    set actor (string replace -r '^(.{0,64}).*' 'agent:$1' -- (string replace -r '@.*' '' -- "$AI_AGENT"))
    test "$actor" = agent:; or return
    for mark in CLAUDECODE=claude-code CURSOR_AGENT=cursor CODEX_SANDBOX=codex CODEX_THREAD_ID=codex \
            GEMINI_CLI=gemini OPENCODE=opencode AUGMENT_AGENT=augment CLINE_ACTIVE=cline \
            GOOSE_TERMINAL=goose QWEN_CODE=qwen COPILOT_CLI=copilot
        set -l named (string split -m 1 = -- $mark)
        set -l mark $named[1]
        contains -- "$$mark" '' 0 false; or begin
            set actor agent:$named[2]
            return
        end
    end
    set actor
    for mark in CI GITHUB_ACTIONS GITLAB_CI BUILDKITE CIRCLECI TRAVIS JENKINS_URL TEAMCITY_VERSION \
            TF_BUILD BITBUCKET_BUILD_NUMBER APPVEYOR DRONE
        contains -- "$$mark" '' 0 false; or set actor ci
    end
end

# `name version boot-id start-ticks actor parent`: who writes, in every record.
function __bizim_identify
    set -l boot -
    set -l stat
    read boot </proc/sys/kernel/random/boot_id
    read stat </proc/$fish_pid/stat
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    set -l fields (string split ' ' -- (string replace -r '.*\) ' '' -- $stat))
    set -l actor
    __bizim_actor
    set actor (string replace -ra '[^A-Za-z0-9:._-]' _ -- "$actor")
    set -l parent (string replace -ra '[^A-Za-z0-9]' _ -- "$BP_RUN")
    test -n "$fields[20]"; or set fields[20] -
    test -n "$actor"; or set actor -
    test -n "$parent"; or set parent -
    # The records as `printf` wants them: stamp, directory, text; stamp, exit code, milliseconds. bpd counts the lines of
    # one hundredth itself, but over the socket, where one may come twice.
    set -l stamp U%s
    test -n "$__bizim_client"; and set stamp u%s
    set -l head '\0'"fish $version $boot $fields[20] $actor $parent"'\0'$stamp'\0'
    set -g __bizim_start '\0001S'$head'x\0%s\0\0%s\0'
    set -g __bizim_hidden '\0001S'$head'h\0%s\0\0%s\0'
    # The text of the line before: `x` and the text, or `h` and nothing.
    set -g __bizim_late '\0001T'$head'%s\0%s\0'
    set -g __bizim_end '\0001E'$head'%s\0+%s\0\0'
    true # `set` leaves the status as it was.
end

# What runs for a usual line is as little as it can be: each command costs fish some microseconds, a `read` twenty. For all
# else `__bizim_to` is empty and there is a function `…_with_care`. A path behind `1` is no file's: one question less of
# `test`, which takes five microseconds for each.
function __bizim_decide
    if test -n "$__bizim_client$__bizim_asks$__bizim_untold$__bizim_skipped$__bizim_keeps_none"
        set -g __bizim_to ''
    else
        set -g __bizim_to $__bizim_file
    end
end

# fish has no clock that can be read without a fork: the kernel's uptime, to a hundredth of a second, says when the line
# was read, and fish itself says at the end how long it took. Each record opens the file anew: bpd may have taken it away
# to read it. The directory may have been taken away at a logout and put there again by somebody else: is it still ours?
function __bizim_preexec --on-event fish_preexec
    set -g __bizim_status $status
    if test $__bizim_guard -f "$BP_OFF$fish_private_mode$__bizim_to"
        switch $argv[1]
            case '#*' ' *' \t'*' \n'*'
                __bizim_preexec_with_care $argv[1]
                return
        end
        read -g -d ' ' __bizim_stamp __bizim_idle </proc/uptime
        set -g __bizim_generation $status_generation
        builtin printf $__bizim_start $__bizim_stamp $PWD $argv[1] >>$__bizim_to
        or __bizim_fall_short
    else
        __bizim_preexec_with_care $argv[1]
    end
end

# A line that took no millisecond ran no program: nothing was taken away since its start looked. A line that has set no
# status has left that of the line before: fish counts in `status_generation` how often it was set.
function __bizim_postexec --on-event fish_postexec
    switch "$status_generation:$CMD_DURATION$BP_OFF$__bizim_to"
        case "$__bizim_generation:*"
            __bizim_postexec_without_status $argv[1] $status
        case '*:0/*'
            builtin printf $__bizim_end $__bizim_stamp $status $CMD_DURATION >>$__bizim_to
            or __bizim_fall_short
        case '*'
            __bizim_postexec_of_program $status
    end
end

# A suspended line and one that went into the background set no status, nor do `set` and an empty loop, which do not
# fail. `-0` is read as unknown, by an older bpd as 0. fish does not count each builtin: a status that differs from the
# one before the line was set by the line.
function __bizim_postexec_without_status
    if test "$argv[2]" != "$__bizim_status"
        __bizim_postexec_of_program $argv[2]
    else if builtin jobs -q; or string match -q '*&*' -- $argv[1]
        __bizim_postexec_of_program -0
    else if string match -qr '^\s*(set|for|while)\b' -- $argv[1]
        __bizim_postexec_of_program 0
    else
        __bizim_postexec_of_program $argv[2]
    end
end

function __bizim_postexec_of_program
    if test $__bizim_guard -f "$BP_OFF$fish_private_mode$__bizim_to"
        builtin printf $__bizim_end $__bizim_stamp $argv[1] $CMD_DURATION >>$__bizim_to
        or __bizim_fall_short
    else
        __bizim_postexec_with_care $argv[1]
    end
end

function __bizim_preexec_with_care
    # Until it is told, the end of this line is not.
    set -g __bizim_untold 1
    if set -q __bizim_skipped[1]; and not set -q __bizim_skipped[20]
        set -a __bizim_skipped 1
        return
    end
    set -g __bizim_skipped
    __bizim_decide
    # A comment alone is no command; a line that begins with a space stays out of the history.
    string match -qr '^\s*(#[^\n]*\s*)*$' -- $argv[1]; and return
    __bizim_make_ready; or return
    set -l start $__bizim_start
    set -l line $argv[1]
    set -l holds
    if __bizim_keeps_no_history
        set start $__bizim_hidden
        set line ''
    else if set -q __bizim_asks[1]; and builtin functions -q fish_should_add_to_history
        # That function decides, whatever the line begins with. It is the user's and is not called a second time: the
        # history is asked when the next line begins.
        set holds 1
        set start $__bizim_hidden
        set line +
    else if string match -q ' *' -- $line
        set start $__bizim_hidden
        set line ''
    end
    read -l -d ' ' uptime rest </proc/uptime
    if test -n "$__bizim_client"; and string match -q "$uptime*" -- $__bizim_stamp
        set __bizim_stamp $__bizim_stamp+ # Another line of the same hundredth.
    else
        set -g __bizim_stamp $uptime
    end
    set -g __bizim_generation $status_generation
    begin
        set -q __bizim_held[1]; and __bizim_tell_held
        builtin printf $start $__bizim_stamp $PWD $line
    end >>$__bizim_file
    or begin
        __bizim_fall_short
        return
    end
    set -g __bizim_held
    set -q holds[1]; and set -g __bizim_held $__bizim_stamp $argv[1]
    __bizim_send
    set __bizim_untold
    __bizim_decide
end

function __bizim_postexec_with_care
    if set -q __bizim_untold[1]
        set __bizim_untold
        __bizim_decide
    else if __bizim_make_ready
        builtin printf $__bizim_end $__bizim_stamp $argv[1] $CMD_DURATION >>$__bizim_file
        or __bizim_fall_short
        __bizim_send
    end
end

# Nothing keeps fish from saying that there was no room for a record: it is tried again twenty lines later.
function __bizim_fall_short
    set -g __bizim_skipped 1
    set -g __bizim_untold 1
    __bizim_decide
end

# Whether the records may be written: the first of a shell makes the file, for the user alone.
function __bizim_make_ready
    test "$BP_OFF" != 1 -a -O $__bizim_run -a ! -L $__bizim_run -a -d $__bizim_run/mail -a -w $__bizim_run/mail; or return 1
    test -f $__bizim_file; and return
    test -e $__bizim_file; and return 1
    set -l before $umask
    set -g umask 077
    builtin printf '' >>$__bizim_file
    set -g umask $before
end

function __bizim_send
    set -q __bizim_client[1]; or return
    command $__bizim_client event --pid $fish_pid <$__bizim_file >/dev/null 2>/dev/null
    builtin printf '' >$__bizim_file # Nothing typed stays there.
end

# Whether this session is one without a history.
function __bizim_keeps_no_history
    test -n "$fish_private_mode"; and return
    set -q fish_history; and test -z "$fish_history"
end

# A session that keeps no history on disk is not on the usual way.
function __bizim_on_history --on-variable fish_history
    set -g __bizim_keeps_none
    set -q fish_history; and test -z "$fish_history"; and set -g __bizim_keeps_none 1
    __bizim_decide
end

# What fish has kept of the line before: what it refuses is out of its history when the next line begins.
function __bizim_tell_held
    set -l kept (builtin history search --exact --case-sensitive --max 1 -- $__bizim_held[2] | string collect)
    if test -n "$kept"; and not __bizim_keeps_no_history
        builtin printf $__bizim_late $__bizim_held[1] x $__bizim_held[2]
    else
        builtin printf $__bizim_late $__bizim_held[1] h ''
    end
end

# A limit on file sizes must not kill the shell. What it starts has the signal's default again.
function __bizim_too_large --on-signal XFSZ
end

function __bizim_load
    set -g __bizim_loaded $fish_pid
    set -g __bizim_untold 1
    set -g __bizim_to ''
    set -g __bizim_stamp
    set -g __bizim_client
    set -g __bizim_asks
    set -g __bizim_skipped
    set -g __bizim_held
    set -g __bizim_generation
    set -g __bizim_status 0
    set -g __bizim_keeps_none
    set -q fish_history; and test -z "$fish_history"; and set __bizim_keeps_none 1
    string match -qr '^[0-3]\.' -- $version; or set -g __bizim_asks 1
    __bizim_place; or return
    # In a directory that is everybody's the kernel follows no stranger's link, unless it was told to; in one that the
    # system made for this user alone nobody else puts anything.
    set -g __bizim_guard ! -L $__bizim_run -a -O $__bizim_run -a
    read -l protected 2>/dev/null </proc/sys/fs/protected_symlinks
    test "$protected" = 1 -a ! -L $__bizim_run; and set -g __bizim_guard -O $__bizim_run -a
    string match -q '/run/user/*' -- $__bizim_run; and test -z "$BP_HOME" -a ! -L $__bizim_run; and set -g __bizim_guard
    set -g __bizim_file $__bizim_run/mail/$fish_pid
    if test "$BP_TRANSPORT" = socket
        # `bpctl init` says which client is its own.
        set -g __bizim_client $__bizim_bpctl
        test -n "$__bizim_client"; or set -g __bizim_client (command -s bpctl)
        test -n "$__bizim_client"; or return
        set -g __bizim_file $__bizim_run/.shell.$fish_pid
    end
    __bizim_identify
end

if status is-interactive; and test "$BP_OFF" != 1; and test "$__bizim_loaded" != $fish_pid
    __bizim_load 2>/dev/null; or functions -e __bizim_preexec __bizim_postexec __bizim_decide __bizim_too_large __bizim_on_history
else if not status is-interactive; or test "$BP_OFF" = 1
    functions -e __bizim_preexec __bizim_postexec __bizim_decide __bizim_too_large __bizim_on_history
end

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

# `name version boot-id start-ticks actor parent`: who writes, in every record.
function __bizim_identify
    set -l boot -
    set -l stat
    read boot </proc/sys/kernel/random/boot_id
    read stat </proc/$fish_pid/stat
    # The program's name, in brackets, may hold anything; field 22 is the 20th behind it.
    set -l fields (string split ' ' -- (string replace -r '.*\) ' '' -- $stat))
    set -l actor (string replace -ra '[^A-Za-z0-9:._-]' _ -- "$BP_ACTOR")
    set -l parent (string replace -ra '[^A-Za-z0-9]' _ -- "$BP_RUN")
    test -n "$fields[20]"; or set fields[20] -
    test -n "$actor"; or set actor -
    test -n "$parent"; or set parent -
    set -g __bizim_shell "fish $version $boot $fields[20] $actor $parent"
    true # `set` leaves the status as it was.
end

# Whether the records may be written: the first of a shell makes the file, for the user alone. The directory may have been
# taken away at a logout and put there again by somebody else: is it still ours alone?
function __bizim_make_ready
    test "$BP_OFF" != 1 -a -O $__bizim_run -a ! -L $__bizim_run -a -d $__bizim_run/mail; or return 1
    test -e $__bizim_to; and return
    set -l before $umask
    set -g umask 077
    printf '' >>$__bizim_to
    set -g umask $before
end

function __bizim_send
    command $__bizim_client event --pid $fish_pid <$__bizim_to >/dev/null 2>/dev/null
    printf '' >$__bizim_to # Nothing typed stays there.
end

# fish has no clock that can be read without a fork: the kernel's uptime, to a hundredth of a second, says when the line
# was read, and fish itself says at the end how long it took.
function __bizim_preexec --on-event fish_preexec
    test "$BP_OFF" != 1 -a -O "$__bizim_run" -a ! -L "$__bizim_run" -a -e "$__bizim_to"
    or __bizim_make_ready
    or return
    set -l line $argv[1]
    set -l how x
    switch $line
        case '#*' ' *' \t'*' \n'*'
            # A comment alone is no command; a line that begins with a space stays out of the history.
            string match -qr '^\s*(#[^\n]*\s*)*$' -- $line; and return
            if string match -q ' *' -- $line
                set how h
                set line ''
            end
    end
    # `set -q` is a quarter of a `test`.
    if set -q fish_private_mode[1]; or set -q __bizim_asks[1]
        if __bizim_is_kept_out $argv[1]
            set how h
            set line ''
        end
    end
    read -l uptime rest </proc/uptime
    if test "$uptime" = "$__bizim_uptime"
        set __bizim_stamp $__bizim_stamp+
    else
        set __bizim_uptime $uptime
        set __bizim_stamp u$uptime
    end
    set __bizim_open 1
    # Each record opens the file anew: bpd may have taken it away to read it.
    printf '\0001S\0%s\0%s\0%s\0%s\0\0%s\0' $__bizim_shell $__bizim_stamp $how $PWD $line >>$__bizim_to
    set -q __bizim_client[1]; and __bizim_send
end

# From fish 4 on a function of the user's may keep lines out of the history.
function __bizim_is_kept_out
    test -n "$fish_private_mode"; and return
    functions -q fish_should_add_to_history; or return 1
    not fish_should_add_to_history $argv[1] >/dev/null 2>/dev/null
end

function __bizim_postexec --on-event fish_postexec
    set -l exit_code $status # First: every other command overwrites it.
    set -q __bizim_open[1]; or return
    if test "$BP_OFF" != 1 -a -O "$__bizim_run" -a ! -L "$__bizim_run" -a -e "$__bizim_to"; or __bizim_make_ready
        printf '\0001E\0%s\0%s\0%s\0+%s\0\0' $__bizim_shell $__bizim_stamp $exit_code $CMD_DURATION >>$__bizim_to
        set -q __bizim_client[1]; and __bizim_send
    end
    set __bizim_open
end

# A limit on file sizes must not kill the shell. What it starts has the signal's default again.
function __bizim_too_large --on-signal XFSZ
end

function __bizim_load
    set -g __bizim_loaded $fish_pid
    set -g __bizim_open
    set -g __bizim_stamp
    set -g __bizim_uptime
    set -g __bizim_client
    set -g __bizim_asks
    string match -qr '^[0-3]\.' -- $version; or set -g __bizim_asks 1
    __bizim_place; and __bizim_identify; or return
    set -g __bizim_to $__bizim_run/mail/$fish_pid
    if test "$BP_TRANSPORT" = socket
        # `bpctl init` says which client is its own.
        set -g __bizim_client $__bizim_bpctl
        test -n "$__bizim_client"; or set -g __bizim_client (command -s bpctl)
        test -n "$__bizim_client"; or return
        set -g __bizim_to $__bizim_run/.shell.$fish_pid
    end
    true
end

if status is-interactive; and test "$BP_OFF" != 1; and test "$__bizim_loaded" != $fish_pid
    __bizim_load 2>/dev/null; or functions -e __bizim_preexec __bizim_postexec __bizim_too_large
else if not status is-interactive; or test "$BP_OFF" = 1
    functions -e __bizim_preexec __bizim_postexec __bizim_too_large
end

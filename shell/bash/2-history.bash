# bp for bash, part 2: the text of a line, as far as the shell keeps it in its history.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts share their variables.

# Sets `__bizim_how`: whether the line entered the history, and with it its text. HISTCMD has moved since the prompt if it
# did. A line with a leading space, or one that HISTIGNORE names, has no text; neither has any line of a session that the
# user keeps without a history file. `$1` = the first command of the line, if that is known.
__bizim_judge() {
    __bizim_text=''
    if [[ -z ${HISTFILE-} || $HISTFILE == /dev/null ]] || ((__bizim_lost)); then
        __bizim_lost=0 __bizim_how=h __bizim_first=''
        return
    fi
    if ((__bizim_compares)); then
        __bizim_guarded __bizim_read_entry
        __bizim_moved=$((__bizim_entry_number - __bizim_base))
    fi
    if ((__bizim_moved > 1)) && ! shopt -q cmdhist; then
        # Without `cmdhist` every line of a multi-line command is an entry of its own.
        __bizim_how=m
        if ((!__bizim_compares)); then
            __bizim_guarded __bizim_read_entries "$__bizim_base" "$((__bizim_base + __bizim_moved - 1))"
            [[ -z $__bizim_text ]] || __bizim_how=x
        fi
    elif ((__bizim_moved != 0)) || { ((__bizim_compares)) && [[ $__bizim_entry != "$__bizim_base_entry" ]]; }; then
        __bizim_how=t
    elif [[ ${HISTCONTROL-} != *dups* && ${HISTCONTROL-} != *both* ]]; then
        __bizim_how=h
    elif [[ -n $1 && $1 == "$__bizim_first" ]]; then
        __bizim_how=r
    elif __bizim_is_duplicate "$1"; then
        __bizim_how=t
    else
        __bizim_how=h
    fi
    # bash-preexec takes ignorespace out of HISTCONTROL and is not called for `( … )`: look for the space in the entry.
    if [[ $__bizim_how == t && -z $1 ]] && __bizim_beside_preexec; then
        __bizim_guarded __bizim_read_entry
        ! __bizim_entry_is_blank || __bizim_how=h
    fi
    [[ $__bizim_how != [tmx] ]] || __bizim_first=$1
}

# Whether a line that did not enter the history must be a duplicate of the newest entry: nothing else can have kept it out,
# or its only command is that entry. (After `( … )` the command is not known.)
__bizim_is_duplicate() {
    [[ -o history && ${HISTSIZE-} != 0 ]] || return 1
    [[ -n ${HISTIGNORE-} || ${HISTCONTROL-} == *space* || ${HISTCONTROL-} == *both* ]] || return 0
    [[ -n $1 ]] || return 1
    local text
    __bizim_guarded __bizim_read_entry
    text=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    text=${text#"$__bizim_entry_number"}
    text=${text:2}
    [[ ${text%$'\n'} == "$1" ]]
}

# Like `__bizim_judge`, for one of several pasted lines, of which the history may have newer entries. `$1` = HISTCMD when the line was
# read, `$2` = whether a prompt was drawn before it without the hook.
__bizim_judge_older() {
    __bizim_text='' __bizim_how=h
    if [[ -z ${HISTFILE-} || $HISTFILE == /dev/null ]] || ((__bizim_lost || __bizim_compares)); then
        __bizim_lost=0
    elif ((__bizim_moved == 1)) || { ((__bizim_moved > 1 && !$2)) && ! shopt -q cmdhist; }; then
        __bizim_guarded __bizim_read_entries "$(($1 - __bizim_moved))" "$(($1 - 1))"
        [[ -z $__bizim_text ]] || __bizim_how=x
    fi
    __bizim_first=''
}

# Whether a line was read since the prompt, where PS0 could not say so.
__bizim_is_new() {
    __bizim_guarded __bizim_read_entry
    ! __bizim_entry_is_comment || return 1
    if ((__bizim_compares)); then
        [[ $__bizim_entry_number != "$__bizim_base" || $__bizim_entry != "$__bizim_base_entry" ]]
    else
        # At the prompt HISTCMD is the number of the next entry, and in DEBUG still the same.
        ((__bizim_entry_number >= __bizim_seen))
    fi
}

# Whether the new line, of which DEBUG has seen nothing run, could not be parsed. A status above 255 is how bash before 4.1
# says so. Later ones say 2, and `( … )`, of which DEBUG sees nothing either, may end with that, too.
__bizim_is_no_line() {
    ((__bizim_status < 256)) || return 0
    ((__bizim_status == 2)) || return 1
    [[ $__bizim_entry != *'('* ]]
}

# Sets `__bizim_entry` and its number: the newest history entry. `erasedups` removes an older entry when it adds the new
# one, and HISTCMD stands still; before bash 5.1 HISTCMD is 1 in PROMPT_COMMAND. There (`__bizim_compares`) the entries
# themselves tell whether there is a new one. They pass through a file, because a pipe has no room for every line.
__bizim_read_entry() {
    [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"
    HISTTIMEFORMAT='' builtin history 1 >|"$__bizim_scratch"
    IFS= builtin read -r -d '' __bizim_entry <"$__bizim_scratch" || :
    __bizim_entry_number=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    __bizim_entry_number=${__bizim_entry_number%%[!0-9]*}
    : "${__bizim_entry_number:=0}" >|"$__bizim_scratch" # Nothing typed stays there.
}

# Sets `__bizim_text` to the history entries from number `$1` to `$2`, one below the other. Empty if the history shows
# them in another form: a readonly HISTTIMEFORMAT puts a date in front of each.
__bizim_read_entries() {
    local all rest number from next LC_ALL
    LC_ALL=C __bizim_text=''
    [[ -e $__bizim_scratch ]] || __bizim_create "$__bizim_scratch"
    [[ -z ${HISTTIMEFORMAT-} || ${HISTTIMEFORMAT@a} != *r* ]] || return 0
    # In DEBUG HISTCMD is smaller than at the prompt.
    HISTTIMEFORMAT='' builtin history "$((HISTCMD > $2 ? HISTCMD - $1 : $2 - $1 + 1))" >|"$__bizim_scratch"
    IFS= builtin read -r -d '' all <"$__bizim_scratch" || :
    builtin printf '' >|"$__bizim_scratch" # Nothing typed stays there.
    rest=$'\n'$all
    for ((number = $1; number <= $2; number++)); do
        # A number of five places, a blank or `*`, a blank, the text.
        builtin printf -v from '\n%5d' "$number"
        builtin printf -v next '\n%5d' "$((number + 1))"
        [[ $rest == "$from"[\ *]\ * ]] || { __bizim_text='' && return; }
        rest=${rest#"$from"??}
        __bizim_text+=${__bizim_text:+$'\n'}${rest%%"$next"[ *] *}
        [[ $rest == *"$next"[\ *]\ * ]] && rest=$next${rest#*"$next"} || rest=''
    done
    __bizim_text=${__bizim_text%$'\n'}
}

# Blanks, the number, a blank or `*`, a blank, and then the text: whether it starts with a blank.
__bizim_entry_is_blank() {
    local text
    text=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    text=${text#"$__bizim_entry_number"}
    [[ ${text:2} == [[:space:]]* ]]
}

# One line, and nothing in it but a comment.
__bizim_entry_is_comment() {
    local text
    text=${__bizim_entry#"${__bizim_entry%%[! ]*}"}
    text=${text#"$__bizim_entry_number"}
    text=${text:2}
    text=${text#"${text%%[![:space:]]*}"}
    [[ $text == '#'* && $text != *$'\n'?* ]]
}

# The last entry as the shell has it, byte for byte. The date in front of it is switched off; if the variable is readonly,
# `fc` prints no date.
__bizim_print_entry() {
    if [[ -z ${HISTTIMEFORMAT-} ]]; then
        builtin history 1
    elif ((__bizim_version >= 404)) && [[ ${HISTTIMEFORMAT@a} == *r* ]]; then
        builtin fc -ln -0
    else
        HISTTIMEFORMAT='' builtin history 1
    fi
}

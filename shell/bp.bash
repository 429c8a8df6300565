# bp for bash 3.2 and later: loads the parts of the hook from the folder `bash` beside this file. `bpctl init bash` prints
# the same parts one after the other. shell/README.md says what the hook does.
# shellcheck shell=bash

{
    __bizim_quiet=''
    case $- in *x*) __bizim_quiet=1 && set +x ;; esac
} 2>/dev/null
# The parts see the arguments of whoever sources this file, and change none of them.
for __bizim_part in 1-places 2-history 3-line 4-prompt 5-load; do
    # shellcheck disable=SC1090
    . "${BASH_SOURCE[0]%/*}/bash/$__bizim_part.bash"
done
unset -v __bizim_part
{
    [[ -z $__bizim_quiet ]] || set -x
} 2>/dev/null

//! A disk that cannot be written for a while: bpd says so, loses no line of a shell, and records again without a restart.

use std::process::{Command, Stdio};

use crate::odd::Home;

/// Needs root and a loop device: everything happens in a mount namespace of its own. `$KIND` says why nothing can be written.
const SCRIPT: &str = r#"
set -e
PATH=$PATH:/sbin:/usr/sbin
data=$BP_HOME/data
mkdir -p "$data" "$BP_HOME/run"
chmod 700 "$BP_HOME" "$data" "$BP_HOME/run"
truncate -s 40M "$HOME/disk.img"
{ mkfs.ext4 -q -F "$HOME/disk.img" && mount -o loop "$HOME/disk.img" "$data"; } 2>/dev/null || { echo skipped; exit 0; }
chmod 700 "$data"
sleep 300 & shell=$!
boot=$(cat /proc/sys/kernel/random/boot_id)
ticks=$(cut -d' ' -f22 "/proc/$shell/stat")
typed() {
    stamp=$(date +%s%6N)
    printf '\0001S\000sh 1 %s %s - -\000%s\000x\000/tmp\000\000%s\000' "$boot" "$ticks" "$stamp" "$1"
    printf '\0001E\000sh 1 %s %s - -\000%s\0000\000%s\000\000' "$boot" "$ticks" "$stamp" "$(date +%s%6N)"
}
"$BPCTL" daemon start
"$BPCTL" run -- true
typed 'make before' >>"$BP_HOME/run/mail/$shell"
"$BPCTL" tag latest first
case $KIND in
    refused) chattr -R +i "$data" ;;
    read-only) "$BPCTL" daemon stop; mount -o remount,ro "$data"; "$BPCTL" daemon start ;;
    full)
        cat /dev/zero >"$data/big" 2>/dev/null || true
        # There is room in the last block of the journal.
        for try in $(seq 200); do
            "$BPCTL" status --json | grep -q '"disk-full"\|"index-in-memory"' && break
            typed 'make filler' >>"$BP_HOME/run/mail/$shell"
            sleep 0.05
        done ;;
esac
pid=$("$BPCTL" status --json | sed 's/.*"pid":\([0-9]*\).*/\1/')
for nth in 1 2 3; do typed "make meanwhile $nth" >>"$BP_HOME/run/mail/$shell"; sleep 0.2; done
"$BPCTL" tag latest second 2>&1 && [ $KIND != full ] && echo 'a write succeeded'
echo "while: $("$BPCTL" status --json)"
"$BPCTL" list --plain >/dev/null && echo readable
"$BPCTL" run --quiet -- true wrapped
case $KIND in
    refused) chattr -R -i "$data" ;;
    read-only) mount -o remount,rw "$data" ;;
    full) rm "$data/big" ;;
esac
for try in $(seq 300); do
    found=$("$BPCTL" list 'cmd:make meanwhile' --plain | grep -c 'make meanwhile' || true)
    [ "$found" = 3 ] && break
    sleep 0.2
done
echo "recovered: $found"
for try in $(seq 150); do
    wrapped=$("$BPCTL" list 'cmd:true wrapped' --plain | grep -c 'true wrapped' || true)
    [ "$wrapped" = 1 ] && break
    sleep 0.2
done
echo "wrapped: $wrapped"
"$BPCTL" tag latest third
echo "after: $("$BPCTL" status --json)"
"$BPCTL" status --json | grep -q "\"pid\":$pid," && echo 'the same bpd'
"$BPCTL" daemon restart
echo "restarted: $("$BPCTL" list 'make meanwhile' --plain | grep -c 'make meanwhile')"
"$BPCTL" daemon stop
kill "$shell"
echo done
"#;

#[allow(clippy::print_stderr, reason = "says that nothing was tested")]
fn went_through(kind: &str, trouble: &str) {
    let home = Home::new();
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", SCRIPT]).env("KIND", kind);
    command.env("BP_HOME", home.bp()).env("HOME", home.scratch.path()).env("BP_HTTP", "127.0.0.1:0");
    command.env("BPCTL", env!("CARGO_BIN_EXE_bpctl")).env("BP_LANG", "en").stdin(Stdio::null());
    let output = command.env_remove("BP_RUN").env_remove("BP_CONFIG").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.trim() == "skipped" || errors.contains("unshare") {
        eprintln!("skipped: this user may not mount");
        return;
    }
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(!said.contains("a write succeeded"), "{kind}: {said}{errors}");
    assert!(line("while:").contains(trouble), "{kind}: {said}{errors}");
    for gone in ["store-unwritable", "\"disk-full\""] {
        assert!(!line("after:").contains(gone), "{kind}: {said}{errors}");
    }
    for words in ["readable", "recovered: 3", "wrapped: 1", "the same bpd", "restarted: 3"] {
        assert!(said.lines().any(|line| line == words), "{kind}: no `{words}`: {said}{errors}");
    }
    assert!(said.ends_with("done\n"), "{kind}: {said}{errors}");
}

#[test]
fn lines_typed_while_writes_are_refused_are_stored_afterwards() {
    went_through("refused", "store-unwritable");
}

#[test]
fn a_bpd_started_on_a_read_only_disk_records_once_it_is_writable() {
    went_through("read-only", "store-unwritable");
}

#[test]
fn lines_typed_while_the_disk_is_full_are_stored_afterwards() {
    // When the index has to go, its files make room for the journal again.
    went_through("full", "disk-");
}

//! Branch and commit of a directory, read from `.git` by hand: starting git would take the user's index lock, and a
//! library for it costs a hundred crates. Silent about what is not understood (reftable).

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bp_proto::Git;

/// Directories above one another that are searched for `.git`.
const MAX_DEPTH: usize = 128;

/// HEAD, a loose ref, `commondir` and a `.git` file are one line.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// A repository with a hundred thousand refs has about 8 MiB.
const MAX_PACKED_BYTES: u64 = 32 << 20;

/// A reference may point to another.
const MAX_HOPS: usize = 5;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Project {
    /// The git root at or above the directory.
    pub root: Option<PathBuf>,
    pub git: Option<Git>,
}

/// What `cwd` is in. Blocks as long as the file system does.
pub(super) fn find(cwd: &Path) -> Project {
    for dir in cwd.ancestors().take(MAX_DEPTH) {
        if let Some(git_dir) = git_dir(dir) {
            return Project { root: Some(dir.to_owned()), git: head(&git_dir) };
        }
    }
    Project::default()
}

/// The git directory of a work tree's root: `.git` itself, or where the file `.git` points (worktrees, submodules).
fn git_dir(root: &Path) -> Option<PathBuf> {
    let dot = root.join(".git");
    let meta = fs::metadata(&dot).ok()?;
    let dir = if meta.is_dir() {
        dot
    } else {
        let line = read(&dot, MAX_LINE_BYTES)?;
        root.join(line.strip_prefix("gitdir:")?.trim())
    };
    fs::metadata(dir.join("HEAD")).is_ok().then_some(dir)
}

fn head(git_dir: &Path) -> Option<Git> {
    let head = read(&git_dir.join("HEAD"), MAX_LINE_BYTES)?;
    let head = head.trim();
    let Some(name) = head.strip_prefix("ref:") else {
        return is_hash(head).then(|| Git { branch: None, commit: Some(head.to_owned()) });
    };
    let name = name.trim();
    // What a reftable repository keeps in HEAD for programs like this one.
    if name == "refs/heads/.invalid" || !is_sound(name) {
        return None;
    }
    let common = read(&git_dir.join("commondir"), MAX_LINE_BYTES)
        .map_or_else(|| git_dir.to_owned(), |line| git_dir.join(line.trim()));
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
    Some(Git { branch: Some(branch), commit: resolve(git_dir, &common, name) })
}

fn resolve(git_dir: &Path, common: &Path, name: &str) -> Option<String> {
    let mut name = name.to_owned();
    for _ in 0..MAX_HOPS {
        let loose = [git_dir, common].iter().find_map(|dir| read(&dir.join(&name), MAX_LINE_BYTES));
        let Some(loose) = loose else { return packed(common, &name) };
        let loose = loose.trim();
        if is_hash(loose) {
            return Some(loose.to_owned());
        }
        loose.strip_prefix("ref:")?.trim().clone_into(&mut name);
        if !is_sound(&name) {
            return None;
        }
    }
    None
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let refs = read(&common.join("packed-refs"), MAX_PACKED_BYTES)?;
    let hash = refs.lines().find_map(|line| {
        let (hash, packed) = line.split_once(' ')?;
        (packed == name).then_some(hash)
    })?;
    is_hash(hash).then(|| hash.to_owned())
}

/// A name that stays inside the repository.
fn is_sound(name: &str) -> bool {
    name.starts_with("refs/") && !name.split('/').any(|part| part.is_empty() || part == "..")
}

/// SHA-1 or SHA-256, as git writes it.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A regular file of at most `limit` bytes. Not blocking on a pipe that lies there under a known name.
fn read(path: &Path, limit: u64) -> Option<String> {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || meta.len() > limit {
        return None;
    }
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(&dir.path().join(path), text);
        }
        dir
    }

    fn check(files: &[(&str, &str)], branch: Option<&str>, commit: Option<&str>) {
        let dir = repository(files);
        let found = find(&dir.path().join("src/deep"));
        let expected = Git { branch: branch.map(str::to_owned), commit: commit.map(str::to_owned) };
        assert_eq!(found, Project { root: Some(dir.path().to_owned()), git: Some(expected) }, "{files:?}");
    }

    #[test]
    fn loose_packed_detached_and_unborn_heads_are_read() {
        let packed = format!("# pack-refs with: peeled\n{B} refs/heads/main-2\n{A} refs/heads/main\n^{B}\n");
        check(&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", A)], Some("main"), Some(A));
        check(&[(".git/HEAD", "ref: refs/heads/f/x\n"), (".git/refs/heads/f/x", B)], Some("f/x"), Some(B));
        check(
            &[(".git/HEAD", "ref: refs/heads/main\n"), (".git/packed-refs", &packed)],
            Some("main"),
            Some(A),
        );
        check(&[(".git/HEAD", A)], None, Some(A));
        check(&[(".git/HEAD", "ref: refs/heads/main\n")], Some("main"), None);
    }

    #[test]
    fn a_worktree_has_its_own_head_and_the_common_refs() {
        let dir = repository(&[
            ("main/.git/HEAD", "ref: refs/heads/main\n"),
            ("main/.git/refs/heads/side", B),
            ("main/.git/worktrees/side/HEAD", "ref: refs/heads/side\n"),
            ("main/.git/worktrees/side/commondir", "../..\n"),
        ]);
        let side = dir.path().join("side");
        write(&side.join(".git"), &format!("gitdir: {}/main/.git/worktrees/side\n", dir.path().display()));
        let found = find(&side);
        assert_eq!(found.root, Some(side));
        assert_eq!(found.git, Some(Git { branch: Some("side".into()), commit: Some(B.into()) }));
    }

    #[test]
    fn what_is_not_understood_is_not_said() {
        for (head, more) in [
            ("ref: refs/heads/.invalid\n", ("config", "[extensions] refstorage = reftable")),
            ("ref: refs/../../../../etc/passwd", ("x", "")),
            ("garbage", ("x", "")),
        ] {
            let dir = repository(&[(".git/HEAD", head), (&format!(".git/{}", more.0), more.1)]);
            assert_eq!(find(dir.path()).git, None, "{head:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(&dir.path().join("gone")), Project::default());
    }

    #[test]
    fn a_pipe_under_a_known_name_does_not_block() {
        let dir = repository(&[(".git/HEAD", "ref: refs/heads/main\n")]);
        fs::create_dir_all(dir.path().join(".git/refs/heads")).unwrap();
        let pipe = dir.path().join(".git/refs/heads/main");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        symlink("/dev/zero", dir.path().join(".git/packed-refs")).unwrap();
        assert_eq!(find(dir.path()).git, Some(Git { branch: Some("main".into()), commit: None }));
    }

    #[test]
    fn git_itself_agrees() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let output = std::process::Command::new("git")
                .current_dir(dir.path())
                .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
                .args(args)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "-q", "-b", "trunk"]);
        git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        let commit = git(&["rev-parse", "HEAD"]);
        let on = |branch: Option<&str>| {
            Some(Git { branch: branch.map(str::to_owned), commit: Some(commit.clone()) })
        };
        assert_eq!(find(dir.path()).git, on(Some("trunk")));
        git(&["pack-refs", "--all"]);
        assert_eq!(find(dir.path()).git, on(Some("trunk")));
        git(&["worktree", "add", "-q", "side", "-b", "side"]);
        assert_eq!(find(&dir.path().join("side")).git, on(Some("side")));
        git(&["checkout", "-q", "--detach"]);
        assert_eq!(find(dir.path()).git, on(None));
    }
}

//! Who may enter by the HTTP door: the user's token, one-time codes, and browser sessions. Shared by `ipc`, which
//! mints codes for peers whose uid the kernel vouches for, and `http`, which redeems them.
//!
//! Secrets that bpd hands out are remembered as SHA-256 hashes only, in memory and on disk; the token alone is kept
//! as it is, since its file is where clients read it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bp_proto::UnixMillis;
use bp_proto::private_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const CODE_LIFE: Duration = Duration::from_mins(1);
const TICKET_LIFE: Duration = Duration::from_secs(30);
const SESSION_LIFE: Duration = Duration::from_hours(30 * 24);

/// Nobody opens more pages than this within a minute; the oldest code goes first.
const MAX_CODES: usize = 16;
/// Tabs that reconnect at once after bpd's restart; the oldest ticket goes first.
const MAX_TICKETS: usize = 64;
/// Browsers of one person; the oldest session goes first.
const MAX_SESSIONS: usize = 64;

/// A shorter text in the token file is no token.
const MIN_TOKEN_BYTES: usize = 32;
const MAX_TOKEN_BYTES: u64 = 1024;

/// Crockford's base 32: no letter that reads like a digit, since codes may be typed.
const CODE_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 60 bits for a life of a minute and 20 guesses.
const CODE_LENGTH: usize = 12;

/// Cheap to clone; one per daemon.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    token: Secret,
    sessions_file: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    codes: Once,
    tickets: Once,
    sessions: Vec<Session>,
}

/// Names a session within bpd; worthless outside: it is the hash of the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(Hash);

/// What a browser gets for a code.
#[derive(Clone, Debug)]
pub struct Opened {
    pub cookie: String,
    pub nonce: String,
    pub expires_at: UnixMillis,
    pub life: Duration,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    cookie: Hash,
    nonce: Hash,
    expires_at: UnixMillis,
}

impl Access {
    /// Reads the token and the hashes of living sessions below the data directory; makes the token (0600) if there is
    /// none, and a new one if others could have read it.
    pub fn load(data_dir: &Path) -> io::Result<Self> {
        let token = load_token(&data_dir.join("token"))?;
        let sessions_file = data_dir.join("sessions");
        let sessions = load_sessions(&sessions_file, UnixMillis::now());
        let kept = Mutex::new(Kept { sessions, ..Kept::default() });
        Ok(Self(Arc::new(Inner { token, sessions_file, kept })))
    }

    /// Whether `text` is the user's token. Takes the same time whatever is wrong with it.
    pub fn is_token(&self, text: &[u8]) -> bool {
        // Hashes have one length, so that not even the token's length shows.
        Hash::of(text).is(Hash::of(self.0.token.0.as_bytes()))
    }

    /// A one-time code: 60 s, one use.
    pub fn mint_code(&self) -> String {
        let letters: Vec<u8> =
            random::<CODE_LENGTH>().iter().map(|byte| CODE_LETTERS[usize::from(byte % 32)]).collect();
        let code = String::from_utf8_lossy(&letters).into_owned();
        self.kept().codes.add(Hash::of(code.as_bytes()), None, Instant::now() + CODE_LIFE, MAX_CODES);
        format!("{}-{}-{}", &code[..4], &code[4..8], &code[8..])
    }

    /// Whether `code` lives and was not used yet.
    pub fn is_waiting(&self, code: &str) -> bool {
        let code = Hash::of(plain_code(code).as_bytes());
        self.kept().codes.holds(code, Instant::now())
    }

    /// Opens a session for a living code and uses it up; `None` = the code is wrong, used or too old. One that cannot
    /// be written ends with this bpd: whoever looks for the reason of a full disk must get in.
    pub fn open_session(&self, code: &str) -> Option<Opened> {
        let code = Hash::of(plain_code(code).as_bytes());
        let mut kept = self.kept();
        if !kept.codes.take(code, None, Instant::now()) {
            return None;
        }
        let (cookie, nonce) = (hex(&random::<32>()), hex(&random::<32>()));
        let now = UnixMillis::now();
        let expires_at = now.plus(SESSION_LIFE);
        let session =
            Session { cookie: Hash::of(cookie.as_bytes()), nonce: Hash::of(nonce.as_bytes()), expires_at };
        let mut sessions: Vec<_> = kept.sessions.iter().filter(|s| s.expires_at > now).cloned().collect();
        sessions.push(session);
        let surplus = sessions.len().saturating_sub(MAX_SESSIONS);
        sessions.drain(..surplus);
        if let Err(error) = save_sessions(&self.0.sessions_file, &sessions) {
            let file = self.0.sessions_file.display();
            tracing::warn!("cannot write {file}: {error}; the browser's session ends with this bpd");
        }
        kept.sessions = sessions;
        Some(Opened { cookie, nonce, expires_at, life: SESSION_LIFE })
    }

    /// The living session of a cookie.
    pub fn session(&self, cookie: &str) -> Option<SessionId> {
        let id = Hash::of(cookie.as_bytes());
        self.living(id).map(|_| SessionId(id))
    }

    pub fn is_living(&self, id: SessionId) -> bool {
        self.living(id.0).is_some()
    }

    /// Whether `nonce` is the one that was given out with this session's cookie.
    pub fn is_nonce(&self, id: SessionId, nonce: &[u8]) -> bool {
        self.living(id.0).is_some_and(|session| session.nonce.is(Hash::of(nonce)))
    }

    /// A one-time ticket of a session for one event stream: 30 s.
    pub fn mint_ticket(&self, id: SessionId) -> String {
        let ticket = hex(&random::<32>());
        let until = Instant::now() + TICKET_LIFE;
        self.kept().tickets.add(Hash::of(ticket.as_bytes()), Some(id.0), until, MAX_TICKETS);
        ticket
    }

    /// Whether the ticket lives and is this session's; uses it up.
    pub fn take_ticket(&self, id: SessionId, ticket: &str) -> bool {
        self.kept().tickets.take(Hash::of(ticket.as_bytes()), Some(id.0), Instant::now())
    }

    /// # Errors
    /// The session is over in memory, but could not be taken off the disk: it would live again after a restart.
    pub fn end_session(&self, id: SessionId) -> io::Result<()> {
        let mut kept = self.kept();
        kept.sessions.retain(|session| session.cookie != id.0);
        // A full disk takes no file, but gives one up: then all sessions end with this bpd.
        save_sessions(&self.0.sessions_file, &kept.sessions)
            .or_else(|error| std::fs::remove_file(&self.0.sessions_file).map_err(|_| error))
    }

    fn living(&self, cookie: Hash) -> Option<Session> {
        let now = UnixMillis::now();
        // Looked up by hash: what the time of a comparison tells about a hash leads nowhere.
        self.kept().sessions.iter().find(|s| s.cookie == cookie && s.expires_at > now).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change below is one assignment: a panic elsewhere leaves nothing half done.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Secrets that open something once.
#[derive(Debug, Default)]
struct Once(Vec<OnceEntry>);

#[derive(Debug)]
struct OnceEntry {
    hash: Hash,
    /// The session it belongs to.
    of: Option<Hash>,
    until: Instant,
}

impl Once {
    fn add(&mut self, hash: Hash, of: Option<Hash>, until: Instant, limit: usize) {
        if self.0.len() >= limit {
            self.0.remove(0);
        }
        self.0.push(OnceEntry { hash, of, until });
    }

    fn holds(&self, hash: Hash, now: Instant) -> bool {
        self.0.iter().any(|entry| entry.until > now && entry.hash.is(hash))
    }

    fn take(&mut self, hash: Hash, of: Option<Hash>, now: Instant) -> bool {
        self.0.retain(|entry| entry.until > now);
        let found = self.0.iter().position(|entry| entry.hash.is(hash) && entry.of == of);
        found.map(|at| self.0.remove(at)).is_some()
    }
}

/// SHA-256; in files as hex.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hash([u8; 32]);

impl Hash {
    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// In constant time.
    fn is(&self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0[..4]))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err(serde::de::Error::custom("not a hash"));
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(serde::de::Error::custom)?;
            *byte = u8::from_str_radix(pair, 16).map_err(serde::de::Error::custom)?;
        }
        Ok(Self(bytes))
    }
}

/// Never shown, by `Debug` neither: it opens everything.
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A code as typed: case, blanks and dashes do not matter, and O, I, L read as the digits they look like.
fn plain_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        // Longer than any code already; the hash of a whole body is nobody's to ask for.
        .take(64)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect()
}

fn hex_digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The kernel's generator fails on no system that bpd runs on, and there is no safe way on without it.
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

fn load_token(path: &Path) -> io::Result<Secret> {
    let read = match read_own(path, MAX_TOKEN_BYTES) {
        // A file without permissions gets them back.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            private_file::clear_file(path)?;
            read_own(path, MAX_TOKEN_BYTES)
        }
        read => read,
    };
    match read {
        Ok(text) if is_token(text.trim()) => return Ok(Secret(text.trim().to_owned())),
        Ok(_) => tracing::warn!("{} held no token; made a new one", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("{}: {error}; made a new token", path.display()),
    }
    let token = hex(&random::<32>());
    if let Err(error) = write_own(path, format!("{token}\n").as_bytes()) {
        if !private_file::is_unwritable(&error) {
            return Err(error);
        }
        // What is stored can still be read over the socket.
        tracing::warn!("cannot write {}: {error}; no program can use the API", path.display());
    }
    Ok(Secret(token))
}

fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Sessions that cannot be read are over: the person opens a new one.
fn load_sessions(path: &Path, now: UnixMillis) -> Vec<Session> {
    let text = match read_own(path, 64 * 1024) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            tracing::warn!("{}: {error}; browser sessions are over", path.display());
            return Vec::new();
        }
    };
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Session>(line).ok());
    lines.filter(|session| session.expires_at > now).take(MAX_SESSIONS).collect()
}

fn save_sessions(path: &Path, sessions: &[Session]) -> io::Result<()> {
    let mut text = String::new();
    for session in sessions {
        text.push_str(&serde_json::to_string(session)?);
        text.push('\n');
    }
    write_own(path, text.as_bytes())
}

/// Reads a file that is ours alone; one that others may open is an error.
fn read_own(path: &Path, limit: u64) -> io::Result<String> {
    let file = private_file::Open::to_read().open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        return Err(io::Error::other("not a file of this user alone"));
    }
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Replaces the file whole, 0600 whatever the umask.
fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    for place in [path, &fresh] {
        if let Some(moved) = private_file::clear_file(place)? {
            tracing::warn!("{} is now {}: {}", place.display(), moved.to.display(), moved.why);
        }
    }
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_token_is_made_once_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::load(dir.path()).unwrap();
        let token = std::fs::read_to_string(dir.path().join("token")).unwrap();
        assert_eq!(mode(&dir.path().join("token")), 0o600);
        assert!(access.is_token(token.trim().as_bytes()));
        assert!(Access::load(dir.path()).unwrap().is_token(token.trim().as_bytes()));
        for wrong in ["", "x", &token.trim()[..63], &token.trim().to_uppercase()] {
            assert!(!access.is_token(wrong.as_bytes()), "{wrong}");
        }
        assert!(!format!("{access:?}").contains(token.trim()));
    }

    #[test]
    fn a_token_that_others_could_read_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let leaked = "a".repeat(64);
        std::fs::write(&path, &leaked).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!Access::load(dir.path()).unwrap().is_token(leaked.as_bytes()));
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_session_that_cannot_be_written_opens_and_ends_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::load(dir.path()).unwrap();
        let first = access.open_session(&access.mint_code()).unwrap();
        // Root may write anywhere, but not into a directory that is gone.
        let away = dir.path().with_extension("away");
        std::fs::rename(dir.path(), &away).unwrap();
        let second = access.open_session(&access.mint_code()).unwrap();
        std::fs::rename(away, dir.path()).unwrap();
        let id = access.session(&second.cookie).unwrap();
        assert!(access.is_nonce(id, second.nonce.as_bytes()));
        let again = Access::load(dir.path()).unwrap();
        assert!(again.session(&first.cookie).is_some() && again.session(&second.cookie).is_none());

        access.end_session(access.session(&first.cookie).unwrap()).unwrap();
        assert!(Access::load(dir.path()).unwrap().session(&first.cookie).is_none());
        assert!(access.session(&second.cookie).is_some());
    }

    #[test]
    fn what_is_no_file_in_the_tokens_place_neither_opens_nor_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        Access::load(dir.path()).unwrap();
        assert!(std::fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_code_opens_one_session_however_it_is_typed() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::load(dir.path()).unwrap();
        let code = access.mint_code();
        assert_eq!(code.len(), CODE_LENGTH + 2);
        let typed = format!(" {} ", code.to_lowercase().replace('-', " ").replace('0', "o"));
        assert!(access.open_session(&typed).is_some());
        assert!(access.open_session(&code).is_none());
    }

    #[test]
    fn sessions_live_through_a_restart_and_only_hashes_are_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::load(dir.path()).unwrap();
        let opened = access.open_session(&access.mint_code()).unwrap();
        let file = dir.path().join("sessions");
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert!(!text.contains(&opened.cookie) && !text.contains(&opened.nonce));

        let again = Access::load(dir.path()).unwrap();
        let id = again.session(&opened.cookie).unwrap();
        assert!(again.is_nonce(id, opened.nonce.as_bytes()));
        assert!(!again.is_nonce(id, opened.cookie.as_bytes()));
        again.end_session(id).unwrap();
        assert!(again.session(&opened.cookie).is_none());
        assert!(Access::load(dir.path()).unwrap().session(&opened.cookie).is_none());
    }

    #[test]
    fn what_opens_once_dies_of_age_of_use_and_in_other_hands() {
        let now = Instant::now();
        let [mine, yours] = [Some(Hash::of(b"mine")), Some(Hash::of(b"yours"))];
        let secret = Hash::of(b"secret");
        let mut once = Once::default();
        once.add(secret, mine, now + Duration::from_secs(1), 4);
        assert!(!once.take(secret, yours, now));
        assert!(once.take(secret, mine, now));
        assert!(!once.take(secret, mine, now));
        once.add(secret, mine, now + Duration::from_secs(1), 4);
        assert!(!once.take(secret, mine, now + Duration::from_secs(1)));
    }

    #[test]
    fn more_codes_than_the_limit_push_out_the_oldest() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::load(dir.path()).unwrap();
        let codes: Vec<_> = (0..=MAX_CODES).map(|_| access.mint_code()).collect();
        assert!(access.open_session(&codes[0]).is_none());
        assert!(access.open_session(&codes[1]).is_some());
    }
}

//! Who may enter by the HTTP door: the user's token, one-time codes, and browser sessions. Shared by `ipc`, which
//! mints codes for peers whose uid the kernel vouches for, and `http`, which redeems them.

use std::path::Path;

/// Cheap to clone; one per daemon.
#[derive(Clone, Debug)]
pub struct Access {}

impl Access {
    /// Reads the token and the hashes of living sessions below the data directory; makes the token (0600) if there is
    /// none.
    pub fn load(_data_dir: &Path) -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// A one-time code: 60 s, one use.
    pub fn mint_code(&self) -> String {
        unimplemented!()
    }
}

//! Where PowerShell is, and the file that it reads here.

use std::ffi::OsString;

/// In the home of a variant.
pub(super) const PROFILE: &str = "profile.ps1";

/// `BP_PWSH`, else `pwsh` on the search path, as the tests find it.
pub(super) fn program() -> Option<OsString> {
    crate::test::powershell()
}

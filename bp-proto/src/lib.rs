//! What the programs of bp say to each other: the wire types (which are the domain types), the framing of the local
//! socket, the records of the mailbox, the places where all of it is, and a blocking client.
//!
//! Nothing here runs a process, owns a clock or holds state.

pub mod activity;
pub mod actor;
pub mod client;
pub mod counter;
pub mod event;
pub mod frame;
pub mod ignore;
pub mod label;
pub mod live;
pub mod mailbox;
pub mod mask;
pub mod pause;
pub mod place;
pub mod private_file;
pub mod process;
pub mod program;
pub mod report;
pub mod request;
pub mod run;
pub mod sample;
pub mod search;
pub mod spool;
pub mod surroundings;
pub mod time;
#[cfg(test)]
mod wire;

pub use activity::Activity;
pub use actor::{Actor, ActorKind};
pub use event::{Draft, Ending, Finish, ImplausibleTotals, Owner, Start, Totals};
pub use report::{AlertReport, Comparison, Failure, Overhead, Status};
pub use request::Request;
pub use run::{Child, Comment, Context, Git, Implausible, Level, Quality, Rest, Run, RunState, RunStats};
pub use sample::{Point, Sample};
pub use surroundings::Surroundings;
pub use time::UnixMillis;
pub use ulid::Ulid;

/// The environment variable under which a recorded program finds the ULID of the run it belongs to.
pub const RUN_ENV: &str = "BP_RUN";

/// Longest command text that is kept, in bytes; what is longer is cut at a character and its length is kept.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;

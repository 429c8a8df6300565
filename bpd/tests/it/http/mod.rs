//! The HTTP door over real sockets.

mod client;
mod curves;
mod guards;
mod hostile;
mod live;
mod machine;
mod origin;
mod patience;
mod runs;
mod server;
mod session;
mod stages;
